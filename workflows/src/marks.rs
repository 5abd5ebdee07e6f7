//! What a run shows to whoever searches among all runs: whose transfer it is, which way it goes,
//! and, once it has left its plain course, where it stands. Ids and words only, no amount and no
//! name: marks are not sealed.
//!
//! A transfer that goes straight through shows no status, because telling each one would cost an
//! event each. The status appears with the first thing that is unusual, and is kept true from then
//! on. It is told together with other decisions and never needs a workflow task of its own.
//!
//! A run that was started without marks (by an older version, or on a cluster that does not know
//! them) tells none: its history says so, and so every replay decides the same.

use domain::transfer::{FlagKind, Happening, Order, Status};
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributes};

use crate::mover::Mover;
use crate::transfer::Ctx;

type Keyword = SearchAttributeKey<String>;

const TRANSFER: Keyword = Keyword::keyword("RemitTransfer");
const PARTNER: Keyword = Keyword::keyword("RemitPartner");
const ROUTE: Keyword = Keyword::keyword("RemitRoute");
const CURRENCY: Keyword = Keyword::keyword("RemitCurrency");
const STATUS: Keyword = Keyword::keyword("RemitStatus");

/// All of them are keywords; a cluster has to be told so before they are used.
pub const NAMES: [&str; 5] = [
    "RemitTransfer",
    "RemitPartner",
    "RemitRoute",
    "RemitCurrency",
    "RemitStatus",
];

/// What a run shows from its start.
pub fn of(order: &Order) -> SearchAttributes {
    SearchAttributes::new([
        TRANSFER.value_set(order.transfer.to_string()),
        PARTNER.value_set(order.tenant.partner.to_string()),
        ROUTE.value_set(route(order)),
        CURRENCY.value_set(order.money.currency().code().to_owned()),
    ])
}

/// What kinds of account the money goes between: `sandbox_bank to wallet`.
pub fn route(order: &Order) -> String {
    let kind = |end: &domain::transfer::Endpoint| match end.rail() {
        None => "wallet",
        Some(rail) => rail.name(),
    };
    format!("{} to {}", kind(&order.source), kind(&order.destination))
}

/// Shows what was just recorded, where it is unusual or something unusual was shown before.
pub(crate) fn show<W: Mover>(ctx: &Ctx<W>, happenings: &[Happening]) {
    let standing = ctx.state(|run| run.at().status);
    let marks = ctx.search_attributes();
    let shown = marks.get(&STATUS);
    let mut now = shown.clone();
    let mut status = standing;
    for happening in happenings {
        status = happening.leads_to().unwrap_or(status);
        let word = word(happening, status);
        if now.is_some() || is_unusual(happening) {
            now = Some(word.to_owned());
        }
    }
    if let Some(now) =
        now.filter(|now| marks.contains_key(&TRANSFER) && shown.as_ref() != Some(now))
    {
        ctx.upsert_search_attributes([STATUS.value_set(now)]);
    }
}

const fn is_unusual(happening: &Happening) -> bool {
    match happening {
        Happening::Raised { .. } => true,
        Happening::Lowered { .. } => false,
        other => matches!(
            other.leads_to(),
            Some(Status::Compensating | Status::Refunded | Status::Failed | Status::Canceled)
        ),
    }
}

const fn word(happening: &Happening, status: Status) -> &'static str {
    match happening {
        Happening::Raised {
            flag: FlagKind::InDoubt,
            ..
        } => "in_doubt",
        Happening::Raised {
            flag: FlagKind::NeedsOperator,
            ..
        } => "needs_operator",
        _ => status.name(),
    }
}
