//! The engine alone, for any Temporal SDK or CLI on this machine:
//! `cargo run -p engine --example serve -- ./engine.db 127.0.0.1:7233`. For other machines too,
//! with a certificate, its key and a file of API keys:
//! `… --example serve -- ./engine.db 0.0.0.0:7233 server.pem server.key.pem keys`.

use std::error::Error;

use engine::{ApiKeys, Config, Engine, ServeOptions, Tls};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "engine.db".to_owned());
    let listen = arguments
        .next()
        .unwrap_or_else(|| "127.0.0.1:7233".to_owned());
    let mut options = ServeOptions::default();
    if let (Some(certificate), Some(key)) = (arguments.next(), arguments.next()) {
        options = options.tls(Tls::new(
            &std::fs::read(certificate)?,
            &std::fs::read(key)?,
        )?);
    }
    if let Some(keys) = arguments.next() {
        options = options.keys(ApiKeys::parse(&std::fs::read_to_string(keys)?)?);
    }
    let engine = Engine::open(Config::at(path)).await?;
    let listener = TcpListener::bind(listen).await?;
    options.fit(listener.local_addr()?)?;
    println!("serving on {}", listener.local_addr()?);
    let stop = async {
        // Without a signal handler the process just ends: nothing acknowledged is lost by that.
        let _asked = tokio::signal::ctrl_c().await;
    };
    tokio::select! {
        served = engine.serve_with(options, listener, stop) => served?,
        failed = engine.fatal() => return Err(failed.into()),
    }
    engine.close().await;
    Ok(())
}
