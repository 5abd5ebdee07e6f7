//! Partners, keys, users and bank accounts on both databases.
#![allow(clippy::unwrap_used)]

mod both;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use both::{House, each};
use domain::rail::{BankAccountNumber, RailId};
use domain::{BankAccountId, Currency, Mode, Tenant, UserId};
use identity::{AuthError, IdentityError, NewBankAccount, NewKey, Scope, Scopes, seed};

fn main() -> ExitCode {
    let mut trials = Vec::new();
    trials.extend(each("a_key_opens_its_tenant_and_nothing_else", keys));
    trials.extend(each("an_expired_and_a_revoked_key_open_nothing", key_ends));
    trials.extend(each("tenants_do_not_see_each_other", tenants));
    trials.extend(each("a_number_is_revealed_only_in_its_tenant", numbers));
    trials.extend(each("a_bad_number_or_name_is_refused_by_field", refusals));
    trials.extend(each("erasing_a_person_leaves_nothing_to_read", erasing));
    trials.extend(each("pages_of_users_are_complete_and_in_order", pages));
    trials.extend(each("the_demo_is_made_once", demo_once));
    trials.extend(each("many_demos_at_once_are_one", demo_storm));
    trials.extend(each("no_secret_is_in_the_files", no_secret_in_the_files));
    testkit::main(trials)
}

fn new_key(scopes: Scopes) -> NewKey {
    NewKey {
        name: "test".to_owned(),
        scopes,
        expires_at: None,
    }
}

fn bank(user: UserId, number: &str) -> NewBankAccount {
    NewBankAccount {
        user,
        rail: RailId::SandboxBank,
        currency: Currency::EUR,
        number: BankAccountNumber::new(number),
        holder: "Holder Canary".to_owned(),
    }
}

async fn keys(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let read: Scopes = [Scope::Read].into_iter().collect();
    let issued = people.create_key(&tenant, new_key(read.clone())).await?;

    let caller = people.authenticate(&issued.text).await?;
    ensure!((caller.tenant, caller.key, caller.scopes) == (tenant, issued.id, read));

    // Right id and wrong secret; the other mode; another id; garbage.
    let text = issued.text.as_str();
    let last = if text.ends_with('0') { '1' } else { '0' };
    let wrong_secret = format!("{}{last}", &text[..text.len() - 1]);
    let other_mode = text.replace("rk_sandbox_", "rk_live_");
    let other = people.create_key(&tenant, new_key(Scopes::all())).await?;
    let swapped = format!("{}{}", &other.text[..40], &text[40..]);
    for shown in [&wrong_secret, &other_mode, &swapped, "rk_sandbox_", ""] {
        let refused = people.authenticate(shown).await;
        ensure!(
            matches!(refused, Err(AuthError::Unknown)),
            "{shown}: {refused:?}"
        );
    }
    Ok(())
}

async fn key_ends(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Live, "One").await?;
    let mut short = new_key(Scopes::all());
    short.expires_at = Some(ambient::Clock::now(&house.clock).after(Duration::from_secs(60)));
    let short = people.create_key(&tenant, short).await?;
    let long = people.create_key(&tenant, new_key(Scopes::all())).await?;

    people.authenticate(&short.text).await?;
    house.later(Duration::from_secs(60));
    ensure!(matches!(
        people.authenticate(&short.text).await,
        Err(AuthError::Expired(_))
    ));

    let foreign = people.create_partner(Mode::Live, "Two").await?;
    let refused = people.revoke_key(&foreign, long.id).await;
    ensure!(matches!(refused, Err(IdentityError::NotFound(_))));
    people.authenticate(&long.text).await?;
    people.revoke_key(&tenant, long.id).await?;
    people.revoke_key(&tenant, long.id).await?;
    ensure!(matches!(
        people.authenticate(&long.text).await,
        Err(AuthError::Revoked(_))
    ));
    Ok(())
}

