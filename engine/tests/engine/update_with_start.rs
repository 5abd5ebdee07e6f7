//! A start and an update in one: every state of the workflow id against every policy, and the
//! errors of the two by name.

use std::fmt::Write;

use engine::Door;
use expect_test::expect;
use prost::Message;
use temporalio_client::tonic::Status;
use temporalio_common::protos::google::rpc::Status as RpcStatus;
use temporalio_common::protos::temporal::api::enums::v1::{
    UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowIdConflictPolicy as Conflict,
    WorkflowIdReusePolicy as Reuse,
};
use temporalio_common::protos::temporal::api::errordetails::v1::MultiOperationExecutionFailure;
use temporalio_common::protos::temporal::api::update::v1::Input;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    execute_multi_operation_request::{Operation, operation},
    execute_multi_operation_response::response,
    *,
};

use crate::letters::{Say, answer, update};
use crate::raw::{self, NAMESPACE};
use crate::stage::{self, call, execution};

fn with_start(start: StartWorkflowExecutionRequest, id: &str) -> ExecuteMultiOperationRequest {
    let change = update(&start.workflow_id, id, Stage::Completed);
    both(start, change)
}

fn both(
    start: StartWorkflowExecutionRequest,
    change: UpdateWorkflowExecutionRequest,
) -> ExecuteMultiOperationRequest {
    let one = |operation| Operation {
        operation: Some(operation),
    };
    ExecuteMultiOperationRequest {
        namespace: NAMESPACE.to_owned(),
        operations: vec![
            one(operation::Operation::StartWorkflow(start)),
            one(operation::Operation::UpdateWorkflow(change)),
        ],
        ..Default::default()
    }
}

fn under(conflict: Conflict, reuse: Reuse) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: conflict as i32,
        workflow_id_reuse_policy: reuse as i32,
        ..raw::start("w")
    }
}

async fn perform(
    door: &Door,
    request: &ExecuteMultiOperationRequest,
) -> Result<ExecuteMultiOperationResponse, Status> {
    call(door, "ExecuteMultiOperation", request).await
}

