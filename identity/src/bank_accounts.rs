//! Bank accounts outside, linked to a user. The number leaves this room for the rail only.

use std::str::FromStr;

use db::{Row, Tx, params};
use domain::rail::{BankAccountNumber, RailId};
use domain::{BankAccountId, Currency, Tenant, Timestamp, UserId};
use vault::Key;

use crate::users::{checked_text, open_text, scope};
use crate::{Identity, IdentityError, LONGEST_PAGE};

/// An IBAN has at most 34 characters.
const LONGEST_NUMBER: usize = 34;
const LONGEST_HOLDER: usize = 140;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BankAccountState {
    Open,
    /// No longer linked: kept for the history, never used again.
    Unlinked,
}

impl BankAccountState {
    pub const ALL: [Self; 2] = [Self::Open, Self::Unlinked];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unlinked => "unlinked",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a bank account that this version knows")]
pub struct UnknownState;

impl FromStr for BankAccountState {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == name)
            .ok_or(UnknownState)
    }
}

/// What everybody in the tenant may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    pub id: BankAccountId,
    pub user: UserId,
    pub rail: RailId,
    pub currency: Currency,
    /// Empty where the number is so short that four letters would give it away.
    pub last_four: String,
    pub state: BankAccountState,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewBankAccount {
    pub user: UserId,
    pub rail: RailId,
    pub currency: Currency,
    pub number: BankAccountNumber,
    pub holder: String,
}

impl Identity {
    pub async fn link_bank_account(
        &self,
        tenant: &Tenant,
        new: NewBankAccount,
    ) -> Result<BankAccountId, IdentityError> {
        let key = self.key_of_a_person(tenant, new.user).await?;
        let tenant = *tenant;
        let draft = self.draft_bank_account(&tenant, &key, &new)?;
        let id = draft.id;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx, &tenant).await }))
            .await?;
        Ok(id)
    }

    pub async fn bank_account(
        &self,
        tenant: &Tenant,
        id: BankAccountId,
    ) -> Result<Option<BankAccount>, IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let sql = format!("{SELECT} AND bank_account_id = $3");
        let row = self.db.fetch_optional(&sql, params).await?;
        row.as_ref().map(read).transpose()
    }

    /// A page in order of creation, of one user or of the whole tenant.
    pub async fn bank_accounts(
        &self,
        tenant: &Tenant,
        user: Option<UserId>,
        after: Option<BankAccountId>,
        limit: u32,
    ) -> Result<Vec<BankAccount>, IdentityError> {
        let mut params = scope(tenant);
        params.push(after.map_or_else(String::new, |id| id.to_string()).into());
        params.push(i64::from(limit.min(LONGEST_PAGE)).into());
        let of_user = if let Some(user) = user {
            params.push(user.to_string().into());
            "AND user_id = $5"
        } else {
            ""
        };
        let sql = format!(
            "{SELECT} {of_user} AND bank_account_id > $3 ORDER BY bank_account_id LIMIT $4"
        );
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(read).collect()
    }

    /// The number in clear, for the instruction to the bank and for nothing else.
    pub async fn reveal_number(
        &self,
        tenant: &Tenant,
        id: BankAccountId,
    ) -> Result<BankAccountNumber, IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let row = self
            .db
            .fetch_optional(
                "SELECT b.user_id, b.sealed_number, k.wrapped_key
                 FROM bank_accounts b
                 JOIN subject_keys k ON k.partner_id = b.partner_id AND k.livemode = b.livemode
                     AND k.subject_id = b.user_id
                 WHERE b.partner_id = $1 AND b.livemode = $2 AND b.bank_account_id = $3",
                params,
            )
            .await?
            .ok_or(IdentityError::NotFound("bank account"))?;
        let user = row.parse("user_id")?;
        let key = self
            .unwrap_key(tenant, user, &row)?
            .ok_or(IdentityError::Erased)?;
        let number = open_text(&key, &purpose(id, "number"), &row.bytes("sealed_number")?)?;
        Ok(BankAccountNumber::new(number))
    }

    pub(crate) fn draft_bank_account(
        &self,
        tenant: &Tenant,
        key: &Key,
        new: &NewBankAccount,
    ) -> Result<Draft, IdentityError> {
        let number = checked_number(&new.number)?;
        let holder = checked_text("holder", &new.holder, LONGEST_HOLDER)?;
        let no_bank = (!new.rail.reaches_bank_accounts()).then_some("has no bank accounts");
        if let Some(reason) = no_bank.or_else(|| self.why_not(tenant, new.rail)) {
            let field = "rail";
            return Err(IdentityError::Invalid { field, reason });
        }
        let id = BankAccountId::from_bits(self.mint.next()?);
        Ok(Draft {
            id,
            user: new.user,
            rail: new.rail,
            currency: new.currency,
            sealed_number: key.seal(&purpose(id, "number"), number.as_bytes())?,
            sealed_holder: key.seal(&purpose(id, "holder"), holder.as_bytes())?,
            last_four: last_four(number),
        })
    }
}

