//! The suite for cards against a server that says anything: only a whole, sound answer about this
//! very order counts.

use std::time::Duration;

use domain::rail::{CardPart, PortError, Rejection};

use super::FaultyServer;
use super::cards::{CardHarness, CardTwist, assert_unknown, find, fresh, ready, submit};

const PATIENT: Duration = Duration::from_secs(30);
const HASTY: Duration = Duration::from_millis(100);

pub(crate) async fn only_listed_codes_refuse(harness: &dyn CardHarness) {
    let order = fresh(harness.authorise());
    for &(code, decline) in harness.refusals() {
        let network = FaultyServer::saying(harness.written(&order, CardTwist::Refused(code))).await;
        let rail = harness.rail_at(network.address(), PATIENT);
        let network_code = code.into();
        let rejection = Rejection {
            decline,
            network_code,
        };
        assert_eq!(
            submit(&*rail, &order).await,
            Err(PortError::Rejected(rejection))
        );
    }
    for code in ["ZZ99", "", "EXPIRED_CARD", "expired_card "] {
        let network = FaultyServer::saying(harness.written(&order, CardTwist::Refused(code))).await;
        let rail = harness.rail_at(network.address(), PATIENT);
        assert_unknown(submit(&*rail, &order).await, code);
    }
}

pub(crate) async fn an_answer_about_something_else_is_no_answer(harness: &dyn CardHarness) {
    for part in CardPart::ALL {
        let order = ready(harness, part).await;
        let whole = harness.written(&order, CardTwist::Nothing);
        let network = FaultyServer::saying(whole.clone()).await;
        let rail = harness.rail_at(network.address(), PATIENT);
        submit(&*rail, &order).await.unwrap();
        let twists: &[CardTwist] = match part {
            CardPart::Authorise => &[
                CardTwist::OtherReference,
                CardTwist::OtherAmount,
                CardTwist::OtherCurrency,
            ],
            CardPart::Capture => &[
                CardTwist::OtherPayment,
                CardTwist::OtherAmount,
                CardTwist::OtherCurrency,
            ],
            CardPart::Void => &[CardTwist::OtherPayment],
            CardPart::Refund => &[
                CardTwist::OtherReference,
                CardTwist::OtherPayment,
                CardTwist::OtherAmount,
                CardTwist::OtherCurrency,
            ],
        };
        for twist in twists
            .iter()
            .chain(&[CardTwist::NoName, CardTwist::UnknownState])
        {
            network.say(harness.written(&order, *twist));
            assert_unknown(submit(&*rail, &order).await, &format!("{part:?} {twist:?}"));
        }
        network.requests();
        let huge = [body_of(&whole), &b" ".repeat(1 << 20)].concat();
        for (note, bytes) in [
            ("nothing at all", Vec::new()),
            ("all but the last byte", whole[..whole.len() - 1].to_vec()),
            ("longer than allowed", answer(200, &huge)),
            ("an empty object", answer(200, b"{}")),
            ("a page", answer(200, b"<html>Service unavailable</html>")),
            ("deeply nested", answer(200, &b"[".repeat(50_000))),
        ] {
            network.say(bytes);
            assert_unknown(submit(&*rail, &order).await, note);
            assert_eq!(
                network.requests(),
                1,
                "{note}: an order leaves exactly once"
            );
            assert_unknown(find(&*rail, &order).await, note);
            network.requests();
        }
        for status in [
            201, 204, 301, 307, 400, 401, 402, 403, 404, 409, 500, 502, 503,
        ] {
            for body in [body_of(&whole), b"", b"pm_card_visa"] {
                network.say(answer(status, body));
                assert_unknown(submit(&*rail, &order).await, &format!("{part:?} {status}"));
                assert_unknown(find(&*rail, &order).await, &format!("{part:?} {status}"));
            }
        }
    }
}

pub(crate) async fn nothing_is_sent_where_nobody_listens_and_patience_ends(
    harness: &dyn CardHarness,
) {
    let (_taken, address) = FaultyServer::nobody();
    let order = fresh(harness.authorise());
    let nobody = harness.rail_at(address, PATIENT);
    assert_eq!(submit(&*nobody, &order).await, Err(PortError::Unreachable));
    assert_eq!(find(&*nobody, &order).await, Err(PortError::Unreachable));
    let mute = FaultyServer::holding(Vec::new()).await;
    let rail = harness.rail_at(mute.address(), HASTY);
    assert_unknown(submit(&*rail, &order).await, "submitted");
    assert_unknown(find(&*rail, &order).await, "asked");
}

fn answer(status: u16, body: &[u8]) -> Vec<u8> {
    // A 204 has no body by definition.
    let body = if status == 204 { &b""[..] } else { body };
    let head = "location: /elsewhere\r\nconnection: close\r\ncontent-length";
    let head = format!("HTTP/1.1 {status} Said\r\n{head}: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn body_of(answer: &[u8]) -> &[u8] {
    let gap = answer.windows(4).position(|four| four == b"\r\n\r\n");
    &answer[gap.unwrap() + 4..]
}
