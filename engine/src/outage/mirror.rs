//! A disk whose files are real ones as well, in a process that dies at one of its writes or syncs:
//! it says so, stops in the middle of it, and whoever listens sends the signal.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::disk::{DATABASE, FileBytes, Op};

/// Where a process is to die: at which operation, and if that is a write, with half of it done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) at: u64,
    pub(super) torn: bool,
}

#[derive(Debug)]
pub(super) struct Mirror {
    directory: PathBuf,
    open: BTreeMap<String, File>,
    done: u64,
    dies: Option<Point>,
}

impl Mirror {
    pub(super) fn new(directory: PathBuf, dies: Option<Point>) -> Self {
        Self {
            directory,
            open: BTreeMap::new(),
            done: 0,
            dies,
        }
    }

    /// What is there already of the database.
    pub(super) fn files(&self) -> FileBytes {
        let mut files = FileBytes::new();
        for name in [DATABASE.to_owned(), format!("{DATABASE}-wal")] {
            if let Ok(bytes) = fs::read(self.directory.join(&name)) {
                files.insert(name, bytes);
            }
        }
        files
    }

    /// How many operations there were.
    pub(super) fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn create(&mut self, file: &str) {
        self.file(file).unwrap();
    }

    /// Before the operation is known to anybody. Its turn may be the last thing that happens: the
    /// caller holds the whole disk, so nothing else reaches it any more.
    pub(super) fn take(&mut self, op: &Op) {
        self.done += 1;
        if let Some(point) = self.dies
            && point.at == self.done
        {
            if let Op::Write { file, at, bytes } = op
                && point.torn
            {
                let half = &bytes[..bytes.len() / 2];
                self.file(file)
                    .unwrap()
                    .write_all_at(half, *at as u64)
                    .unwrap();
            }
            println!("\n{}DYING {}", super::killed::MARK, self.done);
            loop {
                std::thread::park();
            }
        }
        self.apply(op).unwrap();
    }

    fn apply(&mut self, op: &Op) -> io::Result<()> {
        match op {
            Op::Write { file, at, bytes } => self.file(file)?.write_all_at(bytes, *at as u64),
            Op::SetLen { file, len } => self.file(file)?.set_len(*len as u64),
            Op::Delete { file } => {
                self.open.remove(file);
                fs::remove_file(self.directory.join(file))
            }
            // The machine lives on: what it was given, it has.
            Op::Sync { .. } | Op::SyncDirectory | Op::Promise(_) => Ok(()),
        }
    }

    fn file(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(self.directory.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get(name).ok_or(io::ErrorKind::NotFound.into())
    }
}
