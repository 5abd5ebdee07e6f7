//! Holds and terms on both databases: money that is promised is not available, and is resolved once.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, refusal, step};
use db::WriteError;
use domain::{AccountId, HoldId, Step};
use ledger::{
    AccountRef, ChangeError, Condition, Entry, HoldState, Place, Refusal, Reserve, Terms,
};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_hold_is_posted_once_in_part", posted_in_part));
    trials.extend(each("a_hold_is_voided_once", voided));
    trials.extend(each("a_hold_expires_and_is_swept", expired));
    trials.extend(each("terms_bound_an_account", terms));
    trials.extend(each("conditions_are_looked_at_in_order", conditions));
    testkit::main(trials)
}

fn reserve(book: &Book, key: &str, wallet: AccountId, minor: i64) -> Reserve {
    Reserve {
        tenant: book.tenant,
        key: key.to_owned(),
        account: AccountRef::Wallet(wallet),
        money: eur(minor),
        transfer: None,
        expires_at: None,
    }
}

fn desk(book: &Book) -> ledger::Book {
    ledger::Book::new(book.db.clone(), book.mint.clone())
}

fn collect(book: &Book, number: u128, wallet: AccountId, minor: i64) -> Entry {
    let key = step(number, Step::Fund);
    Entry::collect_from_wallet(book.tenant, key, Place::Internal, wallet, eur(minor))
}

async fn available(book: &Book, wallet: AccountId) -> Result<(i64, i64, i64)> {
    let found = ledger::account(&book.db, book.tenant, wallet)
        .await?
        .unwrap();
    let shown = [found.balance, found.held, found.available()];
    Ok(shown.map(|money| money.minor()).into())
}

async fn posted_in_part(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let book_of = desk(&book);
    let hold = book_of.reserve(reserve(&book, "h1", alice, 60_00)).await?;
    let again = book_of.reserve(reserve(&book, "h1", alice, 60_00)).await?;
    ensure!(again.hold == hold.hold && again.replayed && !hold.replayed);
    ensure!(available(&book, alice).await? == (100_00, 60_00, 40_00));
    let other = refusal(book_of.reserve(reserve(&book, "h1", alice, 61_00)).await)?;
    ensure!(other == Refusal::KeyReused { field: "amount" }, "{other}");
    let short = refusal(book_of.post(collect(&book, 1, alice, 40_01)).await)?;
    ensure!(
        matches!(short, Refusal::InsufficientAvailable { .. }),
        "{short}"
    );

    let more = refusal(
        book_of
            .post(collect(&book, 2, alice, 60_01).posting(hold.hold))
            .await,
    )?;
    ensure!(matches!(more, Refusal::HoldTooSmall { .. }), "{more}");
    let entry = collect(&book, 2, alice, 50_00).posting(hold.hold);
    let posted = book_of.post(entry.clone()).await?;
    ensure!(book_of.post(entry).await?.entry == posted.entry);
    ensure!(available(&book, alice).await? == (50_00, 0, 50_00));
    let gone = refusal(
        book_of
            .post(collect(&book, 3, alice, 1).posting(hold.hold))
            .await,
    )?;
    let state = HoldState::Posted;
    ensure!(
        gone == Refusal::HoldResolved {
            hold: hold.hold,
            state
        },
        "{gone}"
    );
    let gone = refusal(book_of.void(book.tenant, hold.hold).await)?;
    ensure!(
        gone == Refusal::HoldResolved {
            hold: hold.hold,
            state
        },
        "{gone}"
    );
    book.is_true().await
}

async fn voided(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let book_of = desk(&book);
    let hold = book_of
        .reserve(reserve(&book, "h1", alice, 60_00))
        .await?
        .hold;
    ensure!(!book_of.void(book.tenant, hold).await?.replayed);
    ensure!(book_of.void(book.tenant, hold).await?.replayed);
    ensure!(available(&book, alice).await? == (100_00, 0, 100_00));
    let hold = HoldId::from_bits(404);
    let unknown = refusal(book_of.void(book.tenant, hold).await)?;
    ensure!(unknown == Refusal::HoldUnknown { hold }, "{unknown}");
    book.is_true().await
}

