//! The body of `POST /v1/batches`: its form. What is wrong with any item is said with its place.

use domain::RequestId;
use transfers::batch::{NewBatch, NewItem};

use crate::fields::{Faults, Field, Fields};
use crate::json::Node;
use crate::problem::Problem;
use crate::routes::transfers::parts::{endpoint, metadata, text};

pub(super) fn read(document: &Node, request_id: RequestId) -> Result<NewBatch, Problem> {
    let mut faults = Faults::default();
    let read = read_into(document, request_id, &mut faults);
    faults.judge(read)
}

fn read_into(document: &Node, request_id: RequestId, faults: &mut Faults) -> Option<NewBatch> {
    let root = Field {
        node: document,
        pointer: "",
    };
    let fields = Fields::of(root, &["source", "items", "client_reference"], faults)?;
    let source = fields.required("source", faults, endpoint);
    let items = fields.required("items", faults, |field, faults| field.list(faults, item));
    let client_reference = fields.optional("client_reference", faults, text);
    Some(NewBatch {
        source: source?,
        items: items?,
        client_reference,
        request_id,
    })
}

fn item(field: Field<'_>, faults: &mut Faults) -> Option<NewItem> {
    let known = ["amount", "destination", "client_reference", "metadata"];
    let fields = Fields::of(field, &known, faults)?;
    let money = fields.required("amount", faults, |field, faults| field.money(faults));
    let destination = fields.required("destination", faults, endpoint);
    let client_reference = fields.optional("client_reference", faults, text);
    let metadata = fields.optional("metadata", faults, metadata);
    Some(NewItem {
        money: money?,
        destination: destination?,
        client_reference,
        metadata: metadata.unwrap_or_default(),
    })
}
