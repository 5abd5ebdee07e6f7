//! Our reference in the 35 characters that the standard gives an end-to-end identification: the
//! transfer's id without its prefix, and two letters for the step.

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

pub(super) fn of(key: StepKey) -> String {
    let transfer = key.transfer.to_string();
    let id = transfer.rsplit('_').next().unwrap_or_default();
    let step = STEPS
        .iter()
        .find(|(step, undo, _)| (*step, *undo) == (key.step, key.undo));
    format!("{id}{}", step.map_or("", |(.., letters)| letters))
}

/// `None` when the reference is somebody else's.
pub(super) fn read(reference: &str) -> Option<StepKey> {
    let (id, letters) = reference.split_at_checked(reference.len().checked_sub(2)?)?;
    let (step, undo, _) = STEPS.iter().find(|(.., known)| *known == letters)?;
    let transfer: TransferId = format!("{}_{id}", TransferId::PREFIX).parse().ok()?;
    Some(StepKey {
        transfer,
        step: *step,
        undo: *undo,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_fits_and_is_read_back() {
        let transfer = TransferId::from_bits(u128::MAX);
        for (step, undo, _) in STEPS {
            let key = StepKey {
                transfer,
                step,
                undo,
            };
            let reference = of(key);
            assert!(reference.len() <= 35, "{reference}");
            assert_eq!(read(&reference), Some(key));
        }
        for foreign in ["", "x", "NOTPROVIDED", "é", "00000000000000000000000007XX"] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
    }
}
