//! How much of a rail one partner may have under way: what is accepted beyond that waits in its
//! own row and is started as room appears. A partner that floods a rail fills its own share of the
//! rail's queue and nobody else's, whatever the engine does about fairness.
//!
//! Nothing is refused here and no money waits on it: a transfer that is not admitted now is stored
//! and started later. Counts are looked up at most twice a second and may be a little old.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::Timestamp;
use db::{DbError, params};
use domain::Tenant;
use domain::rail::RailId;
use domain::transfer::Order;

use crate::error::StoreError;
use crate::row::optional;
use crate::{Transfers, scope};

/// What a rail does in this time may be under way for one partner.
const SHARE: Duration = Duration::from_secs(5);

/// How old a count may be.
const FRESH: Duration = Duration::from_millis(500);

/// More rows than this are not counted; they are above every share.
const MOST_COUNTED: i64 = 20_000;

/// Clones share the counts.
#[derive(Clone, Debug)]
pub struct Admission {
    transfers: Transfers,
    share: fn(RailId) -> u64,
    known: Arc<Mutex<BTreeMap<Tenant, Counted>>>,
}

#[derive(Debug)]
struct Counted {
    at: Timestamp,
    under_way: BTreeMap<RailId, u64>,
}

/// A part of what a rail's contract lets everybody send.
fn share(rail: RailId) -> u64 {
    u64::from(rail.capacity().requests_per_second) * SHARE.as_secs()
}

impl Admission {
    pub fn new(transfers: Transfers) -> Self {
        Self::with_shares(transfers, share)
    }

    pub fn with_shares(transfers: Transfers, share: fn(RailId) -> u64) -> Self {
        Self {
            transfers,
            share,
            known: Arc::default(),
        }
    }

    /// Whether there is room for it now; if so, it is counted.
    pub async fn admits(&self, order: &Order) -> Result<bool, StoreError> {
        let mut rails: Vec<_> = [order.source.rail(), order.destination.rail()]
            .into_iter()
            .flatten()
            .collect();
        rails.dedup();
        if rails.is_empty() {
            return Ok(true);
        }
        let now = self.transfers.clock.now();
        if !self.is_fresh(&order.tenant, now) {
            let under_way = self.transfers.under_way(&order.tenant).await?;
            self.lock()
                .insert(order.tenant, Counted { at: now, under_way });
        }
        let mut known = self.lock();
        let Some(counted) = known.get_mut(&order.tenant) else {
            return Ok(true);
        };
        let count = |rail: &RailId| counted.under_way.get(rail).copied().unwrap_or_default();
        if rails.iter().any(|rail| count(rail) >= (self.share)(*rail)) {
            return Ok(false);
        }
        for rail in rails {
            *counted.under_way.entry(rail).or_default() += 1;
        }
        Ok(true)
    }

    fn is_fresh(&self, tenant: &Tenant, now: Timestamp) -> bool {
        let known = self.lock();
        let counted = known.get(tenant);
        counted.is_some_and(|counted| now < counted.at.after(FRESH))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Tenant, Counted>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transfers {
    /// How many of a tenant's transfers are on their way by each rail, those aside that wait for an
    /// inquiry or a person and so do not use it.
    async fn under_way(&self, tenant: &Tenant) -> Result<BTreeMap<RailId, u64>, StoreError> {
        let mut params = scope(tenant);
        params.extend(params![MOST_COUNTED]);
        let sql = "SELECT source_rail, destination_rail, count(*) AS many FROM (
                SELECT source_rail, destination_rail FROM transfers
                WHERE partner_id = $1 AND livemode = $2 AND start_pending = 0
                    AND status IN ('created', 'collecting', 'funded', 'paying_out', 'compensating')
                    AND in_doubt_step IS NULL AND operator_step IS NULL
                LIMIT $3) AS under_way
            GROUP BY source_rail, destination_rail";
        let rows = self.db.fetch_all(sql, params).await?;
        let mut counts = BTreeMap::new();
        for row in rows {
            let source: Option<RailId> = optional(&row, "source_rail")?;
            let destination: Option<RailId> = optional(&row, "destination_rail")?;
            let many = u64::try_from(row.int("many")?)
                .map_err(|_| DbError::column("many", "a count", "a negative number"))?;
            let other = destination.filter(|rail| source != Some(*rail));
            for rail in source.into_iter().chain(other) {
                *counts.entry(rail).or_default() += many;
            }
        }
        Ok(counts)
    }
}
