//! The sandbox bank, over its HTTP interface (`docs/sandbox.md`).

mod answer;
mod refusals;
mod wire;

use async_trait::async_trait;
use domain::StepKey;
use domain::rail::{
    Answer, Debits, Found, Inquiries, Instruction, Payouts, PortError, Rail, RailId,
};
use reqwest::Url;

use crate::http::{Http, Limits};
use crate::registry::BuildError;
use wire::{Kind, Order};

pub use refusals::REFUSALS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the bank listens, for example `http://127.0.0.1:8081`.
    pub base_url: String,
    pub limits: Limits,
}

impl Config {
    pub fn at(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            limits: Limits::default(),
        }
    }
}

#[derive(Debug)]
pub struct SandboxBank {
    http: Http,
    base: Url,
}

impl SandboxBank {
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let invalid = BuildError::BaseUrl {
            rail: RailId::SandboxBank,
        };
        match Url::parse(&config.base_url) {
            Ok(base) if is_plain_address(&base) => Ok(Self {
                http: Http::new(config.limits)?,
                base,
            }),
            _ => Err(invalid),
        }
    }

    async fn submit(&self, kind: Kind, instruction: &Instruction) -> Result<Answer, PortError> {
        let order = Order {
            reference: instruction.key.to_string(),
            account: instruction.account.reveal(),
            amount: instruction.money.minor(),
            currency: instruction.money.currency().code(),
        };
        let request = self.http.post(self.url(&["v1", kind.route()])).json(&order);
        let sent = self.http.send(request).await;
        answer::to_order(kind, &order, sent)
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        // An address with a host always has a path; it was checked when the rail was built.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

fn is_plain_address(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
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
    async fn inquire(&self, key: StepKey) -> Result<Found, PortError> {
        let reference = key.to_string();
        let request = self.http.get(self.url(&["v1", "movements", &reference]));
        let sent = self.http.send(request).await;
        answer::to_inquiry(&reference, sent)
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
        assert!(promises.first_inquiry_after < promises.slowest_inquiry);
    }

    #[test]
    fn routes_are_appended_to_whatever_the_address_is() {
        for (base, url) in [
            ("http://bank:1", "http://bank:1/v1/debits"),
            ("http://bank:1/", "http://bank:1/v1/debits"),
            ("https://bank/eu/", "https://bank/eu/v1/debits"),
        ] {
            let bank = SandboxBank::new(Config::at(base)).unwrap();
            assert_eq!(bank.url(&["v1", "debits"]).as_str(), url);
        }
    }
}
