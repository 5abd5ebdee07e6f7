//! Events of the business beyond the way of a transfer: allowances, exchange, entries taken back,
//! overdrafts. On both databases, and after each the oracle looks over the whole book.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, Timestamp};
use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, refusal, step};
use db::{Db, Options, WriteError};
use domain::transfer::Decline;
use domain::{AccountId, Currency, EntryId, HoldId, Money, QuoteId, Step, UserId};
use ledger::limits::{Every, Limit, Movement, limit_account, reserve_limit, use_limit};
use ledger::{
    CorrectError, Entry, Holder, Owner, Place, PostError, Posted, Purpose, Quote, Rate, Refusal,
    Reserved, Terms,
};

/// Where the clock of every test stands.
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const A_DAY: Duration = Duration::from_secs(86_400);

fn main() -> ExitCode {
    let trials = [
        each("together_they_never_pass_a_limit", async move |book| {
            together(book).await
        }),
        each(
            "a_limit_is_used_given_back_and_begins_anew",
            async move |book| one_limit(book).await,
        ),
        each(
            "one_limit_that_refuses_frees_the_others",
            async move |book| two_limits(book).await,
        ),
        each("a_quote_is_used_once_and_in_time", async move |book| {
            exchange(book).await
        }),
        each("an_entry_is_taken_back_once", async move |book| {
            corrections(book).await
        }),
        each("a_correction_may_be_tried_again", async move |book| {
            patience(book).await
        }),
        each("an_overdraft_is_lent_and_recorded", async move |book| {
            overdraft(book).await
        }),
    ];
    testkit::main(trials.into_iter().flatten().collect())
}

fn limit(book: &Book, every: Every, minor: i64) -> Limit {
    Limit {
        tenant: book.tenant,
        subject: Owner::User(UserId::from_bits(1)),
        every,
        allowance: eur(minor),
    }
}

/// Reserves with all of these limits, or with none.
async fn reserved(
    book: &Book,
    limits: Vec<Limit>,
    name: &str,
    minor: i64,
    at: Timestamp,
) -> Result<Vec<Reserved>, WriteError<PostError>> {
    let (mint, name) = (book.mint.clone(), name.to_owned());
    book.db
        .write(move |tx| {
            Box::pin(async move {
                let mut holds = Vec::new();
                for limit in &limits {
                    let movement = Movement {
                        name: &name,
                        money: eur(minor),
                        transfer: None,
                        at,
                        expires_at: None,
                    };
                    holds.push(reserve_limit(tx, &mint, limit, movement).await?);
                }
                Ok::<_, PostError>(holds)
            })
        })
        .await
}

async fn left(book: &Book, limit: &Limit, at: Timestamp) -> Result<Option<i64>> {
    let account = limit_account(&book.db, limit, at).await?;
    Ok(account.map(|account| account.available().minor()))
}

async fn used(book: &Book, hold: HoldId, minor: i64) -> Result<Posted, WriteError<PostError>> {
    let (mint, tenant) = (book.mint.clone(), book.tenant);
    book.db
        .write(move |tx| {
            Box::pin(async move { use_limit(tx, &mint, tenant, hold, eur(minor)).await })
        })
        .await
}

async fn corrected(book: &Book, entry: EntryId) -> Result<Posted, WriteError<CorrectError>> {
    let (mint, tenant) = (book.mint.clone(), book.tenant);
    book.db
        .write(move |tx| Box::pin(async move { ledger::correct(tx, &mint, tenant, entry).await }))
        .await
}

/// Two processes and forty callers at once, for ten places.
async fn together(book: Book) -> Result<()> {
    let other = book.another().await?;
    let day = limit(&book, Every::Day, 10_000);
    let mut callers = Vec::new();
    for caller in 0..40 {
        let book = if caller % 2 == 0 { &book } else { &other }.clone();
        callers.push(tokio::spawn(async move {
            reserved(&book, vec![day], &caller.to_string(), 10_00, NOW).await
        }));
    }
    let mut held = 0;
    for caller in callers {
        match caller.await? {
            Ok(_) => held += 1,
            refused => {
                let refused = refusal(refused)?;
                let full = matches!(refused, Refusal::InsufficientAvailable { .. });
                ensure!(full, "{refused}");
                ensure!(refused.decline() == Some(Decline::AmountNotAllowed));
            }
        }
    }
    ensure!(held == 10, "{held} reservations of a tenth");
    ensure!(left(&book, &day, NOW).await? == Some(0));
    book.is_true().await
}

