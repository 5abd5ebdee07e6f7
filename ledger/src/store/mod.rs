//! The desk: the book's area in a transaction of the writer. It fetches what jobs declare and
//! writes what they changed; the rules in between are the book's.

mod fetch;
mod flush;
mod founding;
mod learn;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ambient::Timestamp;
use db::{Area, DbError, Dialect, Row, Statement, Step};
use domain::{AccountId, Currency, HoldId, Tenant};

use crate::book::Book;
use crate::chain::Hash;
use crate::{Account, AccountRef, Entry, Reserve};

pub use founding::link_older;

/// The end of the lane that this transaction writes to.
#[derive(Clone, Debug)]
struct Lane {
    name: String,
    position: i64,
    hash: Hash,
}

#[derive(Debug, Default)]
enum LaneState {
    #[default]
    Unasked,
    /// Every lane there is belongs to another writer at the moment.
    NoneFree,
    Locked(Lane),
}

/// What was declared and is not fetched.
#[derive(Debug, Default)]
struct Needs {
    lane: bool,
    house: BTreeSet<(Tenant, AccountRef, Currency)>,
    accounts: BTreeSet<(Tenant, AccountId)>,
    keys: BTreeSet<(Tenant, String)>,
    /// Keys that are taken, by what took them.
    entries: BTreeSet<(Tenant, String)>,
    hold_keys: BTreeSet<(Tenant, String)>,
    refusals: BTreeSet<(Tenant, String)>,
    /// Holds whose account is not known yet.
    homes: BTreeSet<(Tenant, HoldId)>,
    holds: BTreeSet<(Tenant, HoldId)>,
}

/// The query whose answer is awaited.
#[derive(Clone, Debug)]
enum Asked {
    Lane,
    House(Tenant),
    Accounts(Tenant, Vec<AccountId>),
    Keys(Tenant, Vec<String>),
    Entries(Tenant, Vec<String>),
    HoldKeys(Tenant, Vec<String>),
    Refusals(Tenant, Vec<String>),
    Homes(Tenant, Vec<HoldId>),
    Holds(Tenant, Vec<HoldId>),
}

/// Accounts as they were found; `None`: there was none.
type Unlocked = BTreeMap<(Tenant, AccountId), Option<Arc<Account>>>;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) book: Book,
    dialect: Dialect,
    needs: Needs,
    asked: Option<Asked>,
    lane: LaneState,
    /// Where the lane ends once this transaction is written.
    lane_after: Option<Lane>,
    /// A job that stays has asked for the lane, so its lock lasts until the commit.
    lane_kept: bool,
    /// What this transaction decides on, as it was found, where nothing is locked yet.
    unlocked: Option<Unlocked>,
    /// Where the house accounts are. They are never closed away, so this outlives a transaction.
    house: HashMap<(Tenant, AccountRef, Currency), AccountId>,
    /// Tenants whose house accounts were all read in this transaction.
    house_read: BTreeSet<Tenant>,
}

/// House accounts that are remembered from one transaction to the next.
const HOUSE_REMEMBERED: usize = 100_000;

impl Default for Desk {
    fn default() -> Self {
        Self {
            book: Book::default(),
            dialect: Dialect::Sqlite,
            needs: Needs::default(),
            asked: None,
            lane: LaneState::Unasked,
            lane_after: None,
            lane_kept: false,
            unlocked: None,
            house: HashMap::new(),
            house_read: BTreeSet::new(),
        }
    }
}

impl Desk {
    pub(crate) fn need_entry(&mut self, entry: &Entry) {
        let tenant = entry.tenant;
        self.needs.lane = true;
        self.need_key(tenant, &entry.key);
        for leg in &entry.legs {
            self.need(tenant, leg.account, leg.money.currency());
        }
        for condition in &entry.conditions {
            self.need(tenant, condition.account(), condition.currency());
        }
        if let Some(hold) = entry.hold {
            self.need_hold(tenant, hold);
        }
    }

    pub(crate) fn need_reserve(&mut self, reserve: &Reserve) {
        let (tenant, currency) = (reserve.tenant, reserve.money.currency());
        self.need_key(tenant, &reserve.key);
        self.need(tenant, reserve.account, currency);
    }

    pub(crate) fn need_account(&mut self, tenant: Tenant, id: AccountId) {
        if let Some(unlocked) = &mut self.unlocked {
            let found = self.book.account(tenant, id).cloned();
            unlocked.entry((tenant, id)).or_insert(found);
        }
        if !self.book.knows_account(tenant, id) {
            self.needs.accounts.insert((tenant, id));
        }
    }

    /// The account that the hold is on, and then the hold: whoever posts it locks them in this order.
    pub(crate) fn need_hold(&mut self, tenant: Tenant, id: HoldId) {
        if let Some(hold) = self.book.hold(tenant, id) {
            let account = hold.account;
            self.need_account(tenant, account);
        } else if !self.book.knows_hold(tenant, id) {
            self.needs.homes.insert((tenant, id));
        }
    }

    fn need_key(&mut self, tenant: Tenant, key: &str) {
        // One that is unfit is refused before it is looked for.
        let unfit = crate::rules::key_fits(key).is_err();
        if !unfit && !self.book.knows_key(tenant, key) {
            self.needs.keys.insert((tenant, key.to_owned()));
        }
    }

    fn need(&mut self, tenant: Tenant, account: AccountRef, currency: Currency) {
        match account.owned() {
            Some(id) => self.need_account(tenant, id),
            None => match self.book.in_the_house(tenant, account, currency) {
                Some(id) => self.need_account(tenant, id),
                None => drop(self.needs.house.insert((tenant, account, currency))),
            },
        }
    }
}

impl Area for Desk {
    fn begin(&mut self, now: Timestamp, dialect: Dialect) {
        self.book.begin(now);
        self.dialect = dialect;
        self.needs = Needs::default();
        self.asked = None;
        self.lane = LaneState::Unasked;
        self.lane_after = None;
        self.lane_kept = false;
        self.unlocked = None;
        self.house_read.clear();
        if self.house.len() > HOUSE_REMEMBERED {
            self.house.clear();
        }
    }

    fn follow(&mut self, now: Timestamp, dialect: Dialect) {
        let lane = match (self.lane_after.take(), std::mem::take(&mut self.lane)) {
            (Some(lane), _) | (None, LaneState::Locked(lane)) => LaneState::Locked(lane),
            (None, LaneState::NoneFree | LaneState::Unasked) => LaneState::Unasked,
        };
        self.book.follow(now);
        self.dialect = dialect;
        self.needs = Needs::default();
        self.asked = None;
        self.lane_kept = matches!(lane, LaneState::Locked(_));
        self.lane = lane;
        // Only one can write to SQLite, and the writer looks whether it was another.
        self.unlocked = (dialect == Dialect::Postgres).then(Unlocked::new);
        self.house_read.clear();
    }

    fn wants(&mut self) -> Result<Option<Statement>, DbError> {
        Ok(self.next_query())
    }

    fn learn(&mut self, rows: &[Row]) -> Result<(), DbError> {
        match self.asked.take() {
            Some(asked) => self.answered(asked, rows),
            None => Ok(()),
        }
    }

    fn keep(&mut self) {
        self.lane_kept = !matches!(self.lane, LaneState::Unasked);
        self.book.keep();
    }

    fn undo(&mut self) {
        if !self.lane_kept {
            // Its lock went with the job's savepoint, and no entry that stays needs it.
            self.lane = LaneState::Unasked;
        }
        self.book.undo();
    }

    fn flush(&mut self) -> Result<Vec<Step>, DbError> {
        self.steps()
    }
}
