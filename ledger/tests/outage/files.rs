//! The simulated disk as SQLite sees it: files, and locks between connections.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenKind, OpenOptions, Vfs};

use super::disk::{Disk, Op, locate};
use testkit::wal_index::Index;

#[derive(Debug)]
pub(crate) struct Files;

/// Which connection holds a file how, by the number of its handle.
pub(crate) type Locks = BTreeMap<u64, LockKind>;

#[derive(Debug)]
pub(crate) struct Handle {
    disk: Arc<Disk>,
    file: String,
    number: u64,
    /// A log or journal that may be new: SQLite makes its name durable with its first sync.
    sync_directory: bool,
}

fn not_here() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "no simulated disk is attached here",
    )
}

fn size(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(io::Error::other)
}

impl Vfs for Files {
    type Handle = Handle;

    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Handle> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let (disk, file) = locate(path).ok_or_else(not_here)?;
        match options.access {
            OpenAccess::Create | OpenAccess::CreateNew => disk.create(&file),
            OpenAccess::Read | OpenAccess::Write if !disk.exists(&file) => {
                return Err(io::ErrorKind::NotFound.into());
            }
            OpenAccess::Read | OpenAccess::Write => {}
        }
        Ok(Handle {
            disk,
            file,
            number: LAST.fetch_add(1, Ordering::Relaxed),
            sync_directory: matches!(options.kind, OpenKind::MainJournal | OpenKind::Wal),
        })
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        let (disk, file) = locate(path).ok_or_else(not_here)?;
        if !disk.exists(&file) {
            return Err(io::ErrorKind::NotFound.into());
        }
        disk.apply(Op::Delete { file });
        Ok(())
    }

    fn exists(&self, path: &str) -> io::Result<bool> {
        Ok(locate(path).is_some_and(|(disk, file)| disk.exists(&file)))
    }

    fn temporary_name(&self) -> String {
        "/nowhere/temporary".to_owned()
    }

    fn random(&self, buffer: &mut [i8]) {
        static LAST: AtomicU64 = AtomicU64::new(1);
        for byte in buffer {
            *byte = (super::both::chance::mix(LAST.fetch_add(1, Ordering::Relaxed)) & 0x7f) as i8;
        }
    }

    fn sleep(&self, duration: Duration) -> Duration {
        // SQLite waits for a lock of another thread.
        std::thread::park_timeout(duration);
        duration
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = Index;

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.len(&self.file) as u64)
    }

    fn read_exact_at(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.disk.read(&self.file, size(offset)?, buffer)
    }

    fn write_all_at(&mut self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.disk.apply(Op::Write {
            file: self.file.clone(),
            at: size(offset)?,
            bytes: buffer.to_vec(),
        });
        Ok(())
    }

    fn sync(&mut self, _data_only: bool) -> io::Result<()> {
        self.disk.sync(&self.file);
        if std::mem::take(&mut self.sync_directory) {
            self.disk.apply(Op::SyncDirectory);
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.disk.apply(Op::SetLen {
            file: self.file.clone(),
            len: size(len)?,
        });
        Ok(())
    }

    fn lock(&mut self, wanted: LockKind) -> io::Result<bool> {
        Ok(self.disk.with_locks(&self.file, |locks| {
            let others = || locks.iter().filter(|(holder, _)| **holder != self.number);
            let free = match wanted {
                LockKind::None => true,
                LockKind::Shared => !others().any(|(_, held)| *held >= LockKind::Pending),
                LockKind::Reserved | LockKind::Pending => {
                    !others().any(|(_, held)| *held >= LockKind::Reserved)
                }
                LockKind::Exclusive => !others().any(|(_, held)| *held >= LockKind::Shared),
            };
            if free {
                locks.insert(self.number, wanted);
            }
            free
        }))
    }

    fn reserved(&mut self) -> io::Result<bool> {
        Ok(self.disk.with_locks(&self.file, |locks| {
            locks.values().any(|held| *held >= LockKind::Reserved)
        }))
    }

    fn current_lock(&self) -> io::Result<LockKind> {
        Ok(self.disk.with_locks(&self.file, |locks| {
            locks.get(&self.number).copied().unwrap_or(LockKind::None)
        }))
    }

    fn wal_index(&self, _readonly: bool) -> io::Result<Index> {
        Ok(Index::new(self.disk.index(&self.file), self.number))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.disk
            .with_locks(&self.file, |locks| locks.remove(&self.number));
    }
}
