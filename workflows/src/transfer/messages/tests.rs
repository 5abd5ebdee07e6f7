//! The whole table of messages and situations, and what a message is about.

use domain::{Step, StepKey, TransferId};

use super::*;
use crate::transfer::desk::Waiting;

fn key() -> StepKey {
    StepKey::of(TransferId::from_bits(7), Step::PayOut)
}

fn waiting(may_go_elsewhere: bool, may_be_taken_back: bool) -> Desk {
    let why = "it waits".to_owned();
    Desk {
        waiting: Some(Waiting {
            step: Step::PayOut,
            why,
            may_go_elsewhere,
            may_be_taken_back,
        }),
        ..Desk::default()
    }
}

/// Each message in each situation: taken, or the word for why not.
fn drawn(desk: &Desk, status: Status) -> String {
    let all = ActionKind::ALL.iter().map(|kind| {
        let said = desk.may(*kind, status).err();
        said.map_or_else(|| format!("{kind}"), |no| format!("-{}", no.code))
    });
    all.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_message_in_every_situation() {
    let plain = Desk::default;
    let doubt = || Desk {
        doubt: Some(key()),
        ..Desk::default()
    };
    let held = Desk {
        held: true,
        ..Desk::default()
    };
    let back = Desk {
        take_back: true,
        ..Desk::default()
    };
    let review = Desk {
        in_review: true,
        ..Desk::default()
    };
    let situations = [
        ("collecting", plain(), Status::Collecting),
        ("collecting, in doubt", doubt(), Status::Collecting),
        ("scheduled", plain(), Status::Scheduled),
        ("in review", review, Status::InReview),
        ("on hold", held, Status::Funded),
        ("paying out", plain(), Status::PayingOut),
        ("paying out, in doubt", doubt(), Status::PayingOut),
        ("never arrived", waiting(true, true), Status::PayingOut),
        ("books contradict", waiting(false, false), Status::PayingOut),
        ("taken back", back, Status::PayingOut),
        ("undo refused", waiting(true, false), Status::Compensating),
        ("completed", plain(), Status::Completed),
    ];
    let picture: Vec<_> = situations
        .iter()
        .map(|(name, desk, status)| format!("{name}: {}", drawn(desk, *status)))
        .collect();
    let rest = "-not_in_review -not_in_review";
    assert_eq!(
        picture,
        [
            format!("collecting: -nothing_waits -nothing_waits -not_in_doubt -not_collected cancel hold -not_on_hold note {rest}"),
            format!("collecting, in doubt: retry_now -in_doubt resolve_doubt -in_doubt -in_doubt hold -not_on_hold note {rest}"),
            format!("scheduled: -nothing_waits -nothing_waits -not_in_doubt -not_collected cancel hold -not_on_hold note {rest}"),
            "in review: -nothing_waits -nothing_waits -not_in_doubt -not_collected cancel hold -not_on_hold note approve deny".to_owned(),
            format!("on hold: -nothing_waits -nothing_waits -not_in_doubt refund -collected -on_hold release note {rest}"),
            format!("paying out: -nothing_waits -nothing_waits -not_in_doubt refund -collected hold -not_on_hold note {rest}"),
            format!("paying out, in doubt: retry_now -in_doubt resolve_doubt -in_doubt -in_doubt hold -not_on_hold note {rest}"),
            format!("never arrived: retry_now retry_elsewhere -not_in_doubt refund -collected hold -not_on_hold note {rest}"),
            format!("books contradict: retry_now -only_there -not_in_doubt -stuck -collected hold -not_on_hold note {rest}"),
            format!("taken back: -nothing_waits -nothing_waits -not_in_doubt -asked_already -asked_already hold -not_on_hold note {rest}"),
            format!("undo refused: retry_now retry_elsewhere -not_in_doubt -given_back_already -given_back_already hold -not_on_hold note {rest}"),
            format!("completed: {}", ["-final"; 10].join(" ")),
        ]
    );
}

#[test]
fn a_person_speaks_about_the_step_that_is_in_doubt() {
    let desk = Desk {
        doubt: Some(key()),
        ..Desk::default()
    };
    assert_eq!(resolve_doubt::fits(&desk, key()), Ok(()));
    let other = StepKey::of(TransferId::from_bits(7), Step::Collect);
    let no = resolve_doubt::fits(&desk, other).unwrap_err();
    assert_eq!(no.code, "another_step");
}
