//! Attempts at a bank, recorded durably before they leave and closed when they are answered.

mod stored;

use db::{Db, DbError, Tx, Value, params};
use domain::rail::{Answer, RailId};
use domain::transfer::{Endpoint, Status};
use domain::{Step, StepKey, Tenant, TransferId};

use crate::attempt::{Attempt, AttemptResult, AttemptRow, AttemptState, Finding};
use crate::error::{AttemptError, StoreError};
use crate::{Transfers, left, linked, row, scope};
pub(crate) use stored::read;
use stored::{columns, key_of};

/// Far more than a person would read.
const MOST_ROWS: i64 = 1_000;

impl Transfers {
    /// Call it before the instruction leaves, and send only what it gave leave for.
    ///
    /// A transfer that has moved on gives none: whoever comes late with a step that is over must
    /// not send it once more.
    pub async fn open_attempt(
        &self,
        tenant: &Tenant,
        key: StepKey,
        rail: RailId,
    ) -> Result<Attempt, AttemptError> {
        let tenant = *tenant;
        let open = self
            .db
            .write(move |tx: &mut Tx| Box::pin(async move { open(tx, &tenant, key, rail).await }));
        Ok(open.await?)
    }

    /// Says how an attempt ended, and hears what it is known to be: a late or repeated answer
    /// never weakens what is known already.
    pub async fn close_attempt(
        &self,
        tenant: &Tenant,
        key: StepKey,
        number: i64,
        result: AttemptResult,
    ) -> Result<AttemptState, AttemptError> {
        let tenant = *tenant;
        let close = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                locked(tx, &tenant, key).await?;
                let sql = format!("{SELECT} AND step_key = $4 AND attempt = $5");
                let mut params = of_step(&tenant, key);
                params.push(number.into());
                let row = tx.fetch_optional(&sql, params).await?;
                let before = read(&row.ok_or(AttemptError::NoSuchAttempt)?)?.state;
                let after = before.after(result);
                if after != before {
                    let mut params = of_step(&tenant, key);
                    params.extend(columns(&after));
                    params.extend(params![tx.now(), number]);
                    tx.execute(&format!("{UPDATE} AND attempt = $11"), params)
                        .await?;
                }
                Ok(after)
            })
        });
        let answer: Result<_, db::WriteError<AttemptError>> = close.await;
        Ok(answer?)
    }

    /// Ends the doubt about a step: every attempt that may have arrived is what was found.
    ///
    /// The bank recognises one reference once, so what was executed was executed for all of them.
    pub async fn settle_attempts(
        &self,
        tenant: &Tenant,
        key: StepKey,
        finding: Finding,
    ) -> Result<(), AttemptError> {
        let tenant = *tenant;
        let settle = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move { settle(tx, &tenant, key, finding).await })
        });
        Ok(settle.await?)
    }

    /// Another payment that this rail gave the same reference of its own. A card's payment keeps its
    /// reference from step to step, so there only other transfers count.
    pub async fn other_payment(
        &self,
        tenant: &Tenant,
        key: StepKey,
        rail: RailId,
        bank_reference: &str,
    ) -> Result<Option<StepKey>, StoreError> {
        let mut params = scope(tenant);
        params.extend(params![
            rail.name(),
            bank_reference,
            key.to_string(),
            key.transfer.to_string(),
            rail.takes_cards()
        ]);
        let sql = "SELECT transfer_id, step_key FROM rail_attempts
             WHERE partner_id = $1 AND livemode = $2 AND rail = $3 AND bank_reference = $4
                 AND state = 'done' AND step_key <> $5 AND (transfer_id <> $6 OR $7 = 0) LIMIT 1";
        let row = self.db.fetch_optional(sql, params).await?;
        Ok(row.as_ref().map(key_of).transpose()?)
    }

    /// Every attempt of every step, in the order in which they were opened.
    pub async fn attempts(
        &self,
        tenant: &Tenant,
        id: TransferId,
    ) -> Result<Vec<AttemptRow>, StoreError> {
        let mut params = row::keyed(tenant, id);
        params.push(MOST_ROWS.into());
        let sql = format!("{SELECT} ORDER BY opened_at, step_key, attempt LIMIT $4");
        let rows = self.db.fetch_all(&sql, params).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }
}

