//! Settings: flags over environment over file over defaults, checked before anything is touched.

use std::ffi::OsString;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use adapters::RailConfig;
use db::DatabaseUrl;
use domain::Code;
use engine::ServeOptions;
use serde::Deserialize;
use vault::MasterKey;

use crate::cli::{Flags, Role};
use crate::failure::Failure;
use crate::live::{self, Secrets};
use crate::protection::Files;

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) engine_listen: SocketAddr,
    pub(crate) engine_protection: ServeOptions,
    pub(crate) sandbox_listen: SocketAddr,
    pub(crate) sandbox_url: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) engine: Engine,
    pub(crate) database: Option<DatabaseUrl>,
    pub(crate) plain_histories: bool,
    /// Above this a second person has to agree, in minor units.
    pub(crate) second_person_above: i64,
    /// Rails to real banks.
    pub(crate) live: Vec<RailConfig>,
    /// Without one the data directory's file holds it.
    pub(crate) master_key: Option<MasterKey>,
}

/// What the environment alone says.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// The SDK's own `TEMPORAL_ADDRESS`.
    pub(crate) temporal_address: Option<OsString>,
    pub(crate) master_key: Option<OsString>,
    pub(crate) secrets: Secrets,
}

impl Surroundings {
    pub(crate) fn of_this_process() -> Self {
        Self {
            temporal_address: std::env::var_os("TEMPORAL_ADDRESS").filter(|it| !it.is_empty()),
            master_key: std::env::var_os(MasterKey::VARIABLE),
            secrets: Secrets::of_this_process(),
        }
    }
}

/// Which engine runs the workflows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Embedded,
    /// A Temporal server; without an address the SDK's `TEMPORAL_*` variables name it.
    Server(Option<String>),
}

pub(crate) const DEFAULT_NAMESPACE: &str = "default";
/// Ten thousand, in a currency with cents.
const SECOND_PERSON_ABOVE: i64 = 1_000_000;
const LARGEST_FILE: u64 = 64 * 1024;

/// The file: the same keys as the flags.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    listen: Option<String>,
    engine_listen: Option<String>,
    engine_tls_cert: Option<PathBuf>,
    engine_tls_key: Option<PathBuf>,
    engine_tls_client_ca: Option<PathBuf>,
    engine_key_file: Option<PathBuf>,
    sandbox_listen: Option<String>,
    sandbox_url: Option<String>,
    namespace: Option<String>,
    temporal: Option<String>,
    database_url: Option<String>,
    plain_histories: Option<bool>,
    second_person_above: Option<i64>,
    stripe: Option<live::Stripe>,
    iso20022: Option<live::Iso20022>,
}

impl Settings {
    pub(crate) fn resolve(
        flags: Flags,
        role: Option<Role>,
        surroundings: Surroundings,
    ) -> Result<Self, Failure> {
        let file = flags
            .config
            .as_deref()
            .map(read)
            .transpose()?
            .unwrap_or_default();
        let temporal = flags
            .temporal
            .or(file.temporal)
            .map(|text| server("--temporal", text))
            .transpose()?;
        let temporal_address = surroundings
            .temporal_address
            .map(|text| server("TEMPORAL_ADDRESS", text.to_string_lossy().into_owned()))
            .transpose()?;
        let protection = Files {
            certificate: flags.engine_tls_cert.or(file.engine_tls_cert),
            private_key: flags.engine_tls_key.or(file.engine_tls_key),
            client_authorities: flags.engine_tls_client_ca.or(file.engine_tls_client_ca),
            keys: flags.engine_key_file.or(file.engine_key_file),
        };
        let settings = Self {
            data_dir: flags
                .data_dir
                .or(file.data_dir)
                .unwrap_or_else(|| ".remit".into()),
            listen: address("--listen", flags.listen.or(file.listen), "127.0.0.1:8080")?,
            engine_listen: address(
                "--engine-listen",
                flags.engine_listen.or(file.engine_listen),
                "127.0.0.1:7233",
            )?,
            engine_protection: protection.read()?,
            sandbox_listen: address(
                "--sandbox-listen",
                flags.sandbox_listen.or(file.sandbox_listen),
                "127.0.0.1:8090",
            )?,
            sandbox_url: flags
                .sandbox_url
                .or(file.sandbox_url)
                .map(http_url)
                .transpose()?,
            namespace: flags
                .namespace
                .or(file.namespace)
                .map(namespace)
                .transpose()?,
            engine: match (temporal, temporal_address) {
                (Some(address), _) => Engine::Server(Some(address)),
                (None, Some(_)) => Engine::Server(None),
                (None, None) => Engine::Embedded,
            },
            database: flags
                .database_url
                .or(file.database_url)
                .map(database)
                .transpose()?,
            plain_histories: flags
                .plain_histories
                .or(file.plain_histories)
                .unwrap_or(false),
            second_person_above: flags
                .second_person_above
                .or(file.second_person_above)
                .unwrap_or(SECOND_PERSON_ABOVE),
            live: file
                .stripe
                .map(|stripe| stripe.resolve(surroundings.secrets))
                .into_iter()
                .chain(file.iso20022.map(live::Iso20022::resolve))
                .collect::<Result<_, _>>()?,
            master_key: surroundings.master_key.map(master_key).transpose()?,
        };
        settings.fit_for(role)
    }

