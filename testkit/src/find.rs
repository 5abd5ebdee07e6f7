//! Where the programs are that tests need.

use std::env;
use std::path::{Path, PathBuf};

/// The first of `names` in the directories, then on the `PATH`.
pub(crate) fn program(names: &[&str], first: &[PathBuf]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut dirs = first.to_vec();
    dirs.extend(env::split_paths(&path));
    dirs.iter()
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .find(|file| is_program(file))
}

/// A program named by an environment variable. A variable that points nowhere is an answer too:
/// "not there", so that nobody tests another program than the one they named.
pub(crate) fn named_by(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

pub(crate) fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_shell_and_not_what_is_not_there() {
        assert!(program(&["no-such-program", "sh"], &[]).is_some());
        assert_eq!(program(&["no-such-program"], &[]), None);
    }

    #[test]
    fn the_directories_given_come_before_the_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("sh"), "").unwrap();
        let found = program(&["sh"], &[dir.path().to_owned()]);
        assert_eq!(found, Some(dir.path().join("sh")));
    }
}
