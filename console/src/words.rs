//! The words and colours of the console: what a state, a flag or an entry is called by people, and
//! the sentence that says why a transfer is where it is. Pure: no storage, no HTTP.

use domain::transfer::{Decline, Endpoint, FlagKind, Flags, Status};
use domain::{Step, Timestamp};
use ledger::{Place, Purpose, State, Template};
use transfers::AttemptState;

/// The colour of something, as a class of the style sheet.
pub(crate) type Tone = &'static str;

pub(crate) const GOOD: Tone = "good";
pub(crate) const WAIT: Tone = "wait";
pub(crate) const UNDO: Tone = "undo";
pub(crate) const BAD: Tone = "bad";
pub(crate) const IDLE: Tone = "";

pub(crate) const fn state(status: Status) -> &'static str {
    match status {
        Status::Created => "created",
        Status::Scheduled => "scheduled",
        Status::InReview => "in review",
        Status::RequiresAction => "waiting for the payer",
        Status::Collecting => "collecting",
        Status::Funded => "funded",
        Status::PayingOut => "paying out",
        Status::Compensating => "giving back",
        Status::Completed => "completed",
        Status::Refunded => "refunded",
        Status::Failed => "failed",
        Status::Canceled => "canceled",
    }
}

pub(crate) const fn tone(status: Status) -> Tone {
    match status {
        Status::Created
        | Status::Scheduled
        | Status::InReview
        | Status::Collecting
        | Status::RequiresAction
        | Status::Funded
        | Status::PayingOut => WAIT,
        Status::Completed => GOOD,
        Status::Compensating | Status::Refunded => UNDO,
        Status::Failed => BAD,
        Status::Canceled => IDLE,
    }
}

/// The colour of a whole transfer: what is unusual is seen before the state.
pub(crate) const fn tone_of(status: Status, flags: Flags) -> Tone {
    if flags.is_empty() { tone(status) } else { BAD }
}

/// The colour of one line of a history: a doubt that began is no step forward.
pub(crate) fn change_tone(status: Status, cause: &str) -> Tone {
    match cause {
        "doubt_began" | "operator_needed" => BAD,
        _ => tone(status),
    }
}

/// A note is a sentence, or the reason of a refusal by its name.
pub(crate) fn note(note: String) -> String {
    note.parse()
        .map_or(note, |reason| decline(reason).to_owned())
}

pub(crate) fn flags(flags: Flags) -> Vec<&'static str> {
    let mut words = Vec::new();
    if flags.in_doubt.is_some() {
        words.push(flag(FlagKind::InDoubt));
    }
    if flags.needs_operator.is_some() {
        words.push(flag(FlagKind::NeedsOperator));
    }
    if flags.on_hold.is_some() {
        words.push(flag(FlagKind::OnHold));
    }
    words
}

const fn flag(kind: FlagKind) -> &'static str {
    match kind {
        FlagKind::InDoubt => "in doubt",
        FlagKind::NeedsOperator => "needs a person",
        FlagKind::OnHold => "on hold",
    }
}

pub(crate) const fn step(step: Step) -> &'static str {
    match step {
        Step::Screen => "looking whether it may begin",
        Step::Convert => "changing its currency",
        Step::Collect => "collecting from the sender",
        Step::Fund => "booking it into the pool",
        Step::PayOut => "paying the receiver",
        Step::Settle => "settling the payout",
    }
}

pub(crate) const fn decline(decline: Decline) -> &'static str {
    match decline {
        Decline::InsufficientFunds => "there was not enough money",
        Decline::AccountClosed => "the account is closed",
        Decline::AccountFrozen => "the account is frozen",
        Decline::AccountUnknown => "the bank does not know the account",
        Decline::AmountNotAllowed => "the bank does not take this amount",
        Decline::CardExpired => "the card has expired",
        Decline::CardBlocked => "the card was reported lost or stolen",
        Decline::CardNotVerified => "the card's number or security code is wrong",
        Decline::ConfirmationMissing => "the card's holder would have had to confirm it",
        Decline::TakenBack => "it was taken back before the bank decided",
        Decline::UserBlocked => "the sender is blocked",
        Decline::LimitReached => "no more may be moved in this period",
        Decline::ReviewDenied => "somebody looked at it and said no",
        Decline::QuoteExpired => "the quote expired before it began",
        Decline::NotPaidInTime => "nobody paid at the checkout in time",
        Decline::RefusedByBank => "the bank refused for a reason of its own",
    }
}

