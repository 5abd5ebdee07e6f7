//! The rows that the book writes, column by column.

use db::{Form, Kind};

pub(super) static ENTRIES: Form = Form::inserts(
    "entries",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("lane", Kind::Text),
        ("id", Kind::Text),
        ("key", Kind::Text),
        ("template", Kind::Text),
        ("transfer_id", Kind::Text),
        ("corrects", Kind::Text),
        ("linked_to", Kind::Text),
        ("hold_id", Kind::Text),
        ("posted_at", Kind::Int),
        ("position", Kind::Int),
        ("hash", Kind::Bytes),
    ],
);

pub(super) static POSTINGS: Form = Form::inserts(
    "postings",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("account_id", Kind::Text),
        ("account_version", Kind::Int),
        ("entry_id", Kind::Text),
        ("leg", Kind::Int),
        ("currency", Kind::Text),
        ("amount", Kind::Int),
        ("balance_after", Kind::Int),
        ("posted_at", Kind::Int),
    ],
);

pub(super) static NEW_ACCOUNTS: Form = Form::inserts(
    "accounts",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("id", Kind::Text),
        ("purpose", Kind::Text),
        ("rail", Kind::Text),
        ("currency", Kind::Text),
        ("period", Kind::Text),
        ("state", Kind::Text),
        ("balance", Kind::Int),
        ("held", Kind::Int),
        ("version", Kind::Int),
        ("floor", Kind::Int),
        ("ceiling", Kind::Int),
        ("opened_at", Kind::Int),
        ("moved_at", Kind::Int),
    ],
);

/// The standing of accounts that moved.
pub(super) static MOVES: Form = Form::updates(
    "accounts",
    3,
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("id", Kind::Text),
        ("balance", Kind::Int),
        ("held", Kind::Int),
        ("version", Kind::Int),
        ("moved_at", Kind::Int),
    ],
);

pub(super) static NEW_HOLDS: Form = Form::inserts(
    "holds",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("id", Kind::Text),
        ("key", Kind::Text),
        ("account_id", Kind::Text),
        ("currency", Kind::Text),
        ("amount", Kind::Int),
        ("posted", Kind::Int),
        ("state", Kind::Text),
        ("transfer_id", Kind::Text),
        ("entry_id", Kind::Text),
        ("opened_at", Kind::Int),
        ("expires_at", Kind::Int),
        ("resolved_at", Kind::Int),
    ],
);

pub(super) static REFUSALS: Form = Form::inserts(
    "refusals",
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("key", Kind::Text),
        ("content", Kind::Text),
        ("refusal", Kind::Text),
        ("refused_at", Kind::Int),
    ],
);

/// Accounts as they were when something was decided on them.
pub(super) static STILL: Form = Form::locks(
    "accounts",
    3,
    &[
        ("partner_id", Kind::Text),
        ("livemode", Kind::Int),
        ("id", Kind::Text),
        ("state", Kind::Text),
        ("balance", Kind::Int),
        ("held", Kind::Int),
        ("version", Kind::Int),
        ("floor", Kind::Int),
        ("ceiling", Kind::Int),
        ("moved_at", Kind::Int),
    ],
);
