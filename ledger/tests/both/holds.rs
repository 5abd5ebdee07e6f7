//! Holds and terms, in short words.

use db::WriteError;
use domain::{AccountId, HoldId, Money};
use ledger::{ChangeError, LedgerError, PostError, Reserve, Reserved, Terms};

use super::Book;

impl Book {
    pub(crate) async fn reserve(
        &self,
        reserve: Reserve,
    ) -> Result<Reserved, WriteError<PostError>> {
        if self.alone(&reserve.key) {
            return self.book().reserve(reserve).await;
        }
        let mint = self.mint.clone();
        self.db
            .write(move |tx| Box::pin(async move { ledger::reserve(tx, &mint, &reserve).await }))
            .await
    }

    /// `true`: it was voided before.
    pub(crate) async fn void(&self, hold: HoldId) -> Result<bool, WriteError<PostError>> {
        let voided = self.book().void(self.tenant, hold).await?;
        Ok(voided.replayed)
    }

    /// How many holds' time was over.
    pub(crate) async fn expire(&self) -> anyhow::Result<usize> {
        Ok(usize::try_from(self.book().expire_due().await?)?)
    }

    /// Why they were not changed, if they were not.
    pub(crate) async fn terms(
        &self,
        account: AccountId,
        floor: Option<Money>,
        ceiling: Option<Money>,
    ) -> anyhow::Result<Option<ChangeError>> {
        let (tenant, terms) = (self.tenant, Terms { floor, ceiling });
        let changed = self
            .db
            .write(move |tx| {
                Box::pin(
                    async move { ledger::change_terms(tx, tenant, account, terms, "test").await },
                )
            })
            .await;
        match changed {
            Ok(_) => Ok(None),
            Err(WriteError::Refused(why @ ChangeError::Ledger(LedgerError::Db(_)))) => {
                Err(why.into())
            }
            Err(WriteError::Refused(why)) => Ok(Some(why)),
            Err(error) => Err(error.into()),
        }
    }
}
