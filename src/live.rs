//! Rails to real banks: named in the configuration file, with secrets that come from the
//! environment or from files of their own, never from the command line and never into a log.

use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use adapters::{Limits, RailConfig, Secret, iso20022, stripe};
use domain::Code;
use serde::Deserialize;

use crate::failure::Failure;

const STRIPE: &str = "https://api.stripe.com";
const LARGEST_SECRET: u64 = 4 * 1_024;

/// What the environment may say instead of files.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    pub(crate) stripe_key: Option<OsString>,
    pub(crate) stripe_webhook_secret: Option<OsString>,
}

impl Secrets {
    const STRIPE_KEY: &str = "REMIT_STRIPE_KEY";
    const STRIPE_WEBHOOK_SECRET: &str = "REMIT_STRIPE_WEBHOOK_SECRET";

    pub(crate) fn of_this_process() -> Self {
        Self {
            stripe_key: std::env::var_os(Self::STRIPE_KEY),
            stripe_webhook_secret: std::env::var_os(Self::STRIPE_WEBHOOK_SECRET),
        }
    }
}

/// `[stripe]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Stripe {
    /// Whoever speaks Stripe's interface.
    url: Option<String>,
    key_file: Option<PathBuf>,
    webhook_secret_file: Option<PathBuf>,
    /// Where a payer goes who is done with a checkout's page; without it there are no checkouts.
    return_url: Option<String>,
}

/// `[iso20022]` of the configuration file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Iso20022 {
    url: String,
    our_name: String,
    our_account: String,
    our_creditor_id: String,
    /// `pain.001` unless said otherwise.
    payouts: Option<String>,
}

impl Stripe {
    pub(crate) fn resolve(self, secrets: Secrets) -> Result<RailConfig, Failure> {
        let key = secret(Secrets::STRIPE_KEY, secrets.stripe_key, self.key_file)?;
        let Some(key) = key else {
            return Err(invalid(
                "[stripe] needs its secret key: name a file with key-file, or set REMIT_STRIPE_KEY",
            ));
        };
        let fits = ["sk_", "rk_"].iter().any(|form| key.starts_with(form));
        if !fits || !key.bytes().all(|letter| letter.is_ascii_graphic()) {
            return Err(invalid(
                "[stripe] its secret key is not of the form sk_… or rk_…; nothing of it is shown",
            ));
        }
        let webhook = secret(
            Secrets::STRIPE_WEBHOOK_SECRET,
            secrets.stripe_webhook_secret,
            self.webhook_secret_file,
        )?;
        let return_url = self.return_url.map(address("[stripe] return-url"));
        Ok(RailConfig::Stripe(stripe::Config {
            webhook_secrets: webhook.into_iter().map(Secret::new).collect(),
            return_url: return_url.transpose()?,
            ..stripe::Config::at(
                address("[stripe] url")(self.url.unwrap_or_else(|| STRIPE.to_owned()))?,
                Secret::new(key),
            )
        }))
    }
}

impl Iso20022 {
    pub(crate) fn resolve(self) -> Result<RailConfig, Failure> {
        let payouts = match self.payouts.as_deref() {
            None | Some("pain.001") => iso20022::PayoutMessage::Pain001,
            Some("pacs.008") => iso20022::PayoutMessage::Pacs008,
            Some(other) => {
                return Err(invalid(format!(
                    "[iso20022] payouts {other:?} is not known; write pain.001 or pacs.008"
                )));
            }
        };
        for (key, value) in [
            ("our-name", &self.our_name),
            ("our-account", &self.our_account),
            ("our-creditor-id", &self.our_creditor_id),
        ] {
            let fits =
                (1..=70).contains(&value.chars().count()) && !value.chars().any(char::is_control);
            if !fits {
                return Err(invalid(format!(
                    "[iso20022] {key} takes 1 to 70 characters on one line"
                )));
            }
        }
        Ok(RailConfig::Iso20022(iso20022::Config {
            base_url: address("[iso20022] url")(self.url)?,
            limits: Limits::default(),
            our_name: self.our_name,
            our_account: self.our_account,
            our_creditor_id: self.our_creditor_id,
            payouts,
        }))
    }
}

