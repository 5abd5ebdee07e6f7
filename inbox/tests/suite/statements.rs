//! Statements: each line is taken in once, whoever reads.

use anyhow::{Result, ensure};
use domain::StepKey;
use domain::rail::{Cursor, Line, LineKind, Page};
use inbox::{Filter, News, Origin, State};
use testkit::Trial;
use transfers::AttemptState;

use crate::house::{House, RAIL, each, eur};

pub(crate) fn trials() -> Vec<Trial> {
    each("a_line_is_taken_in_once_and_ends_the_doubt", once).into()
}

fn paid(key: StepKey) -> Line {
    Line {
        kind: LineKind::Out,
        key: Some(key),
        reference: key.to_string(),
        bank_reference: format!("bk-{}", key.transfer),
        money: eur(25_00),
        booked_at: None,
        code: None,
    }
}

async fn once(house: House) -> Result<()> {
    let key = house.in_doubt("a").await?;
    let foreign = Line {
        key: None,
        reference: "RENT OF MR. BROWN".to_owned(),
        ..paid(key)
    };
    let page = Page {
        lines: vec![paid(key), foreign, paid(key)],
        next: Cursor("3".to_owned()),
    };
    let start = Cursor::default();
    let read = house.inbox.read_on(RAIL, &start, page.clone()).await?;
    ensure!(read.stored && read.lines == 3);
    // Another process has read the same page, and is too late.
    ensure!(!house.inbox.read_on(RAIL, &start, page).await?.stored);
    ensure!(house.inbox.place_of(RAIL).await?.0 == Cursor("3".to_owned()));

    let of = async |state| {
        let filter = Filter {
            rail: Some(RAIL),
            origin: Some(Origin::Statement),
            state: Some(state),
        };
        house.inbox.messages(filter, None, 100).await
    };
    ensure!(of(State::Waiting).await?.len() == 1);
    let second = of(State::Quarantined).await?;
    ensure!(second.len() == 1, "the same movement again: {second:?}");
    let unmatched = of(State::Unmatched).await?;
    let words = house.inbox.words(unmatched[0].id).await?.unwrap();
    ensure!(words == "RENT OF MR. BROWN", "{words}");
    // In the database nobody's name can be read.
    let row = house
        .db
        .fetch_optional(
            "SELECT sealed_words FROM rail_messages WHERE state = 'unmatched'",
            Vec::new(),
        )
        .await?
        .unwrap();
    let sealed = row.bytes("sealed_words")?;
    ensure!(!String::from_utf8_lossy(&sealed).contains("BROWN"));

    let line = of(State::Waiting).await?.remove(0);
    let news = house.inbox.hear(&house.tenant, RAIL, key, line.id).await?;
    let News::Settled { known, by } = news else {
        anyhow::bail!("{news:?}");
    };
    ensure!(by == Origin::Statement && matches!(known, AttemptState::Done { .. }));
    // Later pages say the same again, at another place.
    let page = Page {
        lines: vec![paid(key)],
        next: Cursor("4".to_owned()),
    };
    house
        .inbox
        .read_on(RAIL, &Cursor("3".to_owned()), page)
        .await?;
    ensure!(of(State::Quarantined).await?.len() == 2);
    Ok(())
}
