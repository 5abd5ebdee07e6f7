//! The bank over HTTP: what a client really gets, and what it may send.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use ambient::{ManualClock, SystemClock, Timestamp};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use proptest::prelude::{any, prop_assert};
use sandbox::Bank;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

struct World {
    _dir: TempDir,
    bank: Bank,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let bank = Bank::open(&dir.path().join("bank.db"), Arc::new(clock)).unwrap();
        Self { _dir: dir, bank }
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(body.into())
            .unwrap();
        let response = self.bank.router().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    async fn debit(&self, reference: &str, amount: i64) -> (StatusCode, Value) {
        let body = json!({
            "reference": reference, "account": "SB-ALICE-0001", "amount": amount, "currency": "EUR",
        });
        self.send("POST", "/v1/debits", body.to_string()).await
    }
}

#[tokio::test]
async fn a_debit_from_first_answer_to_statement() {
    let world = World::new();
    let (status, first) = world.debit("tr_1:collect", 1_050).await;
    assert_eq!(status, 200);
    assert_eq!(first["state"], "executed");
    assert_eq!(first["kind"], "debit");
    let (_, again) = world.debit("tr_1:collect", 1_050).await;
    assert_eq!(again["bank_reference"], first["bank_reference"]);
    assert_eq!(again["attempts"], 2);
    let (status, found) = world.send("GET", "/v1/movements/tr_1:collect", "").await;
    assert_eq!((status, &found), (StatusCode::OK, &again));
    let (_, page) = world.send("GET", "/v1/statement?after=0", "").await;
    assert_eq!(
        (&page["movements"][0], &page["next_after"]),
        (&again, &json!(1))
    );
    let (_, account) = world.send("GET", "/v1/accounts/SB-ALICE-0001", "").await;
    assert_eq!(account["balance"], 100_000_000 - 1_050);
    assert_eq!(account["state"], "open");
}

#[tokio::test]
async fn each_delivery_has_its_status() {
    let world = World::new();
    for (reference, amount, status, code) in [
        ("error", 13, 500, json!("internal")),
        ("garbage", 14, 200, Value::Null),
        ("late", 15, 202, Value::Null),
        ("throttled", 16, 429, json!("too_many_requests")),
        ("error", 14, 409, json!("reference_reused")),
        ("empty", 0, 400, json!("malformed")),
    ] {
        let (answered, body) = world.debit(reference, amount).await;
        assert_eq!(answered, status, "{reference}");
        assert_eq!(body["error"]["code"], code, "{reference}");
    }
    let (status, body) = world.send("GET", "/v1/movements/unknown", "").await;
    assert_eq!(
        (status.as_u16(), &body["error"]["code"]),
        (404, &json!("movement_not_found"))
    );
}

