//! What protects a TCP door: TLS, and keys. Beyond this machine a door has both or does not open.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::keys::ApiKeys;
use crate::errors::ServeError;

/// How [`Engine::serve_with`](crate::Engine::serve_with) listens. The default, neither TLS nor
/// keys, is for loopback addresses alone.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    pub(crate) tls: Option<Tls>,
    pub(crate) keys: Option<ApiKeys>,
}

/// The server's certificate, and whose clients are let in.
#[derive(Clone, Debug)]
pub struct Tls {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
    clients: Option<Arc<RootCertStore>>,
}

impl ServeOptions {
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    pub fn keys(mut self, keys: ApiKeys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Whether these options are enough for an address, before anything listens on it.
    pub fn fit(&self, address: SocketAddr) -> Result<(), ServeError> {
        // An IPv4 address in IPv6 clothes is as local as the IPv4 address. The unspecified
        // addresses stand for every interface and are local in neither.
        let local = address.ip().to_canonical().is_loopback();
        if local || (self.tls.is_some() && self.keys.is_some()) {
            return Ok(());
        }
        Err(ServeError::Unprotected {
            address,
            lacks: match (&self.tls, &self.keys) {
                (None, None) => "TLS and keys",
                (None, Some(_)) => "TLS",
                (Some(_), _) => "keys",
            },
        })
    }
}

impl Tls {
    /// The server's certificate chain and its private key, both as PEM.
    pub fn new(certificate: &[u8], key: &[u8]) -> Result<Self, ServeError> {
        Self {
            chain: certificates(certificate)?,
            key: Arc::new(PrivateKeyDer::from_pem_slice(key).map_err(unusable)?),
            clients: None,
        }
        .checked()
    }

    /// Only clients with a certificate that one of these authorities (PEM) signed are let in.
    pub fn clients_of(mut self, authorities: &[u8]) -> Result<Self, ServeError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities)? {
            roots.add(authority).map_err(unusable)?;
        }
        self.clients = Some(Arc::new(roots));
        self.checked()
    }

    fn checked(self) -> Result<Self, ServeError> {
        self.acceptor()?;
        Ok(self)
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, ServeError> {
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&crypto))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let config = match &self.clients {
            None => config.with_no_client_auth(),
            Some(roots) => {
                let clients = Arc::clone(roots);
                let known = WebPkiClientVerifier::builder_with_provider(clients, crypto);
                config.with_client_cert_verifier(known.build().map_err(unusable)?)
            }
        };
        let mut config = config
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols.push(b"h2".to_vec());
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(unusable)
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> ServeError {
    ServeError::Tls(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::keys::{KeyAccess, KeyNamespaces};

    #[test]
    fn only_loopback_may_do_without_protection() {
        let bare = ServeOptions::default();
        for local in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert!(bare.fit(local.parse().unwrap()).is_ok(), "{local}");
        }
        let key = "0123456789abcdefghij";
        let keys = ApiKeys::new()
            .and_then(|keys| keys.with(key, KeyAccess::ReadWrite, KeyNamespaces::All))
            .unwrap();
        let with_keys = ServeOptions::default().keys(keys);
        for public in [
            "0.0.0.0:1",
            "[::]:1",
            "[::ffff:0.0.0.0]:1",
            "10.0.0.1:1",
            "[::ffff:10.0.0.1]:1",
            "[fe80::1]:1",
        ] {
            let address = public.parse().unwrap();
            let says = |options: &ServeOptions| options.fit(address).unwrap_err().to_string();
            assert!(says(&bare).contains("without TLS and keys"), "{public}");
            assert!(says(&with_keys).contains("without TLS;"), "{public}");
        }
    }

    #[test]
    fn what_is_no_certificate_is_found_at_once() {
        assert!(matches!(
            Tls::new(b"not a certificate", b"not a key"),
            Err(ServeError::Tls(_))
        ));
    }
}