/// The clock of these books stands still: what ends a moment later never ends, so the end is moved.
async fn expired(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let book_of = desk(&book);
    let mut ending = reserve(&book, "h1", alice, 60_00);
    let now = ledger::account(&book.db, book.tenant, alice)
        .await?
        .unwrap()
        .opened_at;
    ending.expires_at = Some(now);
    let past = refusal(book_of.reserve(ending.clone()).await)?;
    ensure!(past == Refusal::ExpiryPast { at: now }, "{past}");
    ending.expires_at = Some(ambient::Timestamp::from_micros(now.as_micros() + 1));
    let hold = book_of.reserve(ending).await?.hold;
    ensure!(book_of.expire_due().await? == 0);
    let over = "UPDATE holds SET expires_at = expires_at - 1";
    book.db
        .write(move |tx| Box::pin(async move { tx.execute(over, Vec::new()).await }))
        .await
        .map_err(|error: WriteError<db::DbError>| error)?;
    let gone = refusal(
        book_of
            .post(collect(&book, 1, alice, 1).posting(hold))
            .await,
    )?;
    ensure!(gone == Refusal::HoldExpired { hold }, "{gone}");
    ensure!(book_of.expire_due().await? == 1);
    ensure!(available(&book, alice).await? == (100_00, 0, 100_00));
    book.is_true().await
}

async fn terms(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_00).await?;
    let book_of = desk(&book);
    let change = async |floor, ceiling| {
        let tenant = book.tenant;
        let terms = Terms { floor, ceiling };
        book.db
            .write(move |tx| Box::pin(ledger::change_terms(tx, tenant, alice, terms, "a test")))
            .await
    };
    change(Some(eur(-5_00)), Some(eur(12_00))).await?;
    book_of.post(collect(&book, 1, alice, 15_00)).await?;
    let short = refusal(book_of.post(collect(&book, 2, alice, 1)).await)?;
    ensure!(
        matches!(short, Refusal::InsufficientAvailable { .. }),
        "{short}"
    );
    let cut: Result<_, WriteError<ChangeError>> = change(Some(eur(0)), None).await;
    ensure!(
        matches!(cut, Err(WriteError::Refused(ChangeError::BelowFloor(_)))),
        "{cut:?}"
    );
    let key = step(3, Step::Settle);
    book_of
        .post(Entry::collect_from_bank(
            book.tenant,
            step(3, Step::Fund),
            Place::Rail(RAIL),
            RAIL,
            eur(20_00),
        ))
        .await?;
    let pay = Entry::pay_wallet(book.tenant, key, Place::Rail(RAIL), alice, eur(17_01));
    let full = refusal(book_of.post(pay).await)?;
    ensure!(matches!(full, Refusal::AboveCeiling { .. }), "{full}");
    book.is_true().await
}

async fn conditions(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_00).await?;
    let wallet = AccountRef::Wallet(alice);
    let book_of = desk(&book);
    let balance = Condition::BalanceAtLeast(wallet, eur(10_01));
    let version = |version| Condition::VersionIs(wallet, eur(0).currency(), version);
    let entry = collect(&book, 1, alice, 99_00)
        .when(balance)
        .when(version(7));
    let stale = refusal(book_of.post(entry).await)?;
    ensure!(
        matches!(
            stale,
            Refusal::VersionStale {
                expected: 7,
                is: 1,
                ..
            }
        ),
        "{stale}"
    );
    let entry = collect(&book, 1, alice, 99_00)
        .when(balance)
        .when(version(1));
    let below = refusal(book_of.post(entry).await)?;
    ensure!(matches!(below, Refusal::BalanceBelow { .. }), "{below}");
    // A condition is no content, and a condition that failed has not used the key.
    let entry = collect(&book, 1, alice, 1_00).when(version(1));
    let posted = book_of.post(entry.clone()).await?;
    ensure!(book_of.post(entry).await?.entry == posted.entry);
    book.is_true().await
}
