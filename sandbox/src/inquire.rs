//! Questions to the books. They book nothing, except what had come due anyway.

use ambient::Timestamp;
use rusqlite::Connection;

use crate::delivery::{self, Delivery};
use crate::misbehaviour::Misbehaviour;
use crate::{movement, submit};

pub(crate) fn inquire(
    books: &Connection,
    reference: &str,
    fault: Option<Misbehaviour>,
    now: Timestamp,
) -> rusqlite::Result<Delivery> {
    submit::decide_due(books, now)?;
    let visible = movement::find(books, reference)?
        .filter(|movement| movement.hidden_until.is_none_or(|until| until <= now));
    let earlier = movement::before(books, reference)?;
    Ok(delivery::of(fault, visible, earlier))
}
