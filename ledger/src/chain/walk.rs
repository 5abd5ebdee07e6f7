//! Walking along one lane: each entry against the one before it, and the end against what is known
//! of it from elsewhere.
//!
//! A wrong hash alone does not say what was changed: the entry or its hash. The next entry does,
//! because it was linked to what stood there when it was written.

use std::fmt;

use crate::chain::{Content, Hash, Tip, link};

/// What is wrong at one place of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Positions are missing before this one, from the one named.
    Missing { from: i64 },
    /// The position was there already, or is not one.
    OutOfOrder,
    /// The entry is not what was hashed: it was altered, or the hash of an earlier one was.
    Altered,
    /// The entry is what was written; the hash beside it is not.
    HashChanged,
    /// There is no hash, or not one of 32 bytes.
    NoHash,
    /// Consistent by itself, and not what the signed head says: written again from somewhere
    /// before this on.
    NotAsSigned,
    /// The lane ends here, and should reach further.
    CutShort { to: i64, signed: bool },
    /// The lane's record of its last link is not its last link.
    RecordDiffers,
    /// There are entries and no lane that they belong to.
    NoSuchLane,
    /// Entries that are in no lane at all; the one named is the first.
    Unlinked { entries: i64 },
}

/// Where a chain breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    pub lane: String,
    pub position: i64,
    /// The entry at that position, when there is one.
    pub entry: Option<String>,
    pub kind: Kind,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lane, position, .. } = self;
        write!(f, "lane {lane}, position {position}")?;
        if let Some(entry) = &self.entry {
            write!(f, ", entry {entry}")?;
        }
        f.write_str(": ")?;
        match &self.kind {
            Kind::Missing { from } if *from == position - 1 => {
                write!(f, "the entry before it, at position {from}, is missing")
            }
            Kind::Missing { from } => write!(
                f,
                "the entries before it, positions {from} to {}, are missing",
                position - 1
            ),
            Kind::OutOfOrder => f.write_str("the position was taken by an entry before it"),
            Kind::Altered => f.write_str("the entry is not what was written and hashed"),
            Kind::HashChanged => {
                f.write_str("the entry is what was written, its stored hash was changed")
            }
            Kind::NoHash => f.write_str("the entry has no hash"),
            Kind::NotAsSigned => f.write_str(
                "not what the signed head says; the lane was written again from here or before",
            ),
            Kind::CutShort { to, signed: true } => {
                write!(f, "the lane ends here, and was signed up to position {to}")
            }
            Kind::CutShort { to, .. } => {
                write!(f, "the lane ends here, and its record says position {to}")
            }
            Kind::RecordDiffers => f.write_str("the lane's record of its last link is another"),
            Kind::NoSuchLane => f.write_str("there is no record of such a lane"),
            Kind::Unlinked { entries } => {
                write!(f, "{entries} entries from here on are in no lane")
            }
        }
    }
}

/// An entry whose hash is not the one beside it, until the next entry says which was changed.
#[derive(Clone, Debug)]
struct Suspect {
    entry: String,
    position: i64,
    computed: Hash,
}

/// One lane, as far as it was walked. It holds the last link only, however long the lane is.
#[derive(Clone, Debug)]
pub struct Walk {
    lane: String,
    position: i64,
    /// As it stands beside the last entry.
    hash: Hash,
    suspect: Option<Suspect>,
    /// Links that a signed head promises, the next one last.
    promised: Vec<Tip>,
    breaks: Vec<Break>,
}

impl Walk {
    /// The promises of other lanes are left alone.
    pub fn new(lane: &str, signed: &[Tip]) -> Self {
        let mut promised: Vec<_> = signed
            .iter()
            .filter(|tip| tip.lane == lane)
            .cloned()
            .collect();
        promised.sort_by_key(|tip| std::cmp::Reverse(tip.position));
        Self {
            lane: lane.to_owned(),
            position: 0,
            hash: Hash::NONE,
            suspect: None,
            promised,
            breaks: Vec::new(),
        }
    }

    /// The last entry that was walked over.
    pub fn tip(&self) -> Tip {
        Tip {
            lane: self.lane.clone(),
            position: self.position,
            hash: self.hash,
        }
    }

