//! What protects the engine's door: the files that the flags name, read once, at the start.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use domain::Code;
use engine::{ApiKeys, ServeOptions, Tls};

use crate::failure::Failure;

/// As the settings name them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) private_key: Option<PathBuf>,
    pub(crate) client_authorities: Option<PathBuf>,
    pub(crate) keys: Option<PathBuf>,
}

const LARGEST_FILE: u64 = 1024 * 1024;

impl Files {
    pub(crate) fn read(&self) -> Result<ServeOptions, Failure> {
        let mut options = ServeOptions::default();
        match (&self.certificate, &self.private_key) {
            (Some(certificate), Some(private_key)) => {
                options = options.tls(self.tls(certificate, private_key)?);
            }
            (None, None) if self.client_authorities.is_none() => {}
            (None, None) => {
                return Err(invalid(
                    "--engine-tls-client-ca needs --engine-tls-cert and --engine-tls-key too",
                ));
            }
            _ => {
                return Err(invalid(
                    "--engine-tls-cert and --engine-tls-key go together: give both",
                ));
            }
        }
        if let Some(path) = &self.keys {
            let text = String::from_utf8(contents("--engine-key-file", path)?);
            let text = text.map_err(|_| invalid("--engine-key-file is not a text file"))?;
            let keys = ApiKeys::parse(&text).map_err(|error| {
                let line = format!("--engine-key-file {} cannot be used", path.display());
                Failure::caused(Code::ConfigInvalid, line, &error)
            })?;
            options = options.keys(keys);
        }
        Ok(options)
    }

    fn tls(&self, certificate: &Path, private_key: &Path) -> Result<Tls, Failure> {
        let unusable = |error| {
            let line = "--engine-tls-cert, --engine-tls-key or --engine-tls-client-ca";
            Failure::caused(Code::ConfigInvalid, line, &error)
        };
        let chain = contents("--engine-tls-cert", certificate)?;
        let tls = Tls::new(&chain, &contents("--engine-tls-key", private_key)?);
        let tls = tls.map_err(unusable)?;
        match &self.client_authorities {
            Some(path) => tls
                .clients_of(&contents("--engine-tls-client-ca", path)?)
                .map_err(unusable),
            None => Ok(tls),
        }
    }
}

/// Nobody from another machine may reach a door without TLS and keys.
pub(crate) fn fits(options: &ServeOptions, address: SocketAddr) -> Result<(), Failure> {
    options.fit(address).map_err(|error| {
        let line = format!(
            "--engine-listen {address} needs --engine-tls-cert, --engine-tls-key and \
             --engine-key-file"
        );
        Failure::caused(Code::ConfigInvalid, line, &error)
    })
}

fn contents(flag: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(path);
    // Bounded: whatever lies there, it is not read whole into memory.
    let read = opened.and_then(|file| file.take(LARGEST_FILE).read_to_end(&mut bytes));
    read.map_err(|error| {
        let line = format!("cannot read {flag} {}", path.display());
        Failure::caused(Code::ConfigInvalid, line, &error)
    })?;
    Ok(bytes)
}

fn invalid(line: &str) -> Failure {
    Failure::new(Code::ConfigInvalid, line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn what_is_missing_or_unreadable_is_named_by_its_flag() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        let nowhere = Some(dir.path().join("nowhere"));
        let key = "0123456789abcdefghij";
        for (files, says) in [
            (
                Files {
                    certificate: file("cert", ""),
                    ..Files::default()
                },
                "give both",
            ),
            (
                Files {
                    client_authorities: file("ca", ""),
                    ..Files::default()
                },
                "needs --engine-tls-cert",
            ),
            (
                Files {
                    certificate: file("cert", "no PEM"),
                    private_key: file("key", "no PEM"),
                    ..Files::default()
                },
                "PEM files",
            ),
            (
                Files {
                    keys: nowhere,
                    ..Files::default()
                },
                "cannot read --engine-key-file",
            ),
            (
                Files {
                    keys: file("keys", &format!("# mine\nwrite default {key}")),
                    ..Files::default()
                },
                "line 2 of the keys",
            ),
        ] {
            let failure = files.read().unwrap_err();
            assert_eq!(failure.code, Code::ConfigInvalid);
            let said = failure.to_string();
            assert!(said.contains(says) && !said.contains(key), "{said}");
        }
        let keys_alone = Files {
            keys: file("keys", &format!("read-write * {key}")),
            ..Files::default()
        };
        let options = keys_alone.read().unwrap();
        assert!(fits(&options, ([127, 0, 0, 1], 1).into()).is_ok());
        let refused = fits(&options, ([0, 0, 0, 0], 1).into()).unwrap_err();
        assert!(refused.to_string().contains("without TLS"), "{refused}");
    }
}
