//! A transfer in the words of the business: what was ordered, where it stands, what it moved.

mod action;
mod decline;
mod endpoint;
mod facts;
mod flags;
mod happening;
mod locked_quote;
mod order;
mod status;
mod when;

pub use action::{Action, UnknownAction, What};
pub use decline::Decline;
pub use endpoint::{Asking, Endpoint, Till};
pub use facts::MoneyFacts;
pub use flags::{Flag, FlagKind, Flags};
pub use happening::{Happening, NotNow};
pub use locked_quote::LockedQuote;
pub use order::Order;
pub use status::Status;
pub use when::{FURTHEST, InvalidWhen, NotThen, When};
