//! The namespaces, all in memory: there are few, and every request names one.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tonic::Status;

use super::Host;
use crate::limits;
use crate::store::{Change, NamespaceRow};

pub(crate) type Namespace = Arc<NamespaceRow>;

#[derive(Debug)]
pub(crate) struct Namespaces {
    by_name: RwLock<BTreeMap<String, Namespace>>,
}

impl Namespaces {
    pub(crate) fn new(rows: Vec<NamespaceRow>) -> Self {
        let by_name = rows
            .into_iter()
            .map(|row| (row.name.clone(), Arc::new(row)))
            .collect();
        Self {
            by_name: RwLock::new(by_name),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Namespace> {
        self.read().get(name).cloned()
    }

    pub(crate) fn by_uuid(&self, uuid: &str) -> Option<Namespace> {
        self.read().values().find(|row| row.uuid == uuid).cloned()
    }

    pub(crate) fn by_id(&self, id: i64) -> Option<Namespace> {
        self.read().values().find(|row| row.id == id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Namespace> {
        self.read().values().cloned().collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<String, Namespace>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(crate) enum NotCreated {
    Exists,
    TooMany,
    Other(Status),
}

impl Host {
    /// Creates a namespace, durably.
    pub(crate) async fn create_namespace(
        &self,
        name: &str,
        description: String,
        owner: String,
        retention_seconds: i64,
    ) -> Result<(), NotCreated> {
        let uuid = self.fresh_id().map_err(NotCreated::Other)?;
        let position = {
            let mut by_name = self
                .namespaces
                .by_name
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if by_name.contains_key(name) {
                return Err(NotCreated::Exists);
            }
            if by_name.len() >= limits::NAMESPACES {
                return Err(NotCreated::TooMany);
            }
            let id = 1 + by_name.values().map(|row| row.id).max().unwrap_or(0);
            let row = NamespaceRow {
                id,
                uuid,
                name: name.to_owned(),
                description,
                owner,
                retention_seconds,
            };
            by_name.insert(name.to_owned(), Arc::new(row.clone()));
            self.writes.submit([Change::Namespace(row)])
        };
        self.durable(position).await.map_err(NotCreated::Other)
    }
}
