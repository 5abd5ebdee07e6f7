//! Accounts: opening a wallet, freezing and closing one, finding them.

use ambient::{Mint, Timestamp};
use db::{Db, DbError, Row, Tx, params};
use domain::{AccountId, Currency, Money, PartnerId, Tenant, UserId};

use crate::book::Terms;
use crate::chart::UnknownWord;
use crate::store::Desk;
use crate::{AccountRef, LedgerError, Purpose, stored};

/// Open: money comes and goes. Frozen: it may arrive, none leaves. Closed: neither, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Open,
    Frozen,
    Closed,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Open, Self::Frozen, Self::Closed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }
}

impl std::str::FromStr for State {
    type Err = UnknownWord;

    fn from_str(name: &str) -> Result<Self, UnknownWord> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(UnknownWord)
    }
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    User(UserId),
    Partner(PartnerId),
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Partner(id) => id.fmt(f),
        }
    }
}

impl std::str::FromStr for Owner {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let user = text.parse().map(Self::User);
        user.or_else(|_| text.parse().map(Self::Partner))
            .map_err(|_| UnknownWord)
    }
}

/// An account as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub reference: AccountRef,
    /// A user or a partner; nobody owns a house account.
    pub owner: Option<Owner>,
    /// The period of a limit, as `2026-11`; empty for every other account.
    pub period: String,
    pub state: State,
    pub balance: Money,
    /// The sum of its open holds.
    pub held: Money,
    /// How many postings the balance is the sum of.
    pub version: i64,
    /// The least that must stay available; `None`: there is no limit.
    pub floor: Option<Money>,
    /// The most that it may hold.
    pub ceiling: Option<Money>,
    pub opened_at: Timestamp,
    /// When its newest posting was posted.
    pub moved_at: Timestamp,
}

impl Account {
    /// What is not held. Down to the floor it may leave.
    pub fn available(&self) -> Money {
        // Both are in range and `held` is never negative; only an overdraft at the very end of the
        // range could leave it, and the rules let none come so far.
        self.balance.checked_sub(self.held).unwrap_or(self.balance)
    }

    /// The user it belongs to, if it is a user's.
    pub const fn user(&self) -> Option<UserId> {
        match self.owner {
            Some(Owner::User(user)) => Some(user),
            Some(Owner::Partner(_)) | None => None,
        }
    }

    pub const fn currency(&self) -> Currency {
        self.balance.currency()
    }

    /// As it begins: empty, with the terms of its purpose.
    pub(crate) fn fresh(
        id: AccountId,
        reference: AccountRef,
        state: State,
        currency: Currency,
        opened_at: Timestamp,
    ) -> Self {
        let zero = Money::zero(currency);
        Self {
            id,
            reference,
            owner: None,
            period: String::new(),
            state,
            balance: zero,
            held: zero,
            version: 0,
            // Every purpose begins with no floor or with zero.
            floor: reference.purpose().floor().map(|_| zero),
            ceiling: None,
            opened_at,
            moved_at: Timestamp::from_micros(0),
        }
    }

    pub(crate) fn read(row: &Row) -> Result<Self, DbError> {
        let id = row.parse("id")?;
        let reference = AccountRef::stored(row.parse("purpose")?, row.parse("rail")?, id)
            .ok_or_else(|| DbError::column("rail", "the place of this purpose", "another"))?;
        let owner = match row.opt_text("owner_id")? {
            None => None,
            Some(_) => Some(row.parse("owner_id")?),
        };
        Ok(Self {
            id,
            reference,
            owner,
            period: row.text("period")?,
            state: row.parse("state")?,
            balance: stored::money(row, "balance")?,
            held: stored::money(row, "held")?,
            version: row.int("version")?,
            floor: stored::opt_money(row, "floor")?,
            ceiling: stored::opt_money(row, "ceiling")?,
            opened_at: row.timestamp("opened_at")?,
            moved_at: row.timestamp("moved_at")?,
        })
    }
}

/// Opens the wallet of a user in a currency. A user has one per currency, so asking again answers
/// with the same account, whatever its state is by now.
pub async fn open_wallet(
    tx: &mut Tx,
    mint: &Mint,
    tenant: Tenant,
    owner: UserId,
    currency: Currency,
) -> Result<Account, LedgerError> {
    let owner = Owner::User(owner);
    open_owned(tx, mint, tenant, Purpose::Wallet, owner, currency, "").await
}

