//! `trial`, `statement`, `explain`, `balance` and `chart`.

use ambient::Timestamp;
use domain::{Code, Money};
use ledger::{Chart, Counter, Period, Purpose};
use serde_json::{Value, json};

use crate::books::table::{Table, say, say_json};
use crate::books::{open, questions};
use crate::failure::Failure;
use crate::settings::Settings;

pub(crate) async fn trial(
    asked: &questions::Trial,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = open::database(settings).await?;
    let tenant = open::tenant(&db, &asked.scope).await?;
    let lines = match asked.before {
        None => ledger::trial_balance(&db, tenant).await,
        Some(at) => ledger::trial_balance_before(&db, tenant, at).await,
    };
    let lines = lines.map_err(|error| open::unreadable(&error))?;
    db.close().await;
    let mut sums: Vec<Money> = Vec::new();
    for line in &lines {
        match sums
            .iter_mut()
            .find(|sum| sum.currency() == line.balance.currency())
        {
            Some(sum) => *sum = added(*sum, line.balance)?,
            None => sums.push(line.balance),
        }
    }
    if json {
        let shown = lines.iter().map(|line| {
            json!({
                "purpose": line.purpose.name(), "place": line.place.name(),
                "accounts": line.accounts, "balance": amount(line.balance),
            })
        });
        let sums: Vec<_> = sums.iter().copied().map(amount).collect();
        say_json(&json!({
            "partner": tenant.partner.to_string(), "livemode": tenant.mode.is_live(),
            "before": asked.before.map(|at| at.to_string()),
            "lines": shown.collect::<Vec<_>>(), "sums": sums,
        }));
        return Ok(());
    }
    let mut table = Table::new(&["purpose", "place", " accounts", " balance"]);
    for line in &lines {
        table.row([
            line.purpose.name().to_owned(),
            line.place.name().to_owned(),
            line.accounts.to_string(),
            line.balance.to_string(),
        ]);
    }
    for sum in sums {
        let empty = String::new;
        table.row(["sum".to_owned(), empty(), empty(), sum.to_string()]);
    }
    say(&table.text());
    Ok(())
}

pub(crate) async fn statement(
    asked: &questions::Statement,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = open::database(settings).await?;
    let tenant = open::tenant(&db, &asked.scope).await?;
    let account = open::account(&db, tenant, &asked.account).await?;
    let period = Period {
        from: asked.from.unwrap_or(Timestamp::from_micros(i64::MIN)),
        to: asked.to.unwrap_or(Timestamp::from_micros(i64::MAX)),
    };
    if period.to < period.from {
        return Err(Failure::new(
            Code::ConfigInvalid,
            "--to is before --from; a statement goes forward in time",
        ));
    }
    let found = ledger::statement(&db, tenant, account.id, period, asked.cursor, asked.limit).await;
    let found = found.map_err(|error| open::unreadable(&error))?;
    db.close().await;
    let Some(found) = found else {
        return Err(gone(&asked.account));
    };
    let next = found.next.map(|cursor| cursor.to_string());
    if json {
        let lines = found.lines.iter().map(|line| {
            json!({
                "version": line.version, "posted_at": line.posted_at.to_string(),
                "entry": line.entry.to_string(), "template": line.template.name(),
                "transfer": line.transfer.map(|id| id.to_string()),
                "corrects": line.corrects.map(|id| id.to_string()),
                "counter": line.counter.map(|counter| json!({
                    "account": counter.account.to_string(), "purpose": counter.purpose.name(),
                    "place": counter.place.name(), "among_others": counter.among_others,
                })),
                "amount": amount(line.money), "balance": amount(line.balance),
            })
        });
        say_json(&json!({
            "account": account.id.to_string(), "opening": amount(found.opening),
            "closing": amount(found.closing), "lines": lines.collect::<Vec<_>>(),
            "next_cursor": next,
        }));
        return Ok(());
    }
    let mut table = Table::new(&[
        "posted at",
        "entry",
        "what",
        "other side",
        " amount",
        " balance",
    ]);
    let edge = |what: &str, money: Money| {
        let empty = String::new;
        [
            empty(),
            empty(),
            what.to_owned(),
            empty(),
            empty(),
            money.to_string(),
        ]
    };
    if asked.cursor.is_none() {
        table.row(edge("opening balance", found.opening));
    }
    for line in &found.lines {
        table.row([
            line.posted_at.to_string(),
            line.entry.to_string(),
            line.template.name().to_owned(),
            line.counter.as_ref().map_or_else(String::new, other_side),
            line.money.to_string(),
            line.balance.to_string(),
        ]);
    }
    if next.is_none() {
        table.row(edge("closing balance", found.closing));
    }
    say(&table.text());
    if let Some(next) = next {
        say(&format!("there is more: --cursor {next}\n"));
    }
    Ok(())
}

fn other_side(counter: &Counter) -> String {
    let named = match (counter.purpose.is_owned(), counter.purpose) {
        (true, purpose) => format!("{purpose} {}", counter.account),
        (false, purpose) => format!("{purpose} {}", counter.place.name()),
    };
    if counter.among_others {
        format!("{named} and others")
    } else {
        named
    }
}

