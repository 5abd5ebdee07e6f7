//! Any order, any repetition: the books are the same, nothing is created or lost, and no wallet is
//! ever below zero. Compared with a model in memory that knows only amounts.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, step, undo};
use db::WriteError;
use domain::{AccountId, Step};
use ledger::{Entry, Place, PostError, Purpose, Refusal};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, RngSeed, TestRng, TestRunner};

const WALLETS: usize = 4;
const OPENING: i64 = 50_00;
const ROUNDS: u32 = 12;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("any_interleaving_gives_the_same_books", interleavings));
    testkit::main(trials)
}

/// What a transfer wants, and how it ends.
#[derive(Clone, Copy, Debug)]
struct Transfer {
    /// A wallet, or the bank.
    from: Option<usize>,
    to: Option<usize>,
    minor: i64,
    payout_refused: bool,
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let end = || prop::option::weighted(0.7, 0..WALLETS);
    (end(), end(), 1..40_00_i64, any::<bool>()).prop_map(|(from, to, minor, payout_refused)| {
        Transfer {
            from,
            to,
            minor,
            payout_refused,
        }
    })
}

/// Transfers, and the order in which their next entries come: each number picks a transfer, and
/// may pick one that has nothing left to do, which then repeats its last entry.
fn scenario() -> impl Strategy<Value = (Vec<Transfer>, Vec<prop::sample::Index>)> {
    (
        prop::collection::vec(transfer(), 2..8),
        prop::collection::vec(any::<prop::sample::Index>(), 10..60),
    )
}

