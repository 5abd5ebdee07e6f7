//! Queries on their way to a worker and back. Nothing of them is durable.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use temporalio_protos::temporal::api::common::v1::Payloads;
use temporalio_protos::temporal::api::failure::v1::Failure;
use temporalio_protos::temporal::api::query::v1::WorkflowQuery;
use tokio::sync::oneshot;

use super::take::away_from;
use super::{Host, Key, Live};
use crate::matching::{Item, Rank};

/// What a worker made of a query.
#[derive(Debug)]
pub(crate) enum Answer {
    Result(Option<Payloads>),
    Failed {
        message: String,
        failure: Option<Box<Failure>>,
    },
    /// With its task came more than is passed on.
    TooLarge,
    /// The workflow cannot answer: its task keeps failing.
    NotReady,
}

#[derive(Debug, Default)]
pub(crate) struct Queries {
    asked: Mutex<HashMap<u64, Asked>>,
    last: AtomicU64,
}

#[derive(Debug)]
struct Asked {
    namespace: i64,
    workflow_id: String,
    run_id: String,
    query: WorkflowQuery,
    reply: oneshot::Sender<Answer>,
}

/// A query somebody waits for; forgotten when they stop waiting.
#[derive(Debug)]
pub(crate) struct Waiting<'q> {
    queries: &'q Queries,
    pub(crate) id: u64,
    pub(crate) answer: oneshot::Receiver<Answer>,
}

/// What a worker is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) namespace: i64,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) query: WorkflowQuery,
}

impl Queries {
    pub(crate) fn ask(&self, question: Question) -> Waiting<'_> {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let (reply, answer) = oneshot::channel();
        let asked = Asked {
            namespace: question.namespace,
            workflow_id: question.workflow_id,
            run_id: question.run_id,
            query: question.query,
            reply,
        };
        self.asked().insert(id, asked);
        Waiting {
            queries: self,
            id,
            answer,
        }
    }

    pub(crate) fn question(&self, id: u64) -> Option<Question> {
        self.asked().get(&id).map(|asked| Question {
            namespace: asked.namespace,
            workflow_id: asked.workflow_id.clone(),
            run_id: asked.run_id.clone(),
            query: asked.query.clone(),
        })
    }

    /// Whether somebody still waits.
    pub(crate) fn is_asked(&self, id: u64) -> bool {
        self.asked().contains_key(&id)
    }

    /// Whether somebody was still waiting.
    pub(crate) fn answer(&self, id: u64, answer: Answer) -> bool {
        let asked = self.asked().remove(&id);
        asked.is_some_and(|asked| asked.reply.send(answer).is_ok())
    }

    fn asked(&self) -> MutexGuard<'_, HashMap<u64, Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.queries.asked().remove(&self.id);
    }
}

impl Host {
    /// No task is coming for the queries that rode on one: each goes to a worker by itself.
    pub(crate) fn release_riding(&self, key: &Key, live: &mut Live) {
        for id in std::mem::take(&mut live.riding) {
            let queue = self.workflow_queue(key, &live.run);
            let item = Item::Query {
                id,
                normal: away_from(&live.run.task_queue, &queue),
            };
            let rank = Rank::of(live.run.priority.as_ref());
            self.matching.offer(queue, item, &rank);
        }
    }

    pub(crate) fn refuse_riding(&self, live: &mut Live) {
        for id in std::mem::take(&mut live.riding) {
            self.queries.answer(id, Answer::NotReady);
        }
    }
}
