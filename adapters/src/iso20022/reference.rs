//! Our reference in the 35 characters that the standard gives an end-to-end identification: the
//! transfer's id without its prefix, two letters for the step, and from its second round on the
//! round's number.

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

/// The letters of a transfer's id.
const ID: usize = 26;

pub(super) fn of(key: StepKey) -> String {
    let transfer = key.transfer.to_string();
    let id = transfer.rsplit('_').next().unwrap_or_default();
    let step = STEPS
        .iter()
        .find(|(step, undo, _)| (*step, *undo) == (key.step, key.undo));
    let round = if key.round > 1 {
        key.round.to_string()
    } else {
        String::new()
    };
    format!("{id}{}{round}", step.map_or("", |(.., letters)| letters))
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
                };
                let reference = of(key);
                assert!(reference.len() <= 35, "{reference}");
                assert_eq!(read(&reference), Some(key));
            }
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
