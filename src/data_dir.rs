//! The data directory: one owner at a time, one format, looked at before anything is written.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use domain::Code;

use crate::failure::Failure;

/// Raised when what lies in the directory changes its meaning. Databases inside have versions of
/// their own.
const FORMAT: u32 = 1;

/// Held for as long as the process may write there; the lock goes with it.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Looks without writing: is it ours to open, in a format we know, and does nobody else use it?
    pub(crate) fn check(path: &Path) -> Result<(), Failure> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unusable(path, &error)),
            Ok(found) if !found.is_dir() => {
                return Err(unusable(
                    path,
                    &std::io::Error::from(ErrorKind::NotADirectory),
                ));
            }
            Ok(_) => {}
        }
        let foreign = foreign_file(path).map_err(|error| unusable(path, &error))?;
        match File::open(path.join("lock")) {
            Ok(lock) => try_lock(path, &lock)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(path, &error)),
        }
        match (known_format(path)?, foreign) {
            (None, Some(foreign)) => Err(Failure::new(
                Code::DataDirUnusable,
                format!(
                    "the directory {} holds {foreign:?} and is not a data directory; choose an \
                     empty or a new one with --data-dir",
                    path.display()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Creates what is missing and takes the lock.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::check(path)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| unusable(path, &error))?;
        let path = path
            .canonicalize()
            .map_err(|error| unusable(path, &error))?;
        let lock = private_file(&path.join("lock")).map_err(|error| unusable(&path, &error))?;
        try_lock(&path, &lock)?;
        if known_format(&path)?.is_none() {
            // It may have been made by somebody who did not think of what will lie in it. A volume
            // that another user owns keeps the permissions which that user chose.
            match std::fs::set_permissions(&path, Permissions::from_mode(0o700)) {
                Err(error) if error.kind() != ErrorKind::PermissionDenied => {
                    return Err(unusable(&path, &error));
                }
                _ => {}
            }
            write_whole(&path.join("FORMAT"), &format!("{FORMAT}\n"))
                .map_err(|error| unusable(&path, &error))?;
        }
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a file for the owner's eyes only, whole or not at all.
pub(crate) fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    // A leftover of an interrupted start may have other permissions.
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    path.parent()
        .map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn try_lock(path: &Path, lock: &File) -> Result<(), Failure> {
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => Failure::new(
            Code::DataDirLocked,
            format!(
                "another process uses the data directory {}; stop it, or choose another with \
                 --data-dir",
                path.display()
            ),
        ),
        TryLockError::Error(error) => unusable(path, &error),
    })
}

/// Something that an interrupted first start cannot have left behind.
fn foreign_file(path: &Path) -> std::io::Result<Option<String>> {
    for entry in std::fs::read_dir(path)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // A fresh file system has a `lost+found` of its own.
        if !["lock", "FORMAT.new", "lost+found"].contains(&name.as_str()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The format found; none in a directory that has not been used yet.
fn known_format(path: &Path) -> Result<Option<u32>, Failure> {
    let file = path.join("FORMAT");
    let mut text = String::new();
    match File::open(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(path, &error)),
        // Bounded: whatever lies there, it is not read whole into memory.
        Ok(found) => found.take(64).read_to_string(&mut text),
    }
    .map_err(|error| unusable(path, &error))?;
    match text.trim().parse::<u32>() {
        Ok(format) if format <= FORMAT => Ok(Some(format)),
        Ok(format) => Err(Failure::new(
            Code::DataDirNewer,
            format!(
                "the data directory {} has format {format}, and this version knows up to {FORMAT}; \
                 run the newer version that wrote it, or choose another directory with --data-dir",
                path.display()
            ),
        )),
        Err(_) => Err(Failure::new(
            Code::DataDirDamaged,
            format!(
                "{} does not hold a format number; restore the directory from a backup, or choose \
                 another with --data-dir",
                file.display()
            ),
        )),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    let line = format!(
        "the data directory {} cannot be used; check its permissions, or choose another with \
         --data-dir",
        path.display()
    );
    Failure::caused(Code::DataDirUnusable, line, error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(DataDir::open(&path).unwrap_err().code, Code::DataDirLocked);
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn belongs_to_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("data")).unwrap();
        write_whole(&dir.file("secret"), "x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(dir.path()), 0o700);
        assert_eq!(mode(&dir.file("secret")), 0o600);

        let open_to_all = tempfile::tempdir().unwrap();
        std::fs::set_permissions(open_to_all.path(), Permissions::from_mode(0o755)).unwrap();
        let dir = DataDir::open(open_to_all.path()).unwrap();
        assert_eq!(mode(dir.path()), 0o700);
    }

    #[test]
    fn a_newer_or_damaged_one_is_left_as_it_was() {
        for (format, code) in [
            ("2\n", Code::DataDirNewer),
            ("", Code::DataDirDamaged),
            ("one", Code::DataDirDamaged),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("FORMAT"), format).unwrap();
            assert_eq!(
                DataDir::open(dir.path()).unwrap_err().code,
                code,
                "{format:?}"
            );
            assert_eq!(
                std::fs::read_dir(dir.path()).unwrap().count(),
                1,
                "{format:?}"
            );
        }
    }

    #[test]
    fn somebody_elses_directory_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("holiday.jpg"), "").unwrap();
        let failure = DataDir::open(dir.path()).unwrap_err();
        assert!(failure.to_string().contains("holiday.jpg"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_in_its_place_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        std::fs::write(&path, "").unwrap();
        assert_eq!(
            DataDir::open(&path).unwrap_err().code,
            Code::DataDirUnusable
        );
        assert_eq!(
            DataDir::open(&path.join("below")).unwrap_err().code,
            Code::DataDirUnusable
        );
    }
}
