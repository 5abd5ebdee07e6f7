//! The canonical command: what a client ordered, apart from how and when it was said.
//!
//! It is stored whole beside the key, not as a hash: a hash can tell that another command came,
//! but not which field differs. It is sealed, because it holds the description.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::NewTransfer;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Command {
    amount: i64,
    currency: String,
    source: String,
    destination: String,
    /// Commands from before there were quotes have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quote: Option<String>,
    /// As it was said, not the instant that followed from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    execute_at: Option<String>,
    client_reference: Option<String>,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Command {
    pub(crate) fn of(new: &NewTransfer) -> Self {
        Self {
            amount: new.money.minor(),
            currency: new.money.currency().code().to_owned(),
            source: new.source.to_string(),
            destination: new.destination.to_string(),
            quote: new.quote.map(|quote| quote.to_string()),
            execute_at: new.execute_at.map(|when| when.to_string()),
            client_reference: new.client_reference.clone(),
            description: new.description.clone(),
            metadata: new.metadata.clone(),
        }
    }

    /// The pointer of the first field that is not the same.
    pub(crate) fn difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("/amount/amount", self.amount == other.amount),
            ("/amount/currency", self.currency == other.currency),
            ("/source", self.source == other.source),
            ("/destination", self.destination == other.destination),
            ("/quote", self.quote == other.quote),
            ("/execute_at", self.execute_at == other.execute_at),
            (
                "/client_reference",
                self.client_reference == other.client_reference,
            ),
            ("/description", self.description == other.description),
            ("/metadata", self.metadata == other.metadata),
        ]
        .into_iter()
        .find_map(|(pointer, same)| (!same).then_some(pointer))
    }
}
