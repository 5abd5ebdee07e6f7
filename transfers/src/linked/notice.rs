//! What a bank tells about a completed transfer, days later: a payout that came back, a payment that
//! its card's holder contests, and how that ended. It begins with a message of the rail that was
//! verified and stored; the message's id is what makes it happen once.

use db::{Tx, WriteError, params};
use domain::linked::{Kind, Link, LinkedId, State};
use domain::rail::RailId;
use domain::transfer::{Endpoint, Flags, Status, Till};
use domain::{Money, RequestId, Tenant, TransferId};

use super::open::{inside, write};
use super::{Linked, MOST, find, read, store};
use crate::error::StoreError;
use crate::{Transfer, Transfers, plain, row, scope};

/// What the stored message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noticed {
    /// The receiver's bank has sent the money back.
    Returned,
    /// The card's bank has taken the money back from us.
    ChargedBack,
    DisputeWon,
    DisputeLost,
}

#[derive(Clone, Debug)]
pub struct Notice {
    /// The id of the stored message.
    pub message: String,
    pub noticed: Noticed,
    pub rail: RailId,
    pub transfer: TransferId,
    pub money: Money,
    /// The bank's word for why.
    pub cause: String,
    pub request_id: RequestId,
}

/// Why a message begins nothing. The money that it tells of is for a person to look at.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    #[error("there is no such transfer here")]
    NoSuchTransfer,
    #[error("the transfer is {0}; only what is completed can come back")]
    NotCompleted(Status),
    #[error("the transfer did not go over {0} like this")]
    AnotherRail(RailId),
    #[error("the transfer moved another currency there")]
    CurrencyDiffers,
    #[error("more than was moved there would come back")]
    MoreThanMoved,
    #[error("there is no open dispute about this transfer")]
    NoDispute,
    #[error("the message could not be looked at")]
    Store(#[from] StoreError),
}

impl From<db::DbError> for NotTaken {
    fn from(error: db::DbError) -> Self {
        Self::Store(error.into())
    }
}

impl From<WriteError<Self>> for NotTaken {
    fn from(error: WriteError<Self>) -> Self {
        match error {
            WriteError::Refused(refused) => refused,
            WriteError::Overloaded => StoreError::Overloaded.into(),
            WriteError::Unknown(source) => StoreError::Unknown(source).into(),
            WriteError::Closed => StoreError::Closed.into(),
        }
    }
}

impl Transfers {
    /// Takes a stored message in, once. What it began has a workflow of its own, to be started or to
    /// be told; the sweeper starts it where nobody else does.
    pub async fn noticed(&self, tenant: &Tenant, notice: &Notice) -> Result<Link, NotTaken> {
        let found = self.order(tenant, notice.transfer).await?;
        let order = found.ok_or(NotTaken::NoSuchTransfer)?;
        let bits = self.mint.next().map_err(StoreError::from)?;
        let (tenant, notice) = (*tenant, notice.clone());
        let taken = self.db.write(move |tx: &mut Tx| {
            let notice = notice.clone();
            Box::pin(async move {
                let found = row::lock(tx, &tenant, notice.transfer).await?;
                let transfer = found.ok_or(NotTaken::NoSuchTransfer)?.transfer;
                match notice.noticed {
                    Noticed::Returned => {
                        open(tx, &transfer, LinkedId::new(Kind::Return, bits), &notice).await
                    }
                    Noticed::ChargedBack => {
                        open(
                            tx,
                            &transfer,
                            LinkedId::new(Kind::Chargeback, bits),
                            &notice,
                        )
                        .await
                    }
                    Noticed::DisputeWon => decide(tx, &transfer, "won", &notice).await,
                    Noticed::DisputeLost => decide(tx, &transfer, "lost", &notice).await,
                }
            })
        });
        let taken: Result<Linked, WriteError<NotTaken>> = taken.await;
        Ok(taken?.link(order))
    }
}

