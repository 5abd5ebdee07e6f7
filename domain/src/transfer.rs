//! A transfer in the words of the business: what was ordered, where it stands, what it moved.

mod decline;
mod facts;
mod flags;
mod happening;
mod order;
mod status;

pub use decline::Decline;
pub use facts::MoneyFacts;
pub use flags::{Flag, FlagKind, Flags};
pub use happening::{Happening, NotNow};
pub use order::{Endpoint, Order};
pub use status::Status;