#[tokio::test]
async fn controls_are_set_and_read() {
    let world = World::new();
    let rules = json!({ "seed": 7, "rules": [
        { "on": "debits", "fault": "error_executed", "next": 1, "per_thousand": 0 },
    ]});
    let (status, set) = world
        .send("POST", "/control/faults", rules.to_string())
        .await;
    assert_eq!((status, &set), (StatusCode::OK, &rules));
    assert_eq!(world.debit("a", 100).await.0, 500);
    let (_, read) = world.send("GET", "/control/faults", "").await;
    assert_eq!(read["rules"][0]["next"], 0);
    world
        .send("POST", "/control/outage", r#"{"on":true}"#)
        .await;
    assert_eq!(world.debit("b", 100).await.0, 503);
    assert_eq!(world.send("GET", "/v1/statement", "").await.0, 503);
    assert_eq!(
        world.send("GET", "/v1/accounts/SB-BOB-0001", "").await.0,
        503
    );
    assert_eq!(world.send("GET", "/livez", "").await.0, 200);
    world
        .send("POST", "/control/outage", r#"{"on":false}"#)
        .await;
    assert_eq!(world.debit("b", 100).await.0, 200);
}

#[tokio::test]
async fn what_makes_no_sense_is_the_clients_fault() {
    let world = World::new();
    let order = r#"{"reference":"r","account":"SB-A","amount":1,"currency":"EUR"}"#;
    let huge = " ".repeat(16 * 1_024) + order;
    let changed = |from: &str, to: &str| order.replace(from, to);
    for (method, path, body, status) in [
        ("POST", "/v1/debits", String::new(), 400),
        ("POST", "/v1/debits", "{".into(), 400),
        ("POST", "/v1/debits", "null".into(), 400),
        ("POST", "/v1/debits", "[".repeat(10_000), 400),
        ("POST", "/v1/debits", huge, 413),
        ("POST", "/v1/debits", changed("1,", "1.5,"), 400),
        ("POST", "/v1/debits", changed("1,", "\"1\","), 400),
        ("POST", "/v1/debits", changed("1,", "-1,"), 400),
        (
            "POST",
            "/v1/debits",
            changed("1,", "9223372036854775808,"),
            400,
        ),
        ("POST", "/v1/debits", changed("\"r\"", "\"\\u0000\""), 400),
        ("POST", "/v1/debits", changed("\"r\"", "\"r\",\"x\":1"), 400),
        ("POST", "/v1/payouts", changed("EUR", "€"), 400),
        (
            "POST",
            "/v1/payouts",
            changed("1,", "9223372036854775807,"),
            200,
        ),
        ("GET", "/v1/movements/%ff", String::new(), 400),
        ("GET", "/v1/movements/%00", String::new(), 404),
        ("GET", "/v1/accounts/%ff", String::new(), 400),
        ("GET", "/v1/accounts/SB-NOBODY-YET", String::new(), 404),
        ("GET", "/v1/statement?after=-1", String::new(), 400),
        ("GET", "/v1/statement?after=x", String::new(), 400),
        ("GET", "/v1/statement?limit=1001", String::new(), 400),
        (
            "GET",
            "/v1/statement?after=9223372036854775807",
            String::new(),
            200,
        ),
        ("POST", "/control/faults", "{\"rules\":[{}]}".into(), 400),
        ("POST", "/control/outage", "{}".into(), 400),
        ("DELETE", "/v1/debits", String::new(), 405),
        ("GET", "/v2", String::new(), 404),
    ] {
        let note = format!("{method} {path} {}", body.get(..40).unwrap_or(&body));
        let (answered, body) = world.send(method, path, body).await;
        assert_eq!(answered, status, "{note}");
        assert!(body.is_object(), "{note}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(200))]
    #[test]
    fn no_body_and_no_path_makes_the_bank_stumble(body: Vec<u8>, path in "/(v1/(debits|payouts|movements/|accounts/|statement\\?after=)|control/)[!-~]{0,20}", post in any::<bool>()) {
        let Ok(uri) = path.parse::<axum::http::Uri>() else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let status = runtime.block_on(async {
            let world = World::new();
            world.send(if post { "POST" } else { "GET" }, &uri.to_string(), body).await.0
        });
        prop_assert!(!status.is_server_error(), "{} {}", uri, status);
    }
}

/// A real socket: what a cut, a silence and a shutdown look like from outside.
#[tokio::test]
async fn hangs_up_without_a_word_and_closes_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let bank = Bank::open(&dir.path().join("bank.db"), SystemClock::shared()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn({
        let bank = bank.clone();
        async move { bank.serve(listener, async { drop(stopped.await) }).await }
    });
    let send = async |path: &str, body: &str| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bank\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let heard = async |mut stream: TcpStream| {
        let mut answer = Vec::new();
        // A reset is as good an ending as an orderly one.
        let _ended = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let debit = |reference: &str, amount: i64| {
        json!({"reference": reference, "account": "SB-A", "amount": amount, "currency": "EUR"})
            .to_string()
    };

    let fine = heard(send("/v1/debits", &debit("fine", 100)).await).await;
    assert!(fine.starts_with("HTTP/1.1 200 OK"), "{fine}");

    let cut = r#"{"rules":[{"on":"debits","fault":"cut_executed","next":1}]}"#;
    heard(send("/control/faults", cut).await).await;
    assert_eq!(
        heard(send("/v1/debits", &debit("cut", 100)).await).await,
        ""
    );

    // Held: booked, but nothing is said until the bank closes and cuts it.
    let held = send("/v1/debits", &debit("held", 11)).await;
    while bank.movements().await.unwrap().len() < 3 {
        tokio::task::yield_now().await;
    }
    stop.send(()).unwrap();
    server.await.unwrap().unwrap();
    assert_eq!(heard(held).await, "");
    assert!(TcpStream::connect(address).await.is_err());
}
