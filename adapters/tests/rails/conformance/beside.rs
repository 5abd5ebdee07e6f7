//! What a rail may do beside moving money: contradict itself, take back, and tell the whole story.

use std::collections::BTreeSet;

use domain::Money;
use domain::rail::{Canceled, Cursor, Found, Inquiry, Line, LineKind, Rail};

use super::{Behaviour, Harness, Leg, about, assert_unknown, fresh_key, inquire, legs, submit};

/// The bank has something else under our reference than we ordered: nothing is concluded.
pub(crate) async fn a_contradiction_is_set_aside(harness: &dyn Harness) {
    let rail = harness.rail();
    for leg in legs(rail) {
        let it = harness.instruction(fresh_key(leg));
        submit(rail, leg, &it).await.unwrap();
        for behaviour in [Behaviour::OtherAmount, Behaviour::OtherCurrency] {
            harness.script_inquiry(behaviour);
            let found = inquire(rail, &it).await;
            assert!(
                matches!(found, Ok(Found::Contradicts { .. })),
                "{leg:?} {behaviour:?}: {found:?}"
            );
        }
        let other = Inquiry {
            money: Money::from_minor(it.money.minor() + 1, it.money.currency()).unwrap(),
            ..about(&it)
        };
        let found = rail.inquiries().unwrap().inquire(&other).await;
        assert!(matches!(found, Ok(Found::Contradicts { .. })), "{found:?}");
        assert!(matches!(
            inquire(rail, &it).await,
            Ok(Found::Executed { .. })
        ));
    }
}

pub(crate) async fn what_is_taken_back_is_never_executed(harness: &dyn Harness) {
    let rail = harness.rail();
    let Some(cancellations) = rail.cancellations() else {
        return;
    };
    for leg in legs(rail) {
        let it = harness.instruction(fresh_key(leg));
        assert_eq!(
            cancellations.cancel(&about(&it)).await,
            Ok(Canceled::NotFound)
        );
        harness.script(leg, Behaviour::DecidedLater);
        assert_unknown(submit(rail, leg, &it).await, &it, "accepted");
        for _ in 0..2 {
            assert_eq!(cancellations.cancel(&about(&it)).await, Ok(Canceled::Done));
        }
        harness.pass_time();
        assert!(matches!(
            inquire(rail, &it).await,
            Ok(Found::Rejected { .. })
        ));
        assert_eq!(harness.executed(it.key).await, 0);

        let done = harness.instruction(fresh_key(leg));
        submit(rail, leg, &done).await.unwrap();
        assert_eq!(
            cancellations.cancel(&about(&done)).await,
            Ok(Canceled::TooLate)
        );
        assert_eq!(harness.executed(done.key).await, 1);
    }
}

pub(crate) async fn the_statement_tells_everything_once(harness: &dyn Harness) {
    let rail = harness.rail();
    if rail.statements().is_none() {
        return;
    }
    let (_, start) = read(rail, Cursor::default()).await;
    let mut sent = BTreeSet::new();
    for leg in legs(rail) {
        for _ in 0..60 {
            let it = harness.instruction(fresh_key(leg));
            submit(rail, leg, &it).await.unwrap();
            let kind = match leg {
                Leg::Debit => LineKind::In,
                Leg::PayOut => LineKind::Out,
            };
            sent.insert((it.key.to_string(), kind as u8, it.money.minor()));
        }
    }
    let (lines, end) = read(rail, start.clone()).await;
    let told: BTreeSet<_> = lines
        .iter()
        .map(|line| {
            (
                line.key.unwrap().to_string(),
                line.kind as u8,
                line.money.minor(),
            )
        })
        .collect();
    assert_eq!((told.len(), &told), (lines.len(), &sent));
    assert_eq!(read(rail, start).await, (lines, end.clone()));
    assert_eq!(read(rail, end.clone()).await, (Vec::new(), end));
    let foreign = rail
        .statements()
        .unwrap()
        .lines(&Cursor("not yours".into()))
        .await;
    assert!(foreign.is_err(), "{foreign:?}");
}

pub(crate) async fn what_comes_back_is_a_line_of_its_own(harness: &dyn Harness) {
    let rail = harness.rail();
    if rail.statements().is_none() {
        return;
    }
    for leg in legs(rail) {
        let it = harness.instruction(fresh_key(leg));
        submit(rail, leg, &it).await.unwrap();
        let (_, before) = read(rail, Cursor::default()).await;
        harness.give_back(it.key).await;
        let (lines, _) = read(rail, before).await;
        let [line] = &lines[..] else {
            panic!("{leg:?}: {lines:?}");
        };
        assert_eq!((line.kind, line.key), (LineKind::Returned, Some(it.key)));
        assert_eq!(line.money, it.money);
        assert!(line.code.is_some());
        // What was executed stays executed: the return is another movement.
        assert!(matches!(
            inquire(rail, &it).await,
            Ok(Found::Executed { .. })
        ));
    }
}

/// From a cursor to the end, page by page.
async fn read(rail: &dyn Rail, mut cursor: Cursor) -> (Vec<Line>, Cursor) {
    let mut lines = Vec::new();
    loop {
        let page = rail.statements().unwrap().lines(&cursor).await.unwrap();
        if page.next == cursor || page.lines.is_empty() {
            return (lines, page.next);
        }
        lines.extend(page.lines);
        cursor = page.next;
    }
}
