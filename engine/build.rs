//! Hands the descriptor set of the SDK's own messages to the reflection service.
//!
//! No .proto is vendored and no server trait is generated: the dispatcher works on encoded
//! messages, so both doors (in-process and TCP) share one table of RPCs.

use std::path::PathBuf;
use std::{env, fs};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-env-changed=DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH");
    let descriptors = env::var("DEP_TEMPORALIO_PROTOS_DESCRIPTOR_PATH")?;
    println!("cargo:rerun-if-changed={descriptors}");
    let out = PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin");
    fs::copy(descriptors, out)?;
    Ok(())
}
