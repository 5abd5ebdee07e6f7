//! Secrets at rest: the keys of this installation and the envelope they seal things in.
//!
//! Bytes in, bytes out. No SQL, no SDK and no business word lives here: whoever seals names the
//! purpose and the owner, and what was sealed for one purpose never opens for another.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod envelope;
mod keeper;
mod key;
mod master;
mod signer;

pub use envelope::sealed_with;
pub use keeper::Vault;
pub use key::{Fingerprint, Key, VaultError};
pub use master::{MasterKey, MasterKeyError};
pub use signer::{NotHex, PublicKey, Signature, Signer};
pub use zeroize::Zeroizing;
