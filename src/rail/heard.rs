//! What banks said by themselves, for people: what is set aside, what belongs to nobody, what came
//! back.

use ambient::{Mint, SystemClock};
use domain::Code;
use identity::Identity;
use inbox::{Filter, Inbox, InboxError, Message};
use serde_json::{Value, json};
use transfers::Transfers;

use crate::books::table::{Table, say, say_json};
use crate::books::{database, open};
use crate::failure::Failure;
use crate::rail::orders::Messages;
use crate::settings::Settings;

pub(crate) async fn messages(
    asked: &Messages,
    json: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let db = database(settings).await?;
    let vault = open::vault(settings)?;
    let clock = SystemClock::shared();
    let mint = Mint::new(clock.clone());
    let identity = Identity::new(db.clone(), mint.clone(), clock.clone(), vault.clone());
    let transfers = Transfers::new(db.clone(), mint.clone(), clock.clone(), identity);
    let inbox = Inbox::new(db.clone(), mint, clock, vault, transfers);
    let found = found(&inbox, asked).await;
    let found = found.map_err(|error| {
        let line = "what banks said cannot be read";
        Failure::caused(Code::DatabaseUnavailable, line, &error)
    });
    db.close().await;
    show(&found?, json);
    Ok(())
}

type Found = Vec<(Message, Option<String>)>;

async fn found(inbox: &Inbox, asked: &Messages) -> Result<Found, InboxError> {
    if let Some(id) = asked.id {
        let words = inbox.words(id).await?;
        let message = inbox.message(id).await?;
        return Ok(message
            .map(|message| (message, words))
            .into_iter()
            .collect());
    }
    let filter = Filter {
        rail: asked.rail,
        origin: asked.origin,
        state: asked.state,
    };
    let page = inbox.messages(filter, asked.before, asked.limit).await?;
    Ok(page.into_iter().map(|message| (message, None)).collect())
}

fn show(found: &Found, json: bool) {
    if json {
        let all = found
            .iter()
            .map(|(it, words)| document(it, words.as_deref()));
        say_json(&json!({ "messages": all.collect::<Vec<_>>() }));
        return;
    }
    let mut table = Table::new(&["at", "id", "rail", "by", "is", "says", "about", "why"]);
    for (it, _) in found {
        table.row([
            it.received_at.to_string(),
            it.id.to_string(),
            it.rail.to_string(),
            it.origin.to_string(),
            it.state.to_string(),
            said(it),
            it.key.map(|key| key.to_string()).unwrap_or_default(),
            it.reason.clone().unwrap_or_default(),
        ]);
    }
    say(&table.text());
    for words in found.iter().filter_map(|(_, words)| words.as_ref()) {
        say(&format!("\n{words}\n"));
    }
}

fn said(message: &Message) -> String {
    let Some(word) = &message.word else {
        return "ask".to_owned();
    };
    let money = word.money.map(|money| money.to_string());
    format!("{} {}", word.outcome.name(), money.unwrap_or_default())
}

fn document(it: &Message, words: Option<&str>) -> Value {
    let word = it.word.as_ref();
    json!({
        "id": it.id,
        "rail": it.rail,
        "origin": it.origin.name(),
        "bank_id": it.bank_id,
        "received_at": it.received_at.to_string(),
        "state": it.state.name(),
        "reason": it.reason,
        "key": it.key.map(|key| key.to_string()),
        "says": word.map(|word| word.outcome.name()),
        "money": word.and_then(|word| word.money),
        "bank_reference": word.and_then(|word| word.bank_reference.as_ref()),
        "told_at": it.told_at.map(|at| at.to_string()),
        "words": words,
    })
}
