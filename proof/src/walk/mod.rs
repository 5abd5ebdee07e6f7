//! The fault walk: every scenario on every rail, every step of it, every fault; then the worker
//! killed at every call that it makes. The oracles after each scenario, on all that it left.
//!
//! The steps are not written down anywhere: the scenario is run once, and what it asked of banks
//! are its steps.

mod faults;
mod killed;
mod notes;
mod scenario;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use domain::{Step, TransferId};
use transfers::IdempotencyKey;

use crate::oracles::{self, Accepted, Evidence, Histories, Seen};
use crate::world::{Desk, What, World, order};
use faults::{FAULTS, Fault};
use notes::{Line, Notes};
use scenario::Scenario;

pub use killed::killed;

/// One way through a scenario.
#[derive(Clone, Debug)]
struct Case {
    name: String,
    scenario: Scenario,
    script: Vec<Line>,
    /// The final status, where it is known beforehand.
    ends: Option<&'static str>,
}

/// What a walk did and what is wrong after it.
#[derive(Debug, Default)]
pub struct Walked {
    pub cases: usize,
    /// Cases in which the place of death was never reached.
    pub outlived: usize,
    pub wrong: Vec<String>,
}

/// How long nothing may happen, in real time.
const STUCK: Duration = Duration::from_secs(300);
/// A person says "try again" so often before the case is given up.
const MOST_NUDGES: u32 = 12;

pub(crate) struct Stage {
    world: World,
    desk: Desk,
    notes: Arc<Notes>,
    town: crate::world::Town,
    accepted: Vec<Accepted>,
    position: i64,
}

impl Stage {
    async fn open() -> Result<Self> {
        let notes = Arc::new(Notes::default());
        let world = World::open(notes.clone()).await?;
        let town = world.populate(2, 100_000).await?;
        world.engine.jump_in_strides(Duration::from_millis(1));
        let desk = world.desk().await?;
        Ok(Self {
            world,
            desk,
            notes,
            town,
            accepted: Vec::new(),
            position: 0,
        })
    }

    /// Accepts a case and starts it.
    async fn begin(&mut self, case: &Case) -> Result<TransferId> {
        let number = self.accepted.len();
        let key = IdempotencyKey::new(&format!("walk-{number}"))?;
        let (source, destination) = case.scenario.ends(&self.town)?;
        let new = order(case.scenario.minor(), source, destination)?;
        let accepted = self.world.transfers.accept(&self.town.tenant, &key, new);
        let transfer = accepted.await?.transfer;
        self.notes.write(transfer.id, case.script.clone());
        self.accepted.push(Accepted {
            name: case.name.clone(),
            transfer: transfer.id,
            minor: case.scenario.minor(),
            source: transfer.source,
            destination: transfer.destination,
        });
        self.desk.starter.start(&transfer.order()).await?;
        Ok(transfer.id)
    }

