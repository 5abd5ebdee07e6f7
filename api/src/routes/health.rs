//! `/livez`: the process answers. `/readyz`: it could also take a transfer now.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::Code;
use futures_util::future::{BoxFuture, join_all};
use http::StatusCode;
use serde::Serialize;
use std::time::Duration;

use crate::access::{Permission, Table};
use crate::problem::Problem;
use crate::query::{Asked, Parameters};
use crate::state::App;

/// A part that needs longer than this to say that it is there, is not.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn routes(table: Table) -> Table {
    table
        .get("/livez", Permission::Public, live)
        .get("/readyz", Permission::Public, ready)
}

async fn live() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// GET /readyz, with `?verbose` each part by name
async fn ready(State(app): State<App>, asked: Asked) -> Result<Response, Problem> {
    let mut parameters = Parameters::from(asked);
    let verbose = parameters
        .take("verbose", |value| match value {
            "" | "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("Nothing, true or false.".to_owned()),
        })
        .unwrap_or(false);
    parameters.end()?;
    let checks = ask_all(&app).await;
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check.status != "ok")
        .map(|check| check.name)
        .collect();
    if verbose {
        let (code, status) = if failed.is_empty() {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "failed")
        };
        return Ok((code, Json(Readiness { status, checks })).into_response());
    }
    if failed.is_empty() {
        Ok("ok\n".into_response())
    } else {
        Err(Problem::new(
            Code::Overloaded,
            format!("Not ready: {}. See /readyz?verbose.", failed.join(", ")),
        )
        .retry_after(1))
    }
}

async fn ask_all(app: &App) -> Vec<Check> {
    let database: BoxFuture<'_, Result<(), String>> = Box::pin(async {
        app.db
            .fetch_optional("SELECT 1 AS one", Vec::new())
            .await
            .map(drop)
            .map_err(|error| logged("database", &error))
    });
    let engine: BoxFuture<'_, Result<(), String>> = Box::pin(async {
        app.starter
            .ready()
            .await
            .map_err(|error| logged("engine", &error))
    });
    let others = app.probes.iter().map(|probe| (probe.name, (probe.check)()));
    let all = [("database", database), ("engine", engine)]
        .into_iter()
        .chain(others);
    join_all(all.map(|(name, check)| ask(app, name, check))).await
}

async fn ask(app: &App, name: &'static str, check: BoxFuture<'_, Result<(), String>>) -> Check {
    let deadline = app.clock.now().after(PATIENCE);
    let answer = tokio::select! {
        biased;
        answer = check => answer,
        () = app.clock.sleep_until(deadline) => Err("no answer within a second".to_owned()),
    };
    Check {
        name,
        status: if answer.is_ok() { "ok" } else { "failed" },
        detail: answer.err(),
    }
}

/// Anybody may ask for readiness, so the cause itself goes to the log only.
fn logged(name: &str, error: &(dyn std::error::Error + 'static)) -> String {
    tracing::warn!(part = name, error, "not ready");
    "it does not answer; the log says why".to_owned()
}
