//! Signatures that others can check: Ed25519 keys derived from the master key.
//!
//! What is signed here is meant to leave the house. Whoever has the public key can check it
//! without us, and nobody who can only write our database can make one.

use std::fmt;
use std::str::FromStr;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::key::{Key, VaultError};

const PUBLIC_KEY_LENGTH: usize = 32;
const SIGNATURE_LENGTH: usize = 64;

/// A text that is not hexadecimal of the right length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0} bytes in hexadecimal")]
pub struct NotHex(usize);

macro_rules! hexadecimal {
    ($($(#[$doc:meta])* $name:ident, $length:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name([u8; $length]);

        impl $name {
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            pub const fn bytes(&self) -> &[u8; $length] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = NotHex;

            fn from_str(text: &str) -> Result<Self, NotHex> {
                let mut bytes = [0; $length];
                let fits = text.len() == 2 * $length && text.bytes().all(|b| b.is_ascii_hexdigit());
                for (place, byte) in bytes.iter_mut().enumerate().filter(|_| fits) {
                    let pair = text.get(2 * place..2 * place + 2).unwrap_or_default();
                    *byte = u8::from_str_radix(pair, 16).map_err(|_| NotHex($length))?;
                }
                fits.then_some(Self(bytes)).ok_or(NotHex($length))
            }
        }
    )*};
}

hexadecimal! {
    /// What others need to check our signatures; no secret.
    PublicKey, PUBLIC_KEY_LENGTH;
    Signature, SIGNATURE_LENGTH;
}

impl PublicKey {
    /// Whether the owner of this key signed exactly this.
    pub fn signed(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0)
            .verify(message, &signature.0)
            .is_ok()
    }
}

/// Signs for one purpose. Derived, so it needs no storage of its own and comes back with the
/// master key.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Signer {
    pub(crate) fn derived(key: &Key) -> Result<Self, VaultError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(key.secret())
            .map_err(|_wrong_length| VaultError::Malformed)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_wrong_length| VaultError::Malformed)?;
        Ok(Self {
            pair,
            public: PublicKey(public),
        })
    }

    pub const fn public(&self) -> PublicKey {
        self.public
    }

    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut signature = [0; SIGNATURE_LENGTH];
        let made = self.pair.sign(message);
        // Ed25519 signatures have this length and no other.
        for (to, from) in signature.iter_mut().zip(made.as_ref()) {
            *to = *from;
        }
        Signature(signature)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Zeroizing;

    /// RFC 8032, 7.1, test 2: others than ring agree with what we sign.
    #[test]
    fn signs_as_the_standard_says() {
        let seed: PublicKey = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
            .parse()
            .unwrap();
        let signer = Signer::derived(&Key::new(Zeroizing::new(*seed.bytes()))).unwrap();
        assert_eq!(
            signer.public().to_string(),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        );
        let signature = signer.sign(&[0x72]);
        assert_eq!(
            signature.to_string(),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        assert!(signer.public().signed(&[0x72], &signature));
        assert!(!signer.public().signed(&[0x73], &signature));
    }

    #[test]
    fn only_hexadecimal_of_the_right_length_is_a_key() {
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert!(text.parse::<PublicKey>().is_err(), "{text}");
        }
        let key: PublicKey = "0F".repeat(32).parse().unwrap();
        assert_eq!(key.to_string(), "0f".repeat(32));
    }
}
