//! One suite that every adapter passes. A bank brings a [`Harness`]; the checks come free.
//!
//! Two partners are driven: the bank's own sandbox, whose books tell what was really executed, and
//! a [`FaultyServer`] that says whatever bytes it is given, for answers that no sandbox gives.

mod answers;
mod beside;
mod card_answers;
pub(crate) mod cards;
mod doubt;
mod faulty_server;
mod refusals;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::rail::{Answer, Found, Inquiry, Instruction, PortError, Rail};
use domain::transfer::Decline;
use domain::{Step, StepKey, TransferId};

pub(crate) use answers::*;
pub(crate) use beside::*;
pub(crate) use doubt::*;
pub(crate) use faulty_server::FaultyServer;
pub(crate) use refusals::*;

/// What a bank must bring to be checked.
#[async_trait]
pub(crate) trait Harness: Send + Sync {
    /// The adapter under test, connected to its bank's sandbox and patient.
    fn rail(&self) -> &dyn Rail;

    /// The same adapter, connected to `address` instead, giving up after `patience`.
    fn rail_at(&self, address: SocketAddr, patience: Duration) -> Box<dyn Rail>;

    /// Every code that the adapter takes for a final refusal.
    fn refusals(&self) -> &'static [(&'static str, Decline)];

    /// An ordinary instruction that the sandbox executes.
    fn instruction(&self, key: StepKey) -> Instruction;

    /// An instruction that the sandbox itself refuses with `code`, where it can be made to.
    fn refused_with(&self, code: &str, leg: Leg, key: StepKey) -> Option<Instruction>;

    /// Makes the sandbox behave so towards the next submission.
    fn script(&self, leg: Leg, next: Behaviour);

    /// Lets the sandbox's clock run: what is held is cut, what is pending is decided.
    fn pass_time(&self);

    /// Makes the sandbox behave so towards the next inquiry.
    fn script_inquiry(&self, next: Behaviour);

    /// Sends an executed movement back, as the other bank would days later.
    async fn give_back(&self, key: StepKey);

    /// How often the sandbox's books executed this reference.
    async fn executed(&self, key: StepKey) -> usize;

    /// A whole HTTP response in this bank's own words, with one thing about it changed; `None`
    /// when its answers do not speak of that.
    fn written(&self, leg: Leg, about: &Instruction, twist: Twist) -> Option<Vec<u8>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    Debit,
    PayOut,
}

/// What the sandbox can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    SilentExecuted,
    SilentNotExecuted,
    ErrorExecuted,
    ErrorNotExecuted,
    GarbageExecuted,
    CutExecuted,
    CutNotExecuted,
    DecidedLater,
    Throttled,
    /// Executed as ordered; the answer says another amount, another currency, or is about another
    /// order.
    OtherAmount,
    OtherCurrency,
    EarlierAnswer,
    Giant,
    Trickle,
    Twice,
}

/// How a written answer differs from "executed, exactly as ordered".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    Nothing,
    Refused(&'static str),
    RefusedWithoutCode,
    ExecutedAndRefused,
    OtherReference,
    OtherKind,
    OtherAccount,
    OtherAmount,
    OtherCurrency,
    NoBankReference,
    UnknownState,
    /// "I do not know this reference."
    NotFound,
}

/// The abilities of the rail among the two that move money.
pub(crate) fn legs(rail: &dyn Rail) -> Vec<Leg> {
    let debits = rail.debits().map(|_| Leg::Debit);
    let payouts = rail.payouts().map(|_| Leg::PayOut);
    debits.into_iter().chain(payouts).collect()
}

pub(crate) async fn submit(
    rail: &dyn Rail,
    leg: Leg,
    it: &Instruction,
) -> Result<Answer, PortError> {
    match leg {
        Leg::Debit => rail.debits().unwrap().debit(it).await,
        Leg::PayOut => rail.payouts().unwrap().pay_out(it).await,
    }
}

pub(crate) async fn inquire(rail: &dyn Rail, it: &Instruction) -> Result<Found, PortError> {
    rail.inquiries().unwrap().inquire(&about(it)).await
}

pub(crate) fn about(it: &Instruction) -> Inquiry {
    Inquiry {
        key: it.key,
        money: it.money,
    }
}

/// How often an order may be sent: a rail that does not recognise repetitions is never sent one.
pub(crate) fn attempts(rail: &dyn Rail, often: usize) -> usize {
    match rail.promises().deduplicates_for {
        Some(_) => often,
        None => 1,
    }
}

/// A key that no other check of this process uses.
pub(crate) fn fresh_key(leg: Leg) -> StepKey {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let transfer = TransferId::from_bits(NEXT.fetch_add(1, Ordering::Relaxed).into());
    let step = match leg {
        Leg::Debit => Step::Collect,
        Leg::PayOut => Step::PayOut,
    };
    StepKey::of(transfer, step)
}

/// Waits for `answer` while the sandbox's clock runs as fast as it can.
pub(crate) async fn while_time_passes<T>(
    harness: &dyn Harness,
    answer: impl Future<Output = T>,
) -> T {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::task::yield_now() => harness.pass_time(),
        }
    }
}

/// The answer must be "unknown", with evidence that is short and names no account.
#[track_caller]
pub(crate) fn assert_unknown<T: std::fmt::Debug>(
    result: Result<T, PortError>,
    it: &Instruction,
    note: &str,
) {
    match result {
        Err(PortError::Unknown { evidence }) => {
            assert!((1..=200).contains(&evidence.len()), "{note}: {evidence}");
            assert!(
                !evidence.contains(it.account.reveal()),
                "{note}: {evidence}"
            );
        }
        other => panic!("{note}: expected unknown, got {other:?}"),
    }
}

/// Runs every check for a harness, each as a test of its own, each with a fresh sandbox.
macro_rules! conformance {
    ($start:path) => {
        $crate::conformance::conformance!($start:
            executes_once_however_often_it_is_sent,
            finds_out_what_silence_hid,
            finds_out_what_was_decided_later,
            throttled_means_not_executed,
            every_listed_code_is_a_refusal,
            the_sandbox_itself_refuses,
            a_code_that_is_not_listed_refuses_nothing,
            an_answer_about_something_else_is_no_answer,
            broken_answers_are_no_answers,
            a_status_alone_says_nothing,
            nothing_is_sent_where_nobody_listens,
            gives_up_in_time,
            an_inquiry_believes_only_the_bank,
            a_contradiction_is_set_aside,
            what_is_taken_back_is_never_executed,
            the_statement_tells_everything_once,
            what_comes_back_is_a_line_of_its_own,
        );
    };
    ($start:path: $($check:ident,)*) => {$(
        #[tokio::test]
        async fn $check() {
            let harness = $start().await;
            $crate::conformance::$check(&harness).await;
        }
    )*};
}
pub(crate) use conformance;
