//! A rail whose luck is written down beforehand: each call meets what the script says for this
//! step, this kind of call and this repetition of it, whatever else goes on at the same time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::Clock;
use async_trait::async_trait;
use domain::rail::{
    Answer, Debits, Found, Inquiries, Inquiry, Instruction, Payouts, PortError, Rail, RailId,
    Rejection,
};
use domain::transfer::Decline;
use domain::{Step, StepKey};
use engine::testing::Time;
use sandbox::{Bank, Misbehaviour, Target};

/// Longer than any activity may take.
const TOO_LATE: Duration = Duration::from_secs(25);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    Order,
    Inquiry,
}

/// A call as it leaves for a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub rail: RailId,
    pub key: StepKey,
    pub what: What,
    /// How often this was asked of this step before.
    pub nth: u32,
}

/// What a call meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Luck {
    /// The bank does what it does with such accounts.
    Fair,
    /// The bank receives it and misbehaves.
    Bad(Misbehaviour),
    /// No connection is made.
    Unreachable,
    /// Refused with a final code by somebody in between; the bank never hears of it.
    Refused,
    /// The bank answers fairly, and its answer comes when the engine has given up on the activity
    /// and has it run again.
    Overslept,
    /// The bank answers fairly, and the worker dies before it hears.
    DiesAfter,
    /// The worker dies before anything leaves.
    DiesBefore,
}

/// Decides about each call, and is told of it.
pub trait Script: fmt::Debug + Send + Sync {
    fn luck(&self, call: Call) -> Luck;

    /// The worker dies here and now.
    fn died(&self) {}
}

/// What stands at the bank for a step.
pub fn reference_at(rail: RailId, key: StepKey) -> String {
    if rail != RailId::Iso20022 {
        return key.to_string();
    }
    let letters = match (key.step, key.undo) {
        (Step::Collect, false) => "CO",
        (Step::PayOut, false) => "PO",
        (Step::Collect, true) => "UC",
        _ => "",
    };
    let transfer = key.transfer.to_string();
    let id = transfer.rsplit('_').next().unwrap_or_default();
    format!("{id}{letters}")
}

#[derive(Debug)]
pub(super) struct Lucky {
    rail: Arc<dyn Rail>,
    bank: Bank,
    time: Time,
    script: Arc<dyn Script>,
    asked: Mutex<HashMap<(StepKey, What), u32>>,
}

impl Lucky {
    pub(super) fn new(
        rail: Arc<dyn Rail>,
        bank: Bank,
        time: Time,
        script: Arc<dyn Script>,
    ) -> Self {
        Self {
            rail,
            bank,
            time,
            script,
            asked: Mutex::default(),
        }
    }

    async fn meet<T>(
        &self,
        key: StepKey,
        what: What,
        target: Target,
        call: impl Future<Output = Result<T, PortError>> + Send,
    ) -> Result<T, PortError> {
        let luck = self.script.luck(self.call(key, what));
        match luck {
            Luck::Unreachable => return Err(PortError::Unreachable),
            Luck::Refused => {
                return Err(PortError::Rejected(Rejection {
                    decline: Decline::RefusedByBank,
                    network_code: "AG01".to_owned(),
                }));
            }
            Luck::DiesBefore => return self.dead().await,
            Luck::Fair | Luck::Bad(_) | Luck::Overslept | Luck::DiesAfter => {}
        }
        let fault = match luck {
            Luck::Bad(fault) => Some(fault),
            _ => None,
        };
        let reference = reference_at(self.rail.id(), key);
        self.bank.single_out(target, &reference, fault);
        let answer = self.time.pass(call).await;
        match luck {
            Luck::DiesAfter => return self.dead().await,
            Luck::Overslept => {
                let late = self.time.sleep_until(self.time.now().after(TOO_LATE));
                self.time.pass(late).await;
            }
            _ => {}
        }
        answer
    }

    fn call(&self, key: StepKey, what: What) -> Call {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry((key, what)).or_default();
        let nth = *count;
        *count += 1;
        let rail = self.rail.id();
        Call {
            rail,
            key,
            what,
            nth,
        }
    }

    async fn dead<T>(&self) -> T {
        self.script.died();
        std::future::pending().await
    }
}

impl Rail for Lucky {
    fn id(&self) -> RailId {
        self.rail.id()
    }

    fn debits(&self) -> Option<&dyn Debits> {
        self.rail.debits().map(|_| self as &dyn Debits)
    }

    fn payouts(&self) -> Option<&dyn Payouts> {
        self.rail.payouts().map(|_| self as &dyn Payouts)
    }

    fn inquiries(&self) -> Option<&dyn Inquiries> {
        self.rail.inquiries().map(|_| self as &dyn Inquiries)
    }
}

#[async_trait]
impl Debits for Lucky {
    async fn debit(&self, it: &Instruction) -> Result<Answer, PortError> {
        let debits = self.rail.debits().ok_or(PortError::Unreachable)?;
        self.meet(it.key, What::Order, Target::Debits, debits.debit(it))
            .await
    }
}

#[async_trait]
impl Payouts for Lucky {
    async fn pay_out(&self, it: &Instruction) -> Result<Answer, PortError> {
        let payouts = self.rail.payouts().ok_or(PortError::Unreachable)?;
        self.meet(it.key, What::Order, Target::Payouts, payouts.pay_out(it))
            .await
    }
}

#[async_trait]
impl Inquiries for Lucky {
    async fn inquire(&self, about: &Inquiry) -> Result<Found, PortError> {
        let inquiries = self.rail.inquiries().ok_or(PortError::Unreachable)?;
        let asking = inquiries.inquire(about);
        self.meet(about.key, What::Inquiry, Target::Inquiries, asking)
            .await
    }
}
