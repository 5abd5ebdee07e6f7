//! What no log line may hold: keys, and what people wrote.
//!
//! One listener hears everything that all cases of this process log, down to `debug`.

use std::io::{self, Write};
use std::sync::Mutex;

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::Case;
use crate::support::{House, ask};

pub(crate) const CASES: &[Case] = &[("no secret is in any log line", |house| {
    Box::pin(silent(house))
})];

/// Every API key begins like this.
const KEY: &str = "rk_sandbox_";
const WRITTEN: &str = "canary-in-the-coal-mine";

static HEARD: Mutex<Heard> = Mutex::new(Heard {
    lines: String::new(),
    dropped: false,
});

struct Heard {
    lines: String,
    dropped: bool,
}

/// More than all cases log. Should it be too little one day, the case says so.
const MOST: usize = 64 << 20;

pub(crate) fn listen() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(|| Ear)
        .init();
}

struct Ear;

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut heard = HEARD.lock().unwrap();
        if heard.lines.len() + bytes.len() > MOST {
            heard.dropped = true;
        } else {
            heard.lines.push_str(&String::from_utf8_lossy(bytes));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn silent(house: &House) {
    let mut body = house.payout(2_500);
    body["description"] = json!(WRITTEN);
    body["client_reference"] = json!(WRITTEN);
    body["metadata"] = json!({"note": WRITTEN});
    let accepted = house.post(WRITTEN, &body).await;
    assert_eq!(accepted.status, 202);
    body["amount"]["amount"] = json!("25.00");
    assert_eq!(house.post(WRITTEN, &body).await.status, 400);
    house
        .get(&format!("/v1/transfers?client_reference={WRITTEN}"))
        .await;
    let wrong = Request::get("/v1/users").header("authorization", format!("Bearer {KEY}{WRITTEN}"));
    assert_eq!(
        ask(&house.routes, wrong.body(Body::empty()).unwrap())
            .await
            .status,
        401
    );

    let heard = HEARD.lock().unwrap();
    assert!(!heard.dropped, "the listener heard more than it can keep");
    // It does hear the requests: their ids, methods and paths.
    assert!(heard.lines.contains(accepted.header("request-id")));
    for secret in [KEY, WRITTEN] {
        let line = heard.lines.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
