//! The record of everything that was done to the files of one directory, in order, and what was
//! promised to whom in between.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::mirror::Mirror;
use testkit::wal_index::SharedIndex;

#[derive(Clone, Debug)]
pub(super) enum Op {
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
    /// Something was promised: whatever happens from here on, it must hold.
    Promise(super::work::Promise),
}

/// What goes wrong from a moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no room for another byte.
    Full,
    /// A sync reports an error, and what it should have written may be lost.
    SyncFails,
    /// Only that of the database itself, into which the log is moved.
    DatabaseSyncFails,
    /// A write reports an error.
    WriteFails,
    ReadOnly,
    /// Writes wait until the next fault, or none.
    Held,
}

pub(super) const DATABASE: &str = "engine.db";

pub(super) type FileBytes = BTreeMap<String, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    files: FileBytes,
    log: Vec<Op>,
    fault: Option<Fault>,
    mirror: Option<Mirror>,
    locks: BTreeMap<String, super::files::Locks>,
    indexes: BTreeMap<String, std::sync::Arc<SharedIndex>>,
}

#[derive(Debug)]
pub(super) struct Disk {
    state: Mutex<State>,
    let_go: Condvar,
    synced: bool,
}

impl Disk {
    pub(super) fn new(files: FileBytes) -> Self {
        Self {
            state: Mutex::new(State {
                files,
                ..State::default()
            }),
            let_go: Condvar::new(),
            synced: true,
        }
    }

    /// Whose files are real ones as well.
    pub(super) fn mirrored(mirror: Mirror) -> Self {
        let disk = Self::new(mirror.files());
        disk.state().mirror = Some(mirror);
        disk
    }

    /// How many operations a mirror has seen.
    pub(super) fn done(&self) -> u64 {
        self.state().mirror.as_ref().map_or(0, Mirror::done)
    }

    /// Whose store never syncs.
    pub(super) fn never_synced() -> Self {
        Self {
            synced: false,
            ..Self::new(FileBytes::new())
        }
    }

    pub(super) fn is_synced(&self) -> bool {
        self.synced
    }

    pub(super) fn log(&self) -> Vec<Op> {
        self.state().log.clone()
    }

    pub(super) fn files(&self) -> FileBytes {
        self.state().files.clone()
    }

    pub(super) fn promise(&self, promise: super::work::Promise) {
        self.state().log.push(Op::Promise(promise));
    }

    pub(super) fn break_with(&self, fault: Option<Fault>) {
        self.state().fault = fault;
        self.let_go.notify_all();
    }

    pub(super) fn exists(&self, file: &str) -> bool {
        self.state().files.contains_key(file)
    }

    pub(super) fn create(&self, file: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.files.contains_key(file) {
            state.check(&[Fault::ReadOnly])?;
            state.files.insert(file.to_owned(), Vec::new());
            if let Some(mirror) = &mut state.mirror {
                mirror.create(file);
            }
        }
        Ok(())
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.state().fault == Some(Fault::ReadOnly)
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

    pub(super) fn write(&self, file: &str, at: usize, bytes: &[u8]) -> io::Result<()> {
        let is_held = |state: &mut State| state.fault == Some(Fault::Held);
        let mut state = self
            .let_go
            .wait_while(self.state(), is_held)
            .unwrap_or_else(PoisonError::into_inner);
        state.check(&[Fault::ReadOnly, Fault::WriteFails])?;
        if state.fault == Some(Fault::Full) {
            // Half of it still fits, as on a real disk.
            let fits = &bytes[..bytes.len() / 2];
            state.apply(Op::Write {
                file: file.to_owned(),
                at,
                bytes: fits.to_vec(),
            });
            // What SQLite's own file system says is "full", this crate hears as "wrote nothing".
            return Err(io::ErrorKind::WriteZero.into());
        }
        state.apply(Op::Write {
            file: file.to_owned(),
            at,
            bytes: bytes.to_vec(),
        });
        Ok(())
    }

    pub(super) fn set_len(&self, file: &str, len: usize) -> io::Result<()> {
        let mut state = self.state();
        state.check(&[Fault::ReadOnly, Fault::WriteFails])?;
        state.apply(Op::SetLen {
            file: file.to_owned(),
            len,
        });
        Ok(())
    }

    pub(super) fn sync(&self, file: &str) -> io::Result<()> {
        let mut state = self.state();
        state.check(&[Fault::SyncFails])?;
        if file == DATABASE {
            state.check(&[Fault::DatabaseSyncFails])?;
        }
        state.apply(Op::Sync {
            file: file.to_owned(),
        });
        Ok(())
    }

    pub(super) fn sync_directory(&self) {
        self.state().log.push(Op::SyncDirectory);
    }

    pub(super) fn delete(&self, file: &str) -> io::Result<()> {
        let mut state = self.state();
        state.check(&[Fault::ReadOnly])?;
        if !state.files.contains_key(file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.apply(Op::Delete {
            file: file.to_owned(),
        });
        Ok(())
    }

    pub(super) fn with_locks<T>(
        &self,
        file: &str,
        with: impl FnOnce(&mut super::files::Locks) -> T,
    ) -> T {
        with(self.state().locks.entry(file.to_owned()).or_default())
    }

    pub(super) fn index(&self, file: &str) -> std::sync::Arc<SharedIndex> {
        let mut state = self.state();
        std::sync::Arc::clone(state.indexes.entry(file.to_owned()).or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self, fatal: &[Fault]) -> io::Result<()> {
        match self.fault {
            Some(fault) if fatal.contains(&fault) => {
                Err(io::Error::other(format!("simulated: {fault:?}")))
            }
            _ => Ok(()),
        }
    }

    fn apply(&mut self, op: Op) {
        if let Some(mirror) = &mut self.mirror {
            mirror.take(&op);
        }
        apply(&mut self.files, &op);
        self.log.push(op);
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
        Op::Sync { .. } | Op::SyncDirectory | Op::Promise(_) => {}
    }
}
