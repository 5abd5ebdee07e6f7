//! Everything that a body, a header or a query must not be: a 4xx with its place, nothing stored.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::Case;
use crate::support::{Answer, House, ask, post};

pub(crate) const CASES: &[Case] = &[
    ("a body that cannot be understood", |house| {
        Box::pin(shapes(house))
    }),
    ("a value that cannot be accepted", |house| {
        Box::pin(values(house))
    }),
    ("a header that cannot be accepted", |house| {
        Box::pin(headers(house))
    }),
    ("a query that cannot be understood", |house| {
        Box::pin(queries(house))
    }),
    ("a body of the wrong kind or size", |house| {
        Box::pin(kinds(house))
    }),
];

async fn nothing_stored(house: &House) {
    for path in ["/v1/transfers", "/v1/events"] {
        assert_eq!(house.get(path).await.json()["data"], json!([]), "{path}");
    }
}

/// What is changed of a good body, and which faults that makes.
async fn refused(house: &House, status: u16, table: Vec<(Value, &str)>) {
    for (number, (change, faults)) in table.into_iter().enumerate() {
        let mut body = house.payout(2_500);
        merge(&mut body, &change);
        let answer = house.post(&format!("bad-{status}-{number}"), &body).await;
        let code = if status == 400 {
            "invalid-request"
        } else {
            "validation-failed"
        };
        assert_eq!(answer.problem(), code, "{change}");
        assert_eq!(answer.faults(), faults, "{change}");
        assert_eq!(answer.json()["outcome"], "not_executed");
    }
    nothing_stored(house).await;
}

/// Puts in what is new; a member that shall be away is named by `"-"`.
fn merge(body: &mut Value, change: &Value) {
    let (Some(body), Some(change)) = (body.as_object_mut(), change.as_object()) else {
        return;
    };
    for (name, new) in change {
        match body.get_mut(name) {
            _ if new == "-" => {
                body.remove(name);
            }
            Some(old) if old.is_object() && new.is_object() => merge(old, new),
            _ => {
                body.insert(name.clone(), new.clone());
            }
        }
    }
}

