//! Merchants: who is paid for what it sells, into which account with us, and what we keep of it.

use db::{Row, Tx, params};
use domain::transfer::Till;
use domain::{Currency, MerchantId, Money, MoneyError, Tenant, Timestamp, UserId};
use vault::Key;

use crate::users::{checked_text, open_text, scope};
use crate::{BankAccountState, Identity, IdentityError, LONGEST_PAGE};

const LONGEST_NAME: usize = 140;
const WHOLE: i64 = 1_000_000;

/// What we keep of each payment to a merchant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeeTerms {
    /// So many millionths of it: 29,000 are 2.9 %.
    pub millionths: i64,
    /// And so much beside, in minor units of the merchant's currency.
    pub fixed: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merchant {
    pub id: MerchantId,
    /// Who answers for it.
    pub user: UserId,
    /// None once that person was erased.
    pub name: Option<String>,
    pub till: Till,
    pub currency: Currency,
    pub fee: FeeTerms,
    pub state: BankAccountState,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewMerchant {
    pub user: UserId,
    pub name: String,
    /// An account of the ledger that is open and in this currency.
    pub till: Till,
    pub currency: Currency,
    pub fee: FeeTerms,
}

impl FeeTerms {
    /// Rounded down: what is not a whole unit stays with the merchant. None where nothing is kept.
    pub fn of(self, money: Money) -> Result<Option<Money>, MoneyError> {
        // Amounts are below 2^53 and millionths below 2^20: the product fits into 128 bits.
        let part = i128::from(money.minor()) * i128::from(self.millionths) / i128::from(WHOLE);
        let part = i64::try_from(part).map_err(|_| MoneyError::OutOfRange)?;
        let sum = part.checked_add(self.fixed).ok_or(MoneyError::OutOfRange)?;
        let fee = Money::from_minor(sum, money.currency())?;
        Ok((!fee.is_zero()).then_some(fee))
    }
}

impl Identity {
    pub async fn add_merchant(
        &self,
        tenant: &Tenant,
        new: NewMerchant,
    ) -> Result<MerchantId, IdentityError> {
        let key = self.key_of_a_person(tenant, new.user).await?;
        let tenant = *tenant;
        let draft = self.draft_merchant(&key, &new)?;
        let id = draft.id;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx, &tenant).await }))
            .await?;
        Ok(id)
    }

    pub async fn merchant(
        &self,
        tenant: &Tenant,
        id: MerchantId,
    ) -> Result<Option<Merchant>, IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let sql = format!("{SELECT} AND m.merchant_id = $3");
        let row = self.db.fetch_optional(&sql, params).await?;
        row.map(|row| self.read_merchant(tenant, &row)).transpose()
    }

    /// Those that a person answers for, in the order in which they came.
    pub async fn merchants(
        &self,
        tenant: &Tenant,
        user: UserId,
    ) -> Result<Vec<Merchant>, IdentityError> {
        let mut params = scope(tenant);
        params.push(user.to_string().into());
        params.push(LONGEST_PAGE.into());
        let sql = format!("{SELECT} AND m.user_id = $3 ORDER BY m.merchant_id LIMIT $4");
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter()
            .map(|row| self.read_merchant(tenant, row))
            .collect()
    }

    /// A page in order of creation, of one person or of the whole tenant.
    pub async fn merchants_page(
        &self,
        tenant: &Tenant,
        user: Option<UserId>,
        after: Option<MerchantId>,
        limit: u32,
    ) -> Result<Vec<Merchant>, IdentityError> {
        let mut params = scope(tenant);
        params.push(after.map_or_else(String::new, |id| id.to_string()).into());
        params.push(i64::from(limit.min(LONGEST_PAGE)).into());
        let of_user = user.map_or("", |user| {
            params.push(user.to_string().into());
            "AND m.user_id = $5"
        });
        let sql =
            format!("{SELECT} {of_user} AND m.merchant_id > $3 ORDER BY m.merchant_id LIMIT $4");
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter()
            .map(|row| self.read_merchant(tenant, row))
            .collect()
    }

    fn read_merchant(&self, tenant: &Tenant, row: &Row) -> Result<Merchant, IdentityError> {
        let (id, user) = (row.parse("merchant_id")?, row.parse("user_id")?);
        let key = self.unwrap_key(tenant, user, row)?;
        let name = key
            .map(|key| open_text(&key, &purpose(id), &row.bytes("sealed_name")?))
            .transpose()?;
        let account = row.parse("till_account")?;
        Ok(Merchant {
            id,
            user,
            name,
            till: match row.text("till")?.as_str() {
                "wallet" => Till::Wallet { account },
                "float" => Till::Float { account },
                _ => return Err(IdentityError::Unreadable("till of a merchant")),
            },
            currency: row.parse("currency")?,
            fee: FeeTerms {
                millionths: row.int("fee_millionths")?,
                fixed: row.int("fee_fixed")?,
            },
            state: row.parse("state")?,
            created_at: row.timestamp("created_at")?,
        })
    }

    pub(crate) fn draft_merchant(
        &self,
        key: &Key,
        new: &NewMerchant,
    ) -> Result<Draft, IdentityError> {
        let name = checked_text("name", &new.name, LONGEST_NAME)?;
        let FeeTerms { millionths, fixed } = new.fee;
        if !(0..WHOLE).contains(&millionths) || fixed < 0 {
            let (field, reason) = ("fee", "must be less than the whole, and not below zero");
            return Err(IdentityError::Invalid { field, reason });
        }
        let id = MerchantId::from_bits(self.mint.next()?);
        Ok(Draft {
            id,
            sealed_name: key.seal(&purpose(id), name.as_bytes())?,
            new: new.clone(),
        })
    }
}

