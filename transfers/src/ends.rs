//! The two ends of a transfer: found in the tenant's scope, and fit to be used or not.

use domain::rail::RailId;
use domain::transfer::{Endpoint, Till};
use domain::{AccountId, BankAccountId, CardId, Currency, MerchantId, Tenant, UserId};
use identity::{BankAccountState, FeeTerms};
use ledger::{AccountRef, State};

use crate::error::{AcceptError, FieldError, StoreError};
use crate::{EndpointRef, Transfers};

/// One end as it was found.
pub(crate) struct End {
    pub(crate) endpoint: Endpoint,
    /// None at a checkout, where we know nobody.
    pub(crate) owner: Option<UserId>,
    /// What we keep of what arrives there.
    pub(crate) fee: FeeTerms,
    /// None where every currency is taken.
    currency: Option<Currency>,
    fitness: Fitness,
}

enum Fitness {
    Fit,
    Closed,
    Frozen,
}

/// Which of the two it is: not every end can be both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Destination,
}

impl Side {
    const fn pointer(self) -> &'static str {
        match self {
            Self::Source => "/source",
            Self::Destination => "/destination",
        }
    }
}

impl Transfers {
    /// Finds one end and says what is wrong with it. None where it cannot be used.
    pub(crate) async fn end(
        &self,
        tenant: &Tenant,
        side: Side,
        end: EndpointRef,
        currency: Option<Currency>,
        wrong: &mut Vec<FieldError>,
    ) -> Result<Option<End>, AcceptError> {
        let pointer = side.pointer();
        let no_way = impossible(end, side).or_else(|| match end {
            EndpointRef::Checkout(rail) => {
                let why = self.identity.why_not(tenant, rail)?;
                Some(("rail_not_offered", why))
            }
            _ => None,
        });
        if let Some((code, detail)) = no_way {
            wrong.push(complaint(pointer, code, detail));
            return Ok(None);
        }
        let found = match end {
            EndpointRef::Wallet(id) => self.wallet(tenant, id).await?,
            EndpointRef::BankAccount(id) => self.bank_account(tenant, id).await?,
            EndpointRef::Card(id) => self.card(tenant, id).await?,
            EndpointRef::Merchant(id) => self.merchant(tenant, id).await?,
            EndpointRef::Checkout(rail) => Some(checkout(rail)),
        };
        let Some(end) = found else {
            wrong.push(complaint(pointer, "unknown", "is no account here"));
            return Ok(None);
        };
        let unfit = match (end.fitness, end.currency, currency) {
            (Fitness::Closed, ..) => Some(complaint(pointer, "closed", "is not open")),
            (Fitness::Frozen, ..) => Some(complaint(pointer, "frozen", "is frozen")),
            (Fitness::Fit, Some(kept), Some(wanted)) if kept != wanted => {
                let detail = format!("is kept in {kept}, not in {wanted}");
                Some(complaint(pointer, "currency_differs", detail))
            }
            (Fitness::Fit, ..) => None,
        };
        let unfit = unfit.or_else(|| cannot(end.endpoint, side));
        Ok(match unfit {
            Some(why) => {
                wrong.push(why);
                None
            }
            None => Some(End {
                fitness: Fitness::Fit,
                ..end
            }),
        })
    }

    /// One account under two names is still one: a merchant's till, or a bank account that was
    /// linked twice.
    pub(crate) async fn are_one_account(
        &self,
        tenant: &Tenant,
        source: Endpoint,
        destination: Endpoint,
    ) -> Result<bool, AcceptError> {
        Ok(match (source, destination) {
            (Endpoint::Wallet { account }, Endpoint::Merchant { till, .. }) => {
                till.account() == account
            }
            (
                Endpoint::BankAccount { account, rail },
                Endpoint::BankAccount {
                    account: other,
                    rail: its_rail,
                },
            ) if rail == its_rail => self.have_one_number(tenant, account, other).await?,
            _ => false,
        })
    }

    async fn have_one_number(
        &self,
        tenant: &Tenant,
        one: BankAccountId,
        other: BankAccountId,
    ) -> Result<bool, AcceptError> {
        let shown = |found: Option<identity::BankAccount>| found.map(|bank| bank.last_four);
        let first = self.identity.bank_account(tenant, one).await;
        let second = self.identity.bank_account(tenant, other).await;
        if shown(first.map_err(StoreError::from)?) != shown(second.map_err(StoreError::from)?) {
            return Ok(false);
        }
        // Only where the ends of the numbers agree are they worth opening.
        let first = self.identity.reveal_number(tenant, one).await;
        let second = self.identity.reveal_number(tenant, other).await;
        Ok(first.map_err(StoreError::from)? == second.map_err(StoreError::from)?)
    }

