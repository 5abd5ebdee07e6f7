//! Any order and any number of repetitions, also at the same moment, make the same books: each
//! story's steps are asked for once and in turn in one tenant, and by many callers at once, each
//! step one to three times, in another.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 10_000_00 reads as 10,000.00.

mod both;

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use both::chance::{Chance, seed, whole};
use both::{Book, each, eur};
use db::{WriteError, params};
use domain::{AccountId, HoldId, Mode, TransferId};
use futures_util::future::try_join_all;
use ledger::{AccountRef, Entry, Leg, PostError, Refusal, Reserve};

const WALLETS: u128 = 5;
/// Nobody is ever short, so no story depends on another.
const OPENING: i64 = 10_000_00;
/// Stories that are told at the same time.
const AT_ONCE: usize = 64;

fn main() -> ExitCode {
    testkit::main(each("the_same_books_whatever_the_order", orders).into())
}

/// What happens to some money.
#[derive(Clone, Copy, Debug)]
enum End {
    Moved,
    HeldAndMoved { of: i64 },
    HeldAndFreed,
}

#[derive(Clone, Copy, Debug)]
struct Story {
    number: u64,
    from: usize,
    to: usize,
    minor: i64,
    end: End,
}

async fn orders(book: Book) -> Result<()> {
    let seed = seed()?;
    let (rounds, stories) = if whole() { (20, 400) } else { (2, 120) };
    let mut chance = Chance::new(seed);
    for round in 0..rounds {
        let told: Vec<_> = (0..stories)
            .map(|number| story(&mut chance, number))
            .collect();
        let in_turn = book.of(both::tenant(2 * round + 1, Mode::Sandbox));
        let at_once = book.of(both::tenant(2 * round + 2, Mode::Sandbox));
        let wallets = open(&in_turn).await?;
        for story in &told {
            tell(&in_turn, &wallets, *story, 1).await?;
        }
        let wallets = open(&at_once).await?;
        let mut order: Vec<_> = told.iter().collect();
        for at in (1..order.len()).rev() {
            let other = usize::try_from(chance.below(at as u64 + 1))?;
            order.swap(at, other);
        }
        for some in order.chunks(AT_ONCE) {
            let telling = some.iter().map(|story| {
                let times = 1 + usize::try_from(story.number % 3).unwrap();
                tell(&at_once, &wallets, **story, times)
            });
            try_join_all(telling).await?;
        }
        let (expected, found) = (books(&in_turn).await?, books(&at_once).await?);
        ensure!(
            expected == found,
            "REMIT_TEST_SEED={seed}, round {round}\n  {expected:?}\n  {found:?}"
        );
    }
    book.is_true().await
}

fn story(chance: &mut Chance, number: u64) -> Story {
    let wallet = |chance: &mut Chance| usize::try_from(chance.below(WALLETS as u64)).unwrap();
    let (from, further) = (wallet(chance), 1 + chance.below(WALLETS as u64 - 1));
    let to = (from + usize::try_from(further).unwrap()) % usize::try_from(WALLETS).unwrap();
    let minor = 1 + i64::try_from(chance.below(20_00)).unwrap();
    let end = match chance.below(3) {
        0 => End::Moved,
        1 => End::HeldAndFreed,
        _ => End::HeldAndMoved {
            of: minor + i64::try_from(chance.below(5_00)).unwrap(),
        },
    };
    Story {
        number,
        from,
        to,
        minor,
        end,
    }
}

async fn open(book: &Book) -> Result<Vec<AccountId>> {
    try_join_all((0..WALLETS).map(|user| book.funded(user, OPENING))).await
}

/// Each step so many times at once, and the next step only then.
async fn tell(book: &Book, wallets: &[AccountId], story: Story, times: usize) -> Result<()> {
    let Story {
        number,
        from,
        minor,
        ..
    } = story;
    let (from, to) = (
        AccountRef::Wallet(wallets[from]),
        AccountRef::Wallet(wallets[story.to]),
    );
    let leg = |account, money| Leg { account, money };
    let legs = vec![leg(from, eur(-minor)), leg(to, eur(minor))];
    let transfer = TransferId::from_bits(u128::from(number) + 1);
    let moved = Entry::free(
        book.tenant,
        &format!("move:{number}"),
        transfer,
        eur(minor),
        legs,
    );
    match story.end {
        End::Moved => post(book, moved, times).await,
        End::HeldAndMoved { of } => {
            let hold = reserve(book, number, from, of, times).await?;
            post(book, moved.posting(hold), times).await
        }
        End::HeldAndFreed => {
            let hold = reserve(book, number, from, minor, times).await?;
            for answer in futures_util::future::join_all((0..times).map(|_| book.void(hold))).await
            {
                match answer {
                    Ok(_)
                    | Err(WriteError::Refused(PostError::Refused(Refusal::HoldResolved {
                        ..
                    }))) => {}
                    Err(error) => bail!("{story:?}: {error:?}"),
                }
            }
            Ok(())
        }
    }
}

async fn post(book: &Book, entry: Entry, times: usize) -> Result<()> {
    let answers = try_join_all((0..times).map(|_| book.post(entry.clone()))).await?;
    let fresh = answers.iter().filter(|posted| !posted.replayed).count();
    let one = answers
        .iter()
        .all(|posted| posted.entry == answers[0].entry);
    ensure!(fresh == 1 && one, "{answers:?}");
    Ok(())
}

async fn reserve(
    book: &Book,
    number: u64,
    account: AccountRef,
    minor: i64,
    times: usize,
) -> Result<HoldId> {
    let reserve = Reserve {
        tenant: book.tenant,
        key: format!("hold:{number}"),
        account,
        money: eur(minor),
        transfer: None,
        expires_at: None,
    };
    let answers = try_join_all((0..times).map(|_| book.reserve(reserve.clone()))).await?;
    let fresh = answers.iter().filter(|reserved| !reserved.replayed).count();
    ensure!(fresh == 1, "{answers:?}");
    answers
        .first()
        .map(|reserved| reserved.hold)
        .context("asked never")
}

/// What must be the same: by whose account it is, what is on it, and how often it moved; every
/// entry's key; how every hold ended.
async fn books(book: &Book) -> Result<Vec<String>> {
    let mut seen = Vec::new();
    for sql in [
        "SELECT COALESCE(owner_id, purpose) AS a, CAST(balance AS TEXT) AS b, CAST(version AS TEXT) AS c,
                CAST(held AS TEXT) AS d
         FROM accounts WHERE partner_id = $1 AND livemode = $2 ORDER BY 1",
        "SELECT key AS a, '' AS b, '' AS c, '' AS d
         FROM entries WHERE partner_id = $1 AND livemode = $2 ORDER BY 1",
        "SELECT key AS a, state AS b, CAST(posted AS TEXT) AS c, CAST(amount AS TEXT) AS d
         FROM holds WHERE partner_id = $1 AND livemode = $2 ORDER BY 1",
    ] {
        let scope = params![book.tenant.partner.to_string(), book.tenant.mode.is_live()];
        for row in &book.db.fetch_all(sql, scope).await? {
            let words = ["a", "b", "c", "d"].map(|column| row.text(column));
            let words = words.into_iter().collect::<Result<Vec<_>, _>>()?;
            seen.push(words.join(" "));
        }
    }
    Ok(seen)
}
