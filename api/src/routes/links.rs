//! What linking a card and linking a bank account have in common: the members that both name, and
//! how a refusal is said.

use domain::rail::RailId;
use domain::{Currency, InvalidId, UserId};
use identity::IdentityError;

use crate::failure;
use crate::fields::{Faults, Field};
use crate::problem::{Fault, Problem};
use crate::query::Parameters;

pub(super) fn text(field: Field<'_>, faults: &mut Faults) -> Option<String> {
    field.text(faults).map(str::to_owned)
}

pub(super) fn user(field: Field<'_>, faults: &mut Faults) -> Option<UserId> {
    let parsed = field.text(faults)?.parse();
    parsed
        .inspect_err(|error: &InvalidId| {
            faults.value(field.pointer, "invalid_id", format!("This is {error}."));
        })
        .ok()
}

/// `?user=`, by which lists of what belongs to users are narrowed.
pub(super) fn of_user(parameters: &mut Parameters) -> Option<UserId> {
    parameters.take("user", |text| {
        text.parse::<UserId>()
            .map_err(|error| format!("This is {error}."))
    })
}

pub(super) fn rail(field: Field<'_>, faults: &mut Faults) -> Option<RailId> {
    let parsed = field.text(faults)?.parse();
    parsed
        .inspect_err(|_| {
            let names = RailId::ALL.map(RailId::name).join(", ");
            let detail = format!("Known here: {names}.");
            faults.value(field.pointer, "unknown_rail", detail);
        })
        .ok()
}

pub(super) fn currency(field: Field<'_>, faults: &mut Faults) -> Option<Currency> {
    let parsed = field.text(faults)?.parse();
    parsed
        .inspect_err(|_| {
            let detail = "A code of ISO 4217 in capital letters is wanted, such as EUR.";
            faults.value(field.pointer, "unknown_currency", detail);
        })
        .ok()
}

/// Nothing was stored. What was given is not repeated: it may be a number.
pub(super) fn refused(error: &IdentityError) -> Problem {
    match error {
        IdentityError::Invalid { field, reason } => {
            let pointer = format!("/{field}");
            let detail = format!("It {reason}.");
            Problem::unacceptable(vec![Fault::at(&pointer, "not_accepted", detail)])
        }
        IdentityError::NotFound(_) | IdentityError::Erased => {
            let detail = "Nobody here has this id.";
            Problem::unacceptable(vec![Fault::at("/user", "unknown", detail)])
        }
        other => failure::identity(other),
    }
}
