//! What stands in front of every route: ids, headers, time, seats, panics, and the server loop.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, SystemClock};
use anyhow::Result;
use api::{App, Limits};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use testkit::{Trial, eventually, trial};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::Case;
use crate::support::{House, ask};

pub(crate) const CASES: &[Case] = &[
    ("every answer has an id of ours and safe headers", |house| {
        Box::pin(every_answer(house))
    }),
    ("a panic is answered without its words", |house| {
        Box::pin(panics(house))
    }),
    ("a request that takes too long is answered", |house| {
        Box::pin(too_long(house))
    }),
];

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial(
            "when every seat is taken the next is told to come back",
            seats,
        ),
        trial(
            "a connection that sends nothing, or drips, is closed",
            slow_heads,
        ),
        trial(
            "the end waits for what is in work, and not for ever",
            the_end,
        ),
        trial("what is no HTTP is answered or closed", nonsense),
    ]
}

async fn every_answer(house: &House) {
    for (path, own) in [
        ("/livez", true),
        ("/v1/users", true),
        ("/nowhere", true),
        ("/docs", true),
    ] {
        let request = Request::get(path)
            .header("request-id", "rq_mine")
            .header("x-request-id", "mine");
        let answer = ask(&house.routes, request.body(Body::empty()).unwrap()).await;
        let id = answer.header("request-id");
        assert_eq!(id.starts_with("rq_") && id.len() == 29, own, "{path}: {id}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'",
            ),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(!answer.header("cache-control").is_empty(), "{path}");
        assert_eq!(answer.header("server"), "");
    }
}

fn with_page(house: &House, page: axum::routing::MethodRouter) -> Router {
    api::app_with(house.app.clone(), Router::new().route("/page", page))
}

async fn look(routes: &Router) -> crate::support::Answer {
    ask(routes, Request::get("/page").body(Body::empty()).unwrap()).await
}

async fn panics(house: &House) {
    async fn page() -> &'static str {
        panic!("the secret word")
    }
    let answer = look(&with_page(house, get(page))).await;
    assert_eq!(answer.problem(), "internal");
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
}

async fn too_long(house: &House) {
    let clock = ManualClock::at(house.app.clock.now());
    let mut app = house.app.clone();
    app.clock = Arc::new(clock.clone());
    let routes = api::app_with(
        app.clone(),
        Router::new().route("/page", get(pending::<()>)),
    );
    let asked = tokio::spawn(async move { look(&routes).await });
    // Moved until it is answered: the request may not have begun when the clock is moved first.
    let answer = eventually(Duration::from_secs(30), async || {
        clock.advance(app.limits.request);
        asked.is_finished().then_some(())
    });
    answer.await.unwrap();
    let answer = asked.await.unwrap();
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (504, "timed-out")
    );
    assert_eq!(answer.json()["outcome"], "unknown");
}

async fn seats() -> Result<()> {
    let limits = Limits {
        requests: 0,
        ..Limits::default()
    };
    let house = House::on_sqlite(limits).await?;
    let answer = house.post("any", &house.payout(1)).await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (503, "overloaded")
    );
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.json()["outcome"], "not_executed");
    assert_eq!(house.get("/livez").await.status, 200);
    assert_eq!(house.get("/docs/errors/overloaded").await.status, 200);
    Ok(())
}

/// A server on a free port, and how to end it.
struct Served {
    address: std::net::SocketAddr,
    end: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn served(app: &App, limits: Limits, page: axum::routing::MethodRouter) -> Result<Served> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let routes = api::app_with(app.clone(), Router::new().route("/page", page));
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(api::serve(
        listener,
        routes,
        limits,
        SystemClock::shared(),
        async {
            let _ended_or_dropped = ended.await;
        },
    ));
    Ok(Served { address, end, task })
}

/// Everything that comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let _reset = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn slow_heads() -> Result<()> {
    let limits = Limits {
        head: Duration::from_millis(500),
        ..Limits::default()
    };
    let house = House::on_sqlite(limits).await?;
    let server = served(&house.app, limits, get(|| async { "page" })).await?;
    let mut silent = TcpStream::connect(server.address).await?;
    let mut dripping = TcpStream::connect(server.address).await?;
    let head = b"GET /page HTTP/1.1\r\nhost: a\r\n";
    dripping.write_all(head).await?;
    let mut idle = TcpStream::connect(server.address).await?;
    idle.write_all(b"GET /page HTTP/1.1\r\nhost: a\r\n\r\n")
        .await?;
    // Each of these ends by itself, because the server closes it.
    rest(&mut silent).await;
    assert!(!rest(&mut dripping).await.contains("200 OK"));
    assert!(rest(&mut idle).await.contains("200 OK"));
    Ok(())
}

async fn the_end() -> Result<()> {
    let patient = Limits {
        drain: Duration::from_secs(60),
        ..Limits::default()
    };
    let house = House::on_sqlite(patient).await?;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let opened = Arc::clone(&gate);
    let page = get(move || {
        let gate = Arc::clone(&gate);
        async move {
            let _seat = gate.acquire().await;
            "answered"
        }
    });
    let request = b"GET /page HTTP/1.1\r\nhost: a\r\n\r\n";
    // In work when the end is called, answered before it comes.
    let server = served(&house.app, patient, page).await?;
    let mut client = TcpStream::connect(server.address).await?;
    client.write_all(request).await?;
    let mut idle = TcpStream::connect(server.address).await?;
    let mut first = [0; 1];
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n")
        .await?;
    idle.read_exact(&mut first).await?;
    server.end.send(()).ok();
    rest(&mut idle).await;
    opened.add_permits(1);
    assert!(rest(&mut client).await.contains("answered"));
    server.task.await?;
    assert!(TcpStream::connect(server.address).await.is_err());
    // Never answered: the end comes all the same.
    let impatient = Limits {
        drain: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = served(&house.app, impatient, get(pending::<()>)).await?;
    let mut client = TcpStream::connect(server.address).await?;
    client.write_all(request).await?;
    server.end.send(()).ok();
    server.task.await?;
    Ok(())
}

async fn nonsense() -> Result<()> {
    let limits = Limits::default();
    let house = House::on_sqlite(limits).await?;
    let server = served(&house.app, limits, get(|| async { "page" })).await?;
    let many = format!("GET /page HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1_000));
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000));
    for sent in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/transfers HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
        many.as_bytes(),
        long.as_bytes(),
    ] {
        let mut stream = TcpStream::connect(server.address).await?;
        // The server may close before it has read everything.
        let _closed = stream.write_all(sent).await;
        let _half = stream.shutdown().await;
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("HTTP/1.1 2") && !answer.contains("HTTP/1.1 5"), "{answer}");
    }
    let mut stream = TcpStream::connect(server.address).await?;
    stream
        .write_all(b"GET /page HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await?;
    assert!(rest(&mut stream).await.ends_with("page"));
    Ok(())
}
