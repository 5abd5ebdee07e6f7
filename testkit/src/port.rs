//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

/// A port of 127.0.0.1 that nobody listened on a moment ago. Another process may still take it
/// first: servers that can bind port 0 themselves should, the others are started again.
///
/// # Errors
/// When the system has no port left.
pub fn free_port() -> std::io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
