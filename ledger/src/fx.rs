//! Exchange of currencies: what a rate is, what a quote promises. Pure arithmetic on integers, no
//! float anywhere and nothing rounded against the house: what is paid out and earned as spread is
//! never worth more than what was given.

mod quote;
mod rate;

pub use quote::{Quote, QuoteError};
pub use rate::{Rate, RateError};
