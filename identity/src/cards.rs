//! Cards outside, linked to a user. What is kept is the network's word for the card; the number
//! goes from its holder to the network's vault and never passes here.

use db::{Row, Tx, params};
use domain::rail::{CardToken, RailId};
use domain::{CardId, Tenant, Timestamp, UserId};
use vault::Key;

use crate::users::{open_text, scope};
use crate::{BankAccountState, Identity, IdentityError, LONGEST_PAGE};

const LONGEST_TOKEN: usize = 255;
/// What a network gives away of a number: its first six or eight digits.
const BIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=8;

/// What everybody in the tenant may see of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub id: CardId,
    pub user: UserId,
    pub rail: RailId,
    /// The issuer's part of the number.
    pub bin: String,
    pub last_four: String,
    pub state: BankAccountState,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewCard {
    pub user: UserId,
    pub rail: RailId,
    pub token: CardToken,
    pub bin: String,
    pub last_four: String,
}

impl Identity {
    pub async fn link_card(&self, tenant: &Tenant, new: NewCard) -> Result<CardId, IdentityError> {
        let key = self.key_of_a_person(tenant, new.user).await?;
        let tenant = *tenant;
        let draft = self.draft_card(&tenant, &key, &new)?;
        let id = draft.id;
        self.db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx, &tenant).await }))
            .await?;
        Ok(id)
    }

    pub async fn card(&self, tenant: &Tenant, id: CardId) -> Result<Option<Card>, IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let sql = format!("{SELECT} AND card_id = $3");
        let row = self.db.fetch_optional(&sql, params).await?;
        row.as_ref().map(read).transpose()
    }

    /// In the order in which they were linked.
    pub async fn cards(&self, tenant: &Tenant, user: UserId) -> Result<Vec<Card>, IdentityError> {
        let mut params = scope(tenant);
        params.push(user.to_string().into());
        params.push(LONGEST_PAGE.into());
        let sql = format!("{SELECT} AND user_id = $3 ORDER BY card_id LIMIT $4");
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(read).collect()
    }

    /// A page in order of creation, of one user or of the whole tenant.
    pub async fn cards_page(
        &self,
        tenant: &Tenant,
        user: Option<UserId>,
        after: Option<CardId>,
        limit: u32,
    ) -> Result<Vec<Card>, IdentityError> {
        let mut params = scope(tenant);
        params.push(after.map_or_else(String::new, |id| id.to_string()).into());
        params.push(i64::from(limit.min(LONGEST_PAGE)).into());
        let of_user = user.map_or("", |user| {
            params.push(user.to_string().into());
            "AND user_id = $5"
        });
        let sql = format!("{SELECT} {of_user} AND card_id > $3 ORDER BY card_id LIMIT $4");
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(read).collect()
    }

    /// For the request to the network and for nothing else.
    pub async fn reveal_card(
        &self,
        tenant: &Tenant,
        id: CardId,
    ) -> Result<CardToken, IdentityError> {
        let mut params = scope(tenant);
        params.push(id.to_string().into());
        let row = self
            .db
            .fetch_optional(
                "SELECT c.user_id, c.sealed_token, k.wrapped_key
                 FROM cards c
                 JOIN subject_keys k ON k.partner_id = c.partner_id AND k.livemode = c.livemode
                     AND k.subject_id = c.user_id
                 WHERE c.partner_id = $1 AND c.livemode = $2 AND c.card_id = $3",
                params,
            )
            .await?
            .ok_or(IdentityError::NotFound("card"))?;
        let user = row.parse("user_id")?;
        let key = self
            .unwrap_key(tenant, user, &row)?
            .ok_or(IdentityError::Erased)?;
        let token = open_text(&key, &purpose(id), &row.bytes("sealed_token")?)?;
        Ok(CardToken::new(token))
    }

    pub(crate) fn draft_card(
        &self,
        tenant: &Tenant,
        key: &Key,
        new: &NewCard,
    ) -> Result<Draft, IdentityError> {
        checked(new)?;
        let no_network = (!new.rail.takes_cards()).then_some("is no card network");
        if let Some(reason) = no_network.or_else(|| self.why_not(tenant, new.rail)) {
            let field = "rail";
            return Err(IdentityError::Invalid { field, reason });
        }
        let id = CardId::from_bits(self.mint.next()?);
        Ok(Draft {
            id,
            user: new.user,
            rail: new.rail,
            sealed_token: key.seal(&purpose(id), new.token.reveal().as_bytes())?,
            bin: new.bin.clone(),
            last_four: new.last_four.clone(),
        })
    }
}

