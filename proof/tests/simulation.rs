//! The small form of the simulation; the large one is `cargo run --release -p proof -- simulate`.

use anyhow::{Result, ensure};
use proof::simulation::{self, Settings};

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_transfers_end_right_whatever_the_banks_do() -> Result<()> {
    let report = simulation::run(Settings::of(1, 500)).await?;
    println!("{report}");
    ensure!(report.is_right(), "{report}");
    ensure!(report.mishaps > 100, "too little went wrong: {report}");
    Ok(())
}
