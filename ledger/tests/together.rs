//! Many callers at once, and several processes: nothing is posted twice, nothing waits for ever.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use both::{Book, each, eur, on_postgres, refusal, step};
use db::WriteError;
use domain::{Step, TransferId};
use ledger::{AccountRef, Entry, Leg, Place, PostError, Purpose, Refusal, Reserve};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("many_with_one_key_post_once", one_key));
    trials.extend(each(
        "crossing_transfers_do_not_wait_for_each_other",
        crossing,
    ));
    trials.extend(each("a_wallet_is_never_spent_twice", spent_once));
    trials.extend(each("a_hot_account_takes_everybody_s_money", hot));
    trials.extend(each(
        "a_caller_that_goes_away_leaves_nothing_half_done",
        dropped,
    ));
    trials.extend(each("what_another_process_wrote_is_seen", seen));
    trials.push(on_postgres("two_processes_share_a_book", two_processes));
    trials.push(on_postgres("two_processes_never_deadlock", no_deadlock));
    trials.push(on_postgres(
        "a_hold_is_resolved_by_one_process",
        resolved_once,
    ));
    testkit::main(trials)
}

async fn one_key(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let entry = Entry::collect_from_wallet(
        book.tenant,
        step(1, Step::Fund),
        Place::Internal,
        alice,
        eur(60_00),
    );
    let mut storm = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (book, entry) = (book.clone(), entry.clone());
        storm.spawn(async move { book.post(entry).await });
    }
    let mut fresh = 0;
    let mut ids = std::collections::BTreeSet::new();
    while let Some(answer) = storm.join_next().await {
        let posted = answer??;
        fresh += u32::from(!posted.replayed);
        ids.insert(posted.entry);
    }
    ensure!(
        (fresh, ids.len()) == (1, 1),
        "{fresh} fresh, {} ids",
        ids.len()
    );
    ensure!(book.balance(alice).await? == 40_00);
    book.is_true().await
}

async fn crossing(book: Book) -> Result<()> {
    cross(&book, &book).await
}

/// A pays B while B pays A, many times at once, through two handles on the book.
async fn cross(here: &Book, there: &Book) -> Result<()> {
    let alice = here.funded(1, 1_000_00).await?;
    let bob = here.funded(2, 1_000_00).await?;
    let mut transfers = tokio::task::JoinSet::new();
    for transfer in 0..60_u128 {
        let (book, from, to) = if transfer % 2 == 0 {
            (here.clone(), alice, bob)
        } else {
            (there.clone(), bob, alice)
        };
        transfers.spawn(async move {
            let money = eur(1_00);
            let collect = Entry::collect_from_wallet(
                book.tenant,
                step(transfer, Step::Fund),
                Place::Internal,
                from,
                money,
            );
            let pay = Entry::pay_wallet(
                book.tenant,
                step(transfer, Step::Settle),
                Place::Internal,
                to,
                money,
            );
            // A conflict says that nothing was executed and that the same call may be repeated.
            for entry in [collect, pay] {
                while let Err(error) = book.post(entry.clone()).await {
                    ensure!(is_conflict(&error), "{error:?}");
                }
            }
            Ok(())
        });
    }
    while let Some(done) = transfers.join_next().await {
        done??;
    }
    ensure!(here.balance(alice).await? == 1_000_00 && here.balance(bob).await? == 1_000_00);
    here.is_true().await
}

fn is_conflict(error: &WriteError<PostError>) -> bool {
    let WriteError::Refused(PostError::Ledger(ledger::LedgerError::Db(error))) = error else {
        return false;
    };
    matches!(error, db::DbError::Conflict(_))
}

async fn spent_once(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let mut spending = tokio::task::JoinSet::new();
    for transfer in 0..50 {
        let book = book.clone();
        let entry = Entry::collect_from_wallet(
            book.tenant,
            step(transfer, Step::Fund),
            Place::Internal,
            alice,
            eur(7_00),
        );
        spending.spawn(async move { book.post(entry).await });
    }
    let mut spent = 0;
    while let Some(answer) = spending.join_next().await {
        match answer? {
            Ok(_) => spent += 1,
            refused => {
                let short = refusal(refused)?;
                ensure!(
                    matches!(short, Refusal::InsufficientAvailable { .. }),
                    "{short:?}"
                );
            }
        }
    }
    ensure!(spent == 14, "{spent}");
    ensure!(book.balance(alice).await? == 2_00);
    book.is_true().await
}

