//! The command line: `remit` alone runs everything; a subcommand runs one role.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::books::Books;
use crate::operators::Operators;
use crate::rail::Rail;
use crate::rate::Rating;
use crate::replay::Replay;
use crate::rule::Ruling;

#[derive(Debug, Parser)]
#[command(
    name = "remit",
    version,
    about = "Moves money durably: every transfer is a workflow that a crash cannot lose or double.",
    long_about = None,
    after_help = "Every flag can also be set by its environment variable, or in the file that \
                  --config names, under the same key. A flag wins over the environment, the \
                  environment over the file. Without a flag, because lists of processes show flags: \
                  REMIT_MASTER_KEY, the key that processes on one database share (else the file \
                  master.key of the data directory). REMIT_LOG says what is logged, such as info."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Role(Role),
    /// Look into the books: verify them, take statements. Writes nothing, and may run beside the
    /// program.
    Ledger(Books),
    /// See how the rails are; pause, resume and limit them. May run beside the program, which
    /// honours it within a second.
    Rail(Rail),
    /// The rates at which quotes are made: see and set. May run beside the program.
    Rate(Rating),
    /// How much may be moved, and from which amount on somebody looks first: see, set and lift. May
    /// run beside the program.
    Rule(Ruling),
    /// Before a new version is rolled out: replay the transfers under way in a running system, and
    /// list those that this version would decide otherwise. Ends with 16 if there are any
    Replay(Replay),
    /// Look at one transfer and decide about it: retry, resolve, refund, hold. Needs the engine and
    /// the database of a program that runs.
    Transfer(Operators),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(crate) enum Role {
    /// Only the API and the console. Needs --temporal, a PostgreSQL --database-url and
    /// REMIT_MASTER_KEY.
    Api,
    /// Only the workers. Needs --temporal, a PostgreSQL --database-url, REMIT_MASTER_KEY and
    /// --sandbox-url.
    Worker,
    /// Only the workflow engine, for workers and clients that connect over gRPC.
    Engine,
    /// Only the sandbox bank.
    Sandbox,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Flags {
    /// Where all state is kept [default: ./.remit]
    #[arg(long, global = true, env = "REMIT_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Where the API and the console listen [default: 127.0.0.1:8080]
    #[arg(long, global = true, env = "REMIT_LISTEN", value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,

    /// Where the workflow engine speaks gRPC [default: 127.0.0.1:7233]
    #[arg(
        long,
        global = true,
        env = "REMIT_ENGINE_LISTEN",
        value_name = "HOST:PORT"
    )]
    pub(crate) engine_listen: Option<String>,

    /// The engine's TLS certificate (PEM). With it and --engine-key-file it may listen beyond this
    /// machine
    #[arg(
        long,
        global = true,
        env = "REMIT_ENGINE_TLS_CERT",
        value_name = "FILE"
    )]
    pub(crate) engine_tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, global = true, env = "REMIT_ENGINE_TLS_KEY", value_name = "FILE")]
    pub(crate) engine_tls_key: Option<PathBuf>,

    /// Let in only clients whose certificates these authorities (PEM) signed
    #[arg(
        long,
        global = true,
        env = "REMIT_ENGINE_TLS_CLIENT_CA",
        value_name = "FILE"
    )]
    pub(crate) engine_tls_client_ca: Option<PathBuf>,

    /// The engine's API keys, one a line: `read-write NAMESPACES KEY` or `read-only …`, where
    /// NAMESPACES is `a,b` or `*`
    #[arg(
        long,
        global = true,
        env = "REMIT_ENGINE_KEY_FILE",
        value_name = "FILE"
    )]
    pub(crate) engine_key_file: Option<PathBuf>,

    /// Where the sandbox bank listens [default: 127.0.0.1:8090]
    #[arg(
        long,
        global = true,
        env = "REMIT_SANDBOX_LISTEN",
        value_name = "HOST:PORT"
    )]
    pub(crate) sandbox_listen: Option<String>,

    /// The sandbox bank of another process, instead of one of our own
    #[arg(long, global = true, env = "REMIT_SANDBOX_URL", value_name = "URL")]
    pub(crate) sandbox_url: Option<String>,

    /// The namespace in which transfers run [default: default]
    #[arg(long, global = true, env = "REMIT_NAMESPACE", value_name = "NAME")]
    pub(crate) namespace: Option<String>,

    /// A Temporal server to run on, instead of the embedded engine
    #[arg(long, global = true, env = "REMIT_TEMPORAL", value_name = "HOST:PORT")]
    pub(crate) temporal: Option<String>,

    /// The business database: postgres://… or sqlite://PATH [default: a file in the data directory]
    #[arg(
        long,
        global = true,
        env = "REMIT_DATABASE_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub(crate) database_url: Option<String>,

    /// Leave workflow payloads readable and unproven, to look inside histories in the sandbox
    #[arg(long, global = true, env = "REMIT_PLAIN_HISTORIES", value_name = "BOOL",
          num_args = 0..=1, default_missing_value = "true", require_equals = true,
          value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) plain_histories: Option<bool>,

    /// Sums above this need a second person, in minor units of any currency [default: 1000000]
    #[arg(
        long,
        global = true,
        env = "REMIT_SECOND_PERSON_ABOVE",
        value_name = "AMOUNT",
        value_parser = clap::value_parser!(i64).range(0..)
    )]
    pub(crate) second_person_above: Option<i64>,

    /// A TOML file with the same keys
    #[arg(long, global = true, env = "REMIT_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
