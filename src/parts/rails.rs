//! The rails that this process can use: where their banks are, and what they sign with.

use adapters::{RailConfig, Rails, Secret, sandbox_bank, stripe};
use domain::Code;

use super::House;
use crate::failure::Failure;

/// None where this process knows of no bank.
pub(crate) fn build(house: &House) -> Result<Option<Rails>, Failure> {
    let Some(bank) = &house.places.bank else {
        return Ok(None);
    };
    let live = house.settings.live.iter().cloned();
    let sandboxes = sandboxes(bank, house.notice_secret.as_deref());
    let rails = Rails::build(sandboxes.into_iter().chain(live)).map_err(|error| {
        Failure::caused(
            Code::ConfigInvalid,
            "the rails to the banks cannot be used",
            &error,
        )
    })?;
    Ok(Some(rails))
}

/// The sandbox bank, and the card network that answers below it at the same address.
fn sandboxes(address: &str, secret: Option<&str>) -> [RailConfig; 2] {
    // The network takes any key of the usual form: it has one client, and no money.
    let key = Secret::new("sk_sandbox");
    let cards = format!("{}/cards", address.trim_end_matches('/'));
    let secrets: Vec<_> = secret.into_iter().map(Secret::new).collect();
    [
        RailConfig::SandboxBank(sandbox_bank::Config {
            webhook_secrets: secrets.clone(),
            ..sandbox_bank::Config::at(address)
        }),
        RailConfig::SandboxCards(stripe::Config {
            webhook_secrets: secrets,
            // Where the network's own pages are; a shop would name its own.
            return_url: Some(format!("{cards}/")),
            ..stripe::Config::at(cards.clone(), key)
        }),
    ]
}
