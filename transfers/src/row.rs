//! Between a row of `transfers` and a [`Transfer`].

use std::collections::BTreeMap;

use db::{Cell, Db, DbError, Row, Tx, Value, params};
use domain::transfer::{
    Action, Decline, Endpoint, Flag, Flags, LockedQuote, MoneyFacts, Order, Status, Till,
};
use domain::{Currency, Mode, Money, Step, Tenant, TransferId, UserId};

use crate::register::{self, Register};
use crate::{NetworkStatus, StatusReason, StoreError, Transfer, Transfers, scope};

pub(crate) const COLUMNS: &str = "partner_id, livemode, transfer_id, amount, currency,
    source_account, source_rail, destination_account, destination_rail, subject_id,
    sealed_description, client_reference, metadata, request_id, created_at, pool_rail, start_pending,
    status,
    decline, network_scheme, network_code, debited, held, credited, refunded, in_doubt_step,
    in_doubt_since, operator_step, operator_since, operator_note, on_hold_step, on_hold_since,
    collect_reference, payout_reference, refund_reference, version, updated_at, source_kind,
    destination_kind, till, till_account, fee, quote_id, quote_currency, quote_buys, quote_spread,
    quote_expires_at, screened, execute_at, decline_step, action_what, action_link, action_reference,
    action_until";

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
        match sealed(&self.db, tenant, id).await? {
            Some(stored) => Ok(Some(self.open(stored).await?)),
            None => Ok(None),
        }
    }

    /// What was accepted, which nothing ever changes. None where there is no such transfer here.
    pub async fn order(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Option<Order>, StoreError> {
        let found = sealed(&self.db, tenant, id).await?;
        Ok(found.map(|stored| stored.transfer.order()))
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

/// Reads a row without opening what is sealed in it.
pub(crate) async fn sealed(
    db: &Db,
    tenant: &Tenant,
    id: TransferId,
) -> Result<Option<Stored>, StoreError> {
    let row = db.fetch_optional(&by_id(), keyed(tenant, id)).await?;
    row.as_ref().map(Stored::read).transpose()
}

/// Reads a row and keeps everybody else from changing it until the transaction ends.
pub(crate) async fn lock(
    tx: &mut Tx,
    tenant: &Tenant,
    id: TransferId,
) -> Result<Option<Stored>, StoreError> {
    Ok(register::locked(tx, (*tenant, id)).await?)
}

pub(crate) fn keyed(tenant: &Tenant, id: TransferId) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(id.to_string().into());
    params
}

pub(crate) fn scope_of(transfer: &Transfer) -> Vec<Value> {
    scope(&transfer.tenant)
}

fn by_id() -> String {
    format!(
        "SELECT {COLUMNS} FROM transfers
         WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3"
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
            source: endpoint(row, "source")?,
            destination: endpoint(row, "destination")?,
            fee: fee(row, currency)?,
            quote: quote(row, currency)?,
            screened: row.bool("screened")?,
            execute_at: row.opt_timestamp("execute_at")?,
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
                on_hold: flag(row, "on_hold_step", "on_hold_since")?,
            },
            action: action(row)?,
            operator_note: row.opt_text("operator_note")?,
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

/// Stores the mutable half, if nobody else moved it since it was read. Whoever moves a row does it
/// here: what the transaction knows of it is written over whatever else was.
pub(crate) async fn store(tx: &mut Tx, transfer: &Transfer, read: i64) -> Result<bool, DbError> {
    let named = (transfer.tenant, transfer.id);
    let Some(stored) = register::locked(tx, named).await? else {
        return Ok(false);
    };
    let stored = Stored {
        transfer: transfer.clone(),
        ..stored
    };
    Ok(tx.area::<Register>().store(stored, read))
}

pub(crate) fn move_of(transfer: &Transfer, written: i64) -> Vec<Cell> {
    let mut row = cells(keyed(&transfer.tenant, transfer.id));
    row.extend([written.into(), false.into()]);
    row.extend(cells(mutable_half(transfer)));
    row
}

pub(crate) fn cells(values: Vec<Value>) -> Vec<Cell> {
    values.into_iter().map(Cell::from).collect()
}

/// The mutable half, in the order in which the statement that stores it names it.
pub(crate) fn mutable_half(transfer: &Transfer) -> Vec<Value> {
    let (facts, flags) = (&transfer.facts, &transfer.flags);
    let step = |flag: Option<Flag>| flag.map(|flag| flag.step.name());
    let since = |flag: Option<Flag>| flag.map(|flag| flag.since);
    let network = transfer.network_status.as_ref();
    let action = transfer.action.as_ref();
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
        transfer.operator_note.as_deref(),
        step(flags.on_hold),
        since(flags.on_hold),
        transfer.collect_reference.as_deref(),
        transfer.payout_reference.as_deref(),
        transfer.refund_reference.as_deref(),
        transfer.version,
        transfer.updated_at,
        transfer.status_reason.map(|reason| reason.step.name()),
        action.map(|action| action.what.name()),
        action.map(|action| action.link.as_str()),
        action.map(|action| action.reference.as_str()),
        action.map(|action| action.until),
    ]
}

/// What of the order came later than the rest, in the order in which the statement that inserts it
/// names it.
pub(crate) fn later_half(transfer: &Transfer) -> Vec<Value> {
    let quote = transfer.quote.as_ref();
    let till = match transfer.destination {
        Endpoint::Merchant { till, .. } => Some(till),
        _ => None,
    };
    params![
        transfer.source.kind(),
        transfer.destination.kind(),
        till.map(till_name),
        till.map(|till| till.account().to_string()),
        transfer.fee.map(Money::minor),
        quote.map(|quote| quote.id.to_string()),
        quote.map(|quote| quote.buys.currency().code()),
        quote.map(|quote| quote.buys.minor()),
        quote.map(|quote| quote.spread.minor()),
        quote.map(|quote| quote.expires_at),
        transfer.screened,
        transfer.execute_at,
    ]
}

const fn till_name(till: Till) -> &'static str {
    match till {
        Till::Wallet { .. } => "wallet",
        Till::Float { .. } => "float",
    }
}

