//! Errands driven by hand: the engine is gone at every gap between the record that causes one,
//! the record at the other run, and the answer.

use std::collections::BTreeSet;
use std::path::Path;

use ambient::SystemClock;
use prost::Message;
use temporalio_protos::temporal::api::command::v1::{
    Command, CompleteWorkflowExecutionCommandAttributes,
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
    command::Attributes,
};
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::ParentClosePolicy;
use temporalio_protos::temporal::api::history::v1::{History, history_event::Attributes as Told};
use temporalio_protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_protos::temporal::api::workflowservice::v1::{
    PollWorkflowTaskQueueRequest, PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest, StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
};

use super::AGAIN_IF_DAMAGED;
use crate::core::family::Target;
use crate::engine::open_store;
use crate::frontend::{complete_task, poll_workflow, start, terminate};
use crate::runs::{Found, Host};

/// Where the engine is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    BeforeTheErrand,
    BeforeTheAnswer,
    After,
}

const GAPS: [Gap; 3] = [Gap::BeforeTheErrand, Gap::BeforeTheAnswer, Gap::After];

struct Play {
    dir: tempfile::TempDir,
    host: Host,
}

fn opened(dir: &Path) -> Host {
    open_store(dir.join("engine.db"), SystemClock::shared()).unwrap()
}

impl Play {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host = opened(dir.path());
        host.create_namespace("default", String::new(), String::new(), 0)
            .await
            .unwrap();
        Self { dir, host }
    }

    /// What a kill after the last sync would leave: nothing of memory.
    async fn restarted(self) -> Self {
        self.host.writes.close().await;
        let Self { dir, host } = self;
        drop(host);
        let host = opened(dir.path());
        Self { dir, host }
    }

    /// The one errand that is open, with the engine gone in the gap.
    async fn errand(self, row: i64, gap: Gap) -> Self {
        if gap == Gap::BeforeTheErrand {
            let play = self.restarted().await;
            play.host.do_errands(row).await.unwrap();
            return play;
        }
        if gap == Gap::BeforeTheAnswer {
            let (source, errand) = self.host.next_errand(row, &none()).await.unwrap().unwrap();
            self.host.carry_out(&source, errand).await.unwrap();
            let play = self.restarted().await;
            play.host.do_errands(row).await.unwrap();
            return play;
        }
        self.host.do_errands(row).await.unwrap();
        self.restarted().await
    }

    async fn start(&self, workflow_id: &str) {
        let request = StartWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_id: workflow_id.to_owned(),
            workflow_type: kind(),
            task_queue: queue(workflow_id),
            ..StartWorkflowExecutionRequest::default()
        };
        start::handle(&self.host, request).await.unwrap();
    }

    async fn decide(&self, workflow_id: &str, decisions: Vec<Attributes>) {
        // No alarms ring here: looking at a run after a restart offers its task.
        drop(self.find(workflow_id).await);
        let request = PollWorkflowTaskQueueRequest {
            namespace: "default".to_owned(),
            task_queue: queue(workflow_id),
            ..PollWorkflowTaskQueueRequest::default()
        };
        let task = poll_workflow::handle(&self.host, request).await.unwrap();
        let task = PollWorkflowTaskQueueResponse::decode(task.as_slice()).unwrap();
        let commands = decisions.into_iter().map(|attributes| Command {
            attributes: Some(attributes),
            ..Command::default()
        });
        let request = RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            commands: commands.collect(),
            ..RespondWorkflowTaskCompletedRequest::default()
        };
        complete_task::handle(&self.host, request).await.unwrap();
    }

    async fn terminate(&self, workflow_id: &str) {
        let request = TerminateWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            ..TerminateWorkflowExecutionRequest::default()
        };
        terminate::handle(&self.host, request).await.unwrap();
    }

    async fn find(&self, workflow_id: &str) -> Found {
        let namespace = self.host.namespace("default").unwrap();
        self.host.find(&namespace, workflow_id, "").await.unwrap()
    }

    /// The events of the newest run that say something here.
    async fn tells(&self, workflow_id: &str) -> String {
        let history = match self.find(workflow_id).await {
            Found::Live(slot) => slot.live.as_ref().unwrap().history.clone(),
            Found::Stored(head) => self.host.replay(&head).await.unwrap().1,
        };
        let page = history.page(1, None, 1_000, 1_000_000);
        let history = History::decode(page.pieces.concat().as_slice()).unwrap();
        let names = history.events.iter().map(|event| event.event_type());
        let names = names.map(|kind| format!("{kind:?}"));
        let telling = names.filter(|name| !name.starts_with("WorkflowTask"));
        telling.collect::<Vec<_>>().join(" ")
    }
}