/// From the environment, or from a file; the file must not be there as well.
fn secret(
    variable: &str,
    given: Option<OsString>,
    file: Option<PathBuf>,
) -> Result<Option<String>, Failure> {
    let text = match (given, file) {
        (None, None) => return Ok(None),
        (Some(_), Some(path)) => {
            return Err(invalid(format!(
                "{variable} and {} both say it; keep one of them",
                path.display()
            )));
        }
        (Some(text), None) => text.into_string().unwrap_or_default(),
        (None, Some(path)) => contents(&path)?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid(format!(
            "{variable}, or the file in its place, is empty or no text"
        )));
    }
    Ok(Some(text.to_owned()))
}

fn contents(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let opened = std::fs::File::open(path);
    let read = opened.and_then(|file| file.take(LARGEST_SECRET).read_to_string(&mut text));
    read.map_err(|error| {
        let line = format!("cannot read the secret in {}", path.display());
        Failure::caused(Code::ConfigInvalid, line, &error)
    })?;
    Ok(text)
}

/// An address and nothing secret in it; it is not repeated where it does not fit.
fn address(key: &'static str) -> impl Fn(String) -> Result<String, Failure> {
    move |text| {
        let plain = reqwest::Url::parse(&text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        match plain {
            true => Ok(text.trim_end_matches('/').to_owned()),
            false => Err(invalid(format!(
                "{key} is not a plain URL; write it like https://bank.example, without user, \
                 password or query"
            ))),
        }
    }
}

fn invalid(line: impl Into<String>) -> Failure {
    Failure::new(Code::ConfigInvalid, line)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with_key(key: &str) -> Secrets {
        Secrets {
            stripe_key: Some(key.into()),
            stripe_webhook_secret: None,
        }
    }

    #[test]
    fn a_secret_comes_from_the_environment_or_a_file_and_is_never_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "sk_live_fromfile\n").unwrap();
        let by_file = || Stripe {
            key_file: Some(path.clone()),
            ..Stripe::default()
        };
        let rail = by_file().resolve(Secrets::default()).unwrap();
        assert!(!format!("{rail:?}").contains("fromfile"), "{rail:?}");
        let rail = Stripe::default().resolve(with_key("sk_live_x")).unwrap();
        let RailConfig::Stripe(config) = rail else {
            panic!("another rail");
        };
        assert_eq!(config.base_url, STRIPE);
        assert_eq!(config.return_url, None);

        let both = by_file().resolve(with_key("sk_live_y")).unwrap_err();
        assert!(both.to_string().contains("keep one"), "{both}");
        for (key, says) in [("", "is empty"), ("pk_live_secret", "not of the form")] {
            let failure = Stripe::default().resolve(with_key(key)).unwrap_err();
            let line = failure.to_string();
            assert!(line.contains(says) && !line.contains("pk_live"), "{line}");
        }
        let none = Stripe::default().resolve(Secrets::default()).unwrap_err();
        assert!(none.to_string().contains("REMIT_STRIPE_KEY"), "{none}");
    }

    #[test]
    fn a_bank_of_messages_says_who_we_are() {
        let bank = |url: &str, payouts: Option<&str>| Iso20022 {
            url: url.to_owned(),
            our_name: "Remit".to_owned(),
            our_account: "DE00".to_owned(),
            our_creditor_id: "XX00".to_owned(),
            payouts: payouts.map(str::to_owned),
        };
        assert!(bank("https://bank.example/iso", None).resolve().is_ok());
        assert!(
            bank("https://bank.example", Some("pacs.008"))
                .resolve()
                .is_ok()
        );
        for wrong in [
            bank("https://user:secret@bank.example", None),
            bank("https://bank.example", Some("pigeon")),
        ] {
            let line = wrong.resolve().unwrap_err().to_string();
            assert!(!line.contains("secret"), "{line}");
        }
    }
}
