//! GetWorkflowExecutionHistory: pages, long polls for news, and the closing event alone.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use temporalio_protos::temporal::api::enums::v1::HistoryEventFilterType;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
};
use tonic::Status;

use super::execution;
use crate::runs::{Found, History, Host, Namespace, Page, Place, Stretch};
use crate::store::Head;
use crate::{limits, wire};

/// Where a reader stands: sealed, so that it can only be ours.
#[derive(Clone, PartialEq, Eq, Message)]
struct Cursor {
    #[prost(string, tag = "1")]
    run_id: String,
    #[prost(int64, tag = "2")]
    next: i64,
    #[prost(bool, tag = "3")]
    wait: bool,
    /// Where the store has `next`, once that is known: a record, and the event it begins with.
    #[prost(int64, tag = "4")]
    record: i64,
    #[prost(int64, tag = "5")]
    begins: i64,
}

impl Cursor {
    fn place(&self) -> Place {
        match self.begins {
            0 => Place::BEGINNING,
            event => Place {
                record: self.record,
                event,
            },
        }
    }
}

pub(crate) fn page_token(host: &Host, run_id: &str, next: i64, wait: bool) -> Vec<u8> {
    let cursor = Cursor {
        run_id: run_id.to_owned(),
        next,
        wait,
        ..Cursor::default()
    };
    host.tokens.seal_bytes(cursor.encode_to_vec())
}

pub(crate) async fn handle(
    host: &Host,
    request: GetWorkflowExecutionHistoryRequest,
) -> Result<Vec<u8>, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let only_close = request.history_event_filter_type() == HistoryEventFilterType::CloseEvent;
    let most = match i64::from(request.maximum_page_size) {
        given if given > 0 => given.min(limits::HISTORY_PAGE_EVENTS),
        _ => limits::HISTORY_PAGE_EVENTS,
    };
    let (workflow_id, mut run_id) = execution(request.execution)?;
    let (mut next, mut wait, mut from) = (1, request.wait_new_event, Place::BEGINNING);
    if !request.next_page_token.is_empty() {
        let no_cursor = || Status::invalid_argument("Invalid NextPageToken.");
        let opened = host.tokens.open_bytes(&request.next_page_token);
        let cursor = Cursor::decode(opened.map_err(|_| no_cursor())?).map_err(|_| no_cursor())?;
        if !run_id.is_empty() && run_id != cursor.run_id {
            return Err(Status::invalid_argument(
                "RunId in the request does not match the NextPageToken.",
            ));
        }
        from = cursor.place();
        (run_id, next, wait) = (cursor.run_id, cursor.next, cursor.wait);
    }
    let look = Look {
        namespace,
        workflow_id,
        next,
        from,
        until_closed: only_close,
    };
    let sight = look.wait_for_news(host, run_id, wait).await?;
    Ok(if only_close {
        closing_event(host, &sight, wait)
    } else {
        events(host, &sight, next, wait, most)
    })
}

struct Look {
    namespace: Namespace,
    workflow_id: String,
    next: i64,
    /// Where that is, should the run be closed and in the store alone.
    from: Place,
    until_closed: bool,
}

/// A run as it is on disk.
struct Sight {
    run_id: String,
    seen: Seen,
    open: bool,
}

enum Seen {
    Whole(History),
    Part(Stretch),
}

impl Sight {
    fn history(&self) -> &History {
        match &self.seen {
            Seen::Whole(history) => history,
            Seen::Part(stretch) => &stretch.history,
        }
    }
}

impl Look {
    /// Looks until there is something new to tell, or patience or the engine ends.
    async fn wait_for_news(
        &self,
        host: &Host,
        mut run_id: String,
        wait: bool,
    ) -> Result<Sight, Status> {
        let patience = host
            .clock
            .sleep_until(host.now().after(limits::HISTORY_POLL));
        tokio::pin!(patience);
        let mut patient = wait;
        loop {
            let found = host
                .find(&self.namespace, &self.workflow_id, &run_id)
                .await?;
            let slot = match found {
                Found::Live(slot) => slot,
                Found::Stored(head) => return self.stored(host, *head).await,
            };
            let position = slot.position;
            let Some(live) = slot.live.as_ref() else {
                return Err(crate::runs::not_found());
            };
            let open = live.run.is_open();
            let news = !open || (!self.until_closed && live.run.next_event_id > self.next);
            let bells = Arc::clone(&live.news);
            let bell = match self.until_closed {
                true => &bells.end,
                false => &bells.growth,
            };
            let rung = bell.notified();
            tokio::pin!(rung);
            // Listening before the lock is released: nothing can happen unheard.
            rung.as_mut().enable();
            run_id.clone_from(&live.run.run_id);
            if news || !patient {
                // A worker that replays needs the start of the task it holds, too. Who follows
                // the run gets it when it is settled: a transient one may yet come to nothing.
                let task = live.run.task.as_ref().filter(|_| !wait);
                let started = task.and_then(|task| task.started.as_ref());
                let suffix = started.map_or(&[][..], |started| &started.suffix);
                let history = live.history.with_suffix(suffix);
                drop(slot);
                host.durable(position).await?;
                return Ok(Sight {
                    run_id,
                    seen: Seen::Whole(history),
                    open,
                });
            }
            drop(slot);
            tokio::select! {
                () = rung => {}
                () = &mut patience => patient = false,
                () = host.closing.cancelled() => patient = false,
            }
        }
    }
}

