//! Our reference in the 35 characters that the standard gives an end-to-end identification: the
//! transfer's id without its prefix, two letters for the step, and from its second round on the
//! round's number.

use domain::linked::Kind;
use domain::{Step, StepKey, TransferId};

const STEPS: [(Step, bool, &str); 8] = [
    (Step::Collect, false, "CO"),
    (Step::Fund, false, "FU"),
    (Step::PayOut, false, "PO"),
    (Step::Settle, false, "SE"),
    (Step::Collect, true, "UC"),
    (Step::Fund, true, "UF"),
    (Step::PayOut, true, "UP"),
    (Step::Settle, true, "US"),
];

/// What is linked to a transfer has its own id in the reference, which does not say whose it is: it
/// is compared with the references that we gave, and never read.
const fn linked(kind: Kind) -> &'static str {
    match kind {
        Kind::Refund => "RE",
        Kind::Return => "RT",
        Kind::Chargeback => "CB",
    }
}

/// The letters of a transfer's id.
const ID: usize = 26;

pub(super) fn of(key: StepKey) -> String {
    let whose = match key.linked {
        Some(linked) => linked.to_string(),
        None => key.transfer.to_string(),
    };
    let id = whose.rsplit('_').next().unwrap_or_default();
    let step = STEPS
        .iter()
        .find(|(step, undo, _)| (*step, *undo) == (key.step, key.undo));
    let letters = match key.linked {
        Some(whose) => linked(whose.kind()),
        None => step.map_or("", |(.., letters)| letters),
    };
    let round = if key.round > 1 {
        key.round.to_string()
    } else {
        String::new()
    };
    format!("{id}{letters}{round}")
}

/// `None` when the reference is somebody else's.
pub(super) fn read(reference: &str) -> Option<StepKey> {
    let (id, rest) = reference.split_at_checked(ID)?;
    let (letters, round) = rest.split_at_checked(2)?;
    let (step, undo, _) = STEPS.iter().find(|(.., known)| *known == letters)?;
    let transfer: TransferId = format!("{}_{id}", TransferId::PREFIX).parse().ok()?;
    let key = StepKey {
        transfer,
        step: *step,
        undo: *undo,
        linked: None,
        round: if round.is_empty() {
            1
        } else {
            round.parse().ok()?
        },
    };
    // One key has one reference: `CO1` or `CO02` is not ours.
    (of(key) == reference).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_fits_and_is_read_back() {
        let transfer = TransferId::from_bits(u128::MAX);
        for (step, undo, _) in STEPS {
            for round in [1, 2, 9_999_999] {
                let key = StepKey {
                    transfer,
                    step,
                    undo,
                    round,
                    linked: None,
                };
                let reference = of(key);
                assert!(reference.len() <= 35, "{reference}");
                assert_eq!(read(&reference), Some(key));
            }
        }
        for (kind, letters) in Kind::ALL.into_iter().zip(["RE2", "RT2", "CB2"]) {
            let linked = domain::LinkedId::new(kind, 7);
            let key = StepKey::of_linked(transfer, linked).next_round();
            assert_eq!(of(key), format!("00000000000000000000000007{letters}"));
            assert_eq!(read(&of(key)), None);
        }
        for foreign in [
            "",
            "x",
            "NOTPROVIDED",
            "é",
            "00000000000000000000000007XX",
            "00000000000000000000000007CO1",
            "00000000000000000000000007CO02",
        ] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
    }
}
