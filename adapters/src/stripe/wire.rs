//! Stripe's JSON, as much of it as is read.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) amount: i64,
    /// Not said by every server that speaks the interface.
    pub(super) amount_received: Option<i64>,
    pub(super) currency: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) last_payment_error: Option<Error>,
    #[serde(default)]
    pub(super) latest_charge: Option<LatestCharge>,
}

/// An id, or the whole when it was asked for.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum LatestCharge {
    Whole(Charge),
    Other(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct Charge {
    pub(super) amount_refunded: i64,
    pub(super) disputed: bool,
}

#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) payment_intent: Option<String>,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

/// A checkout's page.
#[derive(Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) object: String,
    pub(super) amount_total: Option<i64>,
    pub(super) currency: Option<String>,
    pub(super) status: Option<String>,
    pub(super) payment_status: Option<String>,
    pub(super) payment_intent: Option<String>,
    pub(super) url: Option<String>,
    /// Said by the sandbox network only: the payer went away.
    #[serde(default)]
    pub(super) abandoned: bool,
    #[serde(default)]
    pub(super) metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct Listed<T> {
    pub(super) data: Vec<T>,
    #[serde(default)]
    pub(super) has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) error: Error,
}

#[derive(Deserialize)]
pub(super) struct Error {
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
    pub(super) payment_intent: Option<Box<Intent>>,
}

/// Under which of a payment's metadata our reference stands.
pub(super) const KEY: &str = "remit_key";
