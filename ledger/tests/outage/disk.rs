//! The record of everything that was done to the files of one directory, in order, and what was
//! acknowledged to whom in between. Found by its directory, as SQLite names files by their path.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use testkit::TempDir;

use super::files::{Files, Locks};
use testkit::wal_index::SharedIndex;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Write {
        file: String,
        at: usize,
        bytes: Vec<u8>,
    },
    SetLen {
        file: String,
        len: usize,
    },
    Sync {
        file: String,
    },
    Delete {
        file: String,
    },
    /// Names that came and went are on the disk now.
    SyncDirectory,
    /// The caller with this number was answered: whatever happens from here on, that must hold.
    Acknowledged(usize),
}

pub(crate) type FileBytes = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    files: FileBytes,
    log: Vec<Op>,
    locks: BTreeMap<String, Locks>,
    indexes: BTreeMap<String, Arc<SharedIndex>>,
}

#[derive(Debug)]
pub(crate) struct Disk {
    state: Mutex<State>,
    /// A disk that says it has synced and has not.
    lies: bool,
    directory: TempDir,
}

/// Which directories are simulated. SQLite knows file systems for the whole process, and never
/// forgets one; it is its default here, so that the program under test needs no word of it.
fn attached() -> MutexGuard<'static, HashMap<String, Arc<Disk>>> {
    static ATTACHED: OnceLock<Mutex<HashMap<String, Arc<Disk>>>> = OnceLock::new();
    let attached = ATTACHED.get_or_init(|| {
        sqlite_vfs::register("simulated", Files, true).unwrap();
        Mutex::default()
    });
    attached.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The disk a file is on, and the file's name there.
pub(super) fn locate(path: &str) -> Option<(Arc<Disk>, String)> {
    let (directory, name) = path.rsplit_once('/')?;
    let disk = attached().get(directory).cloned()?;
    Some((disk, name.to_owned()))
}

impl Disk {
    pub(crate) fn attach(files: FileBytes, lies: bool) -> Arc<Self> {
        let disk = Arc::new(Self {
            state: Mutex::new(State {
                files,
                ..State::default()
            }),
            lies,
            directory: testkit::temp_dir().unwrap(),
        });
        attached().insert(disk.directory(), Arc::clone(&disk));
        disk
    }

    pub(crate) fn detach(&self) {
        attached().remove(&self.directory());
    }

    pub(crate) fn directory(&self) -> String {
        self.directory.path().display().to_string()
    }

    pub(crate) fn log(&self) -> Vec<Op> {
        self.state().log.clone()
    }

    pub(crate) fn acknowledged(&self, number: usize) {
        self.state().log.push(Op::Acknowledged(number));
    }

    pub(super) fn exists(&self, file: &str) -> bool {
        self.state().files.contains_key(file)
    }

    pub(super) fn create(&self, file: &str) {
        self.state().files.entry(file.to_owned()).or_default();
    }

    pub(super) fn len(&self, file: &str) -> usize {
        self.state().files.get(file).map_or(0, Vec::len)
    }

    pub(super) fn read(&self, file: &str, at: usize, into: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let bytes = state.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        let range = bytes
            .get(at..)
            .map(|rest| &rest[..rest.len().min(into.len())]);
        let found = range.unwrap_or_default();
        into[..found.len()].copy_from_slice(found);
        match found.len() == into.len() {
            true => Ok(()),
            false => {
                into[found.len()..].fill(0);
                Err(io::ErrorKind::UnexpectedEof.into())
            }
        }
    }

    /// Does it to the files, and remembers it.
    pub(super) fn apply(&self, op: Op) {
        let mut state = self.state();
        apply(&mut state.files, &op);
        state.log.push(op);
    }

    pub(super) fn sync(&self, file: &str) {
        if !self.lies {
            self.apply(Op::Sync {
                file: file.to_owned(),
            });
        }
    }

    pub(super) fn with_locks<T>(&self, file: &str, with: impl FnOnce(&mut Locks) -> T) -> T {
        with(self.state().locks.entry(file.to_owned()).or_default())
    }

    pub(super) fn index(&self, file: &str) -> Arc<SharedIndex> {
        let mut state = self.state();
        Arc::clone(state.indexes.entry(file.to_owned()).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an operation does to the files.
pub(super) fn apply(files: &mut FileBytes, op: &Op) {
    match op {
        Op::Write { file, at, bytes } => {
            let into = files.entry(file.clone()).or_default();
            let end = at + bytes.len();
            if into.len() < end {
                into.resize(end, 0);
            }
            into[*at..end].copy_from_slice(bytes);
        }
        Op::SetLen { file, len } => files.entry(file.clone()).or_default().resize(*len, 0),
        Op::Delete { file } => {
            files.remove(file);
        }
        Op::Sync { .. } | Op::SyncDirectory | Op::Acknowledged(_) => {}
    }
}