    async fn wallet(&self, tenant: &Tenant, id: AccountId) -> Result<Option<End>, AcceptError> {
        let account = ledger::account(&self.db, *tenant, id).await?;
        // House accounts are ours alone: nobody outside may even learn that they exist.
        let wallet = account.filter(|found| matches!(found.reference, AccountRef::Wallet(_)));
        Ok(wallet.and_then(|wallet| {
            Some(End {
                endpoint: Endpoint::Wallet { account: id },
                owner: Some(wallet.user()?),
                currency: Some(wallet.currency()),
                fitness: fitness(wallet.state),
                fee: FeeTerms::default(),
            })
        }))
    }

    async fn bank_account(
        &self,
        tenant: &Tenant,
        id: BankAccountId,
    ) -> Result<Option<End>, AcceptError> {
        let found = self.identity.bank_account(tenant, id).await;
        Ok(found.map_err(StoreError::from)?.map(|bank| End {
            endpoint: Endpoint::BankAccount {
                account: id,
                rail: bank.rail,
            },
            owner: Some(bank.user),
            currency: Some(bank.currency),
            fitness: linked(bank.state),
            fee: FeeTerms::default(),
        }))
    }

    async fn card(&self, tenant: &Tenant, id: CardId) -> Result<Option<End>, AcceptError> {
        let found = self.identity.card(tenant, id).await;
        Ok(found.map_err(StoreError::from)?.map(|card| End {
            endpoint: Endpoint::Card {
                card: id,
                rail: card.rail,
            },
            owner: Some(card.user),
            currency: None,
            fitness: linked(card.state),
            fee: FeeTerms::default(),
        }))
    }

    /// A merchant is as fit as the account it is paid into.
    async fn merchant(&self, tenant: &Tenant, id: MerchantId) -> Result<Option<End>, AcceptError> {
        let found = self.identity.merchant(tenant, id).await;
        let Some(merchant) = found.map_err(StoreError::from)? else {
            return Ok(None);
        };
        let till = ledger::account(&self.db, *tenant, merchant.till.account()).await?;
        let till = till.filter(|till| {
            matches!(
                (till.reference, merchant.till),
                (AccountRef::Wallet(_), Till::Wallet { .. })
                    | (AccountRef::Float(_), Till::Float { .. })
            )
        });
        Ok(till.map(|till| End {
            endpoint: Endpoint::Merchant {
                merchant: id,
                till: merchant.till,
            },
            owner: Some(merchant.user),
            currency: Some(till.currency()),
            fitness: match linked(merchant.state) {
                Fitness::Fit => fitness(till.state),
                unfit => unfit,
            },
            fee: merchant.fee,
        }))
    }
}

fn checkout(rail: RailId) -> End {
    End {
        endpoint: Endpoint::Checkout { rail },
        owner: None,
        currency: None,
        fitness: Fitness::Fit,
        fee: FeeTerms::default(),
    }
}

/// What no search can make possible.
fn impossible(end: EndpointRef, side: Side) -> Option<(&'static str, &'static str)> {
    match (end, side) {
        (EndpointRef::Merchant(_), Side::Source) => {
            Some(("not_a_source", "can only be paid; nothing is taken from it"))
        }
        (EndpointRef::Checkout(_), Side::Destination) => {
            Some(("not_a_destination", "can only pay; nobody is known there"))
        }
        (EndpointRef::Checkout(rail), Side::Source) if !rail.has_a_checkout() => {
            Some(("no_checkout", "is over a rail without a checkout"))
        }
        _ => None,
    }
}

/// What the rail of an end cannot do.
fn cannot(end: Endpoint, side: Side) -> Option<FieldError> {
    match (end, side) {
        (Endpoint::Card { rail, .. }, Side::Destination) if !rail.pays_cards() => {
            let detail = format!("is a card, and {rail} cannot pay cards");
            let (pointer, code) = (side.pointer(), "card_cannot_be_paid");
            Some(complaint(pointer, code, detail))
        }
        _ => None,
    }
}

const fn fitness(state: State) -> Fitness {
    match state {
        State::Open => Fitness::Fit,
        State::Frozen => Fitness::Frozen,
        State::Closed => Fitness::Closed,
    }
}

const fn linked(state: BankAccountState) -> Fitness {
    match state {
        BankAccountState::Open => Fitness::Fit,
        BankAccountState::Unlinked => Fitness::Closed,
    }
}

pub(crate) fn complaint(
    pointer: &str,
    code: &'static str,
    detail: impl Into<String>,
) -> FieldError {
    FieldError {
        pointer: pointer.to_owned(),
        code,
        detail: detail.into(),
    }
}