    /// A role alone shares the engine and the database with other processes.
    fn fit_for(self, role: Option<Role>) -> Result<Self, Failure> {
        if !matches!(role, Some(Role::Api | Role::Worker)) {
            return Ok(self);
        }
        if self.engine == Engine::Embedded {
            return Err(invalid(
                "this role alone needs --temporal HOST:PORT: an engine that other processes reach too",
            ));
        }
        if !matches!(self.database, Some(DatabaseUrl::Postgres(_))) {
            return Err(invalid(
                "this role alone needs --database-url postgres://…: a SQLite file belongs to one process",
            ));
        }
        if self.master_key.is_none() && !self.data_dir.join(MasterKey::FILE).exists() {
            return Err(invalid(
                "this role alone needs REMIT_MASTER_KEY, the key that all roles share: 32 random \
                 bytes in base64, such as `openssl rand -base64 32` makes",
            ));
        }
        if role == Some(Role::Worker) && self.sandbox_url.is_none() {
            return Err(invalid(
                "this role alone needs a bank: name the sandbox bank's address with --sandbox-url",
            ));
        }
        Ok(self)
    }
}

fn read(path: &Path) -> Result<File, Failure> {
    let mut text = String::new();
    let opened = std::fs::File::open(path);
    // Bounded: whatever lies there, it is not read whole into memory.
    let read = opened.and_then(|file| file.take(LARGEST_FILE).read_to_string(&mut text));
    read.map_err(|error| {
        let line = format!(
            "cannot read the configuration file {}; check --config",
            path.display()
        );
        Failure::caused(Code::ConfigInvalid, line, &error)
    })?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map_or(1, |span| {
            text.get(..span.start)
                .map_or(1, |before| before.matches('\n').count() + 1)
        });
        invalid(format!(
            "{} line {line}: {}; the keys are those of `remit --help`, without the dashes",
            path.display(),
            error.message()
        ))
    })
}

fn invalid(line: impl Into<String>) -> Failure {
    Failure::new(Code::ConfigInvalid, line)
}

fn address(flag: &str, given: Option<String>, default: &str) -> Result<SocketAddr, Failure> {
    let text = given.unwrap_or_else(|| default.to_owned());
    let numeric = text
        .strip_prefix("localhost:")
        .map(|port| format!("127.0.0.1:{port}"));
    numeric
        .as_deref()
        .unwrap_or(&text)
        .parse()
        .map_err(|_not_an_address| {
            invalid(format!(
                "{flag} {text:?} is not an address; write it like {default}"
            ))
        })
}