/// A writer knows its accounts from one commit to the next, and finds out that it knows them no more.
async fn seen(here: Book) -> Result<()> {
    let there = here.another().await?;
    let alice = here.funded(1, 100_00).await?;
    let spend = async |book: &Book, transfer, minor| {
        let key = step(transfer, Step::Fund);
        let money = eur(minor);
        let entry = Entry::collect_from_wallet(book.tenant, key, Place::Internal, alice, money);
        book.book().post(entry).await
    };
    for transfer in 0..3 {
        spend(&here, transfer, 20_00).await?;
    }
    spend(&there, 3, 30_00).await?;
    let refused = refusal(spend(&here, 4, 20_00).await)?;
    ensure!(
        matches!(refused, Refusal::InsufficientAvailable { available, .. } if available == eur(10_00)),
        "{refused:?}"
    );
    // The other one must not take up an end of the chain that has moved on.
    spend(&there, 5, 1_00).await?;
    spend(&here, 6, 1_00).await?;
    ensure!(spend(&there, 6, 1_00).await?.replayed && spend(&here, 3, 30_00).await?.replayed);
    ensure!(there.balance(alice).await? == 8_00);
    here.is_true().await
}

const CALLERS: u128 = 64;
const EACH: u128 = 6;

/// Everybody pays into one pool at once: nothing is lost in it, and few commits carry it all.
async fn hot(book: Book) -> Result<()> {
    let mut payers = Vec::new();
    for user in 0..CALLERS {
        payers.push(book.funded(user, 10_00).await?);
    }
    let before = book.db.commits();
    let mut paying = tokio::task::JoinSet::new();
    for (payer, user) in payers.into_iter().zip(0..) {
        let book = book.clone();
        paying.spawn(async move {
            for number in 0..EACH {
                let key = step(user * EACH + number, Step::Fund);
                let entry =
                    Entry::collect_from_wallet(book.tenant, key, Place::Internal, payer, eur(1_00));
                book.post(entry).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = paying.join_next().await {
        done??;
    }
    let commits = book.db.commits() - before;
    let lines = ledger::trial_balance(&book.db, book.tenant).await?;
    let pool = lines.iter().find(|line| line.purpose == Purpose::Pool);
    let expected = i64::try_from(CALLERS * EACH)? * 1_00;
    ensure!(
        pool.is_some_and(|pool| pool.balance.minor() == expected),
        "{lines:?}"
    );
    ensure!(
        commits < u64::try_from(CALLERS * EACH / 4)?,
        "{commits} commits"
    );
    book.is_true().await
}

/// Polled so many times and then dropped, as by a request whose client hung up.
async fn dropped(book: Book) -> Result<()> {
    let alice = book.funded(1, 100_00).await?;
    let entry = |number| {
        Entry::collect_from_wallet(
            book.tenant,
            step(number, Step::Fund),
            Place::Internal,
            alice,
            eur(1),
        )
    };
    for polls in 0..8 {
        for caller in 0..12 {
            let mut posting = Box::pin(book.post(entry(polls * 12 + caller)));
            for _ in 0..polls {
                if futures_util::poll!(&mut posting).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    }
    let mut kept = 0;
    for number in 0..8 * 12 {
        // Nobody waited for it, but whoever asks again hears what became of it.
        kept += i64::from(book.post(entry(number)).await?.replayed);
    }
    // What was never polled was never asked for; what was asked for is not taken back.
    ensure!(kept == 7 * 12, "{kept} were kept");
    ensure!(book.balance(alice).await? == 100_00 - 8 * 12);
    book.is_true().await
}

/// A→B, C→D, … in one process and …, D→C, B→A in the other, many entries in one commit each: both
/// lock all that a batch needs in one order. (A job with statements of its own locks on its way;
/// where two such meet, one is lost and runs again.)
async fn no_deadlock(book: Book) -> Result<()> {
    const WALLETS: usize = 12;
    let other = book.another().await?;
    let mut wallets = Vec::new();
    for user in 0..WALLETS {
        wallets.push(book.funded(u128::try_from(user)?, 1_000_00).await?);
    }
    let conflicts = Arc::new(AtomicUsize::new(0));
    let mut paying = tokio::task::JoinSet::new();
    for caller in 0..usize::try_from(CALLERS)? {
        // Each asks about the next pair, upwards here and downwards there.
        let book = [&book, &other][caller % 2].clone();
        let wallets = wallets.clone();
        let conflicts = Arc::clone(&conflicts);
        paying.spawn(async move {
            for number in 0..usize::try_from(EACH)? {
                let place = (caller / 2 + number) % (WALLETS - 1);
                let (from, to) = match caller % 2 {
                    0 => (wallets[place], wallets[place + 1]),
                    _ => (wallets[WALLETS - 1 - place], wallets[WALLETS - 2 - place]),
                };
                let leg = |wallet, money| Leg {
                    account: AccountRef::Wallet(wallet),
                    money,
                };
                let legs = vec![leg(from, eur(-5)), leg(to, eur(5))];
                let key = format!("cross:{caller}:{number}");
                let transfer = TransferId::from_bits(1);
                let entry = Entry::free(book.tenant, &key, transfer, eur(5), legs);
                while let Err(error) = book.book().post(entry.clone()).await {
                    ensure!(is_conflict(&error), "{error:?}");
                    conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
            Ok(())
        });
    }
    while let Some(done) = paying.join_next().await {
        done??;
    }
    let conflicts = conflicts.load(Ordering::Relaxed);
    let deadlocks = deadlocks(&book).await?;
    println!("{conflicts} conflicts, {deadlocks} deadlocks");
    ensure!(
        conflicts == 0 && deadlocks == 0,
        "{conflicts} conflicts, {deadlocks} deadlocks"
    );
    book.is_true().await
}

/// One process posts each hold while the other voids it: one of them is told that it is over.
async fn resolved_once(book: Book) -> Result<()> {
    let other = book.another().await?;
    let alice = book.funded(1, 1_000_00).await?;
    let bob = book.funded(2, 1_000_00).await?;
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let (book, other) = (book.clone(), other.clone());
        let account = AccountRef::Wallet([alice, bob][usize::from(number % 2 == 0)]);
        racing.spawn(async move {
            let leg = |account, money| Leg { account, money };
            let legs = vec![leg(account, eur(-5)), leg(AccountRef::Fees, eur(5))];
            let reserve = Reserve {
                tenant: book.tenant,
                key: format!("hold:{number}"),
                account,
                money: eur(5),
                transfer: None,
                expires_at: None,
            };
            let hold = book.book().reserve(reserve).await?.hold;
            let transfer = TransferId::from_bits(1);
            let entry = Entry::free(
                book.tenant,
                &format!("use:{number}"),
                transfer,
                eur(5),
                legs,
            );
            let entry = entry.posting(hold);
            let (posting, voiding) = (book.book(), other.book());
            let (posted, voided) =
                tokio::join!(posting.post(entry), voiding.void(other.tenant, hold));
            match (posted, voided) {
                (Ok(_), Err(over)) => ensure!(is_over(&over), "{over:?}"),
                (Err(over), Ok(_)) => ensure!(is_over(&over), "{over:?}"),
                both => anyhow::bail!("{both:?}"),
            }
            Ok(())
        });
    }
    while let Some(done) = racing.join_next().await {
        done??;
    }
    let deadlocks = deadlocks(&book).await?;
    ensure!(deadlocks == 0, "{deadlocks} deadlocks");
    book.is_true().await
}

fn is_over(error: &WriteError<PostError>) -> bool {
    let WriteError::Refused(PostError::Refused(refusal)) = error else {
        return false;
    };
    matches!(refusal, Refusal::HoldResolved { .. })
}

/// The server's own count.
async fn deadlocks(book: &Book) -> Result<i64> {
    let row = book
        .db
        .fetch_optional(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
            vec![],
        )
        .await?
        .context("no statistics")?;
    Ok(row.int("deadlocks")?)
}

async fn two_processes(book: Book) -> Result<()> {
    let other = book.another().await?;
    cross(&book, &other).await?;
    // The same key through both at once, with money for one only.
    let carol = book.funded(3, 10_00).await?;
    let entry = Entry::collect_from_wallet(
        book.tenant,
        step(900, Step::Fund),
        Place::Internal,
        carol,
        eur(10_00),
    );
    let (one, two) = tokio::join!(book.post(entry.clone()), other.post(entry));
    let (one, two) = (one?, two?);
    ensure!(
        one.entry == two.entry && one.replayed != two.replayed,
        "{one:?} {two:?}"
    );
    ensure!(book.balance(carol).await? == 0);
    book.is_true().await
}
