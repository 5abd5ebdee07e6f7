//! What an order costs and at which quote it changes its currency: agreed as it is accepted.

use db::Tx;
use domain::transfer::{Endpoint, LockedQuote, NotThen};
use domain::{Money, Tenant, Timestamp};
use ledger::Taken;

use crate::accept::Operation;
use crate::ends::{End, complaint};
use crate::error::{AcceptError, FieldError};
use crate::{NewTransfer, Transfer, Transfers};

impl Transfers {
    /// The quote that the order names, if there is one and it fits.
    pub(crate) async fn quoted(
        &self,
        tenant: &Tenant,
        new: &NewTransfer,
        wrong: &mut Vec<FieldError>,
    ) -> Result<Option<LockedQuote>, AcceptError> {
        let Some(id) = new.quote else {
            return Ok(None);
        };
        let found = ledger::quote(&self.db, *tenant, id).await?;
        let now = self.clock.now();
        let unfit = match &found {
            None => Some(("unknown", "is no quote here")),
            Some(quote) if quote.expires_at() <= now => Some(EXPIRED),
            Some(quote) if quote.taken_by().is_some() => Some(TAKEN),
            Some(quote) if quote.sold() != new.money => Some((
                "amount_differs",
                "is for another amount than the transfer's",
            )),
            Some(_) => None,
        };
        if let Some((code, detail)) = unfit {
            wrong.push(complaint("/quote", code, detail));
            return Ok(None);
        }
        Ok(found.map(|quote| LockedQuote {
            id: quote.id(),
            sells: quote.sold(),
            buys: quote.bought(),
            spread: quote.spread(),
            expires_at: quote.expires_at(),
        }))
    }
}

impl Transfers {
    /// The instant at which it is to be carried out, where the order names a time.
    pub(crate) fn begins(
        &self,
        new: &NewTransfer,
        operation: Operation,
        ends: [Endpoint; 2],
        quote: Option<LockedQuote>,
        wrong: &mut Vec<FieldError>,
    ) -> Option<Timestamp> {
        let when = new.execute_at?;
        let rails: Vec<_> = ends.into_iter().filter_map(Endpoint::rail).collect();
        // An occurrence that was missed is made up for: its day may be past.
        let begins = match operation {
            Operation::Occurrence => Ok(when.instant(&rails)),
            Operation::Create | Operation::BatchItem => when.begins(&rails, self.clock.now()),
        };
        match begins {
            Ok(at) if quote.is_some_and(|quote| quote.expires_at <= at) => {
                let detail = "expires before the transfer is to be carried out";
                wrong.push(complaint("/quote", "expires_before", detail));
                None
            }
            Ok(at) => Some(at),
            Err(not) => {
                let code = match not {
                    NotThen::Past => "in_the_past",
                    NotThen::TooFar => "too_far_ahead",
                };
                wrong.push(complaint("/execute_at", code, not.to_string()));
                None
            }
        }
    }
}

const EXPIRED: (&str, &str) = ("expired", "has expired; ask for another");
const TAKEN: (&str, &str) = ("taken", "was used for another transfer");

/// Takes the quote of a transfer in the transaction that accepts it: from then on nobody else has
/// it.
pub(crate) async fn take(tx: &mut Tx, transfer: &Transfer) -> Result<(), AcceptError> {
    let Some(quote) = transfer.quote else {
        return Ok(());
    };
    let (code, detail) =
        match ledger::take_quote(tx, transfer.tenant, quote.id, transfer.id).await? {
            Taken::Yours(_) => return Ok(()),
            Taken::Expired { .. } => EXPIRED,
            Taken::AnotherHasIt => TAKEN,
            Taken::Unknown => ("unknown", "is no quote here"),
        };
    Err(AcceptError::Invalid(vec![complaint(
        "/quote", code, detail,
    )]))
}

/// What is kept of what arrives. Complains where nothing would be left of it.
pub(crate) fn fee(arrives: Money, destination: &End, wrong: &mut Vec<FieldError>) -> Option<Money> {
    let fee = destination.fee.of(arrives).unwrap_or(Some(arrives));
    if fee.is_some_and(|fee| fee.minor() >= arrives.minor()) {
        let detail = "is no more than what the merchant pays for receiving it";
        wrong.push(complaint("/amount/amount", "below_fee", detail));
    }
    fee
}
