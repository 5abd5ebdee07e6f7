//! Which rails this process can use: configuration in, ports out.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::rail::{Rail, RailId};

use crate::iso20022::{self, Iso20022};
use crate::sandbox_bank::{self, SandboxBank};
use crate::stripe::{self, Stripe};

/// One row per bank: what must be known to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RailConfig {
    SandboxBank(sandbox_bank::Config),
    /// The sandbox network speaks Stripe's interface.
    SandboxCards(stripe::Config),
    Stripe(stripe::Config),
    Iso20022(iso20022::Config),
}

impl RailConfig {
    pub const fn rail(&self) -> RailId {
        match self {
            Self::SandboxBank(_) => RailId::SandboxBank,
            Self::SandboxCards(_) => RailId::SandboxCards,
            Self::Stripe(_) => RailId::Stripe,
            Self::Iso20022(_) => RailId::Iso20022,
        }
    }

    fn build(self) -> Result<Arc<dyn Rail>, BuildError> {
        match self {
            Self::SandboxBank(config) => Ok(Arc::new(SandboxBank::new(config)?)),
            Self::SandboxCards(config) => Ok(Arc::new(Stripe::new(RailId::SandboxCards, config)?)),
            Self::Stripe(config) => Ok(Arc::new(Stripe::new(RailId::Stripe, config)?)),
            Self::Iso20022(config) => Ok(Arc::new(Iso20022::new(config)?)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(
        "{rail}: the base address must be http:// or https:// with a host, and nothing secret in it"
    )]
    BaseUrl { rail: RailId },
    #[error("{0} is configured twice; keep one of them")]
    Twice(RailId),
    #[error("the HTTP client could not be built; nothing was sent")]
    Client(#[source] reqwest::Error),
}

/// No payment can use this rail until it is configured; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rail {0} is not configured here; nothing was sent")]
pub struct NotConfigured(pub RailId);

/// The configured rails. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rails {
    by_id: Arc<BTreeMap<RailId, Arc<dyn Rail>>>,
}

impl Rails {
    pub fn build(configs: impl IntoIterator<Item = RailConfig>) -> Result<Self, BuildError> {
        let rails: Vec<_> = configs
            .into_iter()
            .map(RailConfig::build)
            .collect::<Result<_, _>>()?;
        Self::of(rails)
    }

    /// From rails that exist already, as a simulation has them.
    pub fn of(rails: impl IntoIterator<Item = Arc<dyn Rail>>) -> Result<Self, BuildError> {
        let mut by_id = BTreeMap::new();
        for rail in rails {
            let id = rail.id();
            if by_id.insert(id, rail).is_some() {
                return Err(BuildError::Twice(id));
            }
        }
        Ok(Self {
            by_id: Arc::new(by_id),
        })
    }

    pub fn get(&self, id: RailId) -> Result<&Arc<dyn Rail>, NotConfigured> {
        self.by_id.get(&id).ok_or(NotConfigured(id))
    }

    pub fn ids(&self) -> impl Iterator<Item = RailId> {
        self.by_id.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sandbox(base_url: &str) -> RailConfig {
        RailConfig::SandboxBank(sandbox_bank::Config::at(base_url))
    }

    #[test]
    fn what_is_configured_is_found_and_nothing_else() {
        let none = Rails::default();
        assert_eq!(
            none.get(RailId::SandboxBank).unwrap_err(),
            NotConfigured(RailId::SandboxBank)
        );
        let one = Rails::build([sandbox("http://127.0.0.1:1")]).unwrap();
        assert_eq!(
            one.get(RailId::SandboxBank).unwrap().id(),
            RailId::SandboxBank
        );
        assert_eq!(one.ids().collect::<Vec<_>>(), [RailId::SandboxBank]);
    }

    #[test]
    fn refuses_what_would_be_ambiguous_or_lead_nowhere() {
        let twice = Rails::build([sandbox("http://a"), sandbox("http://b")]);
        assert!(matches!(twice, Err(BuildError::Twice(RailId::SandboxBank))));
        for base_url in [
            "",
            "127.0.0.1:80",
            "ftp://bank",
            "file:///etc/passwd",
            "http://",
            "http://user:secret@bank",
            "http://bank/?key=1",
        ] {
            let built = Rails::build([sandbox(base_url)]);
            assert!(
                matches!(built, Err(BuildError::BaseUrl { .. })),
                "{base_url}"
            );
        }
    }
}
