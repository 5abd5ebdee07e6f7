//! The sandbox bank, over its HTTP interface (`docs/sandbox.md`).

mod answer;
mod refusals;
mod statement;
mod webhook;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::StepKey;
use domain::rail::{
    Answer, Canceled, Cancellations, Cursor, Debits, Found, Header, Inquiries, Inquiry,
    Instruction, Notice, NoticeError, Page, Payouts, PortError, Rail, RailId, Statements, Webhooks,
};
use reqwest::Url;

use crate::http::{Http, Limits};
use crate::registry::BuildError;
use crate::signature::Secret;
use crate::transport::{Request, Transport, base_url, below};
use wire::{Kind, Order};

pub use refusals::REFUSALS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the bank listens, for example `http://127.0.0.1:8081`.
    pub base_url: String,
    pub limits: Limits,
    /// What its webhooks are signed with; none means that none is believed.
    pub webhook_secrets: Vec<Secret>,
}

impl Config {
    pub fn at(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            limits: Limits::default(),
            webhook_secrets: Vec::new(),
        }
    }
}

#[derive(Debug)]
pub struct SandboxBank {
    transport: Arc<dyn Transport>,
    base: Url,
    webhook_secrets: Vec<Secret>,
}

impl SandboxBank {
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let transport = Arc::new(Http::new(config.limits)?);
        Self::over(transport, config)
    }

    /// Over a transport that exists already, as a simulation has one. Its limits are its own.
    pub fn over(transport: Arc<dyn Transport>, config: Config) -> Result<Self, BuildError> {
        let rail = RailId::SandboxBank;
        Ok(Self {
            transport,
            base: base_url(&config.base_url).ok_or(BuildError::BaseUrl { rail })?,
            webhook_secrets: config.webhook_secrets,
        })
    }

    async fn submit(&self, kind: Kind, instruction: &Instruction) -> Result<Answer, PortError> {
        let order = Order {
            reference: instruction.key.to_string(),
            account: instruction.account.reveal(),
            amount: instruction.money.minor(),
            currency: instruction.money.currency().code(),
        };
        let request = Request::post(below(&self.base, &["v1", kind.route()])).json(&order);
        answer::to_order(kind, &order, self.transport.send(request).await)
    }
}

impl Rail for SandboxBank {
    fn id(&self) -> RailId {
        RailId::SandboxBank
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

    fn cancellations(&self) -> Option<&dyn Cancellations> {
        Some(self)
    }

    fn statements(&self) -> Option<&dyn Statements> {
        Some(self)
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

#[async_trait]
impl Debits for SandboxBank {
    async fn debit(&self, instruction: &Instruction) -> Result<Answer, PortError> {
        self.submit(Kind::Debit, instruction).await
    }
}

#[async_trait]
impl Payouts for SandboxBank {
    async fn pay_out(&self, instruction: &Instruction) -> Result<Answer, PortError> {
        self.submit(Kind::Payout, instruction).await
    }
}

#[async_trait]
impl Inquiries for SandboxBank {
    async fn inquire(&self, about: &Inquiry) -> Result<Found, PortError> {
        let url = below(&self.base, &["v1", "movements", &about.key.to_string()]);
        let sent = self.transport.send(Request::get(url)).await;
        answer::to_inquiry(about, kind_of(about.key), sent)
    }
}

#[async_trait]
impl Cancellations for SandboxBank {
    async fn cancel(&self, about: &Inquiry) -> Result<Canceled, PortError> {
        let reference = about.key.to_string();
        let url = below(&self.base, &["v1", "movements", &reference, "cancel"]);
        let sent = self.transport.send(Request::post(url)).await;
        answer::to_cancellation(about, kind_of(about.key), sent)
    }
}

#[async_trait]
impl Statements for SandboxBank {
    async fn lines(&self, after: &Cursor) -> Result<Page, PortError> {
        let request = statement::request(&self.base, after)?;
        statement::page(after, self.transport.send(request).await)
    }
}

impl Webhooks for SandboxBank {
    fn verify(
        &self,
        headers: &[Header<'_>],
        body: &[u8],
        now: domain::Timestamp,
    ) -> Result<Notice, NoticeError> {
        webhook::verify(&self.webhook_secrets, headers, body, now)
    }
}

/// Which way the money of a step goes, seen from the customer's account.
fn kind_of(key: StepKey) -> Kind {
    match (key.step, key.undo) {
        (domain::Step::Collect | domain::Step::Fund, false) => Kind::Debit,
        _ => Kind::Payout,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_found_proves_nothing_while_an_order_may_be_under_way() {
        let limits = Limits::default();
        let promises = RailId::SandboxBank.promises();
        assert!(promises.not_found_is_proof_after >= limits.connect + limits.total);
    }
}