    /// What was found since this was last asked.
    pub fn found(&mut self) -> Vec<Break> {
        std::mem::take(&mut self.breaks)
    }

    /// The next entry, with the hash that is stored beside it.
    pub fn step(&mut self, content: &Content<'_>, stored: &[u8]) {
        let (position, entry) = (content.position, content.id);
        if position <= self.position {
            self.broken(position, Some(entry), Kind::OutOfOrder);
            return;
        }
        let from = self.position + 1;
        let expected = link(&self.hash, content);
        if position != from {
            self.decide(|_| false);
            // What was before it is gone, so its own link cannot be checked: it is believed.
            self.broken(position, Some(entry), Kind::Missing { from });
        }
        self.position = position;
        let Ok(stored) = Hash::try_from(stored) else {
            self.decide(|_| false);
            self.broken(position, Some(entry), Kind::NoHash);
            self.hash = expected;
            return;
        };
        // The hash before this one may be what was changed: then this one was linked to the true one.
        let follows = stored == expected;
        let mended = self.decide(|computed| !follows && stored == link(computed, content));
        if position == from && !follows && !mended {
            self.suspect = Some(Suspect {
                entry: entry.to_owned(),
                position,
                computed: expected,
            });
        }
        self.hash = stored;
        while let Some(next) = self.promised.pop_if(|next| next.position <= position) {
            if next.position == position && next.hash != stored {
                self.broken(position, Some(entry), Kind::NotAsSigned);
            }
        }
    }

    /// The end of the lane, with the record that the writer keeps of its last link.
    pub fn end(mut self, record: Option<&Tip>) -> Vec<Break> {
        let last = self.position;
        let doubted = self.suspect.is_some();
        self.decide(|computed| {
            record.is_some_and(|tip| tip.position == last && tip.hash == *computed)
        });
        let signed = self.promised.iter().map(|tip| tip.position).max();
        match record {
            None => self.broken(last, None, Kind::NoSuchLane),
            Some(tip) if tip.position > last => {
                let to = tip.position;
                self.broken(last, None, Kind::CutShort { to, signed: false });
            }
            // A last entry that was in doubt has been named already.
            Some(tip) if !doubted && (tip.position, tip.hash) != (last, self.hash) => {
                self.broken(last, None, Kind::RecordDiffers);
            }
            Some(_) => {}
        }
        if let Some(to) = signed {
            self.broken(last, None, Kind::CutShort { to, signed: true });
        }
        self.breaks
    }

    /// Names what is in doubt, now that it can be told; says whether its hash alone was changed.
    fn decide(&mut self, linked_to: impl FnOnce(&Hash) -> bool) -> bool {
        let Some(suspect) = self.suspect.take() else {
            return false;
        };
        let hash_changed = linked_to(&suspect.computed);
        let kind = if hash_changed {
            Kind::HashChanged
        } else {
            Kind::Altered
        };
        self.broken(suspect.position, Some(&suspect.entry), kind);
        hash_changed
    }

