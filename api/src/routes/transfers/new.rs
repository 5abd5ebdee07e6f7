//! The body of `POST /v1/transfers`: its form. Which values can be accepted, the record room says.

use domain::transfer::{InvalidWhen, When};
use domain::{InvalidId, QuoteId, RequestId};
use transfers::NewTransfer;

use crate::fields::{Faults, Field, Fields};
use crate::json::Node;
use crate::problem::Problem;
use crate::routes::transfers::parts::{endpoint, metadata, text};

/// What the request's headers say about where it comes from.
#[derive(Debug)]
pub(super) struct Origin {
    pub(super) request_id: RequestId,
    pub(super) traceparent: Option<String>,
}

/// Everything that is wrong is said at once.
pub(super) fn read(document: &Node, origin: Origin) -> Result<NewTransfer, Problem> {
    let mut faults = Faults::default();
    let read = read_into(document, origin, &mut faults);
    faults.judge(read)
}

fn read_into(document: &Node, origin: Origin, faults: &mut Faults) -> Option<NewTransfer> {
    let root = Field {
        node: document,
        pointer: "",
    };
    let known = [
        "amount",
        "source",
        "destination",
        "quote",
        "execute_at",
        "client_reference",
        "description",
        "metadata",
    ];
    let fields = Fields::of(root, &known, faults)?;
    let money = fields.required("amount", faults, |field, faults| field.money(faults));
    let source = fields.required("source", faults, endpoint);
    let destination = fields.required("destination", faults, endpoint);
    let quote = fields.optional("quote", faults, quote_id);
    let execute_at = fields.optional("execute_at", faults, when);
    let client_reference = fields.optional("client_reference", faults, text);
    let description = fields.optional("description", faults, text);
    let metadata = fields.optional("metadata", faults, metadata);
    Some(NewTransfer {
        money: money?,
        source: source?,
        destination: destination?,
        quote,
        execute_at,
        client_reference,
        description,
        metadata: metadata.unwrap_or_default(),
        request_id: origin.request_id,
        traceparent: origin.traceparent,
    })
}

fn when(field: Field<'_>, faults: &mut Faults) -> Option<When> {
    let read = field.text(faults)?.parse();
    let when = read.inspect_err(|error: &InvalidWhen| {
        faults.value(field.pointer, "invalid_time", format!("This is {error}."));
    });
    when.ok()
}

fn quote_id(field: Field<'_>, faults: &mut Faults) -> Option<QuoteId> {
    let id = field.text(faults)?;
    let parsed = id.parse().inspect_err(|error: &InvalidId| {
        faults.value(field.pointer, "invalid_id", format!("This is {error}."));
    });
    parsed.ok()
}
