//! The worker killed before, during and after everything it does: at each of its calls to the
//! engine that carries work, as it leaves or once it arrived, and at each call to a bank.
//!
//! A worker is dead when nothing goes in or out of it any more. At the moment of death the one
//! transfer of the case is all it works on, so nothing of it is under way elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use domain::TransferId;
use futures::future::{BoxFuture, FutureExt, pending};
use temporal::InProcess;
use tokio_util::sync::CancellationToken;

use super::notes::Line;
use super::scenario::Scenario;
use super::{Case, Stage, Walked, now};
use crate::world::{Luck, What};

/// At which of its calls with work, and whether the engine still hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Death {
    call: usize,
    heard: bool,
}

/// A dead worker's tasks are given up by the engine after at most this.
const GIVEN_UP: Duration = Duration::from_secs(21);
/// Real time in which something should have happened if anybody lived.
const NOTHING_HAPPENS: Duration = Duration::from_millis(700);
const MOST_ROUNDS: u32 = 200;
/// A poll that brings nothing may still say a few things of the queue.
const AN_EMPTY_ANSWER: usize = 64;

/// Every scenario, killed at every place.
pub async fn killed() -> Result<Walked> {
    let mut stage = Stage::open().await?;
    let mut walked = Walked::default();
    for scenario in Scenario::all() {
        // The other rail's steps are the same workflow's; its faults are walked with the others.
        if scenario.rail() == Some(domain::rail::RailId::Iso20022) {
            continue;
        }
        let fair = Case {
            name: format!("{scenario}: nobody dies"),
            scenario,
            script: Vec::new(),
            ends: Some(scenario.fair_end()),
        };
        let (transfer, calls) = one(&mut stage, &fair, None, &mut walked).await?;
        let mut deaths = Vec::new();
        for call in 0..calls {
            for heard in [false, true] {
                let when = if heard { "after" } else { "before" };
                let name = format!("{scenario}: killed {when} call {call}");
                deaths.push((name, Some(Death { call, heard }), Vec::new()));
            }
        }
        for (step, undo) in stage.notes.steps(transfer) {
            for (luck, when) in [(Luck::DiesBefore, "before"), (Luck::DiesAfter, "after")] {
                let what = What::Order;
                let line = Line {
                    step,
                    undo,
                    what,
                    nth: 0,
                    luck,
                };
                let back = if undo { "giving back" } else { "" };
                let name = format!("{scenario}: killed {when} the bank was asked: {step} {back}");
                deaths.push((name, None, vec![line]));
            }
        }
        for (name, death, script) in deaths {
            let case = Case {
                name,
                script,
                ..fair.clone()
            };
            one(&mut stage, &case, death, &mut walked).await?;
        }
        for wrong in stage.judge().await?.wrong {
            let subject = stage.name_of(&wrong.subject);
            let line = format!("{:?} {subject}: {}", wrong.oracle, wrong.says);
            if !walked.wrong.contains(&line) {
                walked.wrong.push(line);
            }
        }
    }
    super::replayed(&stage, &mut walked).await?;
    Ok(walked)
}

/// Runs a case with a worker that dies as told and another one after it. Answers how many calls
/// with work the first one made.
async fn one(
    stage: &mut Stage,
    case: &Case,
    death: Option<Death>,
    walked: &mut Walked,
) -> Result<(TransferId, usize)> {
    walked.cases += 1;
    let (mut alive, calls) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    work(stage, &alive, Arc::clone(&calls), death).await?;
    let transfer = stage.begin(case).await?;
    let (mut ended, mut died) = (None, false);
    for _ in 0..MOST_ROUNDS {
        ended = soon(stage, transfer).await?;
        if ended.is_some() {
            break;
        }
        if alive.is_cancelled() {
            died = true;
            alive = CancellationToken::new();
            work(stage, &alive, Arc::default(), None).await?;
        }
        stage.world.time.jump(GIVEN_UP);
    }
    let must_die = death.is_some() || !case.script.is_empty();
    died |= alive.is_cancelled();
    // Whoever still lives has nothing more to do here.
    alive.cancel();
    // The last of its calls may not come: two answers can go in one.
    walked.outlived += usize::from(must_die && !died);
    if ended.as_deref() != case.ends {
        let name = &case.name;
        let line = format!(
            "{transfer} [{name}]: ended as {ended:?}, not {:?}",
            case.ends
        );
        walked.wrong.push(line);
    }
    Ok((transfer, calls.load(Ordering::Relaxed)))
}

async fn work(
    stage: &mut Stage,
    alive: &CancellationToken,
    calls: Arc<AtomicUsize>,
    death: Option<Death>,
) -> Result<()> {
    stage.notes.behind(alive.clone());
    let door = mortal(
        stage.world.engine.door().service(),
        alive.clone(),
        calls,
        death,
    );
    let client = stage.world.client(door).await?;
    stage.world.work(client);
    Ok(())
}

/// The transfer's end, if it comes without anybody waiting for long.
async fn soon(stage: &mut Stage, transfer: TransferId) -> Result<Option<String>> {
    let mut last = now();
    while last.elapsed() < NOTHING_HAPPENS {
        let events = stage.desk.events(stage.position).await?;
        for event in &events {
            (stage.position, last) = (event.position, now());
            if event.transfer == transfer && event.is_the_end() {
                return Ok(Some(event.kind.trim_start_matches("transfer.").to_owned()));
            }
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(None)
}

/// The engine's door, until the worker behind it dies.
fn mortal(
    engine: InProcess,
    alive: CancellationToken,
    calls: Arc<AtomicUsize>,
    death: Option<Death>,
) -> InProcess {
    InProcess {
        callback: Arc::new(move |request| -> BoxFuture<'static, _> {
            let (alive, calls) = (alive.clone(), Arc::clone(&calls));
            let carries_work = request.rpc.starts_with("Respond");
            let polls = request.rpc.starts_with("Poll") && request.rpc.ends_with("TaskQueue");
            let call = (engine.callback)(request);
            async move {
                if alive.is_cancelled() {
                    return pending().await;
                }
                let mut number = carries_work.then(|| calls.fetch_add(1, Ordering::Relaxed));
                let dies = |number: Option<usize>, heard| {
                    number.is_some()
                        && death.is_some_and(|it| Some(it.call) == number && it.heard == heard)
                };
                if dies(number, false) {
                    alive.cancel();
                    return pending().await;
                }
                let reply = tokio::select! {
                    biased;
                    () = alive.cancelled() => return pending().await,
                    reply = call => reply,
                };
                let handed_work = polls
                    && reply
                        .as_ref()
                        .is_ok_and(|reply| reply.proto.len() > AN_EMPTY_ANSWER);
                if handed_work {
                    number = Some(calls.fetch_add(1, Ordering::Relaxed));
                }
                // A task that was handed out is lost either way.
                if dies(number, true) || (handed_work && dies(number, false)) {
                    alive.cancel();
                    return pending().await;
                }
                reply
            }
            .boxed()
        }),
    }
}
