//! Two programs that stand in for Stripe: `localstripe` keeps payments and moves them through their
//! states; `stripe-mock` remembers nothing and refuses every request that Stripe's own
//! specification does not allow.

use std::env;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guardian::{Guardian, Ward};
use crate::need::{Missing, Need, Needed};
use crate::{find, free_port, temp_dir, wait_until};

const START_BOUND: Duration = Duration::from_secs(60);
/// A free port can be taken before the server binds it.
const ATTEMPTS: u32 = 5;

/// A running `localstripe`, shared by the tests of one process.
#[derive(Debug)]
pub struct Localstripe {
    url: String,
}

impl Localstripe {
    /// The base address of its API.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Needed for &'static Localstripe {
    fn ready() -> Result<Self, Missing> {
        static SERVER: OnceLock<Result<Localstripe, Missing>> = OnceLock::new();
        let start = || {
            let program = &Program {
                need: Need::Localstripe,
                name: "localstripe",
                named_by: "REMIT_TEST_LOCALSTRIPE_BIN",
                get: "python3 -m venv DIR && DIR/bin/pip install localstripe",
                args: |port| vec!["--from-scratch".into(), "--port".into(), port.to_string()],
            };
            Ok(Localstripe {
                url: program.start()?,
            })
        };
        SERVER.get_or_init(start).as_ref().map_err(Clone::clone)
    }
}

/// A running `stripe-mock`, shared by the tests of one process.
#[derive(Debug)]
pub struct StripeMock {
    url: String,
}

impl StripeMock {
    /// The base address of its API.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Needed for &'static StripeMock {
    fn ready() -> Result<Self, Missing> {
        static SERVER: OnceLock<Result<StripeMock, Missing>> = OnceLock::new();
        let start = || {
            let program = &Program {
                need: Need::StripeMock,
                name: "stripe-mock",
                named_by: "REMIT_TEST_STRIPE_MOCK_BIN",
                get: "go install github.com/stripe/stripe-mock@v0.203.0",
                args: |port| vec!["-http-addr".into(), format!("127.0.0.1:{port}")],
            };
            Ok(StripeMock {
                url: program.start()?,
            })
        };
        SERVER.get_or_init(start).as_ref().map_err(Clone::clone)
    }
}

struct Program {
    need: Need,
    name: &'static str,
    named_by: &'static str,
    get: &'static str,
    args: fn(u16) -> Vec<String>,
}

impl Program {
    fn start(&self) -> Result<String, Missing> {
        let program = self.find().ok_or_else(|| Missing::Absent {
            need: self.need,
            looked: format!(
                "no `{}` in {}, PATH or Go's bin directories; get it by: {}",
                self.name, self.named_by, self.get
            ),
        })?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match self.start_once(&program) {
                Ok(url) => return Ok(url),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| format!("{error:#}")).unwrap_or_default();
        Err(Missing::broken(self.need, why))
    }

    fn start_once(&self, program: &std::path::Path) -> Result<String> {
        let dir = temp_dir()?.keep();
        let port = free_port()?;
        let mut guardian = Guardian::start(&Ward {
            program,
            args: &(self.args)(port),
            dir: &dir,
            // They keep everything in memory.
            signal: "KILL",
            user: None,
        })?;
        let address = format!("127.0.0.1:{port}");
        let ready = || TcpStream::connect(&address).is_ok();
        wait_until(START_BOUND, || guardian.ended().is_some() || ready())
            .with_context(|| format!("it did not become ready: {}", guardian.last_words()))?;
        if let Some(status) = guardian.ended() {
            bail!("it ended on port {port} with {status}");
        }
        guardian.keep();
        Ok(format!("http://{address}"))
    }

    fn find(&self) -> Option<PathBuf> {
        if let Some(file) = find::named_by(self.named_by) {
            return Some(file).filter(|file| find::is_program(file));
        }
        let go_path = env::var_os("GOPATH").map(PathBuf::from);
        let home = env::var_os("HOME").map(PathBuf::from);
        let dirs: Vec<_> = go_path
            .into_iter()
            .chain(home.map(|home| home.join("go")))
            .map(|dir| dir.join("bin"))
            .collect();
        find::program(&[self.name], &dirs)
    }
}
