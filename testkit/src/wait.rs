//! Waiting for a condition instead of for a while.

use std::time::Duration;

use ambient::{Clock, SystemClock};

/// The condition did not come true in time.
#[derive(Debug)]
pub struct TimedOut {
    bound: Duration,
}

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not true after {:?}", self.bound)
    }
}

impl std::error::Error for TimedOut {}

/// Looks until `condition` holds, at most for `bound`. For tests without a runtime.
///
/// # Errors
/// When it still does not hold at the end of `bound`.
#[allow(clippy::disallowed_methods)] // Between two looks a thread has nothing else to do.
pub fn wait_until(bound: Duration, mut condition: impl FnMut() -> bool) -> Result<(), TimedOut> {
    let deadline = SystemClock.now().after(bound);
    let mut pause = FIRST_PAUSE;
    while !condition() {
        if SystemClock.now() >= deadline {
            return Err(TimedOut { bound });
        }
        std::thread::sleep(pause);
        pause = longer(pause);
    }
    Ok(())
}

/// Asks until `question` has an answer, at most for `bound`.
///
/// # Errors
/// When it still has none at the end of `bound`.
pub async fn eventually<T>(
    bound: Duration,
    mut question: impl AsyncFnMut() -> Option<T>,
) -> Result<T, TimedOut> {
    let looking = async {
        let mut pause = FIRST_PAUSE;
        loop {
            if let Some(answer) = question().await {
                return answer;
            }
            tokio::time::sleep(pause).await;
            pause = longer(pause);
        }
    };
    tokio::time::timeout(bound, looking)
        .await
        .map_err(|_| TimedOut { bound })
}

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Quick conditions are seen at once, slow ones do not cost the machine its cores.
fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_as_soon_as_the_condition_holds() {
        let mut looks = 0;
        wait_until(Duration::from_secs(60), || {
            looks += 1;
            looks == 3
        })
        .unwrap();
        assert_eq!(looks, 3);
    }

    #[test]
    fn gives_up_at_the_bound() {
        let bound = Duration::from_millis(5);
        let error = wait_until(bound, || false).unwrap_err();
        assert_eq!(error.to_string(), "not true after 5ms");
    }

    #[tokio::test]
    async fn an_answer_is_handed_on() {
        let mut answers = [None, None, Some(7)].into_iter();
        let bound = Duration::from_secs(60);
        let answer = eventually(bound, async || answers.next().flatten()).await;
        assert_eq!(answer.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_question_that_hangs_is_given_up() {
        let bound = Duration::from_millis(5);
        let never = async || std::future::pending::<Option<()>>().await;
        assert!(eventually(bound, never).await.is_err());
    }
}