/// Opens an account that has an owner. There is one per purpose, currency and period, so asking
/// again answers with the same account, whatever its state is by now.
pub async fn open_owned(
    tx: &mut Tx,
    mint: &Mint,
    tenant: Tenant,
    purpose: Purpose,
    owner: Owner,
    currency: Currency,
    period: &str,
) -> Result<Account, LedgerError> {
    let id = AccountId::from_bits(mint.next()?);
    let opened = tx.execute(
        "INSERT INTO accounts (partner_id, livemode, id, purpose, owner_id, rail, currency, period, state, balance, version, floor, opened_at)
         VALUES ($1, $2, $3, $4, $5, 'internal', $6, $7, 'open', 0, 0, $8, $9)
         ON CONFLICT (partner_id, livemode, owner_id, purpose, rail, currency, period) WHERE owner_id IS NOT NULL DO NOTHING",
        params![
            tenant.partner.to_string(),
            tenant.mode.is_live(),
            id.to_string(),
            purpose.name(),
            owner.to_string(),
            currency.code(),
            period,
            purpose.floor(),
            tx.now()
        ],
    )
    .await?;
    if opened > 0 {
        tx.area::<Desk>().book.did_something();
    }
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND owner_id = $3 AND purpose = $4
             AND rail = 'internal' AND currency = $5 AND period = $6",
        stored::ACCOUNT
    );
    let row = tx
        .fetch_optional(
            &sql,
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                owner.to_string(),
                purpose.name(),
                currency.code(),
                period
            ],
        )
        .await?
        .ok_or_else(|| DbError::column("id", "the account just opened", "none"))?;
    let stored = Account::read(&row)?;
    // Jobs of the same commit may have moved it already.
    let known = tx.area::<Desk>().book.account(tenant, stored.id);
    Ok(known.map_or(stored, |known| known.as_ref().clone()))
}

/// Why an account's state was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such account here; nothing was changed")]
    Unknown,
    #[error("the account is closed, for ever; nothing was changed")]
    Closed,
    #[error("the account still holds {0}; move it away before closing, nothing was changed")]
    NotEmpty(Money),
    #[error("{0} of the account is held; resolve its holds before closing, nothing was changed")]
    Held(Money),
    #[error("the account is in another currency than {0}; nothing was changed")]
    TermsInAnotherCurrency(Currency),
    #[error(
        "the account has only {0} available, less than its floor would be; nothing was changed"
    )]
    BelowFloor(Money),
    #[error("the account holds {0}, more than its ceiling would be; nothing was changed")]
    AboveCeiling(Money),
    #[error("a {0} always has a floor, a low one if need be; nothing was changed")]
    WithoutFloor(Purpose),
    #[error("the account's state could not be changed")]
    Ledger(#[from] LedgerError),
}

impl From<DbError> for ChangeError {
    fn from(error: DbError) -> Self {
        Self::Ledger(error.into())
    }
}

/// Freezes, unfreezes or closes. The state it has already is no change and no error.
pub async fn change_state(
    tx: &mut Tx,
    tenant: Tenant,
    id: AccountId,
    to: State,
) -> Result<Account, ChangeError> {
    let desk = fetched(tx, tenant, id).await?;
    desk.book.change_state(tenant, id, to, to.name())
}

/// Changes an account's floor and ceiling. The change is recorded with its reason, which holds no
/// names and no free text of a customer's.
pub async fn change_terms(
    tx: &mut Tx,
    tenant: Tenant,
    id: AccountId,
    terms: Terms,
    reason: &str,
) -> Result<Account, ChangeError> {
    let desk = fetched(tx, tenant, id).await?;
    desk.book.change_terms(tenant, id, terms, reason)
}

async fn fetched(tx: &mut Tx, tenant: Tenant, id: AccountId) -> Result<&mut Desk, DbError> {
    tx.area::<Desk>().need_account(tenant, id);
    tx.settle().await?;
    Ok(tx.area())
}

pub async fn account(db: &Db, tenant: Tenant, id: AccountId) -> Result<Option<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts WHERE partner_id = $1 AND livemode = $2 AND id = $3",
        stored::ACCOUNT
    );
    let scope = params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        id.to_string()
    ];
    db.fetch_optional(&sql, scope)
        .await?
        .as_ref()
        .map(Account::read)
        .transpose()
}

/// The partner's own money in a currency, where it has an account for it.
pub async fn float_of(
    db: &Db,
    tenant: Tenant,
    currency: Currency,
) -> Result<Option<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND owner_id = $1 AND purpose = 'float'
             AND rail = 'internal' AND currency = $3 AND period = ''",
        stored::ACCOUNT
    );
    let scope = params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        currency.code()
    ];
    db.fetch_optional(&sql, scope)
        .await?
        .as_ref()
        .map(Account::read)
        .transpose()
}

/// A user's wallets, oldest first: at most one per currency.
pub async fn accounts_of(db: &Db, tenant: Tenant, owner: UserId) -> Result<Vec<Account>, DbError> {
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND owner_id = $3 AND purpose = 'wallet'
         ORDER BY id LIMIT 200",
        stored::ACCOUNT
    );
    let scope = params![
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        owner.to_string()
    ];
    db.fetch_all(&sql, scope)
        .await?
        .iter()
        .map(Account::read)
        .collect()
}
