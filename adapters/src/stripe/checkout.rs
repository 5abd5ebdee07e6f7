//! Checkouts: Stripe's hosted pages (`/v1/checkout/sessions`). Our reference stands on the page and
//! on the payment that is made there, so that either is found by it.

use domain::Money;
use domain::rail::{CheckoutOrder, CheckoutPage, CheckoutQuestion, Found, PortError, Rejection};
use domain::transfer::Decline;
use reqwest::Url;
use url::form_urlencoded::Serializer;

use super::amount::from_wire;
use super::answer::{failure, read, rejection};
use super::find::{contradicts, success};
use super::request::{FORM, signed, written};
use super::wire::{Intent, KEY, Listed, Session};
use crate::evidence::{arrived, is_word, shown, unknown};
use crate::signature::Secret;
use crate::transport::{Lost, Reply, Request, below};

/// Longer than any address that a provider gives.
const LONGEST_LINK: usize = 2_000;

/// Why nobody paid; the network's words for it.
const EXPIRED: &str = "expired";
const ABANDONED: &str = "abandoned";

pub(super) fn request(
    base: &Url,
    api_key: &Secret,
    order: &CheckoutOrder,
    back: &str,
) -> Result<Request, PortError> {
    let key = order.key.to_string();
    let currency = order.money.currency().code().to_ascii_lowercase();
    let mut form = Serializer::new(String::new());
    for (name, value) in [
        ("mode", "payment"),
        ("payment_method_types[0]", "card"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", &currency),
        (
            "line_items[0][price_data][unit_amount]",
            &written(order.money)?,
        ),
        ("line_items[0][price_data][product_data][name]", "Transfer"),
        ("expires_at", &order.until.split().0.to_string()),
        ("success_url", back),
        ("cancel_url", back),
        (&format!("metadata[{KEY}]"), &key),
        (&format!("payment_intent_data[metadata][{KEY}]"), &key),
    ] {
        form.append_pair(name, value);
    }
    let url = below(base, &["v1", "checkout", "sessions"]);
    Ok(signed(Request::post(url), api_key)
        .body(FORM, form.finish().into_bytes())
        .header("idempotency-key", format!("{key}:checkout")))
}

pub(super) fn to_order(
    order: &CheckoutOrder,
    sent: Result<Reply, Lost>,
) -> Result<CheckoutPage, PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 => page(order, read(&reply)?),
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        status => Err(match failure(&reply) {
            Some(error) if status == 400 => match rejection(&error) {
                Ok(rejection) => PortError::Rejected(rejection),
                Err(evidence) => unknown(evidence),
            },
            Some(error) => unknown(format!(
                "status {status}, {}",
                shown(error.code.as_deref().unwrap_or_default())
            )),
            None => unknown(format!("status {status} without an error code")),
        }),
    }
}

fn page(order: &CheckoutOrder, session: Session) -> Result<CheckoutPage, PortError> {
    if let Some(what) = other(&order.key.to_string(), order.money, &session) {
        return Err(unknown(format!("the answer is about another {what}")));
    }
    let link = session.url.filter(|link| leads_somewhere(link));
    let link = link.ok_or_else(|| unknown("a page without an address"))?;
    Ok(CheckoutPage {
        reference: session.id,
        link,
    })
}

/// A payer is sent there, so it must be an address and nothing else.
fn leads_somewhere(link: &str) -> bool {
    let plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some_and(|host| !host.is_empty())
            && url.username().is_empty()
            && url.password().is_none()
    };
    // Stripe's addresses carry a fragment.
    link.len() <= LONGEST_LINK && Url::parse(link).as_ref().is_ok_and(plain)
}

/// The first thing in which a page is not the one of the order.
fn other(key: &str, money: Money, session: &Session) -> Option<&'static str> {
    let currency = session.currency.as_deref().unwrap_or_default();
    let amount = session.amount_total.unwrap_or_default();
    [
        (
            "kind of thing",
            session.object == "checkout.session" && is_word(&session.id, 128),
        ),
        (
            "reference",
            session.metadata.get(KEY).is_some_and(|known| known == key),
        ),
        (
            "currency",
            currency.eq_ignore_ascii_case(money.currency().code()),
        ),
        ("amount", from_wire(amount, currency) == Some(money)),
    ]
    .into_iter()
    .find_map(|(what, agrees)| (!agrees).then_some(what))
}

