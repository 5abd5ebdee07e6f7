//! What is stored about a rail. Whoever reads them can say what would be let through, and why.

use ambient::Timestamp;
use domain::rail::RailId;

use crate::State;
use crate::pace;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub rail: RailId,
    pub paused: Option<Pause>,
    /// When the last pause ended: the rate grows from there.
    pub resumed_at: Option<Timestamp>,
    pub limits: Limits,
    /// What breakers are not closed, and in which process.
    pub breakers: Vec<Seen>,
}

/// Nothing that moves money is sent. Questions still are: they end doubts and move nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub since: Timestamp,
    pub by: String,
    pub reason: String,
}

/// Below what the rail's contract allows, never above it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub per_second: Option<u32>,
    pub concurrent: Option<u32>,
}

/// A breaker as its process wrote it down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub process: String,
    pub state: State,
    pub since: Timestamp,
}

impl Facts {
    /// A rail that nobody has said anything about.
    pub const fn unsaid(rail: RailId) -> Self {
        Self {
            rail,
            paused: None,
            resumed_at: None,
            limits: Limits {
                per_second: None,
                concurrent: None,
            },
            breakers: Vec::new(),
        }
    }

    /// Requests a second when nothing is special.
    pub fn full_rate(&self) -> u32 {
        let contract = self.rail.capacity().requests_per_second;
        at_most(self.limits.per_second, contract)
    }

    pub fn concurrent(&self) -> u32 {
        let contract = self.rail.capacity().concurrent;
        at_most(self.limits.concurrent, contract)
    }

    /// Requests a second now: after a pause the rate begins low and doubles up to the whole.
    pub fn rate_at(&self, now: Timestamp) -> u32 {
        let ramp = self.rail.capacity().breaker.ramp;
        match self.resumed_at {
            Some(resumed) => pace::grown(self.full_rate(), ramp, now.since(resumed)),
            None => self.full_rate(),
        }
    }
}

fn at_most(said: Option<u32>, contract: u32) -> u32 {
    said.unwrap_or(contract).clamp(1, contract)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_below_the_contract_and_never_nothing() {
        let limited = |per_second| Facts {
            limits: Limits {
                per_second: Some(per_second),
                concurrent: Some(per_second),
            },
            ..Facts::unsaid(RailId::Iso20022)
        };
        assert_eq!(limited(5).full_rate(), 5);
        assert_eq!(limited(5_000).full_rate(), 20);
        assert_eq!(limited(0).full_rate(), 1);
        assert_eq!(limited(5_000).concurrent(), 8);
    }
}
