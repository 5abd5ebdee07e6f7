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
    /// The bank did it, in whichever round, under this reference of its own.
    Done(StepKey, &'a str),
    /// The bank did not do it in any round, and nothing is under way.
    NotDone(StepKey),
    /// Nothing of the sender's card is promised any more.
    Free {
        promised: StepKey,
        released: StepKey,
    },
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
            for claim in claims(&order, happening) {
                if !self.holds(tenant, claim).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn holds(&self, tenant: &Tenant, claim: Claim<'_>) -> Result<bool, StoreError> {
        let key = match claim {
            Claim::Nonsense => return Ok(false),
            Claim::Done(key, _) | Claim::NotDone(key) => key,
            // Promised and released again, or never promised.
            Claim::Free { promised, released } => {
                let known = attempts::known(&self.db, tenant, promised).await?;
                if agrees(Claim::NotDone(promised), known.as_ref()) {
                    return Ok(true);
                }
                let known = attempts::known(&self.db, tenant, released).await?;
                return Ok(matches!(known, Some(AttemptState::Done { .. })));
            }
        };
        let known = attempts::known(&self.db, tenant, key).await?;
        Ok(agrees(claim, known.as_ref()))
    }
}

/// All that a happening says of banks; nothing where our own books did it.
fn claims<'a>(order: &Order, happening: &'a Happening) -> Vec<Claim<'a>> {
    let done = |step| StepKey::of(order.transfer, step);
    let undone = |step| StepKey::undo(order.transfer, step);
    let moved = |end: Endpoint, key, reference: &'a Option<String>| match (end.rail(), reference) {
        (Some(_), Some(reference)) => vec![Claim::Done(key, reference)],
        (None, None) => Vec::new(),
        _ => vec![Claim::Nonsense],
    };
    // A card is promised first, and what takes the money is the step after it.
    let taking = match order.source {
        Endpoint::Card { .. } => Step::Fund,
        _ => Step::Collect,
    };
    match happening {
        Happening::Funded { bank_reference } => moved(order.source, done(taking), bank_reference),
        Happening::Completed { bank_reference } => {
            moved(order.destination, done(Step::PayOut), bank_reference)
        }
        Happening::Refunded { bank_reference } => {
            moved(order.source, undone(taking), bank_reference)
        }
        Happening::Declined { .. } | Happening::Canceled => match order.source {
            Endpoint::Card { .. } => vec![
                Claim::NotDone(done(Step::Fund)),
                Claim::Free {
                    promised: done(Step::Collect),
                    released: undone(Step::Collect),
                },
            ],
            source if source.rail().is_some() => vec![Claim::NotDone(done(Step::Collect))],
            _ => Vec::new(),
        },
        Happening::PayoutRefused { .. } => match order.destination.rail() {
            Some(_) => vec![Claim::NotDone(done(Step::PayOut))],
            None => Vec::new(),
        },
        Happening::ActionRequired { .. } if !matches!(order.source, Endpoint::Checkout { .. }) => {
            vec![Claim::Nonsense]
        }
        Happening::Scheduled { .. }
        | Happening::InReview { .. }
        | Happening::Collecting
        | Happening::ActionRequired { .. }
        | Happening::PayingOut
        | Happening::Raised { .. }
        | Happening::Lowered { .. } => Vec::new(),
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
    use domain::{AccountId, BankAccountId, CardId, Currency, Mode, Money, PartnerId};

    use super::*;

    const BANK: Endpoint = Endpoint::BankAccount {
        account: BankAccountId::from_bits(2),
        rail: RailId::SandboxBank,
    };
    const WALLET: Endpoint = Endpoint::Wallet {
        account: AccountId::from_bits(1),
    };

    fn order(source: Endpoint, destination: Endpoint) -> Order {
        let tenant = Tenant {
            partner: PartnerId::from_bits(1),
            mode: Mode::Sandbox,
        };
        let money = Money::from_minor(100, Currency::EUR).unwrap();
        Order::plain(tenant, TransferId::from_bits(7), money, source, destination)
    }

    #[test]
    fn a_wallet_needs_no_bank_and_a_bank_no_wallet() {
        let funded = |reference: Option<&str>| Happening::Funded {
            bank_reference: reference.map(str::to_owned),
        };
        assert_eq!(claims(&order(WALLET, BANK), &funded(None)), []);
        for (source, reference) in [(WALLET, Some("b1")), (BANK, None)] {
            let order = order(source, BANK);
            assert_eq!(claims(&order, &funded(reference)), [Claim::Nonsense]);
        }
        let refused = Happening::PayoutRefused {
            decline: Decline::AccountClosed,
        };
        let pay_out = StepKey::of(TransferId::from_bits(7), Step::PayOut);
        let not_done = Claim::NotDone(pay_out);
        assert_eq!(claims(&order(BANK, BANK), &refused), [not_done]);
        assert_eq!(claims(&order(BANK, WALLET), &refused), []);
    }

    #[test]
    fn a_card_is_funded_by_its_capture_and_free_only_when_it_was_released() {
        let card = Endpoint::Card {
            card: CardId::from_bits(1),
            rail: RailId::SandboxCards,
        };
        let (order, id) = (order(card, WALLET), TransferId::from_bits(7));
        let funded = Happening::Funded {
            bank_reference: Some("pi_1".to_owned()),
        };
        let capture = StepKey::of(id, Step::Fund);
        assert_eq!(claims(&order, &funded), [Claim::Done(capture, "pi_1")]);
        let declined = Happening::Declined {
            decline: Decline::CardExpired,
        };
        for nothing_kept in [declined, Happening::Canceled] {
            assert_eq!(
                claims(&order, &nothing_kept),
                [
                    Claim::NotDone(capture),
                    Claim::Free {
                        promised: StepKey::of(id, Step::Collect),
                        released: StepKey::undo(id, Step::Collect),
                    }
                ]
            );
        }
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