async fn one_limit(book: Book) -> Result<()> {
    let day = limit(&book, Every::Day, 10_000);
    let first = reserved(&book, vec![day], "a", 60_00, NOW).await?[0];
    let again = reserved(&book, vec![day], "a", 60_00, NOW).await?[0];
    ensure!(again.replayed && again.hold == first.hold);
    let beyond = reserved(&book, vec![day], "b", 60_00, NOW).await;
    ensure!(matches!(
        refusal(beyond)?,
        Refusal::InsufficientAvailable { .. }
    ));

    // Used in part: the rest is free again. The use undone: all of it is.
    let use_of_it = used(&book, first.hold, 20_00).await?;
    ensure!(used(&book, first.hold, 20_00).await?.replayed);
    ensure!(left(&book, &day, NOW).await? == Some(80_00));
    corrected(&book, use_of_it.entry).await?;
    ensure!(left(&book, &day, NOW).await? == Some(10_000));

    // A voided reservation leaves no trace in what is left, and cannot be used any more.
    let second = reserved(&book, vec![day], "c", 10_000, NOW).await?[0];
    let tenant = book.tenant;
    book.db
        .write(move |tx| Box::pin(async move { ledger::void(tx, tenant, second.hold).await }))
        .await?;
    ensure!(left(&book, &day, NOW).await? == Some(10_000));
    let late = refusal(used(&book, second.hold, 1).await)?;
    ensure!(matches!(late, Refusal::HoldResolved { .. }), "{late}");
    let nobody = refusal(used(&book, HoldId::from_bits(404), 1).await)?;
    ensure!(matches!(nobody, Refusal::HoldUnknown { .. }), "{nobody}");

    // Another day, another allowance; and a raise is for one period.
    let tomorrow = NOW.after(A_DAY);
    ensure!(left(&book, &day, tomorrow).await?.is_none());
    reserved(&book, vec![day], "a", 10_000, tomorrow).await?;
    let account = limit_account(&book.db, &day, NOW).await?.unwrap();
    let raise = Entry::raise_limit(tenant, "once", account.id, eur(50_00));
    book.post(raise).await?;
    ensure!(left(&book, &day, NOW).await? == Some(15_000));
    ensure!(left(&book, &day, tomorrow).await? == Some(0));
    book.is_true().await
}

async fn two_limits(book: Book) -> Result<()> {
    let day = limit(&book, Every::Day, 10_000);
    let month = limit(&book, Every::Month, 12_000);
    reserved(&book, vec![day, month], "a", 80_00, NOW).await?;
    let tomorrow = NOW.after(A_DAY);
    let refused = reserved(&book, vec![day, month], "b", 50_00, tomorrow).await;
    refusal(refused)?;
    ensure!(left(&book, &month, NOW).await? == Some(40_00));
    // The day was not even begun.
    ensure!(left(&book, &day, tomorrow).await?.is_none());
    let nothing = Limit {
        subject: Owner::Partner(book.tenant.partner),
        ..limit(&book, Every::Year, 0)
    };
    refusal(reserved(&book, vec![nothing], "a", 1, NOW).await)?;
    book.is_true().await
}

fn quote(number: u128, made_at: Timestamp) -> Quote {
    let rate = Rate::try_new("163.257".parse().unwrap(), "0.01".parse().unwrap()).unwrap();
    let (id, life) = (QuoteId::from_bits(number), Duration::from_secs(30));
    Quote::selling(id, eur(10_000), Currency::JPY, rate, made_at, life).unwrap()
}

async fn exchange(book: Book) -> Result<()> {
    let alice = Holder::Wallet(book.funded(1, 25_000).await?);
    let yen = book.wallet(1, Currency::JPY).await?.id;
    let change = |quote: &Quote| Entry::exchange(book.tenant, alice, Holder::Wallet(yen), quote);
    let good = change(&quote(1, NOW))?;
    ensure!(!book.post(good.clone()).await?.replayed);
    ensure!(book.balance(yen).await? == 16_162);

    let expired = change(&quote(2, NOW.before(Duration::from_secs(30))))?;
    let refused = refusal(book.post(expired).await)?;
    ensure!(refused == Refusal::QuoteExpired { at: NOW }, "{refused}");

    // What was posted in time stays posted, whenever it is asked again; another sum is another
    // quote.
    let clock = Arc::new(ManualClock::at(NOW.after(A_DAY)));
    let later = Db::open(&book.url, Options::new(clock)).await?;
    let post_later = async |entry: Entry| {
        let mint = book.mint.clone();
        let posted = later.write(move |tx| {
            let (mint, entry) = (mint.clone(), entry.clone());
            Box::pin(async move { ledger::post(tx, &mint, &entry).await })
        });
        posted.await
    };
    ensure!(post_later(good).await?.replayed);
    let other = Holder::Wallet(book.wallet(2, Currency::JPY).await?.id);
    let elsewhere = Entry::exchange(book.tenant, alice, other, &quote(1, NOW))?;
    let refused = refusal(post_later(elsewhere).await)?;
    ensure!(matches!(refused, Refusal::KeyReused { .. }), "{refused}");

    let lines = ledger::trial_balance(&book.db, book.tenant).await?;
    let of = |purpose| {
        let mut found = lines.iter().filter(move |line| line.purpose == purpose);
        let sums: Vec<_> = found
            .by_ref()
            .map(|line| line.balance.to_string())
            .collect();
        sums.join(" ")
    };
    ensure!(of(Purpose::Liquidity) == "100.00 EUR -16325 JPY");
    ensure!(of(Purpose::Spread) == "163 JPY");
    book.is_true().await
}

