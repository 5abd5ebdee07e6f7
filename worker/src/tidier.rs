//! Ends what is over by the clock alone: holds past their time, and quotes that nobody took.
//!
//! Nothing hangs on when it comes: a hold whose time is over cannot be posted any more, and an expired
//! quote cannot be taken. But until it has come, what was held is not available.

use std::time::Duration;

use ambient::SharedClock;
use tokio_util::sync::CancellationToken;
use transfers::Transfers;

const PAUSE: Duration = Duration::from_secs(5);

/// Runs until `stop` is cancelled.
pub async fn tidy(transfers: Transfers, clock: SharedClock, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match transfers.sweep_books().await {
            Ok(swept) if swept.holds + swept.quotes > 0 => {
                tracing::info!(
                    holds = swept.holds,
                    quotes = swept.quotes,
                    "what was over was ended"
                );
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "what is over could not be ended; trying again");
            }
        }
        let next = clock.sleep_until(clock.now().after(PAUSE));
        tokio::select! {
            () = next => {}
            () = stop.cancelled() => {}
        }
    }
}
