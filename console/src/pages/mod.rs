//! One file for each page: its template's struct and its handler.

pub(crate) mod home;
pub(crate) mod transfer;
