//! What workers say and is too large to be kept: it ends in a failure that says so, in place of
//! what they said.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::Failure;

pub(super) use crate::core::failure::fitting;
use crate::core::failure::of_server;
use crate::limits;

pub(super) const BLOB: &str = "Blob data size exceeds limit.";

pub(super) fn is_too_large(payloads: Option<&Payloads>) -> bool {
    payloads.is_some_and(|payloads| payloads.encoded_len() > limits::BLOB_BYTES)
}

/// The engine's own word about something too large. Another attempt's would be as large.
pub(super) fn failure(message: &str) -> Failure {
    of_server(message, true)
}
