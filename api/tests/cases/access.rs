//! Who may do what: every declared route, with every kind of key.

use axum::body::Body;
use http::Request;
use identity::Scope;

use crate::Case;
use crate::support::{House, ask};
use api::{Declared, Permission};

pub(crate) const CASES: &[Case] = &[
    ("every route wants what it declares", |house| {
        Box::pin(matrix(house))
    }),
    ("what belongs to another partner does not exist", |house| {
        Box::pin(foreign(house))
    }),
    ("garbage for a key is refused quickly", |house| {
        Box::pin(garbage(house))
    }),
    ("a revoked key opens nothing", |house| {
        Box::pin(revoked(house))
    }),
];

/// The table itself, so that a new route shows up here and is decided about.
async fn matrix(house: &House) {
    let declared = api::declared(&house.app);
    let lines: Vec<String> = declared.iter().map(line).collect();
    expect_test::expect![[r#"
        GET  /v1/accounts                 read
        GET  /v1/accounts/{id}            read
        GET  /v1/bank_accounts            read
        POST /v1/bank_accounts            accounts:write
        GET  /v1/bank_accounts/{id}       read
        POST /v1/batches                  transfers:write
        GET  /v1/batches                  read
        GET  /v1/batches/{id}             read
        GET  /v1/batches/{id}/items       read
        POST /v1/batches/{id}/cancel      transfers:write
        GET  /v1/cards                    read
        POST /v1/cards                    accounts:write
        GET  /v1/cards/{id}               read
        GET  /v1/events                   read
        GET  /v1/merchants                read
        GET  /v1/merchants/{id}           read
        POST /v1/rails/{rail}/notices     a bank's signature
        POST /v1/quotes                   transfers:write
        GET  /v1/quotes/{id}              read
        GET  /v1/rails                    read
        POST /v1/transfers/{id}/refunds   transfers:write
        GET  /v1/transfers/{id}/refunds   read
        GET  /v1/refunds/{id}             read
        GET  /v1/returns/{id}             read
        GET  /v1/chargebacks/{id}         read
        POST /v1/schedules                transfers:write
        GET  /v1/schedules                read
        GET  /v1/schedules/{id}           read
        GET  /v1/schedules/{id}/occurrences read
        POST /v1/schedules/{id}/pause     transfers:write
        POST /v1/schedules/{id}/resume    transfers:write
        POST /v1/schedules/{id}/cancel    transfers:write
        POST /v1/transfers                transfers:write
        GET  /v1/transfers                read
        GET  /v1/transfers/{id}           read
        GET  /v1/transfers/{id}/history   read
        POST /v1/transfers/{id}/cancel    transfers:write
        GET  /v1/users                    read
        GET  /v1/users/{id}               read
        GET  /docs                        anybody
        GET  /docs/{*page}                anybody
        GET  /livez                       anybody
        GET  /readyz                      anybody"#]]
    .assert_eq(&lines.join("\n"));
    let reader = house.key(&[Scope::Read]).await.unwrap();
    let writer = house.key(&[Scope::TransfersWrite]).await.unwrap();
    let nothing = house.key(&[]).await.unwrap();
    for route in &declared {
        for (key, scopes) in [
            (None, &[][..]),
            (Some(&nothing), &[][..]),
            (Some(&reader), &[Scope::Read][..]),
            (Some(&writer), &[Scope::TransfersWrite][..]),
        ] {
            let answer = knock(house, route, key.map(String::as_str)).await;
            let (status, scopes_say) = match route.permission {
                Permission::Public | Permission::Signed => (None, "open"),
                Permission::Needs(_) if key.is_none() => (Some(401), "unauthenticated"),
                Permission::Needs(needed) if scopes.contains(&needed) => (None, "open"),
                Permission::Needs(_) => (Some(403), "forbidden"),
            };
            match status {
                None => assert!(
                    ![401, 403, 405, 500].contains(&answer.0),
                    "{} {scopes:?}: {}",
                    line(route),
                    answer.0
                ),
                Some(_) => assert_eq!(
                    (answer.0, answer.1.as_str()),
                    (status.unwrap_or(0), scopes_say),
                    "{} {scopes:?}",
                    line(route)
                ),
            }
        }
    }
}

fn line(route: &Declared) -> String {
    let permission = match route.permission {
        Permission::Public => "anybody",
        Permission::Signed => "a bank's signature",
        Permission::Needs(scope) => scope.name(),
    };
    format!("{:4} {:28} {permission}", route.method.as_str(), route.path)
}

/// The status, and the code where it is a refusal to let in.
async fn knock(house: &House, route: &Declared, key: Option<&str>) -> (u16, String) {
    let path = route
        .path
        .replace("{id}", &house.alice.wallet.to_string())
        .replace("{*page}", "errors/not-found");
    let mut request = Request::builder().method(&route.method).uri(path);
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let answer = ask(&house.routes, request.body(Body::empty()).unwrap()).await;
    let code = match answer.status {
        401 | 403 => answer.problem(),
        _ => String::new(),
    };
    if answer.status == 401 {
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    (answer.status, code)
}

async fn foreign(house: &House) {
    let body = house.payout(2_500);
    let created = house.post("mine", &body).await;
    assert_eq!(created.status, 202);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let never = "tr_01kz0000000000000000000000";
    let mallory = &house.mallory.key;
    for path in ["/v1/transfers/{}", "/v1/transfers/{}/history"] {
        let own = house.get(&path.replace("{}", &id)).await;
        assert_eq!(own.status, 200);
        let foreign = crate::support::get(&house.routes, mallory, &path.replace("{}", &id)).await;
        let nobody = crate::support::get(&house.routes, mallory, &path.replace("{}", never)).await;
        assert_eq!(foreign.problem(), "not-found");
        assert_eq!(told(&foreign, &id), told(&nobody, never));
    }
    for path in [
        format!("/v1/accounts/{}", house.alice.wallet),
        format!("/v1/bank_accounts/{}", house.alice.bank),
        format!("/v1/users/{}", house.alice.user),
    ] {
        assert_eq!(house.get(&path).await.status, 200, "{path}");
        let foreign = crate::support::get(&house.routes, mallory, &path).await;
        assert_eq!(foreign.problem(), "not-found", "{path}");
    }
    for path in ["/v1/transfers", "/v1/events"] {
        let list = crate::support::get(&house.routes, mallory, path)
            .await
            .json();
        assert_eq!(list["data"], serde_json::json!([]), "{path}");
    }
    // A foreign account in an order is no account at all, and nothing is stored.
    let stolen = crate::support::post(&house.routes, mallory, "stolen", body.to_string()).await;
    assert_eq!(stolen.problem(), "validation-failed");
    assert_eq!(stolen.faults(), "/destination: unknown, /source: unknown");
}

/// Everything that a problem says, but for the two ids that differ by their nature.
fn told(answer: &crate::support::Answer, id: &str) -> String {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    text.replace(answer.header("request-id"), "")
        .replace(id, "")
}

async fn garbage(house: &House) {
    let good = &house.alice.key;
    let mut other_secret = good.clone();
    let last = if other_secret.pop() == Some('0') {
        '1'
    } else {
        '0'
    };
    other_secret.push(last);
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {good}"),
        good.clone(),
        format!("Bearer {other_secret}"),
        format!("Bearer {}", good.replace("sandbox", "live")),
        format!("Bearer {good} {good}"),
        format!("Bearer rk_sandbox_{}", "a".repeat(30_000)),
    ] {
        let request = Request::get("/v1/users").header("authorization", &value);
        let answer = ask(&house.routes, request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.problem(), "unauthenticated", "{}", value.len());
    }
    let twice = Request::get("/v1/users")
        .header("authorization", format!("Bearer {good}"))
        .header("authorization", format!("Bearer {good}"));
    let answer = ask(&house.routes, twice.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.problem(), "unauthenticated");
}

async fn revoked(house: &House) {
    let tenant = &house.alice.tenant;
    let new = identity::NewKey {
        name: "lost".to_owned(),
        scopes: identity::Scopes::all(),
        expires_at: None,
    };
    let key = house.app.identity.create_key(tenant, new).await.unwrap();
    let look = || crate::support::get(&house.routes, &key.text, "/v1/users");
    assert_eq!(look().await.status, 200);
    house.app.identity.revoke_key(tenant, key.id).await.unwrap();
    assert_eq!(look().await.problem(), "unauthenticated");
}
