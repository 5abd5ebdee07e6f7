//! A transfer as it stands: the order, and everything that has been recorded about it.

use std::collections::BTreeMap;

use domain::rail::RailId;
use domain::transfer::{Action, Decline, Endpoint, Flags, LockedQuote, MoneyFacts, Order, Status};
use domain::{Money, RequestId, Step, Tenant, Timestamp, TransferId};
use ledger::Place;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub tenant: Tenant,
    pub id: TransferId,
    pub money: Money,
    pub source: Endpoint,
    pub destination: Endpoint,
    /// What we keep of what arrives, in the currency in which it arrives.
    pub fee: Option<Money>,
    /// At which its money changes its currency.
    pub quote: Option<LockedQuote>,
    /// Accepted by a version that looks at transfers before they begin.
    pub screened: bool,
    /// To be carried out then; none where it was to be at once.
    pub execute_at: Option<Timestamp>,
    pub client_reference: Option<String>,
    /// None where there was none, and once the sender was erased.
    pub description: Option<String>,
    pub metadata: BTreeMap<String, String>,
    pub request_id: RequestId,
    pub created_at: Timestamp,
    /// Through which pool its money goes: that of the rail by which it comes.
    pub pool: Place,
    /// Accepted, and its workflow is not known to run yet.
    pub start_pending: bool,
    pub status: Status,
    pub status_reason: Option<StatusReason>,
    pub network_status: Option<NetworkStatus>,
    pub facts: MoneyFacts,
    pub flags: Flags,
    /// What somebody outside has to do, or had to: the status says which.
    pub action: Option<Action>,
    /// Why a person is needed and what can be done, where one is.
    pub operator_note: Option<String>,
    /// The bank's own reference of the collection.
    pub collect_reference: Option<String>,
    pub payout_reference: Option<String>,
    pub refund_reference: Option<String>,
    /// Also the sequence of its latest history row and of its latest event.
    pub version: i64,
    pub updated_at: Timestamp,
}

/// Why it did not go through, and what was being done when it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusReason {
    pub decline: Decline,
    pub step: Step,
}

/// The rail's raw word for a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    pub scheme: RailId,
    pub code: String,
}

impl Transfer {
    /// The input of its workflow.
    pub const fn order(&self) -> Order {
        Order {
            tenant: self.tenant,
            transfer: self.id,
            money: self.money,
            source: self.source,
            destination: self.destination,
            fee: self.fee,
            quote: self.quote,
            screened: self.screened,
            execute_at: self.execute_at,
        }
    }

    /// From when on it is carried out.
    pub(crate) fn begins(&self) -> Timestamp {
        self.execute_at
            .map_or(self.created_at, |at| at.max(self.created_at))
    }

    /// Where it stands once it is accepted.
    pub(crate) fn first_status(&self) -> Status {
        match self.execute_at {
            Some(at) if at > self.created_at => Status::Scheduled,
            _ => Status::Created,
        }
    }

    /// As it was when it was accepted: what a replay answers, however far it has come since.
    #[must_use]
    pub fn as_accepted(self) -> Self {
        Self {
            start_pending: true,
            status: self.first_status(),
            status_reason: None,
            network_status: None,
            facts: MoneyFacts::none(self.money.currency()),
            flags: Flags::default(),
            action: None,
            operator_note: None,
            collect_reference: None,
            payout_reference: None,
            refund_reference: None,
            version: 1,
            updated_at: self.created_at,
            ..self
        }
    }
}
