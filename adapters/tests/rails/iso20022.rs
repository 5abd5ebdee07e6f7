//! The ISO 20022 adapter passes the conformance suite against the sandbox bank's message door, with
//! either message for payouts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapters::iso20022::{Config, Iso20022, PayoutMessage, REFUSALS};
use adapters::{Files, Limits};
use ambient::{ManualClock, Timestamp};
use async_trait::async_trait;
use domain::rail::{
    Answer, BankAccountNumber, Debits, Found, Inquiries, Instruction, Payouts, PortError, Rail,
};
use domain::transfer::Decline;
use domain::{Currency, Money, StepKey};
use sandbox::{Bank, Faults, Rule, State, Target};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::conformance::{self, Behaviour, Harness, Leg, Twist};
use crate::sandbox_bank::fault_of;

mod between_banks {
    crate::conformance::conformance!(super::MessageBank::pacs);
}
conformance::conformance!(MessageBank::pain);

/// A sandbox bank whose message door is on a port of its own; gone when dropped.
struct MessageBank {
    payouts: PayoutMessage,
    clock: ManualClock,
    bank: Bank,
    rail: Iso20022,
    server: JoinHandle<()>,
}

impl MessageBank {
    async fn pain() -> Self {
        Self::start(PayoutMessage::Pain001).await
    }

    async fn pacs() -> Self {
        Self::start(PayoutMessage::Pacs008).await
    }

    async fn start(payouts: PayoutMessage) -> Self {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let bank = Bank::fleeting(Arc::new(clock.clone())).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}/iso20022", listener.local_addr().unwrap());
        let served = bank.clone();
        let server = tokio::spawn(async move {
            served
                .serve(listener, std::future::pending())
                .await
                .unwrap();
        });
        let rail = rail_at(base, payouts, Duration::from_secs(30));
        Self {
            payouts,
            clock,
            bank,
            rail,
            server,
        }
    }

    fn go_wrong(&self, on: Target, next: Behaviour) {
        let (fault, next, per_thousand) = (fault_of(next), 1, 0);
        let rules = vec![Rule {
            on,
            fault,
            next,
            per_thousand,
        }];
        self.bank.set_faults(Faults { rules, seed: 0 }).unwrap();
    }
}

impl Drop for MessageBank {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn config(base_url: String, payouts: PayoutMessage, total: Duration) -> Config {
    let limits = Limits {
        total,
        ..Limits::default()
    };
    Config {
        base_url,
        limits,
        our_name: "Remit & Sons <Ltd>".into(),
        our_account: "DE89370400440532013000".into(),
        our_creditor_id: "DE98ZZZ09999999999".into(),
        payouts,
    }
}

fn rail_at(base_url: String, payouts: PayoutMessage, total: Duration) -> Iso20022 {
    Iso20022::new(config(base_url, payouts, total)).unwrap()
}

fn instruction(key: StepKey, account: &str, amount: i64, currency: Currency) -> Instruction {
    Instruction {
        key,
        account: BankAccountNumber::new(account),
        money: Money::from_minor(amount, currency).unwrap(),
    }
}

/// The bank's reference of a step: the message's identification.
fn reference(key: StepKey) -> String {
    let step = match key.step {
        domain::Step::Collect => "CO",
        _ => "PO",
    };
    format!("{}{step}", &key.transfer.to_string()["tr_".len()..])
}

#[async_trait]
impl Harness for MessageBank {
    fn rail(&self) -> &dyn Rail {
        &self.rail
    }

    fn rail_at(&self, address: SocketAddr, patience: Duration) -> Box<dyn Rail> {
        Box::new(rail_at(format!("http://{address}"), self.payouts, patience))
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
            "AM03" => ("SB-ALICE-0001", 1_050, Currency::JPY),
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
        assert!(self.bank.give_back(&reference(key), "MS03").await.unwrap());
    }

