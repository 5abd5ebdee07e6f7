//! The content that belongs to a key: what must be the same when the key comes again.
//!
//! Conditions are no part of it, and neither is when a hold expires: a caller that comes again
//! counts both from its new now.

use std::str::FromStr;

use domain::{Currency, EntryId, HoldId, Money, TransferId};

use crate::chart::UnknownWord;
use crate::{AccountRef, Entry, Reserve};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// A template's name, or what no template is called.
    pub(crate) template: String,
    pub(crate) transfer: Option<TransferId>,
    pub(crate) corrects: Option<EntryId>,
    pub(crate) linked_to: Option<EntryId>,
    pub(crate) hold: Option<HoldId>,
    pub(crate) legs: Vec<(AccountRef, Money)>,
}

impl Content {
    pub(crate) const HOLD: &'static str = "hold";

    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            template: entry.template.name().to_owned(),
            transfer: entry.transfer,
            corrects: entry.corrects,
            linked_to: entry.linked_to,
            hold: entry.hold,
            legs: entry
                .legs
                .iter()
                .map(|leg| (leg.account, leg.money))
                .collect(),
        }
    }

    pub(crate) fn of_hold(reserve: &Reserve) -> Self {
        Self::held(reserve.transfer, reserve.account, reserve.money)
    }

    pub(crate) fn held(transfer: Option<TransferId>, account: AccountRef, money: Money) -> Self {
        Self {
            template: Self::HOLD.to_owned(),
            transfer,
            corrects: None,
            linked_to: None,
            hold: None,
            legs: vec![(account, money)],
        }
    }

    /// The first field that differs.
    pub(crate) fn differs(&self, other: &Self) -> Option<&'static str> {
        let fields = [
            ("template", self.template != other.template),
            ("transfer", self.transfer != other.transfer),
            ("legs", self.legs.len() != other.legs.len()),
        ];
        let legs = self.legs.iter().zip(&other.legs).flat_map(|(one, two)| {
            [
                ("currency", one.1.currency() != two.1.currency()),
                ("amount", one.1.minor() != two.1.minor()),
                ("account", one.0 != two.0),
            ]
        });
        let links = [
            ("corrects", self.corrects != other.corrects),
            ("linked_to", self.linked_to != other.linked_to),
            ("hold", self.hold != other.hold),
        ];
        let mut all = fields.into_iter().chain(legs).chain(links);
        all.find(|(_, differs)| *differs).map(|(field, _)| field)
    }

    /// As it is kept beside a remembered refusal: a line a field, then a line a leg.
    pub(crate) fn write(&self) -> String {
        fn maybe<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(|| "-".to_owned(), |value| value.to_string())
        }
        let mut lines = vec![
            self.template.clone(),
            maybe(self.transfer),
            maybe(self.corrects),
            maybe(self.linked_to),
            maybe(self.hold),
        ];
        let legs = self
            .legs
            .iter()
            .map(|(account, money)| format!("{} {} {account}", money.minor(), money.currency()));
        lines.extend(legs);
        lines.join("\n")
    }

    pub(crate) fn read(text: &str) -> Result<Self, UnknownWord> {
        fn maybe<T: FromStr>(line: Option<&str>) -> Result<Option<T>, UnknownWord> {
            match line {
                None => Err(UnknownWord),
                Some("-") => Ok(None),
                Some(id) => id.parse().map(Some).map_err(|_| UnknownWord),
            }
        }
        let mut lines = text.split('\n');
        let mut content = Self {
            template: lines.next().ok_or(UnknownWord)?.to_owned(),
            transfer: maybe(lines.next())?,
            corrects: maybe(lines.next())?,
            linked_to: maybe(lines.next())?,
            hold: maybe(lines.next())?,
            legs: Vec::new(),
        };
        for line in lines {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().ok_or(UnknownWord);
            let minor = word()?.parse().map_err(|_| UnknownWord)?;
            let currency: Currency = word()?.parse().map_err(|_| UnknownWord)?;
            let account = word()?.parse()?;
            let money = Money::from_minor(minor, currency).map_err(|_| UnknownWord)?;
            content.legs.push((account, money));
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use domain::AccountId;

    use super::*;
    use crate::Place;

    #[test]
    fn what_is_remembered_is_read_back() {
        let money = Money::from_minor(-5, Currency::EUR).unwrap();
        let content = Content {
            template: "opening".to_owned(),
            transfer: Some(TransferId::from_bits(3)),
            corrects: None,
            linked_to: Some(EntryId::from_bits(4)),
            hold: Some(HoldId::from_bits(5)),
            legs: vec![
                (AccountRef::Wallet(AccountId::from_bits(1)), money),
                (AccountRef::Pool(Place::Internal), money.reversed()),
            ],
        };
        assert_eq!(Content::read(&content.write()), Ok(content));
        assert!(Content::read("opening").is_err());
    }
}
