//! What a bank did must have been heard from the bank: before a happening is believed, the record
//! of the attempts has to say the same. The engine carries answers; it is no source of them.

use domain::rail::Rejection;
use domain::transfer::{Endpoint, Happening, Order};
use domain::{Step, StepKey, Tenant, TransferId};

use crate::attempt::AttemptState;
use crate::error::StoreError;
use crate::{Transfers, attempts};

/// What the attempts of a step must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim<'a> {
    /// The bank did it, under this reference of its own.
    Done(StepKey, &'a str),
    /// The bank did not do it, and nothing is under way.
    NotDone(StepKey),
    /// Our own books did it: there is nothing to look up.
    Ours,
    /// A bank where there is none, or none where there is one.
    Nonsense,
}

impl Transfers {
    /// Whether all that these say of banks is what banks said. An attempt that is done stays done,
    /// so this may be asked before the happenings are recorded.
    pub async fn proven(
        &self,
        tenant: &Tenant,
        id: TransferId,
        happenings: &[Happening],
    ) -> Result<bool, StoreError> {
        let Some(order) = self.order(tenant, id).await? else {
            return Ok(false);
        };
        for happening in happenings {
            let holds = match claim(&order, happening) {
                Claim::Ours => true,
                Claim::Nonsense => false,
                claim @ (Claim::Done(key, _) | Claim::NotDone(key)) => {
                    let known = attempts::known(&self.db, tenant, key).await?;
                    agrees(claim, known.as_ref())
                }
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn claim<'a>(order: &Order, happening: &'a Happening) -> Claim<'a> {
    let (collect, pay_out) = (
        StepKey::of(order.transfer, Step::Collect),
        StepKey::of(order.transfer, Step::PayOut),
    );
    let give_back = StepKey::undo(order.transfer, Step::Collect);
    let done = |end: Endpoint, key, reference: &'a Option<String>| match (end.rail(), reference) {
        (Some(_), Some(reference)) => Claim::Done(key, reference),
        (None, None) => Claim::Ours,
        _ => Claim::Nonsense,
    };
    let not_done = |end: Endpoint, key| match end.rail() {
        Some(_) => Claim::NotDone(key),
        None => Claim::Ours,
    };
    match happening {
        Happening::Funded { bank_reference } => done(order.source, collect, bank_reference),
        Happening::Completed { bank_reference } => done(order.destination, pay_out, bank_reference),
        Happening::Refunded { bank_reference } => done(order.source, give_back, bank_reference),
        Happening::Declined { .. } => not_done(order.source, collect),
        Happening::PayoutRefused { .. } => not_done(order.destination, pay_out),
        Happening::Collecting
        | Happening::PayingOut
        | Happening::Canceled
        | Happening::Raised { .. }
        | Happening::Lowered { .. } => Claim::Ours,
    }
}

fn agrees(claim: Claim<'_>, known: Option<&AttemptState>) -> bool {
    match (claim, known) {
        (Claim::Done(_, said), Some(AttemptState::Done { bank_reference })) => {
            said == bank_reference
        }
        (Claim::NotDone(_), None | Some(AttemptState::Rejected(Rejection { .. }))) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;
    use domain::transfer::Decline;
    use domain::{AccountId, BankAccountId, Currency, Mode, Money, PartnerId};

    use super::*;

    const BANK: Endpoint = Endpoint::BankAccount {
        account: BankAccountId::from_bits(2),
        rail: RailId::SandboxBank,
    };
    const WALLET: Endpoint = Endpoint::Wallet {
        account: AccountId::from_bits(1),
    };

    fn order(source: Endpoint, destination: Endpoint) -> Order {
        Order {
            tenant: Tenant {
                partner: PartnerId::from_bits(1),
                mode: Mode::Sandbox,
            },
            transfer: TransferId::from_bits(7),
            money: Money::from_minor(100, Currency::EUR).unwrap(),
            source,
            destination,
        }
    }

    #[test]
    fn a_wallet_needs_no_bank_and_a_bank_no_wallet() {
        let funded = |reference: Option<&str>| Happening::Funded {
            bank_reference: reference.map(str::to_owned),
        };
        assert_eq!(claim(&order(WALLET, BANK), &funded(None)), Claim::Ours);
        for (source, reference) in [(WALLET, Some("b1")), (BANK, None)] {
            let order = order(source, BANK);
            assert_eq!(claim(&order, &funded(reference)), Claim::Nonsense);
        }
        let refused = Happening::PayoutRefused {
            decline: Decline::AccountClosed,
        };
        let pay_out = StepKey::of(TransferId::from_bits(7), Step::PayOut);
        let not_done = Claim::NotDone(pay_out);
        assert_eq!(claim(&order(BANK, BANK), &refused), not_done);
        assert_eq!(claim(&order(BANK, WALLET), &refused), Claim::Ours);
    }

    #[test]
    fn only_what_the_bank_said_is_believed() {
        let key = StepKey::of(TransferId::from_bits(7), Step::Collect);
        let done = AttemptState::Done {
            bank_reference: "b1".to_owned(),
        };
        let rejected = AttemptState::Rejected(Rejection {
            decline: Decline::AccountClosed,
            network_code: "AC04".to_owned(),
        });
        let unknown = AttemptState::Unknown {
            evidence: "silence".to_owned(),
        };
        let cases = [
            None,
            Some(&done),
            Some(&rejected),
            Some(&unknown),
            Some(&AttemptState::Open),
        ];
        let believed = |claim| cases.map(|known| agrees(claim, known));
        assert_eq!(
            believed(Claim::Done(key, "b1")),
            [false, true, false, false, false]
        );
        assert_eq!(believed(Claim::Done(key, "b2")), [false; 5]);
        assert_eq!(
            believed(Claim::NotDone(key)),
            [true, false, true, false, false]
        );
    }
}
