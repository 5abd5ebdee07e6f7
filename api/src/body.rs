//! The body of a request: JSON, bounded, read to the end before anything else happens.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::Code;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::json::{self, Node};
use crate::problem::Problem;
use crate::state::App;

/// A JSON document whose form is already judged.
#[derive(Debug)]
pub(crate) struct Document(pub(crate) Node);

/// The same, for the few requests that are many in one.
#[derive(Debug)]
pub(crate) struct LargeDocument(pub(crate) Node);

/// Bytes of such a body: ten thousand items of a batch.
const LARGE: usize = 4 * 1024 * 1024;

impl FromRequest<App> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        read(request, app.limits.body).await.map(Self)
    }
}

impl FromRequest<App> for LargeDocument {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        read(request, LARGE).await.map(Self)
    }
}

async fn read(request: Request, largest: usize) -> Result<Node, Problem> {
    let (head, body) = request.into_parts();
    must_be_json(&head.headers)?;
    // Said before the first byte is read, where the client says how much is coming.
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    if announced
        .and_then(|length| length.parse::<usize>().ok())
        .is_some_and(|length| length > largest)
    {
        return Err(too_large(largest));
    }
    let bytes = match Limited::new(body, largest).collect().await {
        Ok(read) => read.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large(largest)),
        // The client broke off: what it reads of the answer is nobody's concern any more.
        Err(_) => Bytes::new(),
    };
    json::parse(&bytes).map_err(Problem::invalid)
}

pub(crate) fn too_large(largest: usize) -> Problem {
    Problem::new(
        Code::PayloadTooLarge,
        format!("At most {largest} bytes are accepted."),
    )
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Problem> {
    let wrong = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut parts = kind.split(';').map(str::trim);
    if parts.next() != Some("application/json") {
        return wrong("Send `Content-Type: application/json`.");
    }
    if parts.any(|parameter| parameter.replace('"', "") != "charset=utf-8") {
        return wrong("JSON is UTF-8: no other charset or parameter is accepted.");
    }
    // A small body that unpacks to a huge one is never unpacked here.
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|encoding| encoding != "identity")
    {
        return wrong("Compressed bodies are not accepted.");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_in_utf_8_and_nothing_else() {
        let judge = |kind: Option<&'static str>, encoding: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(kind) = kind {
                headers.insert(CONTENT_TYPE, kind.parse().unwrap());
            }
            if let Some(encoding) = encoding {
                headers.insert(CONTENT_ENCODING, encoding.parse().unwrap());
            }
            must_be_json(&headers).is_ok()
        };
        assert!(judge(Some("application/json"), None));
        assert!(judge(Some("Application/JSON; charset=UTF-8"), None));
        assert!(judge(
            Some("application/json;charset=\"utf-8\""),
            Some("identity")
        ));
        assert!(!judge(None, None));
        assert!(!judge(Some("text/plain"), None));
        assert!(!judge(Some("application/jsonx"), None));
        assert!(!judge(Some("application/json; charset=latin1"), None));
        assert!(!judge(Some("application/json"), Some("gzip")));
    }
}
