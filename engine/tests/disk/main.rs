//! A disk that is full, broken or read-only, seen from outside: a real process that serves TCP, a
//! real file system, system calls that report errors. What `src/outage` does on a simulated disk,
//! at every write, is here once for each kind of trouble.
#![allow(clippy::unwrap_used)]

mod served;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use served::{BOUND, Served};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;
use testkit::{FailingCalls, Process, SmallDisk, SmallDisks, Stream, trial, trial_needing};
use tonic::{Code, Status};

fn main() -> ExitCode {
    if let Some(store) = std::env::var_os(served::STORE) {
        return served::be(Path::new(&store));
    }
    testkit::main(vec![
        trial_needing("a full disk refuses writes and nothing else", full),
        trial_needing("a disk filled by the engine itself", filled_by_itself),
        trial_needing("a disk that is full at the start", full_at_the_start),
        trial_needing("a disk that is read-only at the start", read_only),
        trial_needing("a sync that fails ends the process", sync_fails),
        trial_needing("a write that fails ends the process", write_fails),
        trial_needing("a log whose index finds no room is a full disk", index_full),
        trial_needing("reads that fail are said to, and pass", read_fails),
        trial(
            "a file that may not grow ends the process",
            file_may_not_grow,
        ),
    ])
}

async fn on(disk: &SmallDisk) -> Result<Served> {
    Served::start(&mut command_on(disk)?).await
}

fn command_on(disk: &SmallDisk) -> Result<Command> {
    let served = Served::command(&disk.path().join("engine.db"))?;
    let mut command = disk.command(served.get_program());
    for (name, value) in served.get_envs() {
        command.env(name, value.context("unset")?);
    }
    Ok(command)
}

fn code<T>(answer: Result<T, Status>) -> Option<Code> {
    answer.err().map(|error| error.code())
}

fn signals(events: &[HistoryEvent]) -> usize {
    let of_kind = events
        .iter()
        .filter(|event| event.event_type() == EventType::WorkflowExecutionSignaled);
    of_kind.count()
}

async fn full(disks: SmallDisks) -> Result<()> {
    let disk = disks.disk(4 * 1024)?;
    let mut engine = on(&disk).await?;
    engine.start_workflow("kept").await?;
    let before = engine.history("kept").await?;
    disk.fill()?;

    // Whoever finds it out is told that it was accepted; everybody after that is refused.
    let told = engine.start_workflow("accepted").await.unwrap_err();
    ensure!(told.code() == Code::Unavailable, "{told}");
    ensure!(told.message().contains("was accepted"), "{told}");
    let refused = engine.start_workflow("refused").await.unwrap_err();
    ensure!(refused.code() == Code::ResourceExhausted, "{refused}");
    ensure!(refused.message().contains("free space"), "{refused}");
    let refused = engine.signal("kept", 1).await;
    ensure!(code(refused) == Some(Code::ResourceExhausted));
    ensure!(engine.history("kept").await? == before);
    ensure!(code(engine.history("refused").await) == Some(Code::NotFound));

    disk.make_room()?;
    let has_room = async || engine.start_workflow("later").await.ok();
    testkit::eventually(BOUND, has_room).await?;
    ensure!(engine.history("kept").await? == before);
    engine.signal("kept", 1).await?;
    engine.finish("accepted").await?;
    ensure!(code(engine.history("refused").await) == Some(Code::NotFound));

    // Nothing of it depended on the process.
    let mut known = Vec::new();
    for id in ["kept", "accepted", "later"] {
        known.push((id, engine.history(id).await?));
    }
    engine.process.kill()?;
    let engine = on(&disk).await?;
    for (id, events) in known {
        ensure!(engine.history(id).await? == events, "{id}");
    }
    ensure!(code(engine.history("refused").await) == Some(Code::NotFound));
    engine.finish("kept").await?;
    engine.finish("later").await?;
    Ok(())
}

