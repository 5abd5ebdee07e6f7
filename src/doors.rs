//! The addresses we listen on, taken before anything else is touched.

use std::net::SocketAddr;

use domain::Code;
use tokio::net::TcpListener;

use crate::failure::Failure;

/// Binds, or says which flag chooses another address.
pub(crate) async fn open(flag: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let line = match error.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{address} is taken by another program; stop it, or choose another address with \
                 {flag} HOST:PORT"
            ),
            _ => {
                format!("cannot listen on {address}; choose another address with {flag} HOST:PORT")
            }
        };
        Failure::caused(Code::AddressTaken, line, &error)
    })
}