/// Which run took the update, or how each of the two failed.
fn told(result: Result<ExecuteMultiOperationResponse, Status>, known: &str) -> String {
    let answer = match result {
        Ok(answer) => answer,
        Err(status) => {
            let details = RpcStatus::decode(status.details()).unwrap().details;
            let mut lines = format!("{:?}:", status.code());
            let parts = details
                .first()
                .map(|any| MultiOperationExecutionFailure::decode(any.value.as_slice()).unwrap());
            for part in parts.unwrap().statuses {
                let message = match part.message.split_once(" WorkflowId:") {
                    Some((message, _)) => message,
                    None => &part.message,
                };
                write!(lines, " [{} {message:?}", part.code).unwrap();
                for detail in part.details {
                    let (_, name) = detail.type_url.rsplit_once('.').unwrap();
                    write!(lines, " {name}").unwrap();
                }
                lines.push(']');
            }
            return lines;
        }
    };
    let mut parts = answer
        .responses
        .into_iter()
        .map(|one| one.response.unwrap());
    let (
        Some(response::Response::StartWorkflow(start)),
        Some(response::Response::UpdateWorkflow(change)),
    ) = (parts.next(), parts.next())
    else {
        panic!("not a start and an update");
    };
    let reference = change
        .update_ref
        .clone()
        .unwrap()
        .workflow_execution
        .unwrap();
    assert_eq!(start.run_id, reference.run_id);
    let which = match start.run_id == known {
        true => "the run that was there",
        false => "a new run",
    };
    let (stage, started) = (change.stage(), start.started);
    format!(
        "{which}, started: {started}, {:?}, {stage:?}",
        start.status()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_meets_every_state() {
    let mut table = String::new();
    let cases = [
        (Conflict::Fail, Reuse::AllowDuplicate),
        (Conflict::UseExisting, Reuse::AllowDuplicate),
        (Conflict::UseExisting, Reuse::RejectDuplicate),
        (Conflict::UseExisting, Reuse::AllowDuplicateFailedOnly),
        (Conflict::TerminateExisting, Reuse::AllowDuplicate),
    ];
    for state in ["absent", "running", "closed"] {
        for (conflict, reuse) in cases {
            let stage = stage::Stage::new().await;
            let door = stage.engine.door();
            let mut known = String::new();
            if state != "absent" {
                let first = raw::started(&door, &raw::start("w")).await.unwrap();
                known = first.run_id;
                let say = match state {
                    "closed" => Say::Finish,
                    _ => Say::Done,
                };
                answer(&door, raw::poll(&door).await, say).await;
            }
            let worker = {
                let door = door.clone();
                tokio::spawn(async move { answer(&door, raw::poll(&door).await, Say::Done).await })
            };
            let request = with_start(under(conflict, reuse), "u");
            let result = perform(&door, &request).await;
            worker.abort();
            let told = told(result, &known);
            writeln!(table, "{state}, {conflict:?}, {reuse:?} → {told}").unwrap();
        }
    }
    expect![[r#"
        absent, Fail, AllowDuplicate → a new run, started: true, Running, Completed
        absent, UseExisting, AllowDuplicate → a new run, started: true, Running, Completed
        absent, UseExisting, RejectDuplicate → a new run, started: true, Running, Completed
        absent, UseExisting, AllowDuplicateFailedOnly → a new run, started: true, Running, Completed
        absent, TerminateExisting, AllowDuplicate → a new run, started: true, Running, Completed
        running, Fail, AllowDuplicate → AlreadyExists: [6 "Workflow execution is already running." WorkflowExecutionAlreadyStartedFailure] [10 "Operation was aborted." MultiOperationExecutionAborted]
        running, UseExisting, AllowDuplicate → the run that was there, started: false, Running, Completed
        running, UseExisting, RejectDuplicate → the run that was there, started: false, Running, Completed
        running, UseExisting, AllowDuplicateFailedOnly → the run that was there, started: false, Running, Completed
        running, TerminateExisting, AllowDuplicate → a new run, started: true, Running, Completed
        closed, Fail, AllowDuplicate → a new run, started: true, Running, Completed
        closed, UseExisting, AllowDuplicate → a new run, started: true, Running, Completed
        closed, UseExisting, RejectDuplicate → AlreadyExists: [6 "Workflow execution already finished." WorkflowExecutionAlreadyStartedFailure] [10 "Operation was aborted." MultiOperationExecutionAborted]
        closed, UseExisting, AllowDuplicateFailedOnly → AlreadyExists: [6 "Workflow execution already finished successfully." WorkflowExecutionAlreadyStartedFailure] [10 "Operation was aborted." MultiOperationExecutionAborted]
        closed, TerminateExisting, AllowDuplicate → a new run, started: true, Running, Completed
    "#]].assert_eq(&table);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_finds_what_the_first_one_did() {
    let stage = stage::Stage::new().await;
    let door = stage.engine.door();
    let mut start = under(Conflict::Fail, Reuse::RejectDuplicate);
    start.request_id = "once".to_owned();
    let request = with_start(start, "u");
    let first = {
        let (door, request) = (door.clone(), request.clone());
        tokio::spawn(async move { perform(&door, &request).await })
    };
    let task = raw::poll(&door).await;
    let run = task.workflow_execution.clone().unwrap().run_id;
    // While the first one still waits, and with the policy that refuses what runs.
    let second = {
        let (door, request) = (door.clone(), request.clone());
        tokio::spawn(async move { perform(&door, &request).await })
    };
    tokio::task::yield_now().await;
    answer(&door, task, Say::Done).await;
    let mut lines = told(first.await.unwrap(), &run);
    lines += "\n";
    lines += &told(second.await.unwrap(), &run);
    lines += "\n";
    lines += &told(perform(&door, &request).await, &run);
    // And when the run is over, also after a restart.
    let _: SignalWorkflowExecutionResponse = call(
        &door,
        "SignalWorkflowExecution",
        &SignalWorkflowExecutionRequest {
            namespace: NAMESPACE.to_owned(),
            workflow_execution: execution("w"),
            signal_name: "end".to_owned(),
            ..Default::default()
        },
    )
    .await
    .unwrap();
    answer(&door, raw::poll(&door).await, Say::Finish).await;
    let stage = stage.restarted().await;
    lines += "\n";
    lines += &told(perform(&stage.engine.door(), &request).await, &run);
    expect![[r#"
        the run that was there, started: true, Running, Completed
        the run that was there, started: false, Running, Completed
        the run that was there, started: false, Running, Completed
        the run that was there, started: false, Completed, Completed"#]]
    .assert_eq(&lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_its_run_ended_over_starts_another() {
    let stage = stage::Stage::new().await;
    let door = stage.engine.door();
    let first = raw::started(&door, &raw::start("w")).await.unwrap();
    let request = with_start(under(Conflict::UseExisting, Reuse::AllowDuplicate), "u");
    let asking = {
        let door = door.clone();
        tokio::spawn(async move { perform(&door, &request).await })
    };
    // The task of the first run, which ends without a word about the update.
    let mut task = raw::poll(&door).await;
    while task.messages.is_empty() {
        answer(&door, task, Say::No).await;
        task = raw::poll(&door).await;
    }
    answer(&door, task, Say::Finish).await;
    answer(&door, raw::poll(&door).await, Say::Done).await;
    let told = told(asking.await.unwrap(), &first.run_id);
    expect!["a new run, started: true, Running, Completed"].assert_eq(&told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_refused_by_operation() {
    let stage = stage::Stage::new().await;
    let door = stage.engine.door();
    let start = || under(Conflict::Fail, Reuse::AllowDuplicate);
    let change = || update("w", "u", Stage::Completed);
    let mut eager = start();
    eager.request_eager_execution = true;
    let mut run = change();
    let run_id = "7bd3dd3b-53d2-4f1a-b4ce-ca6c3c2e2e47".to_owned();
    run.workflow_execution.as_mut().unwrap().run_id = run_id;
    let mut chain = change();
    chain.first_execution_run_id = "r".to_owned();
    let mut nameless = change();
    nameless.request.as_mut().unwrap().input = Some(Input::default());
    let mut bad = start();
    bad.workflow_type = None;
    let mut table = String::new();
    for request in [
        both(eager, change()),
        both(start(), run),
        both(start(), chain),
        both(start(), update("other", "u", Stage::Completed)),
        both(start(), update("w", "u", Stage::Admitted)),
        both(bad, nameless),
    ] {
        let told = told(perform(&door, &request).await, "");
        writeln!(table, "{told}").unwrap();
    }
    let mut alone = both(start(), change());
    alone.operations.pop();
    let refused = perform(&door, &alone).await.unwrap_err();
    writeln!(table, "{:?} {}", refused.code(), refused.message()).unwrap();
    expect![[r#"
        InvalidArgument: [3 "RequestEagerExecution is not supported."] [10 "Operation was aborted." MultiOperationExecutionAborted]
        InvalidArgument: [10 "Operation was aborted." MultiOperationExecutionAborted] [3 "RunId is not allowed."]
        InvalidArgument: [10 "Operation was aborted." MultiOperationExecutionAborted] [3 "FirstExecutionRunId is not allowed."]
        InvalidArgument: [10 "Operation was aborted." MultiOperationExecutionAborted] [3 "WorkflowId is not consistent with previous operation(s)."]
        PermissionDenied: [10 "Operation was aborted." MultiOperationExecutionAborted] [7 "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is not supported." PermissionDeniedFailure]
        InvalidArgument: [3 "WorkflowType is not set on request."] [3 "Update name is not set on request."]
        InvalidArgument Operations have to be exactly [Start, Update].
    "#]].assert_eq(&table);
}
