//! The `Idempotency-Key` header: the client's promise that a repetition is the same request.
//!
//! It is a structured-field string (`"order-17"`); bare (`order-17`) is accepted as well, and means
//! the same key.

use axum::extract::FromRequestParts;
use domain::Code;
use http::HeaderName;
use http::request::Parts;
use transfers::IdempotencyKey;

use crate::problem::{Fault, Problem};
use crate::state::App;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const NAME: &str = "Idempotency-Key";
const LONGEST: usize = 255;

/// The key of this request, which must be there.
#[derive(Debug)]
pub(crate) struct Key(pub(crate) IdempotencyKey);

impl FromRequestParts<App> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut headers = parts.headers.get_all(HEADER).iter();
        let Some(first) = headers.next() else {
            return Err(Problem::new(
                Code::IdempotencyKeyMissing,
                "Send a key of your own choosing that is new for each transfer and the same for \
                 each repetition, such as `Idempotency-Key: \"order-17\"`.",
            ));
        };
        let read = match headers.next() {
            Some(_) => Err(("repeated", "The header may be there once only.")),
            None => read(first.as_bytes()),
        };
        read.and_then(|key| {
            IdempotencyKey::new(&key)
                .map(Self)
                .map_err(|_| ("not_accepted", "1 to 255 printable ASCII characters."))
        })
        .map_err(|(code, detail)| Problem::invalid(vec![Fault::header(NAME, code, detail)]))
    }
}

type Refusal = (&'static str, &'static str);

fn read(value: &[u8]) -> Result<String, Refusal> {
    let value = value.trim_ascii();
    let key = match value.strip_prefix(b"\"") {
        Some(rest) => quoted(rest)?,
        None => bare(value)?,
    };
    match key.len() {
        0 => Err(("empty", "The key may not be empty.")),
        1..=LONGEST => Ok(key),
        _ => Err(("too_long", "At most 255 characters.")),
    }
}

/// What stands between the quotes, as RFC 9651 reads a string: only `\"` and `\\` are escapes.
fn quoted(rest: &[u8]) -> Result<String, Refusal> {
    const BROKEN: Refusal = ("not_a_string", "The quoted string is not well formed.");
    let mut key = String::new();
    let mut letters = rest.iter();
    loop {
        match letters.next() {
            Some(b'"') if letters.as_slice().is_empty() => return Ok(key),
            Some(b'\\') => match letters.next() {
                Some(escaped @ (b'"' | b'\\')) => key.push(char::from(*escaped)),
                _ => return Err(BROKEN),
            },
            Some(letter @ (b' ' | b'!' | b'#'..=b'~')) => key.push(char::from(*letter)),
            _ => return Err(BROKEN),
        }
    }
}

/// Without quotes nothing may be in it that a proxy or a parser could read in another way.
fn bare(value: &[u8]) -> Result<String, Refusal> {
    let plain =
        |letter: &u8| letter.is_ascii_graphic() && !matches!(letter, b'"' | b'\\' | b',' | b';');
    if value.iter().all(plain) {
        Ok(value.iter().copied().map(char::from).collect())
    } else {
        Err((
            "needs_quotes",
            "Only printable ASCII; with spaces, commas, semicolons, quotes or backslashes inside, \
             write it as a quoted string.",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_are_the_same_key() {
        for value in ["\"order-17\"", "order-17", "  order-17 "] {
            assert_eq!(read(value.as_bytes()).as_deref(), Ok("order-17"), "{value}");
        }
        assert_eq!(
            read(br#""a \"b\" \\, c; d""#).as_deref(),
            Ok(r#"a "b" \, c; d"#)
        );
    }

    #[test]
    fn refuses_what_could_be_read_in_two_ways() {
        let long = "k".repeat(256);
        for (value, code) in [
            ("", "empty"),
            ("\"\"", "empty"),
            (&long, "too_long"),
            ("\"open", "not_a_string"),
            ("\"a\";b=1", "not_a_string"),
            ("\"a\\n\"", "not_a_string"),
            ("\"\u{fc}\"", "not_a_string"),
            ("a b", "needs_quotes"),
            ("a,b", "needs_quotes"),
            ("a\"b", "needs_quotes"),
            ("\u{fc}", "needs_quotes"),
        ] {
            assert_eq!(read(value.as_bytes()).unwrap_err().0, code, "{value}");
        }
        assert_eq!(read(&[b'k'; 255]).map(|key| key.len()), Ok(255));
    }
}
