//! Entries that others belong to: they must be there, and taken back before anything stands in for
//! them.

use domain::{EntryId, Tenant};

use super::Book;
use crate::{Entry, Refusal};

impl Book {
    /// What is in the database. An entry never goes away and stays corrected, so this stays true
    /// whatever becomes of the job that asked.
    pub(crate) fn learn_link(&mut self, tenant: Tenant, entry: EntryId, corrected: bool) {
        self.links.insert((tenant, entry), corrected);
    }

    pub(super) fn linked(&self, entry: &Entry) -> Result<(), Refusal> {
        let Some(id) = entry.linked_to else {
            return Ok(());
        };
        let stored = self.links.get(&(entry.tenant, id)).copied();
        let mut staged = self
            .entries
            .iter()
            .filter(|staged| staged.entry.tenant == entry.tenant);
        if stored.is_none() && !staged.clone().any(|staged| staged.id == id) {
            return Err(Refusal::LinkUnknown { entry: id });
        }
        let corrected =
            stored == Some(true) || staged.any(|staged| staged.entry.corrects == Some(id));
        if entry.replaces && !corrected {
            return Err(Refusal::NotCorrected { entry: id });
        }
        Ok(())
    }
}
