//! The master key: one text, in a file of the data directory or in the environment.
//!
//! The text holds one base64 key of 32 bytes a line, the newest last. The newest seals; the
//! others only open what was sealed before them, so a rotation is a line appended.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::key::{KEY_LENGTH, Key};
use ambient::EntropyError;

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("others may read {} (mode {mode:o}): make it yours alone with chmod 600, and rotate the key if it may have been seen", path.display())]
    Exposed { path: PathBuf, mode: u32 },
    #[error(
        "the master key must be lines of base64, each of 32 bytes, the newest last; restore it from a backup: nothing sealed can be opened without it"
    )]
    Malformed,
    #[error("the master key {} cannot be used", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("no master key could be made")]
    Entropy(#[from] EntropyError),
}

/// Never empty. The first key is the oldest.
#[derive(Clone, Debug)]
pub struct MasterKey {
    older: Vec<Key>,
    newest: Key,
}

impl MasterKey {
    /// The variable that, when set, is used instead of the file.
    pub const VARIABLE: &'static str = "REMIT_MASTER_KEY";
    pub const FILE: &'static str = "master.key";
    const LARGEST_TEXT: u64 = 4096;

    /// From the environment's text when there is one, else from the data directory, where the
    /// file is created on the first start.
    pub fn find(data_dir: &Path, variable: Option<&str>) -> Result<Self, MasterKeyError> {
        match variable {
            Some(text) => Self::from_text(text),
            None => Self::open_or_create(&data_dir.join(Self::FILE)),
        }
    }

    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let mut keys = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(decode)
            .collect::<Option<Vec<_>>>()
            .ok_or(MasterKeyError::Malformed)?;
        let newest = keys.pop().ok_or(MasterKeyError::Malformed)?;
        Ok(Self {
            older: keys,
            newest,
        })
    }

    pub(crate) fn newest(&self) -> &Key {
        &self.newest
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.newest).chain(self.older.iter().rev())
    }

    pub(crate) fn generate() -> Result<(Self, Zeroizing<String>), MasterKeyError> {
        let newest = Key::random()?;
        let text = Zeroizing::new(STANDARD.encode(newest.secret()));
        let older = Vec::new();
        Ok((Self { older, newest }, text))
    }

    fn open_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File {
            path: path.to_owned(),
            source,
        };
        match fs::File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (_, text) = Self::generate()?;
                match create(path, &text) {
                    // Another process was quicker: its key is the key.
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
                    _ => Self::read(path, fs::File::open(path).map_err(failed)?),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn read(path: &Path, file: fs::File) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::File {
            path: path.to_owned(),
            source,
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(Self::LARGEST_TEXT)
            .read_to_string(&mut text)
            .map_err(failed)?;
        Self::from_text(&text)
    }
}

fn decode(line: &str) -> Option<Key> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    let secret: [u8; KEY_LENGTH] = bytes.as_slice().try_into().ok()?;
    Some(Key::new(Zeroizing::new(secret)))
}

/// The file appears complete and synced, or not at all: a half-written key would lock us out.
fn create(path: &Path, text: &str) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let draft = path.with_extension(format!(
        "{:016x}",
        u64::from_be_bytes(ambient::fill().map_err(std::io::Error::other)?,)
    ));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let published = file
        .write_all(format!("{text}\n").as_bytes())
        .and_then(|()| file.sync_all())
        // A link, unlike a rename, never replaces a key that is already there.
        .and_then(|()| fs::hard_link(&draft, path))
        .and_then(|()| fs::File::open(directory)?.sync_all());
    fs::remove_file(&draft)?;
    published
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_for_the_owner_alone_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let first = MasterKey::find(dir.path(), None).unwrap();
        let second = MasterKey::find(dir.path(), None).unwrap();
        assert_eq!(first.newest().fingerprint(), second.newest().fingerprint());
        let entries: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(entries.len(), 1, "no draft is left behind");
        let mode = fs::metadata(dir.path().join(MasterKey::FILE))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn everyone_who_starts_at_once_gets_the_same_key() {
        let dir = tempfile::tempdir().unwrap();
        let marks: std::collections::HashSet<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| MasterKey::find(dir.path(), None).unwrap()))
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap().newest().fingerprint())
                .collect()
        });
        assert_eq!(marks.len(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::find(dir.path(), None).unwrap();
        let path = dir.path().join(MasterKey::FILE);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = MasterKey::find(dir.path(), None).unwrap_err();
        assert!(matches!(
            refused,
            MasterKeyError::Exposed { mode: 0o640, .. }
        ));
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        let short = STANDARD.encode([1; 31]);
        let good = STANDARD.encode([1; 32]);
        for text in [
            "",
            "\n \n",
            "not base64!",
            &short,
            &format!("{good}\n{short}"),
        ] {
            assert!(
                matches!(MasterKey::from_text(text), Err(MasterKeyError::Malformed)),
                "{text}"
            );
        }
        assert!(MasterKey::from_text(&format!("  {good}\r\n\n")).is_ok());
    }

    #[test]
    fn the_variable_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let given = STANDARD.encode([9; 32]);
        let key = MasterKey::find(dir.path(), Some(&given)).unwrap();
        assert_eq!(key.newest().secret(), &[9; 32]);
        assert!(!dir.path().join(MasterKey::FILE).exists());
    }
}
