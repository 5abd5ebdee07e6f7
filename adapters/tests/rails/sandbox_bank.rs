//! The sandbox bank passes the conformance suite, against the real server on a real socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::conformance::{self, Behaviour, Harness, Leg, Twist};
use adapters::sandbox_bank::{Config, REFUSALS, SandboxBank};
use adapters::{Limits, Secret};
use ambient::{Clock, ManualClock, Timestamp};
use async_trait::async_trait;
use domain::rail::{Ask, BankAccountNumber, Instruction, NoticeError, Rail};
use domain::transfer::Decline;
use domain::{Currency, Money, StepKey};
use sandbox::{Bank, Faults, Misbehaviour, Rule, State, Target, WebhookTarget};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

conformance::conformance!(Sandbox::start);

/// A sandbox bank on a port of its own; gone when dropped.
struct Sandbox {
    _dir: TempDir,
    clock: ManualClock,
    bank: Bank,
    rail: SandboxBank,
    server: JoinHandle<()>,
}

impl Sandbox {
    fn go_wrong(&self, on: Target, next: Behaviour) {
        let fault = fault_of(next);
        let rules = vec![Rule {
            on,
            fault,
            next: 1,
            per_thousand: 0,
        }];
        self.bank.set_faults(Faults { rules, seed: 0 }).unwrap();
    }

    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let bank = Bank::open(&dir.path().join("bank.db"), Arc::new(clock.clone())).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let rail = rail_at(listener.local_addr().unwrap(), Duration::from_secs(30));
        let served = bank.clone();
        let server = tokio::spawn(async move {
            served
                .serve(listener, std::future::pending())
                .await
                .unwrap();
        });
        Self {
            _dir: dir,
            clock,
            bank,
            rail,
            server,
        }
    }
}

