//! A browser that shows a page once and ends.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use crate::need::{Missing, Need, Needed};
use crate::{find, temp_dir};

/// The installed browser. Every look is a process of its own with an empty profile.
#[derive(Debug)]
pub struct Chromium {
    program: PathBuf,
    timeout: PathBuf,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub width: u32,
    pub height: u32,
    /// Whether the reader prefers dark colours.
    pub dark: bool,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            width: 1280,
            height: 900,
            dark: false,
        }
    }
}

/// The browser of this machine.
///
/// # Errors
/// When there is none.
pub fn chromium() -> Result<&'static Chromium, Missing> {
    static BROWSER: OnceLock<Result<Chromium, Missing>> = OnceLock::new();
    BROWSER.get_or_init(find).as_ref().map_err(Clone::clone)
}

impl Needed for &'static Chromium {
    fn ready() -> Result<Self, Missing> {
        chromium()
    }
}

impl Chromium {
    /// The page's document after its scripts have run, as HTML.
    ///
    /// # Errors
    /// When the browser fails or takes too long.
    pub fn dump_dom(&self, url: &str) -> Result<String> {
        let dom = self.look(["--dump-dom".into(), url.into()])?;
        String::from_utf8(dom).context("the document is not UTF-8")
    }

    /// A picture (PNG) of the page at 1280 × 900.
    ///
    /// # Errors
    /// When the browser fails, takes too long, or writes no picture.
    pub fn screenshot(&self, url: &str, to: &Path) -> Result<()> {
        self.screenshot_in(url, to, Window::default())
    }

    /// A picture (PNG) of the page in a window of another size, or in the dark. No window is
    /// narrower than 500: what must look narrower sits in a frame.
    ///
    /// # Errors
    /// When the browser fails, takes too long, or writes no picture.
    pub fn screenshot_in(&self, url: &str, to: &Path, window: Window) -> Result<()> {
        let mut screenshot = OsString::from("--screenshot=");
        screenshot.push(to);
        let size = format!("--window-size={},{}", window.width, window.height).into();
        let bars = "--hide-scrollbars".into();
        if window.dark {
            self.look([
                screenshot,
                bars,
                size,
                "--force-dark-mode".into(),
                url.into(),
            ])?;
        } else {
            self.look([screenshot, bars, size, url.into()])?;
        }
        ensure!(to.is_file(), "the browser wrote no {}", to.display());
        Ok(())
    }

    fn look<const N: usize>(&self, args: [OsString; N]) -> Result<Vec<u8>> {
        let profile = temp_dir()?;
        let mut user_data_dir = OsString::from("--user-data-dir=");
        user_data_dir.push(profile.path());
        // `timeout` ends the whole family of processes that a browser is, and does so too when
        // the test process is gone.
        let output = Command::new(&self.timeout)
            .args(["--kill-after=5", BOUND_SECONDS])
            .arg(&self.program)
            .args(FLAGS)
            .arg(user_data_dir)
            .args(args)
            .env("HOME", profile.path())
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the browser ended with {} (124: after {BOUND_SECONDS} s): {said}",
            output.status
        );
        Ok(output.stdout)
    }
}

const BOUND_SECONDS: &str = "60";

/// No sandbox, because root (the user of most containers) cannot have one, and only pages of our
/// own are looked at. The rest keeps the browser from calling home.
const FLAGS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

fn find() -> Result<Chromium, Missing> {
    const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
    let absent = |looked: &str| Missing::Absent {
        need: Need::Chromium,
        looked: looked.to_owned(),
    };
    let program = match find::named_by("REMIT_TEST_CHROMIUM_BIN") {
        Some(file) => Some(file).filter(|file| find::is_program(file)),
        None => find::program(&NAMES, &[]),
    };
    let program =
        program.ok_or_else(|| absent("no chromium in REMIT_TEST_CHROMIUM_BIN or PATH"))?;
    let timeout = find::program(&["timeout"], &[])
        .ok_or_else(|| absent("no `timeout` of the coreutils in PATH"))?;
    Ok(Chromium { program, timeout })
}
