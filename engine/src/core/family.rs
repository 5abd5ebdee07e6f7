//! What ties a run to others: its parent and children, and the errands it has outside of itself.
//!
//! An errand is something to be done at another run. It is never stored as such: it follows from
//! the run's own events (a child initiated and not started yet, an end that the parent does not
//! know of), so it is durable exactly when its cause is, and over when its answer is. Doing it is
//! the shell's part; doing it twice changes nothing at the other run.

use std::collections::{BTreeMap, BTreeSet};

use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_protos::temporal::api::enums::v1::ParentClosePolicy;
use temporalio_protos::temporal::api::history::v1::{
    HistoryEvent,
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes as CancelInitiated,
    SignalExternalWorkflowExecutionInitiatedEventAttributes as SignalInitiated,
    StartChildWorkflowExecutionInitiatedEventAttributes as ChildInitiated,
    WorkflowExecutionStartedEventAttributes, history_event::Attributes,
};
use temporalio_protos::temporal::api::sdk::v1::UserMetadata;

use super::Run;

#[derive(Clone, Debug, Default)]
pub(crate) struct Family {
    pub(crate) parent: Option<Box<Parent>>,
    /// The run at the top, where it is not this one.
    pub(crate) root: Option<Box<WorkflowExecution>>,
    /// By the event that initiated them, until their end is known here.
    pub(crate) children: BTreeMap<i64, Child>,
    /// What this run has asked for and has no answer to, by the event that asked.
    outbox: BTreeMap<i64, Request>,
    /// How this run ended, until its parent knows.
    news: Option<Box<HistoryEvent>>,
    /// Children of a closed run that its end still has to reach.
    partings: BTreeSet<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Parent {
    pub(crate) namespace: String,
    pub(crate) namespace_id: String,
    pub(crate) execution: WorkflowExecution,
    pub(crate) initiated_id: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Child {
    pub(crate) namespace: String,
    pub(crate) namespace_id: String,
    pub(crate) workflow_id: String,
    pub(crate) workflow_type: Option<WorkflowType>,
    pub(crate) policy: ParentClosePolicy,
    /// Its first run, once it is known to be started.
    pub(crate) run_id: String,
    /// 0 until the event has its id.
    pub(crate) started_id: i64,
}

#[derive(Clone, Debug)]
pub(crate) enum Request {
    StartChild(Box<ChildInitiated>, Option<UserMetadata>),
    Signal(Box<SignalInitiated>),
    Cancel(Box<CancelInitiated>),
}

/// Something to be done at another run.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    /// Asked for by the event of this id.
    Request(i64, Request),
    /// The parent is told how this run ended.
    Report(Parent, Box<HistoryEvent>),
    /// The child initiated by the event of this id is treated as its parent's end demands.
    Part(i64, Child),
}

/// The workflow that an errand goes to: its namespace and its id.
pub(crate) type Target = (String, String);

impl Request {
    fn target(&self) -> Target {
        let (namespace, workflow_id) = match self {
            Self::StartChild(a, _) => (&a.namespace_id, a.workflow_id.clone()),
            Self::Signal(a) => (&a.namespace_id, id_of(a.workflow_execution.as_ref())),
            Self::Cancel(a) => (&a.namespace_id, id_of(a.workflow_execution.as_ref())),
        };
        (namespace.clone(), workflow_id)
    }
}

fn id_of(execution: Option<&WorkflowExecution>) -> String {
    execution.map_or_else(String::new, |execution| execution.workflow_id.clone())
}

impl Parent {
    fn target(&self) -> Target {
        (
            self.namespace_id.clone(),
            self.execution.workflow_id.clone(),
        )
    }
}

impl Child {
    fn target(&self) -> Target {
        (self.namespace_id.clone(), self.workflow_id.clone())
    }
}

impl Errand {
    pub(crate) fn target(&self) -> Target {
        match self {
            Self::Request(_, request) => request.target(),
            Self::Report(parent, _) => parent.target(),
            Self::Part(_, child) => child.target(),
        }
    }
}

/// Pending requests of each kind, as they are limited.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pending {
    pub(crate) signals: usize,
    pub(crate) cancels: usize,
}

impl Family {
    pub(crate) fn of(parent: Parent, root: WorkflowExecution) -> Self {
        Self {
            parent: Some(Box::new(parent)),
            root: Some(Box::new(root)),
            ..Self::default()
        }
    }

