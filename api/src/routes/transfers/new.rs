//! The body of `POST /v1/transfers`: its form. Which values can be accepted, the record room says.

use std::collections::BTreeMap;

use domain::rail::RailId;
use domain::transfer::{InvalidWhen, When};
use domain::{AccountId, BankAccountId, CardId, InvalidId, MerchantId, QuoteId, RequestId};
use transfers::{EndpointRef, NewTransfer};

use crate::fields::{Faults, Field, Fields};
use crate::json::{Node, child};
use crate::problem::Problem;

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

fn text(field: Field<'_>, faults: &mut Faults) -> Option<String> {
    field.text(faults).map(str::to_owned)
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

/// `{"type": "wallet", "id": "ac_…"}`, so too a `bank_account`, a `card` and a `merchant`; a
/// `checkout` has a rail instead of an id.
fn endpoint(field: Field<'_>, faults: &mut Faults) -> Option<EndpointRef> {
    // Which members there may be depends on the kind: looked at first, complained of below.
    let mut unsaid = Faults::default();
    let kind = Fields::of(field, &["type", "id", "rail"], &mut unsaid)
        .and_then(|members| members.required("type", &mut unsaid, text));
    if kind.as_deref() == Some("checkout") {
        let fields = Fields::of(field, &["type", "rail"], faults)?;
        return fields
            .required("rail", faults, rail)
            .map(EndpointRef::Checkout);
    }
    let fields = Fields::of(field, &["type", "id"], faults)?;
    let id = fields.required("id", faults, text);
    let kind = fields.required("type", faults, text);
    let (id, kind) = (id?, kind?);
    let parsed = match kind.as_str() {
        "wallet" => id.parse::<AccountId>().map(EndpointRef::Wallet),
        "bank_account" => id.parse::<BankAccountId>().map(EndpointRef::BankAccount),
        "card" => id.parse::<CardId>().map(EndpointRef::Card),
        "merchant" => id.parse::<MerchantId>().map(EndpointRef::Merchant),
        _ => {
            faults.value(
                &child(field.pointer, "type"),
                "unknown_type",
                "Known here: wallet, bank_account, card, checkout, merchant.",
            );
            return None;
        }
    };
    parsed
        .inspect_err(|error: &InvalidId| {
            let pointer = child(field.pointer, "id");
            faults.value(&pointer, "invalid_id", format!("This is {error}."));
        })
        .ok()
}

fn rail(field: Field<'_>, faults: &mut Faults) -> Option<RailId> {
    let name = field.text(faults)?;
    let known = name.parse().inspect_err(|_| {
        let names = RailId::ALL.map(RailId::name).join(", ");
        faults.value(
            field.pointer,
            "unknown_rail",
            format!("Known here: {names}."),
        );
    });
    known.ok()
}

fn metadata(field: Field<'_>, faults: &mut Faults) -> Option<BTreeMap<String, String>> {
    let mut map = BTreeMap::new();
    for (name, node) in field.object(faults)? {
        let pointer = child(field.pointer, name);
        let value = Field {
            node,
            pointer: &pointer,
        };
        if let Some(value) = text(value, faults) {
            map.insert(name.clone(), value);
        }
    }
    Some(map)
}
