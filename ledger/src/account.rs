//! Accounts: opening a wallet, freezing and closing one, finding them.

use ambient::{Mint, Timestamp};
use db::{Db, DbError, Row, Tx, params};
use domain::{AccountId, Currency, Money, Tenant, UserId};

use crate::chart::UnknownWord;
use crate::{AccountRef, LedgerError, Place, Purpose, stored};

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

/// An account as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub reference: AccountRef,
    /// The user of a wallet; nobody owns a house account.
    pub owner: Option<UserId>,
    pub state: State,
    pub balance: Money,
    /// How many postings the balance is the sum of.
    pub version: i64,
    pub opened_at: Timestamp,
}

impl Account {
    /// What may leave. Everything, as long as nothing is reserved.
    pub const fn available(&self) -> Money {
        self.balance
    }

    pub const fn currency(&self) -> Currency {
        self.balance.currency()
    }

    pub(crate) fn read(row: &Row) -> Result<Self, DbError> {
        let id = row.parse("id")?;
        let reference = match (row.parse("purpose")?, row.parse("rail")?) {
            (Purpose::Wallet, Place::Internal) => AccountRef::Wallet(id),
            (Purpose::Pool, Place::Internal) => AccountRef::Pool,
            (Purpose::Suspense, Place::Rail(rail)) => AccountRef::Suspense(rail),
            (Purpose::Nostro, Place::Rail(rail)) => AccountRef::Nostro(rail),
            _ => {
                return Err(DbError::column(
                    "rail",
                    "the place of this purpose",
                    "another",
                ));
            }
        };
        let owner = match row.opt_text("owner_id")? {
            None => None,
            Some(_) => Some(row.parse("owner_id")?),
        };
        Ok(Self {
            id,
            reference,
            owner,
            state: row.parse("state")?,
            balance: stored::money(row, "balance")?,
            version: row.int("version")?,
            opened_at: row.timestamp("opened_at")?,
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
    let id = AccountId::from_bits(mint.next()?);
    tx.execute(
        "INSERT INTO accounts (partner_id, livemode, id, purpose, owner_id, rail, currency, state, balance, version, opened_at)
         VALUES ($1, $2, $3, 'wallet', $4, 'internal', $5, 'open', 0, 0, $6)
         ON CONFLICT (partner_id, livemode, owner_id, currency) WHERE purpose = 'wallet' DO NOTHING",
        params![
            tenant.partner.to_string(),
            tenant.mode.is_live(),
            id.to_string(),
            owner.to_string(),
            currency.code(),
            tx.now()
        ],
    )
    .await?;
    let sql = format!(
        "SELECT {} FROM accounts
         WHERE partner_id = $1 AND livemode = $2 AND owner_id = $3 AND currency = $4 AND purpose = 'wallet'",
        stored::ACCOUNT
    );
    let row = tx
        .fetch_optional(
            &sql,
            params![
                tenant.partner.to_string(),
                tenant.mode.is_live(),
                owner.to_string(),
                currency.code()
            ],
        )
        .await?
        .ok_or_else(|| DbError::column("id", "the wallet just opened", "none"))?;
    Ok(Account::read(&row)?)
}

/// Opens a house account unless it is there. Its first entry does this in its own transaction.
pub(crate) async fn open_house(
    tx: &mut Tx,
    mint: &Mint,
    tenant: Tenant,
    account: AccountRef,
    currency: Currency,
) -> Result<(), LedgerError> {
    let id = AccountId::from_bits(mint.next()?);
    tx.execute(
        "INSERT INTO accounts (partner_id, livemode, id, purpose, owner_id, rail, currency, state, balance, version, opened_at)
         VALUES ($1, $2, $3, $4, NULL, $5, $6, 'open', 0, 0, $7)
         ON CONFLICT (partner_id, livemode, purpose, rail, currency) WHERE purpose <> 'wallet' DO NOTHING",
        params![
            tenant.partner.to_string(),
            tenant.mode.is_live(),
            id.to_string(),
            account.purpose().name(),
            account.place().name(),
            currency.code(),
            tx.now()
        ],
    )
    .await?;
    Ok(())
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
    let sql = format!(
        "SELECT {} FROM accounts WHERE partner_id = $1 AND livemode = $2 AND id = $3{}",
        stored::ACCOUNT,
        tx.dialect().for_update()
    );
    let (partner, live, id) = (
        tenant.partner.to_string(),
        tenant.mode.is_live(),
        id.to_string(),
    );
    let row = tx
        .fetch_optional(&sql, params![&partner, live, &id])
        .await?;
    let mut account = Account::read(&row.ok_or(ChangeError::Unknown)?)?;
    match (account.state, to) {
        (from, to) if from == to => return Ok(account),
        (State::Closed, _) => return Err(ChangeError::Closed),
        (_, State::Closed) if !account.balance.is_zero() => {
            return Err(ChangeError::NotEmpty(account.balance));
        }
        _ => {}
    }
    tx.execute(
        "UPDATE accounts SET state = $4 WHERE partner_id = $1 AND livemode = $2 AND id = $3",
        params![partner, live, id, to.name()],
    )
    .await?;
    account.state = to;
    Ok(account)
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
