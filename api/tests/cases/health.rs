//! Liveness, readiness, the pages that the binary carries, and addresses that nobody knows.

use axum::body::Body;
use domain::Code;
use http::Request;
use serde_json::json;

use crate::Case;
use crate::support::{House, ask};

pub(crate) const CASES: &[Case] = &[
    ("readiness says which part is missing", |house| {
        Box::pin(ready(house))
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
    *house.starter.refuses.lock().unwrap() = true;
    let answer = house.get("/readyz?verbose").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["checks"][1]["status"], "failed");
    let short = house.get("/readyz").await;
    assert_eq!(short.problem(), "overloaded");
    assert_eq!(short.header("retry-after"), "1");
    assert_eq!(house.get("/livez").await.status, 200);
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
