//! Notices: stored once, told to whom they concern, believed only where they agree.

use anyhow::{Result, ensure};
use domain::rail::{RailId, Word, WordOutcome};
use domain::{Step, StepKey, TransferId};
use inbox::{Incoming, News, State};
use testkit::Trial;
use transfers::{AttemptResult, AttemptState};

use crate::house::{House, RAIL, each, eur, executed, silence};

pub(crate) fn trials() -> Vec<Trial> {
    let mut all = Vec::new();
    all.extend(each("a_notice_is_kept_once_and_ends_the_doubt", ends_it));
    all.extend(each("what_is_still_being_sent_is_told_later", under_way));
    all.extend(each("what_differs_is_set_aside", differs));
    all.extend(each("what_nobody_asked_for_is_kept_as_nobodys", nobodys));
    all.extend(each("money_that_comes_back_waits_to_be_taken_up", returned));
    all
}

async fn ends_it(house: House) -> Result<()> {
    let key = house.in_doubt("a").await?;
    let taken = house.inbox.take(executed("ev_1", key)).await?;
    ensure!(taken.tell == Some(key.transfer) && !taken.already);
    let again = house.inbox.take(executed("ev_1", key)).await?;
    ensure!(again.id == taken.id && again.already && again.tell.is_none());
    // Told by the sweeper too, until somebody notes that it was.
    let (tell, _) = house.inbox.to_tell(None).await?;
    ensure!(tell.len() == 1 && tell[0].id == taken.id, "{tell:?}");
    house.inbox.told(taken.id).await?;
    ensure!(house.inbox.to_tell(None).await?.0.is_empty());

    // Somebody who tells a run of it about something else learns nothing.
    let other = house.in_doubt("b").await?;
    let hear = async |rail, key| house.inbox.hear(&house.tenant, rail, key, taken.id).await;
    ensure!(hear(RAIL, other).await? == News::Nothing);
    ensure!(hear(RAIL, key.next_round()).await? == News::Nothing);
    ensure!(hear(RailId::Iso20022, key).await? == News::Nothing);
    ensure!(matches!(
        house.known(key).await?,
        Some(AttemptState::Unknown { .. })
    ));

    // Asked twice, as after a crash, it says the same.
    for _ in 0..2 {
        let news = hear(RAIL, key).await?;
        let settled = matches!(
            &news,
            News::Settled { known: AttemptState::Done { bank_reference }, .. }
                if *bank_reference == format!("bk-{}", key.transfer)
        );
        ensure!(settled, "{news:?}");
    }
    let message = house.inbox.message(taken.id).await?.unwrap();
    ensure!(message.state == State::Used, "{message:?}");
    // Nobody has to read it any more.
    ensure!(house.inbox.words(taken.id).await?.is_none());
    Ok(())
}

async fn under_way(house: House) -> Result<()> {
    let key = house.payout("a", None).await?;
    let taken = house.inbox.take(executed("ev_1", key)).await?;
    ensure!(taken.tell.is_none(), "its call may still be answered");
    ensure!(house.inbox.to_tell(None).await?.0.is_empty());
    let message = house.inbox.message(taken.id).await?.unwrap();
    ensure!(message.state == State::Waiting, "{message:?}");
    // No answer for longer than any call takes: whoever called is dead.
    house.later(31);
    ensure!(house.inbox.to_tell(None).await?.0.len() == 1);

    // Another one is answered after all, and the notice says nothing new.
    let answered = house.payout("b", None).await?;
    let notice = executed("ev_2", answered);
    let reference = notice
        .word
        .as_ref()
        .and_then(|it| it.bank_reference.clone());
    let taken = house.inbox.take(notice).await?;
    let done = AttemptResult::Done {
        bank_reference: reference.unwrap(),
    };
    let closed = house
        .transfers
        .close_attempt(&house.tenant, answered, 1, done);
    closed.await?;
    house.inbox.to_tell(None).await?;
    let message = house.inbox.message(taken.id).await?.unwrap();
    ensure!(message.state == State::Known, "{message:?}");
    Ok(())
}

