//! The bank's ISO 20022 door: the same books and the same bad days, spoken in messages.
//!
//! `PUT /iso20022/messages/{id}` takes a pain.001, pain.008 or pacs.008 with one transaction and
//! answers with its report; `GET` of the same asks for the report again; `GET
//! /iso20022/statement?after=` is a camt.053.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use crate::answer::{cut, hold, padded, trickled, with_type};
use crate::bank::{Bank, BankError};
use crate::delivery::Delivery;
use crate::magic;
use crate::movement::{Kind, Movement, State as Movements};
use crate::order::Order;

const LARGEST_BODY: usize = 64 * 1_024;
const LINES_A_STATEMENT: i64 = 100;
/// Deeper is no message of this interface.
const DEEPEST: usize = 24;

pub(crate) fn router(bank: Bank) -> Router {
    Router::new()
        .route("/iso20022/messages/{id}", put(take).get(report_again))
        .route("/iso20022/statement", get(statement))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(bank)
}

/// What a message asks for.
struct Message {
    kind: Kind,
    /// Between institutions: it is answered by pacs.002.
    instant: bool,
    order: Order,
}

async fn take(State(bank): State<Bank>, Path(id): Path<String>, body: Bytes) -> Response {
    let Some(message) = understand(&body).filter(|message| message.order.reference == id) else {
        return problem(StatusCode::BAD_REQUEST, "NotUnderstood");
    };
    let delivery = match message.kind {
        Kind::Debit => bank.debit(message.order).await,
        Kind::Payout => bank.pay_out(message.order).await,
    };
    deliver(&bank, delivery, message.instant).await
}

async fn report_again(State(bank): State<Bank>, Path(id): Path<String>) -> Response {
    let delivery = bank.inquire(&id).await.map_err(BankError::from);
    deliver(&bank, delivery, false).await
}

async fn deliver(bank: &Bank, delivery: Result<Delivery, BankError>, instant: bool) -> Response {
    let clock = bank.clock();
    match delivery {
        Ok(Delivery::Answer(movement)) => xml(report(&movement, instant)),
        Ok(Delivery::SlowAnswer(movement)) => {
            hold(clock, magic::SLOW_ANSWER).await;
            xml(report(&movement, instant))
        }
        Ok(Delivery::Giant(movement)) => xml(padded(report(&movement, instant), magic::GIANT)),
        Ok(Delivery::Trickle(movement)) => xml(trickled(clock.clone(), report(&movement, instant))),
        Ok(Delivery::Twice(movement)) => xml(report(&movement, instant).repeat(2)),
        Ok(Delivery::Silence) => {
            hold(clock, magic::LONGEST_HOLD).await;
            cut()
        }
        Ok(Delivery::Cut) => cut(),
        Ok(Delivery::Garbage) => xml("<Document><Cstm".as_bytes().to_vec()),
        Ok(Delivery::ServerError) => problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal"),
        Ok(Delivery::ReferenceReused | Delivery::TooLate) => {
            problem(StatusCode::CONFLICT, "ReferenceReused")
        }
        Ok(Delivery::NotFound) => problem(StatusCode::NOT_FOUND, "NoSuchMessage"),
        Ok(Delivery::Outage) => problem(StatusCode::SERVICE_UNAVAILABLE, "OutOfOrder"),
        Ok(Delivery::Throttled) => {
            let mut response = problem(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests");
            let seconds = HeaderValue::from(magic::RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            response
        }
        Err(BankError::Malformed(_)) => problem(StatusCode::BAD_REQUEST, "NotUnderstood"),
        Err(failure) => {
            tracing::error!(%failure, "the sandbox bank could not answer");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal")
        }
    }
}

async fn statement(
    State(bank): State<Bank>,
    Query(query): Query<BTreeMap<String, i64>>,
) -> Response {
    let after = query.get("after").copied().unwrap_or(0);
    if bank.is_out_of_order() {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "OutOfOrder");
    }
    let Ok(lines) = bank.statement(after, LINES_A_STATEMENT).await else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "Internal");
    };
    let next = lines.last().and_then(|line| line.position).unwrap_or(after);
    let entries: String = lines
        .iter()
        .filter(|line| line.state != Movements::Rejected)
        .map(entry)
        .collect();
    let inside = format!(
        "<BkToCstmrStmt><GrpHdr><MsgId>st{next}</MsgId></GrpHdr><Stmt><Id>st{next}</Id>\
         <ElctrncSeqNb>{next}</ElctrncSeqNb>{entries}</Stmt></BkToCstmrStmt>"
    );
    xml(document("camt.053.001.08", &inside))
}

fn entry(line: &Movement) -> String {
    let returned = line.state == Movements::Returned;
    let towards_client = (line.kind == Kind::Debit) != returned;
    let direction = if towards_client { "CRDT" } else { "DBIT" };
    let reversed = if returned {
        "<RvslInd>true</RvslInd>"
    } else {
        ""
    };
    let back = match (&line.code, returned) {
        (Some(code), true) => format!("<RtrInf><Rsn><Cd>{}</Cd></Rsn></RtrInf>", escape(code)),
        _ => String::new(),
    };
    let at = line.decided_at.unwrap_or(line.received_at);
    format!(
        "<Ntry><Amt Ccy=\"{}\">{}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{reversed}\
         <Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>{at}</DtTm></BookgDt>\
         <AcctSvcrRef>{}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs>\
         {back}</TxDtls></NtryDtls></Ntry>",
        line.currency,
        major(line.amount, &line.currency),
        line.bank_reference,
        line.reference,
    )
}

