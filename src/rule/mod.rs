//! `remit rule …`: how much may be moved, and from which amount on somebody looks first.
//!
//! It speaks to the database alone, beside the programs that use it. What is set holds for what
//! begins from then on; every change keeps who made it and why.

mod desk;
mod orders;

pub(crate) use orders::Ruling;

use orders::Order;

use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) async fn run(ruling: Ruling, settings: &Settings) -> Result<(), Failure> {
    let tenant = ruling.tenant();
    match ruling.order {
        Order::List => desk::list(&tenant, ruling.json, settings).await,
        Order::Log(asked) => desk::log(&tenant, asked.limit, ruling.json, settings).await,
        Order::Set(set) => {
            let amount = Some(set.amount);
            desk::change(&tenant, set.about, amount, ruling.json, settings).await
        }
        Order::Lift(about) => desk::change(&tenant, about, None, ruling.json, settings).await,
    }
}