async fn funded_pair(book: &Book) -> Result<(AccountId, AccountId)> {
    Ok((
        book.funded(1, 10_000).await?,
        book.wallet(2, Currency::EUR).await?.id,
    ))
}

async fn corrections(book: Book) -> Result<()> {
    let (alice, bob) = funded_pair(&book).await?;
    let inside = Place::Internal;
    let (fund, settle) = (step(1, Step::Fund), step(1, Step::Settle));
    let collect = Entry::collect_from_wallet(book.tenant, fund, inside, alice, eur(60_00));
    book.post(collect).await?;
    let pay = |to| Entry::pay_wallet(book.tenant, settle, inside, to, eur(60_00));
    // Paid to the wrong one: to the sender.
    let wrong = book.post(pay(alice)).await?.entry;
    let early = refusal(book.post(pay(bob).replacing(wrong)).await)?;
    ensure!(early == Refusal::NotCorrected { entry: wrong }, "{early}");
    let nothing = EntryId::from_bits(404);
    let another = Entry::pay_wallet(book.tenant, step(2, Step::Settle), inside, bob, eur(1));
    for entry in [pay(bob).replacing(nothing), another.following(nothing)] {
        let unknown = refusal(book.post(entry).await)?;
        ensure!(
            unknown == Refusal::LinkUnknown { entry: nothing },
            "{unknown}"
        );
    }
    let correction = corrected(&book, wrong).await?;
    ensure!(!correction.replayed && book.balance(alice).await? == 40_00);
    let again = corrected(&book, wrong).await?;
    ensure!(again.replayed && again.entry == correction.entry);

    let replacement = pay(bob).replacing(wrong);
    ensure!(!book.post(replacement.clone()).await?.replayed);
    ensure!(book.post(replacement).await?.replayed);
    ensure!(book.balance(bob).await? == 60_00);

    let twice = corrected(&book, correction.entry).await;
    ensure!(matches!(
        twice,
        Err(WriteError::Refused(CorrectError::IsCorrection(id))) if id == correction.entry
    ));
    let unknown = corrected(&book, EntryId::from_bits(404)).await;
    ensure!(matches!(
        unknown,
        Err(WriteError::Refused(CorrectError::Unknown(_)))
    ));
    // Of another tenant it is unknown too.
    let stranger = book.of(both::tenant(2, domain::Mode::Sandbox));
    ensure!(corrected(&stranger, wrong).await.is_err());
    book.is_true().await
}

/// A refusal of a customer is remembered for ever, but what puts right must be possible one day.
async fn patience(book: Book) -> Result<()> {
    let (alice, _) = funded_pair(&book).await?;
    let holder = Holder::Wallet(alice);
    let wrong = book
        .post(Entry::top_up(book.tenant, "w", RAIL, holder, eur(5_00)))
        .await?;
    let spent = Entry::withdraw(book.tenant, "s", holder, RAIL, eur(10_500));
    book.post(spent).await?;
    let refused = corrected(&book, wrong.entry).await;
    ensure!(matches!(
        refused,
        Err(WriteError::Refused(CorrectError::Post(PostError::Refused(
            Refusal::InsufficientAvailable { .. }
        ))))
    ));
    book.post(Entry::top_up(book.tenant, "m", RAIL, holder, eur(5_00)))
        .await?;
    ensure!(!corrected(&book, wrong.entry).await?.replayed);
    ensure!(book.balance(alice).await? == 0);
    book.is_true().await
}

async fn overdraft(book: Book) -> Result<()> {
    let alice = book.funded(1, 10_000).await?;
    let tenant = book.tenant;
    let change = async |floor: i64, ceiling: i64| {
        let terms = Terms {
            floor: Some(eur(floor)),
            ceiling: Some(eur(ceiling)),
        };
        let change = book.db.write(move |tx| {
            Box::pin(async move { ledger::change_terms(tx, tenant, alice, terms, "agreed").await })
        });
        change.await
    };
    change(-50_00, 20_000).await?;
    let out = |name: &str, minor| {
        let name = name.to_owned();
        Entry::withdraw(tenant, &name, Holder::Wallet(alice), RAIL, eur(minor))
    };
    book.post(out("a", 15_000)).await?;
    ensure!(book.balance(alice).await? == -50_00);
    let refused = refusal(book.post(out("b", 1)).await)?;
    ensure!(matches!(refused, Refusal::InsufficientAvailable { .. }));
    let much = Entry::top_up(tenant, "much", RAIL, Holder::Wallet(alice), eur(25_001));
    let refused = refusal(book.post(much).await)?;
    let ceiling: Money = eur(20_000);
    ensure!(matches!(refused, Refusal::AboveCeiling { ceiling: is, .. } if is == ceiling));
    // It cannot be called back while it is used.
    ensure!(change(0, 20_000).await.is_err());
    let records = book
        .db
        .fetch_optional("SELECT COUNT(*) AS n FROM account_changes", db::params![])
        .await?;
    ensure!(records.unwrap().int("n")? == 1);
    book.is_true().await
}
