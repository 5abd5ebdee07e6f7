//! One owner per store: a lock on a file beside it, held as long as the engine lives. The kernel
//! releases it when the process dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) struct OwnerLock {
    file: File,
}

#[derive(Debug)]
pub(crate) enum LockError {
    Taken,
    Io(io::Error),
}

impl OwnerLock {
    pub(crate) fn take(store: &Path) -> Result<Self, LockError> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path_beside(store))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken),
            Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
        }
    }
}

/// Said, and not left to the closing of the file: a process that is just being started has a copy of
/// every open file for a moment, and would hold the store for as long.
impl Drop for OwnerLock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the lock on the store goes with the file only");
        }
    }
}

fn path_beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("engine.db");
        let first = OwnerLock::take(&store).unwrap();
        assert!(matches!(OwnerLock::take(&store), Err(LockError::Taken)));
        drop(first);
        assert!(OwnerLock::take(&store).is_ok());
    }

    #[test]
    fn a_copy_of_the_file_in_a_process_that_begins_does_not_hold_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("engine.db");
        let first = OwnerLock::take(&store).unwrap();
        let _copy = first.file.try_clone().unwrap();
        drop(first);
        assert!(OwnerLock::take(&store).is_ok());
    }
}
