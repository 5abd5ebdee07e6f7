//! What is tried, by subject.

pub(crate) mod accept;
pub(crate) mod access;
pub(crate) mod bad_input;
pub(crate) mod fuzz;
pub(crate) mod guards;
pub(crate) mod health;
pub(crate) mod links;
pub(crate) mod logs;
pub(crate) mod reads;
pub(crate) mod replay;
