//! ListWorkflowExecutions and CountWorkflowExecutions.

use std::collections::HashMap;

use prost::Message;
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_protos::temporal::api::workflow::v1::WorkflowExecutionInfo;
use temporalio_protos::temporal::api::workflowservice::v1::{
    CountWorkflowExecutionsRequest, CountWorkflowExecutionsResponse, ListWorkflowExecutionsRequest,
    ListWorkflowExecutionsResponse, count_workflow_executions_response::AggregationGroup,
};
use tonic::Status;

use super::describe;
use crate::limits;
use crate::runs::{Host, Namespace};
use crate::store::{Head, ListPosition, NOT_CLOSED};
use crate::visibility::{self, BadQuery, Filter};

#[derive(Clone, PartialEq, Eq, Message)]
struct Cursor {
    #[prost(int64, tag = "1")]
    closed_at: i64,
    #[prost(int64, tag = "2")]
    started_at: i64,
    #[prost(int64, tag = "3")]
    row: i64,
}

pub(crate) async fn list(
    host: &Host,
    request: ListWorkflowExecutionsRequest,
) -> Result<ListWorkflowExecutionsResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    check_query(&request.query)?;
    let page_asked = Page {
        filter: visibility::parse(&request.query).map_err(bad_query)?,
        token: request.next_page_token,
        size: request.page_size,
    };
    let (executions, next_page_token) = page(host, &namespace, page_asked).await?;
    Ok(ListWorkflowExecutionsResponse {
        executions,
        next_page_token,
    })
}

/// What is asked of a listing, and where to go on.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) filter: Filter,
    pub(super) token: Vec<u8>,
    pub(super) size: i32,
}

pub(super) async fn page(
    host: &Host,
    namespace: &Namespace,
    page: Page,
) -> Result<(Vec<WorkflowExecutionInfo>, Vec<u8>), Status> {
    let Page { filter, .. } = page;
    let after = position(host, &page.token)?;
    let size = match usize::try_from(page.size) {
        Ok(size) if size > 0 => size.min(limits::LIST_PAGE),
        _ => limits::LIST_PAGE,
    };
    let id = namespace.id;
    let heads = host
        .read(move |reader| reader.list(id, &filter, after, size))
        .await?;
    let next_page_token = heads
        .last()
        .filter(|_| heads.len() == size)
        .map(|last| token(host, last))
        .unwrap_or_default();
    Ok((heads.iter().map(listed).collect(), next_page_token))
}

pub(crate) async fn count(
    host: &Host,
    request: CountWorkflowExecutionsRequest,
) -> Result<CountWorkflowExecutionsResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    check_query(&request.query)?;
    let (filter, grouped) = visibility::parse_count(&request.query).map_err(bad_query)?;
    let id = namespace.id;
    let by_status = host.read(move |reader| reader.count(id, &filter)).await?;
    let count = by_status.iter().map(|(_, count)| count).sum();
    let groups = if grouped {
        by_status.into_iter().map(group).collect()
    } else {
        Vec::new()
    };
    Ok(CountWorkflowExecutionsResponse { count, groups })
}

/// A listing shows less than a description, as the reference's index does.
fn listed(head: &Head) -> WorkflowExecutionInfo {
    let mut info = describe::info(head);
    info.first_run_id = String::new();
    if head.closed_at.is_none() {
        info.history_length = 0;
        info.history_size_bytes = 0;
    }
    info.search_attributes = info
        .search_attributes
        .filter(|attributes| !attributes.indexed_fields.is_empty());
    info
}

fn check_query(query: &str) -> Result<(), Status> {
    if query.len() > limits::QUERY_TEXT_BYTES {
        return Err(Status::invalid_argument("Query is too long."));
    }
    Ok(())
}

fn bad_query(error: BadQuery) -> Status {
    Status::invalid_argument(error.to_string())
}

fn position(host: &Host, token: &[u8]) -> Result<Option<ListPosition>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let no_cursor = || Status::invalid_argument("Invalid NextPageToken.");
    let opened = host.tokens.open_bytes(token).map_err(|_| no_cursor())?;
    let cursor = Cursor::decode(opened).map_err(|_| no_cursor())?;
    Ok(Some(ListPosition {
        closed_at: cursor.closed_at,
        started_at: cursor.started_at,
        row: cursor.row,
    }))
}

fn token(host: &Host, last: &Head) -> Vec<u8> {
    let cursor = Cursor {
        closed_at: last.closed_at.unwrap_or(NOT_CLOSED),
        started_at: last.started_at,
        row: last.row,
    };
    host.tokens.seal_bytes(cursor.encode_to_vec())
}

fn group((status, count): (i32, i64)) -> AggregationGroup {
    // The variants are spelled as the query language spells them.
    let name = WorkflowExecutionStatus::try_from(status).unwrap_or_default();
    let metadata: HashMap<String, Vec<u8>> = [
        ("encoding".to_owned(), b"json/plain".to_vec()),
        ("type".to_owned(), b"Keyword".to_vec()),
    ]
    .into();
    AggregationGroup {
        group_values: vec![Payload {
            metadata,
            data: format!("\"{name:?}\"").into_bytes(),
            ..Payload::default()
        }],
        count,
    }
}