async fn open(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
    rail: RailId,
) -> Result<Attempt, AttemptError> {
    let (status, source) = locked(tx, tenant, key).await?;
    // What is known comes first: a repetition hears it even when the transfer has moved on.
    let standing = standing(tx, tenant, key).await?;
    let others = other_rounds(tx, tenant, key).await?;
    let number = last_number(tx, tenant, key).await?;
    // A step is done once, in whichever round.
    let done = others.iter().find(|other| is_done(&other.state));
    let answer = match done.map(|other| &other.state).or(standing.as_ref()) {
        Some(AttemptState::Done { bank_reference }) => Some(Ok(Answer {
            bank_reference: bank_reference.clone(),
        })),
        Some(AttemptState::Rejected(why)) => Some(Err(why.clone())),
        _ => None,
    };
    if let Some(answer) = answer {
        return Ok(Attempt {
            number,
            opened_at: tx.now(),
            earlier_unresolved: false,
            first_left: None,
            earlier_answer: Some(answer),
        });
    }
    let its_turn = match key.linked {
        Some(_) => linked::may_send(tx, tenant, key).await?,
        None => belongs_to(key, source).contains(&status),
    };
    if !its_turn {
        return Err(AttemptError::NotNow { status, key });
    }
    // A new round only over the dead ones, and none of the dead may rise behind it.
    let alive = |other: &AttemptRow| other.state.is_unresolved() || other.key.round > key.round;
    if let Some(other) = others.iter().find(|other| alive(other)) {
        let other = other.key;
        return Err(AttemptError::OtherRound { key, other });
    }
    let first_left = left::first(tx, tenant, key).await?;
    let number = number + 1;
    let mut params = of_step(tenant, key);
    params.extend(params![
        number,
        rail.name(),
        AttemptState::Open.name(),
        tx.now()
    ]);
    tx.execute(
        "INSERT INTO rail_attempts (partner_id, livemode, transfer_id, step_key, attempt, rail,
             state, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params,
    )
    .await?;
    Ok(Attempt {
        number,
        opened_at: tx.now(),
        earlier_unresolved: standing.is_some(),
        first_left,
        earlier_answer: None,
    })
}

const fn is_done(state: &AttemptState) -> bool {
    matches!(state, AttemptState::Done { .. })
}

pub(crate) async fn settle(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
    finding: Finding,
) -> Result<(), AttemptError> {
    locked(tx, tenant, key).await?;
    let (state, until) = match finding {
        Finding::Executed { bank_reference } => (AttemptState::Done { bank_reference }, None),
        Finding::Rejected(why) => (AttemptState::Rejected(why), None),
        Finding::NeverArrived { opened_until } => (AttemptState::NotSent, Some(opened_until)),
    };
    let known = standing(tx, tenant, key).await?;
    if matches!(known, Some(AttemptState::Done { .. })) {
        return Ok(());
    }
    let mut params = of_step(tenant, key);
    params.extend(columns(&state));
    params.push(tx.now().into());
    let mut sql = format!("{UPDATE} AND state IN ('open', 'unknown')");
    if let Some(until) = until {
        left::remember(tx, tenant, key, until).await?;
        params.push(until.into());
        sql.push_str(" AND opened_at <= $11");
    }
    let settled = tx.execute(&sql, params).await?;
    if settled == 0 && matches!(state, AttemptState::Done { .. }) {
        // The bank did what we thought it had not: the newest attempt carries the news.
        let mut params = of_step(tenant, key);
        params.extend(columns(&state));
        params.extend(params![tx.now(), last_number(tx, tenant, key).await?]);
        let carried = tx
            .execute(&format!("{UPDATE} AND attempt = $11"), params)
            .await?;
        if carried == 0 {
            return Err(AttemptError::NoSuchAttempt);
        }
    }
    Ok(())
}