    fn broken(&mut self, position: i64, entry: Option<&str>, kind: Kind) {
        self.breaks.push(Break {
            lane: self.lane.clone(),
            position,
            entry: entry.map(str::to_owned),
            kind,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::canonical::tests::content;

    /// A lane as it lies in the book: a key for its content, the position and the hash.
    type Lane = Vec<(&'static str, i64, Vec<u8>)>;

    const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn with_key(key: &'static str, position: i64) -> Content<'static> {
        Content {
            id: key,
            key,
            ..content(position)
        }
    }

    fn lane(keys: &[&'static str]) -> Lane {
        let mut last = Hash::NONE;
        let rows = keys.iter().zip(1..).map(|(key, position)| {
            last = link(&last, &with_key(key, position));
            (*key, position, last.bytes().to_vec())
        });
        rows.collect()
    }

    fn tip(lane: &Lane, position: usize) -> Tip {
        Tip {
            lane: "a".to_owned(),
            position: i64::try_from(position).unwrap(),
            hash: Hash::try_from(&lane[position - 1].2[..]).unwrap(),
        }
    }

    /// What is found in a lane whose writer's record and signed head are those of the whole one.
    fn found(rows: &Lane) -> Vec<(i64, Kind)> {
        let whole = lane(&KEYS);
        found_with(rows, Some(&tip(&whole, 5)), &[tip(&whole, 4)])
    }

    fn found_with(rows: &Lane, record: Option<&Tip>, signed: &[Tip]) -> Vec<(i64, Kind)> {
        let mut walk = Walk::new("a", signed);
        for (key, position, hash) in rows {
            walk.step(&with_key(key, *position), hash);
        }
        let breaks = walk.end(record).into_iter();
        breaks.map(|found| (found.position, found.kind)).collect()
    }

    #[test]
    fn a_whole_lane_is_true() {
        assert_eq!(found(&lane(&KEYS)), []);
    }

    #[test]
    fn an_altered_entry_is_told_from_a_changed_hash() {
        for place in 0..KEYS.len() {
            let position = i64::try_from(place).unwrap() + 1;
            let mut altered = lane(&KEYS);
            altered[place].0 = "x";
            assert_eq!(found(&altered), [(position, Kind::Altered)]);

            let mut changed = lane(&KEYS);
            changed[place].2[0] ^= 1;
            let kinds = found(&changed);
            assert_eq!(kinds[kinds.len() - 1], (position, Kind::HashChanged));
            let mut none = lane(&KEYS);
            none[place].2.clear();
            assert_eq!(found(&none)[0], (position, Kind::NoHash));
        }
    }

    #[test]
    fn two_altered_entries_are_both_named() {
        let mut rows = lane(&KEYS);
        (rows[1].0, rows[2].0) = ("x", "y");
        assert_eq!(found(&rows), [(2, Kind::Altered), (3, Kind::Altered)]);
    }

    #[test]
    fn what_was_taken_out_is_missing_and_the_rest_is_checked() {
        for place in 0..KEYS.len() - 1 {
            let mut rows = lane(&KEYS);
            rows.remove(place);
            let from = i64::try_from(place).unwrap() + 1;
            let missing = (from + 1, Kind::Missing { from });
            assert!(found(&rows).contains(&missing), "{:?}", found(&rows));
        }
        let mut rows = lane(&KEYS);
        rows.drain(0..2);
        rows[2].0 = "x";
        let expected = [(3, Kind::Missing { from: 1 }), (5, Kind::Altered)];
        assert_eq!(found(&rows), expected);
    }

    #[test]
    fn a_lane_cut_short_is_told_by_its_record_and_by_the_signed_head() {
        let mut rows = lane(&KEYS);
        rows.pop();
        assert_eq!(
            found(&rows),
            [(
                4,
                Kind::CutShort {
                    to: 5,
                    signed: false
                }
            )]
        );
        rows.pop();
        // Whoever cut it also changed the record.
        let cut = tip(&rows, 3);
        let signed = [tip(&lane(&KEYS), 4)];
        assert_eq!(
            found_with(&rows, Some(&cut), &signed),
            [(
                3,
                Kind::CutShort {
                    to: 4,
                    signed: true
                }
            )]
        );
    }

    #[test]
    fn a_lane_written_again_is_told_by_the_signed_head_alone() {
        let forged = lane(&["a", "x", "c", "d", "e"]);
        let record = tip(&forged, 5);
        assert_eq!(found_with(&forged, Some(&record), &[]), []);
        let signed = [tip(&lane(&KEYS), 1), tip(&lane(&KEYS), 4)];
        assert_eq!(
            found_with(&forged, Some(&record), &signed),
            [(4, Kind::NotAsSigned)]
        );
    }

    #[test]
    fn positions_count_up_and_the_lane_is_known() {
        let mut rows = lane(&KEYS);
        rows.insert(2, rows[1].clone());
        assert_eq!(found(&rows), [(2, Kind::OutOfOrder)]);
        let whole = lane(&KEYS);
        assert_eq!(found_with(&whole, None, &[]), [(5, Kind::NoSuchLane)]);
        let behind = tip(&whole, 4);
        assert_eq!(
            found_with(&whole, Some(&behind), &[]),
            [(5, Kind::RecordDiffers)]
        );
    }
}
