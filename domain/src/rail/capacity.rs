//! How much a rail takes, and when it is better left alone for a while: values per rail. Whoever
//! sends to rails counts against them; nothing here counts.

use std::time::Duration;

use super::RailId;

/// What the bank's contract lets us send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    pub requests_per_second: u32,
    /// Requests under way at the same time.
    pub concurrent: u32,
    pub breaker: Breaker,
}

/// When sending stops by itself, and how it starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Looks at so many of the last requests, and never decides on fewer.
    pub window: u32,
    /// Opens when so many of a hundred of them were unreachable or unknown. Refusals and "slow
    /// down" are answers, and count as health.
    pub opens_at_percent: u32,
    /// How long nothing is sent then, except one request as a probe at its end.
    pub open_for: Duration,
    /// After a pause the rate grows from a tenth to the whole in this time.
    pub ramp: Duration,
}

impl RailId {
    pub const fn capacity(self) -> Capacity {
        let breaker = Breaker {
            window: 20,
            opens_at_percent: 50,
            open_for: Duration::from_secs(30),
            ramp: Duration::from_secs(60),
        };
        match self {
            Self::SandboxBank | Self::SandboxCards => Capacity {
                requests_per_second: 2_000,
                concurrent: 256,
                breaker: Breaker {
                    open_for: Duration::from_secs(5),
                    ramp: Duration::from_secs(5),
                    ..breaker
                },
            },
            // Its documented limit in live mode is 100 writes and 100 reads a second.
            Self::Stripe => Capacity {
                requests_per_second: 90,
                concurrent: 64,
                breaker,
            },
            Self::Iso20022 => Capacity {
                requests_per_second: 20,
                concurrent: 8,
                breaker,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rail_lets_something_through_and_can_open_and_close() {
        for rail in RailId::ALL {
            let Capacity {
                requests_per_second,
                concurrent,
                breaker,
            } = rail.capacity();
            assert!(requests_per_second > 0 && concurrent > 0, "{rail}");
            assert!((1..=100).contains(&breaker.opens_at_percent), "{rail}");
            assert!(breaker.window > 1 && !breaker.open_for.is_zero(), "{rail}");
        }
    }
}
