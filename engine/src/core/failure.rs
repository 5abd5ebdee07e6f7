//! Failures that are too large to be kept whole: the most telling parts of them, in a failure of the
//! engine's own.

use prost::Message;
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, ServerFailureInfo, failure::FailureInfo,
};

use crate::limits;

/// Causes of causes kept of a failure that is cut.
const DEEPEST: usize = 20;

/// The engine's own word.
pub(crate) fn of_server(message: &str, non_retryable: bool) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
            non_retryable,
        })),
        ..Failure::default()
    }
}

/// The failure itself, or in its place one of the engine's with the most telling parts of it.
/// Whether it was replaced comes with it.
pub(crate) fn fitting(given: Failure) -> (Failure, bool) {
    if given.encoded_len() <= limits::BLOB_BYTES {
        return (given, false);
    }
    (in_place_of(given, limits::CUT_FAILURE_BYTES, true), true)
}

/// What a pending activity is shown to have failed with last. More of it would be kept for each
/// attempt.
pub(crate) fn of_attempt(given: &Failure) -> Failure {
    match given.encoded_len() <= limits::ATTEMPT_FAILURE_BYTES {
        true => given.clone(),
        false => in_place_of(given.clone(), limits::ATTEMPT_FAILURE_BYTES, false),
    }
}

fn in_place_of(given: Failure, room: usize, non_retryable: bool) -> Failure {
    Failure {
        cause: Some(Box::new(cut(given, room, DEEPEST))),
        ..of_server("Failure exceeds size limit.", non_retryable)
    }
}

fn cut(given: Failure, mut room: usize, deeper: usize) -> Failure {
    /// What encoding adds to a field, and to the words of an application.
    const FIELD: usize = 4;
    // The first to ask gets most: the order is that of importance.
    let keep = |mut text: String, room: &mut usize| {
        text.truncate(text.floor_char_boundary(*room));
        if !text.is_empty() {
            *room = room.saturating_sub(text.len() + FIELD);
        }
        text
    };
    let failure_info = match given.failure_info {
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            let kept = ApplicationFailureInfo {
                non_retryable: info.non_retryable,
                r#type: keep(info.r#type, &mut room),
                ..ApplicationFailureInfo::default()
            };
            room = room.saturating_sub(2 * FIELD);
            Some(FailureInfo::ApplicationFailureInfo(kept))
        }
        Some(FailureInfo::ServerFailureInfo(info)) => {
            room = room.saturating_sub(FIELD);
            Some(FailureInfo::ServerFailureInfo(info))
        }
        _ => None,
    };
    let (source, message) = (
        keep(given.source, &mut room),
        keep(given.message, &mut room),
    );
    let stack_trace = keep(given.stack_trace, &mut room);
    let cause = given.cause.filter(|_| room > FIELD && deeper > 0);
    Failure {
        failure_info,
        source,
        message,
        stack_trace,
        cause: cause.map(|cause| Box::new(cut(*cause, room - FIELD, deeper - 1))),
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
        assert!(kept > limits::CUT_FAILURE_BYTES - 60 && kept < limits::CUT_FAILURE_BYTES);
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
        let short = cut(chain, 1_000_000, DEEPEST);
        let mut depth = 0;
        let mut at = &short;
        while let Some(cause) = &at.cause {
            (at, depth) = (cause, depth + 1);
        }
        assert_eq!(depth, DEEPEST);
    }
}
