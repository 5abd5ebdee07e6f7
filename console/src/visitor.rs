//! Somebody who may look. The only way to a tenant from a page, so no page can forget the gate.

use axum::extract::FromRequestParts;
use domain::{Mode, Tenant};
use http::request::Parts;

use crate::Console;
use crate::answer::Refusal;
use crate::gate::{self, Closed};

/// More partners than this are not put on one page.
const MOST_PARTNERS: u32 = 20;

#[derive(Debug)]
pub(crate) struct Visitor {
    /// The sandbox partners, by name.
    pub(crate) partners: Vec<(Tenant, String)>,
}

impl FromRequestParts<Console> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Console) -> Result<Self, Refusal> {
        gate::judge(console.own, parts).map_err(Refusal::Closed)?;
        let identity = &console.app.identity;
        let live = identity.partners(Mode::Live, 1).await;
        if !live.map_err(|error| Refusal::failed(&error))?.is_empty() {
            return Err(Refusal::Closed(Closed::LiveData));
        }
        let partners = identity
            .partners(Mode::Sandbox, MOST_PARTNERS)
            .await
            .map_err(|error| Refusal::failed(&error))?;
        Ok(Self { partners })
    }
}