pub(crate) const fn account_tone(state: State) -> Tone {
    match state {
        State::Open => GOOD,
        State::Frozen => UNDO,
        State::Closed => IDLE,
    }
}

pub(crate) fn account(purpose: Purpose, place: Place) -> String {
    let kind = match purpose {
        Purpose::Wallet => "the user's wallet",
        Purpose::Float => "the partner's own money",
        Purpose::Pool => "pool: money on its way",
        Purpose::Suspense => "set aside for the bank",
        Purpose::Nostro => "our account at the bank",
        Purpose::Fees => "fees we earned",
        Purpose::Liquidity => "money to exchange with",
        Purpose::Spread => "earned by exchanging",
        Purpose::Disputes => "contested at a card's bank",
        Purpose::Losses => "lost",
        Purpose::Limit => "what may still be moved",
        Purpose::Limits => "all that is allowed",
    };
    match place {
        Place::Internal => kind.to_owned(),
        Place::Rail(rail) => format!("{kind} ({rail})"),
    }
}

/// What an entry in the book did, for people.
pub(crate) const fn entry(template: Template) -> (&'static str, Tone) {
    match template {
        Template::CollectFromWallet => ("Taken from the sender's wallet", WAIT),
        Template::CollectFromFloat => ("Taken from the partner's own money", WAIT),
        Template::CollectFromBank => ("Arrived from the sender's bank", WAIT),
        Template::CollectFromCard => ("Charged to the sender's card", WAIT),
        Template::CollectFromCheckout => ("Arrived from the checkout", WAIT),
        Template::SetAside => ("Set aside for the payout", WAIT),
        Template::PayWallet => ("Paid into the receiver's wallet", GOOD),
        Template::PayFloat => ("Paid to the partner", GOOD),
        Template::PayMerchant => ("Paid to the merchant, less the fee", GOOD),
        Template::SettlePayout => ("Paid out by the bank", GOOD),
        Template::ReleaseSetAside => ("Back from the payout that was refused", UNDO),
        Template::GiveBackToWallet => ("Given back to the sender's wallet", UNDO),
        Template::GiveBackToFloat => ("Given back to the partner", UNDO),
        Template::GiveBackToBank => ("Given back to the sender's bank", UNDO),
        Template::GiveBackToCard => ("The charge on the card was taken back", UNDO),
        Template::GiveBackToCheckout => ("Given back by the checkout", UNDO),
        Template::FeeFromTransfer => ("Fee taken from the transfer", IDLE),
        Template::FeeBackToTransfer => ("Fee given back to the transfer", UNDO),
        Template::FeeFromAccount => ("Fee charged", IDLE),
        Template::FeeBackToAccount => ("Fee given back", UNDO),
        Template::Refund => ("Refunded by the receiver", UNDO),
        Template::SetAsideRefund => ("Set aside for a refund", WAIT),
        Template::SettleRefund => ("Refund paid by the bank", UNDO),
        Template::ReleaseRefund => ("Back from the refund that was refused", UNDO),
        Template::PayoutReturned => ("The payout came back from the bank", BAD),
        Template::Chargeback => ("Taken back by the card's bank", BAD),
        Template::ChargebackWon => ("The dispute was won", GOOD),
        Template::ChargebackCharged => ("Lost dispute, borne by who was paid", BAD),
        Template::ChargebackLost => ("Lost dispute, borne by us", BAD),
        Template::Convert => ("Changed into the other currency", WAIT),
        Template::Exchange => ("Money changed", GOOD),
        Template::FundLiquidity => ("Money provided to exchange with", IDLE),
        Template::DrawLiquidity => ("Money to exchange with taken out", IDLE),
        Template::TopUp => ("Paid in", GOOD),
        Template::Withdraw => ("Paid out to the owner", GOOD),
        Template::Distribute => ("Shared out", GOOD),
        Template::OpenLimit => ("A period's allowance", IDLE),
        Template::RaiseLimit => ("The allowance was raised", IDLE),
        Template::LowerLimit => ("The allowance was lowered", IDLE),
        Template::UseLimit => ("A part of the allowance used", IDLE),
        Template::Correction => ("A wrong entry taken back", UNDO),
        Template::Opening => ("Opening balance of the sandbox", IDLE),
    }
}

/// What a bank said to one request: the word, its colour, and what else is known.
pub(crate) fn attempt(state: &AttemptState) -> (&'static str, Tone, String) {
    match state {
        AttemptState::Open => ("no answer yet", BAD, String::new()),
        AttemptState::Done { bank_reference } => ("done", GOOD, bank_reference.clone()),
        AttemptState::Rejected(rejection) => (
            "refused",
            UNDO,
            format!(
                "{} ({})",
                decline(rejection.decline),
                rejection.network_code
            ),
        ),
        AttemptState::NotSent => ("not sent", IDLE, String::new()),
        AttemptState::Unknown { evidence } => ("unknown", BAD, evidence.clone()),
    }
}

