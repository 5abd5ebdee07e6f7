//! An embedded durable execution engine that speaks Temporal's gRPC API.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![allow(dead_code)]

mod core;
mod limits;
