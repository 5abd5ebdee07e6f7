//! The bad days: what the bank can do instead of simply answering.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misbehaviour {
    /// Executed, and then no answer until the client gives up.
    TimeoutExecuted,
    TimeoutNotExecuted,
    /// Executed, and then answered with a 500.
    ErrorExecuted,
    ErrorNotExecuted,
    /// Executed, and then answered with a body that is no JSON.
    GarbageExecuted,
    /// Executed at once, answered late.
    SlowExecuted,
    /// Not executed; a 429 that asks for patience.
    Throttled,
    /// Executed, and then the connection is cut without an answer.
    CutExecuted,
    CutNotExecuted,
    /// Accepted, and decided only a while later.
    LateSuccess,
    /// Executed without an answer, and for a while the inquiry knows nothing of it.
    HiddenThenFound,
    /// Refused with a code that the interface does not list.
    UnlistedRejection,
    /// Executed, and a while later the money comes back by itself.
    ReturnedLater,
    /// Executed, and answered with a body of many megabytes.
    GiantExecuted,
    /// Executed, and answered a byte at a time.
    TrickleExecuted,
    /// Executed, and the answer stands twice in the body.
    AnsweredTwice,
    /// Executed as ordered, and answered as if it had been another amount.
    OtherAmount,
    OtherCurrency,
    /// Executed, and answered with the bank reference of another movement.
    BankIdReused,
    /// Executed, and answered with the answer to the request before: the wrong order.
    EarlierAnswer,
    /// The webhooks about it come twice, late ones first, never, or with another amount.
    WebhookTwice,
    WebhookWrongOrder,
    WebhookLost,
    WebhookOtherAmount,
}

impl Misbehaviour {
    /// Whether the order reaches the books.
    pub(crate) fn books(self) -> bool {
        !matches!(
            self,
            Self::TimeoutNotExecuted
                | Self::ErrorNotExecuted
                | Self::Throttled
                | Self::CutNotExecuted
        )
    }

    /// Whether it can happen to a question, which books nothing.
    pub(crate) fn fits_inquiries(self) -> bool {
        !matches!(
            self,
            Self::LateSuccess
                | Self::HiddenThenFound
                | Self::UnlistedRejection
                | Self::ReturnedLater
        ) && !self.is_of_webhooks()
    }

    pub(crate) fn is_of_webhooks(self) -> bool {
        matches!(
            self,
            Self::WebhookTwice
                | Self::WebhookWrongOrder
                | Self::WebhookLost
                | Self::WebhookOtherAmount
        )
    }
}
