//! A machine that fails: a small disk of one's own, and system calls that report errors.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::need::{Missing, Need, Needed};
use crate::process::{Process, Stream};
use crate::temp_dir;

const BOUND: Duration = Duration::from_secs(60);

/// The right to mount a disk that nobody else sees: root has it, and so have others where the
/// kernel lets them be root among themselves.
#[derive(Clone, Copy, Debug)]
pub struct SmallDisks {
    as_root_of_its_own: bool,
}

/// A disk in memory, below an ordinary directory, for the programs that are started on it. It is
/// gone when this is dropped and the last of them has ended.
#[derive(Debug)]
pub struct SmallDisk {
    kind: SmallDisks,
    holder: Process,
    directory: tempfile::TempDir,
}

impl Needed for SmallDisks {
    fn ready() -> Result<Self, Missing> {
        static FOUND: OnceLock<Option<SmallDisks>> = OnceLock::new();
        let find = || {
            let kinds = [false, true].map(|as_root_of_its_own| Self { as_root_of_its_own });
            kinds.into_iter().find(|kind| kind.disk(64).is_ok())
        };
        FOUND.get_or_init(find).ok_or_else(|| Missing::Absent {
            need: Need::SmallDisk,
            looked: "nobody may mount here, by `unshare --mount`".to_owned(),
        })
    }
}

impl SmallDisks {
    /// # Errors
    /// When it cannot be mounted.
    pub fn disk(self, kilobytes: u32) -> Result<SmallDisk> {
        const HOLD: &str =
            r#"mount -t tmpfs -o "size=$2k" small "$1" && echo mounted && exec sleep infinity"#;
        let directory = temp_dir()?;
        let mut command = Command::new("unshare");
        command.arg("--mount");
        if self.as_root_of_its_own {
            command.arg("--map-root-user");
        }
        command.args(["sh", "-c", HOLD, "holder"]);
        command.arg(directory.path()).arg(kilobytes.to_string());
        let mut holder = Process::start(&mut command)?;
        holder.wait_for_line(BOUND, Stream::Stdout, |line| line == "mounted")?;
        Ok(SmallDisk {
            kind: self,
            holder,
            directory,
        })
    }
}

impl SmallDisk {
    /// Where it is, for the programs that are started on it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command that is run where the disk is seen.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.pid().to_string(), "--mount"]);
        if self.kind.as_root_of_its_own {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// Takes all the room that is left.
    ///
    /// # Errors
    /// When the disk cannot be reached.
    pub fn fill(&self) -> Result<()> {
        // It ends with the complaint that there is no more room.
        let mut fill = self.command("dd");
        fill.args(["if=/dev/zero", "bs=4k"]);
        fill.arg(format!("of={}", self.filler().display()));
        let output = fill.output()?;
        ensure!(!output.status.success(), "the disk has no end");
        Ok(())
    }

    /// Gives back what [`SmallDisk::fill`] took.
    ///
    /// # Errors
    /// When the disk cannot be reached.
    pub fn make_room(&self) -> Result<()> {
        run(self.command("rm").arg(self.filler()))
    }

    /// Mounts it again with other options: `size=8m`, `ro`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn remount(&self, options: &str) -> Result<()> {
        let mut remount = self.command("mount");
        remount.args(["-o", &format!("remount,{options}")]);
        run(remount.arg(self.path()))
    }

    fn filler(&self) -> std::path::PathBuf {
        self.path().join("filler")
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}

/// `strace`, and the right to look into other processes: makes their system calls fail.
#[derive(Clone, Copy, Debug)]
pub struct FailingCalls(());

impl Needed for FailingCalls {
    fn ready() -> Result<Self, Missing> {
        static FOUND: OnceLock<bool> = OnceLock::new();
        let try_it = || {
            let mut sleeper = Process::start(Command::new("sleep").arg("infinity"))?;
            Self(()).inject(sleeper.pid(), "fsync", "error=EIO", None)?;
            sleeper.kill()
        };
        match *FOUND.get_or_init(|| try_it().is_ok()) {
            true => Ok(Self(())),
            false => Err(Missing::Absent {
                need: Need::Strace,
                looked: "`strace` on the PATH, attached to a process of ours".to_owned(),
            }),
        }
    }
}

impl FailingCalls {
    /// From here on these system calls of the process do what `how` says, as in `error=EIO`, until
    /// the answer is dropped or the process ends; of one file alone, if it is given.
    ///
    /// # Errors
    /// When the process cannot be reached.
    pub fn inject(self, pid: u32, calls: &str, how: &str, file: Option<&Path>) -> Result<Process> {
        let mut command = Command::new("strace");
        command.args(["-f", "-o", "/dev/null", "-p", &pid.to_string()]);
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:{how}")]);
        if let Some(file) = file {
            command.arg("-P").arg(file);
        }
        let mut strace = Process::start(&mut command)?;
        strace.wait_for_line(BOUND, Stream::Stderr, |line| line.contains("attached"))?;
        Ok(strace)
    }
}
