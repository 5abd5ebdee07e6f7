//! Accepting: one transaction, and no money. What was accepted is started afterwards, now by the
//! caller or later by the sweeper.
//!
//! Whoever comes second with the same key while the first is still being written does not wait on
//! purpose: the key's row can be inserted once, the loser's insert is settled only by the winner's
//! commit, and then the loser reads the winner's answer. So both get the same one.

use db::{Declared, Tx, Value, params};
use domain::transfer::{Endpoint, Flags, MoneyFacts, Status};
use domain::{Money, Tenant, TransferId, UserId};

use crate::command::Command;
use crate::ends::{Side, complaint};
use crate::error::{AcceptError, StoreError};
use crate::history::{self, Change};
use crate::register::{Key, Register};
use crate::row::Stored;
use crate::{IdempotencyKey, NewTransfer, Transfer, Transfers, books, outbox, row, scope, terms};

/// Who accepts it, each with keys of its own: no client can take a key that an occurrence will need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Occurrence,
    BatchItem,
}

impl Operation {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "transfers.create",
            Self::Occurrence => "schedules.occur",
            Self::BatchItem => "batches.item",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Accepted {
    /// As it was accepted, also when it is replayed much later.
    pub transfer: Transfer,
    pub replayed: bool,
}

impl Transfers {
    /// Accepts a transfer, or replays the answer that the same key got before.
    ///
    /// Accounts are looked at just before the transaction. That they are still open when the money
    /// moves is for the ledger and the bank to say, seconds or days later.
    pub async fn accept(
        &self,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: NewTransfer,
    ) -> Result<Accepted, AcceptError> {
        self.accept_for(Operation::Create, tenant, key, new).await
    }

    pub(crate) async fn accept_for(
        &self,
        operation: Operation,
        tenant: &Tenant,
        key: &IdempotencyKey,
        new: NewTransfer,
    ) -> Result<Accepted, AcceptError> {
        let under = Under { operation, key };
        if let Some(first) = self.first(tenant, under, &new).await? {
            return Ok(first);
        }
        let draft = match self.draft(tenant, under, &new).await {
            // The same request may have been accepted meanwhile, and have taken the quote.
            Err(refused @ AcceptError::Invalid(_)) => {
                return self.first(tenant, under, &new).await?.ok_or(refused);
            }
            draft => draft?,
        };
        let foretold = draft.clone();
        let inserted = self
            .db
            .write_declared(
                move |tx: &mut Tx| foretold.declare(tx),
                move |tx: &mut Tx| Box::pin(async move { draft.insert(tx).await }),
            )
            .await?;
        match inserted {
            Some(transfer) => Ok(Accepted {
                transfer,
                replayed: false,
            }),
            None => {
                let first = self.first(tenant, under, &new).await?;
                first.ok_or(AcceptError::Store(StoreError::Overloaded))
            }
        }
    }

    /// Everything that would refuse it now. Nothing is stored.
    pub(crate) async fn would_accept(
        &self,
        tenant: &Tenant,
        new: &NewTransfer,
    ) -> Result<(), AcceptError> {
        let key = &IdempotencyKey::of_ours("-".to_owned());
        let operation = Operation::Occurrence;
        self.draft(tenant, Under { operation, key }, new)
            .await
            .map(drop)
    }

    /// What the key was used for before, if this is the same command again.
    async fn first(
        &self,
        tenant: &Tenant,
        under: Under<'_>,
        new: &NewTransfer,
    ) -> Result<Option<Accepted>, AcceptError> {
        let mut params = scope(tenant);
        params.extend(params![under.operation.name(), under.key.as_str()]);
        let sql = "SELECT transfer_id, subject_id, sealed_command FROM idempotency_keys
             WHERE partner_id = $1 AND livemode = $2 AND operation = $3 AND idempotency_key = $4";
        let Some(row) = self.db.fetch_optional(sql, params).await? else {
            return Ok(None);
        };
        // Of an erased sender nothing is left to compare with. The key still makes no second
        // transfer, which is what it is for.
        let subject: UserId = row.parse("subject_id")?;
        let opener = self.identity.subject_key(tenant, subject).await;
        if let Some(opener) = opener.map_err(StoreError::from)? {
            let plain = opener
                .open(&under.purpose(), &row.bytes("sealed_command")?)
                .map_err(StoreError::from)?;
            let before: Command = serde_json::from_slice(&plain).map_err(StoreError::from)?;
            if let Some(pointer) = before.difference(&Command::of(new)) {
                let pointer = pointer.to_owned();
                return Err(AcceptError::KeyReused { pointer });
            }
        }
        let id: TransferId = row.parse("transfer_id")?;
        let transfer = self.get(tenant, id).await?;
        Ok(transfer.map(|transfer| Accepted {
            transfer: transfer.as_accepted(),
            replayed: true,
        }))
    }

