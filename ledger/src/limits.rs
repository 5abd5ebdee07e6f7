//! Limits as reservations: how much a user or a partner may move within a day, a month, a year.
//!
//! A limit is an account per subject, currency and period that begins with its allowance. Whoever
//! wants to move money reserves it there with a hold, and so two who come at once can never pass
//! the limit together: the second finds less available. The hold is then posted (used, all of it
//! or a part), voided, or expires, like every other hold. There is no other mechanism, so limits
//! have the same book, the same keys and the same proofs as money.

mod period;

use ambient::{Mint, Timestamp};
use db::{Db, DbError, Declared, Tx, params};
use domain::{HoldId, Money, Tenant, TransferId};

pub use period::{Every, Period};

use crate::store::Desk;
use crate::{
    Account, AccountRef, Entry, Owner, PostError, Posted, Purpose, Refusal, Reserve, Reserved,
    open_owned, post, reserve, stored,
};

/// What a subject may move in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub tenant: Tenant,
    pub subject: Owner,
    pub every: Every,
    pub allowance: Money,
}

/// One movement that counts against limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement<'a> {
    /// Named by the caller: the same name reserves once per limit and period.
    pub name: &'a str,
    pub money: Money,
    pub transfer: Option<TransferId>,
    /// The instant that decides the period: when it was accepted, and not when it is tried again.
    pub at: Timestamp,
    /// When a reservation that nobody resolved is given back.
    pub expires_at: Option<Timestamp>,
}

/// The account of a limit in one period, opened with its allowance if it is not there. Whoever
/// opens it says how much; later it is changed by [`Entry::raise_limit`] and [`Entry::lower_limit`].
pub async fn open_limit(
    tx: &mut Tx,
    mint: &Mint,
    limit: &Limit,
    period: &Period,
) -> Result<Account, PostError> {
    let Limit {
        tenant,
        subject,
        allowance,
        ..
    } = *limit;
    let currency = allowance.currency();
    let (purpose, period) = (Purpose::Limit, period.as_str());
    let account = open_owned(tx, mint, tenant, purpose, subject, currency, period).await?;
    // An allowance of nothing is an empty account: everything is refused there.
    if account.version > 0 || allowance.is_zero() {
        return Ok(account);
    }
    let opening = Entry::open_limit(tenant, account.id, allowance);
    match post(tx, mint, &opening).await {
        // Somebody else has opened it meanwhile, with another allowance.
        Ok(_) | Err(PostError::Refused(Refusal::KeyReused { .. })) => Ok(account),
        Err(error) => Err(error),
    }
}

/// Reserves a movement within a limit. Several limits of one movement are reserved by several
/// calls in one transaction: if one refuses, its caller's refusal undoes the others.
pub async fn reserve_limit(
    tx: &mut Tx,
    mint: &Mint,
    limit: &Limit,
    movement: Movement<'_>,
) -> Result<Reserved, PostError> {
    let period = limit.every.at(movement.at);
    let account = open_limit(tx, mint, limit, &period).await?.id;
    let wanted = Reserve {
        tenant: limit.tenant,
        key: format!("limit:{account}:{}", movement.name),
        account: AccountRef::Limit(account),
        money: movement.money,
        transfer: movement.transfer,
        expires_at: movement.expires_at,
    };
    reserve(tx, mint, &wanted).await
}

/// The movement took place, with all that was reserved or less: what is left may be used again.
/// To give it all back void the hold.
pub async fn use_limit(
    tx: &mut Tx,
    mint: &Mint,
    tenant: Tenant,
    hold: HoldId,
    money: Money,
) -> Result<Posted, PostError> {
    tx.area::<Desk>().need_hold(tenant, hold);
    tx.settle().await?;
    let known = tx.area::<Desk>().book.hold(tenant, hold);
    let account = known.map(|hold| hold.account);
    let account = account.ok_or(PostError::Refused(Refusal::HoldUnknown { hold }))?;
    post(tx, mint, &Entry::use_limit(tenant, hold, account, money)).await
}

/// Says, before a job runs, that it is going to use a hold on a limit; more once the hold is known.
pub fn need_use(tx: &mut Tx, tenant: Tenant, hold: HoldId, money: Money) -> Declared {
    let desk = tx.area::<Desk>();
    desk.need_hold(tenant, hold);
    let known = desk.book.hold(tenant, hold).map(|hold| hold.account);
    match known {
        Some(account) => {
            desk.need_entry(&Entry::use_limit(tenant, hold, account, money));
            Declared::All
        }
        None if desk.book.knows_hold(tenant, hold) => Declared::All,
        None => Declared::More,
    }
}

/// The limit's account in the period of an instant, if anything was reserved in it yet. What is
/// available there is left.
pub async fn limit_account(
    db: &Db,
    limit: &Limit,
    at: Timestamp,
) -> Result<Option<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND owner_id = $3 AND purpose = 'limit'
             AND rail = 'internal' AND currency = $4 AND period = $5",
        stored::ACCOUNT
    );
    let scope = params![
        limit.tenant.partner.to_string(),
        limit.tenant.mode.is_live(),
        limit.subject.to_string(),
        limit.allowance.currency().code(),
        limit.every.at(at).as_str()
    ];
    let row = db.fetch_optional(&sql, scope).await?;
    row.as_ref().map(Account::read).transpose()
}
