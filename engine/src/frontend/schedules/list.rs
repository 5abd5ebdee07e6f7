//! ListSchedules and CountSchedules.

use prost::Message;
use temporalio_protos::temporal::api::workflowservice::v1::{
    CountSchedulesRequest, CountSchedulesResponse, ListSchedulesRequest, ListSchedulesResponse,
};
use tonic::Status;

use crate::limits;
use crate::runs::Host;
use crate::schedules::{shell, state};
use crate::store::{ListPosition, NOT_CLOSED, ScheduleRow};
use crate::visibility::{self, Field, Filter};

#[derive(Clone, PartialEq, Eq, Message)]
struct Cursor {
    #[prost(int64, tag = "1")]
    created_at: i64,
    #[prost(int64, tag = "2")]
    row: i64,
}

pub(crate) async fn list(
    host: &Host,
    request: ListSchedulesRequest,
) -> Result<ListSchedulesResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let filter = filter(&request.query)?;
    let after = position(host, &request.next_page_token)?;
    let size = match usize::try_from(request.maximum_page_size) {
        Ok(size) if size > 0 => size.min(limits::LIST_PAGE),
        _ => limits::LIST_PAGE,
    };
    let id = namespace.id;
    let rows = host
        .read(move |reader| reader.schedules(id, &filter, after, size))
        .await?;
    let next_page_token = match rows.last() {
        Some(last) if rows.len() == size => cursor(host, last),
        _ => Vec::new(),
    };
    let schedules = rows
        .iter()
        .map(|row| Ok(shell::decoded(row)?.listed()))
        .collect::<Result<_, Status>>()?;
    Ok(ListSchedulesResponse {
        schedules,
        next_page_token,
    })
}

pub(crate) async fn count(
    host: &Host,
    request: CountSchedulesRequest,
) -> Result<CountSchedulesResponse, Status> {
    let namespace = host.namespace(&request.namespace)?;
    let filter = filter(&request.query)?;
    let id = namespace.id;
    let count = host
        .read(move |reader| reader.count_schedules(id, &filter))
        .await?;
    Ok(CountSchedulesResponse {
        count,
        groups: Vec::new(),
    })
}

fn filter(query: &str) -> Result<Filter, Status> {
    if query.len() > limits::QUERY_TEXT_BYTES {
        return Err(Status::invalid_argument("Query is too long."));
    }
    if query.trim().is_empty() {
        return Ok(Filter::Everything);
    }
    let filter =
        visibility::parse(query).map_err(|error| Status::invalid_argument(error.to_string()))?;
    match foreign(&filter) {
        None => Ok(filter),
        Some(name) => Err(Status::invalid_argument(format!(
            "invalid query filter for schedules: cannot filter on {name:?}"
        ))),
    }
}

/// The first attribute of workflows that schedules do not have.
fn foreign(filter: &Filter) -> Option<String> {
    match filter {
        Filter::Everything => None,
        Filter::All(parts) | Filter::Any(parts) => parts.iter().find_map(foreign),
        Filter::Not(inner) => foreign(inner),
        Filter::Is(field, ..) | Filter::Null(field) => match field {
            Field::Custom(name) if name == state::PAUSED => None,
            Field::Custom(name) if !name.starts_with("Temporal") => None,
            Field::Custom(name) => Some(name.clone()),
            of_workflows => Some(format!("{of_workflows:?}")),
        },
    }
}

fn position(host: &Host, token: &[u8]) -> Result<Option<ListPosition>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let cursor = Cursor::decode(host.tokens.open_bytes(token)?)
        .map_err(|_| Status::invalid_argument("Invalid NextPageToken."))?;
    Ok(Some(ListPosition {
        closed_at: NOT_CLOSED,
        started_at: cursor.created_at,
        row: cursor.row,
    }))
}

fn cursor(host: &Host, last: &ScheduleRow) -> Vec<u8> {
    let cursor = Cursor {
        created_at: last.created_at,
        row: last.row,
    };
    host.tokens.seal_bytes(cursor.encode_to_vec())
}
