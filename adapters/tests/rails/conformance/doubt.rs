//! Against the sandbox: one execution whatever happens, and a way out of every doubt.

use domain::rail::{Found, PortError};

use super::{
    Behaviour, Harness, assert_unknown, attempts, fresh_key, inquire, legs, submit,
    while_time_passes,
};

pub(crate) async fn executes_once_however_often_it_is_sent(harness: &dyn Harness) {
    let rail = harness.rail();
    for leg in legs(rail) {
        let key = fresh_key(leg);
        let it = harness.instruction(key);
        assert_eq!(inquire(rail, &it).await, Ok(Found::NotFound));
        let first = submit(rail, leg, &it).await.unwrap();
        for _ in 1..attempts(rail, 6) {
            assert_eq!(submit(rail, leg, &it).await.as_ref(), Ok(&first));
        }
        if attempts(rail, 3) == 3 {
            let (one, two, three) = tokio::join!(
                submit(rail, leg, &it),
                submit(rail, leg, &it),
                submit(rail, leg, &it)
            );
            let same = Ok(first.clone());
            assert_eq!((&one, &two, &three), (&same, &same, &same));
        }
        assert_eq!(harness.executed(key).await, 1, "{leg:?}");
        let bank_reference = first.bank_reference;
        assert_eq!(
            inquire(rail, &it).await,
            Ok(Found::Executed { bank_reference })
        );
    }
}

pub(crate) async fn finds_out_what_silence_hid(harness: &dyn Harness) {
    let rail = harness.rail();
    for leg in legs(rail) {
        for (behaviour, executed) in [
            (Behaviour::SilentExecuted, true),
            (Behaviour::SilentNotExecuted, false),
            (Behaviour::ErrorExecuted, true),
            (Behaviour::ErrorNotExecuted, false),
            (Behaviour::GarbageExecuted, true),
            (Behaviour::CutExecuted, true),
            (Behaviour::CutNotExecuted, false),
            (Behaviour::OtherAmount, true),
            (Behaviour::OtherCurrency, true),
            (Behaviour::EarlierAnswer, true),
            (Behaviour::Giant, true),
            (Behaviour::Trickle, true),
            (Behaviour::Twice, true),
        ] {
            let note = format!("{leg:?} {behaviour:?}");
            let key = fresh_key(leg);
            let it = harness.instruction(key);
            harness.script(leg, behaviour);
            let answer = while_time_passes(harness, submit(rail, leg, &it)).await;
            assert_unknown(answer, &it, &note);
            assert_eq!(harness.executed(key).await, usize::from(executed), "{note}");
            match inquire(rail, &it).await.unwrap() {
                Found::Executed { .. } => assert!(executed, "{note}"),
                Found::NotFound => assert!(!executed, "{note}"),
                other => panic!("{note}: {other:?}"),
            }
            // What was proved never to have arrived may be sent again on every rail.
            if !executed || attempts(rail, 2) == 2 {
                submit(rail, leg, &it).await.unwrap();
            }
            assert_eq!(harness.executed(key).await, 1, "{note}");
        }
    }
}

pub(crate) async fn finds_out_what_was_decided_later(harness: &dyn Harness) {
    let rail = harness.rail();
    for leg in legs(rail) {
        let key = fresh_key(leg);
        let it = harness.instruction(key);
        harness.script(leg, Behaviour::DecidedLater);
        assert_unknown(
            submit(rail, leg, &it).await,
            &it,
            "accepted is not executed",
        );
        assert_eq!(inquire(rail, &it).await, Ok(Found::Pending));
        assert_eq!(harness.executed(key).await, 0);
        harness.pass_time();
        assert!(matches!(
            inquire(rail, &it).await,
            Ok(Found::Executed { .. })
        ));
        assert_eq!(harness.executed(key).await, 1);
    }
}

pub(crate) async fn throttled_means_not_executed(harness: &dyn Harness) {
    let rail = harness.rail();
    for leg in legs(rail) {
        let key = fresh_key(leg);
        let it = harness.instruction(key);
        harness.script(leg, Behaviour::Throttled);
        let answer = submit(rail, leg, &it).await;
        assert!(
            matches!(
                answer,
                Err(PortError::Throttled {
                    retry_after: Some(_)
                })
            ),
            "{answer:?}"
        );
        assert_eq!(harness.executed(key).await, 0);
        assert_eq!(inquire(rail, &it).await, Ok(Found::NotFound));
    }
}
