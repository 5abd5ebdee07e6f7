//! The Stripe adapter passes the card suite against the sandbox network, on a real socket, under
//! the promises of either rail.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use adapters::stripe::{Config, REFUSALS, Stripe};
use adapters::{Limits, Secret};
use ambient::{Clock, ManualClock, Timestamp};
use async_trait::async_trait;
use domain::rail::{Ask, CardAsk, CardOrder, CardPart, CardToken, NetworkReference, Rail, RailId};
use domain::transfer::Decline;
use domain::{Currency, Money};
use sandbox::{Bank, CardNetwork, Faults, PaymentStatus, Rule, Target, WebhookTarget};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::conformance::Behaviour;
use crate::conformance::cards::{CardHarness, CardTwist, card_conformance};
use crate::sandbox_bank::fault_of;

mod as_the_sandbox {
    crate::conformance::cards::card_conformance!(super::Network::sandbox);
}
card_conformance!(Network::stripe);

/// A card network on a port of its own; gone when dropped.
struct Network {
    id: RailId,
    clock: ManualClock,
    network: CardNetwork,
    rail: Stripe,
    server: JoinHandle<()>,
}

impl Network {
    async fn sandbox() -> Self {
        Self::start(RailId::SandboxCards).await
    }

    async fn stripe() -> Self {
        Self::start(RailId::Stripe).await
    }

    async fn start(id: RailId) -> Self {
        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let network = CardNetwork::fleeting(Arc::new(clock.clone())).unwrap();
        let bank = Bank::fleeting(Arc::new(clock.clone())).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base = format!("http://{}/cards", listener.local_addr().unwrap());
        let served = network.clone();
        let server = tokio::spawn(async move {
            sandbox::serve_both(&bank, &served, listener, std::future::pending())
                .await
                .unwrap();
        });
        let rail = rail_at(id, base, Duration::from_secs(30));
        Self {
            id,
            clock,
            network,
            rail,
            server,
        }
    }

    fn go_wrong(&self, on: Target, next: Behaviour) {
        let fault = fault_of(next);
        let (next, per_thousand) = (1, 0);
        let rules = vec![Rule {
            on,
            fault,
            next,
            per_thousand,
        }];
        self.network.set_faults(Faults { rules, seed: 0 }).unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn rail_at(id: RailId, base: String, total: Duration) -> Stripe {
    let limits = Limits {
        total,
        ..Limits::default()
    };
    let config = Config {
        limits,
        webhook_secrets: vec![Secret::new("whsec_1")],
        ..Config::at(base, Secret::new("sk_test_1"))
    };
    Stripe::new(id, config).unwrap()
}

fn authorise(card: &str, amount: i64) -> CardAsk {
    CardAsk::Authorise {
        card: CardToken::new(card),
        money: Money::from_minor(amount, Currency::EUR).unwrap(),
    }
}

#[async_trait]
impl CardHarness for Network {
    fn rail(&self) -> &dyn Rail {
        &self.rail
    }

    fn rail_at(&self, address: SocketAddr, patience: Duration) -> Box<dyn Rail> {
        Box::new(rail_at(self.id, format!("http://{address}"), patience))
    }

    fn refusals(&self) -> &'static [(&'static str, Decline)] {
        &REFUSALS
    }

    fn authorise(&self) -> CardAsk {
        authorise("pm_card_visa", 9_000)
    }

    fn refused_with(&self, code: &str) -> Option<CardAsk> {
        let card = match code {
            "generic_decline" => "pm_card_visa_chargeDeclined",
            "insufficient_funds" => "pm_card_visa_chargeDeclinedInsufficientFunds",
            "lost_card" => "pm_card_visa_chargeDeclinedLostCard",
            "stolen_card" => "pm_card_visa_chargeDeclinedStolenCard",
            "expired_card" => "pm_card_chargeDeclinedExpiredCard",
            "incorrect_cvc" => "pm_card_chargeDeclinedIncorrectCvc",
            "processing_error" => "pm_card_chargeDeclinedProcessingError",
            "fraudulent" => "pm_card_radarBlock",
            "do_not_honor" => "pm_card_chargeCustomerFail",
            "authentication_required" => "pm_card_authenticationRequired",
            _ => return None,
        };
        Some(authorise(card, 9_000))
    }

    fn script(&self, part: CardPart, next: Behaviour) {
        let on = match part {
            CardPart::Authorise => Target::Authorisations,
            CardPart::Capture => Target::Captures,
            CardPart::Void => Target::Voids,
            CardPart::Refund => Target::Refunds,
        };
        self.go_wrong(on, next);
    }

    fn script_inquiry(&self, next: Behaviour) {
        self.go_wrong(Target::Inquiries, next);
    }

    fn pass_time(&self) {
        self.clock.advance(Duration::from_secs(60));
    }