pub(crate) fn money(row: &Row, column: &str, currency: Currency) -> Result<Money, DbError> {
    let amount = row.int(column)?;
    Money::from_minor(amount, currency).map_err(|_| damaged(column, "an amount"))
}

/// A row from before there were more kinds tells only whether there was a rail.
fn endpoint(row: &Row, end: &str) -> Result<Endpoint, DbError> {
    let [account, rail, kind] = ["account", "rail", "kind"].map(|what| format!("{end}_{what}"));
    let rail = optional(row, &rail)?;
    let stored = row.opt_text(&kind)?;
    let kind = match (stored.as_deref(), rail) {
        (Some(kind), _) => kind,
        (None, Some(_)) => "bank_account",
        (None, None) => "wallet",
    };
    Ok(match (kind, rail) {
        ("wallet", None) => Endpoint::Wallet {
            account: row.parse(&account)?,
        },
        ("bank_account", Some(rail)) => Endpoint::BankAccount {
            account: row.parse(&account)?,
            rail,
        },
        ("card", Some(rail)) => Endpoint::Card {
            card: row.parse(&account)?,
            rail,
        },
        ("checkout", Some(rail)) => Endpoint::Checkout { rail },
        ("merchant", None) => Endpoint::Merchant {
            merchant: row.parse(&account)?,
            till: till(row)?,
        },
        _ => return Err(damaged(&account, "an end of a transfer")),
    })
}

fn till(row: &Row) -> Result<Till, DbError> {
    let account = row.parse("till_account")?;
    match row.opt_text("till")?.as_deref() {
        Some("wallet") => Ok(Till::Wallet { account }),
        Some("float") => Ok(Till::Float { account }),
        _ => Err(damaged("till", "a merchant's till")),
    }
}

fn quote(row: &Row, sold: Currency) -> Result<Option<LockedQuote>, DbError> {
    let Some(id) = optional(row, "quote_id")? else {
        return Ok(None);
    };
    let bought: Currency = row.parse("quote_currency")?;
    Ok(Some(LockedQuote {
        id,
        sells: money(row, "amount", sold)?,
        buys: money(row, "quote_buys", bought)?,
        spread: money(row, "quote_spread", bought)?,
        expires_at: row.timestamp("quote_expires_at")?,
    }))
}

/// In the currency in which the money arrives.
fn fee(row: &Row, sold: Currency) -> Result<Option<Money>, DbError> {
    let arrives = optional(row, "quote_currency")?.unwrap_or(sold);
    match row.opt_int("fee")? {
        Some(_) => money(row, "fee", arrives).map(Some),
        None => Ok(None),
    }
}

fn action(row: &Row) -> Result<Option<Action>, DbError> {
    let Some(what) = optional(row, "action_what")? else {
        return Ok(None);
    };
    Ok(Some(Action {
        what,
        link: row.text("action_link")?,
        reference: row.text("action_reference")?,
        until: row.timestamp("action_until")?,
    }))
}

fn reason(row: &Row) -> Result<Option<StatusReason>, DbError> {
    let decline: Option<Decline> = optional(row, "decline")?;
    let status: Status = row.parse("status")?;
    let step = match row.opt_text("decline_step")? {
        Some(name) => step_named(&name)?,
        // From before the step was stored: what failed kept nothing, so its collection was refused.
        None if matches!(status, Status::Failed) => Step::Collect,
        None => Step::PayOut,
    };
    Ok(decline.map(|decline| StatusReason { decline, step }))
}

fn step_named(name: &str) -> Result<Step, DbError> {
    let known = Step::ALL.into_iter().find(|step| step.name() == name);
    known.ok_or_else(|| damaged(name, "a step"))
}

fn network(row: &Row) -> Result<Option<NetworkStatus>, DbError> {
    let scheme = optional(row, "network_scheme")?;
    let code = row.opt_text("network_code")?;
    Ok(scheme
        .zip(code)
        .map(|(scheme, code)| NetworkStatus { scheme, code }))
}

pub(crate) fn flag(row: &Row, step: &str, since: &str) -> Result<Option<Flag>, DbError> {
    let found = row.opt_text(step)?.map(|name| step_named(&name));
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

pub(crate) fn damaged(column: &str, wanted: &'static str) -> DbError {
    DbError::column(column, wanted, "something else")
}
