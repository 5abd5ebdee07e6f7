//! What a client reads of a transfer. States, flags and reasons may grow: clients are told to
//! expect ones that they do not know.

use std::collections::BTreeMap;

use domain::rail::RailId;
use domain::transfer::{
    Action, Decline, Endpoint, Flag, Flags, LockedQuote, MoneyFacts, Status, What,
};
use domain::{
    AccountId, BankAccountId, CardId, MerchantId, Money, QuoteId, Step, StepKey, TransferId,
};
use rails::Watched;
use serde::Serialize;
use transfers::linked::Linked;
use transfers::{Doubt, NetworkStatus, StatusChange, StatusReason, Transfer};

use super::doubt::DoubtView;
use crate::routes::rails::{Health, health};
use crate::routes::refunds::LinkedView;

#[derive(Debug, Serialize)]
pub(super) struct TransferView {
    id: TransferId,
    object: &'static str,
    livemode: bool,
    status: Status,
    status_reason: Option<ReasonView>,
    flags: FlagsView,
    amount: Money,
    /// What the receiver gets: another currency at a quote, and less where a fee is kept of it.
    receives: Money,
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quote: Option<QuoteView>,
    /// Not before then.
    #[serde(skip_serializing_if = "Option::is_none")]
    execute_at: Option<String>,
    /// What somebody has to do now for it to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_action: Option<ActionView>,
    money: MoneyFacts,
    source: EndpointView,
    destination: EndpointView,
    client_reference: Option<String>,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    network_status: Option<NetworkView>,
    created_at: String,
    updated_at: String,
    /// Left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<ChangeView>>,
    /// What followed its completion. Left out in lists, and where nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    linked: Option<Vec<LinkedView>>,
    url: String,
}

/// Why it did not go through, in words that hold for every bank, and what was being done then.
#[derive(Debug, Serialize)]
struct ReasonView {
    code: Decline,
    step: Step,
}

#[derive(Debug, Serialize)]
pub(crate) struct FlagsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    in_doubt: Option<DoubtView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_operator: Option<FlagView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_hold: Option<FlagView>,
    /// Never stored: it is what is true of the rail, said of everything that waits for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rail_paused: Option<RailPausedView>,
}

/// The transfer waits for a rail, and goes on by itself.
#[derive(Debug, Serialize)]
struct RailPausedView {
    rail: RailId,
    step: Step,
    since: String,
    reason: Health,
}

#[derive(Debug, Serialize)]
struct FlagView {
    step: Step,
    since: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EndpointView {
    Wallet {
        id: AccountId,
    },
    BankAccount {
        id: BankAccountId,
        rail: RailId,
        /// Ours, the same on every attempt: what the bank knows this leg by.
        reference: String,
        /// The bank's own, once it has given one.
        bank_reference: Option<String>,
        /// The bank's own for giving the money back; only where that happened.
        #[serde(skip_serializing_if = "Option::is_none")]
        refund_bank_reference: Option<String>,
    },
    Card {
        id: CardId,
        rail: RailId,
        reference: String,
        bank_reference: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        refund_bank_reference: Option<String>,
    },
    Checkout {
        rail: RailId,
        reference: String,
        bank_reference: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        refund_bank_reference: Option<String>,
    },
    Merchant {
        id: MerchantId,
    },
}

/// At which the money changes its currency.
#[derive(Debug, Serialize)]
struct QuoteView {
    id: QuoteId,
    sells: Money,
    buys: Money,
    expires_at: String,
}

#[derive(Debug, Serialize)]
struct ActionView {
    what: What,
    link: String,
    until: String,
}

/// The rail's raw words, for people who talk to the bank.
#[derive(Debug, Serialize)]
struct NetworkView {
    scheme: RailId,
    code: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ChangeView {
    status: Status,
    cause: String,
    actor: String,
    at: String,
    note: Option<String>,
}

/// A short story: a row of a list.
impl From<Transfer> for TransferView {
    fn from(transfer: Transfer) -> Self {
        let order = transfer.order();
        let source = EndpointView::of(transfer.source, transfer.id, Step::Collect)
            .with(transfer.collect_reference, transfer.refund_reference);
        let destination = EndpointView::of(transfer.destination, transfer.id, Step::PayOut)
            .with(transfer.payout_reference, None);
        Self {
            id: transfer.id,
            object: "transfer",
            livemode: transfer.tenant.mode.is_live(),
            status: transfer.status,
            status_reason: transfer.status_reason.map(ReasonView::from),
            flags: transfer.flags.into(),
            amount: transfer.money,
            receives: order.receives(),
            fee: transfer.fee,
            quote: transfer.quote.map(QuoteView::from),
            execute_at: transfer.execute_at.map(|at| at.to_string()),
            requires_action: transfer
                .action
                .filter(|_| matches!(transfer.status, Status::RequiresAction))
                .map(ActionView::from),
            money: transfer.facts,
            source,
            destination,
            client_reference: transfer.client_reference,
            description: transfer.description,
            metadata: transfer.metadata,
            network_status: transfer.network_status.map(NetworkView::from),
            created_at: transfer.created_at.to_string(),
            updated_at: transfer.updated_at.to_string(),
            history: None,
            linked: None,
            url: url(transfer.id),
        }
    }
}

impl TransferView {
    /// With what only shows at the moment of looking.
    pub(super) fn seen(transfer: Transfer, rails: &Watched) -> Self {
        let rail_paused = RailPausedView::of(&transfer, rails);
        let mut view = Self::from(transfer);
        view.flags.rail_paused = rail_paused;
        view
    }

