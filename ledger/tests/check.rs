//! The oracle notices: each rule is broken by hand, below the ledger, and must be named.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, step};
use db::{DbError, Violation, WriteError, params};
use domain::Step;
use ledger::check::{self, Rule};
use ledger::{Entry, Place};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_true_book_has_no_faults", true_book));
    trials.extend(each("the_schema_itself_refuses_debt", no_debt));
    for (name, damage, rule) in DAMAGES {
        trials.extend(each(name, async move |book| {
            notices(book, damage, *rule).await
        }));
    }
    testkit::main(trials)
}

const DAMAGES: &[(&str, &str, Rule)] = &[
    (
        "an_entry_that_does_not_sum_to_zero",
        "UPDATE postings SET amount = amount + 1 WHERE amount > 0",
        Rule::EntrySumsToZero,
    ),
    (
        "an_entry_without_postings",
        "DELETE FROM postings",
        Rule::EntryHasLegs,
    ),
    (
        "a_balance_that_was_changed",
        "UPDATE accounts SET balance = balance + 1 WHERE purpose = 'wallet'",
        Rule::BalanceIsFold,
    ),
    (
        "a_version_that_was_changed",
        "UPDATE accounts SET version = version + 1 WHERE purpose = 'pool'",
        Rule::BalanceIsFold,
    ),
    (
        "a_running_balance_that_was_changed",
        "UPDATE postings SET balance_after = balance_after + 1",
        Rule::RunningBalanceIsFold,
    ),
    (
        "a_posting_of_no_account",
        "DELETE FROM accounts WHERE purpose = 'pool'",
        Rule::PostingBelongs,
    ),
    (
        "a_posting_of_another_currency",
        "UPDATE postings SET currency = 'USD'",
        Rule::PostingBelongs,
    ),
    (
        "time_that_ran_back",
        "UPDATE postings SET posted_at = posted_at + 1 WHERE account_version = 1",
        Rule::TimeNeverRunsBack,
    ),
    (
        "an_account_that_moved_at_another_time",
        "UPDATE accounts SET moved_at = moved_at + 1",
        Rule::TimeNeverRunsBack,
    ),
    (
        "a_posting_at_another_time_than_its_entry",
        "UPDATE entries SET posted_at = posted_at - 1",
        Rule::PostedWithItsEntry,
    ),
    (
        "a_wallet_without_a_floor",
        "UPDATE accounts SET floor = NULL WHERE purpose = 'wallet'",
        Rule::FloorIsOfItsPurpose,
    ),
    (
        "held_without_a_hold",
        "UPDATE accounts SET held = held + 1 WHERE purpose = 'wallet'",
        Rule::HeldIsSumOfHolds,
    ),
    (
        "a_hold_that_nobody_counts",
        "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, state, opened_at)
         SELECT partner_id, livemode, 'ho_1', 'h', id, currency, 5, 'open', 1 FROM accounts WHERE purpose = 'wallet'",
        Rule::HeldIsSumOfHolds,
    ),
    (
        "a_hold_of_another_currency",
        "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, state, opened_at)
         SELECT partner_id, livemode, 'ho_1', 'h', id, 'USD', 5, 'open', 1 FROM accounts WHERE purpose = 'wallet'",
        Rule::HoldBelongs,
    ),
    (
        "a_hold_posted_by_no_entry",
        "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, posted, state, entry_id, opened_at, resolved_at)
         SELECT partner_id, livemode, 'ho_1', 'h', id, currency, 5, 5, 'posted', 'en_1', 1, 2 FROM accounts WHERE purpose = 'wallet'",
        Rule::HoldResolvesOnce,
    ),
    (
        "a_hold_that_lost_what_no_entry_took",
        "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, posted, state, entry_id, opened_at, resolved_at)
         SELECT partner_id, livemode, 'ho_1', 'h', id, currency, 5, 5, 'posted', 'en_1', 1, 2 FROM accounts WHERE purpose = 'wallet'",
        Rule::HoldTakesWhatItPosted,
    ),
    (
        "a_hold_with_the_key_of_an_entry",
        "INSERT INTO holds (partner_id, livemode, id, key, account_id, currency, amount, state, opened_at)
         SELECT a.partner_id, a.livemode, 'ho_1', e.key, a.id, a.currency, 5, 'open', 1
         FROM accounts a, entries e WHERE a.purpose = 'wallet' AND e.template = 'opening'",
        Rule::KeyIsOfOneThing,
    ),
    (
        "an_entry_that_replaces_one_that_stands",
        "UPDATE entries SET key = 'replacement:' || id, linked_to = id WHERE template = 'opening'",
        Rule::ReplacesWhatWasCorrected,
    ),
    (
        "an_entry_linked_to_nothing",
        "UPDATE entries SET linked_to = 'en_1'",
        Rule::LinksAreThere,
    ),
    (
        "an_entry_that_posts_a_hold_that_is_not_there",
        "UPDATE entries SET hold_id = 'ho_1' WHERE template = 'opening'",
        Rule::LinksAreThere,
    ),
    (
        "a_correction_that_takes_back_something_else",
        "UPDATE entries SET corrects = (SELECT id FROM entries WHERE template = 'opening') WHERE template = 'set_aside'",
        Rule::CorrectionReverses,
    ),
    (
        "an_entry_that_was_altered",
        "UPDATE entries SET key = 'other' WHERE template = 'opening'",
        Rule::ChainIsWhole,
    ),
    (
        "a_pool_share_that_belongs_to_nobody",
        "UPDATE entries SET transfer_id = NULL",
        Rule::SharesAreExplained,
    ),
    (
        "a_transfer_that_took_more_than_it_brought",
        "UPDATE entries SET transfer_id = 'tr_00000000000000000000000009' WHERE template = 'set_aside'",
        Rule::SharesAreExplained,
    ),
];

