//! Lists: a page, whether there is more, and an opaque cursor to go on from.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::query::Parameters;

#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    object: &'static str,
    data: Vec<T>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// A list that is never paged, because what it lists is bounded by its nature.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        Self::until(data, None)
    }

    /// A page that another room has cut, and where the next one begins.
    pub(crate) fn until(data: Vec<T>, next: Option<&str>) -> Self {
        Self {
            object: "list",
            data,
            has_more: next.is_some(),
            next_cursor: next.map(encode),
        }
    }
}

impl<T, E> List<Result<T, E>> {
    /// A page whose rows could all be shown, or why one could not.
    pub(crate) fn transpose(self) -> Result<List<T>, E> {
        Ok(List {
            object: self.object,
            data: self.data.into_iter().collect::<Result<_, _>>()?,
            has_more: self.has_more,
            next_cursor: self.next_cursor,
        })
    }
}

/// Where a page begins and how long it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paging<Id> {
    pub(crate) after: Option<Id>,
    pub(crate) limit: u32,
}

impl<Id: FromStr> Paging<Id> {
    pub(crate) fn asked(parameters: &mut Parameters, cursor: &'static str) -> Self {
        let limit = parameters.limit();
        let after = parameters.take(cursor, |text| {
            decode(text).ok_or_else(|| "A `next_cursor` of this list, as it was given.".to_owned())
        });
        Self { after, limit }
    }
}

impl<Id> Paging<Id> {
    /// One row more than shown is read: its presence is `has_more`.
    pub(crate) const fn one_more(&self) -> u32 {
        self.limit + 1
    }

    pub(crate) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        id: impl Fn(&R) -> String,
        view: impl Fn(R) -> T,
    ) -> List<T> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| encode(&id(row)));
        List {
            object: "list",
            data: rows.into_iter().map(view).collect(),
            has_more,
            next_cursor,
        }
    }
}

pub(crate) fn encode(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn decode<Id: FromStr>(cursor: &str) -> Option<Id> {
    // No id is near this long: a megabyte is not even decoded.
    let bytes = (cursor.len() <= 96).then(|| URL_SAFE_NO_PAD.decode(cursor).ok())??;
    String::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use domain::{TransferId, UserId};

    use super::*;

    #[test]
    fn a_cursor_is_read_back_by_the_list_it_belongs_to_only() {
        let id = UserId::from_bits(7);
        let cursor = encode(&id.to_string());
        assert_eq!(decode::<UserId>(&cursor), Some(id));
        assert_eq!(decode::<TransferId>(&cursor), None);
        for cursor in ["", "!", "AAAA", &"A".repeat(1 << 20)] {
            assert_eq!(decode::<UserId>(cursor), None);
        }
    }

    #[test]
    fn one_row_more_than_shown_means_more() {
        let paging = Paging::<UserId> {
            after: None,
            limit: 2,
        };
        let page = |rows: Vec<u8>| paging.page(rows, u8::to_string, |row| row);
        let full = page(vec![1, 2, 3]);
        assert_eq!(
            (full.data, full.has_more, full.next_cursor),
            (vec![1, 2], true, Some(encode("2")))
        );
        let last = page(vec![1, 2]);
        assert_eq!((last.has_more, last.next_cursor), (false, None));
    }
}
