//! How it is shown that a transfer ends right, whatever the bank does: the whole machine in one
//! process, on a clock that jumps, with banks that misbehave as a script says.
//!
//! [`world`] puts the machine together, [`oracles`] say what must hold once it is quiet,
//! [`simulation`] drives many transfers by a seed, [`walk`] goes through every step with every
//! fault. Nothing here ships: it moves no money and knows no rule of the business but the oracles.

pub mod oracles;
pub mod simulation;
pub mod walk;
pub mod world;
