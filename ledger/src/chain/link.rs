//! One link: the hash before, and what was written after it.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::chain::Content;

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash([u8; 32]);

/// Bytes or text that cannot be a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 32 bytes")]
pub struct NotAHash;

impl Hash {
    /// Before the first entry of a lane.
    pub const NONE: Self = Self([0; 32]);

    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = NotAHash;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAHash> {
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        // The same form as a public key: 32 bytes in hexadecimal.
        let bytes: vault::PublicKey = text.parse().map_err(|_| NotAHash)?;
        Ok(Self(*bytes.bytes()))
    }
}

/// The hash of any content that follows `previous`, for chains of other rooms: its bytes must be
/// such that no two contents have the same.
pub fn link_bytes(previous: &Hash, content: &[u8]) -> Hash {
    let mut digest = Sha256::new();
    digest.update(previous.bytes());
    digest.update(content);
    Hash(digest.finalize().into())
}

/// The hash of an entry that follows `previous` in its lane.
pub fn link(previous: &Hash, content: &Content<'_>) -> Hash {
    Linking::default().link(previous, content)
}

/// Links many entries with one buffer.
#[derive(Debug, Default)]
pub(crate) struct Linking {
    bytes: Vec<u8>,
}

impl Linking {
    pub(crate) fn link(&mut self, previous: &Hash, content: &Content<'_>) -> Hash {
        self.bytes.clear();
        self.bytes.extend_from_slice(previous.bytes());
        content.write(&mut self.bytes);
        Hash(Sha256::digest(&self.bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::canonical::tests::content;

    #[test]
    fn a_link_depends_on_what_was_before_it() {
        let first = link(&Hash::NONE, &content(1));
        assert_eq!(first, link(&Hash::NONE, &content(1)));
        assert_ne!(first, link(&first, &content(1)));
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(Hash::try_from(&first.bytes()[..]), Ok(first));
        assert!(Hash::try_from(&first.bytes()[1..]).is_err());
    }
}
