//! Random input, nothing but nonsense: never a 5xx, always a problem, and nothing stored by
//! accident. Each run has another seed and prints it; `REMIT_SEED` (64 hex digits) repeats one.

use axum::body::Body;
use http::Request;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};

use crate::Case;
use crate::support::{Answer, House, ask};

pub(crate) const CASES: &[Case] = &[
    ("random bodies", |house| Box::pin(bodies(house))),
    ("random addresses, queries and headers", |house| {
        Box::pin(heads(house))
    }),
];

const ROUNDS: u32 = 400;

fn runner() -> TestRunner {
    let seed: [u8; 32] = match std::env::var("REMIT_SEED") {
        Ok(hex) => {
            std::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
        }
        Err(_) => ambient::fill().unwrap(),
    };
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("REMIT_SEED={hex}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn next<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

/// Any JSON, often with what our own bodies hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "(ac|ba|tr)_[0-9a-z]{26}".prop_map(Value::from),
        prop_oneof![Just("EUR"), Just("wallet"), Just("bank_account")].prop_map(Value::from),
    ];
    let name = prop_oneof![
        Just("amount".to_owned()),
        Just("currency".to_owned()),
        Just("type".to_owned()),
        Just("id".to_owned()),
        "\\PC{0,12}",
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((name.clone(), inner), 0..6)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

#[track_caller]
fn is_refused(answer: &Answer, said: &str) {
    assert!(
        (400..500).contains(&answer.status),
        "{}: {said}",
        answer.status
    );
    answer.problem();
}

async fn bodies(house: &House) {
    let mut runner = runner();
    let json = any_json();
    let members = ["amount", "source", "destination", "metadata", "description"];
    for round in 0..ROUNDS {
        let mut body = house.payout(2_500);
        let text = match round % 3 {
            // One member of a good body is nonsense, so that the rest is reached.
            0 => {
                let place = next(&mut runner, &(0..members.len()));
                body[members[place]] = next(&mut runner, &json);
                body.to_string().into_bytes()
            }
            1 => next(&mut runner, &json).to_string().into_bytes(),
            // A good body with some of its bytes changed.
            _ => {
                let mut bytes = body.to_string().into_bytes();
                for (at, byte) in next(&mut runner, &vec((0..bytes.len(), any::<u8>()), 1..4)) {
                    bytes[at] = byte;
                }
                bytes
            }
        };
        let said = String::from_utf8_lossy(&text).into_owned();
        let (key, idempotency) = (&house.alice.key, format!("fuzz-{round}"));
        let answer = crate::support::post(&house.routes, key, &idempotency, text).await;
        // Nonsense may by chance be a description, or another amount; then it is a transfer.
        if answer.status != 202 {
            is_refused(&answer, &said);
        }
    }
    let mut stored = 0;
    let mut path = "/v1/transfers?limit=100".to_owned();
    loop {
        let list = house.get(&path).await.json();
        for transfer in list["data"].as_array().unwrap() {
            assert!(transfer["amount"]["amount"].as_i64().unwrap() > 0);
            assert_eq!(
                transfer["source"],
                json!({"type": "wallet", "id": house.alice.wallet})
            );
            stored += 1;
        }
        match list["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/transfers?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    assert!(stored < ROUNDS / 2, "{stored} of {ROUNDS} were accepted");
}

async fn heads(house: &House) {
    let mut runner = runner();
    let paths = prop_oneof![
        "/[a-zA-Z0-9%._~/-]{0,40}",
        "/v1/(transfers|accounts|users|bank_accounts)/[a-z0-9_%-]{0,40}",
        "/v1/(transfers|events|accounts|users)\\?[a-z_]{0,8}=[a-zA-Z0-9%._~-]{0,40}(&limit=[0-9-]{0,4})?",
        "/v1/transfers\\?(status|created_from|cursor|client_reference|flagged)=[a-zA-Z0-9%:.-]{0,60}",
        "/docs/[a-z0-9%./-]{0,30}",
    ];
    for _ in 0..ROUNDS {
        let path = next(&mut runner, &paths);
        let token = next(
            &mut runner,
            &"(Bearer )?(rk_(sandbox|live)_)?[a-zA-Z0-9_]{0,120}",
        );
        let good = next(&mut runner, &any::<bool>());
        let token = if good {
            format!("Bearer {}", house.alice.key)
        } else {
            token
        };
        // What is no address for the client library never reaches a server through it.
        let Ok(request) = Request::get(&path)
            .header("authorization", token)
            .body(Body::empty())
        else {
            continue;
        };
        let answer = ask(&house.routes, request).await;
        match answer.status {
            200 => {}
            _ => is_refused(&answer, &path),
        }
    }
    for _ in 0..ROUNDS / 4 {
        let key = next(
            &mut runner,
            &vec(prop_oneof![32_u8..127, 128_u8..=255], 0..300),
        );
        let request = Request::post("/v1/transfers")
            .header("authorization", format!("Bearer {}", house.alice.key))
            .header("content-type", "application/json")
            .header("idempotency-key", key.clone());
        let answer = ask(&house.routes, request.body(Body::from("{}")).unwrap()).await;
        is_refused(&answer, &String::from_utf8_lossy(&key));
    }
}
