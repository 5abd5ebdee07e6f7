//! What must hold of a disk after an outage: the engine opens, nothing acknowledged is gone,
//! nothing torn is believed, nothing that may happen once happens again, and life goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use bytes::Bytes;
use temporalio_protos::temporal::api::enums::v1::{EventType, PendingActivityState};

use super::Attached;
use super::disk::{Disk, FileBytes};
use super::work::{self, NAMESPACE, Promise};
use crate::engine::open_store;
use crate::matching::{Kind, QueueKey};
use crate::runs::Host;
use crate::store::Reader;
use crate::{Config, Door, Engine};

/// The records of every run, by its row, as they were before the outage.
pub(super) type Originals = BTreeMap<i64, Vec<Bytes>>;

pub(super) fn noon() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(super) fn config(on: &Attached, clock: &ManualClock) -> Config {
    Config {
        path: on.database(),
        clock: Arc::new(clock.clone()),
        namespaces: vec![NAMESPACE.to_owned()],
    }
}

pub(super) fn originals(reader: &dyn Reader) -> Originals {
    let mut all = Originals::new();
    for row in 1.. {
        match reader.by_row(row).unwrap() {
            Some(_) => all.insert(row, reader.records(row).unwrap()),
            None => return all,
        };
    }
    all
}

/// Those of a disk.
pub(super) async fn originals_of(files: FileBytes) -> Originals {
    let on = Attached::new(Disk::new(files));
    let clock = Arc::new(ManualClock::at(noon()));
    let host = open_store(on.database(), clock).unwrap();
    let all = originals(host.reader.as_ref());
    host.writes.close().await;
    all
}

/// Attaches what is left and looks at it. The complaint, if any, says what is wrong.
pub(super) async fn judge(
    files: FileBytes,
    promises: &[Promise],
    originals: &Originals,
    to_the_end: bool,
) -> Result<(), String> {
    let on = Attached::new(Disk::new(files));
    look(&on, promises, originals).await?;
    if to_the_end {
        carry_on(&on, promises).await?;
    }
    Ok(())
}

async fn look(on: &Attached, promises: &[Promise], originals: &Originals) -> Result<(), String> {
    let clock = Arc::new(ManualClock::at(noon()));
    let host =
        open_store(on.database(), clock).map_err(|error| format!("does not open: {error:?}"))?;
    compare_records(&host, originals)?;
    let host = Arc::new(host);
    let door = Door::new(Arc::clone(&host));
    for promise in promises {
        keep(&host, &door, promise)
            .await
            .map_err(|why| format!("{promise:?}: {why}"))?;
    }
    host.writes.close().await;
    Ok(())
}

/// Whatever is there of a run is how it began, byte by byte.
fn compare_records(host: &Host, originals: &Originals) -> Result<(), String> {
    let mut row = 0;
    loop {
        row += 1;
        match host.reader.by_row(row) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(error) => return Err(format!("row {row} cannot be read: {error}")),
        }
        let records = host
            .reader
            .records(row)
            .map_err(|error| format!("records of {row}: {error}"))?;
        let original = originals.get(&row);
        if !original.is_some_and(|all| all.starts_with(&records)) {
            return Err(format!("run {row} has records that it never had"));
        }
    }
}

async fn keep(host: &Host, door: &Door, promise: &Promise) -> Result<(), String> {
    let said = |error: tonic::Status| error.to_string();
    match promise {
        Promise::Started {
            workflow_id,
            run_id,
        } => {
            let found = work::describe(door, workflow_id).await.map_err(said)?;
            let info = found.workflow_execution_info.unwrap_or_default();
            let found = info.execution.unwrap_or_default().run_id;
            (found == *run_id)
                .then_some(())
                .ok_or_else(|| format!("found {found} in its place"))
        }
        Promise::Has { workflow_id, event } => {
            let events = work::history(door, workflow_id).await.map_err(said)?;
            for (id, event) in (1..).zip(&events) {
                if event.event_id != id {
                    return Err(format!("event {id} has the id {}", event.event_id));
                }
            }
            let has = events.iter().any(|found| found.event_type() == *event);
            has.then_some(()).ok_or_else(|| "is gone".to_owned())
        }
        Promise::Handed { workflow_id } => {
            // Looking at it offers whatever would be handed out after a restart.
            work::describe(door, workflow_id).await.map_err(said)?;
            let queue = host.matching.queue(QueueKey {
                namespace: 1,
                kind: Kind::Activity,
                name: workflow_id.clone(),
            });
            let unused = queue.is_unused();
            unused
                .then_some(())
                .ok_or_else(|| "would be handed out again".to_owned())
        }
    }
}

/// Every workflow that was promised goes on to its end, as if nothing had happened.
async fn carry_on(on: &Attached, promises: &[Promise]) -> Result<(), String> {
    // Late enough for an activity that was running to be over.
    let wait = Duration::from_secs(2 * work::ACTIVITY_SECONDS.unsigned_abs());
    let clock = ManualClock::at(noon().after(wait));
    let engine = Engine::open(config(on, &clock))
        .await
        .map_err(|error| format!("does not open twice: {error}"))?;
    let door = engine.door();
    let handed: BTreeSet<&String> = promises
        .iter()
        .filter_map(|promise| match promise {
            Promise::Handed { workflow_id } => Some(workflow_id),
            _ => None,
        })
        .collect();
    for promise in promises {
        let Promise::Started { workflow_id, .. } = promise else {
            continue;
        };
        // The bound only ends a test that would hang.
        let end = bring_to_its_end(&door, workflow_id, handed.contains(workflow_id));
        tokio::time::timeout(Duration::from_secs(20), end)
            .await
            .unwrap_or_else(|_| Err("nothing happens any more".to_owned()))
            .map_err(|why| format!("{workflow_id} does not go on: {why}"))?;
    }
    engine.close().await;
    Ok(())
}

async fn bring_to_its_end(door: &Door, id: &str, was_handed: bool) -> Result<(), String> {
    let said = |error: tonic::Status| error.to_string();
    let has = async |event| -> Result<bool, String> {
        let events = work::history(door, id).await.map_err(said)?;
        Ok(events.iter().any(|found| found.event_type() == event))
    };
    if has(EventType::WorkflowExecutionCompleted).await? {
        return Ok(());
    }
    if !has(EventType::ActivityTaskScheduled).await? {
        work::decide(door, id, work::once()).await.map_err(said)?;
    }
    let pending = work::describe(door, id).await.map_err(said)?;
    let waits = |state| {
        let mut pending = pending.pending_activities.iter();
        pending.any(|activity| activity.state() == state)
    };
    if waits(PendingActivityState::Scheduled) {
        if was_handed {
            return Err("its activity waits for a second worker".to_owned());
        }
        let token = work::take_activity(door, id).await.map_err(said)?;
        work::finish_activity(door, token).await.map_err(said)?;
    }
    work::decide(door, id, work::end()).await.map_err(said)?;
    let events = work::history(door, id).await.map_err(said)?;
    let count = |kind| {
        let of_kind = events.iter().filter(|found| found.event_type() == kind);
        of_kind.count()
    };
    let ended = count(EventType::WorkflowExecutionCompleted);
    let scheduled = count(EventType::ActivityTaskScheduled);
    (ended == 1 && scheduled == 1)
        .then_some(())
        .ok_or_else(|| format!("{scheduled} activities, {ended} ends"))
}
