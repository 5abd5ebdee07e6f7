//! The hash chain over the entries: whoever changes, removes or inserts one is found out.
//!
//! Each entry carries the hash of its own content and of the entry before it in its *lane*. A
//! process that writes has a lane of its own, so no two processes wait for each other's hash. An
//! entry holds ids and amounts only; nothing that is ever erased is part of a hash.
//!
//! Somebody who can write the whole database can also compute every hash again. That is what
//! signed heads are for ([`SignedHead`]): taken now and then and kept elsewhere, they say what the
//! last link of each lane was, and no key to sign another lies in the database.
//!
//! Pure but for [`verify`](verify()) and [`head`](head()), which read; nothing in here ever writes.

mod canonical;
mod head;
mod link;
mod verify;
mod walk;

pub use canonical::{Content, ContentLeg};
pub use head::{Head, HeadError, SIGNER, SignedHead, Tip};
pub use link::{Hash, NotAHash, link, link_bytes};
pub use verify::{Progress, Verified, head, verify};
pub use walk::{Break, Kind, Walk};

pub(crate) use link::Linking;
pub(crate) use verify::verify_in;

/// The lane of the entries that are older than the chain.
pub const FOUNDING: &str = "founding";