    /// Reads on until all of them are final, as a patient operator. What never is stays out of the
    /// answer.
    async fn ends(
        &mut self,
        mut open: BTreeMap<TransferId, String>,
    ) -> Result<BTreeMap<TransferId, String>> {
        let (mut last, mut nudged) = (now(), BTreeMap::new());
        let mut statuses = BTreeMap::new();
        while !open.is_empty() && last.elapsed() < STUCK {
            let events = self.desk.events(self.position).await?;
            for event in &events {
                (self.position, last) = (event.position, now());
                if event.is_the_end() && open.remove(&event.transfer).is_some() {
                    let status = event.kind.trim_start_matches("transfer.").to_owned();
                    statuses.insert(event.transfer, status);
                } else if event.asks_for_a_person() {
                    let nudges = nudged.entry(event.transfer).or_insert(0_u32);
                    *nudges += 1;
                    if *nudges > MOST_NUDGES {
                        if open.remove(&event.transfer).is_some() {
                            statuses.insert(event.transfer, "needs_operator".to_owned());
                        }
                    } else {
                        self.desk.try_again(event.transfer).await?;
                    }
                }
            }
            if events.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        Ok(statuses)
    }

    async fn judge(&self) -> Result<Seen> {
        let evidence = Evidence {
            db: &self.world.db,
            banks: &self.world.banks,
            accepted: &self.accepted,
        };
        oracles::check(&evidence).await
    }

    fn name_of(&self, subject: &str) -> String {
        let named = self.accepted.iter();
        let found = named.filter(|it| subject.contains(&it.transfer.to_string()));
        let names: Vec<_> = found.map(|it| it.name.as_str()).collect();
        format!("{subject} [{}]", names.join(", "))
    }
}

/// Every scenario, step and fault.
pub async fn faults() -> Result<Walked> {
    let mut stage = Stage::open().await?;
    let door = stage.world.engine.door().service();
    let client = stage.world.client(door).await?;
    stage.world.work(client);
    let mut walked = Walked::default();
    let mut told = std::collections::BTreeSet::new();
    for scenario in Scenario::all() {
        let fair = Case {
            name: format!("{scenario}"),
            scenario,
            script: Vec::new(),
            ends: Some(scenario.fair_end()),
        };
        let transfer = stage.begin(&fair).await?;
        let ended = stage.ends([(transfer, fair.name.clone())].into()).await?;
        if ended.get(&transfer).map(String::as_str) != fair.ends {
            bail!("{fair:?} ended as {ended:?}");
        }
        let mut cases = Vec::new();
        for (step, undo) in stage.notes.steps(transfer) {
            let fitting = FAULTS.iter();
            cases.extend(fitting.map(|fault| with_fault(scenario, step, undo, fault)));
        }
        walked.cases += cases.len() + 1;
        walk_on(&mut stage, &cases, &mut walked).await?;
        for wrong in stage.judge().await?.wrong {
            if told.insert(wrong.subject.clone()) {
                let subject = stage.name_of(&wrong.subject);
                walked
                    .wrong
                    .push(format!("{:?} {subject}: {}", wrong.oracle, wrong.says));
            }
        }
    }
    replayed(&stage, &mut walked).await?;
    stage.world.close().await?;
    Ok(walked)
}

async fn walk_on(stage: &mut Stage, cases: &[Case], walked: &mut Walked) -> Result<()> {
    let mut open = BTreeMap::new();
    let mut expected = BTreeMap::new();
    for case in cases {
        let transfer = stage.begin(case).await?;
        open.insert(transfer, case.name.clone());
        expected.insert(transfer, case);
    }
    let ended = stage.ends(open).await?;
    for (transfer, case) in expected {
        let status = ended.get(&transfer).map(String::as_str);
        if status.is_none() || (case.ends.is_some() && status != case.ends) {
            let (name, ends) = (&case.name, case.ends);
            walked.wrong.push(format!(
                "{transfer} [{name}]: ended as {status:?}, not {ends:?}"
            ));
        }
    }
    Ok(())
}

/// Every history of the walk is decided the same way again.
async fn replayed(stage: &Stage, walked: &mut Walked) -> Result<()> {
    let histories = Histories(stage.desk.client.clone());
    for it in &stage.accepted {
        if let Err(error) = histories.one(it.transfer).await {
            let (id, name) = (it.transfer, &it.name);
            walked.wrong.push(format!("O7 {id} [{name}]: {error:#}"));
        }
    }
    Ok(())
}

fn with_fault(scenario: Scenario, step: Step, undo: bool, fault: &Fault) -> Case {
    let line = |(what, nth, luck): &(What, u32, _)| Line {
        step,
        undo,
        what: *what,
        nth: *nth,
        luck: *luck,
    };
    let no_second_chance = scenario
        .rail()
        .is_some_and(|rail| rail.promises().deduplicates_for.is_none());
    let refused = fault.refuses || (fault.not_executed && no_second_chance);
    let ends = match (refused, step, undo) {
        (false, ..) => Some(scenario.fair_end()),
        (true, Step::Collect, false) => Some("failed"),
        // A bank's no to giving back is for good: it waits for a person, for everyone to see.
        (true, _, true) if fault.refuses => Some("needs_operator"),
        (true, ..) => Some("refunded"),
    };
    let back = if undo { "giving back, " } else { "" };
    Case {
        name: format!("{scenario}: {back}{step}: {}", fault.name),
        scenario,
        script: fault.lines.iter().map(line).collect(),
        ends,
    }
}

impl Walked {
    pub fn is_right(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl std::fmt::Display for Walked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            cases,
            outlived,
            wrong,
        } = self;
        write!(f, "{cases} cases, {} things wrong", wrong.len())?;
        if *outlived > 0 {
            write!(f, "; {outlived} outlived their end")?;
        }
        wrong.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}

/// The real time, to give up in time.
#[allow(clippy::disallowed_methods)] // Nothing is decided by it.
fn now() -> Instant {
    Instant::now()
}
