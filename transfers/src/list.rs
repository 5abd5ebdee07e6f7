//! Lists of transfers: newest first, a page at a time, in an order that new ones do not disturb.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use db::{Value, params};
use domain::transfer::Status;
use domain::{Tenant, Timestamp, TransferId};

use crate::error::StoreError;
use crate::row::{COLUMNS, Stored};
use crate::{LONGEST_PAGE, Transfer, Transfers, scope};

/// Everything is optional, and what is given must all hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub status: Option<Status>,
    pub created_from: Option<Timestamp>,
    /// The first instant that is too late.
    pub created_before: Option<Timestamp>,
    pub client_reference: Option<String>,
    /// Only those that wait for somebody: in doubt, or for an operator.
    pub flagged: bool,
}

/// Where the last page ended. Opaque to clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    created_at: Timestamp,
    id: TransferId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor that a page of this list ended with")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.created_at.as_micros(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('.').ok_or(InvalidCursor)?;
        let micros = i64::from_str_radix(at, 16).map_err(|_| InvalidCursor)?;
        Ok(Self {
            created_at: Timestamp::from_micros(micros),
            id: id.parse().map_err(|_| InvalidCursor)?,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Page {
    pub transfers: Vec<Transfer>,
    /// None on the last page.
    pub next: Option<Cursor>,
}

impl Transfers {
    pub async fn list(
        &self,
        tenant: &Tenant,
        filter: &Filter,
        after: Option<Cursor>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, LONGEST_PAGE);
        let (sql, params) = query(tenant, filter, after, limit + 1);
        let rows = self.db.fetch_all(&sql, params).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut transfers = Vec::with_capacity(rows.len().min(wanted));
        for row in rows.iter().take(wanted) {
            transfers.push(self.open(Stored::read(row)?).await?);
        }
        let more = rows.len() > wanted;
        let next = transfers.last().filter(|_| more).map(|last| Cursor {
            created_at: last.created_at,
            id: last.id,
        });
        Ok(Page { transfers, next })
    }

    /// How many transfers stand where; a status that none has is not in it.
    pub async fn count_by_status(
        &self,
        tenant: &Tenant,
    ) -> Result<BTreeMap<&'static str, i64>, StoreError> {
        let rows = self
            .db
            .fetch_all(
                "SELECT status, count(*) AS many FROM transfers
                 WHERE partner_id = $1 AND livemode = $2 GROUP BY status",
                scope(tenant),
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.parse::<Status>("status")?.name(), row.int("many")?)))
            .collect()
    }
}

fn query(
    tenant: &Tenant,
    filter: &Filter,
    after: Option<Cursor>,
    limit: u32,
) -> (String, Vec<Value>) {
    let mut sql =
        format!("SELECT {COLUMNS} FROM transfers WHERE partner_id = $1 AND livemode = $2");
    let mut params = scope(tenant);
    let mut and = |condition: &str, values: Vec<Value>| {
        // A condition writes ? for each of its values; the number follows from those before it.
        let mut parts = condition.split('?');
        sql.push_str(" AND ");
        sql.push_str(parts.next().unwrap_or_default());
        for (part, value) in parts.zip(values) {
            params.push(value);
            sql.push_str(&format!("${}{part}", params.len()));
        }
    };
    if let Some(status) = filter.status {
        and("status = ?", params![status.name()]);
    }
    if let Some(from) = filter.created_from {
        and("created_at >= ?", params![from]);
    }
    if let Some(before) = filter.created_before {
        and("created_at < ?", params![before]);
    }
    if let Some(reference) = &filter.client_reference {
        and("client_reference = ?", params![reference]);
    }
    if filter.flagged {
        and(
            "(in_doubt_step IS NOT NULL OR operator_step IS NOT NULL)",
            vec![],
        );
    }
    if let Some(cursor) = after {
        let values = params![cursor.created_at, cursor.id.to_string()];
        and("(created_at, transfer_id) < (?, ?)", values);
    }
    params.push(limit.into());
    sql.push_str(&format!(
        " ORDER BY created_at DESC, transfer_id DESC LIMIT ${}",
        params.len()
    ));
    (sql, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        let cursor = Cursor {
            created_at: Timestamp::from_micros(1_800_000_000_123_456),
            id: TransferId::from_bits(7),
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", ".", "1.tr_", "x.tr_00000000000000000000000007", "1"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