async fn differs(house: House) -> Result<()> {
    let key = house.in_doubt("a").await?;
    let good = executed("ev_1", key);
    let word = good.word.clone().unwrap();
    let other_amount = Incoming {
        word: Some(Word {
            money: Some(eur(25_01)),
            ..word.clone()
        }),
        ..good.clone()
    };
    let wrong = house.inbox.take(other_amount).await?;
    // A person is to see it where the doubt is.
    ensure!(wrong.tell == Some(key.transfer));
    let news = house.inbox.hear(&house.tenant, RAIL, key, wrong.id).await?;
    let News::Contradicts { evidence } = &news else {
        anyhow::bail!("{news:?}");
    };
    ensure!(evidence.contains("another amount"), "{evidence}");
    let message = house.inbox.message(wrong.id).await?.unwrap();
    ensure!(message.state == State::Quarantined, "{message:?}");
    ensure!(house.inbox.words(wrong.id).await?.unwrap().contains("Bob"));

    // The right words under an id that had others are not believed either.
    let right = house.inbox.take(good.clone()).await?;
    ensure!(right.id != wrong.id);
    let news = house.inbox.hear(&house.tenant, RAIL, key, right.id).await?;
    ensure!(matches!(news, News::Contradicts { .. }), "{news:?}");

    // A bank that gives one reference of its own to two payments is not believed about the second.
    let first = house.in_doubt("b").await?;
    let claimed = format!("bk-{}", first.transfer);
    let taken = house.inbox.take(executed("ev_2", first)).await?;
    house
        .inbox
        .hear(&house.tenant, RAIL, first, taken.id)
        .await?;
    let reused = Incoming {
        bank_id: "ev_3".to_owned(),
        word: Some(Word {
            bank_reference: Some(claimed),
            ..word
        }),
        ..good
    };
    let reused = house.inbox.take(reused).await?;
    let news = house
        .inbox
        .hear(&house.tenant, RAIL, key, reused.id)
        .await?;
    ensure!(matches!(news, News::Contradicts { .. }), "{news:?}");
    ensure!(matches!(
        house.known(key).await?,
        Some(AttemptState::Unknown { .. })
    ));
    Ok(())
}

async fn nobodys(house: House) -> Result<()> {
    let never_sent = StepKey::of(TransferId::from_bits(77), Step::PayOut);
    let ours = house.payout("a", Some(silence())).await?;
    let on_another_rail = Incoming {
        rail: RailId::Iso20022,
        ..executed("ev_2", ours)
    };
    let nameless = Incoming {
        key: None,
        ..executed("ev_3", ours)
    };
    for incoming in [executed("ev_1", never_sent), on_another_rail, nameless] {
        let taken = house.inbox.take(incoming).await?;
        ensure!(taken.tell.is_none());
        let message = house.inbox.message(taken.id).await?.unwrap();
        ensure!(message.state == State::Unmatched && message.tenant.is_none());
        ensure!(message.reason.is_some(), "{message:?}");
    }
    ensure!(house.inbox.to_tell(None).await?.0.is_empty());
    Ok(())
}

async fn returned(house: House) -> Result<()> {
    let key = house.in_doubt("a").await?;
    let taken = house.inbox.take(executed("ev_1", key)).await?;
    house.inbox.hear(&house.tenant, RAIL, key, taken.id).await?;
    let good = executed("ev_2", key);
    let back = Incoming {
        word: Some(Word {
            outcome: WordOutcome::Returned {
                code: Some("MS03".to_owned()),
            },
            bank_reference: Some("rt1".to_owned()),
            way: None,
            ..good.word.clone().unwrap()
        }),
        ..good
    };
    let back = house.inbox.take(back).await?;
    let message = house.inbox.message(back.id).await?.unwrap();
    ensure!(message.state == State::Unclaimed, "{message:?}");
    ensure!(message.tenant == Some(house.tenant) && message.key == Some(key));
    ensure!(house.inbox.claim(back.id).await?);
    ensure!(!house.inbox.claim(back.id).await?, "taken up once");
    Ok(())
}
