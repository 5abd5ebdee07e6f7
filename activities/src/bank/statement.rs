//! A rail's statement, read through the same gate as every question: a bank that does not answer is
//! left alone.

use domain::rail::{Cursor, Page, PortError, RailId};

use super::Bank;
use super::submit::health;

#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("the rail is not to be asked now")]
    NotNow(#[from] rails::NotNow),
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Bank {
    /// The lines behind a place. None where this rail has no statement.
    pub async fn statement(
        &self,
        rail: RailId,
        after: &Cursor,
    ) -> Result<Option<Page>, StatementError> {
        let Ok(port) = self.rails.get(rail) else {
            return Ok(None);
        };
        let Some(statements) = port.statements() else {
            return Ok(None);
        };
        let mut pass = self.gate(rail).question().await?;
        let page = statements.lines(after).await;
        pass.saw(health(&page));
        Ok(Some(page?))
    }
}
