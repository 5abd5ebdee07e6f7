//! The official SDK's worker and client on this engine, in-process and over TCP.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod crash;
mod cut;
mod doors;
mod edges;
mod family;
mod growth;
mod gzip;
mod ids;
mod key_matrix;
mod keys;
mod letters;
mod older_lists;
mod outlive;
mod priority;
mod raw;
mod schedules;
mod skipping;
mod stage;
mod store;
mod storm;
mod succession;
mod time;
mod update_with_start;
mod updates;
mod wire;
mod workers;
mod workflows;
