//! What recording will need, so that it is fetched and locked for many callers together. Nothing is
//! decided here: what is not foretold is fetched as it is needed.

use db::{Declared, Tx};
use domain::transfer::Happening;

use crate::books::{self, Posting};
use crate::record::refused_step;
use crate::register::{Named, Register};
use crate::screen;

/// What a record will need, found out before it runs: the row, and once that is there, the accounts
/// and keys of what follows from it.
pub(crate) struct Plan {
    pub(crate) named: Named,
    pub(crate) happenings: Vec<Happening>,
}

impl Plan {
    pub(crate) fn declare(&self, tx: &mut Tx) -> Declared {
        let (tenant, id) = self.named;
        let register = tx.area::<Register>();
        register.need_end();
        let keys = self.happenings.iter().filter_map(|it| refused_step(id, it));
        keys.for_each(|key| register.need_word(tenant, key));
        if !register.knows(self.named) {
            register.need_row(self.named);
            return Declared::More;
        }
        let Some(stored) = register.row(self.named) else {
            return Declared::All;
        };
        let (order, pool) = (stored.transfer.order(), stored.transfer.pool);
        let mut status = stored.transfer.status;
        let mut entries = Vec::new();
        for happening in &self.happenings {
            // Where it goes wrong, or was recorded before, nothing more is needed than is asked then.
            let Ok(to) = happening.apply_to(status) else {
                break;
            };
            entries.extend(books::postings(&order, pool, status, happening).unwrap_or_default());
            status = to;
        }
        for Posting::Post(entry) | Posting::TakeBack(entry) in &entries {
            ledger::need(tx, entry);
        }
        if order.screened && status.is_final() {
            return screen::declare_limits(tx, self.named, status);
        }
        Declared::All
    }
}
