//! Quotes that are kept: taken by one transfer while they are good, and honoured from then on.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use anyhow::{Result, ensure};
use both::{Book, each, eur, on_postgres, refusal, step};
use db::WriteError;
use domain::{Currency, QuoteId, Step, TransferId};
use ledger::{
    AccountRef, Entry, OpenQuoteError, Place, Quote, Rate, Refusal, Reserve, Swept, Taken,
};

const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const LIFE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_quote_is_taken_once", once));
    trials.extend(each("what_was_taken_in_time_is_honoured", honoured));
    trials.extend(each("what_is_over_is_swept", swept));
    trials.push(on_postgres("two_processes_take_one_quote", two_processes));
    testkit::main(trials)
}

fn quote(number: u128, minor: i64) -> Quote {
    let rate = Rate::try_new("163.257".parse().unwrap(), "0.01".parse().unwrap()).unwrap();
    let id = QuoteId::from_bits(number);
    Quote::selling(id, eur(minor), Currency::JPY, rate, NOW, LIFE).unwrap()
}

async fn open(book: &Book, quote: Quote) -> Result<(), WriteError<OpenQuoteError>> {
    let tenant = book.tenant;
    let opened = book
        .db
        .write(move |tx| Box::pin(async move { ledger::open_quote(tx, tenant, &quote).await }));
    opened.await
}

async fn take(book: &Book, number: u128, transfer: u128) -> Result<Taken> {
    let (tenant, id) = (book.tenant, QuoteId::from_bits(number));
    let transfer = TransferId::from_bits(transfer);
    let taken = book.db.write(move |tx| {
        Box::pin(async move { ledger::take_quote(tx, tenant, id, transfer).await })
    });
    Ok(taken.await?)
}

fn yours(taken: Taken) -> Result<Quote> {
    match taken {
        Taken::Yours(quote) => Ok(quote),
        other => anyhow::bail!("not taken: {other:?}"),
    }
}

async fn once(book: Book) -> Result<()> {
    let made = quote(1, 10_000);
    open(&book, made.clone()).await?;
    open(&book, made.clone()).await?;
    let other = open(&book, quote(1, 10_001)).await;
    ensure!(matches!(
        other,
        Err(WriteError::Refused(OpenQuoteError::AnotherBefore(id))) if id == made.id()
    ));
    let stored = ledger::quote(&book.db, book.tenant, made.id()).await?;
    ensure!(stored == Some(made.clone()), "{stored:?}");

    ensure!(take(&book, 2, 1).await? == Taken::Unknown);
    let elsewhere = book.of(both::tenant(2, domain::Mode::Sandbox));
    ensure!(take(&elsewhere, 1, 1).await? == Taken::Unknown);

    let taken = yours(take(&book, 1, 1).await?)?;
    ensure!((taken.sold(), taken.bought()) == (made.sold(), made.bought()));
    ensure!(take(&book, 1, 2).await? == Taken::AnotherHasIt);
    // A transfer that is accepted again hears the same, and so does whoever makes the quote again.
    book.clock.set(made.expires_at());
    ensure!(yours(take(&book, 1, 1).await?)? == taken);
    open(&book, made).await?;

    open(&book, quote(3, 500)).await?;
    let at = quote(3, 500).expires_at();
    ensure!(take(&book, 3, 3).await? == Taken::Expired { at });
    Ok(())
}

/// The money comes long after the order: the quote is good for its transfer, and for no other.
async fn honoured(book: Book) -> Result<()> {
    let alice = book.funded(1, 25_000).await?;
    let key = step(1, Step::Fund);
    open(&book, quote(1, 10_000)).await?;
    let taken = yours(take(&book, 1, 1).await?)?;
    book.clock.set(NOW.after(Duration::from_secs(86_400)));

    let pool = Place::Internal;
    book.post(Entry::collect_from_wallet(
        book.tenant,
        key,
        pool,
        alice,
        eur(10_000),
    ))
    .await?;
    let convert = |transfer, quote: &Quote| Entry::convert(book.tenant, transfer, pool, quote);
    let expired = convert(TransferId::from_bits(1), &quote(1, 10_000))?;
    let refused = refusal(book.post(expired).await)?;
    let at = taken.expires_at();
    ensure!(refused == Refusal::QuoteExpired { at }, "{refused}");
    let another = refusal(book.post(convert(TransferId::from_bits(2), &taken)?).await)?;
    ensure!(another == Refusal::QuoteExpired { at }, "{another}");
    ensure!(!book.post(convert(key.transfer, &taken)?).await?.replayed);
    // Read back from the database it is the same quote.
    let stored = ledger::quote(&book.db, book.tenant, taken.id())
        .await?
        .unwrap();
    ensure!(book.post(convert(key.transfer, &stored)?).await?.replayed);
    book.is_true().await
}

/// Holds at the end of their time, quotes that nobody took a day later, and nothing else.
async fn swept(book: Book) -> Result<()> {
    let alice = book.funded(1, 100).await?;
    open(&book, quote(1, 10_000)).await?;
    open(&book, quote(2, 10_000)).await?;
    yours(take(&book, 1, 1).await?)?;
    let hold = |key: &str, expires_at| Reserve {
        tenant: book.tenant,
        key: key.to_owned(),
        account: AccountRef::Wallet(alice),
        money: eur(30),
        transfer: None,
        expires_at,
    };
    let end = quote(1, 10_000).expires_at();
    book.book().reserve(hold("short", Some(end))).await?;
    book.book().reserve(hold("long", None)).await?;
    let held = async || -> Result<i64> {
        let balances = ledger::balances(&book.db, book.tenant, alice).await?;
        Ok(balances.unwrap().held.minor())
    };

    ensure!(book.book().sweep(book.clock.now()).await? == Swept::default());
    ensure!(held().await? == 60);
    book.clock.set(end);
    let holds = book.book().sweep(book.clock.now()).await?;
    ensure!((holds.holds, holds.quotes) == (1, 0), "{holds:?}");
    ensure!(held().await? == 30);
    ensure!(matches!(take(&book, 2, 2).await?, Taken::Expired { .. }));

    book.clock.set(end.after(Duration::from_secs(86_400)));
    let quotes = book.book().sweep(book.clock.now()).await?;
    ensure!((quotes.holds, quotes.quotes) == (0, 1), "{quotes:?}");
    ensure!(take(&book, 2, 2).await? == Taken::Unknown);
    yours(take(&book, 1, 1).await?)?;
    book.is_true().await
}

async fn two_processes(book: Book) -> Result<()> {
    let other = book.another().await?;
    for number in 1..=20 {
        open(&book, quote(number, 10_000)).await?;
        let (one, two) = futures_util::join!(take(&book, number, 1), take(&other, number, 2));
        let (one, two) = (one?, two?);
        let first = matches!(one, Taken::Yours(_)) && two == Taken::AnotherHasIt;
        let second = matches!(two, Taken::Yours(_)) && one == Taken::AnotherHasIt;
        ensure!(first || second, "{one:?} {two:?}");
    }
    Ok(())
}