/// pain.002, or pacs.002 between institutions.
fn report(movement: &Movement, instant: bool) -> Vec<u8> {
    let status = match movement.state {
        Movements::Executed | Movements::Returned => "ACSC",
        Movements::Rejected => "RJCT",
        Movements::Pending => "PDNG",
    };
    let reason = match &movement.code {
        Some(code) => format!(
            "<StsRsnInf><Rsn><Cd>{}</Cd></Rsn></StsRsnInf>",
            escape(code)
        ),
        None => String::new(),
    };
    let (reference, currency) = (&movement.reference, &movement.currency);
    let sum = major(movement.amount, currency);
    let sum = match instant {
        true => format!("<IntrBkSttlmAmt Ccy=\"{currency}\">{sum}</IntrBkSttlmAmt>"),
        false => format!("<Amt><InstdAmt Ccy=\"{currency}\">{sum}</InstdAmt></Amt>"),
    };
    let transaction = format!(
        "<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>\
         {reason}<AcctSvcrRef>{}</AcctSvcrRef><OrgnlTxRef>{sum}</OrgnlTxRef></TxInfAndSts>",
        movement.bank_reference,
    );
    let header = format!("<GrpHdr><MsgId>re{reference}</MsgId></GrpHdr>");
    match instant {
        true => document(
            "pacs.002.001.10",
            &format!("<FIToFIPmtStsRpt>{header}{transaction}</FIToFIPmtStsRpt>"),
        ),
        false => document(
            "pain.002.001.10",
            &format!(
                "<CstmrPmtStsRpt>{header}<OrgnlGrpInfAndSts><OrgnlMsgId>{reference}</OrgnlMsgId>\
                 </OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>{reference}</OrgnlPmtInfId>\
                 {transaction}</OrgnlPmtInfAndSts></CstmrPmtStsRpt>"
            ),
        ),
    }
}

fn document(schema: &str, inside: &str) -> Vec<u8> {
    format!("<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:{schema}\">{inside}</Document>")
        .into_bytes()
}

fn xml(body: impl Into<axum::body::Body>) -> Response {
    with_type("application/xml", body)
}

fn problem(status: StatusCode, name: &str) -> Response {
    (status, xml(format!("<{name}/>"))).into_response()
}

/// How many decimal places the sandbox's currencies have.
fn places(currency: &str) -> usize {
    match currency {
        "JPY" => 0,
        "BHD" => 3,
        _ => 2,
    }
}

fn major(amount: i64, currency: &str) -> String {
    let places = places(currency);
    let digits = format!("{amount:0width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if part.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{part}")
    }
}

fn minor(text: &str, currency: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let places = places(currency);
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if part.len() > places || !plain(whole) || !plain(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

fn understand(body: &[u8]) -> Option<Message> {
    let texts = texts(std::str::from_utf8(body).ok()?)?;
    let (root, kind, instant) = [
        ("CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf", Kind::Payout, false),
        ("CstmrDrctDbtInitn/PmtInf/DrctDbtTxInf", Kind::Debit, false),
        ("FIToFICstmrCdtTrf/CdtTrfTxInf", Kind::Payout, true),
    ]
    .into_iter()
    .find(|(root, ..)| texts.contains_key(&format!("Document/{root}/PmtId/EndToEndId")))?;
    let text = |path: &str| texts.get(&format!("Document/{root}/{path}"));
    let (sum, account) = match (kind, instant) {
        (Kind::Payout, false) => ("Amt/InstdAmt", "CdtrAcct"),
        (Kind::Payout, true) => ("IntrBkSttlmAmt", "CdtrAcct"),
        (Kind::Debit, _) => ("InstdAmt", "DbtrAcct"),
    };
    let currency = text(&format!("{sum}@Ccy"))?.clone();
    let number =
        text(&format!("{account}/Id/Othr/Id")).or_else(|| text(&format!("{account}/Id/IBAN")))?;
    Some(Message {
        kind,
        instant,
        order: Order {
            reference: text("PmtId/EndToEndId")?.clone(),
            account: number.clone(),
            amount: minor(text(sum)?, &currency)?,
            currency,
        },
    })
}

/// Every text by its path; `None` for what is no message, or says one thing twice.
fn texts(document: &str) -> Option<BTreeMap<String, String>> {
    let mut reader = Reader::from_str(document);
    let mut path: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut found = BTreeMap::new();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if path.len() >= DEEPEST {
                    return None;
                }
                text.clear();
                path.push(start.local_name().as_ref().to_owned());
                if let Some(currency) = start.try_get_attribute("Ccy").ok()? {
                    found.insert(
                        format!("{}@Ccy", path.join("/")),
                        currency.value.into_owned(),
                    );
                }
            }
            Event::End(_) => {
                let whole = std::mem::take(&mut text);
                if !whole.trim().is_empty() && found.insert(path.join("/"), whole).is_some() {
                    return None;
                }
                path.pop()?;
            }
            Event::Text(more) => text.push_str(&more.xml10_content()),
            // Only names have letters that must be written so, and names are not read here.
            Event::GeneralRef(_) => text.push('?'),
            Event::Decl(_) | Event::Empty(_) | Event::Comment(_) => {}
            Event::Eof => return path.is_empty().then_some(found),
            Event::DocType(_) | Event::PI(_) | Event::CData(_) => return None,
        }
    }
}
