//! What an API key may do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// See everything of the tenant.
    Read,
    /// Start transfers.
    TransfersWrite,
    /// Link bank accounts and cards.
    AccountsWrite,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::TransfersWrite, Self::AccountsWrite];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::TransfersWrite => "transfers:write",
            Self::AccountsWrite => "accounts:write",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a scope that this version knows")]
pub struct UnknownScope;

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(name: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.name() == name)
            .ok_or(UnknownScope)
    }
}

/// A set of scopes. Stored as their names with spaces between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<Scope>);

impl Scopes {
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    pub fn contains(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// A scope that only a newer version knows grants nothing here.
    pub(crate) fn read(text: &str) -> Self {
        text.split(' ')
            .filter_map(|name| name.parse().ok())
            .collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|scope| scope.name()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_read_back_and_unknown_words_grant_nothing() {
        assert_eq!(Scopes::read(&Scopes::all().to_string()), Scopes::all());
        assert_eq!(
            Scopes::read("everything  read"),
            [Scope::Read].into_iter().collect()
        );
        assert_eq!(Scopes::read(""), Scopes::default());
    }
}
