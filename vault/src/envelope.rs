//! The envelope: version, the sealing key's fingerprint, nonce, AES-256-GCM ciphertext.
//!
//! Version, fingerprint and purpose are authenticated with the content, so no part of an envelope
//! can be exchanged for another's.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use crate::key::{Fingerprint, Key, VaultError};

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
const HEAD_LENGTH: usize = 1 + Fingerprint::LENGTH;

/// Which key an envelope needs, read without opening it.
pub fn sealed_with(sealed: &[u8]) -> Option<Fingerprint> {
    let (version, rest) = sealed.split_first()?;
    let fingerprint = rest.first_chunk()?;
    let complete = sealed.len() >= HEAD_LENGTH + NONCE_LENGTH + TAG_LENGTH;
    (*version == VERSION && complete).then_some(Fingerprint(*fingerprint))
}

pub(crate) fn seal(key: &Key, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    // Random, never counted: a restored backup must not use a nonce again.
    let nonce: [u8; NONCE_LENGTH] = ambient::fill()?;
    let mut sealed = Vec::with_capacity(HEAD_LENGTH + NONCE_LENGTH + plain.len() + TAG_LENGTH);
    sealed.push(VERSION);
    sealed.extend_from_slice(&key.fingerprint().0);
    let aad = associated(&sealed, purpose);
    let ciphertext = Aes256Gcm::new(key.secret().into())
        .encrypt(
            &nonce.into(),
            Payload {
                msg: plain,
                aad: &aad,
            },
        )
        // Only content beyond 64 GiB is refused by the cipher.
        .map_err(|_too_long| VaultError::Malformed)?;
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

pub(crate) fn open(
    key: &Key,
    purpose: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let fingerprint = sealed_with(sealed).ok_or(VaultError::Malformed)?;
    if fingerprint != key.fingerprint() {
        return Err(VaultError::OtherKey {
            sealed_with: fingerprint,
        });
    }
    let (head, rest) = sealed.split_at(HEAD_LENGTH);
    let (nonce, ciphertext) = rest
        .split_first_chunk::<NONCE_LENGTH>()
        .ok_or(VaultError::Malformed)?;
    Aes256Gcm::new(key.secret().into())
        .decrypt(
            nonce.into(),
            Payload {
                msg: ciphertext,
                aad: &associated(head, purpose),
            },
        )
        .map(Zeroizing::new)
        .map_err(|_refused| VaultError::NotAuthentic)
}

fn associated(head: &[u8], purpose: &str) -> Vec<u8> {
    let mut aad = b"remit/".to_vec();
    aad.extend_from_slice(head);
    aad.extend_from_slice(purpose.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_key_purpose_or_version_opens_nothing() {
        let (key, other) = (Key::random().unwrap(), Key::random().unwrap());
        let mut sealed = key.seal("bank-account/number", b"SB-ALICE-0001").unwrap();
        assert_eq!(sealed_with(&sealed), Some(key.fingerprint()));
        assert!(matches!(
            other.open("bank-account/number", &sealed),
            Err(VaultError::OtherKey { sealed_with }) if sealed_with == key.fingerprint()
        ));
        assert!(matches!(
            key.open("bank-account/holder", &sealed),
            Err(VaultError::NotAuthentic)
        ));
        sealed[0] = 2;
        assert!(matches!(
            key.open("bank-account/number", &sealed),
            Err(VaultError::Malformed)
        ));
    }

    #[test]
    fn the_same_content_is_never_sealed_to_the_same_bytes() {
        let key = Key::random().unwrap();
        assert_ne!(key.seal("a", b"x").unwrap(), key.seal("a", b"x").unwrap());
    }

    proptest! {
        #[test]
        fn opens_what_it_sealed(plain: Vec<u8>, purpose in "[a-z/_0-9]{0,40}") {
            let key = Key::random().unwrap();
            let sealed = key.seal(&purpose, &plain).unwrap();
            prop_assert_eq!(&*key.open(&purpose, &sealed).unwrap(), &plain);
        }

        #[test]
        fn no_flipped_bit_and_no_cut_survives(plain in prop::collection::vec(any::<u8>(), 0..64), at: prop::sample::Index, bit in 0_u8..8) {
            let key = Key::random().unwrap();
            let sealed = key.seal("p", &plain).unwrap();
            let at = at.index(sealed.len());
            prop_assert!(key.open("p", &sealed[..at]).is_err());
            let mut flipped = sealed;
            flipped[at] ^= 1 << bit;
            prop_assert!(key.open("p", &flipped).is_err());
        }

        #[test]
        fn garbage_is_refused(garbage: Vec<u8>) {
            prop_assert!(Key::random().unwrap().open("p", &garbage).is_err());
        }
    }
}
