//! Recording what happened: the row, its history, its event and the ledger entry, in one commit.
//!
//! A happening that is not allowed any more is looked for in the history: found, it is a repetition
//! and changes nothing; not found, it comes out of turn and is refused. Statuses never come back,
//! so a happening that is allowed was surely never recorded before.

use db::Tx;
use domain::transfer::{Decline, FlagKind, Happening, NotNow, Status};
use domain::{EntryId, EventId, Step, StepKey, Tenant, Timestamp, TransferId};
use ledger::{CorrectError, Entry, LedgerError, PostError, Refusal};

use ambient::Mint;

use crate::books::Posting;
use crate::error::{RecordError, StoreError};
use crate::foretold::Plan;
use crate::history::{self, Change};
use crate::register::Register;
use crate::{
    NetworkStatus, StatusReason, Transfer, Transfers, books, doubt, outbox, plain, row, screen,
};

#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it stands now, its description left sealed.
    pub transfer: Transfer,
    /// Nothing was written: all of it had been recorded before.
    pub already: bool,
}

impl Transfers {
    /// Records one happening, or finds that it was recorded before.
    pub async fn record(
        &self,
        tenant: &Tenant,
        id: TransferId,
        happening: &Happening,
    ) -> Result<Recorded, RecordError> {
        self.record_all(tenant, id, std::slice::from_ref(happening))
            .await
    }

    /// Records several in their order and in one commit, or none of them. Each has its own history
    /// row and its own event.
    pub async fn record_all(
        &self,
        tenant: &Tenant,
        id: TransferId,
        happenings: &[Happening],
    ) -> Result<Recorded, RecordError> {
        let tenant = *tenant;
        let mint = self.mint.clone();
        let notes = happenings
            .iter()
            .map(|happening| {
                let text = serde_json::to_string(happening).map_err(StoreError::from)?;
                let event = outbox::fresh_id(&self.mint)?;
                Ok((happening.clone(), text, event))
            })
            .collect::<Result<Vec<_>, RecordError>>()?;
        let plan = Plan {
            named: (tenant, id),
            happenings: happenings.to_vec(),
        };
        let declare = move |tx: &mut Tx| plan.declare(tx);
        let recorded = self.db.write_declared(declare, move |tx: &mut Tx| {
            Box::pin(async move {
                let found = row::lock(tx, &tenant, id).await?;
                let transfer = found.ok_or(RecordError::NoSuchTransfer)?.transfer;
                let read = transfer.version;
                let mut pen = Pen { tx, mint, transfer };
                for (happening, text, event) in notes {
                    pen.note(&happening, &text, event).await?;
                }
                pen.finish(read).await
            })
        });
        Ok(recorded.await?)
    }
}

struct Pen<'t> {
    tx: &'t mut Tx,
    mint: Mint,
    transfer: Transfer,
}

