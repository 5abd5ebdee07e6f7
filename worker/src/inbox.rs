//! Two things about what banks say by themselves: every run is told of the messages that concern
//! its doubt, also when whoever stored them died before telling; and statements are read.

use std::collections::BTreeMap;
use std::time::Duration;

use activities::Bank;
use ambient::SharedClock;
use domain::rail::{Cursor, RailId};
use domain::{MessageId, Timestamp};
use inbox::{Inbox, InboxError};
use temporal::Herald;
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const PAUSE: Duration = Duration::from_secs(1);
/// A run that was not there may be started again by a person.
const NOBODY_THERE: Duration = Duration::from_secs(60);
/// More than this stand in no statement that is read regularly; the rest waits for the next look.
const MOST_PAGES: usize = 100;
/// After a statement that could not be read.
const AFTER_A_FAILURE: Duration = Duration::from_secs(10);

/// Runs until `stop` is cancelled.
pub async fn tell(inbox: Inbox, herald: Herald, clock: SharedClock, stop: CancellationToken) {
    let mut later = BTreeMap::new();
    while !stop.is_cancelled() {
        later.retain(|_, until: &mut Timestamp| *until > clock.now());
        if let Err(error) = round(&inbox, &herald, &clock, &mut later).await {
            tracing::warn!(%error, "transfers could not be told what banks said; trying again");
        }
        wait(&clock, PAUSE, &stop).await;
    }
}

async fn round(
    inbox: &Inbox,
    herald: &Herald,
    clock: &SharedClock,
    later: &mut BTreeMap<MessageId, Timestamp>,
) -> Result<(), Failure> {
    let mut behind = None;
    loop {
        let (tell, next) = inbox.to_tell(behind).await?;
        for it in tell {
            if later.contains_key(&it.id) {
                continue;
            }
            // One that cannot be told holds up nobody behind it.
            let told = match herald.tell(it.transfer, it.id).await {
                Ok(told) => told,
                Err(error) => {
                    tracing::warn!(%error, message = %it.id, "a transfer could not be told");
                    false
                }
            };
            if told {
                inbox.told(it.id).await?;
            } else {
                later.insert(it.id, clock.now().after(NOBODY_THERE));
            }
        }
        behind = next;
        if behind.is_none() {
            return Ok(());
        }
    }
}

/// Reads each rail's statement as often as the rail has it, from where it was read last. Runs until
/// `stop` is cancelled; several processes may, and each line is taken in once.
pub async fn read_statements(
    bank: Bank,
    inbox: Inbox,
    clock: SharedClock,
    stop: CancellationToken,
) {
    let mut due: BTreeMap<RailId, Timestamp> = BTreeMap::new();
    while !stop.is_cancelled() {
        for rail in bank.rails() {
            let Some(every) = rail.promises().statement_every else {
                continue;
            };
            if due.get(&rail).is_some_and(|at| *at > clock.now()) {
                continue;
            }
            let next = match read(&bank, &inbox, rail, every, &clock).await {
                Ok(()) => every,
                Err(error) => {
                    tracing::warn!(%rail, %error, "the statement could not be read; trying again");
                    every.min(AFTER_A_FAILURE)
                }
            };
            due.insert(rail, clock.now().after(next));
        }
        wait(&clock, PAUSE, &stop).await;
    }
}

async fn read(
    bank: &Bank,
    inbox: &Inbox,
    rail: RailId,
    every: Duration,
    clock: &SharedClock,
) -> Result<(), Failure> {
    let (mut place, read_at) = inbox.place_of(rail).await?;
    // Another process has just done so.
    let fresh = |at: Timestamp| at.after(every / 2) > clock.now();
    if read_at.is_some_and(fresh) {
        return Ok(());
    }
    for _ in 0..MOST_PAGES {
        let Some(next) = page(bank, inbox, rail, &place).await? else {
            return Ok(());
        };
        place = next;
    }
    Ok(())
}

/// None at the end, or where somebody else has read on.
async fn page(
    bank: &Bank,
    inbox: &Inbox,
    rail: RailId,
    place: &Cursor,
) -> Result<Option<Cursor>, Failure> {
    let Some(page) = bank.statement(rail, place).await? else {
        return Ok(None);
    };
    let next = page.next.clone();
    let end = next == *place;
    let advance = read_on(inbox, rail, place, page).await?;
    Ok((advance && !end).then_some(next))
}

async fn read_on(
    inbox: &Inbox,
    rail: RailId,
    place: &Cursor,
    page: domain::rail::Page,
) -> Result<bool, InboxError> {
    Ok(inbox.read_on(rail, place, page).await?.stored)
}

async fn wait(clock: &SharedClock, pause: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = clock.sleep_until(clock.now().after(pause)) => {}
        () = stop.cancelled() => {}
    }
}