#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: BankAccountId,
    user: UserId,
    rail: RailId,
    currency: Currency,
    sealed_number: Vec<u8>,
    sealed_holder: Vec<u8>,
    last_four: String,
}

impl Draft {
    pub(crate) async fn insert(self, tx: &mut Tx, tenant: &Tenant) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        params.extend(params![
            self.id.to_string(),
            self.user.to_string(),
            self.rail.name(),
            self.currency.code(),
            self.sealed_number,
            self.sealed_holder,
            self.last_four,
            BankAccountState::Open.name(),
            tx.now()
        ]);
        tx.execute(
            "INSERT INTO bank_accounts (partner_id, livemode, bank_account_id, user_id, rail,
                 currency, sealed_number, sealed_holder, last_four, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            params,
        )
        .await?;
        Ok(())
    }
}

const SELECT: &str = "SELECT bank_account_id, user_id, rail, currency, last_four, state, created_at
    FROM bank_accounts WHERE partner_id = $1 AND livemode = $2";

fn read(row: &Row) -> Result<BankAccount, IdentityError> {
    Ok(BankAccount {
        id: row.parse("bank_account_id")?,
        user: row.parse("user_id")?,
        rail: row.parse("rail")?,
        currency: row.parse("currency")?,
        last_four: row.text("last_four")?,
        state: row.parse("state")?,
        created_at: row.timestamp("created_at")?,
    })
}

/// Bound to the row, so that a number cannot be moved to another account of the same person.
fn purpose(id: BankAccountId, what: &str) -> String {
    format!("bank-account/{id}/{what}")
}

fn checked_number(number: &BankAccountNumber) -> Result<&str, IdentityError> {
    let number = number.reveal();
    let known = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
    let reason = if number.is_empty() {
        "must not be empty"
    } else if number.len() > LONGEST_NUMBER {
        "is longer than 34 characters"
    } else if !number.bytes().all(known) {
        "may hold letters, digits and hyphens only"
    } else {
        return Ok(number);
    };
    let field = "number";
    Err(IdentityError::Invalid { field, reason })
}

fn last_four(number: &str) -> String {
    let from = number.len().saturating_sub(4);
    let shown = (number.len() >= 8).then(|| number.get(from..)).flatten();
    shown.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_bounded_and_plain() {
        let check = |text: &str| checked_number(&BankAccountNumber::new(text)).is_ok();
        assert!(check("SB-ALICE-0001") && check(&"9".repeat(34)));
        for text in ["", " ", "12 34", "12\0", "ÄÖ", "a;b", &"9".repeat(35)] {
            assert!(!check(text), "{text}");
        }
    }

    #[test]
    fn a_short_number_shows_nothing() {
        assert_eq!(last_four("SB-ALICE-0001"), "0001");
        assert_eq!(last_four("1234567"), "");
    }
}
