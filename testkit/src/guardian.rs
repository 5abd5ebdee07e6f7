//! A server that cannot outlive the test process that started it.
//!
//! Rust runs no destructor when a test process is killed, and `unsafe` system calls are out of
//! bounds. So every server runs under a small shell, the guardian, which reads a pipe from us: when
//! the pipe ends, for whatever reason, it stops the server and removes the server's directory.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

/// `$1` is the directory, `$2` the signal that stops the server, the rest is its command.
/// The server may also end by itself: then the guardian does, and whoever waits for the server
/// sees that at once.
const SCRIPT: &str = r#"
dir=$1 signal=$2; shift 2
trap '' INT
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{
    while read -r _ <&3; do :; done
    kill -s "$signal" "$server" 2>/dev/null
    tries=0
    while [ $tries -lt 100 ] && kill -0 "$server" 2>/dev/null; do
        sleep 0.1; tries=$((tries + 1))
    done
    kill -s KILL "$server" 2>/dev/null
} &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
cd / && rm -rf "$dir"
exit "$status"
"#;

/// What to run, and how it is stopped.
#[derive(Debug)]
pub(crate) struct Ward<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [String],
    /// The server's own directory: its working directory, removed with it.
    pub(crate) dir: &'a Path,
    /// The signal after which it ends soon and in order.
    pub(crate) signal: &'a str,
    /// The user to run as, when not our own.
    pub(crate) user: Option<User>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub(crate) struct Guardian {
    shell: Child,
    log: PathBuf,
}

impl Guardian {
    pub(crate) fn start(ward: &Ward<'_>) -> std::io::Result<Self> {
        let log = ward.dir.join("server.log");
        let output = File::create(&log)?;
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT, "guardian"])
            .arg(ward.dir)
            .arg(ward.signal)
            .arg(ward.program)
            .args(ward.args)
            .current_dir(ward.dir)
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output);
        if let Some(user) = ward.user {
            shell.uid(user.uid).gid(user.gid);
        }
        let shell = shell.spawn()?;
        Ok(Self { shell, log })
    }

    /// How the server ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().ok().flatten()
    }

    /// The end of what the server said.
    pub(crate) fn last_words(&self) -> String {
        const LINES: usize = 8;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// Keeps the server until the process ends.
    pub(crate) fn keep(self) {
        KEPT.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self);
    }
}

impl Drop for Guardian {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // The guardian's patience is bounded, so this wait is.
        let _ = self.shell.wait();
    }
}

/// Statics are never dropped, so the harness empties this one. Without the harness the end of the
/// process closes the pipes, which does the same a moment later.
static KEPT: Mutex<Vec<Guardian>> = Mutex::new(Vec::new());

pub(crate) fn stop_all() {
    let kept = std::mem::take(&mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner));
    drop(kept);
}