async fn filled_by_itself(disks: SmallDisks) -> Result<()> {
    let disk = disks.disk(4 * 1024)?;
    let mut engine = on(&disk).await?;
    engine.start_workflow("w").await?;
    let mut acknowledged = 0;
    let told = loop {
        match engine.signal("w", 50_000).await {
            Ok(()) => acknowledged += 1,
            Err(told) => break told,
        }
    };
    ensure!(told.code() == Code::Unavailable, "{told}");
    ensure!(told.message().contains("was accepted"), "{told}");
    ensure!(acknowledged > 10, "full after {acknowledged}");
    for _ in 0..3 {
        let refused = engine.signal("w", 50_000).await;
        ensure!(code(refused) == Some(Code::ResourceExhausted));
    }
    disk.remount("size=16m")?;
    testkit::eventually(BOUND, async || engine.signal("w", 1).await.ok()).await?;
    // Those acknowledged, the one that was accepted, and the last one.
    let events = engine.history("w").await?;
    ensure!(signals(&events) == acknowledged + 2, "{}", signals(&events));
    engine.process.kill()?;
    let engine = on(&disk).await?;
    ensure!(engine.history("w").await? == events);
    engine.finish("w").await?;
    Ok(())
}

/// What a start that is refused says; the store is as it was.
fn refused_start(disk: &SmallDisk) -> Result<String> {
    let mut process = Process::start(&mut command_on(disk)?)?;
    let status = process.wait_exit(BOUND)?;
    let said = process.said(Stream::Stderr);
    ensure!(status.code() == Some(4), "{status}: {said}");
    Ok(said)
}

async fn full_at_the_start(disks: SmallDisks) -> Result<()> {
    let disk = disks.disk(4 * 1024)?;
    let mut engine = on(&disk).await?;
    engine.start_workflow("w").await?;
    let events = engine.history("w").await?;
    engine.process.kill()?;
    disk.fill()?;
    let said = refused_start(&disk)?;
    ensure!(said.contains("its disk has room"), "{said}");
    disk.make_room()?;
    let engine = on(&disk).await?;
    ensure!(engine.history("w").await? == events);
    engine.finish("w").await?;
    Ok(())
}

async fn read_only(disks: SmallDisks) -> Result<()> {
    let disk = disks.disk(4 * 1024)?;
    let mut engine = on(&disk).await?;
    engine.start_workflow("w").await?;
    let events = engine.history("w").await?;
    engine.process.kill()?;
    disk.remount("ro")?;
    let said = refused_start(&disk)?;
    ensure!(said.contains("is writable"), "{said}");
    disk.remount("rw")?;
    let engine = on(&disk).await?;
    ensure!(engine.history("w").await? == events);
    engine.finish("w").await?;
    Ok(())
}

/// Starts workflows until one is not acknowledged; answers how many were.
async fn start_until_it_fails(engine: &Served, of: &str) -> usize {
    for n in 0.. {
        if engine.start_workflow(&format!("{of}-{n}")).await.is_err() {
            return n;
        }
    }
    unreachable!()
}

/// After the next start everything acknowledged is there, the rest is whole or not there, and life
/// goes on.
async fn recovers(store: &Path, of: &str, acknowledged: usize) -> Result<()> {
    let mut engine = Served::start(&mut Served::command(store)?).await?;
    for n in 0..acknowledged {
        let events = engine.history(&format!("{of}-{n}")).await?;
        ensure!(events.len() == 2, "{of}-{n}: {events:?}");
    }
    let doubtful = format!("{of}-{acknowledged}");
    match engine.history(&doubtful).await {
        Ok(events) => ensure!(events.len() == 2, "{events:?}"),
        Err(error) => ensure!(error.code() == Code::NotFound, "{error}"),
    }
    // Its client asks again, and either way there is one.
    engine.start_workflow(&doubtful).await?;
    engine.finish(&doubtful).await?;
    engine.process.kill()
}

async fn sync_fails(calls: FailingCalls) -> Result<()> {
    let dir = testkit::temp_dir()?;
    let store = dir.path().join("engine.db");
    // Also for want of room: what was to be synced may be lost all the same.
    for how in ["error=EIO", "error=ENOSPC"] {
        ends_and_recovers(calls, &store, "fdatasync,fsync", how).await?;
    }
    Ok(())
}

