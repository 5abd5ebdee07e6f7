//! What each happening means for the money: the ledger entry that justifies it, and the facts.
//!
//! | happening      | source / destination | entry               | key            |
//! |----------------|----------------------|---------------------|----------------|
//! | funded         | from a wallet        | collect_from_wallet | fund           |
//! | funded         | from a bank          | collect_from_bank   | fund           |
//! | paying out     | to a bank            | set_aside           | pay-out        |
//! | completed      | to a wallet          | pay_wallet          | settle         |
//! | completed      | to a bank            | settle_payout       | settle         |
//! | payout refused | to a bank, set aside | release_set_aside   | undo-pay-out   |
//! | refunded       | from a wallet        | give_back_to_wallet | undo-fund      |
//! | refunded       | from a bank          | give_back_to_bank   | undo-fund      |
//!
//! Everything else moves no money of ours. A wallet's collecting and funding are one entry. All of
//! them go through one pool, which the transfer keeps from its acceptance on.

use domain::transfer::{Endpoint, Happening, MoneyFacts, Order, Status};
use domain::{Money, Step, StepKey};
use ledger::{Entry, Place};

/// The pool of the rail by which the money comes.
pub(crate) fn pool_of(source: Endpoint) -> Place {
    source.rail().map_or(Place::Internal, Place::Rail)
}

/// The entry, if there is one. `from` is the status before: what was never set aside is never
/// released.
pub(crate) fn entry(
    order: &Order,
    pool: Place,
    from: Status,
    happening: &Happening,
) -> Option<Entry> {
    let (tenant, money) = (order.tenant, order.money);
    let done = |step| StepKey::of(order.transfer, step);
    let undone = |step| StepKey::undo(order.transfer, step);
    match happening {
        Happening::Funded { .. } => Some(match order.source {
            Endpoint::Wallet { account } => {
                Entry::collect_from_wallet(tenant, done(Step::Fund), pool, account, money)
            }
            Endpoint::BankAccount { rail, .. } => {
                Entry::collect_from_bank(tenant, done(Step::Fund), pool, rail, money)
            }
        }),
        Happening::PayingOut => order
            .destination
            .rail()
            .map(|rail| Entry::set_aside(tenant, done(Step::PayOut), pool, rail, money)),
        Happening::Completed { .. } => Some(match order.destination {
            Endpoint::Wallet { account } => {
                Entry::pay_wallet(tenant, done(Step::Settle), pool, account, money)
            }
            Endpoint::BankAccount { rail, .. } => {
                Entry::settle_payout(tenant, done(Step::Settle), rail, money)
            }
        }),
        Happening::PayoutRefused { .. } if matches!(from, Status::PayingOut) => order
            .destination
            .rail()
            .map(|rail| Entry::release_set_aside(tenant, undone(Step::PayOut), pool, rail, money)),
        Happening::Refunded { .. } => Some(match order.source {
            Endpoint::Wallet { account } => {
                Entry::give_back_to_wallet(tenant, undone(Step::Fund), pool, account, money)
            }
            Endpoint::BankAccount { rail, .. } => {
                Entry::give_back_to_bank(tenant, undone(Step::Fund), pool, rail, money)
            }
        }),
        Happening::PayoutRefused { .. }
        | Happening::Collecting
        | Happening::Declined { .. }
        | Happening::Canceled
        | Happening::Raised { .. }
        | Happening::Lowered { .. } => None,
    }
}

/// The facts after it. Always: debited = held + credited + refunded.
pub(crate) fn facts(before: MoneyFacts, happening: &Happening, money: Money) -> MoneyFacts {
    let none = Money::zero(money.currency());
    match happening {
        Happening::Funded { .. } => MoneyFacts {
            debited: money,
            held: money,
            ..before
        },
        Happening::Completed { .. } => MoneyFacts {
            held: none,
            credited: money,
            ..before
        },
        Happening::Refunded { .. } => MoneyFacts {
            held: none,
            refunded: money,
            ..before
        },
        _ => before,
    }
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;
    use domain::transfer::Decline;
    use domain::{AccountId, BankAccountId, Currency, Mode, PartnerId, Tenant, TransferId};
    use ledger::AccountRef;

    use super::*;

    const WALLET: Endpoint = Endpoint::Wallet {
        account: AccountId::from_bits(1),
    };
    const BANK: Endpoint = Endpoint::BankAccount {
        account: BankAccountId::from_bits(2),
        rail: RailId::SandboxBank,
    };

    fn order(source: Endpoint, destination: Endpoint) -> Order {
        let partner = PartnerId::from_bits(1);
        let tenant = Tenant {
            partner,
            mode: Mode::Sandbox,
        };
        Order {
            tenant,
            transfer: TransferId::from_bits(7),
            money: Money::from_minor(100, Currency::EUR).unwrap(),
            source,
            destination,
        }
    }

    fn check(source: Endpoint, destination: Endpoint, expected: &[&str]) {
        let decline = Decline::AccountClosed;
        let bank_reference = None;
        let mut drawn = Vec::new();
        for (from, happening) in [
            (Status::Created, Happening::Collecting),
            (
                Status::Collecting,
                Happening::Funded {
                    bank_reference: bank_reference.clone(),
                },
            ),
            (Status::Funded, Happening::PayingOut),
            (
                Status::PayingOut,
                Happening::Completed {
                    bank_reference: bank_reference.clone(),
                },
            ),
            (Status::Funded, Happening::PayoutRefused { decline }),
            (Status::PayingOut, Happening::PayoutRefused { decline }),
            (Status::Compensating, Happening::Refunded { bank_reference }),
            (Status::Collecting, Happening::Declined { decline }),
            (Status::Created, Happening::Canceled),
        ] {
            let order = order(source, destination);
            if let Some(entry) = entry(&order, pool_of(source), from, &happening) {
                let pools = entry.legs().iter().filter_map(|leg| match leg.account {
                    AccountRef::Pool(place) => Some(place),
                    _ => None,
                });
                assert!(pools.into_iter().all(|pool| pool == pool_of(source)));
                let step = entry.key().split(':').nth(1).unwrap_or_default().to_owned();
                drawn.push(format!(
                    "{}: {} {step}",
                    happening.cause(),
                    entry.template()
                ));
            }
        }
        assert_eq!(drawn, expected);
    }

    #[test]
    fn every_way_has_its_entries() {
        check(
            WALLET,
            WALLET,
            &[
                "collected: collect_from_wallet fund",
                "paid_out: pay_wallet settle",
                "given_back: give_back_to_wallet undo-fund",
            ],
        );
        check(
            BANK,
            BANK,
            &[
                "collected: collect_from_bank fund",
                "payout_started: set_aside pay-out",
                "paid_out: settle_payout settle",
                "payout_refused: release_set_aside undo-pay-out",
                "given_back: give_back_to_bank undo-fund",
            ],
        );
        check(
            WALLET,
            BANK,
            &[
                "collected: collect_from_wallet fund",
                "payout_started: set_aside pay-out",
                "paid_out: settle_payout settle",
                "payout_refused: release_set_aside undo-pay-out",
                "given_back: give_back_to_wallet undo-fund",
            ],
        );
        check(
            BANK,
            WALLET,
            &[
                "collected: collect_from_bank fund",
                "paid_out: pay_wallet settle",
                "given_back: give_back_to_bank undo-fund",
            ],
        );
    }
}