    /// Those to one target in the order in which they came to be; the parent hears before the
    /// children. None that goes to a target where one before it could not be done now.
    pub(crate) fn next_errand(&self, shut: &BTreeSet<Target>) -> Option<Errand> {
        let is_open = |target: Target| !shut.contains(&target);
        let mut requests = self.outbox.iter();
        if let Some((id, request)) = requests.find(|(_, request)| is_open(request.target())) {
            return Some(Errand::Request(*id, request.clone()));
        }
        if let (Some(parent), Some(end)) = (&self.parent, &self.news)
            && is_open(parent.target())
        {
            return Some(Errand::Report(Parent::clone(parent), end.clone()));
        }
        let children = self.partings.iter();
        let mut children = children.filter_map(|id| Some((id, self.children.get(id)?)));
        let (id, child) = children.find(|(_, child)| is_open(child.target()))?;
        Some(Errand::Part(*id, child.clone()))
    }

    pub(crate) fn has_errands(&self) -> bool {
        !self.outbox.is_empty() || self.news.is_some() || !self.partings.is_empty()
    }

    pub(crate) fn request(&self, initiated_id: i64) -> Option<&Request> {
        self.outbox.get(&initiated_id)
    }

    pub(crate) fn pending(&self) -> Pending {
        let mut pending = Pending::default();
        for request in self.outbox.values() {
            match request {
                Request::StartChild(..) => {}
                Request::Signal(_) => pending.signals += 1,
                Request::Cancel(_) => pending.cancels += 1,
            }
        }
        pending
    }

    /// Whether this run is a child of that one.
    pub(crate) fn is_child_of(&self, execution: &WorkflowExecution) -> bool {
        self.parent
            .as_ref()
            .is_some_and(|parent| parent.execution == *execution)
    }

    pub(crate) fn parted(&mut self, initiated_id: i64) {
        self.partings.remove(&initiated_id);
    }

    pub(crate) fn reported(&mut self) {
        self.news = None;
    }

    /// The ties that a run begins with. Whoever follows it inherits them.
    pub(crate) fn born(a: &WorkflowExecutionStartedEventAttributes) -> Self {
        let parent = a.parent_workflow_execution.as_ref().map(|execution| {
            Box::new(Parent {
                namespace: a.parent_workflow_namespace.clone(),
                namespace_id: a.parent_workflow_namespace_id.clone(),
                execution: execution.clone(),
                initiated_id: a.parent_initiated_event_id,
            })
        });
        Self {
            parent,
            root: a.root_workflow_execution.clone().map(Box::new),
            ..Self::default()
        }
    }

    /// Writes the ties into the event that begins a run.
    pub(crate) fn bequeath(&self, a: &mut WorkflowExecutionStartedEventAttributes) {
        if let Some(parent) = &self.parent {
            a.parent_workflow_namespace.clone_from(&parent.namespace);
            a.parent_workflow_namespace_id
                .clone_from(&parent.namespace_id);
            a.parent_workflow_execution = Some(parent.execution.clone());
            a.parent_initiated_event_id = parent.initiated_id;
        }
        a.root_workflow_execution = self.root.as_deref().cloned();
    }
}

impl Run {
    /// The run at the top of the family, perhaps this one.
    pub(crate) fn root(&self) -> WorkflowExecution {
        self.family
            .root
            .as_deref()
            .cloned()
            .unwrap_or_else(|| self.execution())
    }

    pub(crate) fn execution(&self) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
        }
    }
}

/// What an event means for the family. Also applied while the event is only buffered.
pub(crate) fn effect(family: &mut Family, event: &HistoryEvent, attributes: &Attributes) {
    let id = event.event_id;
    match attributes {
        Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(a) => {
            let child = Child {
                namespace: a.namespace.clone(),
                namespace_id: a.namespace_id.clone(),
                workflow_id: a.workflow_id.clone(),
                workflow_type: a.workflow_type.clone(),
                policy: a.parent_close_policy(),
                run_id: String::new(),
                started_id: 0,
            };
            family.children.insert(id, child);
            let metadata = event.user_metadata.clone();
            let request = Request::StartChild(Box::new(a.clone()), metadata);
            family.outbox.insert(id, request);
        }
        Attributes::SignalExternalWorkflowExecutionInitiatedEventAttributes(a) => {
            let request = Request::Signal(Box::new(a.clone()));
            family.outbox.insert(id, request);
        }
        Attributes::RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(a) => {
            let request = Request::Cancel(Box::new(a.clone()));
            family.outbox.insert(id, request);
        }
        Attributes::ChildWorkflowExecutionStartedEventAttributes(a) => {
            family.outbox.remove(&a.initiated_event_id);
            if let Some(child) = family.children.get_mut(&a.initiated_event_id) {
                child.started_id = id;
                let run_id = a.workflow_execution.as_ref().map(|e| e.run_id.as_str());
                run_id.unwrap_or_default().clone_into(&mut child.run_id);
            }
        }
        _ => {
            if let Some(initiated_id) = ended_child(attributes) {
                family.children.remove(&initiated_id);
                family.outbox.remove(&initiated_id);
            } else if let Some(initiated_id) = answered(attributes) {
                family.outbox.remove(&initiated_id);
            }
        }
    }
}

