//! Quotes: exactly this much for exactly that much, for a while. Made at the rate that operators set
//! for the pair; used by one transfer.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{Currency, Money, QuoteId};
use http::StatusCode;
use http::header::LOCATION;
use identity::Scope;
use ledger::{OpenQuoteError, Quote, QuoteError};
use serde::Serialize;
use transfers::Rates;

use super::links;
use crate::access::{Permission, Table, Whose};
use crate::body::Document;
use crate::failure;
use crate::fields::{Faults, Field, Fields};
use crate::path::Id;
use crate::problem::{Fault, Problem};
use crate::state::App;

/// Long enough to be shown to a person and agreed to.
const GOOD_FOR: Duration = Duration::from_secs(120);

pub(super) fn routes(table: Table) -> Table {
    table
        .post("/v1/quotes", Permission::Needs(Scope::TransfersWrite), make)
        .get("/v1/quotes/{id}", Permission::Needs(Scope::Read), get)
}

#[derive(Serialize)]
struct QuoteView {
    id: QuoteId,
    object: &'static str,
    livemode: bool,
    sells: Money,
    buys: Money,
    /// What is kept of the exchange, in the bought currency.
    spread: Money,
    /// One unit of the sold currency in the bought one, before the spread. A decimal text.
    rate: String,
    created_at: String,
    expires_at: String,
    taken_by: Option<String>,
}

impl QuoteView {
    fn of(whose: Whose, quote: &Quote) -> Self {
        Self {
            id: quote.id(),
            object: "quote",
            livemode: whose.0.mode.is_live(),
            sells: quote.sold(),
            buys: quote.bought(),
            spread: quote.spread(),
            rate: quote.rate().mid().to_string(),
            created_at: quote.made_at().to_string(),
            expires_at: quote.expires_at().to_string(),
            taken_by: quote.taken_by().map(|transfer| transfer.to_string()),
        }
    }
}

/// GET /v1/quotes/{id}
async fn get(
    State(app): State<App>,
    whose: Whose,
    Id(id): Id<QuoteId>,
) -> Result<Json<QuoteView>, Problem> {
    let quote = ledger::quote(&app.db, whose.0, id)
        .await
        .map_err(|error| failure::storage(&error))?;
    quote
        .map(|quote| Json(QuoteView::of(whose, &quote)))
        .ok_or_else(|| Problem::not_found("quote"))
}

/// One side is a sum, the other a currency.
enum Wanted {
    Selling(Money, Currency),
    Buying(Currency, Money),
}

/// POST /v1/quotes
async fn make(
    State(app): State<App>,
    whose: Whose,
    Document(body): Document,
) -> Result<(StatusCode, [(http::HeaderName, String); 1], Json<QuoteView>), Problem> {
    let root = Field {
        node: &body,
        pointer: "",
    };
    let mut faults = Faults::default();
    let wanted = read(root, &mut faults);
    let wanted = faults.judge(wanted)?;
    let (sold, bought) = match &wanted {
        Wanted::Selling(money, bought) => (money.currency(), *bought),
        Wanted::Buying(sold, money) => (*sold, money.currency()),
    };
    let now = app.clock.now();
    let rate = Rates::new(app.db.clone())
        .now(&whose.0, sold, bought, now)
        .await
        .map_err(|error| failure::storage(&error))?;
    let rate = rate.filter(|_| sold != bought).ok_or_else(|| {
        let detail = format!("There is no rate for {sold} into {bought} at the moment.");
        Problem::unacceptable(vec![Fault::at("/buys", "no_rate", detail)])
    })?;
    let id = app.mint.next().map_err(|_| Problem::internal())?;
    let id = QuoteId::from_bits(id);
    let quote = match wanted {
        Wanted::Selling(money, bought) => Quote::selling(id, money, bought, rate, now, GOOD_FOR),
        Wanted::Buying(sold, money) => Quote::buying(id, sold, money, rate, now, GOOD_FOR),
    };
    let quote = quote.map_err(|error| refused(&error))?;
    let (tenant, kept) = (whose.0, quote.clone());
    let opened: Result<(), db::WriteError<OpenQuoteError>> = app
        .db
        .write(move |tx: &mut db::Tx| {
            let kept = kept.clone();
            Box::pin(async move { ledger::open_quote(tx, tenant, &kept).await })
        })
        .await;
    opened.map_err(|error| not_kept(&error))?;
    let location = [(LOCATION, format!("/v1/quotes/{id}"))];
    let view = Json(QuoteView::of(whose, &quote));
    Ok((StatusCode::CREATED, location, view))
}

/// `{"sells": {"amount": …, "currency": …}, "buys": "USD"}`, or the other way round.
fn read(root: Field<'_>, faults: &mut Faults) -> Option<Wanted> {
    let fields = Fields::of(root, &["sells", "buys"], faults)?;
    let sells = fields.required("sells", faults, side)?;
    let buys = fields.required("buys", faults, side)?;
    match (sells, buys) {
        (Side::Sum(money), Side::Only(currency)) => Some(Wanted::Selling(money, currency)),
        (Side::Only(currency), Side::Sum(money)) => Some(Wanted::Buying(currency, money)),
        _ => {
            let detail = "One of `sells` and `buys` is an amount, the other a currency.";
            faults.value("/buys", "one_amount", detail);
            None
        }
    }
}

enum Side {
    Sum(Money),
    Only(Currency),
}

fn side(field: Field<'_>, faults: &mut Faults) -> Option<Side> {
    match field.node {
        crate::json::Node::Text(_) => links::currency(field, faults).map(Side::Only),
        _ => field.money(faults).map(Side::Sum),
    }
}

fn refused(error: &QuoteError) -> Problem {
    let (pointer, code) = match error {
        QuoteError::SameCurrency(_) => ("/buys", "same_currency"),
        QuoteError::AmountNotPositive => ("/sells", "not_positive"),
        QuoteError::TooSmall(_) => ("/sells", "too_small"),
        QuoteError::OutOfRange => ("/sells", "out_of_range"),
    };
    Problem::unacceptable(vec![Fault::at(pointer, code, format!("Refused: {error}."))])
}

fn not_kept(error: &db::WriteError<OpenQuoteError>) -> Problem {
    match error {
        db::WriteError::Refused(OpenQuoteError::Db(error)) | db::WriteError::Unknown(error) => {
            failure::storage(error)
        }
        db::WriteError::Overloaded | db::WriteError::Closed => {
            failure::storage(&db::DbError::Unavailable(None))
        }
        db::WriteError::Refused(OpenQuoteError::AnotherBefore(_)) => Problem::internal(),
    }
}