    /// Everything that can be refused, found out and sealed before the transaction.
    async fn draft(
        &self,
        tenant: &Tenant,
        under: Under<'_>,
        new: &NewTransfer,
    ) -> Result<Draft, AcceptError> {
        let mut wrong = new.complaints();
        let sent = Some(new.money.currency());
        let source = self
            .end(tenant, Side::Source, new.source, sent, &mut wrong)
            .await?;
        let quote = self.quoted(tenant, new, &mut wrong).await?;
        // Nothing is known of what arrives where the quote that was named cannot be used.
        let arrives = match (new.quote, quote) {
            (None, _) => Some(new.money),
            (Some(_), quote) => quote.map(|quote| quote.buys),
        };
        let received = arrives.map(Money::currency);
        let destination = self
            .end(
                tenant,
                Side::Destination,
                new.destination,
                received,
                &mut wrong,
            )
            .await?;
        let (Some(source), Some(destination), Some(arrives), true) =
            (source, destination, arrives, wrong.is_empty())
        else {
            return Err(AcceptError::Invalid(wrong));
        };
        let execute_at = self.begins(
            new,
            under.operation,
            [source.endpoint, destination.endpoint],
            quote,
            &mut wrong,
        );
        let fee = terms::fee(arrives, &destination, &mut wrong);
        if self
            .are_one_account(tenant, source.endpoint, destination.endpoint)
            .await?
        {
            let detail = "is the source under another name";
            wrong.push(complaint("/destination", "same_account", detail));
        }
        // Of a payer at a checkout nobody is known: the receiver's key seals then.
        let owner = source.owner.or(destination.owner);
        let (Some(owner), true) = (owner, wrong.is_empty()) else {
            return Err(AcceptError::Invalid(wrong));
        };
        let sealer = self.identity.subject_key(tenant, owner).await;
        let Some(sealer) = sealer.map_err(StoreError::from)? else {
            wrong.push(complaint(
                "/source",
                "closed",
                "belongs to a person who was erased",
            ));
            return Err(AcceptError::Invalid(wrong));
        };
        let id = TransferId::from_bits(self.mint.next()?);
        let seal =
            |purpose: &str, plain: &[u8]| sealer.seal(purpose, plain).map_err(StoreError::from);
        let command = serde_json::to_vec(&Command::of(new)).map_err(StoreError::from)?;
        let sealed_command = seal(&under.purpose(), &command)?;
        let sealed_description = new
            .description
            .as_ref()
            .map(|text| seal(&row::description_purpose(id), text.as_bytes()))
            .transpose()?;
        Ok(Draft {
            operation: under.operation,
            key: under.key.clone(),
            subject: owner,
            sealed_command,
            sealed_description,
            metadata: serde_json::to_string(&new.metadata).map_err(StoreError::from)?,
            traceparent: new.usable_traceparent().map(str::to_owned),
            event: outbox::fresh_id(&self.mint)?,
            transfer: Transfer {
                fee,
                quote,
                execute_at,
                ..created(tenant, id, new, source.endpoint, destination.endpoint)
            },
        })
    }
}

#[derive(Clone)]
struct Draft {
    operation: Operation,
    key: IdempotencyKey,
    subject: UserId,
    sealed_command: Vec<u8>,
    sealed_description: Option<Vec<u8>>,
    metadata: String,
    traceparent: Option<String>,
    event: domain::EventId,
    transfer: Transfer,
}

impl Draft {
    /// None, with nothing written, when the key is taken.
    async fn insert(self, tx: &mut Tx) -> Result<Option<Transfer>, AcceptError> {
        let mut transfer = self.transfer.clone();
        transfer.created_at = tx.now();
        transfer.updated_at = tx.now();
        transfer.status = transfer.first_status();
        let key = self.named();
        tx.area::<Register>().need_key(transfer.tenant, &key);
        tx.settle().await?;
        if tx.area::<Register>().is_taken(transfer.tenant, &key) {
            return Ok(None);
        }
        terms::take(tx, &transfer).await?;
        let mut row = row::scope_of(&transfer);
        row.extend(params![
            key.operation,
            key.key.as_str(),
            transfer.id.to_string(),
            self.subject.to_string(),
            self.sealed_command.clone(),
            tx.now()
        ]);
        let stored = Stored {
            transfer: transfer.clone(),
            subject: self.subject,
            sealed_description: self.sealed_description.clone(),
        };
        let (order, row) = (row::cells(self.values(&transfer)), row::cells(row));
        tx.area::<Register>().accept(stored, order, key, row);
        let change = Change {
            cause: "accepted",
            actor: history::CLIENT,
            note: None,
            happening: None,
            entry: None,
        };
        history::append(tx, &transfer, change).await?;
        outbox::append(tx, self.event, &transfer, "transfer.created").await?;
        Ok(Some(transfer))
    }

