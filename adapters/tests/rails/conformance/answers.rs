//! Against a server that says anything: only a whole, sound answer about this very order counts.

use std::time::Duration;

use domain::rail::{Found, PortError};

use super::{FaultyServer, Harness, Leg, Twist, assert_unknown, fresh_key, inquire, legs, submit};

pub(crate) async fn an_answer_about_something_else_is_no_answer(harness: &dyn Harness) {
    for leg in legs(harness.rail()) {
        let it = harness.instruction(fresh_key(leg));
        // The hand-written answer is the bank's own when nothing about it is changed.
        let bank = FaultyServer::saying(harness.written(leg, &it, Twist::Nothing).unwrap()).await;
        submit(&*bank.rail(harness), leg, &it).await.unwrap();
        for twist in [
            Twist::OtherReference,
            Twist::OtherKind,
            Twist::OtherAccount,
            Twist::OtherAmount,
            Twist::OtherCurrency,
            Twist::NoBankReference,
            Twist::UnknownState,
        ] {
            let Some(said) = harness.written(leg, &it, twist) else {
                continue;
            };
            let bank = FaultyServer::saying(said).await;
            let answer = submit(&*bank.rail(harness), leg, &it).await;
            assert_unknown(answer, &it, &format!("{leg:?} {twist:?}"));
        }
    }
}

pub(crate) async fn broken_answers_are_no_answers(harness: &dyn Harness) {
    for leg in legs(harness.rail()) {
        let it = harness.instruction(fresh_key(leg));
        let whole = harness.written(leg, &it, Twist::Nothing).unwrap();
        let body = body_of(&whole);
        let huge = [body, &b" ".repeat(1 << 20)].concat();
        let no_text = [body, b"\xff\xfe"].concat();
        let bank = FaultyServer::saying(Vec::new()).await;
        let rail = bank.rail(harness);
        for (note, bytes) in [
            ("nothing at all", Vec::new()),
            ("half a head", whole[..20].to_vec()),
            ("all but the last byte", whole[..whole.len() - 1].to_vec()),
            ("longer than allowed", answer(200, "", &huge)),
            ("no text", answer(200, "", &no_text)),
            ("an empty body", answer(200, "", b"")),
            (
                "a page",
                answer(200, "", b"<html>Service temporarily unavailable</html>"),
            ),
            ("an empty object", answer(200, "", b"{}")),
            ("null", answer(200, "", b"null")),
            ("deeply nested", answer(200, "", &b"[".repeat(50_000))),
            ("no HTTP", b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()),
        ] {
            let note = format!("{leg:?} {note}");
            bank.say(bytes);
            assert_unknown(submit(&*rail, leg, &it).await, &it, &note);
            assert_eq!(bank.requests(), 1, "{note}: an order leaves exactly once");
            assert_unknown(inquire(&*rail, &it).await, &it, &note);
            assert_eq!(bank.requests(), 1, "{note}: and so does a question");
        }
    }
}

/// Also with the body of a success: the status and the body must agree.
pub(crate) async fn a_status_alone_says_nothing(harness: &dyn Harness) {
    for leg in legs(harness.rail()) {
        let it = harness.instruction(fresh_key(leg));
        let whole = harness.written(leg, &it, Twist::Nothing).unwrap();
        let bank = FaultyServer::saying(Vec::new()).await;
        let rail = bank.rail(harness);
        for status in [
            204, 301, 307, 400, 401, 403, 404, 408, 409, 410, 422, 500, 502, 503, 504, 599,
        ] {
            for body in [body_of(&whole), b"", it.account.reveal().as_bytes()] {
                let head = "retry-after: 1\r\nlocation: /elsewhere\r\n";
                bank.say(answer(status, head, body));
                let note = format!("{leg:?} {status}");
                assert_unknown(submit(&*rail, leg, &it).await, &it, &note);
                assert_eq!(
                    bank.requests(),
                    1,
                    "{note}: nothing is followed or repeated"
                );
            }
        }
    }
}

pub(crate) async fn nothing_is_sent_where_nobody_listens(harness: &dyn Harness) {
    let (_taken, address) = FaultyServer::nobody();
    let rail = harness.rail_at(address, PATIENT);
    for leg in legs(&*rail) {
        let it = harness.instruction(fresh_key(leg));
        assert_eq!(submit(&*rail, leg, &it).await, Err(PortError::Unreachable));
        assert_eq!(inquire(&*rail, &it).await, Err(PortError::Unreachable));
    }
}

pub(crate) async fn gives_up_in_time(harness: &dyn Harness) {
    for leg in legs(harness.rail()) {
        let it = harness.instruction(fresh_key(leg));
        let whole = harness.written(leg, &it, Twist::Nothing).unwrap();
        let half = whole[..whole.len() - 1].to_vec();
        for said in [Vec::new(), half] {
            let bank = FaultyServer::holding(said).await;
            let rail = harness.rail_at(bank.address(), HASTY);
            assert_unknown(submit(&*rail, leg, &it).await, &it, "submitted");
            assert_unknown(inquire(&*rail, &it).await, &it, "asked");
        }
    }
}

pub(crate) async fn an_inquiry_believes_only_the_bank(harness: &dyn Harness) {
    let it = harness.instruction(fresh_key(Leg::Debit));
    let ask = async |bytes: Vec<u8>| {
        let bank = FaultyServer::saying(bytes).await;
        inquire(&*bank.rail(harness), &it).await
    };
    let written = |twist| harness.written(Leg::Debit, &it, twist).unwrap();
    assert!(matches!(
        ask(written(Twist::Nothing)).await,
        Ok(Found::Executed { .. })
    ));
    assert_eq!(ask(written(Twist::NotFound)).await, Ok(Found::NotFound));
    // A wrong address or a proxy answers 404 too, and that is proof of nothing.
    for body in [
        &b""[..],
        b"{}",
        b"not found",
        b"{\"error\":{\"code\":\"no_such_route\"}}",
    ] {
        assert_unknown(
            ask(answer(404, "", body)).await,
            &it,
            "404 of somebody else",
        );
    }
    for twist in [Twist::OtherKind, Twist::OtherAmount, Twist::OtherCurrency] {
        if harness.written(Leg::Debit, &it, twist).is_none() {
            continue;
        }
        let found = ask(written(twist)).await;
        assert!(
            matches!(found, Ok(Found::Contradicts { .. })),
            "{twist:?}: {found:?}"
        );
    }
    for twist in [
        Twist::OtherReference,
        Twist::NoBankReference,
        Twist::UnknownState,
    ] {
        assert_unknown(ask(written(twist)).await, &it, &format!("{twist:?}"));
    }
    for status in [204, 302, 400, 401, 409, 410, 500, 503] {
        assert_unknown(ask(answer(status, "", b"")).await, &it, &status.to_string());
    }
}

pub(super) const PATIENT: Duration = Duration::from_secs(30);
const HASTY: Duration = Duration::from_millis(100);

fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    // A 204 has no body by definition.
    let length = if status == 204 { 0 } else { body.len() };
    let close = format!("connection: close\r\ncontent-length: {length}\r\n\r\n");
    let head = format!("HTTP/1.1 {status} Said\r\n{headers}{close}");
    [head.as_bytes(), &body[..length]].concat()
}

fn body_of(answer: &[u8]) -> &[u8] {
    let gap = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    &answer[gap + 4..]
}