/// The run closed with this event. What it asked for and nobody did is dropped with it, as the
/// reference does; what its end means for others begins.
pub(crate) fn close(family: &mut Family, end: &HistoryEvent) {
    family.outbox.clear();
    family.partings = family
        .children
        .iter()
        .filter(|(_, child)| child.policy != ParentClosePolicy::Abandon)
        .map(|(id, _)| *id)
        .collect();
    // A run that goes on under another id has not ended for its parent.
    if family.parent.is_some() && !goes_on(end) {
        family.news = Some(Box::new(end.clone()));
    }
}

fn goes_on(end: &HistoryEvent) -> bool {
    let next = match &end.attributes {
        Some(Attributes::WorkflowExecutionCompletedEventAttributes(a)) => &a.new_execution_run_id,
        Some(Attributes::WorkflowExecutionFailedEventAttributes(a)) => &a.new_execution_run_id,
        Some(Attributes::WorkflowExecutionTimedOutEventAttributes(a)) => &a.new_execution_run_id,
        Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(_)) => return true,
        _ => return false,
    };
    !next.is_empty()
}

fn ended_child(attributes: &Attributes) -> Option<i64> {
    match attributes {
        Attributes::StartChildWorkflowExecutionFailedEventAttributes(a) => {
            Some(a.initiated_event_id)
        }
        _ => child_end(attributes).map(|(initiated_id, _)| initiated_id),
    }
}

/// The initiating and the started event of a child whose end this is.
pub(crate) fn child_end(attributes: &Attributes) -> Option<(i64, i64)> {
    match attributes {
        Attributes::ChildWorkflowExecutionCompletedEventAttributes(a) => {
            Some((a.initiated_event_id, a.started_event_id))
        }
        Attributes::ChildWorkflowExecutionFailedEventAttributes(a) => {
            Some((a.initiated_event_id, a.started_event_id))
        }
        Attributes::ChildWorkflowExecutionCanceledEventAttributes(a) => {
            Some((a.initiated_event_id, a.started_event_id))
        }
        Attributes::ChildWorkflowExecutionTimedOutEventAttributes(a) => {
            Some((a.initiated_event_id, a.started_event_id))
        }
        Attributes::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
            Some((a.initiated_event_id, a.started_event_id))
        }
        _ => None,
    }
}

/// Names the started event in a child's end, where that got its id only now.
pub(crate) fn link_child_to_start(attributes: &mut Attributes, started_id: i64) {
    match attributes {
        Attributes::ChildWorkflowExecutionCompletedEventAttributes(a) => {
            a.started_event_id = started_id;
        }
        Attributes::ChildWorkflowExecutionFailedEventAttributes(a) => {
            a.started_event_id = started_id;
        }
        Attributes::ChildWorkflowExecutionCanceledEventAttributes(a) => {
            a.started_event_id = started_id;
        }
        Attributes::ChildWorkflowExecutionTimedOutEventAttributes(a) => {
            a.started_event_id = started_id;
        }
        Attributes::ChildWorkflowExecutionTerminatedEventAttributes(a) => {
            a.started_event_id = started_id;
        }
        _ => {}
    }
}

fn answered(attributes: &Attributes) -> Option<i64> {
    match attributes {
        Attributes::ExternalWorkflowExecutionSignaledEventAttributes(a) => {
            Some(a.initiated_event_id)
        }
        Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(a) => {
            Some(a.initiated_event_id)
        }
        Attributes::ExternalWorkflowExecutionCancelRequestedEventAttributes(a) => {
            Some(a.initiated_event_id)
        }
        Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(a) => {
            Some(a.initiated_event_id)
        }
        _ => None,
    }
}
