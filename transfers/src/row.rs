//! Between a row of `transfers` and a [`Transfer`].

use std::collections::BTreeMap;

use db::{DbError, Dialect, Row, Tx, Value, params};
use domain::transfer::{Decline, Endpoint, Flag, Flags, MoneyFacts, Order, Status};
use domain::{Currency, Mode, Money, Step, Tenant, TransferId, UserId};

use crate::{NetworkStatus, StatusReason, StoreError, Transfer, Transfers, scope};

pub(crate) const COLUMNS: &str = "partner_id, livemode, transfer_id, amount, currency,
    source_account, source_rail, destination_account, destination_rail, subject_id,
    sealed_description, client_reference, metadata, request_id, created_at, pool_rail, start_pending,
    status,
    decline, network_scheme, network_code, debited, held, credited, refunded, in_doubt_step,
    in_doubt_since, operator_step, operator_since, collect_reference, payout_reference,
    refund_reference, version, updated_at";

/// A transfer whose description is still sealed.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) transfer: Transfer,
    pub(crate) subject: UserId,
    pub(crate) sealed_description: Option<Vec<u8>>,
}

/// Binds a sealed description to its transfer.
pub(crate) fn description_purpose(id: TransferId) -> String {
    format!("transfer/{id}/description")
}

impl Transfers {
    pub async fn get(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Option<Transfer>, StoreError> {
        let row = self
            .db
            .fetch_optional(&by_id(None), keyed(tenant, id))
            .await?;
        match row {
            Some(row) => Ok(Some(self.open(Stored::read(&row)?).await?)),
            None => Ok(None),
        }
    }

    /// What was accepted, which nothing ever changes. None where there is no such transfer here.
    pub async fn order(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Option<Order>, StoreError> {
        let sql = by_id(None);
        let row = self.db.fetch_optional(&sql, keyed(tenant, id)).await?;
        row.map(|row| Ok(Stored::read(&row)?.transfer.order()))
            .transpose()
    }

    /// Opens the description. Of an erased person nothing can be opened any more.
    pub(crate) async fn open(&self, stored: Stored) -> Result<Transfer, StoreError> {
        let mut transfer = stored.transfer;
        if let Some(sealed) = stored.sealed_description {
            let tenant = &transfer.tenant;
            if let Some(key) = self.identity.subject_key(tenant, stored.subject).await? {
                let plain = key.open(&description_purpose(transfer.id), &sealed)?;
                transfer.description = Some(String::from_utf8_lossy(&plain).into_owned());
            }
        }
        Ok(transfer)
    }
}

/// Reads a row and keeps everybody else from changing it until the transaction ends.
pub(crate) async fn lock(
    tx: &mut Tx,
    tenant: &Tenant,
    id: TransferId,
) -> Result<Option<Stored>, StoreError> {
    let sql = by_id(Some(tx.dialect()));
    let row = tx.fetch_optional(&sql, keyed(tenant, id)).await?;
    row.as_ref().map(Stored::read).transpose()
}

pub(crate) fn keyed(tenant: &Tenant, id: TransferId) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(id.to_string().into());
    params
}

pub(crate) fn scope_of(transfer: &Transfer) -> Vec<Value> {
    scope(&transfer.tenant)
}

fn by_id(locked: Option<Dialect>) -> String {
    let lock = locked.map_or("", Dialect::for_update);
    format!(
        "SELECT {COLUMNS} FROM transfers
         WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3{lock}"
    )
}

impl Stored {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let currency: Currency = row.parse("currency")?;
        let metadata: BTreeMap<_, _> = serde_json::from_str(&row.text("metadata")?)?;
        let transfer = Transfer {
            tenant: Tenant {
                partner: row.parse("partner_id")?,
                mode: Mode::from_livemode(row.bool("livemode")?),
            },
            id: row.parse("transfer_id")?,
            money: money(row, "amount", currency)?,
            source: endpoint(row, "source_account", "source_rail")?,
            destination: endpoint(row, "destination_account", "destination_rail")?,
            client_reference: row.opt_text("client_reference")?,
            description: None,
            metadata,
            request_id: row.parse("request_id")?,
            created_at: row.timestamp("created_at")?,
            pool: row.parse("pool_rail")?,
            start_pending: row.bool("start_pending")?,
            status: row.parse("status")?,
            status_reason: reason(row)?,
            network_status: network(row)?,
            facts: MoneyFacts {
                debited: money(row, "debited", currency)?,
                held: money(row, "held", currency)?,
                credited: money(row, "credited", currency)?,
                refunded: money(row, "refunded", currency)?,
            },
            flags: Flags {
                in_doubt: flag(row, "in_doubt_step", "in_doubt_since")?,
                needs_operator: flag(row, "operator_step", "operator_since")?,
            },
            collect_reference: row.opt_text("collect_reference")?,
            payout_reference: row.opt_text("payout_reference")?,
            refund_reference: row.opt_text("refund_reference")?,
            version: row.int("version")?,
            updated_at: row.timestamp("updated_at")?,
        };
        Ok(Self {
            transfer,
            subject: row.parse("subject_id")?,
            sealed_description: row.opt_bytes("sealed_description")?,
        })
    }
}

