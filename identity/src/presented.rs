//! The text of an API key: `rk_<mode>_<key id letters>_<secret>`. Reading it needs no database.

use std::fmt;

use ambient::EntropyError;
use domain::{KeyId, Mode};
use sha2::{Digest, Sha256};
use vault::Zeroizing;

const SECRET_LENGTH: usize = 32;

/// What a caller shows. It never prints its secret.
pub(crate) struct Presented {
    pub(crate) mode: Mode,
    pub(crate) key: KeyId,
    secret: Zeroizing<[u8; SECRET_LENGTH]>,
}

impl Presented {
    pub(crate) fn mint(mode: Mode, key: KeyId) -> Result<Self, EntropyError> {
        let secret = Zeroizing::new(ambient::fill()?);
        Ok(Self { mode, key, secret })
    }

    /// Any text of any length; what is no key is `None` without much work.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (mode, rest) = [Mode::Sandbox, Mode::Live]
            .into_iter()
            .find_map(|mode| Some((mode, text.strip_prefix(prefix(mode))?)))?;
        let (letters, secret) = rest.split_once('_')?;
        // An id is short; a megabyte of letters is not even copied.
        let key = (letters.len() < 64)
            .then(|| format!("{}_{letters}", KeyId::PREFIX).parse().ok())
            .flatten()?;
        let secret = unhex(secret)?;
        Some(Self { mode, key, secret })
    }

    /// The only moment in which the whole key exists as text.
    pub(crate) fn reveal(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(128));
        let id = self.key.to_string();
        let letters = id.rsplit('_').next().unwrap_or_default();
        text.push_str(prefix(self.mode));
        text.push_str(letters);
        text.push('_');
        for byte in self.secret.iter() {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        text
    }

    /// What is stored. A key's secret is 256 random bits, so a plain hash cannot be searched.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(prefix(self.mode));
        hash.update(self.key.bits().to_be_bytes());
        hash.update(self.secret.as_slice());
        hash.finalize().into()
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({})", self.key)
    }
}

const fn prefix(mode: Mode) -> &'static str {
    match mode {
        Mode::Sandbox => "rk_sandbox_",
        Mode::Live => "rk_live_",
    }
}

fn unhex(text: &str) -> Option<Zeroizing<[u8; SECRET_LENGTH]>> {
    if text.len() != 2 * SECRET_LENGTH {
        return None;
    }
    let mut bytes = Zeroizing::new([0; SECRET_LENGTH]);
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        // One spelling only: what is written is lower case.
        if pair.iter().any(u8::is_ascii_uppercase) {
            return None;
        }
        let nibble = |letter: u8| char::from(letter).to_digit(16);
        *byte = u8::try_from(nibble(*pair.first()?)? << 4 | nibble(*pair.last()?)?).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_read_back_and_says_its_mode() {
        for mode in [Mode::Sandbox, Mode::Live] {
            let minted = Presented::mint(mode, KeyId::from_bits(7)).unwrap();
            let text = minted.reveal();
            let read = Presented::read(&text).unwrap();
            assert_eq!(
                (read.mode, read.key, read.hash()),
                (mode, minted.key, minted.hash())
            );
            assert!(!format!("{minted:?}").contains(&text[40..]));
        }
    }

    #[test]
    fn a_key_of_one_mode_has_another_hash_in_the_other() {
        let minted = Presented::mint(Mode::Sandbox, KeyId::from_bits(7)).unwrap();
        let live = minted.reveal().replace("sandbox", "live");
        assert_ne!(Presented::read(&live).unwrap().hash(), minted.hash());
    }

    #[test]
    fn what_is_no_key_is_none() {
        let good = Presented::mint(Mode::Sandbox, KeyId::from_bits(7))
            .unwrap()
            .reveal();
        for text in [
            "",
            "rk_",
            "rk_sandbox_",
            "rk_sandbox__",
            &good[..good.len() - 1],
            &format!("{}0", &*good),
            &good.replace("sandbox", "test"),
            &good.to_uppercase(),
            &format!(" {}", &*good),
            &format!("rk_sandbox_{}_0", "0".repeat(1 << 20)),
            &format!("rk_sandbox_{}", "é".repeat(45)),
        ] {
            assert!(Presented::read(text).is_none(), "{}", text.len());
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "(rk_(live|sandbox)_)?\\PC{0,120}") {
            let _ = Presented::read(&text);
        }
    }
}
