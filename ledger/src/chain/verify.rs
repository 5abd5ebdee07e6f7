//! The verifier: walks every lane of the book from its first entry, in bounded memory.

use std::collections::BTreeSet;

use ambient::Timestamp;
use db::{Db, DbError, Row, Tx, params};

use crate::chain::{Break, Content, ContentLeg, Hash, Head, Kind, Tip, Walk};

/// How far the walk has come, told after every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub lane: String,
    pub position: i64,
    /// Over all lanes so far.
    pub entries: u64,
}

/// What the walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    /// The last link of each lane, as it was walked to.
    pub tips: Vec<Tip>,
    /// The first of them; empty in a whole chain.
    pub breaks: Vec<Break>,
    /// How many there are, also those that are not named.
    pub all_breaks: u64,
}

impl Verified {
    pub const fn is_whole(&self) -> bool {
        self.all_breaks == 0
    }

    fn add(&mut self, breaks: Vec<Break>) {
        for found in breaks {
            self.all_breaks += 1;
            if self.breaks.len() < MOST_BREAKS {
                self.breaks.push(found);
            }
        }
    }
}

/// Enough to see what happened; a chain that is broken throughout must not fill the memory.
const MOST_BREAKS: usize = 100;
/// Positions and rows that are read at once. An entry may have many legs, so both are bounded.
const POSITIONS: i64 = 512;
const ROWS: i64 = 4_096;

/// The last links as the writers recorded them, to be signed.
pub async fn head(db: &Db, taken_at: Timestamp) -> Result<Head, DbError> {
    let rows = db
        .fetch_all(
            "SELECT lane, position, hash FROM lanes ORDER BY lane",
            params![],
        )
        .await?;
    Ok(Head {
        taken_at,
        tips: rows.iter().map(tip).collect::<Result<_, _>>()?,
    })
}

fn tip(row: &Row) -> Result<Tip, DbError> {
    Ok(Tip {
        lane: row.text("lane")?,
        position: row.int("position")?,
        hash: Hash::try_from(&row.bytes("hash")?[..])
            .map_err(|_| DbError::column("hash", "32 bytes", "another number of bytes"))?,
    })
}

/// Walks on one unchanging state of the book, which others go on writing to. A signed head, if
/// there is one, is believed over the book.
pub async fn verify(
    db: &Db,
    signed: Option<Head>,
    mut progress: impl FnMut(Progress) + Send + 'static,
) -> Result<Verified, DbError> {
    db.snapshot(move |tx| {
        Box::pin(async move {
            let signed = signed.map_or_else(Vec::new, |head| head.tips);
            verify_in(tx, &signed, &mut progress).await
        })
    })
    .await
}

pub(crate) async fn verify_in(
    tx: &mut Tx,
    signed: &[Tip],
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Verified, DbError> {
    let mut verified = Verified::default();
    let records = tx
        .fetch_all(
            "SELECT lane, position, hash FROM lanes ORDER BY lane",
            params![],
        )
        .await?;
    let records: Vec<_> = records.iter().map(tip).collect::<Result<_, _>>()?;
    let mut lanes: BTreeSet<String> = lanes_of_entries(tx).await?;
    for known in records.iter().chain(signed) {
        lanes.insert(known.lane.clone());
    }
    for lane in lanes {
        let record = records.iter().find(|record| record.lane == lane);
        let mut walk = Walk::new(&lane, signed);
        along(tx, &lane, &mut walk, &mut verified, progress).await?;
        verified.tips.push(walk.tip());
        verified.add(walk.end(record));
    }
    let outside = "SELECT COUNT(*) AS n, MIN(id) AS first FROM entries WHERE lane IS NULL";
    if let Some(row) = tx.fetch_optional(outside, params![]).await? {
        let entries = row.int("n")?;
        if entries > 0 {
            verified.add(vec![Break {
                lane: "none".to_owned(),
                position: 0,
                entry: row.opt_text("first")?,
                kind: Kind::Unlinked { entries },
            }]);
        }
    }
    Ok(verified)
}

/// Every lane that an entry names, found by leaping from one to the next.
async fn lanes_of_entries(tx: &mut Tx) -> Result<BTreeSet<String>, DbError> {
    let mut lanes = BTreeSet::new();
    let mut last = String::new();
    loop {
        let next = "SELECT MIN(lane) AS lane FROM entries WHERE lane IS NOT NULL AND lane > $1";
        let row = tx.fetch_optional(next, params![&last]).await?;
        let Some(lane) = row.map(|row| row.opt_text("lane")).transpose()?.flatten() else {
            return Ok(lanes);
        };
        last.clone_from(&lane);
        lanes.insert(lane);
    }
}

async fn along(
    tx: &mut Tx,
    lane: &str,
    walk: &mut Walk,
    verified: &mut Verified,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), DbError> {
    let mut after = i64::MIN;
    loop {
        // Leaps over positions that are missing, however many.
        let next = "SELECT MIN(position) AS first FROM entries WHERE lane = $1 AND position > $2";
        let row = tx.fetch_optional(next, params![lane, after]).await?;
        let Some(first) = row.map(|row| row.opt_int("first")).transpose()?.flatten() else {
            return Ok(());
        };
        let last = first.saturating_add(POSITIONS - 1);
        verified.entries += between(tx, lane, first, last, walk).await?;
        verified.add(walk.found());
        progress(Progress {
            lane: lane.to_owned(),
            position: walk.tip().position,
            entries: verified.entries,
        });
        after = last;
    }
}

/// Walks over the entries of a range of positions. In memory are one page of rows and the legs of
/// one entry.
async fn between(
    tx: &mut Tx,
    lane: &str,
    first: i64,
    last: i64,
    walk: &mut Walk,
) -> Result<u64, DbError> {
    let mut walked = 0;
    let mut open: Option<Stored> = None;
    let (mut position, mut leg) = (first, -1);
    loop {
        let rows = tx
            .fetch_all(ROWS_BETWEEN, params![lane, position, leg, last, ROWS])
            .await?;
        for row in &rows {
            (position, leg) = (row.int("position")?, row.opt_int("leg")?.unwrap_or(0));
            let same = open.as_ref().is_some_and(|open| open.position == position);
            if !same {
                walked += u64::from(open.is_some());
                if let Some(whole) = open.replace(Stored::read(row, lane, position)?) {
                    whole.step(walk);
                }
            }
            if let Some(entry) = &mut open {
                entry.legs.extend(Leg::read(row)?);
            }
        }
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) < ROWS {
            break;
        }
    }
    walked += u64::from(open.is_some());
    if let Some(whole) = open {
        whole.step(walk);
    }
    Ok(walked)
}