fn none() -> BTreeSet<Target> {
    BTreeSet::new()
}

fn kind() -> Option<WorkflowType> {
    Some(WorkflowType {
        name: "flow".to_owned(),
    })
}

/// Each workflow has a queue of its own here.
fn queue(workflow_id: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: workflow_id.to_owned(),
        ..TaskQueue::default()
    })
}

fn child(policy: ParentClosePolicy) -> Attributes {
    StartChildWorkflowExecutionCommandAttributes {
        workflow_id: "child".to_owned(),
        workflow_type: kind(),
        task_queue: queue("child"),
        parent_close_policy: policy as i32,
        ..StartChildWorkflowExecutionCommandAttributes::default()
    }
    .into()
}

fn finish() -> Attributes {
    CompleteWorkflowExecutionCommandAttributes::default().into()
}

#[tokio::test]
async fn a_child_starts_once_and_reports_once_whenever_the_engine_is_gone() {
    for gap in GAPS {
        let play = Play::new().await;
        play.start("parent").await;
        play.decide("parent", vec![child(ParentClosePolicy::Terminate)])
            .await;
        let play = play.errand(1, gap).await;
        assert_eq!(
            play.tells("parent").await,
            "WorkflowExecutionStarted StartChildWorkflowExecutionInitiated \
             ChildWorkflowExecutionStarted",
            "{gap:?}"
        );
        play.decide("child", vec![finish()]).await;
        // The child has the second row: the errand did not start it twice.
        let play = play.errand(2, gap).await;
        // It was read from its row before the errand added a record to it.
        assert_eq!(
            play.tells("child").await,
            "WorkflowExecutionStarted WorkflowExecutionCompleted",
            "{gap:?}"
        );
        assert_eq!(
            play.tells("parent").await,
            "WorkflowExecutionStarted StartChildWorkflowExecutionInitiated \
             ChildWorkflowExecutionStarted ChildWorkflowExecutionCompleted",
            "{gap:?}"
        );
        assert!(play.host.reader.by_row(3).unwrap().is_none());
    }
}

#[tokio::test]
async fn a_signal_and_a_cancellation_arrive_once_whenever_the_engine_is_gone() {
    for gap in GAPS {
        let play = Play::new().await;
        play.start("source").await;
        play.start("target").await;
        let target = Some(WorkflowExecution {
            workflow_id: "target".to_owned(),
            run_id: String::new(),
        });
        let signal = SignalExternalWorkflowExecutionCommandAttributes {
            execution: target,
            signal_name: "hello".to_owned(),
            ..SignalExternalWorkflowExecutionCommandAttributes::default()
        };
        play.decide("source", vec![signal.into()]).await;
        let play = play.errand(1, gap).await;
        let cancel = RequestCancelExternalWorkflowExecutionCommandAttributes {
            workflow_id: "target".to_owned(),
            ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
        };
        play.decide("source", vec![cancel.into()]).await;
        let play = play.errand(1, gap).await;
        assert_eq!(
            play.tells("target").await,
            "WorkflowExecutionStarted WorkflowExecutionSignaled WorkflowExecutionCancelRequested",
            "{gap:?}"
        );
        assert_eq!(
            play.tells("source").await,
            "WorkflowExecutionStarted SignalExternalWorkflowExecutionInitiated \
             ExternalWorkflowExecutionSignaled \
             RequestCancelExternalWorkflowExecutionInitiated \
             ExternalWorkflowExecutionCancelRequested",
            "{gap:?}"
        );
    }
}

#[tokio::test]
async fn a_closed_parent_ends_its_child_though_another_run_has_taken_its_place() {
    for gap in GAPS {
        let play = Play::new().await;
        play.start("parent").await;
        play.decide("parent", vec![child(ParentClosePolicy::Terminate)])
            .await;
        play.host.do_errands(1).await.unwrap();
        play.terminate("parent").await;
        play.start("parent").await;
        let play = play.errand(1, gap).await;
        assert_eq!(
            play.tells("child").await,
            "WorkflowExecutionStarted WorkflowExecutionTerminated",
            "{gap:?}"
        );
        assert_eq!(play.tells("parent").await, "WorkflowExecutionStarted");
        // Nothing is left, in memory or on disk.
        let play = play.restarted().await;
        assert!(play.host.next_errand(1, &none()).await.unwrap().is_none());
        assert!(!play.host.reader.by_row(1).unwrap().unwrap().agenda.ready);
    }
}

