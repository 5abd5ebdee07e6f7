//! What may be said about an answer that proved nothing: short, our own words, the status and the
//! code. Never the body, the address, or an account number.

use domain::rail::PortError;

use crate::transport::{Lost, Reply};

pub(crate) fn unknown(evidence: impl Into<String>) -> PortError {
    PortError::Unknown {
        evidence: evidence.into(),
    }
}

pub(crate) fn arrived(sent: Result<Reply, Lost>) -> Result<Reply, PortError> {
    sent.map_err(|lost| match lost {
        Lost::NotSent => PortError::Unreachable,
        Lost::Unanswered(why) => unknown(why),
    })
}

/// A code is shown only when it looks like one: an account number must not pass as evidence.
pub(crate) fn shown(code: &str) -> String {
    let looks_like_one = is_word(code, 32)
        && code.bytes().filter(u8::is_ascii_digit).count() <= 4
        && code.bytes().any(|b| b.is_ascii_alphabetic());
    if looks_like_one && !code.contains('-') {
        format!("code {code}")
    } else {
        "a code of an unusual form".to_owned()
    }
}

pub(crate) fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_shows_codes_and_never_numbers() {
        for code in ["ZZ99", "reference_reused", "internal"] {
            assert!(shown(code).contains(code), "{code}");
        }
        for code in [
            "",
            "SB-ALICE-0001",
            "DE89370400440532013000",
            "12345678",
            "a b",
            "<b>",
            "é",
        ] {
            assert_eq!(shown(code), "a code of an unusual form", "{code}");
        }
        assert_eq!(shown(&"A".repeat(33)), "a code of an unusual form");
    }
}