async fn shapes(house: &House) {
    let table = vec![
        (json!({"amount": "-"}), "/amount: required"),
        (json!({"amount": null}), "/amount: required"),
        (json!({"amount": 2500}), "/amount: not_an_object"),
        (
            json!({"amount": {"amount": "2500"}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"amount": 25.5}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"amount": 2500.0}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"amount": 1e300}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"amount": u64::MAX}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"amount": true}}),
            "/amount/amount: not_an_integer",
        ),
        (
            json!({"amount": {"exponent": 2}}),
            "/amount/exponent: unknown_member",
        ),
        (
            json!({"amount": {"currency": 978}}),
            "/amount/currency: not_a_string",
        ),
        (json!({"source": "ac_1"}), "/source: not_an_object"),
        (json!({"source": {"id": "-"}}), "/source/id: required"),
        (
            json!({"source": {"number": "SB-ALICE-0001"}}),
            "/source/number: unknown_member",
        ),
        (
            json!({"destination": "-", "to": {}}),
            "/destination: required, /to: unknown_member",
        ),
        (json!({"partner_id": "pa_1"}), "/partner_id: unknown_member"),
        (json!({"description": 7}), "/description: not_a_string"),
        (
            json!({"client_reference": ["a"]}),
            "/client_reference: not_a_string",
        ),
        (json!({"metadata": "a=b"}), "/metadata: not_an_object"),
        (
            json!({"metadata": {"a/b": 1, "c": null}}),
            "/metadata/a~1b: not_a_string, /metadata/c: not_a_string",
        ),
        (
            json!({"description": "a\u{0}b"}),
            "/description: nul_character",
        ),
        (
            json!({"metadata": {"a\u{0}": "b"}}),
            "/metadata/a\u{0}: nul_character",
        ),
    ];
    refused(house, 400, table).await;
    let good = house.payout(2_500).to_string();
    let twice = good.replacen('{', r#"{"amount":{"amount":1,"currency":"EUR"},"#, 1);
    let inner = good.replacen(r#""amount":2500"#, r#""amount":1,"amount":2500"#, 1);
    let deep = good.replacen(
        '{',
        &format!(r#"{{"metadata":{}{},"#, "[".repeat(500), "]".repeat(500)),
        1,
    );
    for (body, faults) in [
        (twice, "/amount: duplicate_member"),
        (inner, "/amount/amount: duplicate_member"),
        (deep, ": malformed_json"),
        (String::new(), ": malformed_json"),
        ("null".to_owned(), ": not_an_object"),
        ("[]".to_owned(), ": not_an_object"),
        (format!("{good}{good}"), ": malformed_json"),
        (good.replace("2500", "NaN"), ": malformed_json"),
        (good.replace("2500", "0x9c4"), ": malformed_json"),
        (good.replace("2500", "02500"), ": malformed_json"),
    ] {
        let answer = post(&house.routes, &house.alice.key, "shape", body).await;
        assert_eq!(answer.problem(), "invalid-request");
        assert_eq!(answer.faults(), faults);
    }
    let answer = post(
        &house.routes,
        &house.alice.key,
        "shape",
        b"{\"a\":\"\xff\"}".to_vec(),
    )
    .await;
    assert_eq!(answer.problem(), "invalid-request");
    nothing_stored(house).await;
}

async fn values(house: &House) {
    let own = json!({"type": "wallet", "id": house.alice.wallet});
    let table = vec![
        (
            json!({"amount": {"amount": 0}}),
            "/amount/amount: not_positive",
        ),
        (
            json!({"amount": {"amount": -1}}),
            "/amount/amount: not_positive",
        ),
        (
            json!({"amount": {"amount": i64::MIN}}),
            "/amount/amount: out_of_range",
        ),
        (
            json!({"amount": {"amount": i64::MAX}}),
            "/amount/amount: out_of_range",
        ),
        (
            json!({"amount": {"amount": 9_007_199_254_740_991_i64}}),
            "/amount/amount: too_large",
        ),
        (
            json!({"amount": {"currency": "eur"}}),
            "/amount/currency: unknown_currency",
        ),
        (
            json!({"amount": {"currency": "XXX"}}),
            "/amount/currency: unknown_currency",
        ),
        (
            json!({"amount": {"currency": ""}}),
            "/amount/currency: unknown_currency",
        ),
        (
            json!({"amount": {"currency": "JPY"}}),
            "/destination: currency_differs, /source: currency_differs",
        ),
        (
            json!({"source": {"type": "cheque"}}),
            "/source/type: unknown_type",
        ),
        (json!({"source": {"id": "ac_1"}}), "/source/id: invalid_id"),
        (
            json!({"source": {"id": house.alice.bank}}),
            "/source/id: invalid_id",
        ),
        (
            json!({"source": {"id": "ac_'; DROP TABLE accounts; --"}}),
            "/source/id: invalid_id",
        ),
        (
            json!({"source": {"id": "ac_00000000000000000000000000"}}),
            "/source: unknown",
        ),
        (
            json!({"source": {"id": house.mallory.wallet}}),
            "/source: unknown",
        ),
        (json!({"destination": own}), "/destination: same_account"),
        (json!({"client_reference": ""}), "/client_reference: empty"),
        (
            json!({"client_reference": "r".repeat(129)}),
            "/client_reference: too_long",
        ),
        (
            json!({"description": "d".repeat(501)}),
            "/description: too_long",
        ),
        (
            json!({"description": "a\u{1b}[2Jb"}),
            "/description: control_character",
        ),
        (
            json!({"metadata": {"k": "v".repeat(501)}}),
            "/metadata/k: too_long",
        ),
    ];
    refused(house, 422, table).await;
}

async fn headers(house: &House) {
    let body = house.payout(2_500);
    let send = async |values: &[&str]| -> Answer {
        let mut request = Request::post("/v1/transfers")
            .header("authorization", format!("Bearer {}", house.alice.key))
            .header("content-type", "application/json");
        for value in values {
            request = request.header("idempotency-key", *value);
        }
        ask(
            &house.routes,
            request.body(Body::from(body.to_string())).unwrap(),
        )
        .await
    };
    assert_eq!(send(&[]).await.problem(), "idempotency-key-missing");
    let long = "k".repeat(256);
    for (values, fault) in [
        (&["a", "b"][..], "repeated"),
        (&[""], "empty"),
        (&["\"\""], "empty"),
        (&[long.as_str()], "too_long"),
        (&["\"open"], "not_a_string"),
        (&["a b"], "needs_quotes"),
    ] {
        let answer = send(values).await;
        assert_eq!(answer.problem(), "invalid-request", "{values:?}");
        assert_eq!(
            answer.faults(),
            format!("Idempotency-Key: {fault}"),
            "{values:?}"
        );
    }
    nothing_stored(house).await;
}

async fn queries(house: &House) {
    for (query, faults) in [
        ("limit=0", "limit: not_accepted"),
        ("limit=101", "limit: not_accepted"),
        ("limit=1e1", "limit: not_accepted"),
        ("limit=5&limit=6", "limit: repeated"),
        ("status=done", "status: not_accepted"),
        ("created_from=yesterday", "created_from: not_accepted"),
        (
            "created_before=2026-02-30T00:00:00Z",
            "created_before: not_accepted",
        ),
        ("cursor=../../etc/passwd", "cursor: not_accepted"),
        ("cursor=", "cursor: not_accepted"),
        ("client_reference=a%00b", "client_reference: nul_character"),
        ("client_reference=", "client_reference: not_accepted"),
        ("flagged=maybe", "flagged: not_accepted"),
        ("order=asc", "order: unknown_parameter"),
        (
            "partner_id=pa_1&limit=x",
            "limit: not_accepted, partner_id: unknown_parameter",
        ),
    ] {
        let answer = house.get(&format!("/v1/transfers?{query}")).await;
        assert_eq!(answer.problem(), "invalid-request", "{query}");
        assert_eq!(answer.faults(), faults, "{query}");
    }
    for path in [
        "/v1/events?after=x",
        "/v1/users?cursor=x",
        "/v1/accounts?limit=x",
    ] {
        assert_eq!(house.get(path).await.problem(), "invalid-request", "{path}");
    }
    for path in [
        "/v1/transfers/x",
        "/v1/transfers/%ff",
        "/v1/accounts/tr_1",
        "/v1/transfers//history",
    ] {
        assert_eq!(house.get(path).await.problem(), "not-found", "{path}");
    }
}

async fn kinds(house: &House) {
    let send = async |kind: Option<&str>, encoding: Option<&str>, body: Body| {
        let mut request = Request::post("/v1/transfers")
            .header("authorization", format!("Bearer {}", house.alice.key))
            .header("idempotency-key", "kind");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        ask(&house.routes, request.body(body).unwrap()).await
    };
    let good = || Body::from(house.payout(2_500).to_string());
    for (kind, encoding) in [
        (None, None),
        (Some("text/plain"), None),
        (Some("application/x-www-form-urlencoded"), None),
        (Some("application/json"), Some("gzip")),
    ] {
        let answer = send(kind, encoding, good()).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (415, "unsupported-media-type")
        );
    }
    // Once announced, once in pieces that never say how much is still to come.
    let big = vec![b' '; 64 * 1024 + 1];
    let pieces =
        futures_util::stream::iter((0..65).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_024])));
    for body in [Body::from(big), Body::from_stream(pieces)] {
        let answer = send(Some("application/json"), None, body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (413, "payload-too-large")
        );
    }
    nothing_stored(house).await;
}