async fn tenants(house: House) -> Result<()> {
    let people = &house.identity;
    let ours = people.create_partner(Mode::Sandbox, "One").await?;
    let user = people.create_user(&ours, "Alice").await?;
    let account = people
        .link_bank_account(&ours, bank(user, "SB-ALICE-0001"))
        .await?;

    let other = people.create_partner(Mode::Sandbox, "Two").await?;
    let live = Tenant {
        mode: Mode::Live,
        ..ours
    };
    for foreign in [other, live] {
        ensure!(people.user(&foreign, user).await?.is_none());
        ensure!(people.users(&foreign, None, 10).await?.is_empty());
        ensure!(people.bank_account(&foreign, account).await?.is_none());
        ensure!(
            people
                .bank_accounts(&foreign, Some(user), None, 10)
                .await?
                .is_empty()
        );
        ensure!(people.subject_key(&foreign, user).await?.is_none());
        ensure!(people.erase(&foreign, user).await.is_err());
        ensure!(
            people
                .link_bank_account(&foreign, bank(user, "X"))
                .await
                .is_err()
        );
    }
    ensure!(people.user(&ours, user).await?.unwrap().name.as_deref() == Some("Alice"));
    Ok(())
}

async fn numbers(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let user = people.create_user(&tenant, "Alice").await?;
    let id = people
        .link_bank_account(&tenant, bank(user, "SB-ALICE-0001"))
        .await?;
    ensure!(people.reveal_number(&tenant, id).await?.reveal() == "SB-ALICE-0001");
    let shown = people.bank_account(&tenant, id).await?.unwrap();
    ensure!(shown.last_four == "0001" && shown.user == user);

    let other = people.create_partner(Mode::Sandbox, "Two").await?;
    for (tenant, id) in [(other, id), (tenant, BankAccountId::from_bits(1))] {
        let refused = people.reveal_number(&tenant, id).await;
        ensure!(
            matches!(refused, Err(IdentityError::NotFound(_))),
            "{refused:?}"
        );
    }
    Ok(())
}

async fn refusals(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let live = people.create_partner(Mode::Live, "One").await?;
    let user = people.create_user(&tenant, "Alice").await?;
    let live_user = people.create_user(&live, "Alice").await?;
    let mut nameless = bank(user, "SB-ALICE-0001");
    nameless.holder = " ".to_owned();
    for (tenant, new, field) in [
        (tenant, bank(user, ""), "number"),
        (tenant, bank(user, "DE12 3456"), "number"),
        (tenant, bank(user, &"1".repeat(35)), "number"),
        (tenant, nameless, "holder"),
        (live, bank(live_user, "SB-ALICE-0001"), "rail"),
    ] {
        match people.link_bank_account(&tenant, new).await {
            Err(IdentityError::Invalid { field: wrong, .. }) => ensure!(wrong == field),
            other => bail!("{field}: {other:?}"),
        }
    }
    for name in ["", "  ", "a\0b", &"x".repeat(141)] {
        let refused = people.create_user(&tenant, name).await;
        ensure!(matches!(
            refused,
            Err(IdentityError::Invalid { field: "name", .. })
        ));
    }
    ensure!(
        people
            .bank_accounts(&tenant, None, None, 10)
            .await?
            .is_empty()
    );
    Ok(())
}

async fn erasing(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let user = people.create_user(&tenant, "Alice").await?;
    let other = people.create_user(&tenant, "Bob").await?;
    let id = people
        .link_bank_account(&tenant, bank(user, "SB-ALICE-0001"))
        .await?;
    people.erase(&tenant, user).await?;
    people.erase(&tenant, user).await?;

    ensure!(people.user(&tenant, user).await?.unwrap().name.is_none());
    let refused = people.reveal_number(&tenant, id).await;
    ensure!(matches!(refused, Err(IdentityError::Erased)), "{refused:?}");
    let refused = people
        .link_bank_account(&tenant, bank(user, "SB-ALICE-0002"))
        .await;
    ensure!(matches!(refused, Err(IdentityError::Erased)), "{refused:?}");
    ensure!(people.user(&tenant, other).await?.unwrap().name.is_some());
    Ok(())
}

async fn pages(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(
            people
                .create_user(&tenant, &format!("User {number}"))
                .await?,
        );
    }
    let mut seen = Vec::new();
    loop {
        let page = people.users(&tenant, seen.last().copied(), 3).await?;
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|user| user.id));
    }
    ensure!(seen == made);
    Ok(())
}