impl Look {
    async fn stored(&self, host: &Host, head: Head) -> Result<Sight, Status> {
        let seen = match self.until_closed {
            true => Seen::Whole(host.closing_event(&head).await?),
            false => Seen::Part(host.stretch(&head, self.from, self.next).await?),
        };
        Ok(Sight {
            run_id: head.run_id,
            seen,
            open: false,
        })
    }
}

fn closing_event(host: &Host, sight: &Sight, wait: bool) -> Vec<u8> {
    if sight.open && wait {
        // Still open: nothing yet, and a token to ask again with.
        let token = page_token(host, &sight.run_id, 1, true);
        return encode(&[], token);
    }
    let last: Vec<Bytes> = sight.history().last_event().into_iter().collect();
    encode(&last, Vec::new())
}

fn events(host: &Host, sight: &Sight, next: i64, wait: bool, most: i64) -> Vec<u8> {
    let Page {
        pieces,
        next: following,
    } = sight
        .history()
        .page(next, None, most, limits::HISTORY_PAGE_BYTES);
    let told: usize = pieces.iter().map(|piece| wire::fields(piece).count()).sum();
    let end = next + i64::try_from(told).unwrap_or(0);
    let token = match (following, &sight.seen) {
        (Some(next), Seen::Part(stretch)) => {
            let place = stretch.place_of(next).unwrap_or(Place::BEGINNING);
            token_of_part(host, &sight.run_id, next, place)
        }
        (
            None,
            Seen::Part(Stretch {
                rest: Some(rest), ..
            }),
        ) => token_of_part(host, &sight.run_id, rest.event, *rest),
        (Some(next), Seen::Whole(_)) => page_token(host, &sight.run_id, next, wait),
        // The caller follows an open run: there will be more.
        (None, _) if sight.open && wait => page_token(host, &sight.run_id, end, true),
        (None, _) => Vec::new(),
    };
    encode(&pieces, token)
}

/// Of a run that is closed: nobody waits for it to grow.
fn token_of_part(host: &Host, run_id: &str, next: i64, place: Place) -> Vec<u8> {
    let cursor = Cursor {
        run_id: run_id.to_owned(),
        next,
        wait: false,
        record: place.record,
        begins: place.event,
    };
    host.tokens.seal_bytes(cursor.encode_to_vec())
}

fn encode(pieces: &[Bytes], next_page_token: Vec<u8>) -> Vec<u8> {
    const HISTORY: u32 = 1;
    let mut encoded = GetWorkflowExecutionHistoryResponse {
        next_page_token,
        ..GetWorkflowExecutionHistoryResponse::default()
    }
    .encode_to_vec();
    wire::splice(&mut encoded, HISTORY, pieces);
    encoded
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use ambient::SystemClock;
    use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
    use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
    use temporalio_protos::temporal::api::workflowservice::v1::{
        SignalWorkflowExecutionRequest, StartWorkflowExecutionRequest,
        TerminateWorkflowExecutionRequest,
    };

    use super::*;
    use crate::engine::open_store;
    use crate::frontend::{signal, start, terminate};

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn who_waits_for_the_end_is_not_woken_before() {
        let dir = tempfile::tempdir().unwrap();
        let host = open_store(dir.path().join("engine.db"), SystemClock::shared()).unwrap();
        host.create_namespace("default", String::new(), String::new(), 0)
            .await
            .unwrap();
        let namespace = || "default".to_owned();
        let execution = || {
            Some(WorkflowExecution {
                workflow_id: "w".to_owned(),
                run_id: String::new(),
            })
        };
        let begin = StartWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_id: "w".to_owned(),
            workflow_type: Some(WorkflowType {
                name: "flow".to_owned(),
            }),
            task_queue: Some(TaskQueue {
                name: "q".to_owned(),
                ..TaskQueue::default()
            }),
            ..StartWorkflowExecutionRequest::default()
        };
        start::handle(&host, begin).await.unwrap();

        let result = GetWorkflowExecutionHistoryRequest {
            namespace: namespace(),
            execution: execution(),
            wait_new_event: true,
            history_event_filter_type: HistoryEventFilterType::CloseEvent as i32,
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut waiting = pin!(handle(&host, result));
        let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());

        let news = SignalWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: execution(),
            signal_name: "s".to_owned(),
            ..SignalWorkflowExecutionRequest::default()
        };
        signal::handle(&host, news).await.unwrap();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);

        let end = TerminateWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: execution(),
            ..TerminateWorkflowExecutionRequest::default()
        };
        terminate::handle(&host, end).await.unwrap();
        assert!(wakes.0.load(Ordering::Relaxed) > 0);
        let polled = waiting.as_mut().poll(&mut Context::from_waker(&waker));
        let Poll::Ready(Ok(answer)) = polled else {
            panic!("the run has closed, and its end is on disk");
        };
        let answer = GetWorkflowExecutionHistoryResponse::decode(answer.as_slice()).unwrap();
        assert_eq!(answer.history.unwrap().events.len(), 1);
    }
}
