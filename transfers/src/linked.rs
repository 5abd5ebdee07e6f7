//! What follows a completed transfer: its row, and reading it. Opening, turning and booking it stand
//! in the files below; the transfer's own row is locked by whoever changes anything here.

mod books;
mod notice;
mod open;
pub(crate) mod record;
mod start;

use db::{DbError, Row, Tx, Value, params};
use domain::linked::{Kind, Link, LinkedId, State};
use domain::transfer::{Decline, Flags, Order, Till};
use domain::{Currency, Mode, Money, Step, StepKey, Tenant, Timestamp, TransferId};

use crate::error::StoreError;
use crate::row;
use crate::{Transfers, scope};

pub use notice::{NotTaken, Notice, Noticed};
pub use open::{NewRefund, Opened, Reason, RefundError};

/// No transfer has more of them; the next one is refused by name.
pub(crate) const MOST: i64 = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    pub tenant: Tenant,
    pub id: LinkedId,
    pub transfer: TransferId,
    pub money: Money,
    /// One word for why: a client's reason, or the bank's.
    pub cause: String,
    /// Out of which account it is paid; none where a bank has sent the money.
    pub payer: Option<Till>,
    pub state: State,
    /// What a dispute was decided to be: `won` or `lost`, and in which message.
    pub(crate) decided: String,
    pub decline: Option<Decline>,
    /// The bank's own reference of giving it back.
    pub bank_reference: Option<String>,
    pub flags: Flags,
    pub operator_note: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Linked {
    pub const fn kind(&self) -> Kind {
        self.id.kind()
    }

    /// The input of its workflow.
    pub const fn link(&self, order: Order) -> Link {
        Link {
            id: self.id,
            order,
            money: self.money,
        }
    }

    /// As it was when it was opened: what a replay answers, however far it has come since.
    #[must_use]
    pub fn as_opened(self) -> Self {
        Self {
            state: State::Created,
            decline: None,
            bank_reference: None,
            flags: Flags::default(),
            operator_note: None,
            updated_at: self.created_at,
            ..self
        }
    }
}

pub(crate) const COLUMNS: &str = "partner_id, livemode, transfer_id, linked_id, amount, currency,
    cause, payer, payer_account, state, decided, decline, bank_reference, in_doubt_step,
    in_doubt_since, operator_step, operator_since, operator_note, on_hold_step, on_hold_since,
    created_at, updated_at";

impl Transfers {
    /// Oldest first: all that follows a transfer.
    pub async fn linked_to(
        &self,
        tenant: &Tenant,
        transfer: TransferId,
    ) -> Result<Vec<Linked>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM linked_movements
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3
             ORDER BY linked_id LIMIT $4"
        );
        let mut params = row::keyed(tenant, transfer);
        params.push(MOST.into());
        let rows = self.db.fetch_all(&sql, params).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    pub async fn linked(
        &self,
        tenant: &Tenant,
        id: LinkedId,
    ) -> Result<Option<Linked>, StoreError> {
        let row = self.db.fetch_optional(&by_id(), keyed(tenant, id)).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }
}

fn keyed(tenant: &Tenant, id: LinkedId) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(id.to_string().into());
    params
}

fn by_id() -> String {
    format!(
        "SELECT {COLUMNS} FROM linked_movements
         WHERE partner_id = $1 AND livemode = $2 AND linked_id = $3"
    )
}

/// The transfer's row must be locked: it serialises all that follows it.
pub(crate) async fn find(
    tx: &mut Tx,
    tenant: &Tenant,
    id: LinkedId,
) -> Result<Option<Linked>, DbError> {
    let row = tx.fetch_optional(&by_id(), keyed(tenant, id)).await?;
    row.as_ref().map(read).transpose()
}

/// Whether a step of it may be sent to a bank now.
pub(crate) async fn may_send(tx: &mut Tx, tenant: &Tenant, key: StepKey) -> Result<bool, DbError> {
    let Some(id) = key.linked else {
        return Ok(false);
    };
    let found = find(tx, tenant, id).await?;
    Ok(found.is_some_and(|found| {
        found.transfer == key.transfer
            && found.state == State::Pending
            && matches!(
                (found.kind(), key.step, key.undo),
                (Kind::Refund | Kind::Return, Step::PayOut, false)
            )
    }))
}

/// Stores what can change of it.
pub(crate) async fn store(tx: &mut Tx, linked: &Linked) -> Result<(), DbError> {
    let flags = linked.flags;
    let mut params = keyed(&linked.tenant, linked.id);
    params.extend(params![
        linked.state.name(),
        &linked.decided,
        linked.decline.map(Decline::name),
        linked.bank_reference.as_deref(),
        flags.in_doubt.map(|flag| flag.step.name()),
        flags.in_doubt.map(|flag| flag.since),
        flags.needs_operator.map(|flag| flag.step.name()),
        flags.needs_operator.map(|flag| flag.since),
        linked.operator_note.as_deref(),
        flags.on_hold.map(|flag| flag.step.name()),
        flags.on_hold.map(|flag| flag.since),
        linked.updated_at,
    ]);
    tx.execute(
        "UPDATE linked_movements SET state = $4, decided = $5, decline = $6, bank_reference = $7,
             in_doubt_step = $8, in_doubt_since = $9, operator_step = $10, operator_since = $11,
             operator_note = $12, on_hold_step = $13, on_hold_since = $14, updated_at = $15,
             start_pending = 0
         WHERE partner_id = $1 AND livemode = $2 AND linked_id = $3",
        params,
    )
    .await?;
    Ok(())
}

pub(crate) fn read(row: &Row) -> Result<Linked, DbError> {
    let currency: Currency = row.parse("currency")?;
    Ok(Linked {
        tenant: Tenant {
            partner: row.parse("partner_id")?,
            mode: Mode::from_livemode(row.bool("livemode")?),
        },
        id: row.parse("linked_id")?,
        transfer: row.parse("transfer_id")?,
        money: row::money(row, "amount", currency)?,
        cause: row.text("cause")?,
        payer: payer(row)?,
        state: row.parse("state")?,
        decided: row.text("decided")?,
        decline: row::optional(row, "decline")?,
        bank_reference: row.opt_text("bank_reference")?,
        flags: Flags {
            in_doubt: row::flag(row, "in_doubt_step", "in_doubt_since")?,
            needs_operator: row::flag(row, "operator_step", "operator_since")?,
            on_hold: row::flag(row, "on_hold_step", "on_hold_since")?,
        },
        operator_note: row.opt_text("operator_note")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}

fn payer(row: &Row) -> Result<Option<Till>, DbError> {
    Ok(match row.text("payer")?.as_str() {
        "" => None,
        "wallet" => Some(Till::Wallet {
            account: row.parse("payer_account")?,
        }),
        "float" => Some(Till::Float {
            account: row.parse("payer_account")?,
        }),
        _ => {
            return Err(DbError::column(
                "payer",
                "a kind of account",
                "another word",
            ));
        }
    })
}
