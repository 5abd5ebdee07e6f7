//! The network below HTTP: its books, its clock, its bad days.

use std::path::Path;
use std::sync::Arc;

use ambient::{EntropyError, Mint, SharedClock};

use super::book::{self, Outgoing, Submission, Wish};
use super::checkout::{self, Checkout, Deed, Done};
use super::intent::{self, Payment};
use super::refund::{self, Refund};
use super::said::Said;
use super::schema::CARDS;
use super::search::{self, Question};
use super::{chargeback, http};
use crate::books::{Books, BooksError, OpenError};
use crate::controls::{Controls, OutOfOrder};
use crate::faults::{Faults, InvalidFaults, Target};
use crate::misbehaviour::Misbehaviour;
use crate::outbox::{self, Webhook, WebhookTarget};

/// Clones are the same network.
#[derive(Clone, Debug)]
pub struct CardNetwork {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    mint: Mint,
    books: Books,
    controls: Controls,
}

/// The network's own trouble, not one that somebody asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error("the network is out of order, as it was told to be")]
    OutOfOrder,
}

impl From<OutOfOrder> for Broken {
    fn from(_: OutOfOrder) -> Self {
        Self::OutOfOrder
    }
}

impl CardNetwork {
    /// Opens the books at `path`, or founds the network there.
    pub fn open(path: &Path, clock: SharedClock) -> Result<Self, OpenError> {
        Ok(Self::with(Books::open(path, &CARDS)?, clock))
    }

    /// A network without a file and without a thread, for simulations.
    pub fn fleeting(clock: SharedClock) -> Result<Self, OpenError> {
        Ok(Self::with(Books::fleeting(&CARDS)?, clock))
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

    pub fn router(&self) -> axum::Router {
        http::router(self.clone())
    }

    /// Every payment in the books: the oracle for "exactly once".
    pub async fn payments(&self) -> Result<Vec<Payment>, BooksError> {
        self.look(intent::all).await
    }

    /// The refunds of a payment, newest first.
    pub async fn refunds(&self, payment: &str) -> Result<Vec<Refund>, BooksError> {
        let payment = payment.to_owned();
        self.look(move |books| refund::of_payment(books, &payment))
            .await
    }

    /// The holder of the card takes the money back; `false` when nothing was captured.
    pub async fn charge_back(&self, payment: &str) -> Result<bool, BooksError> {
        let (payment, now) = (payment.to_owned(), self.inner.clock.now());
        let back = move |books: &_| {
            let back = chargeback::expect(books, &payment, now)?;
            book::decide_due(books, now)?;
            Ok(back)
        };
        self.inner.books.run(back).await
    }

    /// Tells the client of everything from now on; `None` stops it.
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

    /// Chooses what the next request of this kind under this idempotency key meets, whatever the
    /// rules say. Of an inquiry, which has none, the next one of all.
    pub fn single_out(&self, target: Target, key: &str, fault: Option<Misbehaviour>) {
        self.inner.controls.single_out(target, key, fault);
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

    pub(crate) async fn settle_by_id(&self, id: i64, heard: bool) -> Result<(), BooksError> {
        let now = self.inner.clock.now();
        let settle = move |books: &_| outbox::settle(books, id, heard, now);
        self.inner.books.run(settle).await
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.inner.clock
    }

    pub(super) async fn submit(
        &self,
        wish: Wish,
        form: std::collections::BTreeMap<String, String>,
        key: Option<String>,
    ) -> Result<Outgoing, Broken> {
        let target = match wish {
            Wish::Authorise => Target::Authorisations,
            Wish::Capture { .. } => Target::Captures,
            Wish::Void { .. } => Target::Voids,
            Wish::Refund => Target::Refunds,
            Wish::OpenCheckout { .. } | Wish::CloseCheckout { .. } => Target::Checkouts,
        };
        let reference = key.as_deref().unwrap_or_default();
        let fault = self.inner.controls.todays(target, reference)?;
        let submission = Submission {
            wish,
            form,
            key,
            fault,
            fresh: self.inner.mint.next()?,
            now: self.inner.clock.now(),
        };
        let book = move |books: &_| book::submit(books, &submission);
        Ok(self.inner.books.run(book).await?)
    }

    /// A page, and whether somebody may still pay there.
    pub(super) async fn checkout(
        &self,
        page: &str,
    ) -> Result<Option<(Checkout, bool)>, BooksError> {
        let (page, now) = (page.to_owned(), self.inner.clock.now());
        let found = self.look(move |books| checkout::find(books, &page)).await?;
        Ok(found.map(|found| {
            let open = found.is_open(now);
            (found, open)
        }))
    }

    /// What a payer does on a page; none where there is no such page.
    pub(super) async fn act(&self, page: &str, deed: Deed) -> Result<Option<Done>, Broken> {
        let (page, fresh) = (page.to_owned(), self.inner.mint.next()?);
        let now = self.inner.clock.now();
        let act = move |books: &_| checkout::act(books, &page, &deed, fresh, now);
        Ok(self.inner.books.run(act).await?)
    }

    pub(super) async fn ask(
        &self,
        question: Question,
    ) -> Result<(Said, Option<Misbehaviour>), Broken> {
        // A question names a payment in many ways; whoever singles one out means them all.
        let fault = self.inner.controls.todays(Target::Inquiries, "")?;
        let now = self.inner.clock.now();
        let look = move |books: &_| search::answer(books, &question, now);
        Ok((self.inner.books.run(look).await?, fault))
    }

    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BooksError> {
        let now = self.inner.clock.now();
        let look = move |books: &rusqlite::Connection| {
            book::decide_due(books, now)?;
            look(books)
        };
        self.inner.books.run(look).await
    }
}