    /// What is known of its doubt, where it is in one.
    pub(super) fn with_doubt(mut self, doubt: Option<Doubt>) -> Self {
        if let (Some(view), Some(doubt)) = (&mut self.flags.in_doubt, doubt) {
            view.tell(doubt);
        }
        self
    }

    /// The whole story.
    pub(super) fn with_history(self, history: Vec<StatusChange>) -> Self {
        Self {
            history: Some(history.into_iter().map(ChangeView::from).collect()),
            ..self
        }
    }
}

impl TransferView {
    pub(super) fn with_linked(self, linked: Vec<Linked>) -> Self {
        Self {
            linked: (!linked.is_empty())
                .then(|| linked.into_iter().map(LinkedView::from).collect()),
            ..self
        }
    }
}

pub(super) fn url(id: TransferId) -> String {
    format!("/v1/transfers/{id}")
}

impl EndpointView {
    fn of(endpoint: Endpoint, transfer: TransferId, step: Step) -> Self {
        match endpoint {
            Endpoint::Wallet { account } => Self::Wallet { id: account },
            Endpoint::BankAccount { account, rail } => Self::BankAccount {
                id: account,
                rail,
                reference: StepKey::of(transfer, step).to_string(),
                bank_reference: None,
                refund_bank_reference: None,
            },
            Endpoint::Card { card, rail } => Self::Card {
                id: card,
                rail,
                reference: StepKey::of(transfer, step).to_string(),
                bank_reference: None,
                refund_bank_reference: None,
            },
            Endpoint::Checkout { rail } => Self::Checkout {
                rail,
                reference: StepKey::of(transfer, step).to_string(),
                bank_reference: None,
                refund_bank_reference: None,
            },
            Endpoint::Merchant { merchant, .. } => Self::Merchant { id: merchant },
        }
    }

    /// What the bank called it. A wallet has no bank to say anything.
    fn with(mut self, moved: Option<String>, returned: Option<String>) -> Self {
        if let Self::BankAccount {
            bank_reference,
            refund_bank_reference,
            ..
        }
        | Self::Card {
            bank_reference,
            refund_bank_reference,
            ..
        }
        | Self::Checkout {
            bank_reference,
            refund_bank_reference,
            ..
        } = &mut self
        {
            *bank_reference = moved;
            *refund_bank_reference = returned;
        }
        self
    }
}

impl From<LockedQuote> for QuoteView {
    fn from(quote: LockedQuote) -> Self {
        Self {
            id: quote.id,
            sells: quote.sells,
            buys: quote.buys,
            expires_at: quote.expires_at.to_string(),
        }
    }
}

impl From<Action> for ActionView {
    fn from(action: Action) -> Self {
        Self {
            what: action.what,
            link: action.link,
            until: action.until.to_string(),
        }
    }
}

impl From<StatusReason> for ReasonView {
    fn from(reason: StatusReason) -> Self {
        Self {
            code: reason.decline,
            step: reason.step,
        }
    }
}

impl RailPausedView {
    /// A doubt or a person is what is waited for first: neither is held up by a pause.
    fn of(transfer: &Transfer, rails: &Watched) -> Option<Self> {
        let order = transfer.order();
        let not_up = |(step, rail): (Step, RailId)| {
            let (reason, since) = health(&rails.rail(rail));
            since.map(|since| (step, rail, reason, since))
        };
        let found = match order.waits_for(transfer.status) {
            Some(next) => not_up(next),
            // Accepted and not begun: there may be no room on the rails it needs.
            None if transfer.start_pending => order.rails().into_iter().find_map(not_up),
            None => None,
        };
        let (step, rail, reason, since) = found.filter(|_| transfer.flags.is_empty())?;
        Some(Self {
            rail,
            step,
            since: since.max(transfer.updated_at).to_string(),
            reason,
        })
    }
}

impl From<Flags> for FlagsView {
    fn from(flags: Flags) -> Self {
        Self {
            in_doubt: flags.in_doubt.map(DoubtView::from),
            needs_operator: flags.needs_operator.map(FlagView::from),
            on_hold: flags.on_hold.map(FlagView::from),
            rail_paused: None,
        }
    }
}

impl From<Flag> for FlagView {
    fn from(flag: Flag) -> Self {
        Self {
            step: flag.step,
            since: flag.since.to_string(),
        }
    }
}

impl From<NetworkStatus> for NetworkView {
    fn from(network: NetworkStatus) -> Self {
        Self {
            scheme: network.scheme,
            code: network.code,
        }
    }
}

impl From<StatusChange> for ChangeView {
    fn from(change: StatusChange) -> Self {
        Self {
            status: change.status,
            cause: change.cause,
            actor: change.actor,
            at: change.at.to_string(),
            note: change.note,
        }
    }
}
