//! Storage for the business rooms: one SQL text, two databases, one group-commit writer.
//!
//! Here live connections, the dialect, the migrations' runner and the writer. No business query
//! ever does: each feature owns its SQL and hands it in as text with numbered parameters (`$1`).
//!
//! Reads go to a small pool of connections that cannot write. Every change goes through
//! [`Db::write`]: it waits in a bounded queue, runs in the writer's own task beside whatever else
//! was waiting, and is answered only after the commit that carries it is on disk.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod area;
mod bulk;
mod checkpoint;
mod connection;
mod counting;
mod database;
mod dialect;
mod error;
mod job;
pub mod migrate;
mod readers;
mod row;
mod tx;
mod url;
mod value;
mod writer;

pub use area::{Area, Statement, Step, Whose};
pub use bulk::{Cell, Form, Kind, Rows};
pub use database::{Db, Options};
pub use dialect::Dialect;
pub use error::{DbError, OpenError, Violation, WriteError};
pub use futures_util::future::BoxFuture;
pub use job::{Declared, Direct};
pub use row::Row;
pub use tx::Tx;
pub use url::{DatabaseUrl, InvalidUrl};
pub use value::Value;
