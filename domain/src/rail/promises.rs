//! What each rail promises: facts about the bank, not settings.

use std::time::Duration;

use super::RailId;
use crate::Timestamp;

/// What a rail promises. Decisions about doubt are made from this, never from hope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RailPromises {
    /// For how long, from when it first left, the bank recognises our reference and answers a
    /// repetition with the first outcome. After that, and where it is `None`, a step that was sent
    /// is never sent again, only asked about.
    pub deduplicates_for: Option<Duration>,
    /// How long to wait before the first inquiry about an answer that never came.
    pub first_inquiry_after: Duration,
    /// The longest wait between two inquiries; the waits double up to it.
    pub slowest_inquiry: Duration,
    /// How often its statement is read. None: it has none.
    pub statement_every: Option<Duration>,
    /// From when on after the last attempt "not found" is proof that it never arrived.
    pub not_found_is_proof_after: Duration,
    /// When an instruction still leaves on the same banking day.
    pub cut_off: CutOff,
    pub refunds: Refunds,
    /// For how long after an execution the money may still come back by itself: a returned payout,
    /// a debit that its payer takes back, a chargeback.
    pub may_come_back_for: Duration,
}

/// So often a bank is asked about one doubt before it is left alone for longer.
const QUESTIONS_AT_ITS_PACE: u32 = 500;
const SLOWEST: Duration = Duration::from_secs(4 * 3_600);

impl RailPromises {
    /// How long to wait before the next question about a doubt, after so many that decided nothing.
    ///
    /// Every question lengthens a history, and an engine ends a run whose history has grown too
    /// long. So a bank that decides nothing for hours is asked ever more rarely, and a doubt may
    /// last years.
    pub fn wait_after(self, questions: u32) -> Duration {
        let doubled = |from: Duration, times: u32| from.saturating_mul(1_u32 << times.min(30));
        if questions < QUESTIONS_AT_ITS_PACE {
            doubled(self.first_inquiry_after, questions).min(self.slowest_inquiry)
        } else {
            let more = questions - QUESTIONS_AT_ITS_PACE + 1;
            doubled(self.slowest_inquiry, more).min(self.slowest_inquiry.max(SLOWEST))
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutOff {
    /// Around the clock, every day.
    None,
    /// At this UTC time of banking days; what comes later is of the next one.
    DailyAt { hour: u8, minute: u8 },
}

/// How money that a customer gave is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunds {
    /// Only by paying it out again, as a payout of its own.
    ByPayout,
    /// By the network itself, to the same card, in parts up to what was captured.
    UpToCaptured { within: Duration },
}

impl RailPromises {
    /// Whether what left then for the first time may leave again now: the bank surely knows it by
    /// our reference, had it arrived.
    pub fn may_leave_again(self, first_left: Timestamp, now: Timestamp) -> bool {
        self.deduplicates_for
            .is_some_and(|recognised| now < first_left.after(recognised))
    }
}

const DAY: Duration = Duration::from_secs(86_400);

const fn days(number: u32) -> Duration {
    DAY.saturating_mul(number)
}

impl RailId {
    pub const fn promises(self) -> RailPromises {
        match self {
            Self::SandboxBank => RailPromises {
                deduplicates_for: Some(days(30)),
                first_inquiry_after: Duration::from_secs(1),
                slowest_inquiry: Duration::from_secs(30),
                statement_every: Some(Duration::from_secs(20)),
                // Longer than an order can be under way (the adapter's own limit) or hidden from
                // inquiries.
                not_found_is_proof_after: Duration::from_secs(10),
                cut_off: CutOff::None,
                refunds: Refunds::ByPayout,
                may_come_back_for: days(10),
            },
            Self::SandboxCards => RailPromises {
                deduplicates_for: Some(days(30)),
                first_inquiry_after: Duration::from_secs(1),
                slowest_inquiry: Duration::from_secs(30),
                statement_every: None,
                not_found_is_proof_after: Duration::from_secs(10),
                cut_off: CutOff::None,
                refunds: Refunds::UpToCaptured { within: days(180) },
                may_come_back_for: days(120),
            },
            Self::Stripe => RailPromises {
                // A key may be forgotten after 24 h; an hour is kept back for a slow last attempt.
                deduplicates_for: Some(Duration::from_secs(23 * 3_600)),
                first_inquiry_after: Duration::from_secs(5),
                slowest_inquiry: Duration::from_secs(3_600),
                statement_every: None,
                // Search lags behind by a minute usually, and by an hour on bad days.
                not_found_is_proof_after: Duration::from_secs(2 * 3_600),
                cut_off: CutOff::None,
                refunds: Refunds::UpToCaptured { within: days(180) },
                may_come_back_for: days(120),
            },
            Self::Iso20022 => RailPromises {
                // A message is recognised by its identification; how long is the bank's contract.
                // Without one there is no promise, so nothing is ever sent twice.
                deduplicates_for: None,
                first_inquiry_after: Duration::from_secs(90),
                slowest_inquiry: Duration::from_secs(3_600),
                statement_every: Some(Duration::from_secs(15 * 60)),
                // The next day's statement has every booking of the day before.
                not_found_is_proof_after: days(4),
                cut_off: CutOff::DailyAt {
                    hour: 14,
                    minute: 0,
                },
                refunds: Refunds::ByPayout,
                // A direct debit that was not authorised comes back within thirteen months.
                may_come_back_for: days(396),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bank_may_have_forgotten_does_not_leave_again() {
        let left = Timestamp::from_seconds(1_000);
        let promises = RailId::Stripe.promises();
        let window = promises.deduplicates_for.unwrap();
        let last = left.after(window - Duration::from_secs(1));
        assert!(promises.may_leave_again(left, last));
        assert!(!promises.may_leave_again(left, left.after(window)));
        // Where nothing is promised there is no such time.
        assert!(!RailId::Iso20022.promises().may_leave_again(left, left));
    }

    #[test]
    fn questions_come_ever_more_rarely() {
        let promises = RailId::Stripe.promises();
        let waits = [0, 1, 2, 20, 499, 500, 501, 600, u32::MAX]
            .map(|questions| promises.wait_after(questions).as_secs());
        let hour = 3_600;
        let drawn = [
            5,
            10,
            20,
            hour,
            hour,
            2 * hour,
            4 * hour,
            4 * hour,
            4 * hour,
        ];
        assert_eq!(waits, drawn);
    }

    #[test]
    fn no_promise_contradicts_another() {
        for rail in RailId::ALL {
            let promises = rail.promises();
            assert!(
                promises.first_inquiry_after <= promises.slowest_inquiry,
                "{rail}"
            );
            // An inquiry must be possible before its "not found" proves something.
            assert!(
                promises.first_inquiry_after < promises.not_found_is_proof_after,
                "{rail}"
            );
            // What is proved never to have arrived is sent again while the bank would still
            // recognise it, had it arrived after all.
            if let Some(recognised) = promises.deduplicates_for {
                assert!(promises.not_found_is_proof_after < recognised, "{rail}");
            }
        }
    }
}
