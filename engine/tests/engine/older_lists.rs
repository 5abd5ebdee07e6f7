//! Listings asked for in the older ways, by hand.

use temporalio_client::tonic::{Code, Status};
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::filter::v1::{
    StartTimeFilter, StatusFilter, WorkflowExecutionFilter,
};
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

use crate::raw::{NAMESPACE, complete, finish, poll, start, started};
use crate::stage::{Stage, call, code};

#[tokio::test]
async fn older_listings_say_the_same() {
    use list_closed_workflow_executions_request::Filters as Closed;
    use list_open_workflow_executions_request::Filters as Open;
    let stage = Stage::new().await;
    let door = stage.engine.door();
    for workflow_id in ["closed", "open"] {
        started(&door, &start(workflow_id)).await.unwrap();
    }
    let task = poll(&door).await;
    complete(&door, task.task_token, finish()).await.unwrap();
    let which = |workflow_id: &str| WorkflowExecutionFilter {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    };
    let open = async |filter, earliest: i64, latest: i64| {
        let second = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
        let request = ListOpenWorkflowExecutionsRequest {
            namespace: NAMESPACE.to_owned(),
            filters: filter,
            start_time_filter: Some(StartTimeFilter {
                earliest_time: Some(second(earliest)),
                latest_time: Some(second(latest)),
            }),
            ..Default::default()
        };
        let found: Result<ListOpenWorkflowExecutionsResponse, Status> =
            call(&door, "ListOpenWorkflowExecutions", &request).await;
        found.map(|found| found.executions.len())
    };
    const FUTURE: i64 = 4_000_000_000;
    assert_eq!(open(None, 1, FUTURE).await.unwrap(), 1);
    assert_eq!(open(None, FUTURE, FUTURE).await.unwrap(), 0);
    assert_eq!(code(open(None, FUTURE, 1).await), Code::InvalidArgument);
    let by_id = |workflow_id| Some(Open::ExecutionFilter(which(workflow_id)));
    assert_eq!(open(by_id("open"), 1, FUTURE).await.unwrap(), 1);
    assert_eq!(open(by_id("closed"), 1, FUTURE).await.unwrap(), 0);

    let closed = async |filter| {
        let request = ListClosedWorkflowExecutionsRequest {
            namespace: NAMESPACE.to_owned(),
            filters: filter,
            ..Default::default()
        };
        let found: Result<ListClosedWorkflowExecutionsResponse, Status> =
            call(&door, "ListClosedWorkflowExecutions", &request).await;
        found.map(|found| found.executions.len())
    };
    let ended = |status| {
        Some(Closed::StatusFilter(StatusFilter {
            status: status as i32,
        }))
    };
    assert_eq!(closed(None).await.unwrap(), 1);
    assert_eq!(
        closed(Some(Closed::ExecutionFilter(which("closed"))))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        closed(ended(WorkflowExecutionStatus::Completed))
            .await
            .unwrap(),
        1
    );
    assert_eq!(
        closed(ended(WorkflowExecutionStatus::Failed))
            .await
            .unwrap(),
        0
    );
    assert_eq!(
        code(closed(ended(WorkflowExecutionStatus::Running)).await),
        Code::InvalidArgument
    );
    let scan = ScanWorkflowExecutionsRequest {
        namespace: NAMESPACE.to_owned(),
        query: "WorkflowId = 'open'".to_owned(),
        ..Default::default()
    };
    let found: ScanWorkflowExecutionsResponse =
        call(&door, "ScanWorkflowExecutions", &scan).await.unwrap();
    assert_eq!(found.executions.len(), 1);
}