async fn filled(book: &Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let (t, money) = (book.tenant, eur(60_00));
    book.post(Entry::collect_from_wallet(
        t,
        step(1, Step::Fund),
        Place::Internal,
        alice,
        money,
    ))
    .await?;
    book.post(Entry::set_aside(
        t,
        step(1, Step::PayOut),
        Place::Internal,
        RAIL,
        money,
    ))
    .await?;
    Ok(())
}

async fn true_book(book: Book) -> Result<()> {
    filled(&book).await?;
    let report = check::books(&book.db).await?;
    ensure!(report.is_true(), "{report}");
    ensure!(
        report.to_string() == "4 accounts, 3 entries, 6 postings, 0 faults",
        "{report}"
    );
    Ok(())
}

async fn notices(book: Book, damage: &'static str, rule: Rule) -> Result<()> {
    filled(&book).await?;
    book.db
        .write(move |tx| Box::pin(async move { tx.execute(damage, params![]).await.map(drop) }))
        .await
        .map_err(|error: WriteError<DbError>| error)?;
    let report = check::books(&book.db).await?;
    ensure!(
        report.faults.iter().any(|fault| fault.rule == rule),
        "{report}"
    );
    ensure!(
        report
            .faults
            .iter()
            .all(|fault| fault.tenant.is_none_or(|tenant| tenant == book.tenant))
    );
    Ok(())
}

/// Below all code: even a statement written by hand cannot bring a wallet below zero.
async fn no_debt(book: Book) -> Result<()> {
    filled(&book).await?;
    let debt = "UPDATE accounts SET balance = -1 WHERE purpose = 'wallet'";
    let answer: Result<u64, WriteError<DbError>> = book
        .db
        .write(move |tx| Box::pin(async move { tx.execute(debt, params![]).await }))
        .await;
    let kind = Violation::Check;
    ensure!(
        matches!(&answer, Err(WriteError::Refused(DbError::Constraint { kind: found, .. })) if *found == kind),
        "{answer:?}"
    );
    book.is_true().await
}
