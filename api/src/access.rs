//! Who may come in. Every route is declared together with what it needs: a route that says nothing
//! about it does not compile, because the table takes no route without a [`Permission`].

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::handler::Handler;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use domain::{Code, Tenant};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method};
use identity::{AuthError, Caller, Scope};

use crate::problem::Problem;
use crate::state::App;

/// What a caller must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Anybody: it tells nothing of any tenant.
    Public,
    /// A bank, by its own signature, which the route checks. It tells nothing of any tenant.
    Signed,
    Needs(Scope),
}

/// One line of the table of routes.
#[derive(Clone, Debug)]
pub struct Declared {
    pub method: Method,
    pub path: &'static str,
    pub permission: Permission,
}

/// Routes, and what each of them needs.
pub(crate) struct Table {
    app: App,
    pub(crate) router: Router<App>,
    pub(crate) declared: Vec<Declared>,
}

impl Table {
    pub(crate) fn new(app: &App) -> Self {
        Self {
            app: app.clone(),
            router: Router::new(),
            declared: Vec::new(),
        }
    }

    pub(crate) fn get<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::GET, path, permission, get(handler))
    }

    pub(crate) fn post<H, T>(self, path: &'static str, permission: Permission, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.add(Method::POST, path, permission, post(handler))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        permission: Permission,
        route: MethodRouter<App>,
    ) -> Self {
        let route = match permission {
            Permission::Public | Permission::Signed => route,
            Permission::Needs(scope) => {
                route.route_layer(from_fn_with_state((self.app.clone(), scope), authorize))
            }
        };
        self.router = self.router.route(path, route);
        self.declared.push(Declared {
            method,
            path,
            permission,
        });
        self
    }
}

/// The tenant of the key that the request came with; there is no other way to name one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose(pub(crate) Tenant);

impl FromRequestParts<App> for Whose {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        // Only a handler on a public route can miss it, which its first test shows.
        parts
            .extensions
            .get::<Self>()
            .copied()
            .ok_or_else(Problem::internal)
    }
}

async fn authorize(
    State((app, needed)): State<(App, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let presented = bearer(request.headers())?;
    let caller = app
        .identity
        .authenticate(presented)
        .await
        .map_err(refusal)?;
    may(&caller, needed)?;
    request.extensions_mut().insert(Whose(caller.tenant));
    Ok(next.run(request).await)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (all.next(), all.next()) else {
        return Err(unauthenticated());
    };
    let (scheme, key) = only
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or_else(unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(key.trim())
    } else {
        Err(unauthenticated())
    }
}

fn unauthenticated() -> Problem {
    // Deliberately the same for every reason: which keys exist is nobody's business.
    Problem::new(
        Code::Unauthenticated,
        "Send `Authorization: Bearer rk_…` with a key that is neither revoked nor expired.",
    )
}

fn refusal(error: AuthError) -> Problem {
    match error {
        AuthError::Database(error) => crate::failure::storage(&error),
        _ => unauthenticated(),
    }
}

fn may(caller: &Caller, needed: Scope) -> Result<(), Problem> {
    if caller.scopes.contains(needed) {
        return Ok(());
    }
    Err(Problem::new(
        Code::Forbidden,
        format!("The key lacks the scope {}.", needed.name()),
    ))
}
