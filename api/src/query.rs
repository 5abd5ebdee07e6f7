//! The query string, read as strictly as a body: only known parameters, each at most once.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use domain::Timestamp;
use http::request::Parts;

use crate::problem::{Fault, Problem};
use crate::state::App;

pub(crate) const DEFAULT_LIMIT: u32 = 20;
pub(crate) const LARGEST_LIMIT: u32 = 100;

/// The parameters as they came.
#[derive(Debug)]
pub(crate) struct Asked(Vec<(String, String)>);

impl FromRequestParts<App> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Query::<Vec<(String, String)>>::from_request_parts(parts, app)
            .await
            .map(|Query(pairs)| Self(pairs))
            .map_err(|_: QueryRejection| {
                Problem::invalid(vec![Fault::parameter(
                    "",
                    "malformed_query",
                    "The query string cannot be read.",
                )])
            })
    }
}

/// Takes parameters out one by one; what is left at the end is unknown.
#[derive(Debug)]
pub(crate) struct Parameters {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl From<Asked> for Parameters {
    fn from(Asked(left): Asked) -> Self {
        Self {
            left,
            known: Vec::new(),
            faults: Vec::new(),
        }
    }
}

impl Parameters {
    /// One parameter, read by `read`, which says what it wants when it cannot.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let (taken, left) = std::mem::take(&mut self.left)
            .into_iter()
            .partition::<Vec<_>, _>(|(known, _)| known == name);
        self.left = left;
        let [(_, value)] = taken.as_slice() else {
            if !taken.is_empty() {
                self.faults.push(Fault::parameter(
                    name,
                    "repeated",
                    "The parameter may be there once only.",
                ));
            }
            return None;
        };
        if value.contains('\0') {
            // One database takes it and the other does not: no parameter of ours has one.
            let fault = Fault::parameter(name, "nul_character", "Text may not hold U+0000.");
            self.faults.push(fault);
            return None;
        }
        read(value)
            .inspect_err(|wanted| {
                self.faults
                    .push(Fault::parameter(name, "not_accepted", wanted.as_str()));
            })
            .ok()
    }

    pub(crate) fn limit(&mut self) -> u32 {
        self.take("limit", |text| {
            text.parse()
                .ok()
                .filter(|limit| (1..=LARGEST_LIMIT).contains(limit))
                .ok_or_else(|| format!("A whole number from 1 to {LARGEST_LIMIT}."))
        })
        .unwrap_or(DEFAULT_LIMIT)
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.take(name, |text| {
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| "RFC 3339 in UTC, such as 2026-11-21T09:30:00Z.".to_owned())
        })
    }

    /// Nothing is answered while anything was wrong or unknown.
    pub(crate) fn end(mut self) -> Result<(), Problem> {
        for (name, _) in &self.left {
            self.faults.push(Fault::parameter(
                name,
                "unknown_parameter",
                format!("Known here: {}.", self.known.join(", ")),
            ));
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Asked(pairs).into()
    }

    #[test]
    fn a_limit_is_one_to_a_hundred_and_twenty_when_not_said() {
        for (pairs, limit) in [
            (vec![], Some(20)),
            (vec![("limit", "1")], Some(1)),
            (vec![("limit", "100")], Some(100)),
            (vec![("limit", "0")], None),
            (vec![("limit", "101")], None),
            (vec![("limit", "-1")], None),
            (vec![("limit", "ten")], None),
            (vec![("limit", "5"), ("limit", "5")], None),
            (vec![("limits", "5")], None),
        ] {
            let mut asked = parameters(&pairs);
            let read = asked.limit();
            assert_eq!(asked.end().ok().map(|()| read), limit, "{pairs:?}");
        }
    }
}
