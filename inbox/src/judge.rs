//! What a message proves about a step, given what was ordered and what is known. Pure.

use domain::rail::{Way, Word, WordOutcome};
use domain::{Money, StepKey};
use transfers::{AttemptState, Finding};

/// What is known of the step that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) money: Money,
    pub(crate) way: Way,
    /// None where nothing of it can have arrived.
    pub(crate) known: Option<AttemptState>,
    /// Another payment that the bank gave the same reference of its own.
    pub(crate) other: Option<StepKey>,
    /// The statement has had this movement before.
    pub(crate) again: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It ends a doubt.
    Settles(Finding),
    /// It names a step whose end is not known, and does not say enough to end the doubt.
    Ask,
    /// Nothing new.
    Known,
    /// The money came back.
    Returned,
    Contradicts(String),
}

pub(crate) fn judge(word: Option<&Word>, step: &Step) -> Judgement {
    let Some(word) = word else {
        return if step.is_over() {
            Judgement::Known
        } else {
            Judgement::Ask
        };
    };
    if let Some(what) = contradiction(word, step) {
        return Judgement::Contradicts(what);
    }
    match &word.outcome {
        WordOutcome::Open => Judgement::Known,
        WordOutcome::Returned { .. } => Judgement::Returned,
        WordOutcome::Executed => executed(word, step),
        WordOutcome::Rejected(rejection) => match &step.known {
            Some(AttemptState::Rejected(_)) => Judgement::Known,
            Some(AttemptState::Done { .. }) => Judgement::Contradicts(
                "the bank executed this step, and now says that it refused it".to_owned(),
            ),
            // Nothing of it is under way: it was not executed, as is known.
            None => Judgement::Known,
            Some(_) if word.money.is_none() => Judgement::Ask,
            Some(_) => Judgement::Settles(Finding::Rejected(rejection.clone())),
        },
    }
}

fn executed(word: &Word, step: &Step) -> Judgement {
    if step.again {
        let why = "the statement has this movement a second time";
        return Judgement::Contradicts(why.to_owned());
    }
    match (&step.known, &word.bank_reference) {
        (Some(AttemptState::Done { bank_reference }), Some(said)) if bank_reference != said => {
            let why = "the bank executed this step before, under another reference of its own";
            Judgement::Contradicts(why.to_owned())
        }
        (Some(AttemptState::Done { .. }), _) => Judgement::Known,
        (Some(AttemptState::Rejected(_)), _) => {
            let why = "the bank refused this step for good, and now says that it executed it";
            Judgement::Contradicts(why.to_owned())
        }
        (_, Some(bank_reference)) if word.money.is_some() => {
            Judgement::Settles(Finding::Executed {
                bank_reference: bank_reference.clone(),
            })
        }
        _ => Judgement::Ask,
    }
}

/// What is said must be about what was ordered, whatever it says of it.
fn contradiction(word: &Word, step: &Step) -> Option<String> {
    let another = |what: &str| Some(format!("the bank has another {what} under our reference"));
    if let Some(money) = word.money {
        if money.currency() != step.money.currency() {
            return another("currency");
        }
        if money != step.money {
            return another("amount");
        }
    }
    if word.way.is_some_and(|way| way != step.way) {
        return another("direction");
    }
    let other = step.other?;
    Some(format!("the bank gave {other} the same reference before"))
}

impl Step {
    fn is_over(&self) -> bool {
        !self.known.as_ref().is_some_and(AttemptState::is_unresolved)
    }
}

#[cfg(test)]
mod tests {
    use domain::rail::Rejection;
    use domain::transfer::Decline;
    use domain::{Currency, Step as Steps, TransferId};

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::from_minor(minor, Currency::EUR).unwrap()
    }

    fn rejection() -> Rejection {
        Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".to_owned(),
        }
    }

    fn step(known: Option<AttemptState>) -> Step {
        Step {
            money: eur(100),
            way: Way::Out,
            known,
            other: None,
            again: false,
        }
    }

    fn word(outcome: WordOutcome) -> Word {
        Word {
            outcome,
            way: Some(Way::Out),
            money: Some(eur(100)),
            bank_reference: Some("b1".to_owned()),
        }
    }

    fn short(judgement: &Judgement) -> &'static str {
        match judgement {
            Judgement::Settles(Finding::Executed { .. }) => "executed",
            Judgement::Settles(_) => "refused",
            Judgement::Ask => "ask",
            Judgement::Known => "known",
            Judgement::Returned => "returned",
            Judgement::Contradicts(_) => "contradicts",
        }
    }

    /// Rows: what is known. Columns: nothing, open, executed, executed elsewhere, rejected, returned.
    #[test]
    fn every_word_about_every_step() {
        let done = AttemptState::Done {
            bank_reference: "b1".to_owned(),
        };
        let unknown = AttemptState::Unknown {
            evidence: "silence".to_owned(),
        };
        let elsewhere = Word {
            bank_reference: Some("b2".to_owned()),
            ..word(WordOutcome::Executed)
        };
        let words = [
            None,
            Some(word(WordOutcome::Open)),
            Some(word(WordOutcome::Executed)),
            Some(elsewhere),
            Some(word(WordOutcome::Rejected(rejection()))),
            Some(word(WordOutcome::Returned { code: None })),
        ];
        let states = [
            ("not sent", None),
            ("open", Some(AttemptState::Open)),
            ("unknown", Some(unknown)),
            ("done", Some(done)),
            ("rejected", Some(AttemptState::Rejected(rejection()))),
        ];
        let drawn: Vec<String> = states
            .into_iter()
            .map(|(name, known)| {
                let step = step(known);
                let said = words.iter().map(|word| short(&judge(word.as_ref(), &step)));
                format!("{name}: {}", said.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(
            drawn,
            [
                "not sent: known known executed executed known returned",
                "open: ask known executed executed refused returned",
                "unknown: ask known executed executed refused returned",
                "done: known known known contradicts contradicts returned",
                "rejected: known known contradicts contradicts known returned",
            ]
        );
    }

    #[test]
    fn whatever_differs_from_the_order_counts_for_nothing() {
        let unknown = AttemptState::Unknown {
            evidence: "silence".to_owned(),
        };
        let step = step(Some(unknown));
        let key = StepKey::of(TransferId::from_bits(8), Steps::PayOut);
        let claimed = Step {
            other: Some(key),
            ..step.clone()
        };
        let again = Step {
            again: true,
            ..step.clone()
        };
        let usd = Money::from_minor(100, Currency::USD).unwrap();
        let good = word(WordOutcome::Executed);
        let but = |money, way| Word {
            money: Some(money),
            way: Some(way),
            ..good.clone()
        };
        for (word, step) in [
            (but(eur(101), Way::Out), &step),
            (but(usd, Way::Out), &step),
            (but(eur(100), Way::In), &step),
            (good.clone(), &claimed),
            (good.clone(), &again),
        ] {
            let judged = judge(Some(&word), step);
            assert!(matches!(judged, Judgement::Contradicts(_)), "{word:?}");
        }
    }

    #[test]
    fn what_does_not_say_how_much_under_which_reference_has_the_bank_asked() {
        let step = step(Some(AttemptState::Open));
        let good = word(WordOutcome::Executed);
        for word in [
            Word {
                money: None,
                ..good.clone()
            },
            Word {
                bank_reference: None,
                ..good
            },
        ] {
            assert_eq!(judge(Some(&word), &step), Judgement::Ask);
        }
    }
}
