//! What each happening means for the money: the ledger entries that justify it, and the facts.
//!
//! | happening      | source / destination | entry                 | key            |
//! |----------------|----------------------|-----------------------|----------------|
//! | funded         | from a wallet        | collect_from_wallet   | fund           |
//! | funded         | from a bank          | collect_from_bank     | fund           |
//! | funded         | from a card          | collect_from_card     | fund           |
//! | funded         | from a checkout      | collect_from_checkout | fund           |
//! | paying out     | at a quote           | convert               | quote          |
//! | paying out     | over a rail          | set_aside             | pay-out        |
//! | completed      | to a wallet          | pay_wallet            | settle         |
//! | completed      | to a merchant        | pay_merchant          | settle         |
//! | completed      | over a rail          | settle_payout         | settle         |
//! | completed      | with a fee           | fee_from_transfer     | fee            |
//! | payout refused | over a rail          | release_set_aside     | undo-pay-out   |
//! | payout refused | at a quote           | the convert taken back | correction    |
//! | refunded       | from a wallet        | give_back_to_wallet   | undo-fund      |
//! | refunded       | from a bank          | give_back_to_bank     | undo-fund      |
//! | refunded       | from a card          | give_back_to_card     | undo-fund      |
//! | refunded       | from a checkout      | give_back_to_checkout | undo-fund      |
//!
//! Everything else moves no money of ours. A wallet's collecting and funding are one entry. All of
//! them go through one pool, which the transfer keeps from its acceptance on. A fee is taken as the
//! receiver is paid, so that an undo never has one to give back; a merchant's is a leg of its
//! payment.

use domain::transfer::{Endpoint, Happening, MoneyFacts, Order, Status, Till};
use domain::{Money, MoneyError, Step, StepKey};
use ledger::{Entry, Event, Holder, Place};

/// What is to be done in the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Posting {
    Post(Entry),
    /// It was posted before, and is corrected by an entry the other way.
    TakeBack(Entry),
}

/// The pool of the rail by which the money comes.
pub(crate) fn pool_of(source: Endpoint) -> Place {
    source.rail().map_or(Place::Internal, Place::Rail)
}

/// The entries, in their order. `from` is the status before: what was never set aside is never
/// released. The last one is what the history names.
pub(crate) fn postings(
    order: &Order,
    pool: Place,
    from: Status,
    happening: &Happening,
) -> Result<Vec<Posting>, MoneyError> {
    let mut postings = Vec::new();
    match happening {
        Happening::Funded { .. } => postings.extend(collected(order, pool).map(Posting::Post)),
        Happening::PayingOut => {
            postings.extend(converted(order, pool)?.map(Posting::Post));
            if let Some(rail) = order.destination.rail() {
                let key = StepKey::of(order.transfer, Step::PayOut);
                let entry = Entry::set_aside(order.tenant, key, pool, rail, order.receives());
                postings.push(Posting::Post(entry));
            }
        }
        Happening::Completed { .. } => {
            postings.extend(fee(order, pool).map(Posting::Post));
            postings.extend(paid(order, pool)?.map(Posting::Post));
        }
        Happening::PayoutRefused { .. } if matches!(from, Status::PayingOut) => {
            if let Some(rail) = order.destination.rail() {
                let key = StepKey::undo(order.transfer, Step::PayOut);
                let money = order.receives();
                let entry = Entry::release_set_aside(order.tenant, key, pool, rail, money);
                postings.push(Posting::Post(entry));
            }
            postings.extend(converted(order, pool)?.map(Posting::TakeBack));
        }
        Happening::Refunded { .. } => postings.extend(given_back(order, pool).map(Posting::Post)),
        Happening::PayoutRefused { .. }
        | Happening::Scheduled { .. }
        | Happening::InReview { .. }
        | Happening::Collecting
        | Happening::ActionRequired { .. }
        | Happening::Declined { .. }
        | Happening::Canceled
        | Happening::Raised { .. }
        | Happening::Lowered { .. } => {}
    }
    Ok(postings)
}

fn collected(order: &Order, pool: Place) -> Option<Entry> {
    let (tenant, money) = (order.tenant, order.sends());
    let key = StepKey::of(order.transfer, Step::Fund);
    Some(match order.source {
        Endpoint::Wallet { account } => {
            Entry::collect_from_wallet(tenant, key, pool, account, money)
        }
        Endpoint::BankAccount { rail, .. } => {
            Entry::collect_from_bank(tenant, key, pool, rail, money)
        }
        Endpoint::Card { rail, .. } => Entry::collect_from_card(tenant, key, pool, rail, money),
        Endpoint::Checkout { rail } => Entry::collect_from_checkout(tenant, key, pool, rail, money),
        // Never accepted as a source.
        Endpoint::Merchant { .. } => return None,
    })
}

fn converted(order: &Order, pool: Place) -> Result<Option<Entry>, MoneyError> {
    let convert = |quote| Entry::convert_locked(order.tenant, order.transfer, pool, quote);
    order.quote.as_ref().map(convert).transpose()
}