impl Pen<'_> {
    async fn note(
        &mut self,
        happening: &Happening,
        text: &str,
        event: EventId,
    ) -> Result<(), RecordError> {
        let from = self.transfer.status;
        match happening.apply_to(from) {
            Err(not_now) => return self.repetition(happening, text, not_now).await,
            Ok(_) if changes_nothing(&self.transfer, happening) => return Ok(()),
            // A row that is final stays as it is; only a flag left behind may still be lowered.
            Ok(to) if from.is_final() && !matches!(happening, Happening::Lowered { .. }) => {
                return Err(NotNow { from, to }.into());
            }
            Ok(to) => self.advance(happening, to).await?,
        }
        let entry = self.post(from, happening).await?;
        let note = note_of(happening);
        let change = Change {
            cause: happening.cause(),
            actor: history::WORKFLOW,
            note: note.as_deref(),
            happening: Some(text),
            entry,
        };
        history::append(self.tx, &self.transfer, change).await?;
        let kind = match happening.leads_to() {
            Some(status) => format!("transfer.{status}"),
            None => format!("transfer.{}", happening.cause()),
        };
        outbox::append(self.tx, event, &self.transfer, &kind).await?;
        Ok(())
    }

    async fn repetition(
        &mut self,
        happening: &Happening,
        text: &str,
        not_now: NotNow,
    ) -> Result<(), RecordError> {
        let cause = happening.cause();
        match history::recorded(self.tx, &self.transfer, cause).await? {
            None => Err(match refused_before(&self.transfer, happening) {
                Some(decline) => RecordError::Refused(decline),
                None => not_now.into(),
            }),
            Some(before) if before == text => Ok(()),
            Some(before) => Err(RecordError::Conflict {
                cause,
                field: differing(&before, text).map_err(StoreError::from)?,
            }),
        }
    }

    async fn advance(&mut self, happening: &Happening, to: Status) -> Result<(), RecordError> {
        let now = self.tx.now();
        // Both amounts were agreed for a while only. Once the sender is asked they hold.
        let quote = self.transfer.quote.filter(|quote| quote.has_expired(now));
        if quote.is_some() && matches!(happening, Happening::Collecting) {
            return Err(RecordError::Refused(Decline::QuoteExpired));
        }
        if let Some(key) = refused_step(self.transfer.id, happening) {
            self.transfer.network_status = self.raw_word(key).await?;
        }
        self.transfer.apply(happening, to, now);
        if let Happening::Raised {
            flag: FlagKind::InDoubt,
            step,
            note,
        } = happening
        {
            doubt::begin(self.tx, &self.transfer, *step, note).await?;
        }
        Ok(())
    }

    async fn post(
        &mut self,
        from: Status,
        happening: &Happening,
    ) -> Result<Option<EntryId>, RecordError> {
        let (order, pool) = (self.transfer.order(), self.transfer.pool);
        let postings = books::postings(&order, pool, from, happening)
            .map_err(|_| RecordError::Books(Refusal::AmountNotPositive))?;
        let mut justified = None;
        for posting in postings {
            justified = Some(match posting {
                Posting::Post(entry) => self.posted(&entry).await?,
                Posting::TakeBack(entry) => {
                    let wrong = self.posted(&entry).await?;
                    let back = ledger::correct(self.tx, &self.mint, order.tenant, wrong).await;
                    back.map_err(not_corrected)?.entry
                }
            });
        }
        Ok(justified)
    }

    /// Posts, or finds what was posted under the same key.
    async fn posted(&mut self, entry: &Entry) -> Result<EntryId, RecordError> {
        let posted = ledger::post(self.tx, &self.mint, entry).await;
        Ok(posted.map_err(not_posted)?.entry)
    }

    /// What the bank itself called its refusal.
    async fn raw_word(&mut self, key: StepKey) -> Result<Option<NetworkStatus>, RecordError> {
        let tenant = self.transfer.tenant;
        self.tx.area::<Register>().need_word(tenant, key);
        self.tx.settle().await?;
        let word = self.tx.area::<Register>().word(tenant, key);
        Ok(word.flatten().cloned())
    }

    /// Stores the row, if nobody else moved it since it was read.
    async fn finish(self, read: i64) -> Result<Recorded, RecordError> {
        let already = self.transfer.version == read;
        if !already {
            if self.transfer.screened && self.transfer.status.is_final() {
                screen::settle_limits(self.tx, &self.mint, &self.transfer).await?;
            }
            if !row::store(self.tx, &self.transfer, read).await? {
                return Err(StoreError::Overtaken.into());
            }
        }
        Ok(Recorded {
            transfer: self.transfer,
            already,
        })
    }
}

impl Transfer {
    fn apply(&mut self, happening: &Happening, to: Status, now: Timestamp) {
        self.status = to;
        self.version += 1;
        self.updated_at = now;
        self.start_pending = false;
        self.facts = books::facts(self.facts, happening, self.money);
        let step = match happening {
            Happening::Declined { decline } => declined_at(*decline),
            _ => Step::PayOut,
        };
        match happening {
            Happening::Funded { bank_reference } => self.collect_reference = bank_reference.clone(),
            Happening::Completed { bank_reference } => {
                self.payout_reference = bank_reference.clone();
            }
            Happening::Refunded { bank_reference } => {
                self.refund_reference = bank_reference.clone()
            }
            Happening::Declined { decline } | Happening::PayoutRefused { decline } => {
                let decline = *decline;
                self.status_reason = Some(StatusReason { decline, step });
            }
            Happening::Raised { flag, step, note } => {
                self.flags = self.flags.raised(*flag, *step, now);
                if matches!(flag, FlagKind::NeedsOperator) {
                    self.operator_note = Some(plain(note));
                }
            }
            Happening::Lowered { flag, .. } => {
                self.flags = self.flags.lowered(*flag);
                if matches!(flag, FlagKind::NeedsOperator) {
                    self.operator_note = None;
                }
            }
            Happening::ActionRequired { action } => self.action = Some(action.clone()),
            Happening::Scheduled { .. }
            | Happening::InReview { .. }
            | Happening::Collecting
            | Happening::PayingOut
            | Happening::Canceled => {}
        }
    }
}

