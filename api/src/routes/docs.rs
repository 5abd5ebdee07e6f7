//! `/docs/…`: the written pages, out of the binary itself, so that the `type` of every problem
//! leads somewhere also without a network.

use std::fmt::Write;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use domain::Code;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use rust_embed::RustEmbed;

use crate::access::{Permission, Table};
use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../docs"]
struct Pages;

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/docs", Permission::Public, index)
        .get("/docs/{*page}", Permission::Public, page)
}

/// GET /docs: the list of pages, then of error codes
async fn index() -> Response {
    let mut text = String::from("# Pages\n\n");
    for name in Pages::iter() {
        if let Some(name) = name.strip_suffix(".md").filter(|name| !name.contains('/')) {
            let _infallible = writeln!(text, "/docs/{name}");
        }
    }
    text.push_str("\n# Error codes\n\n");
    for code in Code::ALL {
        let _infallible = writeln!(
            text,
            "/docs/errors/{:26} {} {}",
            code.slug(),
            code.status(),
            code.title()
        );
    }
    plain(text.into_bytes())
}

/// GET /docs/errors/not-found, GET /docs/api
async fn page(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Ok(Path(name)) = name else {
        return Err(Problem::not_found("page"));
    };
    let name = name.strip_suffix(".md").unwrap_or(&name);
    // In a debug build pages come from the folder: nothing that could climb out of it is looked up.
    let harmless = name
        .bytes()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'/'));
    Pages::get(&format!("{name}.md"))
        .filter(|_| harmless)
        .map(|file| plain(file.data.into_owned()))
        .ok_or_else(|| Problem::not_found("page"))
}

fn plain(text: Vec<u8>) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=300"));
    response
}