#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: MerchantId,
    sealed_name: Vec<u8>,
    new: NewMerchant,
}

impl Draft {
    pub(crate) async fn insert(self, tx: &mut Tx, tenant: &Tenant) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        let till = match self.new.till {
            Till::Wallet { .. } => "wallet",
            Till::Float { .. } => "float",
        };
        params.extend(params![
            self.id.to_string(),
            self.new.user.to_string(),
            self.sealed_name,
            till,
            self.new.till.account().to_string(),
            self.new.currency.code(),
            self.new.fee.millionths,
            self.new.fee.fixed,
            BankAccountState::Open.name(),
            tx.now()
        ]);
        tx.execute(
            "INSERT INTO merchants (partner_id, livemode, merchant_id, user_id, sealed_name, till,
                 till_account, currency, fee_millionths, fee_fixed, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            params,
        )
        .await?;
        Ok(())
    }
}

const SELECT: &str = "SELECT m.merchant_id, m.user_id, m.sealed_name, m.till, m.till_account,
        m.currency, m.fee_millionths, m.fee_fixed, m.state, m.created_at, k.wrapped_key
    FROM merchants m
    JOIN subject_keys k ON k.partner_id = m.partner_id AND k.livemode = m.livemode
        AND k.subject_id = m.user_id
    WHERE m.partner_id = $1 AND m.livemode = $2";

fn purpose(id: MerchantId) -> String {
    format!("merchant/{id}/name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_rounded_down_and_may_be_nothing() {
        let terms = FeeTerms {
            millionths: 29_000,
            fixed: 30,
        };
        let eur = |minor| Money::from_minor(minor, Currency::EUR).unwrap();
        assert_eq!(terms.of(eur(1_000)), Ok(Some(eur(59))));
        assert_eq!(terms.of(eur(1_033)), Ok(Some(eur(59))));
        assert_eq!(terms.of(eur(1_035)), Ok(Some(eur(60))));
        assert_eq!(FeeTerms::default().of(eur(1_000)), Ok(None));
        let largest = eur(domain::LARGEST_AMOUNT);
        assert_eq!(terms.of(largest).map(|fee| fee.is_some()), Ok(true));
    }
}