    fn pass_time(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    async fn executed(&self, key: StepKey) -> usize {
        let reference = reference(key);
        let movements = self.bank.movements().await.unwrap();
        let executed =
            |m: &&sandbox::Movement| m.reference == reference && m.state == State::Executed;
        movements.iter().filter(executed).count()
    }

    fn written(&self, _: Leg, about: &Instruction, twist: Twist) -> Option<Vec<u8>> {
        let (mut own, mut status, mut code) = (reference(about.key), "ACSC", "");
        let (mut sum, mut currency, mut bank_reference) = ("10.50", "EUR", "bk00");
        match twist {
            Twist::Nothing => {}
            Twist::Refused(word) => (status, code) = ("RJCT", word),
            Twist::RefusedWithoutCode => status = "RJCT",
            Twist::ExecutedAndRefused => code = "AC04",
            Twist::OtherReference => own = "NOTPROVIDED".into(),
            // A report says neither.
            Twist::OtherKind | Twist::OtherAccount => return None,
            Twist::OtherAmount => sum = "10.49",
            Twist::OtherCurrency => currency = "USD",
            Twist::NoBankReference => bank_reference = "",
            Twist::UnknownState => status = "PART",
            Twist::NotFound => return Some(said(404, "<NoSuchMessage/>")),
        }
        let reason = match code {
            "" => String::new(),
            code => format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>"),
        };
        Some(said(
            200,
            &format!(
                "<Document><CstmrPmtStsRpt><OrgnlPmtInfAndSts><TxInfAndSts>\
                 <OrgnlEndToEndId>{own}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}\
                 <AcctSvcrRef>{bank_reference}</AcctSvcrRef><OrgnlTxRef><Amt>\
                 <InstdAmt Ccy=\"{currency}\">{sum}</InstdAmt></Amt></OrgnlTxRef>\
                 </TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
            ),
        ))
    }
}

fn said(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// The same messages by files: a report that comes is believed, one that does not leaves a doubt.
#[tokio::test]
async fn a_message_in_a_file_is_reported_in_a_file() {
    let harness = MessageBank::pain().await;
    let dirs = tempfile::tempdir().unwrap();
    let [to_bank, from_bank] = ["in", "out"].map(|name| dirs.path().join(name));
    for dir in [&to_bank, &from_bank] {
        std::fs::create_dir(dir).unwrap();
    }
    let door = |patience| Files {
        to_bank: to_bank.clone(),
        from_bank: from_bank.clone(),
        patience,
        largest: 65_536,
    };
    let over = |door: Files| {
        let patience = door.patience;
        let config = config("http://bank".into(), PayoutMessage::Pain001, patience);
        Iso20022::over(Arc::new(door), config).unwrap()
    };
    let hasty = over(door(Duration::ZERO));
    let it = harness.instruction(conformance::fresh_key(Leg::PayOut));
    let about = conformance::about(&it);
    let unknown =
        |answer: &Result<Answer, PortError>| matches!(answer, Err(PortError::Unknown { .. }));
    assert!(unknown(&hasty.pay_out(&it).await));
    assert!(matches!(
        hasty.inquire(&about).await,
        Err(PortError::Unknown { .. })
    ));
    assert_eq!(
        harness
            .bank
            .sweep_files(&to_bank, &from_bank)
            .await
            .unwrap(),
        1
    );
    assert!(matches!(
        hasty.inquire(&about).await,
        Ok(Found::Executed { .. })
    ));
    assert_eq!(harness.executed(it.key).await, 1);

    let patient = over(door(Duration::from_secs(60)));
    let debit = harness.instruction(conformance::fresh_key(Leg::Debit));
    let sweep = async {
        while harness
            .bank
            .sweep_files(&to_bank, &from_bank)
            .await
            .unwrap()
            == 0
        {
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(patient.debit(&debit), sweep);
    assert!(answer.is_ok(), "{answer:?}");

    let giant = from_bank.join(format!("{}.xml", reference(debit.key)));
    std::fs::write(giant, vec![b' '; 65_537]).unwrap();
    let lost = conformance::about(&debit);
    assert!(matches!(
        patient.inquire(&lost).await,
        Err(PortError::Unknown { .. })
    ));
    std::fs::remove_dir_all(&to_bank).unwrap();
    let nowhere = harness.instruction(conformance::fresh_key(Leg::Debit));
    assert_eq!(patient.debit(&nowhere).await, Err(PortError::Unreachable));
}