/// The statuses in which a step may be sent to a bank.
const fn belongs_to(key: StepKey, source: Endpoint) -> &'static [Status] {
    let by_card = matches!(source, Endpoint::Card { .. });
    match (key.step, key.undo) {
        // Of a card, what was promised is taken before it counts as funded.
        (Step::Fund, false) if by_card => &[Status::Collecting],
        (Step::Collect, false) => &[Status::Collecting],
        (Step::PayOut, false) => &[Status::PayingOut],
        // What was promised and never taken is released before anything counts as undone.
        (Step::Collect, true) if by_card => &[Status::Collecting, Status::Compensating],
        (Step::Collect, true) => &[Status::Compensating],
        (Step::Fund, true) if by_card => &[Status::Compensating],
        (Step::Screen | Step::Fund | Step::Convert | Step::Settle, _) | (Step::PayOut, true) => &[],
    }
}

/// The transfer's row serialises all that concerns its attempts.
pub(crate) async fn locked(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
) -> Result<(Status, Endpoint), AttemptError> {
    let found = row::lock(tx, tenant, key.transfer).await?;
    let stored = found.ok_or(AttemptError::NoSuchAttempt)?;
    Ok((stored.transfer.status, stored.transfer.source))
}

/// None where nothing can have arrived.
pub(crate) async fn standing(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
) -> Result<Option<AttemptState>, DbError> {
    let row = tx.fetch_optional(&deciding(), of_step(tenant, key)).await?;
    Ok(row.as_ref().map(read).transpose()?.map(|row| row.state))
}

/// The same over all rounds of the step, for whoever only looks.
pub(crate) async fn known(
    db: &Db,
    tenant: &Tenant,
    key: StepKey,
) -> Result<Option<AttemptState>, DbError> {
    let sql = format!("{SELECT} AND (step_key = $4 OR step_key LIKE $5) {DECIDING}");
    let mut params = row::keyed(tenant, key.transfer);
    params.extend(rounds_of(key));
    let row = db.fetch_optional(&sql, params).await?;
    Ok(row.as_ref().map(read).transpose()?.map(|row| row.state))
}

/// What else was ever attempted of the same step, apart from what surely was not sent. Done first.
async fn other_rounds(
    tx: &mut Tx,
    tenant: &Tenant,
    key: StepKey,
) -> Result<Vec<AttemptRow>, DbError> {
    let sql = format!(
        "{SELECT} AND step_key <> $4 AND (step_key = $5 OR step_key LIKE $6)
             AND (state <> 'not_sent' OR attempt = 1)
         ORDER BY CASE state WHEN 'done' THEN 0 ELSE 1 END, step_key, attempt LIMIT $7"
    );
    let mut params = of_step(tenant, key);
    params.extend(rounds_of(key));
    params.push(MOST_ROWS.into());
    let rows = tx.fetch_all(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// The first round's key, and a pattern for those of all later ones.
fn rounds_of(key: StepKey) -> Vec<Value> {
    let first = key.first().to_string();
    // An id's own underscore stands for any letter here; the transfer is compared by itself.
    let later = format!("{first}-%");
    params![first, later]
}

/// The attempt that decides what is known of a step: done before unresolved before rejected.
pub(crate) fn deciding() -> String {
    format!("{SELECT} AND step_key = $4 {DECIDING}")
}

const DECIDING: &str = "AND state <> 'not_sent'
    ORDER BY CASE state WHEN 'done' THEN 0 WHEN 'rejected' THEN 2 ELSE 1 END, attempt DESC LIMIT 1";

async fn last_number(tx: &mut Tx, tenant: &Tenant, key: StepKey) -> Result<i64, DbError> {
    let row = tx
        .fetch_optional(
            "SELECT coalesce(max(attempt), 0) AS last FROM rail_attempts
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND step_key = $4",
            of_step(tenant, key),
        )
        .await?;
    row.map_or(Ok(0), |row| row.int("last"))
}

const SELECT: &str =
    "SELECT transfer_id, step_key, attempt, rail, state, bank_reference, decline, network_code,
        evidence, opened_at, closed_at
    FROM rail_attempts WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3";

const UPDATE: &str = "UPDATE rail_attempts SET state = $5, bank_reference = $6, decline = $7,
        network_code = $8, evidence = coalesce($9, evidence), closed_at = $10
    WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3 AND step_key = $4";

pub(crate) fn of_step(tenant: &Tenant, key: StepKey) -> Vec<Value> {
    let mut params = row::keyed(tenant, key.transfer);
    params.push(key.to_string().into());
    params
}
