//! Records the history of one workflow, of a case that no scenario makes, for `tests/replay.rs`, from an engine on this machine whose
//! histories are plain:
//!
//! ```text
//! remit --plain-histories
//! cargo run -p workflows --example record -- 127.0.0.1:7233 transfer/tr_… > …/<case>.v1.json
//! ```
//!
//! All scenarios at once are recorded by `tests/stories/histories.rs`, which says how.
#![allow(clippy::unwrap_used)]

use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, Url, WorkflowFetchHistoryOptions,
};
use workflows::Transfer;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap();
    let workflow = arguments.next().unwrap();
    let url = Url::parse(&format!("http://{address}")).unwrap();
    let connection = ConnectionOptions::new(url).identity("record").build();
    let connection = Connection::connect(connection).await.unwrap();
    let client = Client::new(connection, ClientOptions::new("default").build()).unwrap();
    let history = client
        .get_workflow_handle::<Transfer>(workflow)
        .fetch_history(WorkflowFetchHistoryOptions::default());
    let json = history.to_json().await.unwrap();
    println!("{}", String::from_utf8(json).unwrap());
}
