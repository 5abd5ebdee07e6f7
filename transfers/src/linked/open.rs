//! Opening a refund: one commit, no money yet, and never more than was captured. The bound is in the
//! insert itself, so of two that ask at once for the same money one is refused.

use db::{Tx, WriteError, params};
use domain::linked::{Kind, Link, LinkedId, State};
use domain::transfer::{Endpoint, Flags, Status, Till};
use domain::{Money, RequestId, Tenant, TransferId};

use super::{Linked, MOST, find};
use crate::ends::complaint;
use crate::error::{FieldError, StoreError};
use crate::{IdempotencyKey, Transfer, Transfers, row, scope};

macro_rules! reasons {
    ($($name:ident = $word:literal;)*) => {
        /// Why a client gives money back. A word of a list, as it is kept for ever.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Reason { $($name,)* }

        impl Reason {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

reasons! {
    RequestedByCustomer = "requested_by_customer";
    Duplicate = "duplicate";
    Fraudulent = "fraudulent";
    NotDelivered = "not_delivered";
}

#[derive(Clone, Debug)]
pub struct NewRefund {
    pub transfer: TransferId,
    /// None: all that is left.
    pub money: Option<Money>,
    pub reason: Reason,
    pub request_id: RequestId,
}

#[derive(Clone, Debug)]
pub struct Opened {
    pub linked: Linked,
    pub link: Link,
    pub replayed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    #[error("there is no such transfer here; nothing was stored")]
    NoSuchTransfer,
    /// Nothing was stored, and the key is still free.
    #[error("the refund cannot be accepted: {0}; nothing was stored")]
    Invalid(FieldError),
    #[error("the idempotency key belongs to another refund: {pointer} differs; nothing was stored")]
    KeyReused { pointer: &'static str },
    #[error("the refund was not accepted")]
    Store(#[from] StoreError),
}

impl From<db::DbError> for RefundError {
    fn from(error: db::DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<WriteError<Self>> for RefundError {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(refused) => refused,
            WriteError::Overloaded => StoreError::Overloaded.into(),
            WriteError::Unknown(source) => StoreError::Unknown(source).into(),
            WriteError::Closed => StoreError::Closed.into(),
        }
    }
}

fn no(pointer: &str, code: &'static str, detail: impl Into<String>) -> RefundError {
    RefundError::Invalid(complaint(pointer, code, detail))
}

impl Transfers {
    /// Opens a refund of a completed transfer, or replays the answer that the same key got before.
    pub async fn refund(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: NewRefund,
    ) -> Result<Opened, RefundError> {
        let found = self.order(tenant, new.transfer).await?;
        let order = found.ok_or(RefundError::NoSuchTransfer)?;
        // An account of ours that never changes hands, so it is looked up outside.
        let float = match inside(order.destination) {
            Some(_) => None,
            None => self.float(tenant, order.sends()).await?,
        };
        let id = LinkedId::new(Kind::Refund, self.mint.next().map_err(StoreError::from)?);
        let asked_by = format!("key:{}", key.as_str());
        let tenant = *tenant;
        let opened = self.db.write(move |tx: &mut Tx| {
            let (new, asked_by) = (new.clone(), asked_by.clone());
            Box::pin(async move {
                let found = row::lock(tx, &tenant, new.transfer).await?;
                let transfer = found.ok_or(RefundError::NoSuchTransfer)?.transfer;
                if let Some(before) = before(tx, &tenant, &asked_by, &new).await? {
                    return Ok((before, true));
                }
                let draft = draft(tx, &transfer, id, &new, float).await?;
                insert(tx, &transfer, &draft, &new, &asked_by).await?;
                Ok((draft, false))
            })
        });
        let opened: Result<_, WriteError<RefundError>> = opened.await;
        let (linked, replayed) = opened?;
        let link = linked.link(order);
        Ok(Opened {
            linked,
            link,
            replayed,
        })
    }

    async fn float(&self, tenant: &Tenant, money: Money) -> Result<Option<Till>, StoreError> {
        let float = ledger::float_of(&self.db, *tenant, money.currency()).await?;
        Ok(float.map(|float| Till::Float { account: float.id }))
    }
}

/// Where the receiver's money lies, if that is with us.
pub(super) const fn inside(destination: Endpoint) -> Option<Till> {
    match destination {
        Endpoint::Wallet { account } => Some(Till::Wallet { account }),
        Endpoint::Merchant { till, .. } => Some(till),
        Endpoint::BankAccount { .. } | Endpoint::Card { .. } | Endpoint::Checkout { .. } => None,
    }
}

/// What the key was used for before, if this is the same refund again.
async fn before(
    tx: &mut Tx,
    tenant: &Tenant,
    asked_by: &str,
    new: &NewRefund,
) -> Result<Option<Linked>, RefundError> {
    let mut params = scope(tenant);
    params.push(asked_by.into());
    let row = tx
        .fetch_optional(
            "SELECT linked_id, transfer_id, asked, currency, cause FROM linked_movements
             WHERE partner_id = $1 AND livemode = $2 AND kind = 'refund' AND asked_by = $3",
            params,
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let asked = new.money.map_or(0, Money::minor);
    let currency = new.money.map(Money::currency);
    let same = [
        (
            "/transfer",
            row.parse::<TransferId>("transfer_id")? == new.transfer,
        ),
        ("/amount/amount", row.int("asked")? == asked),
        (
            "/amount/currency",
            currency.is_none_or(|asked| {
                row.parse("currency")
                    .is_ok_and(|it: domain::Currency| it == asked)
            }),
        ),
        ("/reason", row.text("cause")? == new.reason.name()),
    ];
    if let Some((pointer, _)) = same.into_iter().find(|(_, same)| !same) {
        return Err(RefundError::KeyReused { pointer });
    }
    Ok(find(tx, tenant, row.parse("linked_id")?).await?)
}

async fn draft(
    tx: &mut Tx,
    transfer: &Transfer,
    id: LinkedId,
    new: &NewRefund,
    float: Option<Till>,
) -> Result<Linked, RefundError> {
    if transfer.status != Status::Completed {
        let detail = format!(
            "The transfer is {}; only what is completed is refunded.",
            transfer.status
        );
        return Err(no("", "not_completed", detail));
    }
    if transfer.quote.is_some() {
        let detail =
            "The money changed its currency on the way; what it is worth now is another transfer.";
        return Err(no("", "exchanged", detail));
    }
    let payer = inside(transfer.destination).or(float).ok_or_else(|| {
        let detail =
            "The receiver's money is not with us, and the partner has no float to pay from.";
        no("", "no_payer", detail)
    })?;
    let rest = rest(tx, transfer).await?;
    let money = new.money.unwrap_or(rest);
    if money.currency() != rest.currency() {
        let detail = format!("The transfer was in {}.", rest.currency());
        return Err(no("/amount/currency", "currency_differs", detail));
    }
    if new.money.is_some() && !money.is_positive() {
        return Err(no("/amount/amount", "not_positive", "More than nothing."));
    }
    if !rest.is_positive() {
        let detail = "All of it is given back already, or about to be.";
        return Err(no("", "nothing_left", detail));
    }
    Ok(Linked {
        tenant: transfer.tenant,
        id,
        transfer: transfer.id,
        money,
        cause: new.reason.name().to_owned(),
        payer: Some(payer),
        state: State::Created,
        decided: String::new(),
        decline: None,
        bank_reference: None,
        flags: Flags::default(),
        operator_note: None,
        created_at: tx.now(),
        updated_at: tx.now(),
    })
}

/// What was captured and is neither given back nor about to be.
async fn rest(tx: &mut Tx, transfer: &Transfer) -> Result<Money, RefundError> {
    let sql = format!("SELECT {TAKEN} AS taken");
    let row = tx
        .fetch_optional(&sql, row::keyed(&transfer.tenant, transfer.id))
        .await?;
    let taken: i64 = row.map_or(Ok(0), |row| row.int("taken"))?;
    let left = transfer.facts.debited.minor() - taken;
    let money = Money::from_minor(left, transfer.money.currency());
    Ok(money.unwrap_or(Money::zero(transfer.money.currency())))
}

/// All that follows the transfer and was not refused, and no dispute that was won.
const TAKEN: &str = "(SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM linked_movements
     WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3
         AND state <> 'failed' AND state <> 'won')";

/// One statement says how much there may be and writes it: whoever comes second is refused.
async fn insert(
    tx: &mut Tx,
    transfer: &Transfer,
    linked: &Linked,
    new: &NewRefund,
    asked_by: &str,
) -> Result<(), RefundError> {
    let written = write(
        tx,
        transfer,
        linked,
        asked_by,
        new.money.map_or(0, Money::minor),
        new.request_id,
        transfer.facts.debited,
        TAKEN,
    )
    .await?;
    if written {
        return Ok(());
    }
    let rest = rest(tx, transfer).await?;
    if linked.money.minor() <= rest.minor() {
        let detail = format!("A transfer has at most {MOST} of them.");
        return Err(no("", "too_many", detail));
    }
    let detail = format!("Only {rest} of it are left to be given back.");
    Err(no("/amount/amount", "exceeds_captured", detail))
}

/// False where it would be more than `most` together with what `taken` counts, or one too many.
#[allow(clippy::too_many_arguments)] // All of them go into one row.
pub(super) async fn write(
    tx: &mut Tx,
    transfer: &Transfer,
    linked: &Linked,
    asked_by: &str,
    asked: i64,
    request: RequestId,
    most: Money,
    taken: &str,
) -> Result<bool, db::DbError> {
    let (payer, account) = match linked.payer {
        None => ("", String::new()),
        Some(Till::Wallet { account }) => ("wallet", account.to_string()),
        Some(Till::Float { account }) => ("float", account.to_string()),
    };
    let mut params = row::keyed(&transfer.tenant, transfer.id);
    params.extend(params![
        linked.id.to_string(),
        linked.kind().name(),
        asked_by,
        asked,
        linked.cause.as_str(),
        linked.money.minor(),
        linked.money.currency().code(),
        payer,
        account,
        request.to_string(),
        tx.now(),
        most.minor(),
        MOST,
    ]);
    let sql = format!(
        "INSERT INTO linked_movements (partner_id, livemode, transfer_id, linked_id, kind, asked_by,
             asked, cause, amount, currency, payer, payer_account, state, decided, request_id,
             start_pending, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'created', '', $13, 1, $14, $14
         WHERE {taken} + $9 <= $15
             AND (SELECT COUNT(*) FROM linked_movements
                  WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3) < $16
         ON CONFLICT (partner_id, livemode, kind, asked_by) DO NOTHING"
    );
    Ok(tx.execute(&sql, params).await? == 1)
}
