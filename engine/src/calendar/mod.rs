//! Recurring moments: when something repeats, by a line of text or by fields of a calendar.
//!
//! Pure: asked for the next moment after a given one. Never here: what happens then.

pub(crate) mod cron;
mod rhythm;
pub(crate) mod wait;

pub(crate) use rhythm::Rhythm;
