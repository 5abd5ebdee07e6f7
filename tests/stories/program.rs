//! The program under test, and the few things a demo partner does with it over HTTP.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use testkit::{Process, Stream, TempDir, eventually};

/// Long enough for a busy machine; every wait ends as soon as what it waits for is there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where the program runs on. The default is the embedded engine and SQLite.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    pub(crate) flags: Vec<String>,
}

pub(crate) struct Remit {
    process: Process,
    setup: Setup,
    dir: TempDir,
    pub(crate) api: Api,
    pub(crate) bank_url: String,
    /// `HOST:PORT` of the engine's gRPC API.
    pub(crate) engine: String,
}

/// What a partner knows: the address, the key, and its users' accounts.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) key: String,
}

impl Remit {
    pub(crate) async fn start(setup: Setup) -> Result<Self> {
        let dir = testkit::temp_dir()?;
        Self::start_in(dir, setup).await
    }

    async fn start_in(dir: TempDir, setup: Setup) -> Result<Self> {
        let data = dir.path().join("data");
        let mut process = Process::start(command(&data).args(&setup.flags))?;
        let ready = |line: &str| line.trim_start().starts_with("curl ");
        process.wait_for_line(PATIENCE, Stream::Stdout, ready)?;
        let told = |name: &str| {
            let said = process.said(Stream::Stdout);
            said.lines()
                .filter_map(|line| line.trim().strip_prefix(name).map(str::trim_start))
                .find_map(|rest| rest.split_whitespace().next().map(str::to_owned))
                .with_context(|| format!("the banner does not say where the {name} is:\n{said}"))
        };
        let bank_url = told("bank")?;
        let engine = told("engine")?.trim_end_matches(',').to_owned();
        let api = Api::from_env_file(&data.join("sandbox.env"))?;
        ensure!(
            told("API")?.starts_with(&api.url),
            "sandbox.env names another address"
        );
        Ok(Self {
            process,
            setup,
            dir,
            api,
            bank_url,
            engine,
        })
    }

    /// SIGKILL, then the same command again on the same directory.
    pub(crate) async fn kill_and_restart(mut self) -> Result<Self> {
        self.process.kill()?;
        Self::start_in(self.dir, self.setup).await
    }

