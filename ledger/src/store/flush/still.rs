//! What was decided on before anything was locked: it is locked now, and must still be so.

use std::collections::BTreeMap;

use db::{Cell, Rows, Statement, Step, Value, params};
use domain::{Money, Tenant};

use super::forms::STILL;
use super::{scope, statement, text, within};
use crate::Account;
use crate::store::{Desk, LaneState};

impl Desk {
    /// Steps that fail if another process was quicker; none where all was locked from the first.
    pub(super) fn still_so(&mut self) -> Vec<Step> {
        let Some(found) = self.unlocked.take() else {
            return Vec::new();
        };
        let mut accounts = Rows::new(&STILL);
        for ((tenant, _), account) in &found {
            // One that was not there stands for itself: nothing was decided but that.
            if let Some(account) = account {
                accounts.push(standing(*tenant, account));
            }
        }
        let mut out = Vec::new();
        if let LaneState::Locked(lane) = &self.lane
            && !self.book.entries.is_empty()
        {
            // The lane is locked before any account and never waited for, as everywhere.
            let free = self.dialect.for_update_of_free();
            let lane = statement(
                &format!("SELECT 1 FROM lanes WHERE lane = $1 AND position = $2{free}"),
                params![&lane.name, lane.position],
            );
            let rows = Some(1);
            out.push(Step::One(Statement { rows, ..lane }));
        }
        if !accounts.is_empty() {
            out.push(Step::Many(accounts));
        }
        out.extend(self.still_free());
        out
    }

    /// Entries, holds and refusals have one space of keys and three tables. Whoever took one of these
    /// keys has locked the same accounts, so by now its row is there to be seen.
    fn still_free(&self) -> Vec<Step> {
        type Keys = BTreeMap<Tenant, Vec<String>>;
        let (mut of_entries, mut of_others) = (Keys::new(), Keys::new());
        for staged in &self.book.entries {
            let keys = of_entries.entry(staged.entry.tenant).or_default();
            keys.push(staged.entry.key.clone());
        }
        for staged in &self.book.refusals {
            let keys = of_others.entry(staged.tenant).or_default();
            keys.push(staged.key.clone());
        }
        for (tenant, slot) in self.book.changed_holds() {
            if slot.is_new {
                of_others
                    .entry(tenant)
                    .or_default()
                    .push(slot.hold.key.clone());
            }
        }
        // Two entries of one key are refused by their index.
        let of_entries = of_entries
            .into_iter()
            .map(|it| (it, &["holds", "refusals"][..]));
        let of_others = of_others
            .into_iter()
            .map(|it| (it, &["holds", "refusals", "entries"][..]));
        let steps = of_entries.chain(of_others).map(|((tenant, keys), tables)| {
            let one_of = self.dialect.one_of("$3");
            let each: Vec<_> = tables
                .iter()
                .map(|table| {
                    format!(
                        "SELECT 1 FROM {table} WHERE partner_id = $1 AND livemode = $2 AND key {one_of}"
                    )
                })
                .collect();
            let mut params = scope(tenant);
            params.push(Value::List(keys));
            Step::One(Statement {
                rows: Some(0),
                ..statement(&each.join(" UNION ALL "), params)
            })
        });
        steps.collect()
    }
}

fn standing(tenant: Tenant, account: &Account) -> [Cell; 10] {
    let (partner, live) = within(tenant);
    [
        partner,
        live,
        text(account.id).into(),
        account.state.name().into(),
        account.balance.minor().into(),
        account.held.minor().into(),
        account.version.into(),
        account.floor.map(Money::minor).into(),
        account.ceiling.map(Money::minor).into(),
        account.moved_at.into(),
    ]
}
