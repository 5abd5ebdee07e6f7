//! The table of all routes, one file for each resource. A new resource is a file and a line here.

mod accounts;
mod bank_accounts;
mod batches;
mod cards;
mod docs;
mod events;
mod health;
mod links;
mod merchants;
mod notices;
mod quotes;
mod rails;
mod refunds;
mod schedules;
mod transfers;
mod users;

use crate::access::Table;
use crate::state::App;

/// What is shed when everything is busy.
pub(crate) fn business(app: &App) -> Table {
    [
        accounts::routes,
        bank_accounts::routes,
        batches::routes,
        cards::routes,
        events::routes,
        merchants::routes,
        notices::routes,
        quotes::routes,
        rails::routes,
        refunds::routes,
        schedules::routes,
        transfers::routes,
        users::routes,
    ]
    .into_iter()
    .fold(Table::new(app), |table, routes| routes(table))
}

/// What is answered also then.
pub(crate) fn always(app: &App) -> Table {
    [docs::routes, health::routes]
        .into_iter()
        .fold(Table::new(app), |table, routes| routes(table))
}
