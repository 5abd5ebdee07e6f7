//! The suite for cards: promised, taken, released, given back, each once and never on a guess.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use domain::Money;
use domain::rail::{
    Answer, CardAsk, CardOrder, CardPart, Found, NetworkReference, PortError, Rail, Rejection,
};
use domain::transfer::Decline;
use domain::{Step, StepKey};

use super::{Behaviour, Leg, fresh_key};

/// What a card network must bring to be checked.
#[async_trait]
pub(crate) trait CardHarness: Send + Sync {
    fn rail(&self) -> &dyn Rail;
    fn rail_at(&self, address: SocketAddr, patience: Duration) -> Box<dyn Rail>;
    fn refusals(&self) -> &'static [(&'static str, Decline)];
    /// A card and an amount that the sandbox promises.
    fn authorise(&self) -> CardAsk;
    /// What the sandbox itself refuses with `code`, where it can be made to.
    fn refused_with(&self, code: &str) -> Option<CardAsk>;
    fn script(&self, part: CardPart, next: Behaviour);
    fn script_inquiry(&self, next: Behaviour);
    fn pass_time(&self);
    /// How often the network's books did this order.
    async fn executed(&self, order: &CardOrder) -> usize;
    /// A whole HTTP response to the order, with one thing about it changed.
    fn written(&self, order: &CardOrder, twist: CardTwist) -> Vec<u8>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CardTwist {
    Nothing,
    Refused(&'static str),
    OtherReference,
    OtherPayment,
    OtherAmount,
    OtherCurrency,
    NoName,
    UnknownState,
}

pub(super) fn fresh(ask: CardAsk) -> CardOrder {
    let step = fresh_key(Leg::Debit);
    CardOrder { step, ask }
}

pub(super) async fn submit(rail: &dyn Rail, order: &CardOrder) -> Result<Answer, PortError> {
    rail.cards().unwrap().submit(order).await
}

pub(super) async fn find(rail: &dyn Rail, order: &CardOrder) -> Result<Found, PortError> {
    rail.cards().unwrap().find(order).await
}

/// Everything that happens before a part can: the order of that part, ready to be sent.
pub(super) async fn ready(harness: &dyn CardHarness, part: CardPart) -> CardOrder {
    let promise = fresh(harness.authorise());
    if part == CardPart::Authorise {
        return promise;
    }
    let payment = submit(harness.rail(), &promise)
        .await
        .unwrap()
        .bank_reference;
    let payment = NetworkReference(payment);
    let CardAsk::Authorise { money, .. } = promise.ask else {
        panic!("a promise is an authorisation");
    };
    let step = promise.step;
    let capture = CardOrder {
        step,
        ask: CardAsk::Capture {
            payment: payment.clone(),
            money,
        },
    };
    match part {
        CardPart::Void => CardOrder {
            step: StepKey::undo(step.transfer, Step::Collect),
            ask: CardAsk::Void { payment },
        },
        CardPart::Refund => {
            submit(harness.rail(), &capture).await.unwrap();
            fresh(CardAsk::Refund {
                payment,
                money: part_of(money, 0, 3),
            })
        }
        _ => capture,
    }
}

/// A third and the like, in whole tens.
fn part_of(money: Money, plus: i64, of: i64) -> Money {
    let minor = money.minor() / of / 10 * 10 + plus;
    Money::from_minor(minor, money.currency()).unwrap()
}

#[track_caller]
pub(super) fn assert_unknown<T: std::fmt::Debug>(result: Result<T, PortError>, note: &str) {
    match result {
        Err(PortError::Unknown { evidence }) => {
            assert!((1..=200).contains(&evidence.len()), "{note}: {evidence}");
            for secret in ["pm_card", "sk_test"] {
                assert!(!evidence.contains(secret), "{note}: {evidence}");
            }
        }
        other => panic!("{note}: expected unknown, got {other:?}"),
    }
}

pub(crate) async fn each_part_happens_once_however_often_it_is_sent(harness: &dyn CardHarness) {
    let rail = harness.rail();
    for part in CardPart::ALL {
        let order = ready(harness, part).await;
        assert_eq!(find(rail, &order).await, Ok(Found::NotFound), "{part:?}");
        let first = submit(rail, &order).await.unwrap();
        let (one, two, three) = tokio::join!(
            submit(rail, &order),
            submit(rail, &order),
            submit(rail, &order)
        );
        let same = Ok(first.clone());
        assert_eq!((&one, &two, &three), (&same, &same, &same), "{part:?}");
        assert_eq!(harness.executed(&order).await, 1, "{part:?}");
        let bank_reference = first.bank_reference;
        let found = Found::Executed { bank_reference };
        assert_eq!(find(rail, &order).await, Ok(found), "{part:?}");
    }
}

pub(crate) async fn finds_out_what_silence_hid(harness: &dyn CardHarness) {
    let rail = harness.rail();
    for part in CardPart::ALL {
        for (behaviour, executed) in [
            (Behaviour::SilentExecuted, true),
            (Behaviour::SilentNotExecuted, false),
            (Behaviour::ErrorExecuted, true),
            (Behaviour::ErrorNotExecuted, false),
            (Behaviour::GarbageExecuted, true),
            (Behaviour::CutExecuted, true),
            (Behaviour::CutNotExecuted, false),
            (Behaviour::OtherCurrency, true),
            (Behaviour::EarlierAnswer, true),
            (Behaviour::Giant, true),
            (Behaviour::Trickle, true),
            (Behaviour::Twice, true),
        ] {
            // A released payment says nothing of money.
            if part == CardPart::Void && behaviour == Behaviour::OtherCurrency {
                continue;
            }
            let note = format!("{part:?} {behaviour:?}");
            let order = ready(harness, part).await;
            harness.script(part, behaviour);
            let answer = while_time_passes(harness, submit(rail, &order)).await;
            assert_unknown(answer, &note);
            assert_eq!(
                harness.executed(&order).await,
                usize::from(executed),
                "{note}"
            );
            match find(rail, &order).await.unwrap() {
                Found::Executed { .. } => assert!(executed, "{note}"),
                Found::NotFound => assert!(!executed, "{note}"),
                other => panic!("{note}: {other:?}"),
            }
            submit(rail, &order).await.unwrap();
            assert_eq!(harness.executed(&order).await, 1, "{note}");
        }
    }
}

async fn while_time_passes<T>(harness: &dyn CardHarness, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::task::yield_now() => harness.pass_time(),
        }
    }
}