/// What looks like a number is refused wherever it stands: it must never be stored.
fn checked(new: &NewCard) -> Result<(), IdentityError> {
    let token = new.token.reveal();
    let digits = |text: &str| text.bytes().all(|letter| letter.is_ascii_digit());
    let invalid = |field, reason| Err(IdentityError::Invalid { field, reason });
    if token.is_empty() || token.len() > LONGEST_TOKEN {
        return invalid("token", "must have 1 to 255 characters");
    }
    if !token.bytes().all(|letter| letter.is_ascii_graphic()) {
        return invalid("token", "must be printable");
    }
    if token.bytes().filter(u8::is_ascii_digit).count() >= 12 && !token.contains('_') {
        return invalid(
            "token",
            "looks like a card number; the network's token is wanted",
        );
    }
    if !BIN_DIGITS.contains(&new.bin.len()) || !digits(&new.bin) {
        return invalid("bin", "must be the first 6 to 8 digits");
    }
    if new.last_four.len() != 4 || !digits(&new.last_four) {
        return invalid("last_four", "must be four digits");
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) id: CardId,
    user: UserId,
    rail: RailId,
    sealed_token: Vec<u8>,
    bin: String,
    last_four: String,
}

impl Draft {
    pub(crate) async fn insert(self, tx: &mut Tx, tenant: &Tenant) -> Result<(), IdentityError> {
        let mut params = scope(tenant);
        params.extend(params![
            self.id.to_string(),
            self.user.to_string(),
            self.rail.name(),
            self.sealed_token,
            self.bin,
            self.last_four,
            BankAccountState::Open.name(),
            tx.now()
        ]);
        tx.execute(
            "INSERT INTO cards (partner_id, livemode, card_id, user_id, rail, sealed_token, bin,
                 last_four, state, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            params,
        )
        .await?;
        Ok(())
    }
}

const SELECT: &str = "SELECT card_id, user_id, rail, bin, last_four, state, created_at
    FROM cards WHERE partner_id = $1 AND livemode = $2";

fn read(row: &Row) -> Result<Card, IdentityError> {
    Ok(Card {
        id: row.parse("card_id")?,
        user: row.parse("user_id")?,
        rail: row.parse("rail")?,
        bin: row.text("bin")?,
        last_four: row.text("last_four")?,
        state: row.parse("state")?,
        created_at: row.timestamp("created_at")?,
    })
}

/// Bound to the row, so that a token cannot be moved to another card of the same person.
fn purpose(id: CardId) -> String {
    format!("card/{id}/token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_token() {
        let card = |token: &str, bin: &str, last_four: &str| NewCard {
            user: UserId::from_bits(1),
            rail: RailId::SandboxCards,
            token: CardToken::new(token),
            bin: bin.to_owned(),
            last_four: last_four.to_owned(),
        };
        assert!(checked(&card("pm_card_visa", "424242", "4242")).is_ok());
        for (token, bin, last_four) in [
            ("4242424242424242", "424242", "4242"),
            ("4242-4242-4242-4242", "424242", "4242"),
            ("", "424242", "4242"),
            ("pm_card visa", "424242", "4242"),
            ("pm_card_visa", "42424", "4242"),
            ("pm_card_visa", "424242424", "4242"),
            ("pm_card_visa", "424242", "424"),
            ("pm_card_visa", "424242", "42a2"),
        ] {
            assert!(checked(&card(token, bin, last_four)).is_err(), "{token}");
        }
    }
}
