//! The sandbox's sample data: a demo partner with three users, their wallets, bank accounts and
//! cards, and a merchant.
//!
//! | who   | wallet   | bank accounts                                                           | cards |
//! |-------|----------|-------------------------------------------------------------------------|-------|
//! | Alice | 1,000.00 | `SB-ALICE-0001`                                                         | 4242  |
//! | Bob   | 500.00   | `SB-BOB-0001`, and `SB-CLOSED-0001`: payouts are refused, account closed |       |
//! | Carol | 250.00   | `SB-CAROL-0001`, and `SB-EMPTY-0001`: debits are refused, no funds       | 9995: no funds |
//!
//! Bob's shop is paid into his wallet, less 1.4 % and 0.25.
//!
//! All of it appears in one commit. The partner's id is fixed, so a second call finds the first.

use db::Tx;
use domain::rail::{BankAccountNumber, CardToken, RailId};
use domain::transfer::Till;
use domain::{
    AccountId, BankAccountId, CardId, Currency, MerchantId, Mode, Money, PartnerId, Tenant, UserId,
};
use ledger::Entry;

use crate::{
    FeeTerms, Identity, IdentityError, IssuedKey, LONGEST_PAGE, NewBankAccount, NewCard, NewKey,
    NewMerchant, Scopes, bank_accounts, cards, keys, partners, users,
};

/// The demo partner's tenant, the same in every sandbox.
pub const TENANT: Tenant = Tenant {
    partner: PartnerId::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0001),
    mode: Mode::Sandbox,
};

const PARTNER: &str = "Demo Bank & Co";
const CURRENCY: Currency = Currency::EUR;
const RAIL: RailId = RailId::SandboxBank;
const CARDS: RailId = RailId::SandboxCards;
/// 1.4 % and 0.25.
const SHOP_FEE: FeeTerms = FeeTerms {
    millionths: 14_000,
    fixed: 25,
};

struct Sample {
    name: &'static str,
    /// Minor units.
    wallet: i64,
    /// Number and holder, the good one first.
    banks: &'static [(&'static str, &'static str)],
    /// The network's token, the first digits and the last ones.
    cards: &'static [(&'static str, &'static str, &'static str)],
    /// What the shop is called, if there is one.
    shop: Option<&'static str>,
}

const PEOPLE: [Sample; 3] = [
    Sample {
        name: "Alice",
        wallet: 100_000,
        banks: &[("SB-ALICE-0001", "Alice")],
        cards: &[("pm_card_visa", "424242", "4242")],
        shop: None,
    },
    Sample {
        name: "Bob",
        wallet: 50_000,
        banks: &[
            ("SB-BOB-0001", "Bob"),
            ("SB-CLOSED-0001", "Bob (closed account)"),
        ],
        cards: &[],
        shop: Some("Bob's Books"),
    },
    Sample {
        name: "Carol",
        wallet: 25_000,
        banks: &[
            ("SB-CAROL-0001", "Carol"),
            ("SB-EMPTY-0001", "Carol (empty account)"),
        ],
        cards: &[(
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "400000",
            "9995",
        )],
        shop: None,
    },
];

#[derive(Debug)]
pub struct Demo {
    pub tenant: Tenant,
    /// Only from the call that made it: a key is shown once.
    pub key: Option<IssuedKey>,
    pub people: Vec<Person>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub user: UserId,
    pub name: String,
    pub wallet: AccountId,
    /// The good one first, then those that refuse.
    pub bank_accounts: Vec<BankAccountId>,
    pub cards: Vec<CardId>,
    pub merchants: Vec<MerchantId>,
}

/// Makes the sample data, or finds it.
pub async fn demo(identity: &Identity) -> Result<Demo, IdentityError> {
    if identity.partner_name(&TENANT).await?.is_none() {
        let (draft, key) = draft(identity)?;
        let (mint, writer) = (identity.mint.clone(), identity.clone());
        let new = identity
            .db
            .write(move |tx: &mut Tx| {
                let identity = writer.clone();
                Box::pin(async move { draft.insert(tx, &identity, &mint).await })
            })
            .await?;
        // Somebody else may have been quicker; then our key was never stored.
        let key = new.then_some(key);
        return found(identity, key).await;
    }
    found(identity, None).await
}

#[derive(Clone)]
struct Draft {
    key: keys::Draft,
    people: Vec<DraftPerson>,
}

#[derive(Clone)]
struct DraftPerson {
    user: users::Draft,
    money: Money,
    banks: Vec<bank_accounts::Draft>,
    cards: Vec<cards::Draft>,
    shop: Option<&'static str>,
}