async fn demo_once(house: House) -> Result<()> {
    let first = seed::demo(&house.identity).await?;
    let key = first.key.unwrap();
    ensure!(house.identity.authenticate(&key.text).await?.tenant == first.tenant);
    let names: Vec<_> = first
        .people
        .iter()
        .map(|person| person.name.as_str())
        .collect();
    ensure!(names == ["Alice", "Bob", "Carol"], "{names:?}");
    let counts: Vec<_> = first
        .people
        .iter()
        .map(|person| person.bank_accounts.len())
        .collect();
    ensure!(counts == [1, 2, 2]);
    let carol = &first.people[2];
    let number = house
        .identity
        .reveal_number(&first.tenant, carol.bank_accounts[1])
        .await?;
    ensure!(number.reveal() == "SB-EMPTY-0001");

    let second = seed::demo(&house.identity).await?;
    ensure!(second.key.is_none() && second.people == first.people);
    let balance = ledger::balance(&house.db, first.tenant, carol.wallet).await?;
    ensure!(balance.unwrap().minor() == 25_000, "{balance:?}");
    let report = ledger::check::books(&house.db).await?;
    ensure!(report.is_true(), "{report:?}");
    Ok(())
}

async fn demo_storm(house: House) -> Result<()> {
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let identity = house.identity.clone();
            tokio::spawn(async move { seed::demo(&identity).await })
        })
        .collect();
    let mut keys = 0;
    for call in calls {
        let demo = call.await??;
        ensure!(demo.people.len() == 3);
        keys += usize::from(demo.key.is_some());
    }
    ensure!(keys == 1, "{keys} callers were shown a key");
    Ok(())
}

/// What SQLite keeps on disk, journal included, holds nothing that names a person or opens a door.
async fn no_secret_in_the_files(house: House) -> Result<()> {
    let people = &house.identity;
    let tenant = people.create_partner(Mode::Sandbox, "One").await?;
    let user = people.create_user(&tenant, "Name Canary").await?;
    people
        .link_bank_account(&tenant, bank(user, "NUMBER-CANARY-77"))
        .await?;
    let key = people.create_key(&tenant, new_key(Scopes::all())).await?;
    let secret = key.text.rsplit('_').next().unwrap().to_owned();
    // Everything that was stored, as PostgreSQL would show it; the files themselves on SQLite.
    let mut stored = Vec::new();
    for table in ["users", "bank_accounts", "api_keys", "subject_keys"] {
        let sql = format!("SELECT CAST(partner_id AS TEXT) AS p FROM {table}");
        ensure!(
            !house.db.fetch_all(&sql, db::params![]).await?.is_empty(),
            "{table} is empty"
        );
    }
    for file in std::fs::read_dir(house.dir.path())? {
        let path = file?.path();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("remit.db"))
        {
            stored.extend(std::fs::read(path)?);
        }
    }
    if matches!(house.db.dialect(), db::Dialect::Postgres) {
        for sql in [
            "SELECT CAST(users AS TEXT) AS line FROM users",
            "SELECT CAST(bank_accounts AS TEXT) AS line FROM bank_accounts",
            "SELECT CAST(api_keys AS TEXT) AS line FROM api_keys",
        ] {
            for row in house.db.fetch_all(sql, db::params![]).await? {
                stored.extend(row.text("line")?.into_bytes());
            }
        }
    }
    ensure!(stored.len() > 100);
    // PostgreSQL writes bytes as hexadecimal.
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for canary in ["Name Canary", "Holder Canary", "NUMBER-CANARY", &secret] {
        for form in [canary.to_owned(), hex(canary)] {
            let found = stored
                .windows(form.len())
                .any(|window| window == form.as_bytes());
            ensure!(!found, "{canary} is stored in clear");
        }
    }
    let id = tenant.partner.to_string();
    ensure!(
        stored
            .windows(id.len())
            .any(|window| window == id.as_bytes()),
        "looked in vain"
    );
    Ok(())
}
