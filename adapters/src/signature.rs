//! The signature `t=<seconds>,v1=<hex>` over `<seconds>.<body>`: HMAC-SHA256 with a shared secret.

use std::time::Duration;

use domain::Timestamp;
use domain::rail::{Header, NoticeError};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far the bank's clock and the way here may be off. Longer would let a notice be repeated.
const TOLERANCE: Duration = Duration::from_secs(300);
/// A header with more parts than this is not one that a bank writes.
const MOST_PARTS: usize = 16;

/// Checks against each secret: two are valid while one is being replaced.
pub(crate) fn verify(
    (name, secrets): (&str, &[Secret]),
    headers: &[Header<'_>],
    body: &[u8],
    now: Timestamp,
) -> Result<(), NoticeError> {
    let (_, value) = headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name))
        .ok_or(NoticeError::NotSigned)?;
    let parts = || value.split(',').filter_map(|part| part.split_once('='));
    if value.split(',').count() > MOST_PARTS {
        return Err(NoticeError::NotSigned);
    }
    let signed_at = parts()
        .find_map(|(key, value)| (key.trim() == "t").then_some(value))
        .ok_or(NoticeError::NotSigned)?;
    let seconds: u32 = signed_at.parse().map_err(|_| NoticeError::NotSigned)?;
    let signatures: Vec<Vec<u8>> = parts()
        .filter(|(key, _)| key.trim() == "v1")
        .filter_map(|(_, hex)| from_hex(hex))
        .collect();
    if signatures.is_empty() {
        return Err(NoticeError::NotSigned);
    }
    let ours = secrets.iter().any(|secret| {
        signatures
            .iter()
            .any(|signature| secret.signed(signed_at, body, signature))
    });
    if !ours {
        return Err(NoticeError::WrongSignature);
    }
    // Only now: a stale time under a wrong signature says nothing about staleness.
    let at = Timestamp::from_seconds(i64::from(seconds));
    let distance = at.since(now).max(now.since(at));
    if distance > TOLERANCE {
        return Err(NoticeError::Stale);
    }
    Ok(())
}

/// What we and the bank alone know. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(secret: impl Into<Vec<u8>>) -> Self {
        Self(secret.into())
    }

    /// In constant time: `verify_slice` compares whole.
    fn signed(&self, at: &str, body: &[u8], signature: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return false;
        };
        mac.update(at.as_bytes());
        mac.update(b".");
        mac.update(body);
        !self.0.is_empty() && mac.verify_slice(signature).is_ok()
    }
}

impl Secret {
    /// For the rail's request only.
    pub(crate) fn reveal(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || text.len() != 64 {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // `printf '1492774577.{"a":1}' | openssl dgst -sha256 -hmac whsec_test`
    const BODY: &[u8] = b"{\"a\":1}";
    const SIGNED_AT: i64 = 1_492_774_577;
    const SIGNATURE: &str = "2a55874e33dedb30da6fac02873208f53a243141599a71c0d52a1d5b89656823";

    fn check(header: &str, body: &[u8], at: i64) -> Result<(), NoticeError> {
        let secrets = [Secret::new("whsec_next"), Secret::new("whsec_test")];
        let headers = [("Bank-Signature", header)];
        let now = Timestamp::from_seconds(at);
        verify(("bank-signature", &secrets), &headers, body, now)
    }

    #[test]
    fn only_what_was_signed_lately_with_our_secret_is_heard() {
        let good = format!("t={SIGNED_AT},v1={SIGNATURE}");
        assert_eq!(check(&good, BODY, SIGNED_AT), Ok(()));
        assert_eq!(check(&good, BODY, SIGNED_AT + 300), Ok(()));
        assert_eq!(check(&good, BODY, SIGNED_AT + 301), Err(NoticeError::Stale));
        assert_eq!(check(&good, BODY, SIGNED_AT - 301), Err(NoticeError::Stale));
        let other_body = check(&good, b"{\"a\":2}", SIGNED_AT);
        assert_eq!(other_body, Err(NoticeError::WrongSignature));
        let other_time = good.replace("577,", "578,");
        assert_eq!(
            check(&other_time, BODY, SIGNED_AT),
            Err(NoticeError::WrongSignature)
        );
        for unsigned in [
            "".to_owned(),
            format!("v1={SIGNATURE}"),
            format!("t={SIGNED_AT}"),
            format!("t={SIGNED_AT},v0={SIGNATURE}"),
            format!("t=-1,v1={SIGNATURE}"),
            format!("t={SIGNED_AT},v1={}é", &SIGNATURE[2..]),
            format!("{}{good}", "x=y,".repeat(20)),
        ] {
            assert_eq!(
                check(&unsigned, BODY, SIGNED_AT),
                Err(NoticeError::NotSigned),
                "{unsigned}"
            );
        }
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        assert!(!Secret::new("").signed("1", b"", &[0; 32]));
    }
}
