//! What the bank does by its own accord: it sends money back, and tells its client.
#![allow(clippy::unwrap_used)]

mod world;

use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, ManualClock, SharedClock, Timestamp};
use axum::body::Body;
use axum::http::Request;
use sandbox::{Bank, InProcess, NotHeard, WebhookTarget};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use world::{World, open};

const ALICE: &str = "SB-ALICE-0001";

#[tokio::test]
async fn what_ends_in_19_comes_back_once_and_survives_a_restart() {
    let mut world = World::new();
    assert_eq!(world.pay_out("p", ALICE, 1_019).await, "Executed");
    assert_eq!(world.pay_out("p", ALICE, 1_019).await, "Executed");
    assert!(world.returned().await.is_empty());
    world.clock.advance(Duration::from_secs(3));
    world.bank = open(&world.dir, &world.clock);
    let back = world.returned().await;
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].code.as_deref(), Some("MS03"));
    assert_eq!(world.balance(ALICE).await, 100_000_000);
    assert_eq!(world.inquire("p").await, "Executed");
    // A second time there is nothing left to return.
    assert!(!world.bank.give_back("p", "MS03").await.unwrap());
    assert!(!world.bank.give_back("unknown", "MS03").await.unwrap());
    world.audit().await;
}

#[tokio::test]
async fn an_order_is_taken_back_only_before_it_is_decided() {
    let world = World::new();
    assert_eq!(world.debit("d", ALICE, 1_015).await, "Pending");
    let cancel = async |reference: &str| world::tell(&world.bank.cancel(reference).await.unwrap());
    assert_eq!(cancel("d").await, "Rejected CUST");
    assert_eq!(cancel("d").await, "Rejected CUST");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(world.debit("d", ALICE, 1_015).await, "Rejected CUST");
    assert_eq!(cancel("unknown").await, "NotFound");
    assert_eq!(world.debit("done", ALICE, 1_000).await, "Executed");
    assert_eq!(cancel("done").await, "TooLate");
    world.audit().await;
}

#[tokio::test]
async fn webhooks_come_in_order_twice_or_late_and_until_they_are_heard() {
    let world = World::new();
    world.debit("before", ALICE, 1_000).await;
    let (url, secret) = ("http://127.0.0.1:1/hook".into(), "whsec_1".into());
    world
        .bank
        .tell(Some(WebhookTarget { url, secret }))
        .await
        .unwrap();
    // Reads what is due and says that it was heard.
    let heard = async || {
        let mut told = Vec::new();
        for webhook in world.bank.due_webhooks().await.unwrap() {
            let body: serde_json::Value = serde_json::from_str(&webhook.body).unwrap();
            told.push(body["type"].as_str().unwrap()["movement.".len()..].to_owned());
            world.bank.settle_webhook(&webhook, true).await.unwrap();
        }
        told.join(" ")
    };
    assert_eq!(heard().await, "");
    world.debit("plain", ALICE, 1_000).await;
    assert_eq!(heard().await, "received decided");
    world.debit("plain", ALICE, 1_000).await;
    assert_eq!(heard().await, "");
    world.debit("twice", ALICE, 1_068).await;
    assert_eq!(heard().await, "received decided received decided");
    world.debit("order", ALICE, 1_069).await;
    assert_eq!(heard().await, "decided");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(heard().await, "received");
    world.debit("back", ALICE, 1_019).await;
    assert_eq!(heard().await, "received decided");
    world.clock.advance(Duration::from_secs(3));
    assert_eq!(heard().await, "returned");

    world.debit("unheard", ALICE, 1_000).await;
    let [first, _] = &world.bank.due_webhooks().await.unwrap()[..] else {
        panic!("two are due");
    };
    world.bank.settle_webhook(first, false).await.unwrap();
    assert_eq!(heard().await, "decided");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(heard().await, "received");
}

#[tokio::test]
async fn a_webhook_arrives_at_its_address_signed() {
    let world = World::new();
    let client = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/hook", client.local_addr().unwrap());
    let secret = "whsec_1".to_owned();
    world
        .bank
        .tell(Some(WebhookTarget { url, secret }))
        .await
        .unwrap();
    world.debit("d", ALICE, 1_000).await;
    let door = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let bank = world.bank.clone();
    let server = tokio::spawn(async move { bank.serve(door, std::future::pending()).await });
    for what in ["movement.received", "movement.decided"] {
        let (mut stream, _) = client.accept().await.unwrap();
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("executed") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream
            .write_all(b"HTTP/1.1 204 Heard\r\n\r\n")
            .await
            .unwrap();
        let request = String::from_utf8(request).unwrap();
        assert!(request.starts_with("POST /hook HTTP/1.1"), "{request}");
        assert!(
            request.contains("sandbox-signature: t=1800000000,v1="),
            "{request}"
        );
        assert!(request.contains(what), "{request}");
    }
    server.abort();
}

#[tokio::test]
async fn a_bad_day_without_sockets_lasts_as_long_as_the_clock_says() {
    let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
    let shared: SharedClock = Arc::new(clock.clone());
    let bank = Bank::fleeting(shared.clone()).unwrap();
    let door = InProcess::new(bank.router(), shared);
    let patience = Duration::from_secs(10);
    let debit = async |reference: &str, amount: i64| {
        let body = serde_json::to_vec(&world::order(reference, ALICE, amount)).unwrap();
        let request = Request::post("/v1/debits").body(Body::from(body)).unwrap();
        let mut call = std::pin::pin!(door.call(request, patience, 65_536));
        let began = clock.now();
        loop {
            tokio::select! {
                biased;
                heard = &mut call => return (heard.map(|heard| heard.status.as_u16()), clock.now().since(began)),
                () = tokio::task::yield_now() => clock.advance(Duration::from_millis(100)),
            }
        }
    };
    assert_eq!(debit("plain", 1_000).await, (Ok(200), Duration::ZERO));
    let (silent, lasted) = debit("silent", 1_011).await;
    assert_eq!(silent, Err(NotHeard::InTime));
    assert!(lasted >= patience, "{lasted:?}");
    assert_eq!(debit("giant", 1_061).await.0, Err(NotHeard::TooLong));
    assert_eq!(debit("trickle", 1_062).await.0, Err(NotHeard::InTime));
    assert_eq!(bank.movements().await.unwrap().len(), 4);
}
