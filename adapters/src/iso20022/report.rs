//! What a pain.002 or pacs.002 means. Only settled is done, only a listed reason is a refusal.

use domain::rail::{Answer, Found, Inquiry, PortError, Rejection};

use super::reasons::decline_of;
use super::xml::{self, Element};
use super::{amount, reference};
use crate::evidence::{arrived, is_word, shown, unknown};
use crate::transport::{Lost, Reply};

pub(super) fn to_order(about: &Inquiry, sent: Result<Reply, Lost>) -> Result<Answer, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 | 202 => {}
        429 => {
            return Err(PortError::Throttled {
                retry_after: reply.retry_after,
            });
        }
        status => return Err(unknown(format!("status {status}"))),
    }
    match decided(about, &reply)? {
        Found::Executed { bank_reference } => Ok(Answer { bank_reference }),
        Found::Rejected { rejection } => Err(PortError::Rejected(rejection)),
        Found::Contradicts { evidence } => Err(unknown(evidence)),
        Found::Pending | Found::NotFound => {
            Err(unknown("the bank took the message and has not decided yet"))
        }
    }
}

pub(super) fn to_inquiry(about: &Inquiry, sent: Result<Reply, Lost>) -> Result<Found, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 | 202 => decided(about, &reply),
        // Only the bank's own "no such message": a wrong address or a proxy also answers 404.
        404 if xml::read(&reply.body).is_ok_and(|root| root.name == "NoSuchMessage") => {
            Ok(Found::NotFound)
        }
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        status => Err(unknown(format!("status {status}"))),
    }
}

fn decided(about: &Inquiry, reply: &Reply) -> Result<Found, PortError> {
    let root = xml::read(&reply.body).map_err(|refused| unknown(refused.0))?;
    let Some(status) = transaction(&root) else {
        return Err(unknown("a report without exactly one transaction"));
    };
    if status.text_at(&["OrgnlEndToEndId"]) != Some(&reference::of(about.key)) {
        return Err(unknown("the report is about another reference"));
    }
    if let Some(what) = contradiction(about, status) {
        let evidence = format!("the bank has another {what} under our reference");
        return Ok(Found::Contradicts { evidence });
    }
    let reason = status.text_at(&["StsRsnInf", "Rsn", "Cd"]);
    match (status.text_at(&["TxSts"]), reason) {
        (Some("ACSC" | "ACCC"), None) => executed(status),
        (Some("ACSC" | "ACCC"), Some(_)) => Err(unknown("settled and refused in one report")),
        (Some("ACCP" | "ACSP" | "ACTC" | "ACWC" | "PDNG" | "RCVD"), _) => Ok(Found::Pending),
        (Some("RJCT"), Some(code)) => match decline_of(code) {
            Some(decline) => Ok(Found::Rejected {
                rejection: Rejection {
                    decline,
                    network_code: code.to_owned(),
                },
            }),
            None => Err(unknown(format!(
                "refused with {}, which is not on the list",
                shown(code)
            ))),
        },
        (Some("RJCT"), None) => Err(unknown("refused without a code")),
        _ => Err(unknown("a status that is no outcome")),
    }
}

/// The one transaction of a report; each of our messages has one.
fn transaction(root: &Element) -> Option<&Element> {
    let customers = ["CstmrPmtStsRpt", "OrgnlPmtInfAndSts", "TxInfAndSts"];
    let banks = ["FIToFIPmtStsRpt", "TxInfAndSts"];
    let document = Some(root).filter(|root| root.name == "Document")?;
    document.at(&customers).or_else(|| document.at(&banks))
}

/// A report need not repeat the order; what it repeats must be as it was.
fn contradiction(about: &Inquiry, status: &Element) -> Option<&'static str> {
    let original = status.only("OrgnlTxRef")?;
    let sum = original
        .at(&["Amt", "InstdAmt"])
        .or_else(|| original.only("IntrBkSttlmAmt"))?;
    if sum.currency() != about.money.currency().code() {
        return Some("currency");
    }
    let same = amount::read(sum.text.trim(), sum.currency()) == Some(about.money);
    (!same).then_some("amount")
}

fn executed(status: &Element) -> Result<Found, PortError> {
    match status.text_at(&["AcctSvcrRef"]) {
        Some(bank_reference) if is_word(bank_reference, 64) => Ok(Found::Executed {
            bank_reference: bank_reference.to_owned(),
        }),
        _ => Err(unknown("settled, without a usable bank reference")),
    }
}
