//! What the engine makes of a machine that fails, in tests: a simulated disk under SQLite that
//! records every write and sync, and can then show what may be left of it after a power cut at any
//! of them, or refuse a write or a sync while the engine runs.
//!
//! `disk` is the record, `image` what may be left, `files` and `index` the file system that SQLite
//! sees, `work` the load, `judge` what must hold afterwards. `killed` does it to real processes, on
//! a disk that `mirror` keeps in real files. Nothing of it is in the program.

mod disk;
mod faults;
mod files;
mod image;
mod judge;
mod killed;
mod memory;
mod mirror;
mod power;
mod work;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use disk::Disk;
pub(crate) use image::Chance;
use tempfile::TempDir;

const VFS: &str = "simulated";

/// Which directories are simulated. SQLite knows file systems by name for the whole process, and
/// never forgets one.
fn attached() -> MutexGuard<'static, HashMap<String, Arc<Disk>>> {
    static ATTACHED: OnceLock<Mutex<HashMap<String, Arc<Disk>>>> = OnceLock::new();
    let attached = ATTACHED.get_or_init(|| {
        sqlite_vfs::register(VFS, files::Files, false).unwrap();
        Mutex::default()
    });
    attached.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A disk at a path of its own, for as long as this lives.
struct Attached {
    directory: PathBuf,
    disk: Arc<Disk>,
    /// Gone with it.
    _own: Option<TempDir>,
}

impl Attached {
    fn new(disk: Disk) -> Self {
        let own = tempfile::tempdir().unwrap();
        Self::put(own.path().to_owned(), Some(own), disk)
    }

    /// At a path that somebody else made.
    fn at(directory: PathBuf, disk: Disk) -> Self {
        Self::put(directory, None, disk)
    }

    fn put(directory: PathBuf, own: Option<TempDir>, disk: Disk) -> Self {
        let disk = Arc::new(disk);
        attached().insert(directory.display().to_string(), Arc::clone(&disk));
        Self {
            directory,
            disk,
            _own: own,
        }
    }

    fn database(&self) -> PathBuf {
        self.directory.join(disk::DATABASE)
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        attached().remove(&self.directory.display().to_string());
    }
}

/// The disk a file is on, and the file's name there.
fn locate(path: &str) -> Option<(Arc<Disk>, String)> {
    let (directory, name) = path.rsplit_once('/')?;
    let disk = attached().get(directory).cloned()?;
    Some((disk, name.to_owned()))
}

/// The file system for a store at this path, when it is a simulated one.
pub(crate) fn file_system(path: &Path) -> Option<&'static str> {
    locate(&path.display().to_string()).map(|_| VFS)
}

/// How the store at this path syncs: only to show that its absence would be noticed.
pub(crate) fn synchronous(path: &Path) -> Option<&'static str> {
    let (disk, _) = locate(&path.display().to_string())?;
    (!disk.is_synced()).then_some("OFF")
}
