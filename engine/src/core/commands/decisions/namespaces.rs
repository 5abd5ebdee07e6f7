//! The namespaces that a decision names, looked up by the shell before it is applied.

use std::collections::BTreeMap;

/// A namespace's name and id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) id: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Namespaces {
    /// The run's own.
    pub(crate) own: Place,
    /// The ids of the others that are named, by their names.
    pub(crate) others: BTreeMap<String, String>,
}

impl Namespaces {
    /// The one that a command means: its own where it names none.
    pub(super) fn named(&self, name: &str) -> Place {
        match self.others.get(name) {
            Some(id) => Place {
                name: name.to_owned(),
                id: id.clone(),
            },
            None => self.own.clone(),
        }
    }
}
