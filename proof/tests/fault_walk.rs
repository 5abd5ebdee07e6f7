//! Every step of every scenario with every fault, and the worker killed everywhere.

use anyhow::{Result, ensure};
use proof::walk;

#[tokio::test(flavor = "multi_thread")]
async fn every_step_meets_every_fault() -> Result<()> {
    let walked = walk::faults().await?;
    println!("{walked}");
    ensure!(walked.is_right(), "{walked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_dies_before_during_and_after_everything_it_does() -> Result<()> {
    let walked = walk::killed().await?;
    println!("{walked}");
    ensure!(walked.is_right(), "{walked}");
    ensure!(walked.outlived * 4 < walked.cases, "too few died: {walked}");
    Ok(())
}
