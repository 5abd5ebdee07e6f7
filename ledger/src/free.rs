//! Entries of any legs, for tests of the rules: templates keep most rules by construction, so no
//! entry of theirs could show what is refused. No room posts one; a test of the house looks.

use domain::rail::RailId;
use domain::{AccountId, Money, Tenant, TransferId};

use crate::{Entry, Leg};

impl Entry {
    #[must_use]
    pub fn free(
        tenant: Tenant,
        key: &str,
        transfer: TransferId,
        money: Money,
        legs: Vec<Leg>,
    ) -> Self {
        let nobody = AccountId::from_bits(0);
        Self {
            key: key.to_owned(),
            transfer: Some(transfer),
            legs,
            ..Self::opening(tenant, "", RailId::SandboxBank, nobody, money)
        }
    }
}