async fn open(
    tx: &mut Tx,
    transfer: &Transfer,
    id: LinkedId,
    notice: &Notice,
) -> Result<Linked, NotTaken> {
    let asked_by = format!("message:{}", notice.message);
    let mut params = scope(&transfer.tenant);
    params.extend(params![id.kind().name(), asked_by.as_str()]);
    let sql = format!(
        "SELECT {} FROM linked_movements
         WHERE partner_id = $1 AND livemode = $2 AND kind = $3 AND asked_by = $4",
        super::COLUMNS
    );
    if let Some(row) = tx.fetch_optional(&sql, params).await? {
        return Ok(read(&row)?);
    }
    if transfer.status != Status::Completed {
        return Err(NotTaken::NotCompleted(transfer.status));
    }
    let order = transfer.order();
    let (moved, payer) = match (id.kind(), order.source, order.destination) {
        (Kind::Return, _, Endpoint::BankAccount { rail, .. }) if rail == notice.rail => {
            (order.receives(), None)
        }
        (Kind::Chargeback, Endpoint::Card { rail, .. } | Endpoint::Checkout { rail }, to)
            if rail == notice.rail =>
        {
            (order.sends(), charged(&transfer.order(), inside(to)))
        }
        _ => return Err(NotTaken::AnotherRail(notice.rail)),
    };
    if moved.currency() != notice.money.currency() {
        return Err(NotTaken::CurrencyDiffers);
    }
    let linked = Linked {
        tenant: transfer.tenant,
        id,
        transfer: transfer.id,
        money: notice.money,
        cause: plain(&notice.cause),
        payer,
        state: State::Created,
        decided: String::new(),
        decline: None,
        bank_reference: None,
        flags: Flags::default(),
        operator_note: None,
        created_at: tx.now(),
        updated_at: tx.now(),
    };
    // A bank takes back what it moved, whatever we have given back meanwhile, and never more.
    let taken = match id.kind() {
        Kind::Chargeback => OF_CHARGEBACKS,
        Kind::Return | Kind::Refund => OF_RETURNS,
    };
    let written = write(
        tx,
        transfer,
        &linked,
        &asked_by,
        0,
        notice.request_id,
        moved,
        taken,
    );
    if written.await? {
        Ok(linked)
    } else {
        Err(NotTaken::MoreThanMoved)
    }
}

/// Who was paid bears what is lost, where that money is with us and in the same currency.
const fn charged(order: &domain::transfer::Order, payer: Option<Till>) -> Option<Till> {
    match order.quote {
        None => payer,
        Some(_) => None,
    }
}

const OF_RETURNS: &str = "(SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM linked_movements
     WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND kind = 'return')";
const OF_CHARGEBACKS: &str =
    "(SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM linked_movements
     WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND kind = 'chargeback'
         AND state <> 'won')";

/// The first decision stands; the same message again changes nothing.
async fn decide(
    tx: &mut Tx,
    transfer: &Transfer,
    word: &str,
    notice: &Notice,
) -> Result<Linked, NotTaken> {
    let mut params = row::keyed(&transfer.tenant, transfer.id);
    params.push(MOST.into());
    let rows = tx
        .fetch_all(
            "SELECT linked_id FROM linked_movements
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND kind = 'chargeback'
             ORDER BY linked_id LIMIT $4",
            params,
        )
        .await?;
    let decided = format!("{word} {}", plain(&notice.message));
    let mut open = None;
    for row in &rows {
        let found = find(tx, &transfer.tenant, row.parse("linked_id")?).await?;
        match found {
            Some(linked) if linked.decided == decided => return Ok(linked),
            Some(linked) if linked.decided.is_empty() && linked.money == notice.money => {
                open = open.or(Some(linked));
            }
            _ => {}
        }
    }
    let mut linked = open.ok_or(NotTaken::NoDispute)?;
    linked.decided = decided;
    linked.updated_at = tx.now();
    let pending = matches!(linked.state, State::Created);
    store(tx, &linked).await?;
    if pending {
        super::start::again(tx, &linked).await?;
    }
    Ok(linked)
}