    fn named(&self) -> Key {
        Key {
            operation: self.operation.name(),
            key: self.key.as_str().to_owned(),
        }
    }

    /// What it will need in its transaction.
    fn declare(&self, tx: &mut Tx) -> Declared {
        let register = tx.area::<Register>();
        register.need_key(self.transfer.tenant, &self.named());
        register.need_end();
        Declared::All
    }

    /// In the order of the columns in `register/forms.rs`.
    fn values(&self, transfer: &Transfer) -> Vec<Value> {
        let mut values = row::scope_of(transfer);
        values.extend(params![
            transfer.id.to_string(),
            transfer.money.minor(),
            transfer.money.currency().code(),
            transfer.source.named(),
            transfer.source.rail().map(domain::rail::RailId::name),
            transfer.destination.named(),
            transfer.destination.rail().map(domain::rail::RailId::name),
            self.subject.to_string(),
            self.sealed_description.clone(),
            transfer.client_reference.as_deref(),
            &self.metadata,
            transfer.request_id.to_string(),
            self.traceparent.clone(),
            transfer.created_at,
            transfer.pool.name(),
        ]);
        values.extend(row::mutable_half(transfer));
        values.extend(row::later_half(transfer));
        // Until it is known to run.
        values.push(true.into());
        values
    }
}

fn created(
    tenant: &Tenant,
    id: TransferId,
    new: &NewTransfer,
    source: Endpoint,
    destination: Endpoint,
) -> Transfer {
    Transfer {
        tenant: *tenant,
        id,
        money: new.money,
        source,
        destination,
        fee: None,
        quote: None,
        screened: true,
        execute_at: None,
        client_reference: new.client_reference.clone(),
        description: new.description.clone(),
        metadata: new.metadata.clone(),
        request_id: new.request_id,
        // The transaction gives both instants.
        created_at: domain::Timestamp::default(),
        updated_at: domain::Timestamp::default(),
        pool: books::pool_of(source),
        start_pending: true,
        status: Status::Created,
        status_reason: None,
        network_status: None,
        facts: MoneyFacts::none(new.money.currency()),
        flags: Flags::default(),
        action: None,
        operator_note: None,
        collect_reference: None,
        payout_reference: None,
        refund_reference: None,
        version: 1,
    }
}

#[derive(Clone, Copy)]
struct Under<'a> {
    operation: Operation,
    key: &'a IdempotencyKey,
}

impl Under<'_> {
    /// Bound to the key, so that a sealed command cannot be moved to another one.
    fn purpose(self) -> String {
        format!(
            "idempotency/{}/{}",
            self.operation.name(),
            self.key.as_str()
        )
    }
}
