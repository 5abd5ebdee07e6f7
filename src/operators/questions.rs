//! What can be said after `remit transfer`.

use clap::{Args, Subcommand};
use domain::{ActionId, Actor, BankAccountId, TransferId};

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Operators {
    #[command(subcommand)]
    pub(crate) errand: Errand,

    /// One JSON document instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Errand {
    /// Where it stands, why, and what can be done now
    Show { transfer: TransferId },
    /// Go on with the step that waits, or ask the bank about a doubt at once
    Retry(Ask),
    /// Send the step that waits to another bank account of the same person
    Redirect(Redirect),
    /// Say what became of a step in doubt, with evidence
    Resolve(Resolve),
    /// Give back what was collected instead of paying it out
    Refund(Ask),
    /// Call it off before the money is collected
    Cancel(Ask),
    /// Nothing more leaves until it is released
    Hold(Ask),
    /// End a hold
    Release(Ask),
    /// Words for whoever reads the history next
    Note(Ask),
    /// End a review well
    Approve(Ask),
    /// End a review and with it the transfer
    Deny(Ask),
    /// As the second person: agree to an action, and have it done
    Confirm(Said),
    /// As the second person: do not agree to an action
    Reject(Said),
    /// Walk the audit's hash chain: is every action what was written?
    Audit,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Ask {
    pub(crate) transfer: TransferId,

    /// Why: it stands in the history and in the audit
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(crate) reason: String,

    /// Who asks
    #[arg(long = "as", value_name = "NAME", env = "USER")]
    pub(crate) actor: Actor,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Redirect {
    #[command(flatten)]
    pub(crate) ask: Ask,

    /// A linked bank account of the same person, on the same rail
    #[arg(long, value_name = "ID")]
    pub(crate) to: BankAccountId,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    pub(crate) ask: Ask,

    /// The bank did it, under this reference of its own
    #[arg(
        long,
        value_name = "REFERENCE",
        value_parser = words,
        required_unless_present = "not_executed",
        conflicts_with = "not_executed"
    )]
    pub(crate) executed: Option<String>,

    /// The bank did not do it and never will
    #[arg(long)]
    pub(crate) not_executed: bool,

    /// What was seen: a statement line, a letter, a call and with whom
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(crate) evidence: String,

    /// Which step, where several are in doubt at once: its reference, as the refusal lists it
    #[arg(long, value_name = "REFERENCE", value_parser = words)]
    pub(crate) step: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Said {
    pub(crate) action: ActionId,

    /// Why
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(crate) reason: String,

    /// Who decides; never who asked
    #[arg(long = "as", value_name = "NAME", env = "USER")]
    pub(crate) actor: Actor,
}

fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > audit::LONGEST_TEXT {
        return Err(format!("write 1 to {} characters", audit::LONGEST_TEXT));
    }
    Ok(text.to_owned())
}
