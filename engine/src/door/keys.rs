//! API keys of the TCP door: who may call, what, and in which namespaces.
//!
//! Only a keyed hash of each key stays in memory, under a secret of this process; a presented key
//! is hashed and compared with every one of them in constant time.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::access::Access;

/// The keys of a door. Cheap to clone.
#[derive(Clone)]
pub struct ApiKeys {
    secret: Hmac<Sha256>,
    grants: Arc<Vec<Grant>>,
}

/// What a key allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAccess {
    /// Describe, list, count, query, read histories, wait for updates.
    ReadOnly,
    /// Everything in its namespaces. With all namespaces: also registering and changing them.
    ReadWrite,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyNamespaces {
    All,
    Only(BTreeSet<String>),
}

#[derive(Clone, Debug)]
pub(super) struct Grant {
    hash: [u8; 32],
    access: KeyAccess,
    namespaces: KeyNamespaces,
}

/// Never repeats a key.
#[derive(Debug, Error)]
pub enum KeyError {
    #[error(
        "line {0} of the keys is not understood; write `read-write default KEY` or `read-only team-a,team-b KEY` or `read-only * KEY`"
    )]
    Line(usize),
    #[error(
        "a key has {SHORTEST} to {LONGEST} printable characters without spaces; make one with `openssl rand -hex 32`"
    )]
    Unfit,
    #[error("the same key is given twice; every holder has a key of their own")]
    Twice,
    #[error("a key is for at least one namespace, or for all of them: *")]
    Nowhere,
    #[error("there is no key; a door with keys needs at least one")]
    None,
    #[error("at most {MOST} keys are accepted")]
    TooMany,
    #[error("the operating system gives no random bytes")]
    Entropy(#[source] ambient::EntropyError),
}

const SHORTEST: usize = 20;
const LONGEST: usize = 512;
const MOST: usize = 1_000;

impl ApiKeys {
    pub fn new() -> Result<Self, KeyError> {
        let secret = ambient::fill::<64>().map_err(KeyError::Entropy)?;
        Ok(Self {
            secret: Hmac::new(&secret.into()),
            grants: Arc::default(),
        })
    }

    pub fn with(
        mut self,
        key: &str,
        access: KeyAccess,
        namespaces: KeyNamespaces,
    ) -> Result<Self, KeyError> {
        if !(SHORTEST..=LONGEST).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic())
        {
            return Err(KeyError::Unfit);
        }
        if matches!(&namespaces, KeyNamespaces::Only(names) if names.is_empty()) {
            return Err(KeyError::Nowhere);
        }
        let hash = self.hash(key.as_bytes());
        if self.grants.iter().any(|grant| grant.hash == hash) {
            return Err(KeyError::Twice);
        }
        if self.grants.len() >= MOST {
            return Err(KeyError::TooMany);
        }
        Arc::make_mut(&mut self.grants).push(Grant {
            hash,
            access,
            namespaces,
        });
        Ok(self)
    }

    /// A line a key: what it allows, its namespaces with commas in between or `*`, the key. Empty
    /// lines and those that begin with `#` are skipped.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut keys = Self::new()?;
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let [access, namespaces, key] = words[..] else {
                return Err(KeyError::Line(number));
            };
            let access = match access {
                "read-only" => KeyAccess::ReadOnly,
                "read-write" => KeyAccess::ReadWrite,
                _ => return Err(KeyError::Line(number)),
            };
            let namespaces = match namespaces {
                "*" => KeyNamespaces::All,
                names => KeyNamespaces::Only(
                    names
                        .split(',')
                        .filter(|name| !name.is_empty())
                        .map(str::to_owned)
                        .collect(),
                ),
            };
            keys = keys.with(key, access, namespaces)?;
        }
        if keys.grants.is_empty() {
            return Err(KeyError::None);
        }
        Ok(keys)
    }

    /// The grant of the key that a request shows.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<&Grant> {
        let shown = headers.get(http::header::AUTHORIZATION)?.as_bytes();
        let (scheme, key) = shown.split_at_checked(BEARER.len())?;
        if !scheme.eq_ignore_ascii_case(BEARER) {
            return None;
        }
        let hash = self.hash(key.trim_ascii());
        // Every one is compared to its end, whichever fits.
        let mut found = None;
        for grant in self.grants.iter() {
            if bool::from(grant.hash.ct_eq(&hash)) {
                found = Some(grant);
            }
        }
        found
    }

    fn hash(&self, key: &[u8]) -> [u8; 32] {
        let hash = self.secret.clone().chain_update(key).finalize();
        hash.into_bytes().into()
    }
}

const BEARER: &[u8] = b"Bearer ";

impl Grant {
    pub(super) fn allows(&self, access: Access) -> bool {
        match (access, self.access) {
            (Access::Read, _) | (Access::Write, KeyAccess::ReadWrite) => true,
            (Access::Govern, KeyAccess::ReadWrite) => self.is_for_all(),
            (Access::Write | Access::Govern, KeyAccess::ReadOnly) => false,
        }
    }

    pub(super) fn is_for_all(&self) -> bool {
        self.namespaces == KeyNamespaces::All
    }

    pub(super) fn reaches(&self, namespace: &str) -> bool {
        match &self.namespaces {
            KeyNamespaces::All => true,
            KeyNamespaces::Only(names) => names.contains(namespace),
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.grants.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdefghij";

    fn shown(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value.parse().unwrap());
        headers
    }

    #[test]
    fn a_file_of_keys_is_read_and_a_key_found_by_what_is_shown() {
        let other = KEY.replace('0', "1");
        let text = format!("# who\n\nread-write default,pay {KEY}\n  read-only  *  {other}  \n");
        let keys = ApiKeys::parse(&text).unwrap();
        let grant = keys.of(&shown(&format!("Bearer {KEY}"))).unwrap();
        assert!(grant.allows(Access::Write) && !grant.allows(Access::Govern));
        assert!(grant.reaches("pay") && !grant.reaches("elsewhere"));
        let grant = keys.of(&shown(&format!("bearer {other}"))).unwrap();
        assert!(grant.allows(Access::Read) && !grant.allows(Access::Write));
        assert!(grant.reaches("elsewhere"));
        for wrong in [
            KEY.to_owned(),
            "Bearer ".to_owned(),
            format!("Basic {KEY}"),
            format!("Bearer {KEY}x"),
            format!("Bearer {}", &KEY[..19]),
        ] {
            assert!(keys.of(&shown(&wrong)).is_none(), "{wrong}");
        }
        assert!(keys.of(&HeaderMap::new()).is_none());
        assert!(!format!("{keys:?}").contains(KEY));
    }

    #[test]
    fn what_is_wrong_with_the_keys_is_said_without_repeating_them() {
        for (text, says) in [
            (String::new(), "no key"),
            ("read-write default".to_owned(), "line 1"),
            (format!("\nreadwrite default {KEY}"), "line 2"),
            ("read-only * short-key".to_owned(), "20 to 512"),
            (format!("read-only , {KEY}"), "at least one namespace"),
            (
                format!("read-only a {KEY}\nread-write b {KEY}"),
                "given twice",
            ),
        ] {
            let error = ApiKeys::parse(&text).unwrap_err().to_string();
            assert!(error.contains(says), "{text} -> {error}");
            assert!(!error.contains("short-key") && !error.contains(KEY));
        }
    }
}
