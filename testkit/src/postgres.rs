//! A throw-away PostgreSQL server from the binaries that the machine has.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::guardian::{Guardian, User, Ward};
use crate::need::{Missing, Need, Needed};
use crate::{find, free_port, temp_dir, wait_until};

/// A running server, shared by the tests of one process. It syncs to disk like a real one.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    dir: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// The server of this process, started by the first who asks.
///
/// # Errors
/// When the machine has no PostgreSQL, or it does not start.
pub fn postgres() -> Result<&'static Postgres, Missing> {
    static SERVER: OnceLock<Result<Postgres, Missing>> = OnceLock::new();
    let kept = || {
        let (server, guardian) = start(Life::Once)?;
        guardian.keep();
        Ok(server)
    };
    SERVER.get_or_init(kept).as_ref().map_err(Clone::clone)
}

impl Needed for &'static Postgres {
    fn ready() -> Result<Self, Missing> {
        postgres()
    }
}

impl Postgres {
    /// The address of a new, empty database that no other test uses.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn fresh_database(&self) -> Result<String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut createdb = Command::new(self.bin.join("createdb"));
        // Through the socket in the server's own directory: this can be no other server.
        createdb.arg("--host").arg(&self.dir);
        createdb.args(["--port", &self.port.to_string(), "--username", USER, &name]);
        run(&mut createdb)?;
        Ok(format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port))
    }
}

/// A server of one test's own, which may fall over and stands up again by itself, as under a
/// service manager. Dropping it stops it.
#[derive(Debug)]
pub struct FallingPostgres {
    server: Postgres,
    _guardian: Guardian,
}

impl Needed for FallingPostgres {
    fn ready() -> Result<Self, Missing> {
        let (server, guardian) = start(Life::Again)?;
        Ok(Self {
            server,
            _guardian: guardian,
        })
    }
}

impl FallingPostgres {
    /// # Errors
    /// When the server refuses.
    pub fn fresh_database(&self) -> Result<String> {
        self.server.fresh_database()
    }

    /// An "immediate" stop: every backend ends at once and nothing is written; the next start
    /// recovers from the log. Returns as soon as the signal is sent.
    ///
    /// # Errors
    /// When there is no server at this moment: it is between a fall and the next start.
    pub fn fall(&self) -> Result<()> {
        let kill = format!("kill -s QUIT {}", self.pid()?);
        run(Command::new("/bin/sh").args(["-c", &kill]))
    }

    /// Which process serves at this moment, or is about to.
    ///
    /// # Errors
    /// When none does.
    pub fn pid(&self) -> Result<u32> {
        let lock = fs::read_to_string(self.server.dir.join("data/postmaster.pid"))?;
        let pid = lock.lines().next().context("the lock file is empty")?;
        Ok(pid.parse()?)
    }
}

/// The database role. The server trusts whoever connects from this machine: it holds test data,
/// and hashing passwords in debug builds would cost each connection a noticeable while.
const USER: &str = "remit";
const START_BOUND: Duration = Duration::from_secs(60);
/// A free port can be taken before the server binds it.
const ATTEMPTS: u32 = 5;

/// What follows the server's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Once,
    Again,
}

/// Starts the server whenever it ended, until it is told to stop. Told by TERM: a shell in the
/// background cannot hear QUIT.
const AGAIN: &str = r#"
trap 'over=1; kill -s QUIT "$server" 2>/dev/null' TERM
while [ -z "$over" ]; do
    "$@" &
    server=$!
    [ -z "$over" ] || kill -s QUIT "$server"
    wait "$server"
    [ -n "$over" ] || sleep 0.05
done
wait "$server"
"#;

