//! What can be asked of the books, in the words of the command line.

use std::path::PathBuf;

use ambient::Timestamp;
use clap::{Args, Subcommand};
use domain::PartnerId;
use ledger::Cursor;
use vault::PublicKey;

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Books {
    #[command(subcommand)]
    pub(crate) question: Question,

    /// One JSON document instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Question {
    /// Walk the whole hash chain and check every rule of the book. Ends with 15 if the books are
    /// not true, and says where
    Verify(Verify),
    /// Sign the end of every lane of the hash chain, to be kept elsewhere; or check such a head
    Head(Head),
    /// The trial balance: every kind of account with its sum, now or before an instant
    Trial(Trial),
    /// An account's lines between two instants, with its balance before, after each, and at the end
    Statement(Statement),
    /// Which transfers and holds make up what an account holds
    Explain(Explain),
    /// What an account holds, has held back and may give; or what it held at an instant
    Balance(Balance),
    /// The chart of accounts: what each purpose is for
    Chart,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Verify {
    /// A signed head (from `remit ledger head --json`) that the chain must still reach and agree with
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,

    /// The key that the head must be signed with [default: those of this installation's master key]
    #[arg(long, value_name = "HEX", requires = "head")]
    pub(crate) public_key: Option<PublicKey>,

    /// Only the hash chain, not the other rules of the book
    #[arg(long)]
    pub(crate) chain_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Head {
    /// Check the signature of this head instead of making one; needs no database
    #[arg(long, value_name = "FILE")]
    pub(crate) check: Option<PathBuf>,

    /// The key that it must be signed with [default: those of this installation's master key]
    #[arg(long, value_name = "HEX", requires = "check")]
    pub(crate) public_key: Option<PublicKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Scope {
    /// Whose books [default: the only partner there is]
    #[arg(long, value_name = "ID")]
    pub(crate) partner: Option<PartnerId>,

    /// The live books instead of the sandbox's
    #[arg(long)]
    pub(crate) live: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Trial {
    #[command(flatten)]
    pub(crate) scope: Scope,

    /// As it was just before this instant: 2026-11-01 or 2026-11-01T12:00:00Z (UTC)
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) before: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Statement {
    /// An account's id, or PURPOSE/PLACE/CURRENCY such as suspense/sandbox_bank/EUR
    pub(crate) account: String,

    #[command(flatten)]
    pub(crate) scope: Scope,

    /// The first instant that counts [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) from: Option<Timestamp>,

    /// The first instant that does not count any more [default: the end]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) to: Option<Timestamp>,

    /// The most lines
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,

    /// Go on where the page before ended
    #[arg(long)]
    pub(crate) cursor: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Explain {
    /// An account's id, or PURPOSE/PLACE/CURRENCY such as pool/sandbox_bank/EUR
    pub(crate) account: String,

    #[command(flatten)]
    pub(crate) scope: Scope,

    /// The most transfers and holds that are shown; all of them are counted
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub(crate) struct Balance {
    /// An account's id, or PURPOSE/PLACE/CURRENCY such as fees/internal/EUR
    pub(crate) account: String,

    #[command(flatten)]
    pub(crate) scope: Scope,

    /// What it held once everything up to this instant was posted
    #[arg(long, value_name = "TIME", value_parser = instant)]
    pub(crate) at: Option<Timestamp>,
}

/// A day is its first instant.
fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "write it like 2026-11-01 or 2026-11-01T12:00:00Z, in UTC".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_its_first_instant() {
        let midnight = Timestamp::parse_rfc3339("2026-11-01T00:00:00Z");
        assert_eq!(instant("2026-11-01").ok(), midnight);
        assert_eq!(instant("2026-11-01T00:00:00Z").ok(), midnight);
        for text in ["", "yesterday", "2026-13-01", "2026-11-01T00:00:00+01:00"] {
            assert!(instant(text).is_err(), "{text}");
        }
    }
}
