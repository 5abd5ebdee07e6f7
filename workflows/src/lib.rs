//! What a transfer decides, step by step, and nothing that touches the world.
//!
//! One folder a workflow. The activities it needs are declared in [`activities`] and implemented in
//! the room of that name; every timeout and retry stands in [`options`], every version flag in
//! [`patches`]. No I/O, no clock but the workflow's, no randomness: a workflow is run again from its history at any time, and must then
//! decide the same.

pub mod activities;
mod batch;
mod linked;
pub mod marks;
mod mover;
mod occurrence;
mod options;
mod patches;
pub mod transfer;

pub use batch::{Batch, OfBatch, batch_id};
pub use linked::{Linked, linked_workflow_id};
pub use occurrence::{Occurrence, OfSchedule, occurrence_id, schedule_id};
pub use options::{questions_queue, rail_queue};
pub use transfer::{HeardOf, Message, Said, Standing, Transfer, workflow_id};
