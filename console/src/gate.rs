//! Who may look, while there is no sign-in yet: only somebody at this machine, only at sandbox data.
//!
//! A page of a stranger can make a browser ask this address under a name of its own (DNS
//! rebinding); the name then stands in the `Host` header, and is refused.

use std::net::{IpAddr, SocketAddr};

use api::Peer;
use http::header::HOST;
use http::request::Parts;

/// Why nothing is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Asked under a name that is not this machine's.
    ForeignName,
    /// Asked from another machine.
    ForeignPeer,
    /// There is live data, and nobody has signed in.
    LiveData,
}

/// Judges by address alone; whether there is live data is asked of the books afterwards.
pub(crate) fn judge(own: SocketAddr, request: &Parts) -> Result<(), Closed> {
    let mut hosts = request.headers.get_all(HOST).iter();
    // Two names are no name: who would say which of them was meant?
    let host = hosts.next().filter(|_| hosts.next().is_none());
    let name = host.and_then(|host| host.to_str().ok()).map(name_of);
    let by_own_address =
        name.is_some_and(|name| !own.ip().is_unspecified() && name.parse() == Ok(own.ip()));
    if by_own_address {
        // Whoever listens on one address of a network by name means the machines on it.
        return Ok(());
    }
    if !name.is_some_and(is_loopback) {
        return Err(Closed::ForeignName);
    }
    match request.extensions.get::<Peer>() {
        Some(Peer(peer)) if peer.ip().to_canonical().is_loopback() => Ok(()),
        _ => Err(Closed::ForeignPeer),
    }
}

/// The host without its port, and without the brackets of IPv6.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(host, |(name, _)| name);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(own: &str, host: Option<&str>, peer: Option<&str>) -> Result<(), Closed> {
        let mut request = http::Request::builder();
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        if let Some(peer) = peer {
            parts.extensions.insert(Peer(peer.parse().unwrap()));
        }
        judge(own.parse().unwrap(), &parts)
    }

    #[test]
    fn this_machine_under_its_own_names() {
        for host in [
            "localhost:8080",
            "LOCALHOST",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
        ] {
            assert_eq!(
                ask("127.0.0.1:8080", Some(host), Some("127.0.0.1:5000")),
                Ok(()),
                "{host}"
            );
        }
        let own = "192.168.7.2:8080";
        assert_eq!(ask(own, Some(own), Some("192.168.7.9:5000")), Ok(()));
        assert_eq!(
            ask(
                "0.0.0.0:80",
                Some("localhost"),
                Some("[::ffff:127.0.0.1]:5000")
            ),
            Ok(())
        );
    }

    #[test]
    fn nobody_else() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "",
            "0.0.0.0:8080",
            "[::1",
            "192.168.7.2",
        ] {
            assert_eq!(
                ask("127.0.0.1:8080", Some(host), Some("127.0.0.1:5000")),
                Err(Closed::ForeignName),
                "{host}"
            );
        }
        assert_eq!(
            ask("127.0.0.1:8080", None, Some("127.0.0.1:5000")),
            Err(Closed::ForeignName)
        );
        for own in ["0.0.0.0:8080", "[::]:8080"] {
            assert_eq!(
                ask(own, Some("localhost"), Some("10.0.0.9:5000")),
                Err(Closed::ForeignPeer)
            );
            assert_eq!(ask(own, Some("localhost"), None), Err(Closed::ForeignPeer));
        }
    }
}
