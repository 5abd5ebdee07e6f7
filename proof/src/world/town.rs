//! The people of a simulation: each with a wallet and with bank accounts of every kind, on every
//! rail that this machine has a bank for.

use std::collections::BTreeMap;

use anyhow::Result;
use db::Tx;
use domain::rail::{BankAccountNumber, RailId};
use domain::{AccountId, BankAccountId, Currency, Mode, Money, Tenant, UserId};
use identity::{IdentityError, NewBankAccount};
use ledger::Entry;

use super::{RAILS, World};

#[derive(Clone, Debug)]
pub struct Town {
    pub tenant: Tenant,
    pub people: Vec<Person>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub user: UserId,
    pub wallet: AccountId,
    /// Gives and takes.
    pub good: BTreeMap<RailId, BankAccountId>,
    /// Neither gives nor takes.
    pub closed: BTreeMap<RailId, BankAccountId>,
    /// Takes, and has nothing to give.
    pub empty: BTreeMap<RailId, BankAccountId>,
}

impl World {
    /// So many people, each with this much in the wallet.
    pub async fn populate(&self, people: usize, in_each_wallet: i64) -> Result<Town> {
        let tenant = self.identity.create_partner(Mode::Sandbox, "Proof").await?;
        let mut town = Town {
            tenant,
            people: Vec::new(),
        };
        for number in 0..people {
            let user = self.identity.create_user(&tenant, "Somebody").await?;
            let account = async |rail, number: &str| {
                let new = NewBankAccount {
                    user,
                    rail: RailId::SandboxBank,
                    currency: Currency::EUR,
                    number: BankAccountNumber::new(number),
                    holder: "Somebody".to_owned(),
                };
                let linked = self.identity.link_bank_account(&tenant, new).await?;
                if rail != RailId::SandboxBank {
                    self.lead_over(linked, rail).await?;
                }
                anyhow::Ok(linked)
            };
            let own = format!("SB-P{number}-0001");
            let (mut good, mut closed, mut empty) =
                (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            for rail in RAILS {
                good.insert(rail, account(rail, &own).await?);
                closed.insert(rail, account(rail, "SB-CLOSED-0001").await?);
                empty.insert(rail, account(rail, "SB-EMPTY-0001").await?);
            }
            let wallet = self.wallet(tenant, user, in_each_wallet).await?;
            town.people.push(Person {
                user,
                wallet,
                good,
                closed,
                empty,
            });
        }
        Ok(town)
    }

    /// Nobody can link an account under such a rail yet: no configuration leads to one. Here one
    /// does, and it is the only one whose bank does not recognise a reference.
    async fn lead_over(&self, account: BankAccountId, rail: RailId) -> Result<()> {
        let params = vec![rail.name().into(), account.to_string().into()];
        let moved = self.db.write(move |tx: &mut Tx| {
            let params = params.clone();
            Box::pin(async move {
                let sql = "UPDATE bank_accounts SET rail = $1 WHERE bank_account_id = $2";
                tx.execute(sql, params).await.map_err(IdentityError::from)
            })
        });
        let moved = moved.await.map_err(IdentityError::from)?;
        anyhow::ensure!(moved == 1, "{account} is not there");
        Ok(())
    }

    async fn wallet(&self, tenant: Tenant, user: UserId, holds: i64) -> Result<AccountId> {
        let money = Money::from_minor(holds, Currency::EUR)?;
        let mint = self.mint.clone();
        let opened = self.db.write(move |tx: &mut Tx| {
            let mint = mint.clone();
            Box::pin(async move {
                let wallet = ledger::open_wallet(tx, &mint, tenant, user, Currency::EUR)
                    .await
                    .map_err(|error| IdentityError::Ledger(Box::new(error)))?;
                if holds > 0 {
                    let name = user.to_string();
                    let rail = RailId::SandboxBank;
                    let opening = Entry::opening(tenant, &name, rail, wallet.id, money);
                    ledger::post(tx, &mint, &opening)
                        .await
                        .map_err(|error| IdentityError::Ledger(Box::new(error)))?;
                }
                Ok::<_, IdentityError>(wallet.id)
            })
        });
        Ok(opened.await.map_err(IdentityError::from)?)
    }
}
