//! What was seen, as a few lines that a script can read.

use std::fmt;
use std::time::Duration;

pub(crate) struct Seen {
    sorted: Vec<Duration>,
    took: Duration,
    processor: Duration,
}

impl Seen {
    pub(crate) fn new(mut latencies: Vec<Duration>, took: Duration, processor: Duration) -> Self {
        latencies.sort_unstable();
        Self {
            sorted: latencies,
            took,
            processor,
        }
    }

    fn percentile(&self, percent: usize) -> Duration {
        let at = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).copied().unwrap_or_default()
    }
}

#[allow(clippy::float_arithmetic, clippy::cast_precision_loss)] // For the reader's eye.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.sorted.len();
        let ms = |wait: Duration| wait.as_secs_f64() * 1_000.0;
        writeln!(f, "workflows: {count} in {:.2} s", self.took.as_secs_f64())?;
        writeln!(f, "rate: {:.0}/s", count as f64 / self.took.as_secs_f64())?;
        writeln!(
            f,
            "latency ms: p50 {:.2} p90 {:.2} p99 {:.2} max {:.2}",
            ms(self.percentile(50)),
            ms(self.percentile(90)),
            ms(self.percentile(99)),
            ms(self.percentile(100))
        )?;
        write!(
            f,
            "processor: {:.3} ms per workflow in this process",
            ms(self.processor) / count as f64
        )
    }
}

/// User and system time of this process so far.
pub(crate) fn processor_time() -> Duration {
    // Fields 14 and 15 of proc(5)'s stat, in ticks of a hundredth; the name before them may hold
    // spaces, so counting starts after its closing parenthesis.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