    pub(crate) fn stdout(&self) -> String {
        self.process.said(Stream::Stdout)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Ends in order, and hands back the directory for a look at the books.
    pub(crate) fn stop(mut self) -> Result<TempDir> {
        self.process.terminate()?;
        let status = self.process.wait_exit(PATIENCE)?;
        ensure!(
            status.success(),
            "it ended with {status}: {}",
            self.process.said(Stream::Stderr)
        );
        Ok(self.dir)
    }

    pub(crate) async fn bank_is_out_of_order(&self, on: bool) -> Result<()> {
        self.api.samples_are_over().await?;
        let url = format!("{}/control/outage", self.bank_url);
        let request = self.api.http.post(url).json(&json!({ "on": on }));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// The same with something done to the data directory while nobody uses it.
    pub(crate) async fn kill_and_restart_after(
        mut self,
        change: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Self> {
        self.process.kill()?;
        change(&self.data_dir())?;
        Self::start_in(self.dir, self.setup).await
    }

    /// How the bank misbehaves from now on, instead of how it did before.
    pub(crate) async fn faults(&self, rules: &Value) -> Result<()> {
        // A sample transfer that meets them may never end.
        self.api.samples_are_over().await?;
        let url = format!("{}/control/faults", self.bank_url);
        let request = self.api.http.post(url).json(&json!({ "rules": rules }));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// From now on the bank asks for patience, and books nothing.
    pub(crate) async fn debits_are_throttled(&self) -> Result<()> {
        let rule = json!({ "on": "debits", "fault": "throttled", "per_thousand": 1_000 });
        let url = format!("{}/control/faults", self.bank_url);
        let request = self.api.http.post(url).json(&json!({ "rules": [rule] }));
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// From now on payouts go wrong in this way, or no longer.
    pub(crate) async fn payouts_go_wrong(&self, fault: Option<&str>) -> Result<()> {
        let rule = |fault| json!({ "on": "payouts", "fault": fault, "per_thousand": 1_000 });
        let rules: Vec<_> = fault.map(rule).into_iter().collect();
        self.faults(&json!(rules)).await
    }

    /// The sandbox bank's own record of what it did, by our reference.
    pub(crate) async fn bank_movements(&self) -> Result<Vec<Value>> {
        let url = format!("{}/v1/statement?after=0&limit=1000", self.bank_url);
        let body: Value = self
            .api
            .http
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let list = body.get("movements").and_then(Value::as_array).cloned();
        list.with_context(|| format!("no movements in {body}"))
    }
}

/// The program with ports of its own choice and nothing from this process's environment.
pub(crate) fn command(data_dir: &Path) -> Command {
    let mut command = bare(data_dir);
    for flag in ["--listen", "--engine-listen", "--sandbox-listen"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    command
}

/// The same without a word about ports: a flag may be there once only.
pub(crate) fn bare(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_remit"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("REMIT_") || name.starts_with("TEMPORAL_") {
            command.env_remove(name);
        }
    }
    command.arg("--data-dir").arg(data_dir);
    command
}

const FINAL: [&str; 4] = ["completed", "refunded", "failed", "canceled"];

impl Api {
    pub(crate) fn from_env_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.trim_start_matches("export ").split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim_matches(['\'', '"']).to_owned())
                .with_context(|| format!("no {name} in sandbox.env"))
        };
        // It may be there already: every story starts a program of its own in one test process.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(PATIENCE)
            .build()?;
        Ok(Self {
            http,
            url: value("REMIT_URL")?,
            key: value("REMIT_API_KEY")?,
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let request = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(&self.key);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    pub(crate) async fn post(
        &self,
        idempotency_key: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value)> {
        self.post_to("/v1/transfers", idempotency_key, body).await
    }

    pub(crate) async fn post_to(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value)> {
        let request = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(&self.key)
            .header("Idempotency-Key", idempotency_key)
            .json(body);
        let response = request.send().await?;
        Ok((response.status(), response.json().await?))
    }

    /// Accepts a transfer and gives its id.
    pub(crate) async fn transfer(
        &self,
        key: &str,
        amount: i64,
        from: &Value,
        to: &Value,
    ) -> Result<String> {
        let body = json!({
            "amount": {"amount": amount, "currency": "EUR"},
            "source": from,
            "destination": to,
        });
        let (status, answer) = self.post(key, &body).await?;
        ensure!(status == StatusCode::ACCEPTED, "{status}: {answer}");
        Ok(answer["id"].as_str().context("no id")?.to_owned())
    }

    /// The transfer, once it is final.
    pub(crate) async fn settled(&self, id: &str) -> Result<Value> {
        let settled = eventually(PATIENCE, async || {
            let transfer = self.get(&format!("/v1/transfers/{id}")).await.ok()?;
            FINAL
                .contains(&transfer["status"].as_str()?)
                .then_some(transfer)
        });
        match settled.await {
            Ok(transfer) => Ok(transfer),
            Err(error) => {
                let last = self.get(&format!("/v1/transfers/{id}")).await;
                Err(anyhow::anyhow!("{id} is not final: {error}: {last:?}"))
            }
        }
    }

    /// The sample data's own transfers are final: from here on only the story's are under way.
    pub(crate) async fn samples_are_over(&self) -> Result<()> {
        for name in [
            "rent",
            "top-up",
            "dinner",
            "withdrawal",
            "to-a-closed-account",
            "from-an-empty-account",
        ] {
            let path = format!("/v1/transfers?client_reference={name}");
            let over = eventually(PATIENCE, async || {
                let list = self.get(&path).await.ok()?;
                let status = list["data"][0]["status"].as_str()?;
                FINAL.contains(&status).then_some(())
            });
            let over = over.await;
            over.with_context(|| format!("the sample transfer {name} is not over"))?;
        }
        Ok(())
    }

    /// A bank account of one of the sample people that accepts everything.
    pub(crate) async fn bank_account(&self, person: &str) -> Result<Value> {
        self.end("bank_accounts", "bank_account", person, 0).await
    }

    /// Bob's second bank account is closed: payouts to it are refused.
    pub(crate) async fn closed_bank_account(&self) -> Result<Value> {
        self.end("bank_accounts", "bank_account", "Bob", 1).await
    }

    /// Carol's second bank account is empty: debits from it are refused.
    pub(crate) async fn empty_bank_account(&self) -> Result<Value> {
        self.end("bank_accounts", "bank_account", "Carol", 1).await
    }

    pub(crate) async fn wallet(&self, person: &str) -> Result<Value> {
        self.end("accounts", "wallet", person, 0).await
    }

    /// One end of a transfer: the person's nth account of a kind.
    async fn end(&self, list: &str, kind: &str, person: &str, nth: usize) -> Result<Value> {
        let users = self.get("/v1/users?limit=100").await?;
        let user = rows(&users)
            .find(|user| user["name"] == person)
            .with_context(|| format!("no {person} in {users}"))?["id"]
            .clone();
        let accounts = self.get(&format!("/v1/{list}?limit=100")).await?;
        let account = rows(&accounts)
            .filter(|account| account["user"] == user)
            .nth(nth)
            .with_context(|| format!("{person} has no {kind} {nth} in {accounts}"))?;
        Ok(json!({"type": kind, "id": account["id"]}))
    }

    pub(crate) async fn balance(&self, wallet: &Value) -> Result<i64> {
        let id = wallet["id"].as_str().context("no id")?;
        let account = self.get(&format!("/v1/accounts/{id}")).await?;
        account["balance"]["amount"]
            .as_i64()
            .with_context(|| format!("no balance in {account}"))
    }
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list["data"].as_array().into_iter().flatten()
}
