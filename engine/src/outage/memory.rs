//! More open workflows than there is memory for: the idle ones leave, and nobody notices.

use std::sync::Arc;

use ambient::ManualClock;

use super::work::{NAMESPACE, decide, end, history, once, start};
use super::{Attached, Disk, judge};
use crate::Door;
use crate::engine::open_store;
use crate::runs::Shelf;

const MOST: usize = 200_000;

#[tokio::test(flavor = "multi_thread")]
async fn idle_runs_leave_memory_and_come_back_as_they_were() {
    let on = Attached::new(Disk::new(Default::default()));
    let clock = Arc::new(ManualClock::at(judge::noon()));
    let mut host = open_store(on.database(), clock).unwrap();
    host.shelf = Shelf::new(0, MOST);
    let host = Arc::new(host);
    host.create_namespace(NAMESPACE, String::new(), String::new(), 0)
        .await
        .unwrap();
    let door = Door::new(Arc::clone(&host));
    let ids: Vec<String> = (0..300).map(|n| format!("idle-{n}")).collect();
    let stays_small = || {
        // Between two sweeps there may be some more.
        let weight = host.shelf.weight();
        assert!(weight < MOST + MOST / 2, "{weight} bytes");
    };
    for id in &ids {
        start(&door, id, 1_000).await.unwrap();
        stays_small();
    }
    for id in &ids {
        decide(&door, id, once()).await.unwrap();
        stays_small();
    }
    for id in &ids {
        assert_eq!(history(&door, id).await.unwrap().len(), 5);
        stays_small();
    }
    // One that grew without being read back is noticed as well.
    for _ in 0..40 {
        super::work::signal(&door, &ids[0]).await.unwrap();
    }
    stays_small();
    decide(&door, &ids[0], end()).await.unwrap();
}
