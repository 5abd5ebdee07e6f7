//! When sending stops by itself: too many of the last calls were unreachable or unknown. After a
//! while one call goes as a probe, and its outcome decides. No clock, no lock.
//!
//! An open breaker means "not sent". It concludes nothing about what was sent before.

use std::collections::VecDeque;
use std::str::FromStr;

use ambient::Timestamp;
use domain::rail::Breaker as Rules;

/// What a call says about the rail, whatever it says about the money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// An answer, also a refusal, also "slow down".
    Answered,
    /// Not reached, or no answer that makes sense.
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Closed,
    Open,
    /// One call at a time goes, to see.
    HalfOpen,
}

impl State {
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a breaker")]
pub struct UnknownState;

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or(UnknownState)
    }
}

#[derive(Debug)]
pub(crate) struct Breaker {
    rules: Rules,
    /// The newest last; true where there was silence.
    recent: VecDeque<bool>,
    state: State,
    since: Timestamp,
    probing: bool,
}

impl Breaker {
    pub(crate) const fn new(rules: Rules, now: Timestamp) -> Self {
        Self {
            rules,
            recent: VecDeque::new(),
            state: State::Closed,
            since: now,
            probing: false,
        }
    }

    /// As it stands now: an open one becomes half-open by time alone.
    pub(crate) fn state(&mut self, now: Timestamp) -> (State, Timestamp) {
        if self.state == State::Open && now >= self.since.after(self.rules.open_for) {
            self.become_(State::HalfOpen, now);
        }
        (self.state, self.since)
    }

    /// Takes the one place of a half-open breaker.
    pub(crate) fn probe(&mut self, now: Timestamp) -> bool {
        let free = self.state(now).0 == State::HalfOpen && !self.probing;
        self.probing |= free;
        free
    }

    /// A call that was let through while the breaker was closed.
    pub(crate) fn saw(&mut self, health: Health, now: Timestamp) {
        // What was sent before it opened proves nothing about what it is like now.
        if self.state(now).0 != State::Closed {
            return;
        }
        self.recent.push_back(health == Health::Silent);
        let window = self.rules.window as usize;
        while self.recent.len() > window {
            self.recent.pop_front();
        }
        let silent = self.recent.iter().filter(|silent| **silent).count();
        let full = self.recent.len() >= window;
        if full && silent * 100 >= window * self.rules.opens_at_percent as usize {
            self.become_(State::Open, now);
        }
    }

    /// The probe's outcome; none where it was dropped without one, and the next one goes.
    pub(crate) fn probed(&mut self, health: Option<Health>, now: Timestamp) {
        self.probing = false;
        match health {
            Some(Health::Answered) => self.become_(State::Closed, now),
            Some(Health::Silent) => self.become_(State::Open, now),
            None => {}
        }
    }

    fn become_(&mut self, state: State, now: Timestamp) {
        self.recent.clear();
        (self.state, self.since, self.probing) = (state, now, false);
    }
}

#[cfg(test)]
mod tests {
    use domain::rail::RailId;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000 + seconds)
    }

    /// 20 calls, 50 %, 30 s.
    fn opened() -> Breaker {
        let mut breaker = Breaker::new(RailId::Iso20022.capacity().breaker, at(0));
        for number in 0..20 {
            assert_eq!(breaker.state(at(0)).0, State::Closed, "{number}");
            let silent = number % 2 == 0;
            let health = if silent {
                Health::Silent
            } else {
                Health::Answered
            };
            breaker.saw(health, at(0));
        }
        breaker
    }

    #[test]
    fn opens_at_its_share_of_silence_and_probes_one_at_a_time() {
        let mut breaker = opened();
        assert_eq!(breaker.state(at(29)), (State::Open, at(0)));
        assert!(!breaker.probe(at(29)));
        assert!(breaker.probe(at(30)));
        assert!(!breaker.probe(at(30)));
        breaker.probed(Some(Health::Silent), at(31));
        assert_eq!(breaker.state(at(60)), (State::Open, at(31)));
        assert!(breaker.probe(at(61)));
        breaker.probed(None, at(61));
        assert!(breaker.probe(at(61)));
        breaker.probed(Some(Health::Answered), at(62));
        assert_eq!(breaker.state(at(62)), (State::Closed, at(62)));
    }

    #[test]
    fn what_comes_back_late_neither_closes_nor_opens_it() {
        let mut breaker = opened();
        for _ in 0..50 {
            breaker.saw(Health::Answered, at(1));
        }
        assert_eq!(breaker.state(at(1)).0, State::Open);
        assert!(breaker.probe(at(40)));
        breaker.saw(Health::Silent, at(41));
        assert_eq!(breaker.state(at(41)).0, State::HalfOpen);
    }

    #[test]
    fn answers_of_any_kind_keep_it_closed() {
        let mut breaker = Breaker::new(RailId::Iso20022.capacity().breaker, at(0));
        for number in 0..1_000 {
            let health = if number % 5 < 2 {
                Health::Silent
            } else {
                Health::Answered
            };
            breaker.saw(health, at(number));
        }
        assert_eq!(breaker.state(at(1_000)).0, State::Closed);
    }
}
