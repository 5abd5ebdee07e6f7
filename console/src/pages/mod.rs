//! One file for each page: its template's struct, its handler, its tests.

pub(crate) mod home;
pub(crate) mod transfer;