async fn write_fails(calls: FailingCalls) -> Result<()> {
    let dir = testkit::temp_dir()?;
    let store = dir.path().join("engine.db");
    ends_and_recovers(calls, &store, "pwrite64", "error=EIO").await
}

/// The call fails a few syncs or writes after the first workflow was acknowledged.
async fn ends_and_recovers(
    failing: FailingCalls,
    store: &Path,
    calls: &str,
    how: &str,
) -> Result<()> {
    let mut engine = Served::start(&mut Served::command(store)?).await?;
    engine.start_workflow("before").await?;
    let how_late = format!("{how}:when=5+");
    let _failing = failing.inject(engine.process.pid(), calls, &how_late, None)?;
    let of = how.replace("error=", calls);
    let acknowledged = start_until_it_fails(&engine, &of).await;
    engine.wait_failed()?;
    recovers(store, &of, acknowledged).await
}

/// The log still fits, and is synced, but SQLite's index of it has to grow and cannot.
async fn index_full(failing: FailingCalls) -> Result<()> {
    let dir = testkit::temp_dir()?;
    let store = dir.path().join("engine.db");
    let mut engine = Served::start(&mut Served::command(&store)?).await?;
    engine.start_workflow("w").await?;
    let (pid, index) = (engine.process.pid(), dir.path().join("engine.db-shm"));
    let mut strace = failing.inject(pid, "pwrite64", "error=ENOSPC", Some(&index))?;
    let mut acknowledged = 0;
    let told = loop {
        match engine.signal("w", 1_900_000).await {
            Ok(()) => acknowledged += 1,
            Err(told) => break told,
        }
        ensure!(acknowledged < 20, "the index never grew");
    };
    ensure!(told.code() == Code::Unavailable, "{told}");
    ensure!(told.message().contains("was accepted"), "{told}");
    let refused = engine.signal("w", 1).await;
    ensure!(code(refused) == Some(Code::ResourceExhausted));
    strace.kill()?;
    testkit::eventually(BOUND, async || engine.signal("w", 1).await.ok()).await?;
    let events = engine.history("w").await?;
    ensure!(signals(&events) == acknowledged + 2, "{}", signals(&events));
    engine.process.kill()?;
    let engine = Served::start(&mut Served::command(&store)?).await?;
    ensure!(engine.history("w").await? == events);
    engine.finish("w").await?;
    Ok(())
}

async fn read_fails(failing: FailingCalls) -> Result<()> {
    let dir = testkit::temp_dir()?;
    let store = dir.path().join("engine.db");
    let mut engine = Served::start(&mut Served::command(&store)?).await?;
    engine.start_workflow("w").await?;
    engine.finish("w").await?;
    let events = engine.history("w").await?;
    engine.process.kill()?;
    let mut engine = Served::start(&mut Served::command(&store)?).await?;
    let mut strace = failing.inject(engine.process.pid(), "pread64", "error=EIO", None)?;
    let error = engine.history("w").await.unwrap_err();
    ensure!(error.code() == Code::Unavailable, "{error}");
    strace.kill()?;
    ensure!(engine.history("w").await? == events);
    engine.start_workflow("later").await?;
    engine.process.kill()
}

/// The process ignores the signal that comes with the error, as a user may have set it up.
async fn file_may_not_grow() -> Result<()> {
    let dir = testkit::temp_dir()?;
    let store = dir.path().join("engine.db");
    let served = Served::command(&store)?;
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" 25; ulimit -f 600 && exec "$0""#]);
    command.arg(served.get_program()).env(served::STORE, &store);
    let mut engine = Served::start(&mut command).await?;
    let acknowledged = start_until_it_fails(&engine, "w").await;
    engine.wait_failed()?;
    ensure!(acknowledged > 3, "{acknowledged}");
    recovers(&store, "w", acknowledged).await
}
