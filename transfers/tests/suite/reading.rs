//! Lists and events: complete, in order, stable while others write. And nothing personal in clear.

use std::time::Duration;

use crate::house::{House, each, on_postgres};
use ambient::Clock;
use anyhow::{Result, ensure};
use domain::transfer::{FlagKind, Happening, Status};
use domain::{EventId, Step};
use testkit::Trial;
use tokio::sync::watch;
use transfers::{Filter, StoreError, outbox};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("pages_are_stable_while_others_arrive", pages));
    trials.extend(each("filters_hold_together", filters));
    trials.extend(each("events_come_in_order_and_completely", events));
    trials.push(on_postgres(
        "a_slow_committer_holds_events_back",
        slow_committer,
    ));
    trials.extend(each("no_description_is_stored_in_clear", canary));
    trials
}

async fn pages(house: House) -> Result<()> {
    let mut made = Vec::new();
    for number in 0..9 {
        let new = house.order(house.wallet(0), house.wallet(1));
        made.push(house.accept(&format!("k{number}"), new).await?.id);
        // Some at the same instant, some later: neither may be skipped or seen twice.
        if number % 3 == 0 {
            house.clock.advance(Duration::from_secs(1));
        }
    }
    made.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let filter = Filter::default();
        let page = house
            .transfers
            .list(&house.tenant, &filter, cursor, 2)
            .await?;
        seen.extend(page.transfers.iter().map(|transfer| transfer.id));
        let key = format!("late{}", seen.len());
        house
            .accept(&key, house.order(house.wallet(1), house.wallet(0)))
            .await?;
        // The cursor survives the way to the client and back.
        cursor = match page.next {
            Some(next) => Some(next.to_string().parse()?),
            None => break,
        };
    }
    ensure!(seen == made, "{seen:?}\n{made:?}");
    Ok(())
}

async fn filters(house: House) -> Result<()> {
    let start = house.clock.now();
    let mut ids = Vec::new();
    for number in 0..4 {
        let mut new = house.order(house.wallet(0), house.wallet(1));
        new.client_reference = Some(format!("ref{}", number % 2));
        ids.push(house.accept(&format!("k{number}"), new).await?.id);
        house.clock.advance(Duration::from_secs(10));
    }
    house.record(ids[0], &[Happening::Canceled]).await?;
    let doubt = Happening::Raised {
        flag: FlagKind::InDoubt,
        step: Step::Collect,
        note: "no answer".to_owned(),
    };
    house
        .record(ids[1], &[Happening::Collecting, doubt])
        .await?;
    let none = Filter::default;
    let reference = Some("ref0".to_owned());
    let after = |seconds| Some(start.after(Duration::from_secs(seconds)));
    for (filter, expected) in [
        (none(), vec![3, 2, 1, 0]),
        (
            Filter {
                status: Some(Status::Created),
                ..none()
            },
            vec![3, 2],
        ),
        (
            Filter {
                status: Some(Status::Refunded),
                ..none()
            },
            vec![],
        ),
        (
            Filter {
                client_reference: reference.clone(),
                ..none()
            },
            vec![2, 0],
        ),
        (
            Filter {
                created_from: after(10),
                ..none()
            },
            vec![3, 2, 1],
        ),
        (
            Filter {
                created_from: after(10),
                created_before: after(20),
                ..none()
            },
            vec![1],
        ),
        (
            Filter {
                flagged: true,
                ..none()
            },
            vec![1],
        ),
        (
            Filter {
                status: Some(Status::Created),
                client_reference: reference,
                ..none()
            },
            vec![2],
        ),
    ] {
        let page = house
            .transfers
            .list(&house.tenant, &filter, None, 10)
            .await?;
        let found: Vec<_> = page.transfers.iter().map(|transfer| transfer.id).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|place: usize| ids[place])
            .collect();
        ensure!(found == expected && page.next.is_none(), "{filter:?}");
    }
    let counts = house.transfers.count_by_status(&house.tenant).await?;
    ensure!(counts == [("canceled", 1), ("collecting", 1), ("created", 2)].into());
    Ok(())
}

