//! A message is taken in: stored once, matched with the step that it names, and judged.

use db::{Tx, Value, params};
use domain::rail::{RailId, Word, WordOutcome};
use domain::transfer::Status;
use domain::{MessageId, StepKey, Tenant, Timestamp, TransferId};
use sha2::{Digest, Sha256};
use transfers::AttemptState;

use crate::error::InboxError;
use crate::judge::{Judgement, Step, judge};
use crate::row::{COLUMNS, read};
use crate::{Inbox, Message, Origin, State};

/// What arrived, after the rail's adapter checked whose word it is.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub rail: RailId,
    pub origin: Origin,
    /// The bank's own id of a notice; of a line, its place on the statement.
    pub bank_id: String,
    /// The step of ours that it names.
    pub key: Option<StepKey>,
    pub word: Option<Word>,
    /// As it came, for a person who may have to read it.
    pub words: Vec<u8>,
}

/// It is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub id: MessageId,
    /// It was there before, word for word.
    pub already: bool,
    /// Whose run should be told of it at once.
    pub tell: Option<TransferId>,
}

/// A message on its way into the store.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    id: MessageId,
    incoming: Incoming,
    digest: String,
    place: Place,
    sealed: Option<Vec<u8>>,
}

/// Where a message stands, as things are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) state: State,
    pub(crate) reason: Option<String>,
    /// The step's run waits for such a word, or will as soon as its call has ended without an answer.
    pub(crate) awaited: bool,
    /// It waits for it now.
    pub(crate) in_doubt: bool,
    pub(crate) judgement: Option<Judgement>,
    pub(crate) known: Option<AttemptState>,
}

impl Inbox {
    /// Stores it before anybody acts on it. The same again is found, and changes nothing.
    pub async fn take(&self, incoming: Incoming) -> Result<Taken, InboxError> {
        let digest = digest(&incoming);
        if let Some(before) = self.before(&incoming, &digest).await? {
            return Ok(before);
        }
        let other_words = self.has_other_words(&incoming).await?;
        let suspect = "the bank sent other words under the same id before";
        let suspect = other_words.then_some(suspect);
        let draft = self.draft(incoming, digest, suspect).await?;
        let (looked, digest) = (draft.incoming.clone(), draft.digest.clone());
        let (id, tell) = (draft.id, draft.tell());
        let fresh = self
            .db
            .write(move |tx: &mut Tx| Box::pin(async move { draft.insert(tx).await }))
            .await?;
        if !fresh && let Some(before) = self.before(&looked, &digest).await? {
            return Ok(before);
        }
        Ok(Taken {
            id,
            already: false,
            tell,
        })
    }

    /// Sealed unless it is explained already.
    pub(crate) async fn draft(
        &self,
        incoming: Incoming,
        digest: String,
        suspect: Option<&str>,
    ) -> Result<Draft, InboxError> {
        let id = MessageId::from_bits(self.mint.next()?);
        let (key, word) = (incoming.key, incoming.word.as_ref());
        let mut place = self
            .place(incoming.rail, incoming.origin, id, key, word)
            .await?;
        if let Some(why) = suspect {
            place.state = State::Quarantined;
            place.reason = Some(why.to_owned());
        }
        let sealed = match place.state.is_explained() {
            true => None,
            false => Some(self.seal(id, &incoming.words)?),
        };
        Ok(Draft {
            id,
            incoming,
            digest,
            place,
            sealed,
        })
    }

    pub(crate) async fn place(
        &self,
        rail: RailId,
        origin: Origin,
        id: MessageId,
        key: Option<StepKey>,
        word: Option<&Word>,
    ) -> Result<Place, InboxError> {
        let unmatched = |why: &str| Place {
            tenant: None,
            state: State::Unmatched,
            reason: Some(why.to_owned()),
            awaited: false,
            in_doubt: false,
            judgement: None,
            known: None,
        };
        let Some(key) = key else {
            return Ok(unmatched("it names no step of ours"));
        };
        let Some(found) = self.transfers.at_bank(rail, key).await? else {
            return Ok(unmatched(
                "this rail was never asked for the step that it names",
            ));
        };
        let tenant = found.order.tenant;
        let executed = word.filter(|word| matches!(word.outcome, WordOutcome::Executed));
        let other = match executed.and_then(|word| word.bank_reference.as_deref()) {
            Some(reference) => {
                let other = self.transfers.other_payment(&tenant, key, rail, reference);
                other.await?
            }
            None => None,
        };
        let again = executed.is_some()
            && origin == Origin::Statement
            && self.on_the_statement(rail, key, id).await?;
        let step = Step {
            money: found.order.moves(key.step),
            way: key.way(),
            known: found.known.clone(),
            other,
            again,
        };
        let judgement = judge(word, &step);
        let over = found.status.is_final();
        let (state, reason) = stand(&judgement, found.status);
        let unresolved = found
            .known
            .as_ref()
            .is_some_and(AttemptState::is_unresolved);
        let settles = matches!(judgement, Judgement::Ask | Judgement::Settles(_));
        let contradicts = matches!(judgement, Judgement::Contradicts(_));
        Ok(Place {
            tenant: Some(tenant),
            state,
            reason,
            awaited: !over && (settles || (contradicts && unresolved)),
            in_doubt: matches!(found.known, Some(AttemptState::Unknown { .. })),
            judgement: Some(judgement),
            known: found.known,
        })
    }