/// One sentence: why it is where it is, whether money is at risk, what comes next.
pub(crate) fn why(status: Status, flags: Flags, reason: Option<Decline>) -> String {
    if let Some(flag) = flags.needs_operator {
        return format!(
            "A person has to decide: {} could not be finished or undone by itself. Nothing more \
             moves until then.",
            step(flag.step)
        );
    }
    if let Some(flag) = flags.in_doubt {
        return format!(
            "The bank's answer about {} never came. It is being asked by our own reference; until \
             it is known what happened, nothing is repeated and nothing is given back.",
            step(flag.step)
        );
    }
    if flags.on_hold.is_some() {
        return "A person stopped it. Nothing more leaves until it is released.".to_owned();
    }
    let because = reason.map_or(String::new(), |reason| format!(": {}", decline(reason)));
    match status {
        Status::Created => {
            "Accepted and stored. Nothing has moved yet; it starts within moments.".to_owned()
        }
        Status::Scheduled => {
            "To be carried out at a later date. Nothing moves until then.".to_owned()
        }
        Status::InReview => {
            "Somebody has to look at it and approve or deny it. Nothing has moved yet.".to_owned()
        }
        Status::Collecting => "The sender is being asked for the money.".to_owned(),
        Status::RequiresAction => {
            "The payer has to pay on the provider's page. Until then, or until the time is over, \
             nothing more happens."
                .to_owned()
        }
        Status::Funded => "The money is with us and goes on to the receiver next.".to_owned(),
        Status::PayingOut => "The money is set aside, and the receiver is being paid.".to_owned(),
        Status::Compensating => {
            format!("The payout was refused for good{because}. The sender gets the money back.")
        }
        Status::Completed => "The receiver has the money. Nothing is left to do.".to_owned(),
        Status::Refunded => {
            format!("The payout was refused for good{because}. The sender has the money back.")
        }
        Status::Failed => {
            format!("The collection was refused for good{because}. Nothing was kept.")
        }
        Status::Canceled => "Called off before anything had moved.".to_owned(),
    }
}

pub(crate) fn endpoint(endpoint: Endpoint) -> String {
    match endpoint {
        Endpoint::Wallet { account } => format!("wallet {}", short(&account.to_string())),
        Endpoint::BankAccount { account, .. } => {
            format!("bank account {}", short(&account.to_string()))
        }
        Endpoint::Card { card, .. } => format!("card {}", short(&card.to_string())),
        Endpoint::Checkout { rail } => format!("checkout ({rail})"),
        Endpoint::Merchant { merchant, .. } => {
            format!("merchant {}", short(&merchant.to_string()))
        }
    }
}

/// The prefix and the last six letters: ids minted together only differ at their end.
pub(crate) fn short(id: &str) -> String {
    match (
        id.split_once('_'),
        id.len().checked_sub(6).and_then(|from| id.get(from..)),
    ) {
        (Some((prefix, _)), Some(end)) => format!("{prefix}_…{end}"),
        _ => id.to_owned(),
    }
}

/// An instant for people, with the exact one behind it for the script that adds local time.
#[derive(Debug)]
pub(crate) struct Moment {
    pub(crate) iso: String,
    pub(crate) utc: String,
}

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let iso = at.to_string();
        let utc = iso
            .split_once('.')
            .map_or(iso.as_str(), |(seconds, _)| seconds)
            .replace('T', " ");
        Self { iso, utc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_speaks_before_the_state() {
        let flags =
            Flags::default().raised(FlagKind::InDoubt, Step::PayOut, Timestamp::from_seconds(1));
        let why = why(Status::PayingOut, flags, None);
        assert!(
            why.contains("never came") && why.contains("nothing is given back"),
            "{why}"
        );
    }

    #[test]
    fn a_moment_is_readable_and_exact() {
        let moment = Moment::from(Timestamp::from_micros(1_709_208_000_000_001));
        assert_eq!(moment.utc, "2024-02-29 12:00:00");
        assert_eq!(moment.iso, "2024-02-29T12:00:00.000001Z");
    }

    #[test]
    fn the_end_of_an_id_tells_it_apart() {
        assert_eq!(short("ac_00000000000000000000abcdef"), "ac_…abcdef");
        assert_eq!(short("none"), "none");
    }
}