async fn events(house: House) -> Result<()> {
    let first = house
        .accept("k1", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let second = house
        .accept("k2", house.order(house.wallet(1), house.wallet(0)))
        .await?;
    let funded = Happening::Funded {
        bank_reference: None,
    };
    house
        .record(first.id, &[Happening::Collecting, funded])
        .await?;
    house.record(second.id, &[Happening::Canceled]).await?;
    house.record(first.id, &[Happening::PayingOut]).await?;

    house.events(6).await?;
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = house.transfers.events(&house.tenant, after, 2).await?;
        let Some(last) = page.last() else { break };
        after = last.position;
        seen.extend(page);
    }
    let name = |id| if id == first.id { "first" } else { "second" };
    let drawn: Vec<_> = seen
        .iter()
        .map(|event| format!("{} {} {}", name(event.transfer), event.sequence, event.kind))
        .collect();
    ensure!(
        drawn
            == [
                "first 1 transfer.created",
                "second 1 transfer.created",
                "first 2 transfer.collecting",
                "first 3 transfer.funded",
                "second 2 transfer.canceled",
                "first 4 transfer.paying_out",
            ],
        "{drawn:#?}"
    );
    ensure!(
        seen.windows(2)
            .all(|pair| pair[0].position < pair[1].position)
    );
    ensure!(
        seen[3]
            .data
            .contains(r#""held":{"amount":2500,"currency":"EUR"}"#),
        "{}",
        seen[3].data
    );
    Ok(())
}

/// Another process has written an event and not committed it yet. Whatever is committed meanwhile
/// must not be handed out before it.
async fn slow_committer(house: House) -> Result<()> {
    let mut slow = house
        .accept("k1", house.order(house.wallet(0), house.wallet(1)))
        .await?;
    let start = house.events(1).await?[0].position;
    let (other, _) = house.another_process().await?;
    let (written, is_written) = watch::channel(false);
    let (go, may_go) = watch::channel(false);
    slow.version = 2;
    let job = tokio::spawn(async move {
        other
            .write(move |tx| {
                let (written, mut may_go) = (written.clone(), may_go.clone());
                let slow = slow.clone();
                Box::pin(async move {
                    outbox::append(tx, EventId::from_bits(1), &slow, "transfer.slow").await?;
                    written.send_replace(true);
                    may_go.wait_for(|go| *go).await.unwrap();
                    Ok::<_, StoreError>(())
                })
            })
            .await
    });
    is_written.clone().wait_for(|written| *written).await?;

    house
        .accept("k2", house.order(house.wallet(1), house.wallet(0)))
        .await?;
    let meanwhile = house.transfers.events(&house.tenant, start, 10).await?;
    ensure!(meanwhile.is_empty(), "handed out too early: {meanwhile:?}");

    go.send_replace(true);
    job.await??;
    house.events(3).await?;
    let after = house.transfers.events(&house.tenant, start, 10).await?;
    let kinds: Vec<_> = after.iter().map(|event| event.kind.as_str()).collect();
    ensure!(kinds == ["transfer.slow", "transfer.created"], "{kinds:?}");
    Ok(())
}

async fn canary(house: House) -> Result<()> {
    let mut new = house.order(house.bank(0), house.wallet(1));
    new.description = Some("DESCRIPTION-CANARY".to_owned());
    let made = house.accept("k", new).await?;
    let doubt = Happening::Raised {
        flag: FlagKind::InDoubt,
        step: Step::Collect,
        note: "no answer".to_owned(),
    };
    house
        .record(made.id, &[Happening::Collecting, doubt])
        .await?;
    let mut stored = Vec::new();
    if let Some(dir) = house.files() {
        for file in std::fs::read_dir(dir)? {
            stored.extend(std::fs::read(file?.path())?);
        }
    } else {
        for table in [
            "transfers",
            "idempotency_keys",
            "outbox",
            "transfer_status_history",
        ] {
            let sql = format!("SELECT CAST({table} AS TEXT) AS line FROM {table}");
            for row in house.db.fetch_all(&sql, db::params![]).await? {
                stored.extend(row.text("line")?.into_bytes());
            }
        }
    }
    let contains = |text: &str| {
        stored
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    // PostgreSQL writes bytes as hexadecimal.
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for text in ["DESCRIPTION-CANARY", "SB-ALICE-0001", "SB-BOB-0001"] {
        ensure!(
            !contains(text) && !contains(&hex(text)),
            "{text} is stored in clear"
        );
    }
    ensure!(contains(&made.id.to_string()), "looked in vain");
    Ok(())
}
