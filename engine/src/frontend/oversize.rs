//! What workers say and is too large to be kept: it ends in a failure that says so, in place of
//! what they said.

use prost::Message;
use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, ServerFailureInfo, failure::FailureInfo,
};

use crate::limits;

/// Causes of causes kept of a failure that is cut.
const DEEPEST: usize = 20;

pub(super) fn is_too_large(payloads: Option<&Payloads>) -> bool {
    payloads.is_some_and(|payloads| payloads.encoded_len() > limits::BLOB_BYTES)
}

/// The engine's own word about something too large. Another attempt's would be as large.
pub(super) fn failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
            non_retryable: true,
        })),
        ..Failure::default()
    }
}

/// The failure itself, or in its place one of the engine's with the most telling parts of it.
/// Whether it was replaced comes with it.
pub(super) fn fitting(given: Failure) -> (Failure, bool) {
    if given.encoded_len() <= limits::BLOB_BYTES {
        return (given, false);
    }
    let mut room = limits::CUT_FAILURE_BYTES;
    let replaced = Failure {
        cause: Some(Box::new(cut(given, &mut room, DEEPEST))),
        ..failure("Failure exceeds size limit.")
    };
    (replaced, true)
}

fn cut(given: Failure, room: &mut usize, deeper: usize) -> Failure {
    // The first to ask gets most: the order is that of importance.
    let mut keep = |mut text: String| {
        text.truncate(text.floor_char_boundary(*room));
        *room -= text.len();
        text
    };
    let failure_info = match given.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => Some(
            FailureInfo::ApplicationFailureInfo(ApplicationFailureInfo {
                non_retryable: info.non_retryable,
                r#type: keep(info.r#type),
                ..ApplicationFailureInfo::default()
            }),
        ),
        Some(FailureInfo::ServerFailureInfo(info)) => Some(FailureInfo::ServerFailureInfo(info)),
        _ => None,
    };
    let (source, message) = (keep(given.source), keep(given.message));
    let stack_trace = keep(given.stack_trace);
    let cause = given.cause.filter(|_| *room > 0 && deeper > 0);
    Failure {
        failure_info,
        source,
        message,
        stack_trace,
        cause: cause.map(|cause| Box::new(cut(*cause, room, deeper - 1))),
        ..Failure::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(message: &str, cause: Option<Failure>) -> Failure {
        Failure {
            message: message.to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo {
                    r#type: "Kind".to_owned(),
                    non_retryable: true,
                    ..ApplicationFailureInfo::default()
                },
            )),
            cause: cause.map(Box::new),
            ..Failure::default()
        }
    }

    #[test]
    fn a_failure_that_fits_is_left_alone_and_a_larger_one_cut_from_its_end() {
        let small = failure_of("small", None);
        assert_eq!(fitting(small.clone()), (small, false));
        let large = failure_of("told", Some(failure_of(&"é".repeat(2_000_000), None)));
        let (replaced, was_replaced) = fitting(large);
        assert!(was_replaced);
        assert_eq!(replaced.message, "Failure exceeds size limit.");
        let first = replaced.cause.unwrap();
        assert_eq!(first.message, "told");
        let second = first.cause.unwrap();
        let kept = second.message.len();
        assert!(kept > limits::CUT_FAILURE_BYTES - 20 && kept < limits::CUT_FAILURE_BYTES);
        let Some(FailureInfo::ApplicationFailureInfo(info)) = second.failure_info else {
            panic!("its kind is lost");
        };
        assert!(info.non_retryable && info.r#type == "Kind");
    }

    #[test]
    fn a_long_chain_is_cut_too() {
        let mut chain = failure_of("x", None);
        for _ in 0..3 * DEEPEST {
            chain = failure_of("x", Some(chain));
        }
        let mut room = 1_000_000;
        let short = cut(chain, &mut room, DEEPEST);
        let mut depth = 0;
        let mut at = &short;
        while let Some(cause) = &at.cause {
            (at, depth) = (cause, depth + 1);
        }
        assert_eq!(depth, DEEPEST);
    }
}
