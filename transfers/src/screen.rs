//! Whether a transfer may begin: is the sender blocked, is there enough left of what may be moved
//! in the period, does somebody want to look at it first?
//!
//! What may be moved is reserved by holds in the book, one per limit, under the transfer's id: so
//! asking twice reserves once, and two transfers never pass a limit together. As the transfer ends
//! the holds are used or given back, in the commit of its last happening.

use ambient::Mint;
use db::{Declared, Row, Tx, params};
use domain::transfer::{Decline, Status};
use domain::{Currency, HoldId, Money, Step, Tenant, TransferId, UserId};
use ledger::limits::{Every, Limit, Movement};
use ledger::{Owner, PostError, Refusal, limits};

use crate::error::{RecordError, StoreError};
use crate::record::not_posted;
use crate::register::{Named, Register};
use crate::row::{self, Stored};
use crate::{Transfer, Transfers, scope};

/// What stands against a transfer, if anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screening {
    Passed,
    /// A person has to look at it first.
    Review {
        why: String,
    },
    Denied(Decline),
}

/// What is looked at. Amounts are in the sender's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// At most so much in each period.
    Most(Every),
    /// From this amount on somebody looks first.
    ReviewFrom,
}

/// Whom a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Every person, each alone.
    Everyone,
    /// One person, instead of what holds for everyone.
    Person(UserId),
    /// All that the partner's people send together.
    Partner,
}

impl Rule {
    pub const ALL: [Self; 4] = [
        Self::Most(Every::Day),
        Self::Most(Every::Month),
        Self::Most(Every::Year),
        Self::ReviewFrom,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Most(Every::Day) => "day",
            Self::Most(Every::Month) => "month",
            Self::Most(Every::Year) => "year",
            Self::ReviewFrom => "review_from",
        }
    }
}

impl Subject {
    pub(crate) fn stored(self, tenant: &Tenant) -> String {
        match self {
            Self::Everyone => String::new(),
            Self::Person(user) => user.to_string(),
            Self::Partner => tenant.partner.to_string(),
        }
    }
}

impl Transfers {
    /// Sets a rule for what begins from now on. A limit's period that has begun keeps its allowance.
    pub async fn set_rule(
        &self,
        tenant: &Tenant,
        subject: Subject,
        rule: Rule,
        amount: Money,
    ) -> Result<(), StoreError> {
        let mut params = scope(tenant);
        params.extend(params![
            subject.stored(tenant),
            rule.name(),
            amount.currency().code(),
            amount.minor()
        ]);
        let set = self.db.write(move |tx: &mut Tx| {
            Box::pin(async move {
                let sql = "INSERT INTO screening_rules (partner_id, livemode, subject_id, rule,
                         currency, amount) VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (partner_id, livemode, subject_id, rule, currency)
                     DO UPDATE SET amount = excluded.amount";
                tx.execute(sql, params).await?;
                Ok(())
            })
        });
        let set: Result<(), db::WriteError<StoreError>> = set.await;
        Ok(set?)
    }

    /// Looks at a transfer that was accepted, and reserves what it counts against limits.
    pub async fn screen(&self, tenant: &Tenant, id: TransferId) -> Result<Screening, RecordError> {
        let seen = self.seen(tenant, id).await?;
        if let Some(before) = seen.before() {
            return Ok(before);
        }
        if seen.blocked {
            return Ok(Screening::Denied(Decline::UserBlocked));
        }
        let limits = seen.limits(tenant);
        if !limits.is_empty() {
            let (tenant, transfer, mint) = (*tenant, seen.transfer.clone(), self.mint.clone());
            let reserved = self.db.write(move |tx: &mut Tx| {
                Box::pin(async move { reserve(tx, &mint, &tenant, &transfer, &limits).await })
            });
            match reserved.await.map_err(RecordError::from) {
                Ok(()) => {}
                Err(RecordError::Refused(decline)) => return Ok(Screening::Denied(decline)),
                Err(error) => return Err(error),
            }
        }
        Ok(seen.review())
    }

    async fn seen(&self, tenant: &Tenant, id: TransferId) -> Result<Seen, RecordError> {
        let sql = format!(
            "SELECT {} FROM transfers
             WHERE partner_id = $1 AND livemode = $2 AND transfer_id = $3",
            row::COLUMNS
        );
        let found = self.db.fetch_optional(&sql, row::keyed(tenant, id)).await?;
        let row = found.ok_or(RecordError::NoSuchTransfer)?;
        let Stored {
            transfer, subject, ..
        } = Stored::read(&row)?;
        let mut params = scope(tenant);
        params.extend(params![
            subject.to_string(),
            tenant.partner.to_string(),
            transfer.money.currency().code()
        ]);
        // The person's row is always there, the rules beside it where there are any.
        let rows = self
            .db
            .fetch_all(
                "SELECT u.blocked_at, r.subject_id, r.rule, r.amount
                 FROM users u
                 LEFT JOIN screening_rules r ON r.partner_id = u.partner_id
                     AND r.livemode = u.livemode AND r.subject_id IN ('', $3, $4)
                     AND r.currency = $5
                 WHERE u.partner_id = $1 AND u.livemode = $2 AND u.user_id = $3
                 ORDER BY r.rule, r.subject_id DESC",
                params,
            )
            .await?;
        let blocked = match rows.first() {
            Some(row) => row.opt_timestamp("blocked_at")?.is_some(),
            None => false,
        };
        let currency = transfer.money.currency();
        let rules = rows
            .iter()
            .filter_map(|row| ruled(row, currency).transpose());
        Ok(Seen {
            blocked,
            subject,
            rules: rules.collect::<Result<_, _>>()?,
            transfer,
        })
    }
}

