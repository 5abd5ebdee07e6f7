//! The same closed loop as `engine-bench`, on Restate: a handler of three journaled steps that do
//! nothing, so many invocations in flight over its ingress.
//!
//! Usage: `restate-peer INGRESS ADMIN COUNT IN_FLIGHT`, for example
//! `restate-peer http://127.0.0.1:8080 http://127.0.0.1:9070 10000 200`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use restate_sdk::prelude::*;
use tokio::task::JoinSet;

struct Transfer;

#[service]
impl Transfer {
    #[handler]
    async fn three(&self, ctx: Context<'_>, amount: u64) -> Result<u64, HandlerError> {
        let mut moved = amount;
        for _ in 0..3 {
            moved = ctx.run(|| async move { Ok(moved) }).name("step").await?;
        }
        Ok(moved)
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [ingress, admin, count, in_flight] = words.as_slice() else {
        anyhow::bail!("usage: restate-peer INGRESS ADMIN COUNT IN_FLIGHT");
    };
    let (count, in_flight): (usize, usize) = (count.parse()?, in_flight.parse()?);
    let port = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await?
        .local_addr()?
        .port();
    let endpoint = Endpoint::builder().bind(Transfer).build();
    let address = format!("127.0.0.1:{port}").parse()?;
    tokio::spawn(HttpServer::new(endpoint).listen_and_serve(address));
    register(admin, port).await?;
    let url: Arc<str> = format!("{ingress}/Transfer/three").into();
    drive(&url, in_flight, in_flight).await?;
    let (mut latencies, took) = drive(&url, count, in_flight).await?;
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(count * percent / 100).min(count - 1)].as_secs_f64() * 1e3;
    println!("workflows: {count} in {:.2} s", took.as_secs_f64());
    println!("rate: {:.0}/s", count as f64 / took.as_secs_f64());
    println!(
        "latency ms: p50 {:.2} p90 {:.2} p99 {:.2} max {:.2}",
        at(50),
        at(90),
        at(99),
        at(100)
    );
    Ok(())
}

async fn register(admin: &str, port: u16) -> anyhow::Result<()> {
    let body = format!(r#"{{"uri":"http://127.0.0.1:{port}","force":true}}"#);
    let answer = reqwest::Client::new()
        .post(format!("{admin}/deployments"))
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "registering: {status} {}",
        answer.text().await?
    );
    Ok(())
}

async fn drive(
    url: &Arc<str>,
    count: usize,
    in_flight: usize,
) -> anyhow::Result<(Vec<Duration>, Duration)> {
    let client = reqwest::Client::builder().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut lanes = JoinSet::new();
    for _ in 0..in_flight.min(count) {
        let (client, url, next) = (client.clone(), Arc::clone(url), Arc::clone(&next));
        lanes.spawn(async move {
            let mut latencies = Vec::new();
            while next.fetch_add(1, Ordering::Relaxed) < count {
                let began = Instant::now();
                one(&client, &url).await?;
                latencies.push(began.elapsed());
            }
            anyhow::Ok(latencies)
        });
    }
    let mut latencies = Vec::with_capacity(count);
    while let Some(lane) = lanes.join_next().await {
        latencies.extend(lane??);
    }
    Ok((latencies, began.elapsed()))
}

async fn one(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .body("7")
        .send()
        .await?;
    let status = answer.status();
    let body = answer.text().await.context("the answer's body")?;
    ensure!(
        status.is_success() && body == "7",
        "answered {status} {body}"
    );
    Ok(())
}
