//! The book: accounts, entries that sum to zero, and balances that are the fold of their postings.
//!
//! This is the only room that writes `accounts`, `entries` and `postings`. Rules are pure
//! ([`rules`]); around them is the SQL, always inside a transaction that the caller owns, so that
//! an entry commits together with the row it justifies. No HTTP and no SDK ever live here, and
//! neither do names or texts: an entry holds ids and amounts only.
//!
//! Amounts are credit positive: what we owe (a wallet) is positive, what others owe us (our money
//! at a bank, the nostro) is negative. The bank's own books therefore show minus our nostro.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod book;
pub mod chain;
mod chart;
pub mod check;
mod condition;
mod correct;
mod entry;
mod free;
mod fx;
mod hold;
pub mod limits;
mod post;
mod quotes;
mod read;
mod refusal;
pub mod rules;
mod store;
mod stored;
mod template;
mod templates;
mod wallets;

pub use account::{
    Account, ChangeError, Owner, State, account, accounts_of, change_state, change_terms, float_of,
    open_owned, open_wallet,
};
pub use book::Terms;
pub use chart::{AccountRef, Chart, Place, Purpose};
pub use condition::Condition;
pub use correct::{CorrectError, correct};
pub use entry::{Entry, Leg};
pub use fx::{Quote, QuoteError, Rate, RateError};
pub use hold::{Hold, HoldState, Reserve, Reserved};
pub use post::{
    Book, Posted, Swept, Voided, declare, expire_due, held_here, need, need_hold, post, reserve,
    void,
};
pub use quotes::{OpenQuoteError, Taken, drop_untaken, open_quote, quote, take_quote};
pub use read::{
    Balances, Counter, Cursor, EntryView, Explained, Line, NotACursor, OpenHold, Period,
    PostingView, Share, Statement, TrialLine, balance, balance_at, balances, entries_of_transfer,
    explain, house_account, statement, tenants, trial_balance, trial_balance_before,
};
pub use refusal::{LedgerError, PostError, Refusal};
pub use store::link_older;
pub use template::Template;
pub use templates::{Event, Holder};
pub use wallets::wallets;
