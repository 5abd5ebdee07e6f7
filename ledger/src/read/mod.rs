//! Reading the book. Every query begins with the tenant; none of them locks anything.
//!
//! An account's postings are numbered by its version and never change, and along the versions time
//! never runs back. So the balance at any past instant is a posting that is found by halving, with
//! no index but the primary key, and whatever was read once reads the same for ever.

mod balance;
mod entries;
mod explain;
mod find;
mod statement;
mod trial;

pub use balance::{Balances, balance, balance_at, balances};
pub use entries::{EntryView, PostingView, entries_of_transfer};
pub use explain::{Explained, OpenHold, Share, explain};
pub use find::{house_account, tenants};
pub use statement::{Counter, Cursor, Line, NotACursor, Period, Statement, statement};
pub use trial::{TrialLine, trial_balance, trial_balance_before};
