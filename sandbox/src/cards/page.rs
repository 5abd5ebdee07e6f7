//! The page on which a payer pays: plain HTML and forms, as a person meets it.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::checkout::{Checkout, Deed, Done};
use super::http::form;
use super::network::CardNetwork;

/// What the payer's browser may do: show the page and send its forms back here.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

const GOOD_CARD: &str = "4242424242424242";
const DECLINED_CARD: &str = "4000000000009995";

pub(super) fn routes() -> Router<CardNetwork> {
    Router::new()
        .route("/pay/{page}", get(show))
        .route("/pay/{page}/{deed}", post(act))
}

async fn show(State(network): State<CardNetwork>, Path(page): Path<String>) -> Response {
    match network.checkout(&page).await {
        Ok(Some((found, open))) => {
            let text = match (open, &found.payment) {
                (true, _) => the_form(&found, None),
                (false, Some(_)) => words(&found, "It is paid. Thank you."),
                (false, None) => words(&found, "This page is closed. Nothing was taken."),
            };
            html(StatusCode::OK, &text)
        }
        Ok(None) => nothing(),
        Err(failure) => broken(&failure),
    }
}

async fn act(
    State(network): State<CardNetwork>,
    Path((page, deed)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let fields: BTreeMap<String, String> = form(&body);
    let number = fields.get("card").map_or(GOOD_CARD, String::as_str);
    let deed = match deed.as_str() {
        "pay" => Deed::Pay {
            card: number.replace(' ', ""),
        },
        "leave" => Deed::Leave,
        "expire" => Deed::LetExpire,
        _ => return nothing(),
    };
    let done = match network.act(&page, deed).await {
        Ok(Some(done)) => done,
        Ok(None) => return nothing(),
        Err(failure) => return broken(&failure),
    };
    match network.checkout(&page).await {
        Ok(Some((found, _))) => match done {
            Done::Paid => html(StatusCode::OK, &words(&found, "It is paid. Thank you.")),
            Done::PaidAlready => {
                let text = words(&found, "It was paid before. Nothing was taken twice.");
                html(StatusCode::OK, &text)
            }
            Done::Declined(reason) => html(StatusCode::OK, &the_form(&found, Some(reason))),
            Done::Closed => {
                let text = words(&found, "This page is closed. Nothing was taken.");
                html(StatusCode::OK, &text)
            }
        },
        Ok(None) => nothing(),
        Err(failure) => broken(&failure),
    }
}

fn the_form(page: &Checkout, declined: Option<&str>) -> String {
    let declined = declined.map_or(String::new(), |reason| {
        format!(
            "<p role=\"alert\">The card was declined: {}.</p>",
            shown(reason)
        )
    });
    // From the last page of deeds as well as from the first: the network may stand below a path.
    let below = if declined.is_empty() {
        page.id.clone()
    } else {
        ".".to_owned()
    };
    let button = |deed: &str, card: &str, label: &str| {
        format!(
            "<form method=\"post\" action=\"{below}/{deed}\">\
             <input type=\"hidden\" name=\"card\" value=\"{card}\">\
             <button>{label}</button></form>",
        )
    };
    let buttons = [
        button("pay", GOOD_CARD, "Pay"),
        button("pay", DECLINED_CARD, "Pay with a card that is declined"),
        button("leave", "", "Leave without paying"),
        button("expire", "", "Let the time pass"),
    ];
    whole(&format!(
        "<h1>Pay {}</h1>{declined}{}",
        amount(page),
        buttons.concat()
    ))
}

fn words(page: &Checkout, sentence: &str) -> String {
    whole(&format!(
        "<h1>{}</h1><p>{sentence}</p><p><a href=\"{}\">Back to the shop</a></p>",
        amount(page),
        shown(&page.back),
    ))
}

fn amount(page: &Checkout) -> String {
    let currency = page.currency.to_ascii_uppercase();
    format!(
        "{} {} (in the smallest unit)",
        page.amount,
        shown(&currency)
    )
}

fn whole(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Sandbox checkout</title>\
         <style>body{{font-family:sans-serif;max-width:30rem;margin:3rem auto;padding:0 1rem}}\
         button{{width:100%;padding:.7rem;margin:.3rem 0}}</style>\
         <p>The sandbox card network. No money is behind it.</p>{body}</html>"
    )
}

/// As text of a page, whatever it is.
fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '&' => "&amp;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

fn html(status: StatusCode, text: &str) -> Response {
    let mut response = (status, text.to_owned()).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn nothing() -> Response {
    html(
        StatusCode::NOT_FOUND,
        &whole("<p>There is no such page.</p>"),
    )
}

fn broken(failure: &dyn std::error::Error) -> Response {
    tracing::error!(%failure, "the sandbox card network could not show a page");
    let text = whole("<p>Something went wrong. Try again.</p>");
    html(StatusCode::INTERNAL_SERVER_ERROR, &text)
}