/// An entry without legs has one row with none.
const ROWS_BETWEEN: &str = "SELECT e.partner_id, e.livemode, e.id, e.key, e.template, e.transfer_id, e.corrects,
            e.linked_to, e.hold_id, e.posted_at, e.position, e.hash,
            p.leg, p.account_id, p.currency, p.amount, p.account_version, p.balance_after
     FROM entries e
     LEFT JOIN postings p ON p.partner_id = e.partner_id AND p.livemode = e.livemode AND p.entry_id = e.id
     WHERE e.lane = $1 AND e.position >= $2 AND e.position <= $4
       AND (e.position > $2 OR COALESCE(p.leg, 0) > $3)
     ORDER BY e.position, p.leg LIMIT $5";

/// An entry as its row says it, word for word.
struct Stored {
    partner: String,
    live: bool,
    id: String,
    key: String,
    template: String,
    transfer: Option<String>,
    corrects: Option<String>,
    linked_to: Option<String>,
    hold: Option<String>,
    posted_at: Timestamp,
    lane: String,
    position: i64,
    hash: Vec<u8>,
    legs: Vec<Leg>,
}

struct Leg {
    account: String,
    currency: String,
    amount: i64,
    version: i64,
    balance_after: i64,
}

impl Stored {
    fn read(row: &Row, lane: &str, position: i64) -> Result<Self, DbError> {
        Ok(Self {
            partner: row.text("partner_id")?,
            live: row.bool("livemode")?,
            id: row.text("id")?,
            key: row.text("key")?,
            template: row.text("template")?,
            transfer: row.opt_text("transfer_id")?,
            corrects: row.opt_text("corrects")?,
            linked_to: row.opt_text("linked_to")?,
            hold: row.opt_text("hold_id")?,
            posted_at: row.timestamp("posted_at")?,
            lane: lane.to_owned(),
            position,
            hash: row.opt_bytes("hash")?.unwrap_or_default(),
            legs: Vec::new(),
        })
    }

    fn step(&self, walk: &mut Walk) {
        let legs: Vec<_> = self.legs.iter().map(Leg::content).collect();
        let content = Content {
            partner: &self.partner,
            live: self.live,
            id: &self.id,
            key: &self.key,
            template: &self.template,
            transfer: self.transfer.as_deref(),
            corrects: self.corrects.as_deref(),
            linked_to: self.linked_to.as_deref(),
            hold: self.hold.as_deref(),
            posted_at: self.posted_at,
            lane: &self.lane,
            position: self.position,
            legs: &legs,
        };
        walk.step(&content, &self.hash);
    }
}

impl Leg {
    fn read(row: &Row) -> Result<Option<Self>, DbError> {
        if row.opt_int("leg")?.is_none() {
            return Ok(None);
        }
        Ok(Some(Self {
            account: row.text("account_id")?,
            currency: row.text("currency")?,
            amount: row.int("amount")?,
            version: row.int("account_version")?,
            balance_after: row.int("balance_after")?,
        }))
    }

    fn content(&self) -> ContentLeg<'_> {
        ContentLeg {
            account: &self.account,
            currency: &self.currency,
            amount: self.amount,
            version: self.version,
            balance_after: self.balance_after,
        }
    }
}
