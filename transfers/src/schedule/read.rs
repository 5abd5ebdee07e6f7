//! Reading schedules: one, a page of them, a page of one's occurrences.

use std::str::FromStr;

use db::{Row, Value, params};
use domain::{Currency, Mode, ScheduleId, Tenant, Timestamp};

use super::{Occurrence, Schedule};
use crate::error::StoreError;
use crate::{EndpointRef, LONGEST_PAGE, Transfers, row, scope};

pub(super) const SCHEDULE: &str =
    "partner_id, livemode, schedule_id, amount, currency, source_kind,
    source_account, destination_kind, destination_account, client_reference, metadata, request_id,
    cadence, starts_at, ends_at, most, on_banking_days, state, active_since, occurrences, version,
    created_at, updated_at";

/// The instant of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OccurrenceCursor(pub Timestamp);

impl FromStr for OccurrenceCursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Timestamp::from_micros).map(Self)
    }
}

impl Transfers {
    pub async fn schedule(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
    ) -> Result<Option<Schedule>, StoreError> {
        let sql = format!(
            "SELECT {SCHEDULE} FROM schedules
             WHERE partner_id = $1 AND livemode = $2 AND schedule_id = $3"
        );
        let row = self.db.fetch_optional(&sql, keyed(tenant, id)).await?;
        row.as_ref().map(schedule).transpose()
    }

    pub(super) async fn schedule_by_key(
        &self,
        tenant: &Tenant,
        key: &str,
    ) -> Result<Option<Schedule>, StoreError> {
        let sql = format!(
            "SELECT {SCHEDULE} FROM schedules
             WHERE partner_id = $1 AND livemode = $2 AND idempotency_key = $3"
        );
        let mut params = scope(tenant);
        params.push(key.into());
        let row = self.db.fetch_optional(&sql, params).await?;
        row.as_ref().map(schedule).transpose()
    }

    /// The oldest first, behind the given one.
    pub async fn schedules(
        &self,
        tenant: &Tenant,
        behind: Option<ScheduleId>,
        limit: u32,
    ) -> Result<Vec<Schedule>, StoreError> {
        let sql = format!(
            "SELECT {SCHEDULE} FROM schedules
             WHERE partner_id = $1 AND livemode = $2 AND schedule_id > $3
             ORDER BY schedule_id LIMIT $4"
        );
        let mut params = scope(tenant);
        let behind = behind.map_or(String::new(), |id| id.to_string());
        params.extend(params![behind, limit.min(LONGEST_PAGE + 1)]);
        let rows = self.db.fetch_all(&sql, params).await?;
        rows.iter().map(schedule).collect()
    }

    /// In the order in which they fall, behind the given one.
    pub async fn occurrences(
        &self,
        tenant: &Tenant,
        id: ScheduleId,
        behind: Option<OccurrenceCursor>,
        limit: u32,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let sql = "SELECT o.falls_at, o.state, o.refusal, o.transfer_id, o.taken_at, t.status
             FROM schedule_occurrences o
             LEFT JOIN transfers t ON t.partner_id = o.partner_id AND t.livemode = o.livemode
                 AND t.transfer_id = o.transfer_id
             WHERE o.partner_id = $1 AND o.livemode = $2 AND o.schedule_id = $3
                 AND o.falls_at > $4
             ORDER BY o.falls_at LIMIT $5";
        let mut params = keyed(tenant, id);
        let behind = behind.map_or(Timestamp::from_micros(i64::MIN), |cursor| cursor.0);
        params.extend(params![behind, limit.min(LONGEST_PAGE + 1)]);
        let rows = self.db.fetch_all(sql, params).await?;
        rows.iter().map(occurrence).collect()
    }
}

pub(super) fn keyed(tenant: &Tenant, id: ScheduleId) -> Vec<Value> {
    let mut params = scope(tenant);
    params.push(id.to_string().into());
    params
}

pub(super) fn schedule(row: &Row) -> Result<Schedule, StoreError> {
    let currency: Currency = row.parse("currency")?;
    Ok(Schedule {
        tenant: Tenant {
            partner: row.parse("partner_id")?,
            mode: Mode::from_livemode(row.bool("livemode")?),
        },
        id: row.parse("schedule_id")?,
        money: row::money(row, "amount", currency)?,
        source: EndpointRef::stored(row, "source")?,
        destination: EndpointRef::stored(row, "destination")?,
        client_reference: row.opt_text("client_reference")?,
        metadata: serde_json::from_str(&row.text("metadata")?)?,
        request_id: row.parse("request_id")?,
        cadence: serde_json::from_str(&row.text("cadence")?)?,
        starts_at: row.timestamp("starts_at")?,
        ends_at: row.opt_timestamp("ends_at")?,
        most: row.opt_int("most")?,
        on_banking_days: row.bool("on_banking_days")?,
        state: row.parse("state")?,
        active_since: row.timestamp("active_since")?,
        occurrences: row.int("occurrences")?,
        version: row.int("version")?,
        created_at: row.timestamp("created_at")?,
        updated_at: row.timestamp("updated_at")?,
    })
}

fn occurrence(row: &Row) -> Result<Occurrence, StoreError> {
    let refusal = row.opt_text("refusal")?;
    let refusal = refusal
        .map(|text| serde_json::from_str(&text))
        .transpose()?;
    Ok(Occurrence {
        falls_at: row.timestamp("falls_at")?,
        state: row.parse("state")?,
        refusal: refusal.unwrap_or_default(),
        transfer: row::optional(row, "transfer_id")?,
        status: row::optional(row, "status")?,
        taken_at: row.timestamp("taken_at")?,
    })
}
