//! The little query language of listings: parsed here, rendered by the store.
//!
//! Understood: `= != < <= > >= IN BETWEEN STARTS_WITH IS NULL AND OR NOT ()` over the system
//! attributes below and any custom one, and `GROUP BY ExecutionStatus` for counts. An attribute
//! that is not listed is taken for a custom one; `ORDER BY` is refused by name.

mod lex;
mod parse;

use thiserror::Error;

pub(crate) use parse::{parse, parse_count};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    Everything,
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Is(Field, Compare, Value),
    Null(Field),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    WorkflowId,
    RunId,
    WorkflowType,
    TaskQueue,
    Status,
    StartTime,
    ExecutionTime,
    CloseTime,
    /// Of closed runs, in microseconds.
    Duration,
    HistoryLength,
    HistorySize,
    Custom(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StartsWith,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Number(f64),
    Bool(bool),
}

#[derive(Debug, Error, PartialEq, Eq)]
#[error("invalid query: {0}")]
pub(crate) struct BadQuery(pub(crate) String);
