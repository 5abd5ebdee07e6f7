//! What can be asked about rules and said of them, in the words of the command line.

use clap::{Args, Subcommand};
use domain::{Currency, Mode, PartnerId, Tenant, UserId};
use transfers::Rule;

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Ruling {
    #[command(subcommand)]
    pub(crate) order: Order,

    /// Whose rules: pa_…; without it the sandbox's demo partner
    #[arg(long, global = true, value_name = "ID", value_parser = partner)]
    partner: Option<PartnerId>,

    /// Of its live transfers; without it those of its sandbox
    #[arg(long, global = true)]
    live: bool,

    /// One JSON document instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Ruling {
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant {
            partner: self.partner.unwrap_or(identity::seed::TENANT.partner),
            mode: Mode::from_livemode(self.live),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Order {
    /// What holds now
    List,
    /// Who set and lifted rules, and why; the newest first
    Log(Log),
    /// Set a rule for what begins from now on
    Set(Set),
    /// Lift a rule
    Lift(About),
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Log {
    /// The most lines
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) about: About,

    /// In minor units: at most so much in the period, or reviewed from there on
    #[arg(long, value_name = "AMOUNT", value_parser = clap::value_parser!(i64).range(0..))]
    pub(crate) amount: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct About {
    /// day, month or year: the most that may be moved in it. review_from: the amount from which on
    /// somebody looks first
    #[arg(value_parser = rule)]
    pub(crate) rule: Rule,

    /// Such as EUR
    #[arg(value_parser = currency)]
    pub(crate) currency: Currency,

    /// Of one person (us_…), in place of what holds for every person
    #[arg(long, value_name = "ID", value_parser = person, conflicts_with = "together")]
    pub(crate) person: Option<UserId>,

    /// Of all the partner's people together, instead of each alone
    #[arg(long)]
    pub(crate) together: bool,

    /// Why; it is kept for good
    #[arg(long, value_name = "TEXT", value_parser = words)]
    pub(crate) reason: String,

    /// Who says it
    #[arg(long, value_name = "NAME", env = "USER", hide_env = true, value_parser = words)]
    pub(crate) by: String,
}

fn rule(name: &str) -> Result<Rule, String> {
    let known = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    known.ok_or_else(|| format!("the rules are {}", Rule::ALL.map(Rule::name).join(", ")))
}

fn currency(code: &str) -> Result<Currency, String> {
    let known = code.parse();
    known.map_err(|_| "a code of ISO 4217 in capital letters, such as EUR".to_owned())
}

fn person(id: &str) -> Result<UserId, String> {
    id.parse().map_err(|error| format!("this is {error}"))
}

fn partner(id: &str) -> Result<PartnerId, String> {
    id.parse().map_err(|error| format!("this is {error}"))
}

fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "say it in 1 to 500 characters on one line".to_owned())
}
