//! A schedule as it is described and listed.

use ambient::Timestamp;
use prost_types::Timestamp as ProtoTimestamp;
use temporalio_protos::temporal::api::schedule::v1::{
    Schedule, ScheduleInfo, ScheduleListEntry, ScheduleListInfo,
};

use super::spec::{Spec, spelled_out};
use super::state::State;
use crate::core::time::to_proto;

const COMING: usize = 10;
const LISTED: usize = 5;
const LISTED_SPECS: usize = 10;

impl State {
    pub(crate) fn described(&self) -> (Schedule, ScheduleInfo) {
        let mut schedule = self.schedule();
        if let Some(spec) = &mut schedule.spec {
            spelled_out(spec);
        }
        let info = ScheduleInfo {
            future_action_times: self.coming(COMING),
            buffer_size: i64::try_from(self.buffer.len()).unwrap_or(i64::MAX),
            ..self.info.clone()
        };
        (schedule, info)
    }

    pub(crate) fn listed(self) -> ScheduleListEntry {
        let mut spec = self.spec.clone();
        spec.timezone_data = Vec::new();
        spec.structured_calendar.truncate(LISTED_SPECS);
        spec.exclude_structured_calendar.truncate(LISTED_SPECS);
        spec.interval.truncate(LISTED_SPECS);
        spelled_out(&mut spec);
        let recent = &self.info.recent_actions;
        let latest = recent.len().saturating_sub(LISTED);
        let info = ScheduleListInfo {
            spec: Some(spec),
            workflow_type: self.workflow().and_then(|w| w.workflow_type.clone()),
            notes: self.condition.notes.clone(),
            paused: self.condition.paused,
            recent_actions: recent[latest..].to_vec(),
            future_action_times: self.coming(LISTED),
            ..ScheduleListInfo::default()
        };
        ScheduleListEntry {
            schedule_id: self.schedule_id,
            memo: self.memo.filter(|memo| !memo.fields.is_empty()),
            search_attributes: self
                .search_attributes
                .filter(|all| !all.indexed_fields.is_empty()),
            info: Some(info),
        }
    }

    /// As many as remain to be acted upon, at most so many.
    fn coming(&self, most: usize) -> Vec<ProtoTimestamp> {
        let remaining = usize::try_from(self.condition.remaining_actions).unwrap_or(0);
        let most = match self.condition.limited_actions {
            true => most.min(remaining),
            false => most,
        };
        let Ok(spec) = Spec::compile(&self.spec) else {
            return Vec::new();
        };
        let considered = Timestamp::from_micros(self.considered_until);
        self.moments(&spec, considered)
            .filter(|at| *at >= self.updated_at())
            .take(most)
            .map(to_proto)
            .collect()
    }

    pub(crate) fn moments(&self, spec: &Spec, after: Timestamp) -> impl Iterator<Item = Timestamp> {
        let seed = self.seed();
        std::iter::successors(Some(after), move |after| {
            Some(spec.next_after(&seed, *after)?.actual)
        })
        .skip(1)
    }
}
