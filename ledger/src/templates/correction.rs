//! A wrong entry is never changed: another one takes it back exactly, and says which.

use domain::{EntryId, Money, Tenant, TransferId};

use crate::{Entry, Leg, Template};

impl Entry {
    /// The legs of the entry as they stand in the book, the other way and the last first. The key
    /// is derived from the entry, so that it is taken back at most once.
    pub(crate) fn correction(
        tenant: Tenant,
        wrong: EntryId,
        transfer: Option<TransferId>,
        legs: &[Leg],
    ) -> Option<Self> {
        let back = |leg: &Leg| Leg {
            account: leg.account,
            money: leg.money.reversed(),
        };
        let legs: Vec<Leg> = legs.iter().rev().map(back).collect();
        let Leg { money, .. } = legs.first()?;
        let moved = if money.is_negative() {
            money.reversed()
        } else {
            *money
        };
        let key = format!("{}:{wrong}", Template::Correction);
        Some(Self {
            corrects: Some(wrong),
            ..Self::of_legs(tenant, key, transfer, moved, legs)
        })
    }

    const fn of_legs(
        tenant: Tenant,
        key: String,
        transfer: Option<TransferId>,
        moved: Money,
        legs: Vec<Leg>,
    ) -> Self {
        Self::new(tenant, key, transfer, Template::Correction, moved, legs)
    }
}

#[cfg(test)]
mod tests {
    use domain::Step;

    use super::*;
    use crate::templates::tests::{CAME_BY, FLOAT, TENANT, check, eur, step};

    #[test]
    fn takes_back_every_leg() {
        let settle = step(Step::Settle);
        let wrong =
            Entry::pay_merchant(TENANT, settle, CAME_BY, FLOAT, eur(10_00), eur(30)).unwrap();
        let id = EntryId::from_bits(5);
        let right = Entry::correction(TENANT, id, wrong.transfer(), wrong.legs()).unwrap();
        assert_eq!(right.corrects, Some(id));
        assert_eq!(right.transfer(), wrong.transfer());
        assert!(right.money.is_positive());
        check(
            &[right],
            &[
                "correction [correction:en_00000000000000000000000005] fees -0.30 EUR, float -9.70 EUR, pool@rail 10.00 EUR",
            ],
        );
        assert_eq!(Entry::correction(TENANT, id, None, &[]), None);
    }

    #[test]
    fn what_replaces_it_has_a_key_of_its_own() {
        let id = EntryId::from_bits(5);
        let step = step(Step::Settle);
        let paid = Entry::pay_merchant(TENANT, step, CAME_BY, FLOAT, eur(9_00), eur(0)).unwrap();
        let anew = paid.clone().replacing(id);
        assert_ne!(anew.key(), paid.key());
        assert_eq!(anew.linked_to, Some(id));
        assert_eq!(anew.legs(), paid.legs());
    }
}
