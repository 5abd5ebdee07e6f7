//! Batches: many payouts from one source, ordered together, each a transfer of its own.
//!
//! An item is taken in one commit before its transfer is accepted under a key that follows from the
//! batch and the item. So what is canceled surely never became a transfer, and what was taken by
//! somebody who died is accepted again, as the same transfer.

mod accept;
mod cancel;
mod read;
mod round;

use std::collections::BTreeMap;

use domain::transfer::Order;
use domain::{BatchId, Currency, Money, RequestId, Tenant, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

use crate::error::{AcceptError, StoreError};
use crate::{Accepted, EndpointRef, FieldError, NewTransfer};

pub use accept::AcceptedBatch;
pub use read::{BatchFigures, ItemCursor};
pub use round::{Round, Taken};

/// The most items of a batch.
pub const MOST_ITEMS: usize = 10_000;

#[derive(Clone, Debug)]
pub struct NewBatch {
    pub source: EndpointRef,
    pub items: Vec<NewItem>,
    pub client_reference: Option<String>,
    pub request_id: RequestId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    pub money: Money,
    pub destination: EndpointRef,
    pub client_reference: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub tenant: Tenant,
    pub id: BatchId,
    pub source: EndpointRef,
    pub currency: Currency,
    pub items: i64,
    pub total: Money,
    pub client_reference: Option<String>,
    pub request_id: RequestId,
    pub state: BatchState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub number: i64,
    pub money: Money,
    pub destination: EndpointRef,
    pub client_reference: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub state: ItemState,
    /// Why it became no transfer.
    pub refusal: Vec<Refusal>,
    pub transfer: Option<TransferId>,
    /// Where its transfer stands.
    pub status: Option<domain::transfer::Status>,
}

/// As it is stored: what was wrong with one field of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub pointer: String,
    pub code: String,
    pub detail: String,
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self {
            pointer: error.pointer,
            code: error.code.to_owned(),
            detail: error.detail,
        }
    }
}

/// What became of an item or an occurrence: the order of its transfer, or why it can be none, as it
/// is stored.
pub(crate) struct Outcome {
    pub(crate) order: Option<Order>,
    pub(crate) refusal: Option<String>,
}

impl Outcome {
    /// Anything but a faulty order is tried again, so it is no outcome.
    pub(crate) fn of(accepted: Result<Accepted, AcceptError>) -> Result<Self, AcceptError> {
        match accepted {
            Ok(accepted) => Ok(Self {
                order: Some(accepted.transfer.order()),
                refusal: None,
            }),
            Err(AcceptError::Invalid(wrong)) => {
                let refusal: Vec<_> = wrong.into_iter().map(Refusal::from).collect();
                let refusal = serde_json::to_string(&refusal).map_err(StoreError::from)?;
                Ok(Self {
                    order: None,
                    refusal: Some(refusal),
                })
            }
            Err(error) => Err(error),
        }
    }
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident: $($(#[$of:meta])* $state:ident = $text:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $state,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$state,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$state => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::batch::UnknownState;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|state| state.name() == text);
                found.copied().ok_or($crate::batch::UnknownState)
            }
        }
    };
}
pub(crate) use states;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state that this version knows")]
pub struct UnknownState;

states! {
    /// Where a batch stands.
    BatchState:
    Running = "running",
    /// What has not begun never will; what is under way comes to its end.
    Canceling = "canceling",
    /// Every item came to its end. Final.
    Completed = "completed",
    /// So too, after it was canceled. Final.
    Canceled = "canceled",
}

states! {
    /// Where an item stands. What became of its money its transfer says.
    ItemState:
    Waiting = "waiting",
    /// About to become a transfer.
    Taken = "taken",
    UnderWay = "under_way",
    /// Its transfer is final.
    Done = "done",
    /// It could not be accepted as a transfer.
    Refused = "refused",
    Canceled = "canceled",
}

impl BatchState {
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Canceled)
    }
}

impl NewItem {
    /// The order of its transfer.
    fn order(&self, source: EndpointRef, request_id: RequestId) -> NewTransfer {
        NewTransfer {
            money: self.money,
            source,
            destination: self.destination,
            quote: None,
            execute_at: None,
            client_reference: self.client_reference.clone(),
            description: None,
            metadata: self.metadata.clone(),
            request_id,
            traceparent: None,
        }
    }
}