/// By the page where it is known, or else by what was paid under our reference.
pub(super) fn question(base: &Url, api_key: &Secret, about: &CheckoutQuestion) -> Request {
    let url = match &about.page {
        Some(page) => below(base, &["v1", "checkout", "sessions", page]),
        None => {
            let mut url = below(base, &["v1", "payment_intents", "search"]);
            let query = format!("metadata['{KEY}']:'{}'", about.key);
            url.query_pairs_mut()
                .append_pair("query", &query)
                .append_pair("limit", "10");
            url
        }
    };
    signed(Request::get(url), api_key)
}

pub(super) fn found(
    about: &CheckoutQuestion,
    sent: Result<Reply, Lost>,
) -> Result<Found, PortError> {
    let reply = success(sent)?;
    match about.page {
        Some(_) => of_page(about, read(&reply)?),
        None => of_payments(about, &read(&reply)?),
    }
}

fn of_page(about: &CheckoutQuestion, session: Session) -> Result<Found, PortError> {
    match other(&about.key.to_string(), about.money, &session) {
        Some(what @ ("reference" | "kind of thing")) => {
            return Err(unknown(format!("the answer is about another {what}")));
        }
        Some(what) => return Ok(contradicts(&format!("another {what} on our page"))),
        None => {}
    }
    let paid = session.payment_status.as_deref() == Some("paid");
    match session.status.as_deref() {
        Some("complete") if paid => match session.payment_intent {
            Some(payment) if is_word(&payment, 64) => Ok(Found::Executed {
                bank_reference: payment,
            }),
            _ => Err(unknown("a page that was paid without a payment")),
        },
        Some("open" | "complete") => Ok(Found::Pending),
        Some("expired") => Ok(Found::Rejected {
            rejection: unpaid(session.abandoned),
        }),
        other => Err(unknown(format!(
            "a page in a state of {}",
            shown(other.unwrap_or_default())
        ))),
    }
}

fn unpaid(abandoned: bool) -> Rejection {
    let network_code = if abandoned { ABANDONED } else { EXPIRED };
    Rejection {
        decline: Decline::NotPaidInTime,
        network_code: network_code.to_owned(),
    }
}

fn of_payments(about: &CheckoutQuestion, listed: &Listed<Intent>) -> Result<Found, PortError> {
    let key = about.key.to_string();
    let paid = |intent: &&Intent| intent.status == "succeeded";
    if listed
        .data
        .iter()
        .any(|intent| intent.metadata.get(KEY) != Some(&key))
    {
        return Err(unknown("the answer is about another reference"));
    }
    let mut all = listed.data.iter().filter(paid);
    match (all.next(), all.next()) {
        (Some(_), Some(_)) => Ok(contradicts("more than one payment under our reference")),
        (Some(intent), None) => {
            let same = from_wire(intent.amount, &intent.currency) == Some(about.money);
            if !same || !is_word(&intent.id, 64) {
                return Ok(contradicts("another amount under our reference"));
            }
            Ok(Found::Executed {
                bank_reference: intent.id.clone(),
            })
        }
        // A payment that is being made, or was declined and may be made again.
        (None, _) if listed.has_more || !listed.data.is_empty() => Ok(Found::Pending),
        (None, _) => Ok(Found::NotFound),
    }
}

pub(super) fn closing(base: &Url, api_key: &Secret, about: &CheckoutQuestion) -> Option<Request> {
    let page = about.page.as_ref()?;
    let url = below(base, &["v1", "checkout", "sessions", page, "expire"]);
    Some(signed(Request::post(url), api_key).body(FORM, Vec::new()))
}

/// A page that is closed already, or paid, cannot be closed: whoever asks next is told which.
pub(super) fn closed(sent: Result<Reply, Lost>) -> Result<(), PortError> {
    let reply = arrived(sent)?;
    match reply.status {
        200 | 400 => Ok(()),
        429 => Err(PortError::Throttled {
            retry_after: reply.retry_after,
        }),
        status => Err(unknown(format!("status {status} to the closing of a page"))),
    }
}
