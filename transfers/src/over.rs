//! What is over by the clock alone, in the books that transfers stand on.

use ledger::{Book, PostError, Swept};

use crate::Transfers;
use crate::error::StoreError;

impl Transfers {
    /// Ends holds whose time is over and deletes quotes that nobody took. Repeating it, or two at
    /// once, changes nothing more.
    pub async fn sweep_books(&self) -> Result<Swept, StoreError> {
        let book = Book::new(self.db.clone(), self.mint.clone());
        let swept = book.sweep(self.clock.now()).await;
        swept.map_err(|error| match error {
            db::WriteError::Overloaded => StoreError::Overloaded,
            db::WriteError::Closed => StoreError::Closed,
            db::WriteError::Unknown(source) => StoreError::Unknown(source),
            db::WriteError::Refused(PostError::Ledger(ledger::LedgerError::Entropy(error))) => {
                error.into()
            }
            db::WriteError::Refused(PostError::Ledger(ledger::LedgerError::Db(error))) => {
                error.into()
            }
            // Nothing is posted here that could be refused.
            db::WriteError::Refused(PostError::Refused(_)) => StoreError::Overtaken,
        })
    }
}