/// What our own screening says no to was never asked of anybody.
const fn declined_at(decline: Decline) -> Step {
    match decline {
        Decline::UserBlocked | Decline::LimitReached | Decline::ReviewDenied => Step::Screen,
        _ => Step::Collect,
    }
}

/// A flag that already stands, or one that does not: saying so again is no news.
fn changes_nothing(transfer: &Transfer, happening: &Happening) -> bool {
    let standing = |flag: FlagKind, step: Step| {
        let slot = match flag {
            FlagKind::InDoubt => transfer.flags.in_doubt,
            FlagKind::NeedsOperator => transfer.flags.needs_operator,
            FlagKind::OnHold => transfer.flags.on_hold,
        };
        slot.is_some_and(|flag| flag.step == step)
    };
    match happening {
        Happening::Raised { flag, step, .. } => standing(*flag, *step),
        Happening::Lowered { flag, step, .. } => !standing(*flag, *step),
        _ => false,
    }
}

/// The books said no to a wallet, and what followed from it stands here already: whoever says it
/// again was cut off before it could remember the answer, and hears the same one. A bank is never
/// meant: what a bank did and we deny is a contradiction.
fn refused_before(transfer: &Transfer, happening: &Happening) -> Option<Decline> {
    // Its client called it off while it waited: its run hears so at the first thing it says.
    if transfer.status == Status::Canceled
        && matches!(
            happening,
            Happening::Collecting | Happening::InReview { .. }
        )
    {
        return Some(Decline::TakenBack);
    }
    let of_a_wallet = match happening {
        Happening::Collecting => transfer
            .status_reason
            .is_some_and(|reason| reason.decline == Decline::QuoteExpired),
        Happening::Funded { .. } => {
            transfer.status == Status::Failed && transfer.source.rail().is_none()
        }
        Happening::Completed { .. } => {
            matches!(transfer.status, Status::Compensating | Status::Refunded)
                && transfer.destination.rail().is_none()
        }
        _ => false,
    };
    let reason = transfer.status_reason.filter(|_| of_a_wallet);
    reason.map(|reason| reason.decline)
}

fn not_corrected(error: CorrectError) -> RecordError {
    match error {
        CorrectError::Post(error) => not_posted(error),
        CorrectError::Unknown(_) | CorrectError::IsCorrection(_) => {
            RecordError::Books(Refusal::AmountNotPositive)
        }
    }
}

/// A customer's fault ends the step, ours needs a person, and a database that is away needs time.
pub(crate) fn not_posted(error: PostError) -> RecordError {
    match error {
        PostError::Refused(refusal) => match refusal.decline() {
            Some(decline) => RecordError::Refused(decline),
            None => RecordError::Books(refusal),
        },
        PostError::Ledger(LedgerError::Db(error)) => StoreError::from(error).into(),
        PostError::Ledger(LedgerError::Entropy(error)) => StoreError::from(error).into(),
    }
}

pub(crate) fn refused_step(id: TransferId, happening: &Happening) -> Option<StepKey> {
    match happening {
        Happening::Declined { .. } => Some(StepKey::of(id, Step::Collect)),
        Happening::PayoutRefused { .. } => Some(StepKey::of(id, Step::PayOut)),
        _ => None,
    }
}

fn note_of(happening: &Happening) -> Option<String> {
    match happening {
        Happening::Raised { note, .. }
        | Happening::Lowered { note, .. }
        | Happening::InReview { why: note } => Some(plain(note)),
        Happening::Scheduled { at } => Some(at.to_string()),
        Happening::ActionRequired { action } => Some(action.what.to_string()),
        Happening::Declined { decline } | Happening::PayoutRefused { decline } => {
            Some(decline.to_string())
        }
        _ => None,
    }
}

fn differing(before: &str, now: &str) -> Result<String, serde_json::Error> {
    let before: serde_json::Value = serde_json::from_str(before)?;
    let now: serde_json::Value = serde_json::from_str(now)?;
    let fields = now.as_object().into_iter().flat_map(serde_json::Map::keys);
    let field = fields
        .into_iter()
        .find(|field| before.get(field) != now.get(field));
    Ok(field.cloned().unwrap_or_else(|| "content".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_is_away_is_no_contradiction() {
        let away = || db::DbError::Unavailable(None);
        assert!(matches!(
            not_posted(PostError::Ledger(LedgerError::Db(away()))),
            RecordError::Store(_)
        ));
        let ours = ledger::Refusal::KeyUnfit;
        assert!(matches!(not_posted(ours.into()), RecordError::Books(_)));
    }
}
