//! What the database lies on: the machine's files, or in tests a simulated disk.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// Sixteen megabytes of log.
const PAGES_PER_CHECKPOINT: i64 = 4_000;

pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    #[cfg(test)]
    if let Some(simulated) = crate::outage::file_system(path) {
        return Connection::open_with_flags_and_vfs(path, flags, simulated);
    }
    Connection::open_with_flags(path, flags)
}

/// Every commit is on disk when it returns.
pub(super) fn synchronous(path: &Path) -> &'static str {
    #[cfg(test)]
    if let Some(simulated) = crate::outage::synchronous(path) {
        return simulated;
    }
    let _on_the_machine = path;
    "FULL"
}

/// How much log gathers before it is moved into the database.
pub(super) fn pages_per_checkpoint(path: &Path) -> i64 {
    #[cfg(test)]
    if crate::outage::file_system(path).is_some() {
        return 40;
    }
    let _on_the_machine = path;
    PAGES_PER_CHECKPOINT
}
