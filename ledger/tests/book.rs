//! The book on both databases: a transfer's whole way, wallets, tenants, and who may write.
#![allow(clippy::unwrap_used)]
#![allow(clippy::inconsistent_digit_grouping)] // 100_00 reads as 100.00.

mod both;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use both::{Book, RAIL, each, eur, refusal, step, tenant, undo};
use db::WriteError;
use domain::{Currency, Mode, Step, TransferId, UserId};
use ledger::{AccountRef, ChangeError, Entry, Place, Purpose, Refusal, State, Template};
use testkit::trial;

fn main() -> ExitCode {
    let mut trials = vec![trial("nobody_else_writes_the_book", only_the_ledger_writes)];
    trials.extend(each(
        "a_bank_to_bank_transfer_leaves_only_nostro",
        bank_to_bank,
    ));
    trials.extend(each(
        "a_refused_payout_gives_everything_back",
        refused_payout,
    ));
    trials.extend(each("a_wallet_is_opened_once_per_currency", wallet_once));
    trials.extend(each("closing_needs_an_empty_wallet", closing));
    trials.extend(each("tenants_do_not_see_each_other", tenants));
    trials.extend(each("a_balance_is_explained_by_its_transfers", explained));
    testkit::main(trials)
}

/// Rooms that keep books of their own in files of their own: a bank's, and the engine's.
const OWN_BOOKS: [&str; 2] = ["sandbox", "engine"];

async fn only_the_ledger_writes() -> Result<()> {
    let house = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut seen = 0;
    for room in std::fs::read_dir(house)? {
        let room = room?;
        let name = room.file_name().to_string_lossy().into_owned();
        let source = room.path().join("src");
        if name == "ledger" || OWN_BOOKS.contains(&name.as_str()) || !source.is_dir() {
            continue;
        }
        let mut folders = vec![source];
        while let Some(folder) = folders.pop() {
            for file in std::fs::read_dir(folder)? {
                let path = file?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path)?;
                seen += 1;
                for table in ["accounts", "entries", "postings"] {
                    for verb in ["INSERT INTO", "UPDATE", "DELETE FROM"] {
                        let writes = text.contains(&format!("{verb} {table} "));
                        ensure!(!writes, "{} has {verb} {table}", path.display());
                    }
                }
            }
        }
    }
    ensure!(seen > 20, "only {seen} files were read");
    Ok(())
}

