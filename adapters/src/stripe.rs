//! Stripe's interface for cards: a payment is authorised (`capture_method=manual`), captured,
//! voided, refunded. The sandbox card network speaks it too.

mod amount;
mod answer;
mod checkout;
mod find;
mod refusals;
mod request;
mod webhook;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::rail::{
    Answer, CardOrder, CardPayment, Cards, CheckoutOrder, CheckoutPage, CheckoutQuestion,
    Checkouts, Found, Header, NetworkReference, Notice, NoticeError, PortError, Rail, RailId,
    Webhooks,
};
use reqwest::Url;

use crate::http::{Http, Limits};
use crate::registry::BuildError;
use crate::signature::Secret;
use crate::transport::{Transport, base_url};

pub use refusals::REFUSALS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `https://api.stripe.com`, or whoever speaks the same interface.
    pub base_url: String,
    pub limits: Limits,
    /// The secret key, `sk_…`.
    pub api_key: Secret,
    /// What webhooks are signed with, `whsec_…`; none means that none is believed.
    pub webhook_secrets: Vec<Secret>,
    /// Where a payer goes who is done with a checkout's page. Without one no page is opened.
    pub return_url: Option<String>,
}

impl Config {
    pub fn at(base_url: impl Into<String>, api_key: Secret) -> Self {
        Self {
            base_url: base_url.into(),
            limits: Limits::default(),
            api_key,
            webhook_secrets: Vec::new(),
            return_url: None,
        }
    }
}

#[derive(Debug)]
pub struct Stripe {
    rail: RailId,
    transport: Arc<dyn Transport>,
    base: Url,
    api_key: Secret,
    webhook_secrets: Vec<Secret>,
    return_url: Option<String>,
}

impl Stripe {
    /// `rail` is under which promises this is: Stripe's own, or those of the sandbox network.
    pub fn new(rail: RailId, config: Config) -> Result<Self, BuildError> {
        let transport = Arc::new(Http::new(config.limits)?);
        Self::over(transport, rail, config)
    }

    /// Over a transport that exists already, as a simulation has one. Its limits are its own.
    pub fn over(
        transport: Arc<dyn Transport>,
        rail: RailId,
        config: Config,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            rail,
            transport,
            base: base_url(&config.base_url).ok_or(BuildError::BaseUrl { rail })?,
            api_key: config.api_key,
            webhook_secrets: config.webhook_secrets,
            return_url: config.return_url,
        })
    }
}

impl Rail for Stripe {
    fn id(&self) -> RailId {
        self.rail
    }

    fn cards(&self) -> Option<&dyn Cards> {
        Some(self)
    }

    fn checkouts(&self) -> Option<&dyn Checkouts> {
        self.return_url.as_ref().map(|_| self as &dyn Checkouts)
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

#[async_trait]
impl Cards for Stripe {
    async fn submit(&self, order: &CardOrder) -> Result<Answer, PortError> {
        let request = request::order(&self.base, &self.api_key, order)?;
        answer::to_order(order, self.transport.send(request).await)
    }

    async fn find(&self, order: &CardOrder) -> Result<Found, PortError> {
        let request = request::question(&self.base, &self.api_key, order);
        find::found(order, self.transport.send(request).await)
    }

    async fn payment(&self, payment: &NetworkReference) -> Result<CardPayment, PortError> {
        let request = request::payment(&self.base, &self.api_key, payment);
        find::payment(payment, self.transport.send(request).await)
    }
}

#[async_trait]
impl Checkouts for Stripe {
    async fn open(&self, order: &CheckoutOrder) -> Result<CheckoutPage, PortError> {
        // Without an address to come back to nothing is sent.
        let back = self.return_url.as_deref().ok_or(PortError::Unreachable)?;
        let request = checkout::request(&self.base, &self.api_key, order, back)?;
        checkout::to_order(order, self.transport.send(request).await)
    }

    async fn find(&self, about: &CheckoutQuestion) -> Result<Found, PortError> {
        let request = checkout::question(&self.base, &self.api_key, about);
        checkout::found(about, self.transport.send(request).await)
    }

    async fn close(&self, about: &CheckoutQuestion) -> Result<(), PortError> {
        match checkout::closing(&self.base, &self.api_key, about) {
            Some(request) => checkout::closed(self.transport.send(request).await),
            None => Ok(()),
        }
    }
}

impl Webhooks for Stripe {
    fn verify(
        &self,
        headers: &[Header<'_>],
        body: &[u8],
        now: domain::Timestamp,
    ) -> Result<Notice, NoticeError> {
        webhook::verify(&self.webhook_secrets, headers, body, now)
    }
}