    async fn executed(&self, order: &CardOrder) -> usize {
        let payments = self.network.payments().await.unwrap();
        let key = order.key().to_string();
        let named = |id: &NetworkReference, status| {
            let is = |p: &&sandbox::Payment| p.id == id.0 && p.status == status;
            payments.iter().filter(is).count()
        };
        match &order.ask {
            CardAsk::Authorise { .. } => payments
                .iter()
                .filter(|p| p.client_key == key && p.status == PaymentStatus::RequiresCapture)
                .count(),
            CardAsk::Capture { payment, .. } => named(payment, PaymentStatus::Succeeded),
            CardAsk::Void { payment } => named(payment, PaymentStatus::Canceled),
            CardAsk::Refund { payment, .. } => {
                let refunds = self.network.refunds(&payment.0).await.unwrap();
                refunds.iter().filter(|r| r.client_key == key).count()
            }
        }
    }

    fn written(&self, order: &CardOrder, twist: CardTwist) -> Vec<u8> {
        let (payment, amount, status) = match &order.ask {
            CardAsk::Authorise { money, .. } => ("pi_1", money.minor(), "requires_capture"),
            CardAsk::Capture { payment, money } => (&*payment.0, money.minor(), "succeeded"),
            CardAsk::Void { payment } => (&*payment.0, 9_000, "canceled"),
            CardAsk::Refund { payment, money } => (&*payment.0, money.minor(), "succeeded"),
        };
        let refund = matches!(order.ask, CardAsk::Refund { .. });
        let mut body = json!({
            "id": if refund { "re_1" } else { payment },
            "object": if refund { "refund" } else { "payment_intent" },
            "amount": amount,
            "amount_received": amount,
            "currency": "eur",
            "payment_intent": payment,
            "status": status,
            "metadata": { "remit_key": order.key().to_string() },
        });
        let mut code = 200;
        match twist {
            CardTwist::Nothing => {}
            CardTwist::Refused(word) => {
                code = 402;
                let error = json!({ "type": "card_error", "code": word, "payment_intent": null });
                body = json!({ "error": error });
            }
            CardTwist::OtherReference => body["metadata"]["remit_key"] = "tr_0:collect".into(),
            CardTwist::OtherPayment if refund => body["payment_intent"] = "pi_other".into(),
            CardTwist::OtherPayment => body["id"] = "pi_other".into(),
            CardTwist::OtherAmount => {
                body["amount"] = (amount - 1).into();
                body["amount_received"] = (amount - 1).into();
            }
            CardTwist::OtherCurrency => body["currency"] = "sek".into(),
            CardTwist::NoName => body["id"] = "".into(),
            CardTwist::UnknownState => body["status"] = "celebrated".into(),
        }
        let body = body.to_string();
        let length = body.len();
        format!("HTTP/1.1 {code} Said\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
    }
}

/// The network signs, the adapter checks, and what it gives are names to ask about.
#[tokio::test]
async fn a_chargeback_is_heard_of_by_webhook_and_believed_when_asked() {
    let it = Network::stripe().await;
    let (url, secret) = ("http://127.0.0.1:1/".into(), "whsec_1".into());
    it.network
        .tell(Some(WebhookTarget { url, secret }))
        .await
        .unwrap();
    let step = crate::conformance::fresh_key(crate::conformance::Leg::Debit);
    let ask = authorise("pm_card_createDispute", 9_000);
    let CardAsk::Authorise { money, .. } = ask else {
        panic!("an authorisation");
    };
    let order = CardOrder { step, ask };
    let cards = it.rail.cards().unwrap();
    let payment = NetworkReference(cards.submit(&order).await.unwrap().bank_reference);
    let ask = CardAsk::Capture {
        payment: payment.clone(),
        money,
    };
    cards.submit(&CardOrder { step, ask }).await.unwrap();
    assert!(!cards.payment(&payment).await.unwrap().charged_back);
    it.clock.advance(Duration::from_secs(3));
    let heard: Vec<_> = it
        .network
        .due_webhooks()
        .await
        .unwrap()
        .iter()
        .map(|webhook| {
            let headers = [("Stripe-Signature", webhook.signature.as_str())];
            let hear = |body| {
                it.rail
                    .webhooks()
                    .unwrap()
                    .verify(&headers, body, it.clock.now())
            };
            assert!(hear(b"{}").is_err());
            hear(webhook.body.as_bytes()).unwrap().ask
        })
        .collect();
    let about = Ask::Payment(payment.clone());
    let ours = Ask::Card(order.key());
    assert_eq!(
        heard,
        [
            vec![ours.clone(), about.clone()],
            vec![ours, about.clone()],
            vec![about]
        ]
    );
    assert!(cards.payment(&payment).await.unwrap().charged_back);
}
