//! A screening that is asked again after a crash says what it said, whatever the rules say by then.

use anyhow::{Result, ensure};
use domain::transfer::{Decline, Happening};
use domain::{Currency, Money};
use ledger::limits::Every;
use testkit::Trial;
use transfers::{Rule, Screening, Subject};

use crate::house::{House, each};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    trials.extend(each("what_passed_has_passed", passed));
    trials.extend(each("what_was_denied_stays_denied", denied));
    trials
}

/// Blocked while the money is on its way: nothing is undone by that.
async fn passed(house: House) -> Result<()> {
    let order = house.order(house.wallet(0), house.bank(1));
    let made = house.accept("k", order).await?;
    let screened = house.transfers.screen(&house.tenant, made.id).await?;
    ensure!(screened == Screening::Passed, "{screened:?}");
    let funded = Happening::Funded {
        bank_reference: None,
    };
    let happenings = [Happening::Collecting, funded, Happening::PayingOut];
    house.record(made.id, &happenings).await?;
    let sender = house.demo.people[0].user;
    house
        .identity
        .set_blocked(&house.tenant, sender, true)
        .await?;
    let again = house.transfers.screen(&house.tenant, made.id).await?;
    ensure!(again == Screening::Passed, "{again:?}");
    Ok(())
}

async fn denied(house: House) -> Result<()> {
    let most = Money::from_minor(1, Currency::EUR)?;
    let rule = Rule::Most(Every::Day);
    let everybody = Subject::Everyone;
    let set = house
        .transfers
        .set_rule(&house.tenant, everybody, rule, most);
    set.await?;
    let order = house.order(house.wallet(0), house.wallet(1));
    let made = house.accept("k", order).await?;
    let denied = Screening::Denied(Decline::LimitReached);
    let screened = house.transfers.screen(&house.tenant, made.id).await?;
    ensure!(screened == denied, "{screened:?}");
    let decline = Decline::LimitReached;
    house
        .record(made.id, &[Happening::Declined { decline }])
        .await?;
    let again = house.transfers.screen(&house.tenant, made.id).await?;
    ensure!(again == denied, "{again:?}");
    Ok(())
}
