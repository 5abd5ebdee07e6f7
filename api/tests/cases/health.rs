//! Liveness, readiness, the pages that the binary carries, and addresses that nobody knows.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ambient::ManualClock;
use api::Probe;
use axum::body::Body;
use domain::Code;
use http::Request;
use serde_json::json;
use testkit::eventually;

use crate::Case;
use crate::support::{House, ask, get};

pub(crate) const CASES: &[Case] = &[
    ("readiness says which part is missing", |house| {
        Box::pin(ready(house))
    }),
    ("a part that never answers is not ready", |house| {
        Box::pin(hangs(house))
    }),
    ("every error code has its page", |house| {
        Box::pin(pages(house))
    }),
    ("an address or a method that nobody knows", |house| {
        Box::pin(nowhere(house))
    }),
];

async fn ready(house: &House) {
    assert_eq!(house.get("/livez").await.body, b"ok\n");
    assert_eq!(house.get("/readyz").await.body, b"ok\n");
    let verbose = house.get("/readyz?verbose").await.json();
    let ok = |name: &str| json!({"name": name, "status": "ok"});
    assert_eq!(
        verbose,
        json!({"status": "ok", "checks": [ok("database"), ok("engine")]})
    );
    house.starter.refuses.store(true, Ordering::SeqCst);
    let answer = house.get("/readyz?verbose").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"][1]["status"], "failed");
    let short = house.get("/readyz").await;
    assert_eq!(short.problem(), "overloaded");
    assert_eq!(short.header("retry-after"), "1");
    assert_eq!(house.get("/livez").await.status, 200);
}

/// Whoever starts the program names what else it needs; a part that never answers counts as gone.
async fn hangs(house: &House) {
    let clock = ManualClock::at(house.app.clock.now());
    let mut app = house.app.clone();
    app.clock = Arc::new(clock.clone());
    app.limits.request = Duration::from_secs(3_600);
    app.probes = vec![
        Probe::new("bank", || Box::pin(async { Ok(()) })),
        Probe::new("moon", || Box::pin(std::future::pending())),
    ]
    .into();
    let (routes, patience) = (api::app(app), Duration::from_secs(1));
    let key = house.alice.key.clone();
    let asked = tokio::spawn(async move { get(&routes, &key, "/readyz?verbose").await });
    // Moved until it is answered: the question may not have been put when it is moved first.
    let answered = eventually(Duration::from_secs(30), async || {
        clock.advance(patience);
        asked.is_finished().then_some(())
    });
    answered.await.unwrap();
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, 503);
    let checks = &answer.json()["checks"];
    assert_eq!(checks[2], json!({"name": "bank", "status": "ok"}));
    let detail = "no answer within a second";
    assert_eq!(
        checks[3],
        json!({"name": "moon", "status": "failed", "detail": detail})
    );
}

async fn pages(house: &House) {
    for code in Code::ALL {
        let page = house.get(&format!("/docs/errors/{}", code.slug())).await;
        assert_eq!(page.status, 200, "{}", code.slug());
        assert_eq!(page.header("content-type"), "text/plain; charset=utf-8");
    }
    let index = house.get("/docs").await;
    assert!(String::from_utf8_lossy(&index.body).contains("/docs/errors/not-found"));
    assert_eq!(house.get("/docs/api").await.status, 200);
    for path in [
        "/docs/none",
        "/docs/../Cargo",
        "/docs/%2e%2e/%2e%2e/Cargo",
        "/docs/errors/",
        "/docs/%00",
    ] {
        assert_eq!(house.get(path).await.problem(), "not-found", "{path}");
    }
}

async fn nowhere(house: &House) {
    for path in [
        "/v1",
        "/v1/nothing",
        "/V1/transfers",
        "/v1/transfers/",
        "/.env",
    ] {
        assert_eq!(house.get(path).await.problem(), "not-found", "{path}");
    }
    let key = format!("Bearer {}", house.alice.key);
    for (method, path, allow) in [
        ("DELETE", "/v1/transfers", "POST,GET,HEAD"),
        ("PUT", "/v1/users", "GET,HEAD"),
        ("TRACE", "/livez", "GET,HEAD"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", &key);
        let answer = ask(&house.routes, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (405, "method-not-allowed")
        );
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
}