    async fn before(&self, incoming: &Incoming, digest: &str) -> Result<Option<Taken>, InboxError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM rail_messages
             WHERE rail = $1 AND origin = $2 AND bank_id = $3 AND digest = $4"
        );
        let mut params = id_of(incoming);
        params.push(digest.into());
        let row = self.db.fetch_optional(&sql, params).await?;
        let found: Option<Message> = row.as_ref().map(read).transpose()?;
        Ok(found.map(|message| Taken {
            id: message.id,
            already: true,
            tell: None,
        }))
    }

    async fn has_other_words(&self, incoming: &Incoming) -> Result<bool, InboxError> {
        let sql = "SELECT 1 AS found FROM rail_messages
            WHERE rail = $1 AND origin = $2 AND bank_id = $3 LIMIT 1";
        let row = self.db.fetch_optional(sql, id_of(incoming)).await?;
        Ok(row.is_some())
    }

    async fn on_the_statement(
        &self,
        rail: RailId,
        key: StepKey,
        but: MessageId,
    ) -> Result<bool, InboxError> {
        let sql = "SELECT 1 AS found FROM rail_messages
            WHERE step_key = $1 AND rail = $2 AND message_id < $3 AND origin = 'statement'
                AND outcome = 'executed' LIMIT 1";
        let params = params![key.to_string(), rail.name(), but.to_string()];
        Ok(self.db.fetch_optional(sql, params).await?.is_some())
    }
}

fn stand(judgement: &Judgement, status: Status) -> (State, Option<String>) {
    match judgement {
        Judgement::Settles(_) | Judgement::Ask if status.is_final() => (
            State::Unclaimed,
            Some(format!("the transfer was {status} when it came")),
        ),
        Judgement::Settles(_) | Judgement::Ask => (State::Waiting, None),
        Judgement::Known => (State::Known, None),
        Judgement::Returned => (State::Unclaimed, None),
        Judgement::Contradicts(why) => (State::Quarantined, Some(why.clone())),
    }
}

impl Draft {
    /// What is still being sent is told of when its call has ended.
    fn tell(&self) -> Option<TransferId> {
        let now = self.place.awaited && self.place.in_doubt;
        let key = self.incoming.key.filter(|_| now)?;
        Some(key.transfer)
    }

    /// False when another has stored the same meanwhile.
    pub(crate) async fn insert(self, tx: &mut Tx) -> Result<bool, InboxError> {
        let Self {
            id,
            incoming,
            digest,
            place,
            sealed,
        } = self;
        let mut params = vec![id.to_string().into()];
        params.extend(id_of(&incoming));
        params.push(digest.into());
        params.push(tx.now().into());
        let matched = incoming.key.filter(|_| place.tenant.is_some());
        params.extend(params![
            place.tenant.map(|tenant| tenant.partner.to_string()),
            place.tenant.map(|tenant| i64::from(tenant.mode.is_live())),
            matched.map(|key| key.transfer.to_string()),
            incoming.key.map(|key| key.to_string())
        ]);
        params.extend(said(incoming.word.as_ref()));
        let settled = (!place.awaited).then(|| tx.now());
        params.extend(params![sealed, place.state.name(), place.reason, settled]);
        let inserted = tx
            .execute(
                "INSERT INTO rail_messages (message_id, rail, origin, bank_id, digest, received_at,
                     partner_id, livemode, transfer_id, step_key, outcome, way, amount, currency,
                     bank_reference, decline, code, sealed_words, state, reason, settled_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19, $20, $21)
                 ON CONFLICT (rail, origin, bank_id, digest) DO NOTHING",
                params,
            )
            .await?;
        Ok(inserted == 1)
    }
}

/// Outcome, way, amount, currency, bank reference, decline, code.
fn said(word: Option<&Word>) -> Vec<Value> {
    let outcome = word.map(|word| &word.outcome);
    let (decline, code) = match outcome {
        Some(WordOutcome::Rejected(why)) => {
            (Some(why.decline.name()), Some(why.network_code.clone()))
        }
        Some(WordOutcome::Returned { code }) => (None, code.clone()),
        _ => (None, None),
    };
    let money = word.and_then(|word| word.money);
    params![
        outcome.map(WordOutcome::name),
        word.and_then(|word| word.way).map(|way| way.name()),
        money.map(|money| money.minor()),
        money.map(|money| money.currency().code()),
        word.and_then(|word| word.bank_reference.clone()),
        decline,
        code
    ]
}

fn id_of(incoming: &Incoming) -> Vec<Value> {
    params![
        incoming.rail.name(),
        incoming.origin.name(),
        &incoming.bank_id
    ]
}

/// Of what it means, not of how it is written: a bank may count its deliveries inside the body.
pub(crate) fn digest(incoming: &Incoming) -> String {
    let key = incoming.key.map(|key| key.to_string());
    let meaning = format!("{key:?} {:?}", incoming.word);
    let hash = Sha256::digest(meaning.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was found out about a message since.
pub(crate) async fn moved(
    tx: &mut Tx,
    id: MessageId,
    state: State,
    reason: Option<&str>,
    settled: Option<Timestamp>,
) -> Result<(), InboxError> {
    let forget = state.is_explained();
    let words = if forget { ", sealed_words = NULL" } else { "" };
    let sql = format!(
        "UPDATE rail_messages SET state = $2, reason = coalesce($3, reason), settled_at = $4{words}
         WHERE message_id = $1 AND state IN ('waiting', 'quarantined')"
    );
    let params = params![id.to_string(), state.name(), reason, settled];
    tx.execute(&sql, params).await?;
    Ok(())
}
