//! Starts what an activity has just accepted, as the API does: with room for it on its rails, and
//! noted in its row. Whatever is not started here the sweeper starts.

use activities::Starts;
use domain::transfer::Order;
use futures::future::{BoxFuture, FutureExt};
use temporal::Starter;
use transfers::{Admission, Transfers};

#[derive(Debug)]
pub struct Launch {
    transfers: Transfers,
    admission: Admission,
    starter: Starter,
}

impl Launch {
    pub fn new(transfers: Transfers, starter: Starter) -> Self {
        Self {
            admission: Admission::new(transfers.clone()),
            transfers,
            starter,
        }
    }

    async fn launch(&self, order: &Order) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.admission.admits(order).await? {
            self.starter.start(order).await?;
            self.transfers
                .started(&order.tenant, order.transfer)
                .await?;
        }
        Ok(())
    }
}

impl Starts for Launch {
    fn start<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, ()> {
        async move {
            if let Err(error) = self.launch(order).await {
                tracing::debug!(transfer = %order.transfer, %error, "left to the sweeper");
            }
        }
        .boxed()
    }
}
