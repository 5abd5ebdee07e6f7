//! Between a row of `rail_attempts` and an attempt.

use db::{DbError, Row, Value, params};
use domain::StepKey;
use domain::rail::Rejection;

use crate::attempt::{AttemptRow, AttemptState};
use crate::plain;

/// State, bank reference, decline, network code, evidence. Evidence survives what is found later:
/// it says why there was a doubt.
pub(super) fn columns(state: &AttemptState) -> Vec<Value> {
    let name = state.name();
    let none = None::<String>;
    match state {
        AttemptState::Open | AttemptState::NotSent => {
            params![name, none.clone(), none.clone(), none.clone(), none]
        }
        AttemptState::Done { bank_reference } => {
            params![name, bank_reference, none.clone(), none.clone(), none]
        }
        AttemptState::Rejected(why) => {
            params![
                name,
                none.clone(),
                why.decline.name(),
                &why.network_code,
                none
            ]
        }
        AttemptState::Unknown { evidence } => {
            params![name, none.clone(), none.clone(), none, plain(evidence)]
        }
    }
}

pub(super) fn key_of(row: &Row) -> Result<StepKey, DbError> {
    let key = StepKey::read(row.parse("transfer_id")?, &row.text("step_key")?);
    key.map_err(|_| DbError::column("step_key", "a step's key", "something else"))
}

pub(crate) fn read(row: &Row) -> Result<AttemptRow, DbError> {
    let state = match row.text("state")?.as_str() {
        "open" => AttemptState::Open,
        "done" => AttemptState::Done {
            bank_reference: row.text("bank_reference")?,
        },
        "rejected" => AttemptState::Rejected(Rejection {
            decline: row.parse("decline")?,
            network_code: row.text("network_code")?,
        }),
        "not_sent" => AttemptState::NotSent,
        "unknown" => AttemptState::Unknown {
            evidence: row.text("evidence")?,
        },
        _ => {
            return Err(DbError::column(
                "state",
                "an attempt's state",
                "another word",
            ));
        }
    };
    let in_doubt_once = row.opt_text("evidence")?.is_some();
    Ok(AttemptRow {
        key: key_of(row)?,
        number: row.int("attempt")?,
        rail: row.parse("rail")?,
        may_have_left: in_doubt_once || state != AttemptState::NotSent,
        state,
        opened_at: row.timestamp("opened_at")?,
        closed_at: row.opt_timestamp("closed_at")?,
    })
}
