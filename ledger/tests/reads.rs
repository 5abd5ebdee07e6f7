//! Reading the book: the past, statements, trial balances, and what makes up an account.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;
use std::time::Duration;

use ambient::Timestamp;
use anyhow::{Context, Result, ensure};
use both::{Book, RAIL, each, eur, step, tenant};
use domain::{AccountId, Currency, Mode, Money, Step, TransferId};
use ledger::{Cursor, Entry, Period, Place, Purpose, Statement, Template};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("the_past_is_what_was_posted_by_then", past));
    trials.extend(each("a_statement_says_what_happened_and_why", statement));
    trials.extend(each(
        "pages_fit_together_whatever_is_posted_meanwhile",
        pages,
    ));
    trials.extend(each("a_trial_balance_of_any_instant_sums_to_zero", trial));
    trials.extend(each("an_account_is_explained_by_its_transfers", explained));
    trials.extend(each("nobody_reads_another_tenants_book", tenants));
    testkit::main(trials)
}

const EVER: Period = Period {
    from: Timestamp::from_micros(i64::MIN),
    to: Timestamp::from_micros(i64::MAX),
};

/// A wallet with 1.00 to 13.00 taken out of it, some of them in the same instant.
async fn filled(book: &Book) -> Result<AccountId> {
    let alice = book.funded(1, 100_00).await?;
    for number in 1..=13_u32 {
        if number % 3 != 0 {
            book.clock.advance(Duration::from_secs(60));
        }
        let money = eur(i64::from(number) * 1_00);
        let key = step(number.into(), Step::Fund);
        book.post(Entry::collect_from_wallet(
            book.tenant,
            key,
            Place::Internal,
            alice,
            money,
        ))
        .await?;
    }
    Ok(alice)
}

async fn ever(book: &Book, account: AccountId) -> Result<Statement> {
    ledger::statement(&book.db, book.tenant, account, EVER, None, 100)
        .await?
        .context("no such account")
}

async fn past(book: Book) -> Result<()> {
    let alice = filled(&book).await?;
    let lines = ever(&book, alice).await?.lines;
    ensure!(lines.len() == 14, "{lines:#?}");
    let micro = Duration::from_micros(1);
    for line in &lines {
        for at in [
            line.posted_at.before(micro),
            line.posted_at,
            line.posted_at.after(micro),
        ] {
            // The slow way: everything up to then, added up.
            let until = lines.iter().filter(|line| line.posted_at <= at);
            let sum: i64 = until.map(|line| line.money.minor()).sum();
            let found = ledger::balance_at(&book.db, book.tenant, alice, at).await?;
            ensure!(found == Some(eur(sum)), "{at}: {found:?}, not {sum}");
        }
    }
    let now = ledger::balances(&book.db, book.tenant, alice).await?;
    let now = now.context("no such account")?;
    ensure!(
        now.current == eur(100_00 - 91_00) && now.available == now.current,
        "{now:?}"
    );
    ensure!(now.version == 14 && now.held == eur(0), "{now:?}");
    Ok(())
}

async fn statement(book: Book) -> Result<()> {
    let alice = filled(&book).await?;
    let all = ever(&book, alice).await?;
    ensure!(all.opening == eur(0) && all.closing == eur(9_00), "{all:?}");
    let first = &all.lines[0];
    ensure!(
        first.template == Template::Opening && first.transfer.is_none(),
        "{first:?}"
    );
    let counter = first.counter.context("no other side")?;
    ensure!(counter.purpose == Purpose::Nostro && counter.place == Place::Rail(RAIL));
    ensure!(!counter.among_others);
    let last = &all.lines[13];
    ensure!(last.transfer == Some(TransferId::from_bits(13)) && last.balance == eur(9_00));
    ensure!(last.counter.map(|counter| counter.purpose) == Some(Purpose::Pool));

    // Two halves of any cut: the first closes with what the second opens with, no line is twice.
    for cut in all.lines.iter().map(|line| line.posted_at) {
        let part = |period| ledger::statement(&book.db, book.tenant, alice, period, None, 100);
        let before = part(Period { to: cut, ..EVER }).await?.context("gone")?;
        let after = part(Period { from: cut, ..EVER }).await?.context("gone")?;
        ensure!(
            before.closing == after.opening,
            "{cut}: {before:?} {after:?}"
        );
        ensure!(before.lines.iter().all(|line| line.posted_at < cut));
        let together = [before.lines, after.lines].concat();
        ensure!(together == all.lines, "{cut}");
    }
    let never = Period {
        from: EVER.to,
        to: EVER.from,
    };
    let never = ledger::statement(&book.db, book.tenant, alice, never, None, 100).await?;
    let never = never.context("gone")?;
    ensure!(
        never.lines.is_empty() && never.opening == never.closing,
        "{never:?}"
    );
    Ok(())
}

