//! The bank below HTTP: every call of the interface as a function, for tests and simulations.

use std::path::Path;
use std::sync::Arc;

use ambient::{EntropyError, Mint, SharedClock};

use crate::account::{self, Account};
use crate::books::{Books, BooksError, OpenError};
use crate::controls::Controls;
use crate::delivery::Delivery;
use crate::faults::{Faults, InvalidFaults, Target};
use crate::inquire::inquire;
use crate::misbehaviour::Misbehaviour;
use crate::movement::{self, Kind, Movement};
use crate::order::{Malformed, Order};
use crate::outbox::{self, Webhook, WebhookTarget};
use crate::submit::{self, Submission};
use crate::{returns, schema};

/// Clones are the same bank.
#[derive(Clone, Debug)]
pub struct Bank {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    mint: Mint,
    books: Books,
    controls: Controls,
}

/// Not a refusal of the bank: those are answers.
#[derive(Debug, thiserror::Error)]
pub enum BankError {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl Bank {
    /// Opens the books at `path`, or founds the bank there.
    pub fn open(path: &Path, clock: SharedClock) -> Result<Self, OpenError> {
        Ok(Self::with(Books::open(path, &schema::BANK)?, clock))
    }

    /// A bank without a file and without a thread, for simulations.
    pub fn fleeting(clock: SharedClock) -> Result<Self, OpenError> {
        Ok(Self::with(Books::fleeting(&schema::BANK)?, clock))
    }

    fn with(books: Books, clock: SharedClock) -> Self {
        Self {
            inner: Arc::new(Inner {
                mint: Mint::new(clock.clone()),
                books,
                controls: Controls::default(),
                clock,
            }),
        }
    }

    pub async fn debit(&self, order: Order) -> Result<Delivery, BankError> {
        self.submit(Kind::Debit, order).await
    }

    pub async fn pay_out(&self, order: Order) -> Result<Delivery, BankError> {
        self.submit(Kind::Payout, order).await
    }

    pub async fn inquire(&self, reference: &str) -> Result<Delivery, BooksError> {
        let Ok(fault) = self.inner.controls.todays(Target::Inquiries, reference) else {
            return Ok(Delivery::Outage);
        };
        let (reference, now) = (reference.to_owned(), self.inner.clock.now());
        let look = move |books: &_| inquire(books, &reference, fault, now);
        self.inner.books.run(look).await
    }

    /// Takes back an order that is not decided yet.
    pub async fn cancel(&self, reference: &str) -> Result<Delivery, BooksError> {
        let Ok(fault) = self.inner.controls.todays(Target::Cancellations, reference) else {
            return Ok(Delivery::Outage);
        };
        let (reference, now) = (reference.to_owned(), self.inner.clock.now());
        let cancel = move |books: &_| submit::cancel(books, &reference, fault, now);
        self.inner.books.run(cancel).await
    }

    /// Has an executed movement come back now; `false` when there is none that can.
    pub async fn give_back(&self, reference: &str, code: &str) -> Result<bool, BooksError> {
        let (reference, code) = (reference.to_owned(), code.to_owned());
        let now = self.inner.clock.now();
        let give_back = move |books: &_| {
            let back = returns::expect(books, &reference, &code, now)?;
            submit::decide_due(books, now)?;
            Ok(back)
        };
        self.inner.books.run(give_back).await
    }

    /// Tells the client of every movement from now on; `None` stops it.
    pub async fn tell(&self, target: Option<WebhookTarget>) -> Result<(), BooksError> {
        let set = move |books: &_| outbox::set_target(books, target.as_ref());
        self.inner.books.run(set).await
    }

    /// The webhooks that are due, for whoever carries them instead of the server.
    pub async fn due_webhooks(&self) -> Result<Vec<Webhook>, BooksError> {
        let now = self.inner.clock.now();
        self.look(move |books| outbox::due(books, now)).await
    }

    /// What became of a webhook: heard, or to be sent again later.
    pub async fn settle_webhook(&self, webhook: &Webhook, heard: bool) -> Result<(), BooksError> {
        self.settle_by_id(webhook.id, heard).await
    }

    /// Decided movements after a position of the statement, oldest first.
    pub async fn statement(&self, after: i64, limit: i64) -> Result<Vec<Movement>, BooksError> {
        self.look(move |books| movement::statement(books, after, limit))
            .await
    }

    pub async fn account(&self, number: &str) -> Result<Option<Account>, BooksError> {
        let number = number.to_owned();
        self.look(move |books| account::find(books, &number)).await
    }

    /// Every movement in the books: the oracle for "exactly once".
    pub async fn movements(&self) -> Result<Vec<Movement>, BooksError> {
        self.look(movement::all).await
    }

    /// Opening balance, plus executed debits, minus executed payouts; `None` for a currency in
    /// which the bank keeps no settlement account.
    pub async fn settlement_balance(&self, currency: &str) -> Result<Option<i64>, BooksError> {
        let account = self.account(&account::settlement(currency)).await?;
        Ok(account.map(|account| account.balance))
    }

    /// Chooses what the next request of this kind about this reference meets, whatever the rules
    /// say: for simulations that want to know beforehand what happens to whom.
    pub fn single_out(&self, target: Target, reference: &str, fault: Option<Misbehaviour>) {
        self.inner.controls.single_out(target, reference, fault);
    }

    pub fn set_outage(&self, on: bool) {
        self.inner.controls.set_outage(on);
    }

    pub fn set_faults(&self, faults: Faults) -> Result<(), InvalidFaults> {
        self.inner.controls.set_faults(faults)
    }

    pub fn faults(&self) -> Faults {
        self.inner.controls.faults()
    }

    pub fn is_out_of_order(&self) -> bool {
        self.inner.controls.is_out_of_order()
    }

    pub(crate) async fn settle_by_id(&self, id: i64, heard: bool) -> Result<(), BooksError> {
        let now = self.inner.clock.now();
        let settle = move |books: &_| outbox::settle(books, id, heard, now);
        self.inner.books.run(settle).await
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    async fn submit(&self, kind: Kind, order: Order) -> Result<Delivery, BankError> {
        order.check()?;
        let target = match kind {
            Kind::Debit => Target::Debits,
            Kind::Payout => Target::Payouts,
        };
        let Ok(fault) = self.inner.controls.todays(target, &order.reference) else {
            return Ok(Delivery::Outage);
        };
        let controls = &self.inner.controls;
        let webhook_fault = controls.todays(Target::Webhooks, &order.reference);
        let submission = Submission {
            kind,
            order,
            fault,
            webhook_fault: webhook_fault.unwrap_or(None),
            // Random, so that restored books cannot give the same reference again.
            bank_reference: format!("bk{:032x}", self.inner.mint.next()?),
            now: self.inner.clock.now(),
        };
        let book = move |books: &_| submit::submit(books, &submission);
        Ok(self.inner.books.run(book).await?)
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BooksError> {
        let now = self.inner.clock.now();
        let look = move |books: &rusqlite::Connection| {
            submit::decide_due(books, now)?;
            look(books)
        };
        self.inner.books.run(look).await
    }
}
