//! A bank that takes ISO 20022 messages: pain.001 or pacs.008 for payouts, pain.008 for debits;
//! pain.002 and pacs.002 tell what became of them, camt.053 and camt.054 what was booked.
//!
//! A message is derived from the step alone: repeated, it is the same to the byte.

mod amount;
mod payment;
mod reasons;
mod reference;
mod report;
mod statement;
mod xml;

use std::sync::Arc;

use async_trait::async_trait;
use domain::rail::{
    Answer, Cursor, Debits, Found, Inquiries, Inquiry, Instruction, Page, Payouts, PortError, Rail,
    RailId, Statements,
};
use reqwest::{Method, Url};

use crate::http::{Http, Limits};
use crate::registry::BuildError;
use crate::transport::{Request, Transport, base_url, below};
use payment::Kind;

pub use reasons::REFUSALS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The bank's door: messages are put below it, reports and statements are read from there.
    pub base_url: String,
    pub limits: Limits,
    /// Our own name and account there, as every message carries them.
    pub our_name: String,
    pub our_account: String,
    /// Our creditor identifier, for direct debits.
    pub our_creditor_id: String,
    pub payouts: PayoutMessage,
}

/// In which message a payout leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutMessage {
    /// From a customer to its bank, answered by pain.002.
    Pain001,
    /// From one institution to another, answered by pacs.002.
    Pacs008,
}

#[derive(Debug)]
pub struct Iso20022 {
    transport: Arc<dyn Transport>,
    base: Url,
    config: Config,
}

const XML: &str = "application/xml";

impl Iso20022 {
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let transport = Arc::new(Http::new(config.limits)?);
        Self::over(transport, config)
    }

    /// Over a transport that exists already, as a simulation has one. Its limits are its own.
    pub fn over(transport: Arc<dyn Transport>, config: Config) -> Result<Self, BuildError> {
        let rail = RailId::Iso20022;
        let base = base_url(&config.base_url).ok_or(BuildError::BaseUrl { rail })?;
        Ok(Self {
            transport,
            base,
            config,
        })
    }

    async fn submit(&self, kind: Kind, it: &Instruction) -> Result<Answer, PortError> {
        let message = payment::message(kind, &self.config, it)?;
        let mut request = Request::post(self.message_url(it.key)).body(XML, message.into_bytes());
        request.method = Method::PUT;
        report::to_order(&about(it), self.transport.send(request).await)
    }

    fn message_url(&self, key: domain::StepKey) -> Url {
        below(&self.base, &["messages", &reference::of(key)])
    }
}

fn about(it: &Instruction) -> Inquiry {
    Inquiry {
        key: it.key,
        money: it.money,
    }
}

impl Rail for Iso20022 {
    fn id(&self) -> RailId {
        RailId::Iso20022
    }

    fn debits(&self) -> Option<&dyn Debits> {
        Some(self)
    }

    fn payouts(&self) -> Option<&dyn Payouts> {
        Some(self)
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        Some(self)
    }

    fn statements(&self) -> Option<&dyn Statements> {
        Some(self)
    }
}

#[async_trait]
impl Debits for Iso20022 {
    async fn debit(&self, instruction: &Instruction) -> Result<Answer, PortError> {
        self.submit(Kind::Debit, instruction).await
    }
}

#[async_trait]
impl Payouts for Iso20022 {
    async fn pay_out(&self, instruction: &Instruction) -> Result<Answer, PortError> {
        let kind = match self.config.payouts {
            PayoutMessage::Pain001 => Kind::Payout,
            PayoutMessage::Pacs008 => Kind::InstantPayout,
        };
        self.submit(kind, instruction).await
    }
}

#[async_trait]
impl Inquiries for Iso20022 {
    async fn inquire(&self, about: &Inquiry) -> Result<Found, PortError> {
        let request = Request::get(self.message_url(about.key));
        report::to_inquiry(about, self.transport.send(request).await)
    }
}

#[async_trait]
impl Statements for Iso20022 {
    async fn lines(&self, after: &Cursor) -> Result<Page, PortError> {
        let mut url = below(&self.base, &["statement"]);
        url.query_pairs_mut()
            .append_pair("after", statement::position(after)?);
        statement::page(after, self.transport.send(Request::get(url)).await)
    }
}