async fn pages(book: Book) -> Result<()> {
    let alice = filled(&book).await?;
    let all = ever(&book, alice).await?;
    let mut cursor: Option<Cursor> = None;
    let mut lines = Vec::new();
    for number in 100_u128.. {
        let page = ledger::statement(&book.db, book.tenant, alice, EVER, cursor, 4).await?;
        let page = page.context("gone")?;
        ensure!(
            page.lines.len() <= 4 && page.closing == all.closing,
            "{page:?}"
        );
        lines.extend(page.lines);
        cursor = match page.next {
            // As it travels to the caller and back.
            Some(next) => Some(next.to_string().parse()?),
            None => break,
        };
        let entry = Entry::pay_wallet(
            book.tenant,
            step(number, Step::PayOut),
            Place::Internal,
            alice,
            eur(1),
        );
        book.post(entry).await?;
    }
    ensure!(lines == all.lines, "{lines:#?}");
    Ok(())
}

async fn trial(book: Book) -> Result<()> {
    let alice = filled(&book).await?;
    let lines = ever(&book, alice).await?.lines;
    for at in lines.iter().map(|line| line.posted_at) {
        let trial = ledger::trial_balance_before(&book.db, book.tenant, at).await?;
        let sum: i64 = trial.iter().map(|line| line.balance.minor()).sum();
        ensure!(sum == 0, "{at}: {trial:?}");
        let wallets = trial.iter().find(|line| line.purpose == Purpose::Wallet);
        let until = lines.iter().filter(|line| line.posted_at < at);
        let expected: i64 = until.map(|line| line.money.minor()).sum();
        let found = wallets.map_or(0, |line| line.balance.minor());
        ensure!(found == expected, "{at}: {trial:?}, not {expected}");
    }
    let now = ledger::trial_balance(&book.db, book.tenant).await?;
    let end = ledger::trial_balance_before(&book.db, book.tenant, EVER.to).await?;
    ensure!(now == end && now.len() == 3, "{now:?} {end:?}");
    Ok(())
}

async fn explained(book: Book) -> Result<()> {
    filled(&book).await?;
    let t = book.tenant;
    // One of them went on, one in part.
    book.post(Entry::set_aside(
        t,
        step(2, Step::PayOut),
        Place::Internal,
        RAIL,
        eur(2_00),
    ))
    .await?;
    book.post(Entry::set_aside(
        t,
        step(3, Step::PayOut),
        Place::Internal,
        RAIL,
        eur(1_00),
    ))
    .await?;
    let pool = pool(&book).await?;
    let all = ledger::explain(&book.db, t, pool, 100)
        .await?
        .context("gone")?;
    ensure!(all.adds_up() && all.balance == eur(88_00), "{all:?}");
    ensure!(all.all_shares == 12 && all.shares.len() == 12, "{all:?}");
    let third = TransferId::from_bits(3);
    let share = all
        .shares
        .iter()
        .find(|share| share.transfer == Some(third));
    ensure!(share.map(|share| share.money) == Some(eur(2_00)), "{all:?}");
    let few = ledger::explain(&book.db, t, pool, 2)
        .await?
        .context("gone")?;
    ensure!(few.shares == all.shares[..2] && few.adds_up(), "{few:?}");
    Ok(())
}

async fn pool(book: &Book) -> Result<AccountId> {
    let found = ledger::house_account(
        &book.db,
        book.tenant,
        Purpose::Pool,
        Place::Internal,
        Currency::EUR,
    );
    Ok(found.await?.context("no pool")?.id)
}

async fn tenants(book: Book) -> Result<()> {
    let alice = filled(&book).await?;
    ensure!(ledger::tenants(&book.db, 10).await? == [book.tenant]);
    let nothing: Option<Money> = None;
    for other in [tenant(1, Mode::Live), tenant(2, Mode::Sandbox)] {
        let other = book.of(other);
        let (db, t) = (&other.db, other.tenant);
        ensure!(ledger::balance_at(db, t, alice, EVER.to).await? == nothing);
        ensure!(ledger::balances(db, t, alice).await?.is_none());
        ensure!(
            ledger::statement(db, t, alice, EVER, None, 9)
                .await?
                .is_none()
        );
        ensure!(ledger::explain(db, t, alice, 9).await?.is_none());
        ensure!(
            ledger::trial_balance_before(db, t, EVER.to)
                .await?
                .is_empty()
        );
        let pool = ledger::house_account(db, t, Purpose::Pool, Place::Internal, Currency::EUR);
        ensure!(pool.await?.is_none());
    }
    book.of(tenant(2, Mode::Live)).funded(1, 5).await?;
    let all = ledger::tenants(&book.db, 10).await?;
    ensure!(all == [book.tenant, tenant(2, Mode::Live)], "{all:?}");
    ensure!(ledger::tenants(&book.db, 1).await? == [book.tenant]);
    Ok(())
}
