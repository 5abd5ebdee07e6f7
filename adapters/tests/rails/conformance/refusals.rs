//! A refusal is what the list says, from the sandbox or written by hand; nothing else is one.

use domain::rail::{Found, PortError, Rejection};

use super::{
    FaultyServer, Harness, Twist, assert_unknown, attempts, fresh_key, inquire, legs, submit,
};

pub(crate) async fn every_listed_code_is_a_refusal(harness: &dyn Harness) {
    assert!(!harness.refusals().is_empty());
    for leg in legs(harness.rail()) {
        for &(code, decline) in harness.refusals() {
            let it = harness.instruction(fresh_key(leg));
            let bank =
                FaultyServer::saying(harness.written(leg, &it, Twist::Refused(code)).unwrap())
                    .await;
            let rail = bank.rail(harness);
            let rejection = Rejection {
                decline,
                network_code: code.into(),
            };
            assert_eq!(
                submit(&*rail, leg, &it).await,
                Err(PortError::Rejected(rejection.clone()))
            );
            assert_eq!(
                inquire(&*rail, &it).await,
                Ok(Found::Rejected { rejection })
            );
        }
    }
}

pub(crate) async fn the_sandbox_itself_refuses(harness: &dyn Harness) {
    let rail = harness.rail();
    let mut provoked_codes = 0;
    for &(code, decline) in harness.refusals() {
        let mut provoked = 0;
        for leg in legs(rail) {
            let key = fresh_key(leg);
            let Some(it) = harness.refused_with(code, leg, key) else {
                continue;
            };
            let rejection = Rejection {
                decline,
                network_code: code.into(),
            };
            for _ in 0..attempts(rail, 2) {
                let answer = submit(rail, leg, &it).await;
                assert_eq!(
                    answer,
                    Err(PortError::Rejected(rejection.clone())),
                    "{code} {leg:?}"
                );
            }
            assert_eq!(inquire(rail, &it).await, Ok(Found::Rejected { rejection }));
            assert_eq!(harness.executed(key).await, 0, "{code} {leg:?}");
            provoked += 1;
        }
        provoked_codes += usize::from(provoked > 0);
    }
    // The sandbox has nine reasons of its own; a rail may list more.
    assert_eq!(provoked_codes, 9);
}

pub(crate) async fn a_code_that_is_not_listed_refuses_nothing(harness: &dyn Harness) {
    for leg in legs(harness.rail()) {
        for twist in [
            Twist::Refused("ZZ99"),
            Twist::Refused(""),
            Twist::Refused("ac04"),
            Twist::Refused("AC04 "),
            Twist::RefusedWithoutCode,
            Twist::ExecutedAndRefused,
        ] {
            let it = harness.instruction(fresh_key(leg));
            let bank = FaultyServer::saying(harness.written(leg, &it, twist).unwrap()).await;
            let rail = bank.rail(harness);
            let note = format!("{leg:?} {twist:?}");
            assert_unknown(submit(&*rail, leg, &it).await, &it, &note);
            assert_unknown(inquire(&*rail, &it).await, &it, &note);
        }
    }
}
