//! What a job leaves behind, kept or undone, on both databases: refusals that last and those that
//! must not, and changes that are made and used in the same job.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, refusal, step};
use db::WriteError;
use domain::{AccountId, Step, UserId};
use ledger::{
    AccountRef, ChangeError, Entry, Holder, Place, PostError, Refusal, Reserve, State, Terms,
};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_refusal_outlives_its_job", remembered));
    trials.extend(each("what_is_booked_is_never_told_as_refused", booked));
    trials.extend(each("a_payout_that_happened_is_booked_one_day", paid_out));
    trials.extend(each(
        "terms_hold_within_the_job_that_sets_them",
        terms_at_once,
    ));
    trials.extend(each("a_wallet_of_an_undone_job_leaves_no_trace", opened));
    testkit::main(trials)
}

fn collect(book: &Book, number: u128, wallet: AccountId, minor: i64) -> Entry {
    let key = step(number, Step::Fund);
    Entry::collect_from_wallet(book.tenant, key, Place::Internal, wallet, eur(minor))
}

/// A job of several entries: what was refused by itself is remembered though the job is undone,
/// but not where the job's own first entry was the cause.
async fn remembered(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_00).await?;
    let job = async |entries: Vec<Entry>| {
        let mint = book.mint.clone();
        book.db
            .write(move |tx| {
                Box::pin(async move {
                    for entry in &entries {
                        ledger::post(tx, &mint, entry).await?;
                    }
                    Ok::<_, PostError>(())
                })
            })
            .await
    };
    let undone = job(vec![
        collect(&book, 1, alice, 8_00),
        collect(&book, 2, alice, 8_00),
    ])
    .await;
    ensure!(matches!(
        refusal(undone)?,
        Refusal::InsufficientAvailable { .. }
    ));
    ensure!(book.balance(alice).await? == 10_00);
    // Its key is free: the job that was the cause is undone.
    book.post(collect(&book, 2, alice, 8_00)).await?;
    let short = refusal(job(vec![collect(&book, 3, alice, 8_00)]).await)?;
    let key = step(9, Step::Settle);
    book.post(Entry::collect_from_bank(
        book.tenant,
        step(9, Step::Fund),
        Place::Rail(RAIL),
        RAIL,
        eur(20_00),
    ))
    .await?;
    book.post(Entry::pay_wallet(
        book.tenant,
        key,
        Place::Rail(RAIL),
        alice,
        eur(20_00),
    ))
    .await?;
    let still = refusal(book.post(collect(&book, 3, alice, 8_00)).await)?;
    ensure!(short == still, "{short} became {still}");
    book.is_true().await
}

/// A refusal beside an entry of the same key, as another process can leave it on PostgreSQL.
async fn booked(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_00).await?;
    refusal(book.post(collect(&book, 2, alice, 15_00)).await)?;
    let sql = async |sql: &'static str| {
        let done: Result<u64, WriteError<db::DbError>> = book
            .db
            .write(move |tx| Box::pin(tx.execute(sql, Vec::new())))
            .await;
        done
    };
    ensure!(sql("UPDATE refusals SET key = key || '-'").await? == 1);
    let funds = Entry::opening(book.tenant, "more", RAIL, alice, eur(10_00));
    book.post(funds).await?;
    let posted = book.post(collect(&book, 2, alice, 15_00)).await?;
    ensure!(!posted.replayed);
    sql("UPDATE refusals SET key = SUBSTR(key, 1, LENGTH(key) - 1)").await?;
    let again = book.post(collect(&book, 2, alice, 15_00)).await?;
    ensure!(again.replayed && again.entry == posted.entry);
    book.is_true().await
}

async fn paid_out(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let book_of = book.book();
    let reserve = Reserve {
        tenant: book.tenant,
        key: "h".to_owned(),
        account: AccountRef::Wallet(alice),
        money: eur(60_00),
        transfer: None,
        expires_at: None,
    };
    let hold = book_of.reserve(reserve).await?;
    let owner = Holder::Wallet(alice);
    let paid = Entry::withdraw(book.tenant, "w", owner, RAIL, eur(60_00)).posting(hold.hold);
    let turn = async |to| {
        let tenant = book.tenant;
        let turned: Result<_, WriteError<ChangeError>> = book
            .db
            .write(move |tx| Box::pin(ledger::change_state(tx, tenant, alice, to)))
            .await;
        turned
    };
    turn(State::Frozen).await?;
    let frozen = refusal(book_of.post(paid.clone()).await)?;
    ensure!(matches!(frozen, Refusal::AccountFrozen { .. }), "{frozen}");
    turn(State::Open).await?;
    ensure!(!book_of.post(paid).await?.replayed);
    ensure!(book.balance(alice).await? == 40_00);
    book.is_true().await
}

async fn terms_at_once(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_00).await?;
    let (tenant, mint, entry) = (
        book.tenant,
        book.mint.clone(),
        collect(&book, 1, alice, 13_00),
    );
    let terms = Terms {
        floor: Some(eur(-5_00)),
        ceiling: None,
    };
    let both: Result<_, WriteError<PostError>> = book
        .db
        .write(move |tx| {
            Box::pin(async move {
                let changed = ledger::change_terms(tx, tenant, alice, terms, "a test").await;
                assert!(changed.is_ok(), "{changed:?}");
                ledger::post(tx, &mint, &entry).await
            })
        })
        .await;
    both?;
    ensure!(book.balance(alice).await? == -3_00);
    book.is_true().await
}

async fn opened(book: Book) -> Result<()> {
    let owner = UserId::from_bits(77);
    let job = async || {
        let (tenant, mint) = (book.tenant, book.mint.clone());
        let undone: Result<_, WriteError<PostError>> = book
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let currency = eur(0).currency();
                    let wallet = ledger::open_wallet(tx, &mint, tenant, owner, currency).await?;
                    let key = step(5, Step::Fund);
                    let place = Place::Internal;
                    let entry =
                        Entry::collect_from_wallet(tenant, key, place, wallet.id, eur(1_00));
                    ledger::post(tx, &mint, &entry).await
                })
            })
            .await;
        refusal(undone)
    };
    for _ in 0..2 {
        let short = job().await?;
        ensure!(
            matches!(short, Refusal::InsufficientAvailable { .. }),
            "{short}"
        );
    }
    book.is_true().await
}