/// The sandbox's word for a behaviour.
pub(crate) fn fault_of(next: Behaviour) -> Misbehaviour {
    match next {
        Behaviour::SilentExecuted => Misbehaviour::TimeoutExecuted,
        Behaviour::SilentNotExecuted => Misbehaviour::TimeoutNotExecuted,
        Behaviour::ErrorExecuted => Misbehaviour::ErrorExecuted,
        Behaviour::ErrorNotExecuted => Misbehaviour::ErrorNotExecuted,
        Behaviour::GarbageExecuted => Misbehaviour::GarbageExecuted,
        Behaviour::CutExecuted => Misbehaviour::CutExecuted,
        Behaviour::CutNotExecuted => Misbehaviour::CutNotExecuted,
        Behaviour::DecidedLater => Misbehaviour::LateSuccess,
        Behaviour::Throttled => Misbehaviour::Throttled,
        Behaviour::OtherAmount => Misbehaviour::OtherAmount,
        Behaviour::OtherCurrency => Misbehaviour::OtherCurrency,
        Behaviour::EarlierAnswer => Misbehaviour::EarlierAnswer,
        Behaviour::Giant => Misbehaviour::GiantExecuted,
        Behaviour::Trickle => Misbehaviour::TrickleExecuted,
        Behaviour::Twice => Misbehaviour::AnsweredTwice,
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn rail_at(address: SocketAddr, total: Duration) -> SandboxBank {
    let limits = Limits {
        total,
        ..Limits::default()
    };
    SandboxBank::new(Config {
        limits,
        ..Config::at(format!("http://{address}"))
    })
    .unwrap()
}

fn instruction(key: StepKey, account: &str, amount: i64, currency: Currency) -> Instruction {
    Instruction {
        key,
        account: BankAccountNumber::new(account),
        money: Money::from_minor(amount, currency).unwrap(),
    }
}

#[async_trait]
impl Harness for Sandbox {
    fn rail(&self) -> &dyn Rail {
        &self.rail
    }

    fn rail_at(&self, address: SocketAddr, patience: Duration) -> Box<dyn Rail> {
        Box::new(rail_at(address, patience))
    }

    fn refusals(&self) -> &'static [(&'static str, Decline)] {
        &REFUSALS
    }

    fn instruction(&self, key: StepKey) -> Instruction {
        instruction(key, "SB-ALICE-0001", 1_050, Currency::EUR)
    }

    fn refused_with(&self, code: &str, leg: Leg, key: StepKey) -> Option<Instruction> {
        let (account, amount, currency) = match code {
            "AC01" => ("NOBODYS-NUMBER", 1_050, Currency::EUR),
            "AC04" => ("SB-CLOSED-0001", 1_050, Currency::EUR),
            "AC06" => ("SB-FROZEN-0001", 1_050, Currency::EUR),
            "AM02" => ("SB-ALICE-0001", 1_000_000_001, Currency::EUR),
            "AM03" => ("SB-ALICE-0001", 1_050, Currency::USD),
            "AM04" if leg == Leg::Debit => ("SB-EMPTY-0001", 1_050, Currency::EUR),
            "AG01" => ("SB-REFUSE-AG01", 1_050, Currency::EUR),
            "MD07" => ("SB-REFUSE-MD07", 1_050, Currency::EUR),
            "RR04" => ("SB-REFUSE-RR04", 1_050, Currency::EUR),
            _ => return None,
        };
        Some(instruction(key, account, amount, currency))
    }

    fn script(&self, leg: Leg, next: Behaviour) {
        let on = match leg {
            Leg::Debit => Target::Debits,
            Leg::PayOut => Target::Payouts,
        };
        self.go_wrong(on, next);
    }

    fn script_inquiry(&self, next: Behaviour) {
        self.go_wrong(Target::Inquiries, next);
    }

    async fn give_back(&self, key: StepKey) {
        assert!(self.bank.give_back(&key.to_string(), "MS03").await.unwrap());
    }

    fn pass_time(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    async fn executed(&self, key: StepKey) -> usize {
        let reference = key.to_string();
        let movements = self.bank.movements().await.unwrap();
        let executed =
            |m: &&sandbox::Movement| m.reference == reference && m.state == State::Executed;
        movements.iter().filter(executed).count()
    }

    fn written(&self, leg: Leg, about: &Instruction, twist: Twist) -> Option<Vec<u8>> {
        let (kind, other_kind) = match leg {
            Leg::Debit => ("debit", "payout"),
            Leg::PayOut => ("payout", "debit"),
        };
        let mut movement = serde_json::json!({
            "reference": about.key.to_string(),
            "kind": kind,
            "account": about.account.reveal(),
            "amount": about.money.minor(),
            "currency": about.money.currency().code(),
            "state": "executed",
            "bank_reference": "bk00",
        });
        let mut status = 200;
        let mut set = |field: &str, value: serde_json::Value| movement[field] = value;
        match twist {
            Twist::Nothing => {}
            Twist::Refused(code) => {
                set("state", "rejected".into());
                set("code", code.into());
            }
            Twist::RefusedWithoutCode => set("state", "rejected".into()),
            Twist::ExecutedAndRefused => set("code", "AC04".into()),
            Twist::OtherReference => set("reference", "tr_0:collect".into()),
            Twist::OtherKind => set("kind", other_kind.into()),
            Twist::OtherAccount => set("account", "SB-BOB-0001".into()),
            Twist::OtherAmount => set("amount", (about.money.minor() - 1).into()),
            Twist::OtherCurrency => set("currency", "USD".into()),
            Twist::NoBankReference => set("bank_reference", "".into()),
            Twist::UnknownState => set("state", "celebrated".into()),
            Twist::NotFound => {
                status = 404;
                movement = serde_json::json!({ "error": { "code": "movement_not_found" } });
            }
        }
        let body = movement.to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n");
        Some((head + &body).into_bytes())
    }
}

/// The bank signs, the adapter checks, and what it gives are names to ask about.
#[tokio::test]
async fn a_webhook_of_the_bank_names_what_to_ask() {
    let sandbox = Sandbox::start().await;
    let (url, secret) = ("http://127.0.0.1:1/".to_owned(), "whsec_1".to_owned());
    let config = Config {
        webhook_secrets: vec![Secret::new(secret.clone())],
        ..Config::at("http://127.0.0.1:1")
    };
    let rail = SandboxBank::new(config).unwrap();
    let target = WebhookTarget { url, secret };
    sandbox.bank.tell(Some(target)).await.unwrap();
    let it = sandbox.instruction(conformance::fresh_key(Leg::Debit));
    conformance::submit(&sandbox.rail, Leg::Debit, &it)
        .await
        .unwrap();
    let due = sandbox.bank.due_webhooks().await.unwrap();
    let ids: std::collections::BTreeSet<_> = due
        .iter()
        .map(|webhook| {
            let headers = [("Sandbox-Signature", webhook.signature.as_str())];
            let body = webhook.body.as_bytes();
            let now = sandbox.clock.now();
            let hear = |body| rail.webhooks().unwrap().verify(&headers, body, now);
            assert_eq!(hear(b"{}"), Err(NoticeError::WrongSignature));
            let notice = hear(body).unwrap();
            assert_eq!(notice.ask, [Ask::Step(it.key)]);
            notice.id
        })
        .collect();
    assert_eq!(ids.len(), 2);
}
