//! What is being found out about a step in doubt: what was seen so far, and when the bank is asked
//! next. It is for people: nothing is decided from it.

use db::{DbError, Row, Tx, params};
use domain::rail::RailId;
use domain::{Step, Tenant, Timestamp, TransferId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::{Transfer, Transfers, plain, row};

/// The first one says how the doubt began; behind it the newest are kept.
const MOST_EVIDENCE: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    pub step: Step,
    /// Questions that decided nothing.
    pub questions: u32,
    /// At the latest then, by itself.
    pub next_check_at: Option<Timestamp>,
    pub evidence: Vec<Evidence>,
}

/// The same again is counted, not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub what: String,
    /// The last time.
    #[serde(with = "micros")]
    pub at: Timestamp,
    pub times: u32,
}

mod micros {
    use domain::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.as_micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp::from_micros)
    }
}

impl Transfers {
    /// None where nothing was ever in doubt.
    pub async fn doubt(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Option<Doubt>, StoreError> {
        let row = self
            .db
            .fetch_optional(SELECT, row::keyed(tenant, id))
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The bank was asked, or said something by itself, and the doubt stays. What is not in doubt
    /// is left as it is.
    pub async fn doubted(
        &self,
        tenant: &Tenant,
        id: TransferId,
        step: Step,
        seen: Seen,
    ) -> Result<(), StoreError> {
        let tenant = *tenant;
        let write = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let row = tx.fetch_optional(SELECT, row::keyed(&tenant, id)).await?;
                let Some(mut doubt) = row.as_ref().map(read).transpose()? else {
                    return Ok(());
                };
                if doubt.step == step {
                    doubt.saw(seen, tx.now());
                    store(tx, &tenant, id, &doubt).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        Ok(write.await?)
    }
}

/// What was seen of a step in doubt.
#[derive(Clone, Debug)]
pub enum Seen {
    /// The bank was asked and has decided nothing.
    Asked { evidence: String, rail: RailId },
    /// It was asked and did not answer.
    NotAnswered { evidence: String },
    /// It said something by itself that settles nothing.
    Told { evidence: String },
}

/// An inquiry that failed is repeated within this.
const ASKED_AGAIN_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);

impl Doubt {
    fn saw(&mut self, seen: Seen, now: Timestamp) {
        let what = match seen {
            Seen::Asked { evidence, rail } => {
                self.questions = self.questions.saturating_add(1);
                let wait = rail.promises().wait_after(self.questions);
                self.next_check_at = Some(now.after(wait));
                plain(&evidence)
            }
            Seen::NotAnswered { evidence } => {
                self.next_check_at = Some(now.after(ASKED_AGAIN_WITHIN));
                plain(&evidence)
            }
            Seen::Told { evidence } => plain(&evidence),
        };
        match self.evidence.last_mut() {
            Some(last) if last.what == what => {
                last.at = now;
                last.times = last.times.saturating_add(1);
            }
            _ => self.evidence.push(Evidence {
                what,
                at: now,
                times: 1,
            }),
        }
        if self.evidence.len() > MOST_EVIDENCE {
            self.evidence.remove(1);
        }
    }
}

/// With the flag, in its commit.
pub(crate) async fn begin(
    tx: &mut Tx,
    transfer: &Transfer,
    step: Step,
    note: &str,
) -> Result<(), StoreError> {
    let order = transfer.order();
    let rail = match step {
        Step::PayOut | Step::Settle => order.destination.rail(),
        _ => order.source.rail(),
    };
    let now = tx.now();
    let doubt = Doubt {
        step,
        questions: 0,
        next_check_at: rail.map(|rail| now.after(rail.promises().wait_after(0))),
        evidence: vec![Evidence {
            what: plain(note),
            at: now,
            times: 1,
        }],
    };
    store(tx, &transfer.tenant, transfer.id, &doubt).await
}

async fn store(
    tx: &mut Tx,
    tenant: &Tenant,
    id: TransferId,
    doubt: &Doubt,
) -> Result<(), StoreError> {
    let mut params = row::keyed(tenant, id);
    params.extend(params![
        doubt.step.name(),
        i64::from(doubt.questions),
        doubt.next_check_at,
        serde_json::to_string(&doubt.evidence)?
    ]);
    tx.execute(
        "INSERT INTO transfer_doubts (partner_id, livemode, transfer_id, step, questions,
             next_check_at, evidence)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (partner_id, livemode, transfer_id) DO UPDATE SET step = $4, questions = $5,
             next_check_at = $6, evidence = $7",
        params,
    )
    .await?;
    Ok(())
}

const SELECT: &str = "SELECT step, questions, next_check_at, evidence FROM transfer_doubts
    WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3";

fn read(row: &Row) -> Result<Doubt, StoreError> {
    let name = row.text("step")?;
    let step = Step::ALL.into_iter().find(|step| step.name() == name);
    Ok(Doubt {
        step: step.ok_or_else(|| DbError::column("step", "a step", "another word"))?,
        questions: u32::try_from(row.int("questions")?).unwrap_or(u32::MAX),
        next_check_at: row.opt_timestamp("next_check_at")?,
        evidence: serde_json::from_str(&row.text("evidence")?)?,
    })
}