pub(crate) async fn finds_out_what_was_decided_later(harness: &dyn CardHarness) {
    let rail = harness.rail();
    let order = ready(harness, CardPart::Authorise).await;
    harness.script(CardPart::Authorise, Behaviour::DecidedLater);
    assert_unknown(submit(rail, &order).await, "taken in is not promised");
    assert_eq!(find(rail, &order).await, Ok(Found::Pending));
    assert_eq!(harness.executed(&order).await, 0);
    harness.pass_time();
    assert!(matches!(
        find(rail, &order).await,
        Ok(Found::Executed { .. })
    ));
}

pub(crate) async fn throttled_means_not_executed(harness: &dyn CardHarness) {
    let rail = harness.rail();
    for part in CardPart::ALL {
        let order = ready(harness, part).await;
        harness.script(part, Behaviour::Throttled);
        let answer = submit(rail, &order).await;
        let throttled = matches!(
            answer,
            Err(PortError::Throttled {
                retry_after: Some(_)
            })
        );
        assert!(throttled, "{part:?}: {answer:?}");
        assert_eq!(harness.executed(&order).await, 0);
        assert_eq!(find(rail, &order).await, Ok(Found::NotFound));
    }
}

pub(crate) async fn the_sandbox_itself_refuses(harness: &dyn CardHarness) {
    let rail = harness.rail();
    let mut provoked = 0;
    for &(code, decline) in harness.refusals() {
        let Some(ask) = harness.refused_with(code) else {
            continue;
        };
        let order = fresh(ask);
        let network_code = code.into();
        let rejection = Rejection {
            decline,
            network_code,
        };
        for _ in 0..2 {
            let answer = submit(rail, &order).await;
            assert_eq!(answer, Err(PortError::Rejected(rejection.clone())));
        }
        assert_eq!(find(rail, &order).await, Ok(Found::Rejected { rejection }));
        assert_eq!(harness.executed(&order).await, 0);
        provoked += 1;
    }
    assert!(provoked >= 8, "{provoked}");
}

