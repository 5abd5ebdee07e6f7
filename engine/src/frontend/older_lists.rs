//! Listings asked for in the older ways: ListOpenWorkflowExecutions, ListClosedWorkflowExecutions
//! and ScanWorkflowExecutions. Each is a query of today's listing.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Run;
use temporalio_protos::temporal::api::filter::v1::{
    StartTimeFilter, StatusFilter, WorkflowExecutionFilter, WorkflowTypeFilter,
};
use temporalio_protos::temporal::api::workflowservice::v1::{
    ListClosedWorkflowExecutionsRequest, ListClosedWorkflowExecutionsResponse,
    ListOpenWorkflowExecutionsRequest, ListOpenWorkflowExecutionsResponse,
    ListWorkflowExecutionsRequest, ScanWorkflowExecutionsRequest, ScanWorkflowExecutionsResponse,
    list_closed_workflow_executions_request::Filters as Closed,
    list_open_workflow_executions_request::Filters as Open,
};
use tonic::Status;

use super::list::{self, Page};
use crate::core::time::from_proto;
use crate::runs::Host;
use crate::visibility::{Compare, Field, Filter, Value};

pub(crate) async fn open(
    host: &Host,
    request: ListOpenWorkflowExecutionsRequest,
) -> Result<ListOpenWorkflowExecutionsResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let mut parts = vec![is_running()];
    parts.extend(started(request.start_time_filter)?);
    parts.extend(match request.filters {
        Some(Open::ExecutionFilter(which)) => execution(which),
        Some(Open::TypeFilter(which)) => workflow_type(which),
        None => Vec::new(),
    });
    let page = Page {
        filter: Filter::All(parts),
        token: request.next_page_token,
        size: request.maximum_page_size,
    };
    let (executions, next_page_token) = list::page(host, &namespace, page).await?;
    Ok(ListOpenWorkflowExecutionsResponse {
        executions,
        next_page_token,
    })
}

pub(crate) async fn closed(
    host: &Host,
    request: ListClosedWorkflowExecutionsRequest,
) -> Result<ListClosedWorkflowExecutionsResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let mut parts = vec![Filter::Not(Box::new(is_running()))];
    parts.extend(started(request.start_time_filter)?);
    parts.extend(match request.filters {
        Some(Closed::ExecutionFilter(which)) => execution(which),
        Some(Closed::TypeFilter(which)) => workflow_type(which),
        Some(Closed::StatusFilter(which)) => vec![ended_as(which)?],
        None => Vec::new(),
    });
    let page = Page {
        filter: Filter::All(parts),
        token: request.next_page_token,
        size: request.maximum_page_size,
    };
    let (executions, next_page_token) = list::page(host, &namespace, page).await?;
    Ok(ListClosedWorkflowExecutionsResponse {
        executions,
        next_page_token,
    })
}

/// The same listing: it is always read from an index, in order.
pub(crate) async fn scan(
    host: &Host,
    request: ScanWorkflowExecutionsRequest,
) -> Result<ScanWorkflowExecutionsResponse, Status> {
    let request = ListWorkflowExecutionsRequest {
        namespace: request.namespace,
        page_size: request.page_size,
        next_page_token: request.next_page_token,
        query: request.query,
    };
    let found = list::list(host, request).await?;
    Ok(ScanWorkflowExecutionsResponse {
        executions: found.executions,
        next_page_token: found.next_page_token,
    })
}

fn is(field: Field, compare: Compare, value: Value) -> Filter {
    Filter::Is(field, compare, value)
}

fn with_status(status: Run) -> Filter {
    let number = Value::Integer(i64::from(status as i32));
    is(Field::Status, Compare::Equal, number)
}

fn is_running() -> Filter {
    with_status(Run::Running)
}

fn execution(which: WorkflowExecutionFilter) -> Vec<Filter> {
    let WorkflowExecutionFilter {
        workflow_id,
        run_id,
    } = which;
    let mut parts = vec![is(
        Field::WorkflowId,
        Compare::Equal,
        Value::Text(workflow_id),
    )];
    if !run_id.is_empty() {
        parts.push(is(Field::RunId, Compare::Equal, Value::Text(run_id)));
    }
    parts
}

fn workflow_type(which: WorkflowTypeFilter) -> Vec<Filter> {
    let name = Value::Text(which.name);
    vec![is(Field::WorkflowType, Compare::Equal, name)]
}

fn ended_as(which: StatusFilter) -> Result<Filter, Status> {
    match which.status() {
        Run::Unspecified | Run::Running => Err(Status::invalid_argument(
            "StatusFilter must be specified and must be not Running.",
        )),
        status => Ok(with_status(status)),
    }
}

fn started(between: Option<StartTimeFilter>) -> Result<Vec<Filter>, Status> {
    let between = between.unwrap_or_default();
    let moment = |at: Option<prost_types::Timestamp>| {
        at.map(|at| from_proto(Some(&at)))
            .filter(|at| *at != Timestamp::from_micros(0))
    };
    let (earliest, latest) = (moment(between.earliest_time), moment(between.latest_time));
    if let (Some(earliest), Some(latest)) = (earliest, latest)
        && earliest > latest
    {
        return Err(Status::invalid_argument(
            "EarliestTime in StartTimeFilter should not be larger than LatestTime.",
        ));
    }
    let bound = |compare, at: Timestamp| {
        let micros = Value::Integer(at.as_micros());
        is(Field::StartTime, compare, micros)
    };
    let from = earliest.map(|at| bound(Compare::GreaterOrEqual, at));
    let until = latest.map(|at| bound(Compare::LessOrEqual, at));
    Ok(from.into_iter().chain(until).collect())
}
