//! The one registry of error codes: it feeds HTTP answers, exit codes and the pages in
//! `docs/errors/`.

use serde::{Deserialize, Serialize};

/// What became of the thing that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    NotExecuted,
    Executed,
    Unknown,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $slug:literal, $status:literal, exit $exit:literal, $outcome:ident, $retryable:literal, $title:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[doc = $doc])* $name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable name that machines match on; also the name of its page.
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug,)* }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The exit code of a command that ends with it.
            pub const fn exit(self) -> u8 {
                match self { $(Self::$name => $exit,)* }
            }

            pub const fn outcome(self) -> Outcome {
                match self { $(Self::$name => Outcome::$outcome,)* }
            }

            /// Whether the very same request may succeed later.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    // What a client sent.
    InvalidRequest = "invalid-request", 400, exit 10, NotExecuted, false, "The request is not valid";
    IdempotencyKeyMissing = "idempotency-key-missing", 400, exit 10, NotExecuted, false, "An Idempotency-Key header is required";
    Unauthenticated = "unauthenticated", 401, exit 11, NotExecuted, false, "The API key is missing, unknown or expired";
    Forbidden = "forbidden", 403, exit 11, NotExecuted, false, "The API key may not do this";
    NoticeRefused = "notice-refused", 403, exit 11, NotExecuted, false, "The notice is not signed as this rail's bank signs";
    NotFound = "not-found", 404, exit 12, NotExecuted, false, "There is no such thing here";
    MethodNotAllowed = "method-not-allowed", 405, exit 10, NotExecuted, false, "This address does not know the method";
    RequestInProgress = "request-in-progress", 409, exit 14, Unknown, true, "The first request with this key is still being answered";
    PayloadTooLarge = "payload-too-large", 413, exit 10, NotExecuted, false, "The body is too large";
    UnsupportedMediaType = "unsupported-media-type", 415, exit 10, NotExecuted, false, "The body must be JSON";
    ValidationFailed = "validation-failed", 422, exit 10, NotExecuted, false, "A field has a value that cannot be accepted";
    IdempotencyKeyReused = "idempotency-key-reused", 422, exit 10, NotExecuted, false, "The Idempotency-Key was used for another request";
    // What this service could not do.
    Internal = "internal", 500, exit 20, Unknown, true, "Something went wrong on our side";
    Overloaded = "overloaded", 503, exit 21, NotExecuted, true, "Too much to do at the moment";
    StorageUnavailable = "storage-unavailable", 503, exit 21, Unknown, true, "The database does not answer";
    TimedOut = "timed-out", 504, exit 21, Unknown, true, "The answer took too long";
    // What a person wanted done about a transfer.
    ActionRefused = "action-refused", 409, exit 17, NotExecuted, false, "The transfer does not take this action as it stands";
    // What a look into the books finds.
    BooksUntrue = "books-untrue", 500, exit 15, NotExecuted, false, "The books are not true";
    // What a look into the transfers under way finds.
    ReplayBreaks = "replay-breaks", 500, exit 16, NotExecuted, false, "Transfers under way do not fit this version";
    // What keeps the program from starting.
    ConfigInvalid = "config-invalid", 500, exit 2, NotExecuted, false, "The configuration is not valid";
    AddressTaken = "address-taken", 500, exit 3, NotExecuted, false, "The address is taken by another program";
    DataDirUnusable = "data-dir-unusable", 500, exit 4, NotExecuted, false, "The data directory cannot be used";
    DataDirLocked = "data-dir-locked", 500, exit 5, NotExecuted, false, "Another process uses the data directory";
    DataDirNewer = "data-dir-newer", 500, exit 6, NotExecuted, false, "The data directory was written by a newer version";
    DataDirDamaged = "data-dir-damaged", 500, exit 7, NotExecuted, false, "The data directory is damaged";
    DatabaseUnavailable = "database-unavailable", 500, exit 8, NotExecuted, true, "The database cannot be reached";
    EngineUnavailable = "engine-unavailable", 500, exit 9, NotExecuted, true, "The workflow engine cannot be reached";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_unique_and_fit_for_an_address() {
        let slugs: std::collections::BTreeSet<_> =
            Code::ALL.iter().map(|code| code.slug()).collect();
        assert_eq!(slugs.len(), Code::ALL.len());
        for slug in slugs {
            assert!(
                slug.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
                "{slug}"
            );
        }
    }

    #[test]
    fn what_a_client_did_wrong_was_never_executed() {
        for code in Code::ALL
            .iter()
            .filter(|code| (400..500).contains(&code.status()))
        {
            assert!(
                code.outcome() == Outcome::NotExecuted || code.retryable(),
                "{}",
                code.slug()
            );
        }
        for code in Code::ALL {
            assert_ne!(code.exit(), 0, "{}", code.slug());
        }
    }
}