pub(crate) async fn a_contradiction_is_set_aside(harness: &dyn CardHarness) {
    let rail = harness.rail();
    for part in [CardPart::Authorise, CardPart::Capture, CardPart::Refund] {
        let order = ready(harness, part).await;
        submit(rail, &order).await.unwrap();
        harness.script_inquiry(Behaviour::OtherAmount);
        let found = find(rail, &order).await;
        assert!(
            matches!(found, Ok(Found::Contradicts { .. })),
            "{part:?}: {found:?}"
        );
        assert!(matches!(
            find(rail, &order).await,
            Ok(Found::Executed { .. })
        ));
    }
}

/// Less may be taken than was promised, and no more given back than was taken.
pub(crate) async fn amounts_have_their_limits(harness: &dyn CardHarness) {
    let rail = harness.rail();
    let promise = ready(harness, CardPart::Authorise).await;
    let CardAsk::Authorise { money, .. } = promise.ask else {
        panic!("a promise is an authorisation");
    };
    let payment = NetworkReference(submit(rail, &promise).await.unwrap().bank_reference);
    let capture = |money| CardOrder {
        step: promise.step,
        ask: CardAsk::Capture {
            payment: payment.clone(),
            money,
        },
    };
    let too_much = capture(part_of(money, 10, 1));
    assert!(matches!(
        submit(rail, &too_much).await,
        Err(PortError::Rejected(_))
    ));
    let half = part_of(money, 0, 2);
    let taken = CardOrder {
        step: fresh_key(Leg::Debit),
        ..capture(half)
    };
    submit(rail, &taken).await.unwrap();
    // The rest was released: it can neither be taken nor voided any more.
    let again = CardOrder {
        step: fresh_key(Leg::Debit),
        ..capture(money)
    };
    assert_unknown(submit(rail, &again).await, "captured twice");
    assert!(matches!(
        find(rail, &again).await,
        Ok(Found::Contradicts { .. })
    ));
    let void = fresh(CardAsk::Void {
        payment: payment.clone(),
    });
    assert_unknown(submit(rail, &void).await, "voided after the capture");
    assert!(matches!(
        find(rail, &void).await,
        Ok(Found::Rejected { .. })
    ));

    let refund = |money| {
        fresh(CardAsk::Refund {
            payment: payment.clone(),
            money,
        })
    };
    let first = refund(part_of(half, 10, 2));
    submit(rail, &first).await.unwrap();
    let beyond = refund(part_of(half, 10, 2));
    assert!(matches!(
        submit(rail, &beyond).await,
        Err(PortError::Rejected(_))
    ));
    assert_eq!(find(rail, &beyond).await, Ok(Found::NotFound));
    let CardAsk::Refund { money: given, .. } = first.ask else {
        panic!("a refund");
    };
    let rest = refund(half.checked_sub(given).unwrap());
    submit(rail, &rest).await.unwrap();
    let seen = rail.cards().unwrap().payment(&payment).await.unwrap();
    assert_eq!(
        (seen.authorised, seen.captured, seen.refunded),
        (money, half, half)
    );
    assert!(!seen.charged_back);
    assert_eq!(seen.key, Some(promise.key()));
}

/// Runs every check for a harness, each as a test of its own, each with a fresh sandbox.
macro_rules! card_conformance {
    ($start:path) => {
        $crate::conformance::cards::card_conformance!($start:
            each_part_happens_once_however_often_it_is_sent,
            finds_out_what_silence_hid,
            finds_out_what_was_decided_later,
            throttled_means_not_executed,
            only_listed_codes_refuse,
            the_sandbox_itself_refuses,
            an_answer_about_something_else_is_no_answer,
            nothing_is_sent_where_nobody_listens_and_patience_ends,
            a_contradiction_is_set_aside,
            amounts_have_their_limits,
        );
    };
    ($start:path: $($check:ident,)*) => {$(
        #[tokio::test]
        async fn $check() {
            let harness = $start().await;
            $crate::conformance::cards::$check(&harness).await;
        }
    )*};
}
pub(crate) use super::card_answers::*;
pub(crate) use card_conformance;
