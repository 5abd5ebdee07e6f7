//! Our orders and questions in Stripe's words. The idempotency key is our own derived key, the same
//! on every attempt.

use domain::Money;
use domain::rail::{CardAsk, CardOrder, NetworkReference, PortError, Rejection};
use reqwest::Url;
use url::form_urlencoded::Serializer;

use super::amount::to_wire;
use super::refusals::NOT_WRITABLE;
use super::wire::KEY;
use crate::signature::Secret;
use crate::transport::{Request, below};

/// What we were written against; Stripe keeps answering in its words.
const VERSION: (&str, &str) = ("stripe-version", "2024-06-20");
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn order(base: &Url, api_key: &Secret, order: &CardOrder) -> Result<Request, PortError> {
    let key = order.key().to_string();
    let metadata = format!("metadata[{KEY}]");
    let (path, fields): (Vec<&str>, Vec<(&str, String)>) = match &order.ask {
        CardAsk::Authorise { card, money } => (
            vec!["payment_intents"],
            vec![
                ("amount", written(*money)?),
                ("currency", money.currency().code().to_ascii_lowercase()),
                ("payment_method", card.reveal().to_owned()),
                ("payment_method_types[]", "card".to_owned()),
                ("capture_method", "manual".to_owned()),
                ("confirm", "true".to_owned()),
                // Nobody is there to confirm: a card that wants that declines instead of waiting.
                ("off_session", "true".to_owned()),
                (&metadata, key.clone()),
            ],
        ),
        CardAsk::Capture { payment, money } => (
            vec!["payment_intents", &payment.0, "capture"],
            vec![("amount_to_capture", written(*money)?)],
        ),
        CardAsk::Void { payment } => (vec!["payment_intents", &payment.0, "cancel"], vec![]),
        CardAsk::Refund { payment, money } => (
            vec!["refunds"],
            vec![
                ("payment_intent", payment.0.clone()),
                ("amount", written(*money)?),
                (&metadata, key.clone()),
            ],
        ),
    };
    let mut form = Serializer::new(String::new());
    for (name, value) in &fields {
        form.append_pair(name, value);
    }
    let url = below(base, &[&["v1"], &path[..]].concat());
    Ok(signed(Request::post(url), api_key)
        .body(FORM, form.finish().into_bytes())
        .header("idempotency-key", key))
}

/// Where to see what became of an order.
pub(super) fn question(base: &Url, api_key: &Secret, order: &CardOrder) -> Request {
    match &order.ask {
        CardAsk::Authorise { .. } => {
            let mut url = below(base, &["v1", "payment_intents", "search"]);
            // Our keys have no quotes in them.
            let query = format!("metadata['{KEY}']:'{}'", order.key());
            url.query_pairs_mut()
                .append_pair("query", &query)
                .append_pair("limit", "10");
            signed(Request::get(url), api_key)
        }
        CardAsk::Capture { payment, .. } | CardAsk::Void { payment } => {
            self::payment(base, api_key, payment)
        }
        CardAsk::Refund { payment, .. } => {
            let mut url = below(base, &["v1", "refunds"]);
            url.query_pairs_mut()
                .append_pair("payment_intent", &payment.0)
                .append_pair("limit", "100");
            signed(Request::get(url), api_key)
        }
    }
}

pub(super) fn payment(base: &Url, api_key: &Secret, payment: &NetworkReference) -> Request {
    let mut url = below(base, &["v1", "payment_intents", &payment.0]);
    url.query_pairs_mut()
        .append_pair("expand[]", "latest_charge");
    signed(Request::get(url), api_key)
}

pub(super) fn signed(request: Request, api_key: &Secret) -> Request {
    request
        .header("authorization", format!("Bearer {}", api_key.reveal()))
        .header(VERSION.0, VERSION.1)
}

pub(super) fn written(money: Money) -> Result<String, PortError> {
    to_wire(money)
        .map(|amount| amount.to_string())
        .ok_or(PortError::Rejected(Rejection {
            decline: domain::transfer::Decline::AmountNotAllowed,
            network_code: NOT_WRITABLE.to_owned(),
        }))
}