async fn interleavings(book: Book) -> Result<()> {
    let seed = both::chance::seed()?;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let config = Config {
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    for round in 0..ROUNDS {
        let (transfers, order) = scenario().new_tree(&mut runner).unwrap().current();
        // A tenant for each round: an empty book without the cost of another database.
        let book = book.of(both::tenant(1 + u128::from(round), domain::Mode::Sandbox));
        run(&book, &transfers, &order).await.map_err(|error| {
            error.context(format!(
                "REMIT_TEST_SEED={seed}, round {round}: {transfers:?}"
            ))
        })?;
    }
    book.is_true().await
}

async fn run(book: &Book, transfers: &[Transfer], order: &[prop::sample::Index]) -> Result<()> {
    let mut wallets = Vec::new();
    for user in 0..WALLETS {
        wallets.push(book.funded(u128::try_from(user)?, OPENING).await?);
    }
    let mut model = Model::new(transfers.len());
    for pick in order {
        let number = pick.index(transfers.len());
        let transfer = &transfers[number];
        let done = model.done[number];
        let way = way(book, transfer, u128::try_from(number)?, &wallets);
        // Repeating the last entry changes nothing; a sender that was short stays at the start.
        let next = way.get(done).or(way.last()).unwrap().clone();
        match book.post(next).await {
            Ok(posted) => {
                ensure!(
                    posted.replayed == (done == way.len()),
                    "{posted:?} after {done}"
                );
                ensure!(!model.refused[number], "posted after it was refused");
                if !posted.replayed {
                    model.follow(number, transfer);
                }
            }
            Err(WriteError::Refused(PostError::Refused(Refusal::InsufficientAvailable {
                ..
            }))) => {
                let short = transfer
                    .from
                    .is_some_and(|from| model.wallets[from] < transfer.minor);
                // Refused once is refused for good, even if there is enough by now.
                let before = std::mem::replace(&mut model.refused[number], true);
                ensure!(
                    done == 0 && (short || before),
                    "refused though there was enough"
                );
            }
            Err(error) => return Err(error.into()),
        }
        model.compare(book, &wallets).await?;
    }
    Ok(())
}

/// The entries of a transfer from its first to its last.
fn way(book: &Book, transfer: &Transfer, number: u128, wallets: &[AccountId]) -> Vec<Entry> {
    let (t, money) = (book.tenant, eur(transfer.minor));
    let (fund, settle, pay_out) = (
        step(number, Step::Fund),
        step(number, Step::Settle),
        step(number, Step::PayOut),
    );
    let mut way = vec![match transfer.from {
        Some(from) => Entry::collect_from_wallet(t, fund, Place::Internal, wallets[from], money),
        None => Entry::collect_from_bank(t, fund, Place::Internal, RAIL, money),
    }];
    if transfer.to.is_none() {
        way.push(Entry::set_aside(t, pay_out, Place::Internal, RAIL, money));
    }
    if transfer.payout_refused {
        if transfer.to.is_none() {
            way.push(Entry::release_set_aside(
                t,
                undo(number, Step::PayOut),
                Place::Internal,
                RAIL,
                money,
            ));
        }
        way.push(match transfer.from {
            Some(from) => Entry::give_back_to_wallet(
                t,
                undo(number, Step::Fund),
                Place::Internal,
                wallets[from],
                money,
            ),
            None => {
                Entry::give_back_to_bank(t, undo(number, Step::Fund), Place::Internal, RAIL, money)
            }
        });
    } else {
        way.push(match transfer.to {
            Some(to) => Entry::pay_wallet(t, settle, Place::Internal, wallets[to], money),
            None => Entry::settle_payout(t, settle, RAIL, money),
        });
    }
    way
}

struct Model {
    /// How many entries each transfer has.
    done: Vec<usize>,
    /// Transfers whose sender was short when it was asked.
    refused: Vec<bool>,
    wallets: [i64; WALLETS],
    pool: i64,
    suspense: i64,
    nostro: i64,
}

impl Model {
    fn new(transfers: usize) -> Self {
        Self {
            done: vec![0; transfers],
            refused: vec![false; transfers],
            wallets: [OPENING; WALLETS],
            pool: 0,
            suspense: 0,
            nostro: -OPENING * i64::try_from(WALLETS).unwrap(),
        }
    }

    fn follow(&mut self, number: usize, transfer: &Transfer) {
        let Transfer {
            from,
            to,
            minor,
            payout_refused,
        } = *transfer;
        let place = self.done[number];
        self.done[number] += 1;
        match (place, to.is_some(), payout_refused) {
            (0, _, _) => {
                self.pool += minor;
                self.outside_or(from, -minor);
            }
            (1, false, _) => {
                self.pool -= minor;
                self.suspense += minor;
            }
            (2, false, true) => {
                self.suspense -= minor;
                self.pool += minor;
            }
            (2, false, false) => {
                self.suspense -= minor;
                self.nostro += minor;
            }
            (_, _, true) => {
                self.pool -= minor;
                self.outside_or(from, minor);
            }
            (_, _, false) => {
                self.pool -= minor;
                self.outside_or(to, minor);
            }
        }
    }

    fn outside_or(&mut self, wallet: Option<usize>, minor: i64) {
        match wallet {
            Some(wallet) => self.wallets[wallet] += minor,
            None => self.nostro += minor,
        }
    }

    async fn compare(&self, book: &Book, wallets: &[AccountId]) -> Result<()> {
        for (wallet, expected) in wallets.iter().zip(self.wallets) {
            let found = book.balance(*wallet).await?;
            ensure!(
                found == expected && found >= 0,
                "a wallet has {found}, not {expected}"
            );
        }
        let lines = ledger::trial_balance(&book.db, book.tenant).await?;
        let of = |purpose| {
            let line = lines.iter().find(|line| line.purpose == purpose);
            line.map_or(0, |line| line.balance.minor())
        };
        let found = (
            of(Purpose::Pool),
            of(Purpose::Suspense),
            of(Purpose::Nostro),
        );
        ensure!(
            found == (self.pool, self.suspense, self.nostro),
            "{found:?}"
        );
        let sum: i64 = lines.iter().map(|line| line.balance.minor()).sum();
        ensure!(sum == 0, "money was created or lost: {sum}");
        Ok(())
    }
}
