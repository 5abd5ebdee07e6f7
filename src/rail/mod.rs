//! `remit rail …`: how the rails are, and the operators' hand on them.
//!
//! It speaks to the database alone, beside the programs that use it: what is said here is read by
//! all of them within a second, whether or not this machine can reach them.

mod desk;
mod heard;
mod orders;

pub(crate) use orders::Rail;

use orders::Order;

use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) async fn run(rail: Rail, settings: &Settings) -> Result<(), Failure> {
    let json = rail.json;
    match rail.order {
        Order::List => desk::list(json, settings).await,
        Order::Log(asked) => desk::log(&asked, json, settings).await,
        Order::Messages(asked) => heard::messages(&asked, json, settings).await,
        Order::Pause(said) => desk::pause(&said, json, settings).await,
        Order::Resume(said) => desk::resume(&said, json, settings).await,
        Order::Limit(said) => desk::limit(&said, json, settings).await,
    }
}