pub(crate) async fn explain(
    asked: &questions::Explain,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = open::database(settings).await?;
    let tenant = open::tenant(&db, &asked.scope).await?;
    let account = open::account(&db, tenant, &asked.account).await?;
    let found = ledger::explain(&db, tenant, account.id, asked.limit)
        .await
        .map_err(|error| open::unreadable(&error))?;
    db.close().await;
    let Some(found) = found else {
        return Err(gone(&asked.account));
    };
    if json {
        let shares = found.shares.iter().map(|share| {
            json!({"transfer": share.transfer.map(|id| id.to_string()), "amount": amount(share.money)})
        });
        let holds = found.holds.iter().map(|hold| {
            json!({
                "hold": hold.id.to_string(), "transfer": hold.transfer.map(|id| id.to_string()),
                "amount": amount(hold.money), "expires_at": hold.expires_at.map(|at| at.to_string()),
            })
        });
        say_json(&json!({
            "account": account.id.to_string(), "balance": amount(found.balance),
            "held": amount(found.held), "adds_up": found.adds_up(),
            "shares": shares.collect::<Vec<_>>(), "all_shares": found.all_shares,
            "shares_sum": amount(found.shares_sum), "holds": holds.collect::<Vec<_>>(),
            "all_holds": found.all_holds, "holds_sum": amount(found.holds_sum),
        }));
    } else {
        let mut table = Table::new(&["what", "of", " amount"]);
        let named = |transfer: Option<domain::TransferId>| {
            transfer.map_or_else(|| "no transfer".to_owned(), |id| id.to_string())
        };
        for share in &found.shares {
            table.row([
                "share".to_owned(),
                named(share.transfer),
                share.money.to_string(),
            ]);
        }
        for hold in &found.holds {
            let what = format!("held by {}", hold.id);
            table.row([what, named(hold.transfer), hold.money.to_string()]);
        }
        let all = |n: i64, what: &str| format!("all {n} {what}");
        table.row([
            all(found.all_shares, "shares"),
            String::new(),
            found.shares_sum.to_string(),
        ]);
        table.row([
            all(found.all_holds, "holds"),
            String::new(),
            found.holds_sum.to_string(),
        ]);
        table.row([
            "balance".to_owned(),
            String::new(),
            found.balance.to_string(),
        ]);
        table.row(["held".to_owned(), String::new(), found.held.to_string()]);
        say(&table.text());
    }
    if found.adds_up() {
        return Ok(());
    }
    Err(Failure::new(
        Code::BooksUntrue,
        "the shares do not add up to the balance, or the holds not to what is held; run `remit \
         ledger verify` to see where the books are not true",
    ))
}

pub(crate) async fn balance(
    asked: &questions::Balance,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = open::database(settings).await?;
    let tenant = open::tenant(&db, &asked.scope).await?;
    let account = open::account(&db, tenant, &asked.account).await?;
    if let Some(at) = asked.at {
        let held = ledger::balance_at(&db, tenant, account.id, at).await;
        let held = held.map_err(|error| open::unreadable(&error))?;
        db.close().await;
        let held = held.ok_or_else(|| gone(&asked.account))?;
        if json {
            let at = at.to_string();
            say_json(
                &json!({"account": account.id.to_string(), "at": at, "balance": amount(held)}),
            );
        } else {
            say(&format!("{held}\n"));
        }
        return Ok(());
    }
    db.close().await;
    if json {
        say_json(&json!({
            "account": account.id.to_string(), "purpose": account.reference.purpose().name(),
            "state": account.state.name(), "current": amount(account.balance),
            "held": amount(account.held), "available": amount(account.available()),
            "floor": account.floor.map(amount), "ceiling": account.ceiling.map(amount),
            "version": account.version,
        }));
        return Ok(());
    }
    let mut table = Table::new(&["account", "state", " current", " held", " available"]);
    table.row([
        account.id.to_string(),
        account.state.name().to_owned(),
        account.balance.to_string(),
        account.held.to_string(),
        account.available().to_string(),
    ]);
    say(&table.text());
    Ok(())
}

fn amount(money: Money) -> Value {
    json!({"amount": money.minor(), "currency": money.currency().code()})
}

fn added(sum: Money, money: Money) -> Result<Money, Failure> {
    sum.checked_add(money)
        .map_err(|error| Failure::caused(Code::BooksUntrue, "a sum of balances", &error))
}

fn gone(named: &str) -> Failure {
    Failure::new(
        Code::NotFound,
        format!("there is no account {named} any more"),
    )
}

pub(crate) fn chart(json: bool) {
    if !json {
        say(&Chart.to_string());
        return;
    }
    let purposes = Purpose::ALL.iter().map(|purpose| {
        let moved = Chart::moved_by(*purpose).map(|template| {
            json!({"template": template.name(), "moves": template.moves(), "when": template.when()})
        });
        json!({
            "purpose": purpose.name(), "one_per": purpose.one_per(), "says": purpose.says(),
            "natural_sign": Chart::natural_sign(*purpose).to_string(),
            "may_go_below_zero": purpose.may_go_below_zero(),
            "moved_by": moved.collect::<Vec<_>>(),
        })
    });
    say_json(&json!({"purposes": purposes.collect::<Vec<_>>()}));
}
