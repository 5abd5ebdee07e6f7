//! One symmetric key: it seals, it opens, it derives others, and it never shows itself.

use std::fmt;

use ambient::EntropyError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::envelope;

pub(crate) const KEY_LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("these bytes are no envelope of ours; nothing was opened")]
    Malformed,
    /// Sealed with a key that is not at hand: rotated away, or another installation's.
    #[error("sealed with the key {sealed_with}, which is not at hand; nothing was opened")]
    OtherKey { sealed_with: Fingerprint },
    /// The key is right, the content is not: changed on the way, or sealed for another purpose.
    #[error("the envelope was changed or belongs to another purpose; nothing was opened")]
    NotAuthentic,
    #[error("not the id of a payload key: {0:?}")]
    UnknownKeyId(String),
    #[error("nothing could be sealed")]
    Entropy(#[from] EntropyError),
}

/// The public name of a key: derived from it, stable, and useless for finding it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(crate) [u8; Self::LENGTH]);

impl Fingerprint {
    pub(crate) const LENGTH: usize = 8;
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// 256 bits, wiped from memory when dropped.
#[derive(Clone)]
pub struct Key {
    secret: Zeroizing<[u8; KEY_LENGTH]>,
    fingerprint: Fingerprint,
}

impl Key {
    pub(crate) fn new(secret: Zeroizing<[u8; KEY_LENGTH]>) -> Self {
        let mark = mac(&secret, b"remit/fingerprint/v1");
        let mut fingerprint = [0; Fingerprint::LENGTH];
        fingerprint.copy_from_slice(&mark[..Fingerprint::LENGTH]);
        Self {
            secret,
            fingerprint: Fingerprint(fingerprint),
        }
    }

    pub(crate) fn random() -> Result<Self, EntropyError> {
        Ok(Self::new(Zeroizing::new(ambient::fill()?)))
    }

    /// Another key, for one use and one owner. Knowing it says nothing about this one.
    pub(crate) fn derive(&self, label: &str, owner: &str) -> Self {
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        let context = format!("remit/derive/v1/{}/{label}/{owner}", label.len());
        Self::new(mac(&self.secret, context.as_bytes()))
    }

    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The purpose is no secret; it is what the content is bound to.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        envelope::seal(self, purpose, plain)
    }

    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        envelope::open(self, purpose, sealed)
    }

    pub(crate) fn secret(&self) -> &[u8; KEY_LENGTH] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.fingerprint)
    }
}

fn mac(secret: &[u8; KEY_LENGTH], message: &[u8]) -> Zeroizing<[u8; KEY_LENGTH]> {
    // A block of the hash, the key padded with zeros: what HMAC itself makes of a shorter key.
    let mut block = Zeroizing::new([0; 64]);
    block[..KEY_LENGTH].copy_from_slice(secret);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    mac.update(message);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_differ_by_label_owner_and_parent() {
        let (one, two) = (Key::random().unwrap(), Key::random().unwrap());
        let marks = [
            one.derive("ab", "c"),
            one.derive("a", "bc"),
            one.derive("ab", "d"),
            two.derive("ab", "c"),
            one.clone(),
        ]
        .map(|key| key.fingerprint().to_string());
        let distinct: std::collections::BTreeSet<_> = marks.iter().collect();
        assert_eq!(distinct.len(), marks.len());
        assert_eq!(
            one.derive("ab", "c").fingerprint(),
            one.derive("ab", "c").fingerprint()
        );
    }

    #[test]
    fn debug_shows_the_fingerprint_only() {
        let key = Key::new(Zeroizing::new([7; KEY_LENGTH]));
        assert_eq!(format!("{key:?}"), format!("Key({})", key.fingerprint()));
    }
}
