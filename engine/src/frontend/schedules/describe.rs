//! DescribeSchedule and ListScheduleMatchingTimes.

use std::sync::Arc;

use temporalio_protos::temporal::api::workflowservice::v1::{
    DescribeScheduleRequest, DescribeScheduleResponse, ListScheduleMatchingTimesRequest,
    ListScheduleMatchingTimesResponse,
};
use tonic::Status;

use super::{existing, to_the_end, token};
use crate::core::time::{from_proto, to_proto};
use crate::frontend::status;
use crate::limits;
use crate::runs::{Host, stopped};
use crate::schedules::life::Command;
use crate::schedules::spec::Spec;

pub(crate) async fn handle(
    host: &Arc<Host>,
    request: DescribeScheduleRequest,
) -> Result<DescribeScheduleResponse, Status> {
    let host = Arc::clone(host);
    to_the_end(async move {
        let (namespace, id) = (request.namespace, request.schedule_id);
        let mut in_hand = existing(&host, &namespace, &id).await?;
        // A run that ended a moment ago is not shown as running, and what follows is shown too.
        if host.learn_ends(&mut in_hand).await {
            host.live(in_hand, Command::Wake).await?;
            in_hand = existing(&host, &namespace, &id).await?;
        }
        let state = in_hand.state;
        let (schedule, info) = state.described();
        Ok(DescribeScheduleResponse {
            schedule: Some(schedule),
            info: Some(info),
            memo: state.memo.filter(|memo| !memo.fields.is_empty()),
            search_attributes: state
                .search_attributes
                .filter(|all| !all.indexed_fields.is_empty()),
            conflict_token: token(state.conflict_token),
        })
    })
    .await
}

pub(crate) async fn matching_times(
    host: &Arc<Host>,
    request: ListScheduleMatchingTimesRequest,
) -> Result<ListScheduleMatchingTimesResponse, Status> {
    let state = existing(host, &request.namespace, &request.schedule_id)
        .await?
        .state;
    let (Some(start), Some(end)) = (&request.start_time, &request.end_time) else {
        return Err(unanswerable("missing or invalid query".to_owned()));
    };
    let spec = Spec::compile(&state.spec)
        .map_err(|why| unanswerable(format!("invalid schedule: {why}")))?;
    let (start, end) = (from_proto(Some(start)), from_proto(Some(end)));
    // Many calendars are asked for each of many moments: not where others wait for their turn.
    let moments = move || {
        state
            .moments(&spec, start)
            .take_while(|at| *at <= end)
            .take(limits::SCHEDULE_TIMES)
            .map(to_proto)
            .collect()
    };
    let start_time = tokio::task::spawn_blocking(moments)
        .await
        .map_err(|_| stopped())?;
    Ok(ListScheduleMatchingTimesResponse { start_time })
}

/// The reference asks the workflow that a schedule is there.
fn unanswerable(why: String) -> Status {
    status::query_failed(why, None)
}
