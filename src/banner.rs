//! What the program says once it is ready: where everything is, and what to try next.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

use crate::demo::Demo;

/// Where everything is. What does not run in this process has no line.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) api: Option<SocketAddr>,
    pub(crate) engine: Option<String>,
    pub(crate) bank: Option<String>,
    pub(crate) database: String,
}

pub(crate) fn text(places: &Places, data_dir: &Path, demo: Option<&Demo>) -> String {
    let mut text = format!("remit {}\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, place: &str| {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "  {name:<9} {place}");
    };
    if let Some(api) = places.api {
        line("API", &format!("http://{api}/v1"));
        line("console", &format!("http://{api}/"));
    }
    if let Some(engine) = &places.engine {
        line("engine", engine);
    }
    if let Some(bank) = &places.bank {
        line("bank", &format!("{bank}  (the sandbox bank)"));
    }
    let database = match places.database.as_str() {
        "" => String::new(),
        database => format!("  ({database})"),
    };
    line("data", &format!("{}{database}", data_dir.display()));
    if let Some(demo) = demo {
        text.push_str(&next_steps(data_dir, demo));
    }
    text
}

fn next_steps(data_dir: &Path, demo: &Demo) -> String {
    let env = data_dir.join("sandbox.env");
    format!(
        "\nSend 25.00 EUR from Alice's bank account to Bob's:\n\n  \
         . '{env}'\n  \
         curl -sS \"$REMIT_URL/v1/transfers\" \\\n    \
         -H \"Authorization: Bearer $REMIT_API_KEY\" \\\n    \
         -H 'Idempotency-Key: hello-1' -H 'Content-Type: application/json' \\\n    \
         -d '{{\"amount\": {{\"amount\": 2500, \"currency\": \"EUR\"}},\n         \
         \"source\": {{\"type\": \"bank_account\", \"id\": \"{from}\"}},\n         \
         \"destination\": {{\"type\": \"bank_account\", \"id\": \"{to}\"}}}}'\n\n\
         Read it again under the address in its \"url\", or in the console. Ctrl-C ends the \
         program;\nnothing that was accepted is lost, not even by kill -9.\n",
        env = env.display().to_string().replace('\'', r"'\''"),
        from = demo.source,
        to = demo.destination,
    )
}