struct Seen {
    blocked: bool,
    subject: UserId,
    transfer: Transfer,
    rules: Vec<Ruled>,
}

struct Ruled {
    rule: Rule,
    subject: String,
    amount: Money,
}

fn ruled(row: &Row, currency: Currency) -> Result<Option<Ruled>, StoreError> {
    let Some(name) = row.opt_text("rule")? else {
        return Ok(None);
    };
    // A rule of a later version is not ours to apply.
    let Some(rule) = Rule::ALL.into_iter().find(|rule| rule.name() == name) else {
        return Ok(None);
    };
    Ok(Some(Ruled {
        rule,
        subject: row.text("subject_id")?,
        amount: row::money(row, "amount", currency)?,
    }))
}

impl Seen {
    /// What is said of a person holds instead of what is said of everyone.
    fn of_the_sender(&self, rule: Rule) -> Option<&Ruled> {
        let own = self.subject.to_string();
        let of = |subject: &str| {
            let mut rules = self.rules.iter();
            rules.find(|ruled| ruled.rule == rule && ruled.subject == subject)
        };
        of(&own).or_else(|| of(""))
    }

    fn of_the_partner(&self, rule: Rule, tenant: &Tenant) -> Option<&Ruled> {
        let partner = tenant.partner.to_string();
        let mut rules = self.rules.iter();
        rules.find(|ruled| ruled.rule == rule && ruled.subject == partner)
    }

    fn limits(&self, tenant: &Tenant) -> Vec<Limit> {
        let mut limits = Vec::new();
        for rule in Rule::ALL {
            let Rule::Most(every) = rule else { continue };
            let limit = |subject, ruled: &Ruled| Limit {
                tenant: *tenant,
                subject,
                every,
                allowance: ruled.amount,
            };
            let sender = Owner::User(self.subject);
            let partner = Owner::Partner(tenant.partner);
            limits.extend(self.of_the_sender(rule).map(|it| limit(sender, it)));
            limits.extend(
                self.of_the_partner(rule, tenant)
                    .map(|it| limit(partner, it)),
            );
        }
        limits
    }

