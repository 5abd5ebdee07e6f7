//! From where to where.

use std::fmt;

use anyhow::{Context, Result};
use domain::rail::RailId;
use transfers::EndpointRef;

use crate::world::{RAILS, Town};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Wallet,
    Good,
    Closed,
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scenario {
    source: End,
    destination: End,
    rail: RailId,
    /// More than the wallet has.
    too_much: bool,
}

impl Scenario {
    pub(super) fn all() -> Vec<Self> {
        let of = |rail, source, destination| Self {
            source,
            destination,
            rail,
            too_much: false,
        };
        let inside = of(RailId::SandboxBank, End::Wallet, End::Wallet);
        let mut all = vec![
            inside,
            Self {
                too_much: true,
                ..inside
            },
        ];
        for rail in RAILS {
            all.extend([
                of(rail, End::Good, End::Wallet),
                of(rail, End::Wallet, End::Good),
                of(rail, End::Good, End::Good),
                of(rail, End::Wallet, End::Closed),
                of(rail, End::Good, End::Closed),
                of(rail, End::Empty, End::Good),
            ]);
        }
        all
    }

    pub(super) fn ends(self, town: &Town) -> Result<(EndpointRef, EndpointRef)> {
        let [giver, taker] = town.people.as_slice() else {
            anyhow::bail!("a walk needs two people");
        };
        let end = |end: End, who: &crate::world::Person| {
            let account = match end {
                End::Wallet => return Some(EndpointRef::Wallet(who.wallet)),
                End::Good => who.good.get(&self.rail),
                End::Closed => who.closed.get(&self.rail),
                End::Empty => who.empty.get(&self.rail),
            };
            account.copied().map(EndpointRef::BankAccount)
        };
        let ends = end(self.source, giver).zip(end(self.destination, taker));
        ends.context("nobody has such an account")
    }

    pub(super) const fn minor(self) -> i64 {
        if self.too_much { 90_000_050 } else { 150 }
    }

    pub(super) fn rail(self) -> Option<RailId> {
        let inside = self.source == End::Wallet && self.destination == End::Wallet;
        (!inside).then_some(self.rail)
    }

    pub(super) fn fair_end(self) -> &'static str {
        match (self.source, self.destination) {
            (End::Empty, _) => "failed",
            _ if self.too_much => "failed",
            (_, End::Closed) => "refunded",
            _ => "completed",
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |end: End| match end {
            End::Wallet => "wallet",
            End::Good => "bank",
            End::Closed => "closed account",
            End::Empty => "empty account",
        };
        let (from, to) = (name(self.source), name(self.destination));
        match self.rail() {
            Some(rail) => write!(f, "{from} to {to} over {rail}"),
            None if self.too_much => write!(f, "{from} to {to}, more than there is"),
            None => write!(f, "{from} to {to}"),
        }
    }
}
