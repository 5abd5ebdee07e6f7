//! Parts of an order that schedules and batches have as well: how they are read and shown.

use std::collections::BTreeMap;

use domain::rail::RailId;
use domain::{AccountId, BankAccountId, CardId, InvalidId, MerchantId};
use serde::Serialize;
use transfers::EndpointRef;

use crate::fields::{Faults, Field, Fields};
use crate::json::child;

/// An end as its client names it.
#[derive(Debug, Serialize)]
pub(in crate::routes) struct NamedEnd {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rail: Option<RailId>,
}

impl From<EndpointRef> for NamedEnd {
    fn from(end: EndpointRef) -> Self {
        let rail = match end {
            EndpointRef::Checkout(rail) => Some(rail),
            _ => None,
        };
        Self {
            kind: end.kind(),
            id: rail.is_none().then(|| end.named()),
            rail,
        }
    }
}

pub(in crate::routes) fn text(field: Field<'_>, faults: &mut Faults) -> Option<String> {
    field.text(faults).map(str::to_owned)
}

/// `{"type": "wallet", "id": "ac_…"}`, so too a `bank_account`, a `card` and a `merchant`; a
/// `checkout` has a rail instead of an id.
pub(in crate::routes) fn endpoint(field: Field<'_>, faults: &mut Faults) -> Option<EndpointRef> {
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

pub(in crate::routes) fn metadata(
    field: Field<'_>,
    faults: &mut Faults,
) -> Option<BTreeMap<String, String>> {
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
