//! An answer of the network below HTTP: a status and a body.

use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Said {
    pub(super) fn done(body: Value) -> Self {
        Self { status: 200, body }
    }

    pub(super) fn refused(status: u16, code: &str, message: &str) -> Self {
        let kind = match status {
            500.. => "api_error",
            _ => "invalid_request_error",
        };
        let body = json!({ "error": { "type": kind, "code": code, "message": message } });
        Self { status, body }
    }

    /// No such payment, or another's.
    pub(super) fn missing() -> Self {
        Self::refused(404, "resource_missing", "no such object")
    }

    /// Whether a repetition under the same key gets the same answer without another look.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.status, 200 | 402)
    }
}
