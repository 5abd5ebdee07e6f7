//! Task tokens: what a worker shows to answer a task. Opaque and authenticated, so that nobody
//! forges another namespace's, and fenced, so that a stale one is recognised.

use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use sha2::Sha256;
use tonic::Status;

const MAC_BYTES: usize = 16;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Token {
    #[prost(enumeration = "Kind", tag = "1")]
    pub(crate) kind: i32,
    #[prost(int64, tag = "2")]
    pub(crate) namespace: i64,
    /// The run, by its row.
    #[prost(int64, tag = "3")]
    pub(crate) row: i64,
    #[prost(int64, tag = "4")]
    pub(crate) scheduled_id: i64,
    #[prost(int64, tag = "5")]
    pub(crate) started_id: i64,
    #[prost(uint32, tag = "6")]
    pub(crate) attempt: u32,
    /// The boot that handed it out.
    #[prost(uint64, tag = "7")]
    pub(crate) epoch: u64,
    #[prost(uint64, tag = "8")]
    pub(crate) query: u64,
    /// When the workflow task was started.
    #[prost(int64, tag = "9")]
    pub(crate) started_at: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    Unspecified = 0,
    WorkflowTask = 1,
    Activity = 2,
    Query = 3,
    /// A position in a history or a listing.
    Page = 4,
}

#[derive(Clone)]
pub(crate) struct Tokens {
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        // The hash's block is longer than our key; HMAC pads with zeros.
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(&key);
        Self {
            keyed: Hmac::new(&block.into()),
        }
    }

    pub(crate) fn seal(&self, token: &Token) -> Vec<u8> {
        self.seal_bytes(token.encode_to_vec())
    }

    pub(crate) fn seal_bytes(&self, mut bytes: Vec<u8>) -> Vec<u8> {
        let mac = self.keyed.clone().chain_update(&bytes).finalize();
        bytes.extend_from_slice(&mac.into_bytes()[..MAC_BYTES]);
        bytes
    }

    /// The token, if this store sealed it for this kind of task.
    pub(crate) fn open(&self, kind: Kind, bytes: &[u8]) -> Result<Token, Status> {
        if bytes.is_empty() {
            return Err(Status::invalid_argument("Task token not set on request."));
        }
        let token = Token::decode(self.open_bytes(bytes)?).map_err(|_| forged())?;
        (token.kind() == kind).then_some(token).ok_or_else(forged)
    }

    pub(crate) fn open_bytes<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8], Status> {
        let (body, mac) = bytes
            .split_at_checked(bytes.len().saturating_sub(MAC_BYTES))
            .ok_or_else(forged)?;
        self.keyed
            .clone()
            .chain_update(body)
            .verify_truncated_left(mac)
            .map_err(|_| forged())?;
        Ok(body)
    }
}

fn forged() -> Status {
    Status::invalid_argument("Error deserializing task token.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            kind: Kind::Activity as i32,
            namespace: 1,
            row: 2,
            ..Token::default()
        }
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let tokens = Tokens::new([1; 32]);
        let sealed = tokens.seal(&token());
        assert_eq!(tokens.open(Kind::Activity, &sealed).unwrap(), token());
        assert!(tokens.open(Kind::WorkflowTask, &sealed).is_err());
        assert!(Tokens::new([2; 32]).open(Kind::Activity, &sealed).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(tokens.open(Kind::Activity, &forged).is_err());
        }
        assert!(tokens.open(Kind::Activity, b"short").is_err());
        assert!(tokens.open(Kind::Activity, b"").is_err());
    }
}
