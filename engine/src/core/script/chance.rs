//! Lives drawn by chance: whatever comes in whatever order, a run is the fold of its records, and
//! what waits for a worker is offered to one.

use super::{Run, Stage};

/// Drawn anew from the same seed each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(1);
        (self.0 >> 33) % end
    }

    fn one<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let at = self.below(words.len() as u64);
        words[usize::try_from(at).unwrap()]
    }
}

const BIRTHS: [&str; 6] = [
    "start",
    "start delay=7",
    "start delay=7 retry=3",
    "start run_timeout=60 retry=2",
    "start parent=p",
    "start cron=*/5_*_*_*_* execution_timeout=900",
];

const LINES: [&str; 30] = [
    "poll",
    "poll",
    "poll",
    "poll",
    "signal a",
    "signal b request=same",
    "signal c hurries",
    "attach x",
    "cancel",
    "terminate",
    "fail",
    "wait 1",
    "wait 5",
    "wait 11",
    "restart",
    "update",
    "update",
    "update",
    "complete",
    "complete sticky",
    "complete sticky",
    "complete heartbeat",
    "complete no_inline",
    "decide",
    "decide",
    "decide",
    "decide",
    "answer",
    "activity",
    "child",
];

const DECISIONS: [&str; 12] = [
    "activity",
    "activity",
    "timer",
    "child",
    "child",
    "marker=m",
    "finish",
    "again",
    "break=hopeless",
    "break=x",
    "give_up",
    "sticky",
];

fn line(stage: &Stage, chance: &mut Chance, number: usize) -> String {
    let run = &stage.run;
    let children: Vec<i64> = run.family.children.keys().copied().collect();
    let child = children.get(usize::try_from(chance.below(3)).unwrap());
    match chance.one(&LINES) {
        "update" => format!("update u{number}"),
        "decide" => decide(run, chance, number),
        "answer" => match child {
            Some(id) => format!("answer {id} {}", chance.one(&["started", "parted"])),
            None => "answer 0 reported".to_owned(),
        },
        "child" => match child {
            Some(id) => format!("end_child {id} {}", chance.one(&["completed", "failed"])),
            None => "signal d".to_owned(),
        },
        "activity" => {
            let started = run.activities.values().find(|a| {
                let known = stage.activities.contains_key(&a.spec.activity_id);
                a.started().is_some() && known
            });
            let offered = run.activities.values().find(|a| a.started().is_none());
            match (started, offered) {
                (Some(a), _) if chance.below(2) == 0 => {
                    let verb = chance.one(&["complete_activity", "fail_activity", "beat"]);
                    format!("{verb} {}", a.spec.activity_id)
                }
                (_, Some(a)) => format!("start_activity {}", a.spec.activity_id),
                _ => "signal e".to_owned(),
            }
        }
        other => other.to_owned(),
    }
}

fn decide(run: &Run, chance: &mut Chance, number: usize) -> String {
    let mut line = "complete".to_owned();
    for at in 0..chance.below(4) {
        let word = match chance.one(&DECISIONS) {
            "activity" => format!("activity=a{number}-{at} heartbeat=3"),
            "timer" => format!("timer=t{number}-{at}@{}", 1 + chance.below(9)),
            "child" => format!("child=c{number}-{at}"),
            other => other.to_owned(),
        };
        line = format!("{line} {word}");
    }
    for update in &run.updates.admitted {
        if update.sent {
            let id = &update.id;
            line = match chance.below(4) {
                0 => format!("{line} accept={id}"),
                1 => format!("{line} accept={id} respond={id}"),
                2 => format!("{line} reject={id}"),
                _ => line,
            };
        }
    }
    for id in run.updates.accepted.keys() {
        if chance.below(2) == 0 {
            line = format!("{line} respond={id}");
        }
    }
    line
}

/// A second or two of them. Ten times as many found nothing more.
const LIVES: u64 = 300;

#[test]
fn whatever_comes_a_run_is_its_records_and_nothing_waits_unheard() {
    for seed in 0..LIVES {
        let mut chance = Chance(seed);
        let mut stage = Stage::default();
        let mut script = chance.one(&BIRTHS).to_owned();
        stage.play(&script);
        let mut offered = true;
        for number in 0..40 {
            let line = match stage.next.is_some() {
                true => "next".to_owned(),
                false => line(&stage, &mut chance, number),
            };
            script = format!("{script}; {line}");
            let told = stage.out.len();
            stage.play(&line);
            stage.assert_replays();
            let waits = stage.run.task.as_ref().is_some_and(|t| t.started.is_none());
            offered |= stage.out[told..].contains("offer workflow task");
            offered &= waits;
            let wrong = match complaint(&stage.run) {
                None if waits && !offered => Some("a task is offered to nobody"),
                wrong => wrong,
            };
            assert_eq!(wrong, None, "{script}\n{}", stage.out);
        }
    }
}

fn complaint(run: &Run) -> Option<&'static str> {
    let task = run.task.as_ref();
    let is_started = task.is_some_and(|task| task.started.is_some());
    let waits_for_updates = !run.updates.is_idle();
    if !run.buffered.is_empty() && !is_started {
        return Some("an event is kept back for nobody");
    }
    if !run.is_open() {
        return (task.is_some() || waits_for_updates).then_some("something waits for a closed run");
    }
    if waits_for_updates && task.is_none() {
        return Some("an update waits for nobody");
    }
    let is_begun = run.completed_a_task || task.is_some() || run.delayed_until.is_some();
    (!is_begun).then_some("the run never begins")
}