/// The mutable half, in the order in which the statement that stores it names it.
pub(crate) fn mutable_half(transfer: &Transfer) -> Vec<Value> {
    let (facts, flags) = (&transfer.facts, &transfer.flags);
    let step = |flag: Option<Flag>| flag.map(|flag| flag.step.name());
    let since = |flag: Option<Flag>| flag.map(|flag| flag.since);
    let network = transfer.network_status.as_ref();
    params![
        transfer.status.name(),
        transfer.status_reason.map(|reason| reason.decline.name()),
        network.map(|network| network.scheme.name()),
        network.map(|network| network.code.as_str()),
        facts.debited.minor(),
        facts.held.minor(),
        facts.credited.minor(),
        facts.refunded.minor(),
        step(flags.in_doubt),
        since(flags.in_doubt),
        step(flags.needs_operator),
        since(flags.needs_operator),
        transfer.collect_reference.as_deref(),
        transfer.payout_reference.as_deref(),
        transfer.refund_reference.as_deref(),
        transfer.version,
        transfer.updated_at,
    ]
}

fn money(row: &Row, column: &str, currency: Currency) -> Result<Money, DbError> {
    let amount = row.int(column)?;
    Money::from_minor(amount, currency).map_err(|_| damaged(column, "an amount"))
}

fn endpoint(row: &Row, account: &str, rail: &str) -> Result<Endpoint, DbError> {
    Ok(match optional(row, rail)? {
        Some(rail) => Endpoint::BankAccount {
            account: row.parse(account)?,
            rail,
        },
        None => Endpoint::Wallet {
            account: row.parse(account)?,
        },
    })
}

fn reason(row: &Row) -> Result<Option<StatusReason>, DbError> {
    let decline: Option<Decline> = optional(row, "decline")?;
    let status: Status = row.parse("status")?;
    // What failed kept nothing: its collection was refused. Everything else got further.
    let step = if matches!(status, Status::Failed) {
        Step::Collect
    } else {
        Step::PayOut
    };
    Ok(decline.map(|decline| StatusReason { decline, step }))
}

fn network(row: &Row) -> Result<Option<NetworkStatus>, DbError> {
    let scheme = optional(row, "network_scheme")?;
    let code = row.opt_text("network_code")?;
    Ok(scheme
        .zip(code)
        .map(|(scheme, code)| NetworkStatus { scheme, code }))
}

fn flag(row: &Row, step: &str, since: &str) -> Result<Option<Flag>, DbError> {
    let name = row.opt_text(step)?;
    let found = name.map(|name| {
        let known = Step::ALL.into_iter().find(|step| step.name() == name);
        known.ok_or_else(|| damaged(step, "a step"))
    });
    let at = row.opt_timestamp(since)?;
    Ok(found
        .transpose()?
        .zip(at)
        .map(|(step, since)| Flag { step, since }))
}

/// NULL is none; anything else must be readable.
pub(crate) fn optional<T: std::str::FromStr>(
    row: &Row,
    column: &str,
) -> Result<Option<T>, DbError> {
    match row.opt_text(column)? {
        Some(_) => row.parse(column).map(Some),
        None => Ok(None),
    }
}

fn damaged(column: &str, wanted: &'static str) -> DbError {
    DbError::column(column, wanted, "something else")
}