async fn bank_to_bank(book: Book) -> Result<()> {
    let (t, money) = (book.tenant, eur(70_00));
    book.post(Entry::collect_from_bank(
        t,
        step(1, Step::Fund),
        Place::Internal,
        RAIL,
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
    let lines = ledger::trial_balance(&book.db, t).await?;
    let shown: Vec<_> = lines
        .iter()
        .map(|line| (line.purpose, line.balance.minor()))
        .collect();
    ensure!(
        shown
            == [
                (Purpose::Nostro, -70_00),
                (Purpose::Pool, 0),
                (Purpose::Suspense, 70_00)
            ],
        "{shown:?}"
    );
    book.post(Entry::settle_payout(t, step(1, Step::Settle), RAIL, money))
        .await?;
    let lines = ledger::trial_balance(&book.db, t).await?;
    ensure!(lines.iter().all(|line| line.balance.is_zero()), "{lines:?}");

    let entries = ledger::entries_of_transfer(&book.db, t, TransferId::from_bits(1)).await?;
    let templates: Vec<_> = entries.iter().map(|entry| entry.template).collect();
    ensure!(
        templates
            == [
                Template::CollectFromBank,
                Template::SetAside,
                Template::SettlePayout
            ]
    );
    let first = &entries[0].postings;
    ensure!(
        first
            .iter()
            .map(|leg| leg.money.minor())
            .collect::<Vec<_>>()
            == [-70_00, 70_00]
    );
    ensure!(first[0].purpose == Purpose::Nostro && first[1].balance_after == money);
    book.is_true().await
}

async fn refused_payout(book: Book) -> Result<()> {
    let (t, money) = (book.tenant, eur(30_00));
    let alice = book.funded(1, 100_00).await?;
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
    ensure!(book.balance(alice).await? == 70_00);
    book.post(Entry::release_set_aside(
        t,
        undo(1, Step::PayOut),
        Place::Internal,
        RAIL,
        money,
    ))
    .await?;
    book.post(Entry::give_back_to_wallet(
        t,
        undo(1, Step::Fund),
        Place::Internal,
        alice,
        money,
    ))
    .await?;
    ensure!(book.balance(alice).await? == 100_00);
    let lines = ledger::trial_balance(&book.db, t).await?;
    let inside =
        |line: &&ledger::TrialLine| matches!(line.purpose, Purpose::Pool | Purpose::Suspense);
    ensure!(
        lines
            .iter()
            .filter(inside)
            .all(|line| line.balance.is_zero()),
        "{lines:?}"
    );
    book.is_true().await
}

async fn wallet_once(book: Book) -> Result<()> {
    let euros = book.wallet(1, Currency::EUR).await?;
    let again = book.wallet(1, Currency::EUR).await?;
    ensure!(euros == again);
    let dollars = book.wallet(1, Currency::USD).await?;
    ensure!(euros.id != dollars.id);
    let wallets = ledger::accounts_of(&book.db, book.tenant, UserId::from_bits(1)).await?;
    ensure!(wallets == [euros.clone(), dollars]);
    let found = ledger::account(&book.db, book.tenant, euros.id).await?;
    ensure!(found == Some(euros));
    Ok(())
}

async fn closing(book: Book) -> Result<()> {
    let alice = book.funded(1, 5_00).await?;
    let full = book.change(alice, State::Closed).await;
    ensure!(
        matches!(full, Err(WriteError::Refused(ChangeError::NotEmpty(_)))),
        "{full:?}"
    );
    book.post(Entry::collect_from_wallet(
        book.tenant,
        step(1, Step::Fund),
        Place::Internal,
        alice,
        eur(5_00),
    ))
    .await?;
    book.change(alice, State::Closed).await?;
    let reopened = book.change(alice, State::Open).await;
    ensure!(
        matches!(reopened, Err(WriteError::Refused(ChangeError::Closed))),
        "{reopened:?}"
    );
    // The same user and currency: the closed wallet is shown, not quietly replaced.
    ensure!(book.wallet(1, Currency::EUR).await?.state == State::Closed);
    book.is_true().await
}

async fn tenants(book: Book) -> Result<()> {
    let alice = book.funded(1, 5_00).await?;
    let foreign = [tenant(1, Mode::Live), tenant(2, Mode::Sandbox)];
    for other in foreign.map(|scope| book.of(scope)) {
        ensure!(
            ledger::account(&other.db, other.tenant, alice)
                .await?
                .is_none()
        );
        ensure!(
            ledger::accounts_of(&other.db, other.tenant, UserId::from_bits(1))
                .await?
                .is_empty()
        );
        ensure!(
            ledger::trial_balance(&other.db, other.tenant)
                .await?
                .is_empty()
        );
        let entry = Entry::collect_from_wallet(
            other.tenant,
            step(1, Step::Fund),
            Place::Internal,
            alice,
            eur(1),
        );
        let account = AccountRef::Wallet(alice);
        ensure!(refusal(other.post(entry).await)? == Refusal::AccountUnknown { account });
        // The same key in another tenant is another key.
        let opened = other.funded(1, 7_00).await?;
        ensure!(opened != alice && other.balance(opened).await? == 7_00);
    }
    ensure!(book.balance(alice).await? == 5_00);
    book.is_true().await
}

async fn explained(book: Book) -> Result<()> {
    for (transfer, minor) in [(1, 10_00), (2, 20_00), (3, 30_00)] {
        let entry = Entry::collect_from_bank(
            book.tenant,
            step(transfer, Step::Fund),
            Place::Internal,
            RAIL,
            eur(minor),
        );
        book.post(entry).await?;
        let entry = Entry::set_aside(
            book.tenant,
            step(transfer, Step::PayOut),
            Place::Internal,
            RAIL,
            eur(minor),
        );
        book.post(entry).await?;
    }
    let settled = Entry::settle_payout(book.tenant, step(2, Step::Settle), RAIL, eur(20_00));
    book.post(settled).await?;
    let entries =
        ledger::entries_of_transfer(&book.db, book.tenant, TransferId::from_bits(1)).await?;
    let suspense = entries[1].postings[1].account;
    let explained = ledger::explain(&book.db, book.tenant, suspense, 10)
        .await?
        .unwrap();
    let shown: Vec<_> = explained
        .shares
        .iter()
        .map(|s| (s.transfer.unwrap().bits(), s.money.minor()))
        .collect();
    ensure!(
        shown == [(1, 10_00), (3, 30_00)] && explained.adds_up(),
        "{explained:?}"
    );
    ensure!(book.balance(suspense).await? == 40_00);
    let one = ledger::explain(&book.db, book.tenant, suspense, 1)
        .await?
        .unwrap();
    ensure!(
        one.shares.len() == 1 && one.all_shares == 2 && one.adds_up(),
        "{one:?}"
    );
    book.is_true().await
}