fn paid(order: &Order, pool: Place) -> Result<Option<Entry>, MoneyError> {
    let (tenant, key) = (order.tenant, StepKey::of(order.transfer, Step::Settle));
    let arrives = order.arrives();
    let fee = order.fee.unwrap_or(Money::zero(arrives.currency()));
    Ok(match order.destination {
        Endpoint::Wallet { account } => {
            let money = order.receives();
            Some(Entry::pay_wallet(tenant, key, pool, account, money))
        }
        Endpoint::Merchant { till, .. } => {
            let holder = holder(till);
            Some(Entry::pay_merchant(
                tenant, key, pool, holder, arrives, fee,
            )?)
        }
        Endpoint::BankAccount { rail, .. } | Endpoint::Card { rail, .. } => {
            let money = order.receives();
            Some(Entry::settle_payout(tenant, key, rail, money))
        }
        // Never accepted as a destination.
        Endpoint::Checkout { .. } => None,
    })
}

const fn holder(till: Till) -> Holder {
    match till {
        Till::Wallet { account } => Holder::Wallet(account),
        Till::Float { account } => Holder::Float(account),
    }
}

/// A merchant's fee is a leg of its payment.
fn fee(order: &Order, pool: Place) -> Option<Entry> {
    if matches!(order.destination, Endpoint::Merchant { .. }) {
        return None;
    }
    let event = Event {
        tenant: order.tenant,
        transfer: order.transfer,
        name: "fee",
    };
    order
        .fee
        .map(|fee| Entry::fee_from_transfer(event, pool, fee))
}

fn given_back(order: &Order, pool: Place) -> Option<Entry> {
    let (tenant, money) = (order.tenant, order.sends());
    let key = StepKey::undo(order.transfer, Step::Fund);
    Some(match order.source {
        Endpoint::Wallet { account } => {
            Entry::give_back_to_wallet(tenant, key, pool, account, money)
        }
        Endpoint::BankAccount { rail, .. } => {
            Entry::give_back_to_bank(tenant, key, pool, rail, money)
        }
        Endpoint::Card { rail, .. } => Entry::give_back_to_card(tenant, key, pool, rail, money),
        Endpoint::Checkout { rail } => Entry::give_back_to_checkout(tenant, key, pool, rail, money),
        Endpoint::Merchant { .. } => return None,
    })
}

/// The facts after it, in the sender's currency. Always: debited = held + credited + refunded.
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
    use domain::transfer::{Decline, LockedQuote};
    use domain::{
        AccountId, BankAccountId, CardId, Currency, MerchantId, Mode, PartnerId, QuoteId, Tenant,
        Timestamp, TransferId,
    };
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
        let money = Money::from_minor(100, Currency::EUR).unwrap();
        let transfer = TransferId::from_bits(7);
        Order::plain(tenant, transfer, money, source, destination)
    }

    fn check(source: Endpoint, destination: Endpoint, expected: &[&str]) {
        check_order(order(source, destination), expected);
    }

    fn check_order(order: Order, expected: &[&str]) {
        let source = order.source;
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
            for posting in postings(&order, pool_of(source), from, &happening).unwrap() {
                let (entry, back) = match posting {
                    Posting::Post(entry) => (entry, ""),
                    Posting::TakeBack(entry) => (entry, " taken back"),
                };
                let pools = entry.legs().iter().filter_map(|leg| match leg.account {
                    AccountRef::Pool(place) => Some(place),
                    _ => None,
                });
                assert!(pools.into_iter().all(|pool| pool == pool_of(source)));
                let step = entry.key().split(':').nth(1).unwrap_or_default().to_owned();
                let (cause, template) = (happening.cause(), entry.template());
                drawn.push(format!("{cause}: {template} {step}{back}"));
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

    #[test]
    fn cards_checkouts_and_merchants_have_theirs() {
        let rail = RailId::SandboxCards;
        let card = Endpoint::Card {
            card: CardId::from_bits(1),
            rail,
        };
        let shop = Endpoint::Merchant {
            merchant: MerchantId::from_bits(1),
            till: Till::Float {
                account: AccountId::from_bits(3),
            },
        };
        check(
            card,
            shop,
            &[
                "collected: collect_from_card fund",
                "paid_out: pay_merchant settle",
                "given_back: give_back_to_card undo-fund",
            ],
        );
        check(
            Endpoint::Checkout { rail },
            WALLET,
            &[
                "collected: collect_from_checkout fund",
                "paid_out: pay_wallet settle",
                "given_back: give_back_to_checkout undo-fund",
            ],
        );
    }

    #[test]
    fn an_exchange_is_undone_with_the_payout_and_a_fee_is_taken_last() {
        let usd = |minor| Money::from_minor(minor, Currency::USD).unwrap();
        let quote = LockedQuote {
            id: QuoteId::from_bits(7),
            sells: Money::from_minor(100, Currency::EUR).unwrap(),
            buys: usd(107),
            spread: usd(1),
            expires_at: Timestamp::from_seconds(9),
        };
        let dear = Order {
            quote: Some(quote),
            fee: Some(usd(7)),
            ..order(BANK, BANK)
        };
        check_order(
            dear,
            &[
                "collected: collect_from_bank fund",
                "payout_started: convert qu_00000000000000000000000007",
                "payout_started: set_aside pay-out",
                "paid_out: fee_from_transfer fee_from_transfer",
                "paid_out: settle_payout settle",
                "payout_refused: release_set_aside undo-pay-out",
                "payout_refused: convert qu_00000000000000000000000007 taken back",
                "given_back: give_back_to_bank undo-fund",
            ],
        );
    }
}