#[tokio::test]
async fn a_child_started_before_its_parent_closed_unaware_of_it_is_ended_too() {
    let play = Play::new().await;
    play.start("parent").await;
    play.decide("parent", vec![child(ParentClosePolicy::RequestCancel)])
        .await;
    let (source, errand) = play.host.next_errand(1, &none()).await.unwrap().unwrap();
    play.host.carry_out(&source, errand).await.unwrap();
    play.terminate("parent").await;
    let play = play.errand(1, Gap::BeforeTheErrand).await;
    assert_eq!(
        play.tells("child").await,
        "WorkflowExecutionStarted WorkflowExecutionCancelRequested"
    );
}

#[tokio::test]
async fn a_child_that_ended_and_was_followed_by_a_strangers_run_is_not_started_again() {
    let play = Play::new().await;
    play.start("parent").await;
    play.decide("parent", vec![child(ParentClosePolicy::Terminate)])
        .await;
    let (source, errand) = play.host.next_errand(1, &none()).await.unwrap().unwrap();
    play.host.carry_out(&source, errand).await.unwrap();
    play.decide("child", vec![finish()]).await;
    play.start("child").await;
    play.decide("child", vec![finish()]).await;
    let play = play.errand(1, Gap::BeforeTheErrand).await;
    assert_eq!(
        play.tells("parent").await,
        "WorkflowExecutionStarted StartChildWorkflowExecutionInitiated \
         ChildWorkflowExecutionStarted"
    );
    let first = play.host.reader.by_row(2).unwrap().unwrap().run_id;
    let Found::Live(parent) = play.find("parent").await else {
        panic!("the parent is open");
    };
    let parent = &parent.live.as_ref().unwrap().run;
    let children: Vec<_> = parent.family.children.values().collect();
    assert!(children.iter().all(|child| child.run_id == first));
    assert!(play.host.reader.by_row(4).unwrap().is_none());
}

#[tokio::test]
async fn a_target_that_cannot_be_read_loses_no_errand_and_holds_up_its_own_alone() {
    let play = Play::new().await;
    play.start("target").await;
    play.start("source").await;
    play.start("other").await;
    let signal = |workflow_id: &str, name: &str| {
        let signal = SignalExternalWorkflowExecutionCommandAttributes {
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            signal_name: name.to_owned(),
            ..SignalExternalWorkflowExecutionCommandAttributes::default()
        };
        Attributes::from(signal)
    };
    let signals = vec![
        signal("target", "first"),
        signal("target", "second"),
        signal("other", "third"),
    ];
    play.decide("source", signals).await;
    play.host.writes.close().await;
    let db = rusqlite::Connection::open(play.dir.path().join("engine.db")).unwrap();
    let spoil = |sign: &str| {
        let sql = format!("UPDATE records SET checksum = checksum {sign} 1 WHERE run = 1");
        db.execute(&sql, []).unwrap();
    };
    spoil("+");
    let play = play.restarted().await;
    let wait = play.host.do_errands(2).await.unwrap();
    assert_eq!(wait, Some(AGAIN_IF_DAMAGED));
    assert_eq!(
        play.tells("other").await,
        "WorkflowExecutionStarted WorkflowExecutionSignaled"
    );
    assert!(play.host.next_errand(2, &none()).await.unwrap().is_some());
    spoil("-");
    assert_eq!(play.host.do_errands(2).await.unwrap(), None);
    assert_eq!(
        play.tells("target").await,
        "WorkflowExecutionStarted WorkflowExecutionSignaled WorkflowExecutionSignaled"
    );
    let Found::Live(target) = play.find("target").await else {
        panic!("the target is open");
    };
    let page = target
        .live
        .as_ref()
        .unwrap()
        .history
        .page(1, None, 1_000, 1_000_000);
    let history = History::decode(page.pieces.concat().as_slice()).unwrap();
    let names = history
        .events
        .into_iter()
        .filter_map(|event| match event.attributes? {
            Told::WorkflowExecutionSignaledEventAttributes(a) => Some(a.signal_name),
            _ => None,
        });
    assert_eq!(names.collect::<Vec<_>>(), ["first", "second"]);
}
