//! Collects `migrations/NNNN_name.sql` into the binary: adding a migration is adding a file.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default())
        .join("..")
        .join("migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
    files.sort();

    let mut list = String::from("&[\n");
    for file in files {
        let stem = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let Some((version, name)) = stem
            .split_once('_')
            .and_then(|(number, name)| Some((number.parse::<u32>().ok()?, name)))
        else {
            return Err(io::Error::other(format!("{stem}: name it NNNN_name.sql")));
        };
        writeln!(
            list,
            "    Migration {{ version: {version}, name: {name:?}, sql: include_str!({file:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    list.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("migrations.rs");
    fs::write(out, list)
}