    /// What was answered before, where the transfer has moved on since: today's rules and blocks
    /// say nothing about money that is on its way.
    fn before(&self) -> Option<Screening> {
        match (self.transfer.status, &self.transfer.status_reason) {
            (Status::Created | Status::Scheduled | Status::InReview, _) => None,
            // Its client called it off while it waited.
            (Status::Canceled, _) => Some(Screening::Denied(Decline::TakenBack)),
            (Status::Failed, Some(reason)) if reason.step == Step::Screen => {
                Some(Screening::Denied(reason.decline))
            }
            _ => Some(Screening::Passed),
        }
    }

    fn review(&self) -> Screening {
        let money = self.transfer.money;
        match self.of_the_sender(Rule::ReviewFrom) {
            Some(rule) if money.minor() >= rule.amount.minor() => Screening::Review {
                why: format!("{money} is {} or more", rule.amount),
            },
            _ => Screening::Passed,
        }
    }
}

/// All of them or none. The period is that of the acceptance, or of the day for which it was
/// ordered, however late it is asked again.
async fn reserve(
    tx: &mut Tx,
    mint: &Mint,
    tenant: &Tenant,
    transfer: &Transfer,
    wanted: &[Limit],
) -> Result<(), RecordError> {
    // Whoever moved the transfer on has reserved already, or ended it.
    let stored = row::lock(tx, tenant, transfer.id).await?;
    let stored = stored.ok_or(RecordError::NoSuchTransfer)?;
    if !matches!(stored.transfer.status, Status::Created | Status::Scheduled) {
        return Ok(());
    }
    let name = transfer.id.to_string();
    for limit in wanted {
        let movement = Movement {
            name: &name,
            money: transfer.money,
            transfer: Some(transfer.id),
            at: transfer.begins(),
            expires_at: None,
        };
        match limits::reserve_limit(tx, mint, limit, movement).await {
            Ok(_) => {}
            Err(PostError::Refused(Refusal::InsufficientAvailable { .. })) => {
                return Err(RecordError::Refused(Decline::LimitReached));
            }
            Err(error) => return Err(not_posted(error)),
        }
    }
    Ok(())
}

/// What [`settle_limits`] will need once the transfer has that status.
pub(crate) fn declare_limits(tx: &mut Tx, named: Named, status: Status) -> Declared {
    let register = tx.area::<Register>();
    let Some(holds) = register.limits(named).map(<[HoldId]>::to_vec) else {
        register.need_limits(named);
        return Declared::More;
    };
    let Some(money) = register.row(named).map(|stored| stored.transfer.money) else {
        return Declared::All;
    };
    let mut declared = Declared::All;
    for hold in holds {
        let settled = match status {
            Status::Completed => limits::need_use(tx, named.0, hold, money),
            _ => ledger::need_hold(tx, named.0, hold),
        };
        if settled == Declared::More {
            declared = Declared::More;
        }
    }
    declared
}

/// As a transfer ends: what it reserved is used up where the receiver was paid, and free again
/// where nothing came of it.
pub(crate) async fn settle_limits(
    tx: &mut Tx,
    mint: &Mint,
    transfer: &Transfer,
) -> Result<(), RecordError> {
    let named = (transfer.tenant, transfer.id);
    tx.area::<Register>().need_limits(named);
    tx.settle().await?;
    let holds = tx.area::<Register>().limits(named);
    let mut holds = holds.map(<[HoldId]>::to_vec).unwrap_or_default();
    // Those of this very transaction are in no table yet.
    holds.extend(ledger::held_here(tx, transfer.tenant, transfer.id));
    for hold in holds {
        if transfer.status == Status::Completed {
            let used = limits::use_limit(tx, mint, transfer.tenant, hold, transfer.money).await;
            used.map_err(not_posted)?;
        } else {
            let freed = ledger::void(tx, transfer.tenant, hold).await;
            freed.map_err(not_posted)?;
        }
    }
    Ok(())
}
