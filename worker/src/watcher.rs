//! Finds transfers whose run was terminated, reset, deleted or lost from outside, and says so where
//! people look. It moves nothing: what is to be done about it a person decides.

use std::time::Duration;

use ambient::SharedClock;
use domain::Step;
use domain::TransferId;
use domain::transfer::{FlagKind, Happening};
use futures::stream::{self, StreamExt};
use temporal::{RunState, Runs};
use tokio_util::sync::CancellationToken;
use transfers::{RecordError, Transfers, UnderWay};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Whatever was written a moment ago was written by a run.
const UNTOUCHED: Duration = Duration::from_secs(5);
/// Between two rounds over all of them.
const ROUND: Duration = Duration::from_secs(10);
/// Between two parts of a round that is longer than one part.
const BREATH: Duration = Duration::from_secs(1);
const PAGE: u32 = 100;
/// The pages of a part: 2,000 transfers a second, so 100,000 under way are seen within a minute.
const PAGES: u32 = 20;
const AT_ONCE: usize = 16;

/// What it writes begins with this, so that it knows its own words again.
const OURS: &str = "the run of this transfer";

/// Runs until `stop` is cancelled.
pub async fn watch(transfers: Transfers, runs: Runs, clock: SharedClock, stop: CancellationToken) {
    let mut behind = None;
    while !stop.is_cancelled() {
        let pause = match part(&transfers, &runs, behind).await {
            Ok(next) => {
                behind = next;
                if next.is_some() { BREATH } else { ROUND }
            }
            Err(error) => {
                tracing::warn!(%error, "the runs of transfers cannot be looked after; trying again");
                ROUND
            }
        };
        let next = clock.sleep_until(clock.now().after(pause));
        tokio::select! {
            () = next => {}
            () = stop.cancelled() => {}
        }
    }
}

/// A bounded number of pages; gives the place to go on behind, or none at the end.
async fn part(
    transfers: &Transfers,
    runs: &Runs,
    mut behind: Option<TransferId>,
) -> Result<Option<TransferId>, Failure> {
    for _ in 0..PAGES {
        let page = transfers.unfinished(behind, UNTOUCHED, PAGE).await?;
        let full = page.len() >= PAGE as usize;
        behind = page.last().map(|last| last.order.transfer);
        let looked = stream::iter(page).map(|one| look(transfers, runs, one));
        let mut looked = looked.buffer_unordered(AT_ONCE);
        while let Some(said) = looked.next().await {
            said?;
        }
        if !full {
            return Ok(None);
        }
    }
    Ok(behind)
}

async fn look(transfers: &Transfers, runs: &Runs, one: UnderWay) -> Result<(), Failure> {
    let (tenant, id) = (one.order.tenant, one.order.transfer);
    let ours = one
        .operator_note
        .as_deref()
        .filter(|note| note.starts_with(OURS));
    let note = words(runs.state(id).await?);
    let (flag, step) = (FlagKind::NeedsOperator, step_of(transfers, &one).await?);
    let lowered = || Happening::Lowered {
        flag,
        step,
        note: "the run is there again".to_owned(),
    };
    let happenings = match (note, ours) {
        (None, None) => return Ok(()),
        (Some(note), Some(said)) if said == note => return Ok(()),
        (None, Some(_)) => vec![lowered()],
        // What a run asked a person for can be answered no more: the newer reason takes its place.
        (Some(note), _) if one.operator_note.is_some() => {
            vec![lowered(), Happening::Raised { flag, step, note }]
        }
        (Some(note), _) => vec![Happening::Raised { flag, step, note }],
    };
    match transfers.record_all(&tenant, id, &happenings).await {
        // It has become final while we looked.
        Ok(_) | Err(RecordError::NotNow(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Where the flag stands, or else where the transfer does.
async fn step_of(transfers: &Transfers, one: &UnderWay) -> Result<Step, Failure> {
    let found = transfers.get(&one.order.tenant, one.order.transfer).await?;
    let flag = found.as_ref().and_then(|found| found.flags.needs_operator);
    Ok(flag.map_or_else(
        || match found.map(|found| found.facts.held.is_zero()) {
            Some(false) => Step::PayOut,
            _ => Step::Collect,
        },
        |flag| flag.step,
    ))
}

fn words(state: RunState) -> Option<String> {
    let retry = "`remit transfer retry` starts it again, and what was done is not done twice";
    match state {
        RunState::Running => None,
        RunState::Reset => Some(format!(
            "{OURS} was reset from outside; it goes on, and what was done is not done twice"
        )),
        RunState::Closed(how) => Some(format!(
            "{OURS} was {how} before the transfer was final; {retry}"
        )),
        RunState::Gone => Some(format!(
            "{OURS} is unknown to the workflow engine: deleted, or its store was lost; {retry}"
        )),
    }
}