fn start(life: Life) -> Result<(Postgres, Guardian), Missing> {
    let bin = find_bin().ok_or_else(|| Missing::Absent {
        need: Need::Postgres,
        looked: "no initdb in REMIT_TEST_POSTGRES_BIN, /usr/lib/postgresql/*/bin or PATH".into(),
    })?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match start_once(&bin, life) {
            Ok(server) => return Ok(server),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map(|error| format!("{error:#}")).unwrap_or_default();
    Err(Missing::broken(Need::Postgres, why))
}

fn start_once(bin: &Path, life: Life) -> Result<(Postgres, Guardian)> {
    // From here on the guardian removes the directory, as the user who owns what is in it.
    let scratch = temp_dir()?;
    let user = server_user(scratch.path())?;
    if let Some(User { uid, gid }) = user {
        std::os::unix::fs::chown(scratch.path(), Some(uid), Some(gid))?;
    }
    let dir = scratch.path().to_owned();
    let data = dir.join("data");
    let mut initdb = Command::new(bin.join("initdb"));
    initdb.arg("--pgdata").arg(&data).current_dir(&dir);
    // Only the making of the files is not synced; the server then runs with fsync on.
    initdb.args(["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
    initdb.args(["--username", USER]);
    become_user(&mut initdb, user);
    run(&mut initdb)?;

    let port = free_port()?;
    let args = [
        "-D".to_owned(),
        data.display().to_string(),
        "-k".to_owned(),
        dir.display().to_string(),
        "-p".to_owned(),
        port.to_string(),
        "-c".to_owned(),
        "listen_addresses=127.0.0.1".to_owned(),
        "-c".to_owned(),
        "max_connections=300".to_owned(),
    ];
    let program = bin.join("postgres");
    let (program, args, signal) = match life {
        // "Immediate shutdown": nobody will read these files again.
        Life::Once => (program, args.to_vec(), "QUIT"),
        Life::Again => {
            let mut words = vec!["-c".to_owned(), AGAIN.to_owned(), "again".to_owned()];
            words.push(program.display().to_string());
            words.extend(args);
            (PathBuf::from("/bin/sh"), words, "TERM")
        }
    };
    let mut guardian = Guardian::start(&Ward {
        program: &program,
        args: &args,
        dir: &dir,
        signal,
        user,
    })?;
    let _ = scratch.keep();
    // The server writes "ready" into its own lock file, so no stranger on that port can fool us.
    let lock = data.join("postmaster.pid");
    let ready = || fs::read_to_string(&lock).is_ok_and(|text| text.contains("ready"));
    wait_until(START_BOUND, || ready() || guardian.ended().is_some())
        .with_context(|| format!("the server did not become ready: {}", guardian.last_words()))?;
    if let Some(status) = guardian.ended() {
        bail!("the server on port {port} ended with {status}");
    }
    let (bin, databases) = (bin.to_owned(), AtomicU32::new(1));
    let server = Postgres {
        bin,
        dir,
        port,
        databases,
    };
    Ok((server, guardian))
}

/// The directory with the newest installed server.
fn find_bin() -> Option<PathBuf> {
    if let Some(dir) = find::named_by("REMIT_TEST_POSTGRES_BIN") {
        return Some(dir).filter(|dir| find::is_program(&dir.join("initdb")));
    }
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    versions.sort_by_key(|dir| {
        let version = dir
            .file_name()
            .and_then(|name| name.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    let dirs: Vec<_> = versions.iter().map(|dir| dir.join("bin")).collect();
    Some(find::program(&["initdb"], &dirs)?.parent()?.to_owned())
}

/// PostgreSQL refuses to run as root. Whose we are is told by a directory that we just made.
fn server_user(ours: &Path) -> Result<Option<User>> {
    if fs::metadata(ours)?.uid() != 0 {
        return Ok(None);
    }
    let passwd = fs::read_to_string("/etc/passwd")?;
    let user = ["postgres", "nobody"]
        .iter()
        .find_map(|name| lookup(&passwd, name));
    user.map(Some)
        .context("root needs a user `postgres` or `nobody` to run the server as")
}

fn lookup(passwd: &str, name: &str) -> Option<User> {
    let mut fields = passwd.lines().map(|line| line.split(':'));
    let mut entry = fields.find(|entry| entry.clone().next() == Some(name))?;
    let (uid, gid) = (entry.nth(2)?.parse().ok()?, entry.next()?.parse().ok()?);
    Some(User { uid, gid })
}

fn become_user(command: &mut Command, user: Option<User>) {
    use std::os::unix::process::CommandExt;
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, said.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_user_and_group_of_a_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104::/var/lib:/bin/sh\n";
        let user = lookup(passwd, "postgres").unwrap();
        assert_eq!((user.uid, user.gid), (101, 104));
        assert!(lookup(passwd, "post").is_none());
    }
}