fn http_url(text: String) -> Result<String, Failure> {
    let plain = reqwest::Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if plain {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    // Not repeated: it may hold a password, which is one of the things that do not belong there.
    Err(invalid(
        "--sandbox-url is not a plain URL; write it like http://127.0.0.1:8090, without user, \
         password or query",
    ))
}

/// A Temporal server: `host:port`, or a URL.
fn server(named: &str, text: String) -> Result<String, Failure> {
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    let fits = !rest.contains(char::is_whitespace)
        && rest
            .trim_end_matches('/')
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if fits {
        return Ok(text);
    }
    Err(invalid(format!(
        "{named} {text:?} is not an address; write it like 127.0.0.1:7233"
    )))
}

/// A key that cannot be read must never be taken for none: a new one would be made.
fn master_key(text: OsString) -> Result<MasterKey, Failure> {
    let text = text.into_string().unwrap_or_default();
    MasterKey::from_text(&text).map_err(|error| {
        let line = format!("{} cannot be used", MasterKey::VARIABLE);
        Failure::caused(Code::ConfigInvalid, line, &error)
    })
}

fn namespace(name: String) -> Result<String, Failure> {
    let fits = (1..=128).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if fits {
        return Ok(name);
    }
    Err(invalid(
        "--namespace takes 1 to 128 letters, digits, dots, dashes and underscores",
    ))
}

fn database(url: String) -> Result<DatabaseUrl, Failure> {
    url.parse().map_err(|error: db::InvalidUrl| {
        Failure::caused(Code::ConfigInvalid, "--database-url cannot be used", &error)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn with_file(text: &str, flags: Flags) -> Result<Settings, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("remit.toml");
        std::fs::write(&path, text).unwrap();
        Settings::resolve(
            Flags {
                config: Some(path),
                ..flags
            },
            None,
            Surroundings::default(),
        )
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let flags = Flags {
            listen: Some("127.0.0.1:1".into()),
            ..Flags::default()
        };
        let file = "listen = \"127.0.0.1:2\"\nengine-listen = \"localhost:3\"\nnamespace = \"pay\"";
        let settings = with_file(file, flags).unwrap();
        assert_eq!(settings.listen.port(), 1);
        assert_eq!(settings.engine_listen.port(), 3);
        assert_eq!(settings.namespace.as_deref(), Some("pay"));
        assert_eq!(settings.sandbox_listen.port(), 8090);
    }

    #[test]
    fn broken_files_say_where_and_what() {
        for (text, says) in [
            ("listen = ", "line 1"),
            (
                "\nlisten_on = \"127.0.0.1:1\"",
                "line 2: unknown field `listen_on`",
            ),
            ("listen = 8080", "invalid type"),
            (
                "listen = \"everywhere\"",
                "--listen \"everywhere\" is not an address",
            ),
            ("database-url = \"mysql://x\"", "--database-url"),
            ("namespace = \"a b\"", "--namespace"),
            (
                &format!("namespace = \"{}\"", "n".repeat(129)),
                "--namespace",
            ),
        ] {
            let failure = with_file(text, Flags::default()).unwrap_err();
            assert_eq!(failure.code, Code::ConfigInvalid);
            assert!(failure.to_string().contains(says), "{text} -> {failure}");
            assert!(!failure.to_string().contains('\n'), "{text}");
        }
    }

    #[test]
    fn a_role_alone_must_share_what_it_uses() {
        let failure = Settings::resolve(Flags::default(), Some(Role::Api), Surroundings::default())
            .unwrap_err();
        assert!(failure.to_string().contains("--temporal"));
        let resolve = |flags| Settings::resolve(flags, Some(Role::Worker), Surroundings::default());
        let flags = Flags {
            temporal: Some("t:7233".into()),
            ..Flags::default()
        };
        let failure = resolve(flags.clone()).unwrap_err();
        assert!(failure.to_string().contains("--database-url"));
        let flags = Flags {
            database_url: Some("postgres://db/remit".into()),
            data_dir: Some("/nowhere/at/all".into()),
            ..flags
        };
        let failure = resolve(flags).unwrap_err();
        assert!(failure.to_string().contains("REMIT_MASTER_KEY"));
    }
}
