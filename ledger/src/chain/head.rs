//! The head of the chain: the last link of every lane, signed, to be kept where the book is not.
//!
//! What is signed is a text of plain lines, so that it can be checked with any tool that knows
//! Ed25519. As JSON it carries the public key; that key proves nothing by itself: compare it with
//! the one that was published when the house was set up.

use std::fmt::Write as _;

use ambient::Timestamp;
use serde::{Deserialize, Serialize};
use vault::{PublicKey, Signature, Signer};

use crate::chain::Hash;

const FORMAT: &str = "remit-ledger-head/1";

/// What the vault derives the signing key for.
pub const SIGNER: &str = "ledger-head";

/// More lanes than processes ever wrote; a longer list is no head of ours.
const MOST_LANES: usize = 10_000;

/// The last link of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    pub lane: String,
    pub position: i64,
    pub hash: Hash,
}

/// The chain as it stood at an instant. The lanes are in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub taken_at: Timestamp,
    pub tips: Vec<Tip>,
}

impl Head {
    /// Exactly what is signed.
    pub fn text(&self) -> String {
        let mut text = format!("{FORMAT}\ntaken_at {}\n", self.taken_at.as_micros());
        for Tip {
            lane,
            position,
            hash,
        } in &self.tips
        {
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "{lane} {position} {hash}");
        }
        text
    }

    pub fn sign(self, signer: &Signer) -> SignedHead {
        let signature = signer.sign(self.text().as_bytes());
        SignedHead {
            head: self,
            public: signer.public(),
            signature,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    #[error("this is not a signed head of the chain: {0}")]
    Malformed(&'static str),
    #[error("the head was signed with the key {found}, not with {wanted}; it proves nothing here")]
    OtherKey { found: PublicKey, wanted: PublicKey },
    #[error("the signature does not fit the head: one of them was changed, it proves nothing")]
    NotAuthentic,
}

/// A head with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "Json")]
pub struct SignedHead {
    head: Head,
    public: PublicKey,
    signature: Signature,
}

impl SignedHead {
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    pub const fn signature(&self) -> Signature {
        self.signature
    }

    /// What it says, believed or not: see [`Self::checked`].
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// What was signed, if it was signed with this key.
    pub fn checked(&self, wanted: PublicKey) -> Result<&Head, HeadError> {
        if self.public != wanted {
            let found = self.public;
            return Err(HeadError::OtherKey { found, wanted });
        }
        if !wanted.signed(self.head.text().as_bytes(), &self.signature) {
            return Err(HeadError::NotAuthentic);
        }
        Ok(&self.head)
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    format: String,
    /// Microseconds since 1970, UTC.
    taken_at: i64,
    lanes: Vec<Lane>,
    public_key: String,
    signature: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lane {
    lane: String,
    position: i64,
    hash: String,
}

impl From<SignedHead> for Json {
    fn from(signed: SignedHead) -> Self {
        let lanes = signed.head.tips.into_iter().map(|tip| Lane {
            lane: tip.lane,
            position: tip.position,
            hash: tip.hash.to_string(),
        });
        Self {
            format: FORMAT.to_owned(),
            taken_at: signed.head.taken_at.as_micros(),
            lanes: lanes.collect(),
            public_key: signed.public.to_string(),
            signature: signed.signature.to_string(),
        }
    }
}

impl TryFrom<Json> for SignedHead {
    type Error = HeadError;

    fn try_from(json: Json) -> Result<Self, HeadError> {
        use HeadError::Malformed;
        if json.format != FORMAT {
            return Err(Malformed("its format is another"));
        }
        if json.lanes.len() > MOST_LANES {
            return Err(Malformed("it has more than 10000 lanes"));
        }
        let tips = json.lanes.into_iter().map(|lane| {
            // A space or a line break in a name would let two heads have one text.
            let plain = !lane.lane.is_empty() && lane.lane.bytes().all(|b| b.is_ascii_graphic());
            if !plain || lane.position < 0 {
                return Err(Malformed("a lane is not named, or counts from below zero"));
            }
            Ok(Tip {
                hash: lane
                    .hash
                    .parse()
                    .map_err(|_| Malformed("a hash is not hexadecimal"))?,
                lane: lane.lane,
                position: lane.position,
            })
        });
        Ok(Self {
            head: Head {
                taken_at: Timestamp::from_micros(json.taken_at),
                tips: tips.collect::<Result<_, _>>()?,
            },
            public: json
                .public_key
                .parse()
                .map_err(|_| Malformed("the public key is not 32 bytes in hexadecimal"))?,
            signature: json
                .signature
                .parse()
                .map_err(|_| Malformed("the signature is not 64 bytes in hexadecimal"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use vault::{MasterKey, Vault};

    use super::*;

    fn signer(byte: char) -> Signer {
        // 32 bytes in base64: 42 letters, one whose last two bits are zero, and a filler.
        let text = format!("{}A=", byte.to_string().repeat(42));
        Vault::new(MasterKey::from_text(&text).unwrap())
            .signer(SIGNER)
            .unwrap()
    }

    fn head() -> Head {
        let tip = |lane: &str, position| Tip {
            lane: lane.to_owned(),
            position,
            hash: Hash::NONE,
        };
        Head {
            taken_at: Timestamp::from_micros(12),
            tips: vec![tip("founding", 3), tip("sqlite", 40)],
        }
    }

    #[test]
    fn what_is_signed_is_a_text_that_a_person_can_read() {
        let zeros = "0".repeat(64);
        assert_eq!(
            head().text(),
            format!("remit-ledger-head/1\ntaken_at 12\nfounding 3 {zeros}\nsqlite 40 {zeros}\n")
        );
    }

    #[test]
    fn a_head_survives_its_json_and_no_change_in_it() {
        let key = signer('A').public();
        let signed = head().sign(&signer('A'));
        let json = serde_json::to_string(&signed).unwrap();
        let back: SignedHead = serde_json::from_str(&json).unwrap();
        assert_eq!(back.checked(key), Ok(&head()));
        for (from, to) in [
            (":12,", ":13,"),
            (":40,", ":39,"),
            ("founding", "grounding"),
        ] {
            let changed = json.replace(from, to);
            assert_ne!(changed, json);
            let changed: SignedHead = serde_json::from_str(&changed).unwrap();
            assert_eq!(changed.checked(key), Err(HeadError::NotAuthentic));
        }
    }

    #[test]
    fn a_head_of_another_key_proves_nothing() {
        let (found, wanted) = (signer('B').public(), signer('A').public());
        let forged = head().sign(&signer('B'));
        assert_eq!(
            forged.checked(wanted),
            Err(HeadError::OtherKey { found, wanted })
        );
        // Our key's name on another's signature.
        let json = serde_json::to_string(&forged).unwrap();
        let named = json.replace(&found.to_string(), &wanted.to_string());
        let named: SignedHead = serde_json::from_str(&named).unwrap();
        assert_eq!(named.checked(wanted), Err(HeadError::NotAuthentic));
    }

    #[test]
    fn what_is_no_head_is_refused_with_what_is_wrong() {
        let json = serde_json::to_string(&head().sign(&signer('A'))).unwrap();
        for (from, to, says) in [
            ("head/1", "head/2", "format"),
            ("\"sqlite\"", "\"a b\"", "not named"),
            (":40", ":-1", "below zero"),
            ("\"hash\":\"00", "\"hash\":\"0", "a hash"),
            ("\"signature\":\"", "\"signature\":\"0", "signature"),
            ("\"taken_at\"", "\"taken\"", "unknown field"),
        ] {
            let changed = json.replace(from, to);
            let error = serde_json::from_str::<SignedHead>(&changed).unwrap_err();
            assert!(error.to_string().contains(says), "{from}: {error}");
        }
    }
}
