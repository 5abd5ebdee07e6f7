//! What can be asked about rails and said to them, in the words of the command line.

use clap::{Args, Subcommand};
use domain::MessageId;
use domain::rail::RailId;
use inbox::{Origin, State};
use rails::{Actor, LONGEST_REASON};

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Rail {
    #[command(subcommand)]
    pub(crate) order: Order,

    /// One JSON document instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Order {
    /// Every rail: whether it is up, paused or not answering, and what it is let to do
    List,
    /// Who paused, resumed and limited a rail, and why; the newest first
    Log(Log),
    /// What banks said by themselves: notices and lines of statements; the newest first
    Messages(Messages),
    /// Send nothing more that moves money on a rail. Transfers wait and lose nothing; questions
    /// about what was sent before go on
    Pause(Said),
    /// Take a paused rail into use again, slowly at first
    Resume(Said),
    /// Send less than the rail's contract allows; without a number, what it allows
    Limit(Limit),
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Log {
    /// Such as sandbox_bank; `remit rail list` names them
    #[arg(value_parser = rail)]
    pub(crate) rail: RailId,

    /// The most lines
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Messages {
    /// Of this rail only
    #[arg(value_parser = rail)]
    pub(crate) rail: Option<RailId>,

    /// Such as quarantined, unmatched or unclaimed
    #[arg(long, value_parser = state)]
    pub(crate) state: Option<State>,

    /// notice or statement
    #[arg(long, value_parser = origin)]
    pub(crate) origin: Option<Origin>,

    /// Only this one, with the bank's own words where they are kept
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<MessageId>,

    /// Older than this one
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<MessageId>,

    /// The most lines
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Said {
    /// Such as sandbox_bank; `remit rail list` names them
    #[arg(value_parser = rail)]
    pub(crate) rail: RailId,

    #[command(flatten)]
    pub(crate) why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Why {
    /// Why; it is kept for good
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: String,

    /// Who says it
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, value_parser = actor)]
    pub(crate) by: Actor,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Limit {
    /// Such as sandbox_bank; `remit rail list` names them
    #[arg(value_parser = rail)]
    pub(crate) rail: RailId,

    /// Requests a second, in each process
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_second: Option<u32>,

    /// Requests under way at the same time, in each process
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) concurrent: Option<u32>,

    #[command(flatten)]
    pub(crate) why: Why,
}

fn state(name: &str) -> Result<State, String> {
    let names = || State::ALL.map(State::name).join(", ");
    name.parse()
        .map_err(|_| format!("the states are {}", names()))
}

fn origin(name: &str) -> Result<Origin, String> {
    name.parse()
        .map_err(|_| "it is notice or statement".to_owned())
}

fn rail(name: &str) -> Result<RailId, String> {
    let names = || RailId::ALL.map(RailId::name).join(", ");
    name.parse()
        .map_err(|_| format!("the rails are {}", names()))
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=LONGEST_REASON).contains(&text.chars().count());
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("say it in 1 to {LONGEST_REASON} characters"))
}

fn actor(name: &str) -> Result<Actor, String> {
    Actor::new(name).map_err(|error| error.to_string())
}
