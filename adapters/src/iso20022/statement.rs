//! What was booked: camt.053 (a statement) and camt.054 (a notification), entry by entry.

use domain::Timestamp;
use domain::rail::{Cursor, Line, LineKind, Page, PortError};

use super::xml::{self, Element};
use super::{amount, reference};
use crate::evidence::{arrived, is_word, unknown};
use crate::transport::{Lost, Reply};

/// The sequence number of the last statement that was read; 0 before the first.
pub(super) fn position(cursor: &Cursor) -> Result<&str, PortError> {
    match &*cursor.0 {
        "" => Ok("0"),
        number if number.len() <= 18 && number.bytes().all(|b| b.is_ascii_digit()) => Ok(number),
        _ => Err(unknown("the cursor is not one that this bank gave")),
    }
}

pub(super) fn page(after: &Cursor, sent: Result<Reply, Lost>) -> Result<Page, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 => {}
        429 => {
            return Err(PortError::Throttled {
                retry_after: reply.retry_after,
            });
        }
        status => return Err(unknown(format!("status {status} for a statement"))),
    }
    let root = xml::read(&reply.body).map_err(|refused| unknown(refused.0))?;
    let statement = [
        ["BkToCstmrStmt", "Stmt"],
        ["BkToCstmrDbtCdtNtfctn", "Ntfctn"],
    ]
    .iter()
    .find_map(|path| root.at(path))
    .ok_or_else(|| unknown("a document that is no statement"))?;
    let number = |text: &str| text.parse::<u64>().ok();
    let next = statement.text_at(&["ElctrncSeqNb"]).and_then(number);
    let lines = statement
        .all("Ntry")
        // What is only announced is not booked, and may never be.
        .filter(|entry| entry.text_at(&["Sts", "Cd"]) == Some("BOOK"))
        .map(line)
        .collect::<Result<Vec<_>, _>>()?;
    // A bank that goes backwards would have its reader walk in circles.
    match (next, number(position(after)?)) {
        (Some(next), Some(before)) if next > before || (next == before && lines.is_empty()) => {
            Ok(Page {
                lines,
                next: Cursor(next.to_string()),
            })
        }
        _ => Err(unknown("the statement's number contradicts its entries")),
    }
}

fn line(entry: &Element) -> Result<Line, PortError> {
    let money = entry
        .only("Amt")
        .and_then(|sum| amount::read(sum.text.trim(), sum.currency()))
        .filter(|money| money.is_positive());
    let bank_reference = entry
        .text_at(&["AcctSvcrRef"])
        .filter(|reference| is_word(reference, 64));
    let direction = entry.text_at(&["CdtDbtInd"]);
    let details = entry.at(&["NtryDtls", "TxDtls"]);
    let in_details = |path: &[&str]| details.and_then(|details| details.text_at(path));
    let returned = entry.text_at(&["RvslInd"]) == Some("true")
        || details.is_some_and(|details| details.only("RtrInf").is_some());
    let kind = match (direction, returned) {
        (Some("CRDT" | "DBIT"), true) => LineKind::Returned,
        (Some("CRDT"), false) => LineKind::In,
        (Some("DBIT"), false) => LineKind::Out,
        _ => return Err(unknown("an entry without a direction")),
    };
    let (Some(money), Some(bank_reference)) = (money, bank_reference) else {
        return Err(unknown("an entry without a usable amount or reference"));
    };
    let reference = in_details(&["Refs", "EndToEndId"]).unwrap_or_default();
    Ok(Line {
        kind,
        key: reference::read(reference),
        reference: reference.to_owned(),
        bank_reference: bank_reference.to_owned(),
        money,
        booked_at: entry
            .text_at(&["BookgDt", "DtTm"])
            .and_then(Timestamp::parse_rfc3339),
        code: in_details(&["RtrInf", "Rsn", "Cd"]).map(str::to_owned),
    })
}
