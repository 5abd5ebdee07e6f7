//! What the rooms below could not do, in a client's words. The one place that decides what a client
//! may conclude when storage failed; the cause itself goes to the log.

use db::DbError;
use domain::Code;
use identity::IdentityError;
use transfers::StoreError;

use crate::problem::Problem;

/// A read, or a statement inside a write that was rolled back.
pub(crate) fn storage(error: &DbError) -> Problem {
    log(error);
    match error {
        DbError::Unavailable(_) | DbError::Conflict(_) => {
            unavailable("Nothing of this request is kept. Send it again in a moment.")
        }
        DbError::Constraint { .. }
        | DbError::Statement(_)
        | DbError::Parameters { .. }
        | DbError::Column { .. }
        | DbError::Panicked => Problem::internal(),
    }
}

/// Reading people and their accounts.
pub(crate) fn identity(error: &IdentityError) -> Problem {
    match error {
        IdentityError::Database(error) => storage(error),
        IdentityError::Overloaded => Problem::new(
            Code::Overloaded,
            "Nothing was stored. Wait as long as Retry-After says and send the same request again.",
        )
        .retry_after(1),
        IdentityError::Closed => {
            unavailable("Nothing was stored: storage has stopped. Try again in a moment.")
        }
        IdentityError::Unknown(source) => {
            log(source);
            unavailable(
                "It may have been stored. Look whether it is there before you send it again.",
            )
        }
        other => {
            log(other);
            Problem::internal()
        }
    }
}

/// Reading and writing the record of transfers.
pub(crate) fn store(error: &StoreError) -> Problem {
    match error {
        StoreError::Overloaded | StoreError::Overtaken => Problem::new(
            Code::Overloaded,
            "Nothing was executed. Wait as long as Retry-After says and send the same request again.",
        )
        .retry_after(1),
        StoreError::Unknown(source) => {
            log(source);
            unavailable(
                "It may have been stored. Send the same request with the same Idempotency-Key: \
                 it cannot happen twice.",
            )
        }
        StoreError::Closed => unavailable(
            "Nothing was executed: storage has stopped. Send the same request again in a moment.",
        ),
        StoreError::Database(error) => storage(error),
        StoreError::Identity(error) => identity(error),
        StoreError::Vault(_) | StoreError::Entropy(_) | StoreError::Unreadable(_) => {
            log(error);
            Problem::internal()
        }
    }
}

fn unavailable(detail: &str) -> Problem {
    Problem::new(Code::StorageUnavailable, detail).retry_after(2)
}

/// The whole chain of causes: `Display` of an error never repeats its source.
fn log(error: &dyn std::error::Error) {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        chain.push_str(": ");
        chain.push_str(&next.to_string());
        cause = next.source();
    }
    tracing::error!(error = chain, "a room below failed");
}
