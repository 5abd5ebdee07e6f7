//! A rail's statement, page by page: its lines and the place behind them are stored in one commit,
//! so every line is taken in exactly once, whoever reads and however often.

use std::collections::BTreeSet;

use db::{Tx, params};
use domain::Timestamp;
use domain::rail::{Cursor, Line, LineKind, Page, RailId, Word};

use crate::error::InboxError;
use crate::take::{Draft, digest};
use crate::{Inbox, Incoming, Origin};

/// What a page brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advance {
    /// False when somebody else has read on meanwhile: nothing was stored.
    pub stored: bool,
    pub lines: usize,
}

impl Inbox {
    /// How far the statement was read, and when last.
    pub async fn place_of(&self, rail: RailId) -> Result<(Cursor, Option<Timestamp>), InboxError> {
        let sql = "SELECT place, read_at FROM rail_statements WHERE rail = $1";
        match self.db.fetch_optional(sql, params![rail.name()]).await? {
            Some(row) => Ok((Cursor(row.text("place")?), row.opt_timestamp("read_at")?)),
            None => Ok((Cursor::default(), None)),
        }
    }

    /// Stores what was read behind `after`, unless somebody has read on from there already.
    pub async fn read_on(
        &self,
        rail: RailId,
        after: &Cursor,
        page: Page,
    ) -> Result<Advance, InboxError> {
        let lines = page.lines.len();
        let mut drafts = Vec::with_capacity(lines);
        let mut moved = BTreeSet::new();
        for (number, line) in page.lines.iter().enumerate() {
            let incoming = incoming(rail, after, number, line);
            let digest = digest(&incoming);
            let booked = line.key.filter(|_| line.kind != LineKind::Returned);
            let again = booked.is_some_and(|key| !moved.insert(key.to_string()));
            let suspect = again.then_some("the statement has this movement a second time");
            drafts.push(self.draft(incoming, digest, suspect).await?);
        }
        let (after, next) = (after.0.clone(), page.next.0);
        let stored = self
            .db
            .write(move |tx: &mut Tx| {
                Box::pin(async move { store(tx, rail, &after, &next, drafts).await })
            })
            .await?;
        Ok(Advance { stored, lines })
    }
}

async fn store(
    tx: &mut Tx,
    rail: RailId,
    after: &str,
    next: &str,
    drafts: Vec<Draft>,
) -> Result<bool, InboxError> {
    tx.execute(
        "INSERT INTO rail_statements (rail, place, read_at) VALUES ($1, '', $2)
         ON CONFLICT (rail) DO NOTHING",
        params![rail.name(), tx.now()],
    )
    .await?;
    let moved = tx
        .execute(
            "UPDATE rail_statements SET place = $3, read_at = $4 WHERE rail = $1 AND place = $2",
            params![rail.name(), after, next, tx.now()],
        )
        .await?;
    if moved == 0 {
        return Ok(false);
    }
    for draft in drafts {
        draft.insert(tx).await?;
    }
    Ok(true)
}

fn incoming(rail: RailId, after: &Cursor, number: usize, line: &Line) -> Incoming {
    Incoming {
        rail,
        origin: Origin::Statement,
        bank_id: format!("{}/{number}", after.0),
        key: line.key,
        word: Some(Word::from(line)),
        words: line.reference.clone().into_bytes(),
    }
}