/// A further key for the demo partner, for whoever lost the first one.
pub async fn another_key(identity: &Identity) -> Result<IssuedKey, IdentityError> {
    identity.create_key(&TENANT, new_key()).await
}

fn new_key() -> NewKey {
    NewKey {
        name: "Demo".to_owned(),
        scopes: Scopes::all(),
        expires_at: None,
    }
}

fn draft(identity: &Identity) -> Result<(Draft, IssuedKey), IdentityError> {
    let (key, issued) = identity.draft_key(&TENANT, new_key())?;
    let people = PEOPLE
        .iter()
        .map(|sample| {
            let user = identity.draft_user(&TENANT, sample.name)?;
            let banks = sample
                .banks
                .iter()
                .map(|(number, holder)| {
                    let new = NewBankAccount {
                        user: user.user,
                        rail: RAIL,
                        currency: CURRENCY,
                        number: BankAccountNumber::new(*number),
                        holder: (*holder).to_owned(),
                    };
                    identity.draft_bank_account(&TENANT, &user.key, &new)
                })
                .collect::<Result<_, _>>()?;
            let cards = sample
                .cards
                .iter()
                .map(|(token, bin, last_four)| {
                    let new = NewCard {
                        user: user.user,
                        rail: CARDS,
                        token: CardToken::new(*token),
                        bin: (*bin).to_owned(),
                        last_four: (*last_four).to_owned(),
                    };
                    identity.draft_card(&TENANT, &user.key, &new)
                })
                .collect::<Result<_, _>>()?;
            let money = Money::from_minor(sample.wallet, CURRENCY);
            Ok(DraftPerson {
                money: money.map_err(ledger_error)?,
                shop: sample.shop,
                user,
                banks,
                cards,
            })
        })
        .collect::<Result<_, IdentityError>>()?;
    Ok((Draft { key, people }, issued))
}

impl Draft {
    /// False, with nothing written, when the partner is there already.
    async fn insert(
        self,
        tx: &mut Tx,
        identity: &Identity,
        mint: &ambient::Mint,
    ) -> Result<bool, IdentityError> {
        if !partners::insert(tx, &TENANT, PARTNER).await? {
            return Ok(false);
        }
        self.key.insert(tx, &TENANT).await?;
        for person in self.people {
            let (owner, key) = (person.user.user, person.user.key.clone());
            person.user.insert(tx, &TENANT).await?;
            for bank in person.banks {
                bank.insert(tx, &TENANT).await?;
            }
            for card in person.cards {
                card.insert(tx, &TENANT).await?;
            }
            let wallet = ledger::open_wallet(tx, mint, TENANT, owner, CURRENCY)
                .await
                .map_err(ledger_error)?;
            let opening = Entry::opening(TENANT, &owner.to_string(), RAIL, wallet.id, person.money);
            ledger::post(tx, mint, &opening)
                .await
                .map_err(ledger_error)?;
            if let Some(name) = person.shop {
                let account = wallet.id;
                let new = NewMerchant {
                    user: owner,
                    name: name.to_owned(),
                    till: Till::Wallet { account },
                    currency: CURRENCY,
                    fee: SHOP_FEE,
                };
                let shop = identity.draft_merchant(&key, &new)?;
                shop.insert(tx, &TENANT).await?;
            }
        }
        Ok(true)
    }
}

async fn found(identity: &Identity, key: Option<IssuedKey>) -> Result<Demo, IdentityError> {
    let mut people = Vec::new();
    // The sample people are the oldest: others may have been added since.
    let oldest = u32::try_from(PEOPLE.len()).unwrap_or(LONGEST_PAGE);
    for user in identity.users(&TENANT, None, oldest).await? {
        let wallets = ledger::accounts_of(&identity.db, TENANT, user.id).await?;
        let Some(wallet) = wallets.first() else {
            continue;
        };
        let banks = identity
            .bank_accounts(&TENANT, Some(user.id), None, LONGEST_PAGE)
            .await?;
        let cards = identity.cards(&TENANT, user.id).await?;
        let merchants = identity.merchants(&TENANT, user.id).await?;
        people.push(Person {
            cards: cards.into_iter().map(|card| card.id).collect(),
            merchants: merchants.into_iter().map(|shop| shop.id).collect(),
            user: user.id,
            name: user.name.unwrap_or_default(),
            wallet: wallet.id,
            bank_accounts: banks.into_iter().map(|bank| bank.id).collect(),
        });
    }
    Ok(Demo {
        tenant: TENANT,
        key,
        people,
    })
}

fn ledger_error<E: std::error::Error + Send + Sync + 'static>(error: E) -> IdentityError {
    IdentityError::Ledger(Box::new(error))
}
