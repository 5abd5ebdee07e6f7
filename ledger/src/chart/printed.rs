//! The chart as a page: every purpose with what its balance says and which events move it.

use std::fmt;

use crate::{Purpose, Template};

/// The chart of accounts, for people: `Chart.to_string()` is the page.
#[derive(Clone, Copy, Debug)]
pub struct Chart;

impl Chart {
    /// The events that move accounts of a purpose, in the order of the list of templates. A
    /// correction moves whatever the entry moved that it takes back, so it is left out.
    pub fn moved_by(purpose: Purpose) -> impl Iterator<Item = Template> {
        let moves = move |template: &Template| {
            let words = template
                .moves()
                .split(|letter: char| !letter.is_alphabetic());
            words.into_iter().any(|word| word == purpose.name())
        };
        Template::ALL.iter().copied().filter(moves)
    }

    /// Whether its balance is above or below zero as long as nothing is unusual.
    pub const fn natural_sign(purpose: Purpose) -> char {
        match purpose {
            Purpose::Nostro | Purpose::Disputes | Purpose::Losses | Purpose::Limits => '-',
            Purpose::Wallet
            | Purpose::Float
            | Purpose::Pool
            | Purpose::Suspense
            | Purpose::Fees
            | Purpose::Liquidity
            | Purpose::Spread
            | Purpose::Limit => '+',
        }
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Amounts are credit positive: what we owe is above zero.")?;
        for purpose in Purpose::ALL.iter().copied() {
            let floor = if purpose.may_go_below_zero() {
                "may go below zero"
            } else {
                "begins with a floor of zero"
            };
            writeln!(f, "\n{purpose}: {}", purpose.says())?;
            writeln!(
                f,
                "    one per {}; naturally {}, {floor}",
                purpose.one_per(),
                Self::natural_sign(purpose)
            )?;
            for template in Self::moved_by(purpose) {
                writeln!(
                    f,
                    "    {template:<24} {}: {}",
                    template.moves(),
                    template.when()
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_is_explained_and_moved() {
        let page = Chart.to_string();
        for purpose in Purpose::ALL.iter().copied() {
            assert!(Chart::moved_by(purpose).next().is_some(), "{purpose}");
            assert!(page.contains(&format!("\n{purpose}: {}", purpose.says())));
            // What may not go below zero is naturally above it.
            assert!(purpose.may_go_below_zero() || Chart::natural_sign(purpose) == '+');
        }
    }

    #[test]
    fn every_template_names_real_purposes() {
        for template in Template::ALL.iter().copied() {
            let named = Purpose::ALL.iter().copied();
            let named = named
                .into_iter()
                .filter(|purpose| Chart::moved_by(*purpose).any(|moved| moved == template))
                .count();
            let corrects = template == Template::Correction;
            assert!(
                corrects || named >= 1,
                "{template} moves {}",
                template.moves()
            );
        }
    }
}
