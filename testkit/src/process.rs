//! A program under test, seen from outside: its lines, its signals, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait_until;

/// A running program. Dropping it kills it, and so does the end of the test process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
    watchdog: Watchdog,
}

/// Which of its two voices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Process {
    /// Starts `command` with nothing to read and both outputs captured.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(command: &mut Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
        let stdout = Lines::read(child.stdout.take());
        let stderr = Lines::read(child.stderr.take());
        match Watchdog::over(&child) {
            Ok(watchdog) => Ok(Self {
                child,
                stdout,
                stderr,
                watchdog,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it said so far on one stream.
    pub fn said(&self, stream: Stream) -> String {
        self.lines(stream).get().join("\n")
    }

    /// The first line that `matches`, said already or within `bound`.
    ///
    /// # Errors
    /// When there is none in time, or the program ended without it; with all it said.
    pub fn wait_for_line(
        &mut self,
        bound: Duration,
        stream: Stream,
        matches: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let mut found = None;
        let mut silent = false;
        let waited = wait_until(bound, || {
            // Asked before looking, so that the last line of a program that ended is still seen.
            silent = self.lines(stream).closed();
            found = self
                .lines(stream)
                .get()
                .iter()
                .find(|line| matches(line))
                .cloned();
            found.is_some() || silent
        });
        let Some(line) = found else {
            let why = if silent {
                "the program ended"
            } else {
                "the time ran out"
            };
            bail!(
                "{why} without the expected line on {stream:?}{}",
                self.report()
            );
        };
        waited?;
        Ok(line)
    }

    /// Its exit status, once it ends by itself.
    ///
    /// # Errors
    /// When it still runs at the end of `bound`.
    pub fn wait_exit(&mut self, bound: Duration) -> Result<ExitStatus> {
        let mut status = None;
        let waited = wait_until(bound, || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        });
        let status = match (waited, status) {
            (Ok(()), Some(status)) => status,
            _ => bail!("still running after {bound:?}{}", self.report()),
        };
        self.reaped();
        Ok(status)
    }

    /// SIGTERM: asks it to end in order.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn terminate(&self) -> Result<()> {
        let kill = format!("kill -s TERM {}", self.pid());
        let status = Command::new("/bin/sh").args(["-c", &kill]).status()?;
        anyhow::ensure!(status.success(), "no process {} to terminate", self.pid());
        Ok(())
    }

    /// SIGKILL, now, as a crash would; returns when it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.reaped();
        Ok(())
    }

    fn reaped(&mut self) {
        self.watchdog.dismiss();
        self.stdout.finish();
        self.stderr.finish();
    }

    fn lines(&self, stream: Stream) -> &Lines {
        match stream {
            Stream::Stdout => &self.stdout,
            Stream::Stderr => &self.stderr,
        }
    }

    fn report(&self) -> String {
        let (stdout, stderr) = (self.said(Stream::Stdout), self.said(Stream::Stderr));
        format!("\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Lines collected by a thread, so that a full pipe never stops the program.
#[derive(Debug)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Lines {
    fn read(stream: Option<impl Read + Send + 'static>) -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&lines);
        let reader = stream.map(|stream| {
            std::thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                let mut line = Vec::new();
                while stream
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|read| read > 0)
                {
                    let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                    into.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(text);
                    line.clear();
                }
            })
        });
        Self { lines, reader }
    }

    fn get(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> bool {
        self.reader.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// A shell that kills the program when our end of a pipe closes without the word that it is gone:
/// that is, when the test process was killed itself.
#[derive(Debug)]
struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    fn over(child: &Child) -> Result<Self> {
        const SCRIPT: &str = r#"trap '' INT; read -r gone || kill -s KILL "$1""#;
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    fn dismiss(&mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            let _ = pipe.write_all(b"gone\n");
            drop(pipe);
            let _ = self.shell.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    fn shell(script: &str) -> Process {
        Process::start(Command::new("/bin/sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn hands_out_the_line_that_was_waited_for() {
        let mut process = shell("echo one; echo two >&2; echo three; read -r _ < /dev/tty");
        let line = process.wait_for_line(BOUND, Stream::Stdout, |line| line.starts_with("th"));
        assert_eq!(line.unwrap(), "three");
        let line = process.wait_for_line(BOUND, Stream::Stderr, |_| true);
        assert_eq!(line.unwrap(), "two");
    }

    #[test]
    fn a_program_that_ends_without_the_line_is_not_waited_for() {
        let mut process = shell("echo taken >&2; exit 3");
        let error = process
            .wait_for_line(BOUND, Stream::Stdout, |_| true)
            .unwrap_err();
        assert!(error.to_string().contains("the program ended"), "{error}");
        assert_eq!(process.wait_exit(BOUND).unwrap().code(), Some(3));
        assert_eq!(process.said(Stream::Stderr), "taken");
    }

    #[test]
    fn sigterm_can_be_answered_and_sigkill_cannot() {
        let script = "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done";
        let up = |line: &str| line == "up";
        let mut process = shell(script);
        process.wait_for_line(BOUND, Stream::Stdout, up).unwrap();
        process.terminate().unwrap();
        assert_eq!(process.wait_exit(BOUND).unwrap().code(), Some(7));
        assert_eq!(process.said(Stream::Stdout), "up\nbye");

        let mut process = shell(script);
        process.wait_for_line(BOUND, Stream::Stdout, up).unwrap();
        process.kill().unwrap();
        assert_eq!(process.said(Stream::Stdout), "up");
    }
}
