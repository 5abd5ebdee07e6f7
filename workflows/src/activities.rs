//! The activities that workflows call: one input and one output each. Bodies live in the room
//! `activities`, which implements exactly these definitions.

#![allow(missing_debug_implementations)] // The SDK's macros define marker types without it.

mod carried;

use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

pub use carried::*;

/// Writing into our own books. Runs on the worker that runs the workflow (a local activity).
#[derive(Debug)]
pub struct Books;

#[allow(clippy::unimplemented)] // The macro wants this body; it is never called.
#[activity_definitions]
impl Books {
    /// Records what happened to a transfer: status, history, event and ledger entry in one commit.
    #[activity(name = "books.record")]
    pub fn record(_: Record) -> Result<Booked, ActivityError> {
        unimplemented!()
    }

    /// Records what happened to what follows a transfer, in the same way.
    #[activity(name = "books.turn")]
    pub fn turn(_: TakeTurn) -> Result<Booked, ActivityError> {
        unimplemented!()
    }

    /// What a network has decided about a dispute, as its stored message says.
    #[activity(name = "books.decided")]
    pub fn decided(_: Dispute) -> Result<Decided, ActivityError> {
        unimplemented!()
    }

    /// Looks whether a transfer may begin: who sends, and how much may still be moved.
    #[activity(name = "books.screen")]
    pub fn screen(_: Screen) -> Result<Screened, ActivityError> {
        unimplemented!()
    }
}

/// Talking to a bank.
#[derive(Debug)]
pub struct Bank;

#[allow(clippy::unimplemented)] // The macro wants these bodies; they are never called.
#[activity_definitions]
impl Bank {
    /// Takes the money from the sender's bank account.
    #[activity(name = "bank.debit")]
    pub fn debit(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Pays the money into a bank account: the receiver's, or the sender's when it is given back.
    #[activity(name = "bank.pay_out")]
    pub fn pay_out(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Has a card's network promise the money.
    #[activity(name = "card.authorise")]
    pub fn authorise(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Takes what was promised.
    #[activity(name = "card.capture")]
    pub fn capture(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Releases what was promised and not taken.
    #[activity(name = "card.void")]
    pub fn void(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Gives back what was taken.
    #[activity(name = "card.refund")]
    pub fn refund(_: BankStep) -> Result<BankAnswer, ActivityError> {
        unimplemented!()
    }

    /// Opens a page on which the payer is asked. Nothing moves by it.
    #[activity(name = "checkout.open")]
    pub fn open_checkout(_: BankStep) -> Result<CheckoutAnswer, ActivityError> {
        unimplemented!()
    }

    /// Closes the page, and asks what came of it.
    #[activity(name = "checkout.close")]
    pub fn close_checkout(_: BankStep) -> Result<Verdict, ActivityError> {
        unimplemented!()
    }

    /// Asks what became of a step whose answer never came. Changes nothing at the bank.
    #[activity(name = "bank.inquire")]
    pub fn inquire(_: BankStep) -> Result<Verdict, ActivityError> {
        unimplemented!()
    }
}

/// What people decided.
#[derive(Debug)]
pub struct Audit;

#[allow(clippy::unimplemented)] // The macro wants these bodies; they are never called.
#[activity_definitions]
impl Audit {
    /// Whether a person may have this done, and what it is. Changes nothing.
    #[activity(name = "audit.approved")]
    pub fn approved(_: Asked) -> Result<Approval, ActivityError> {
        unimplemented!()
    }

    /// Records that it is done, once: in the history under the person's name, and in the audit.
    #[activity(name = "audit.act")]
    pub fn act(_: Act) -> Result<Acted, ActivityError> {
        unimplemented!()
    }
}

/// What banks said by themselves.
#[derive(Debug)]
pub struct Inbox;

#[allow(clippy::unimplemented)] // The macro wants this body; it is never called.
#[activity_definitions]
impl Inbox {
    /// What a stored message proves about a step in doubt. What it proves is settled by this.
    #[activity(name = "inbox.hear")]
    pub fn hear(_: Heard) -> Result<News, ActivityError> {
        unimplemented!()
    }
}

/// What was ordered for later, or many at once. Local activities: our own records decide.
#[derive(Debug)]
pub struct Plans;

#[allow(clippy::unimplemented)] // The macro wants these bodies; they are never called.
#[activity_definitions]
impl Plans {
    /// Makes an occurrence of a schedule a transfer, once.
    #[activity(name = "schedules.occur")]
    pub fn occur(_: Occur) -> Result<Occurred, ActivityError> {
        unimplemented!()
    }

    /// Looks at a batch, and begins what may begin of it.
    #[activity(name = "batches.look")]
    pub fn look(_: Look) -> Result<Looked, ActivityError> {
        unimplemented!()
    }
}

/// The definitions as types, for the room that implements them: an implementation whose input or
/// output differs does not compile.
pub mod definitions {
    pub use super::audit::{Act, Approved};
    pub use super::bank::{
        Authorise, Capture, CloseCheckout, Debit, Inquire, OpenCheckout, PayOut, Refund, Void,
    };
    pub use super::books::{Decided, Record, Screen, Turn};
    pub use super::inbox::Hear;
    pub use super::plans::{Look, Occur};
}
