//! What was seen, as a few lines that a script can read.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

#[allow(clippy::disallowed_methods)] // Real time is what is measured.
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) struct Seen {
    pub(crate) entries: usize,
    pub(crate) commits: u64,
    pub(crate) took: Duration,
    sorted: Vec<Duration>,
}

impl Seen {
    pub(crate) fn new(mut latencies: Vec<Duration>, commits: u64, took: Duration) -> Self {
        latencies.sort_unstable();
        Self {
            entries: latencies.len(),
            commits,
            took,
            sorted: latencies,
        }
    }

    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).copied().unwrap_or_default()
    }
}

#[allow(clippy::float_arithmetic, clippy::cast_precision_loss)] // For the reader's eye.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        let ms = |wait: Duration| wait.as_secs_f64() * 1_000.0;
        writeln!(
            f,
            "entries: {} in {seconds:.2} s, {} commits",
            self.entries, self.commits
        )?;
        writeln!(f, "postings: {:.0}/s", 2.0 * self.entries as f64 / seconds)?;
        write!(
            f,
            "latency ms: p50 {:.2} p99 {:.2} max {:.2}",
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(self.percentile(100))
        )
    }
}
