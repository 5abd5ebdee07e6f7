//! What of an entry is hashed, byte for byte, for ever.
//!
//! A version byte, then each field in the order of [`Content`]: a number as eight bytes, big end
//! first; a text as its length (four bytes) and its bytes; a field that may be missing after a
//! byte that says whether it is there. So no two contents have the same bytes. Another layout
//! needs another version byte; entries hashed by an older one keep theirs.

use ambient::Timestamp;

const VERSION: u8 = 1;

/// Everything that the book says of an entry. Ids are texts, as they are stored: a damaged one
/// must change the hash and not stop whoever looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content<'a> {
    pub partner: &'a str,
    pub live: bool,
    pub id: &'a str,
    pub key: &'a str,
    pub template: &'a str,
    pub transfer: Option<&'a str>,
    /// The entry that this one takes back.
    pub corrects: Option<&'a str>,
    /// The entry that this one belongs with.
    pub linked_to: Option<&'a str>,
    /// The hold that this entry posts.
    pub hold: Option<&'a str>,
    pub posted_at: Timestamp,
    pub lane: &'a str,
    /// Counted in its lane, from 1.
    pub position: i64,
    /// In the order of the legs.
    pub legs: &'a [ContentLeg<'a>],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentLeg<'a> {
    pub account: &'a str,
    pub currency: &'a str,
    pub amount: i64,
    /// The account's version and balance once this leg was in it.
    pub version: i64,
    pub balance_after: i64,
}

impl Content<'_> {
    /// Appended, so that a caller with many entries needs one buffer.
    pub fn write(&self, to: &mut Vec<u8>) {
        to.push(VERSION);
        text(to, self.partner);
        to.push(u8::from(self.live));
        text(to, self.id);
        text(to, self.key);
        text(to, self.template);
        for maybe in [self.transfer, self.corrects, self.linked_to, self.hold] {
            to.push(u8::from(maybe.is_some()));
            if let Some(there) = maybe {
                text(to, there);
            }
        }
        number(to, self.posted_at.as_micros());
        text(to, self.lane);
        number(to, self.position);
        length(to, self.legs.len());
        for leg in self.legs {
            text(to, leg.account);
            text(to, leg.currency);
            number(to, leg.amount);
            number(to, leg.version);
            number(to, leg.balance_after);
        }
    }
}

fn number(to: &mut Vec<u8>, number: i64) {
    to.extend_from_slice(&number.to_be_bytes());
}

fn text(to: &mut Vec<u8>, text: &str) {
    length(to, text.len());
    to.extend_from_slice(text.as_bytes());
}

/// Nothing in the book is longer than four bytes can say; if it ever were, it must not look short.
fn length(to: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    to.extend_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const LEGS: &[ContentLeg<'static>] = &[
        ContentLeg {
            account: "ac_1",
            currency: "EUR",
            amount: -5,
            version: 2,
            balance_after: 95,
        },
        ContentLeg {
            account: "ac_2",
            currency: "EUR",
            amount: 5,
            version: 1,
            balance_after: 5,
        },
    ];

    pub(crate) fn content(position: i64) -> Content<'static> {
        Content {
            partner: "pa_1",
            live: false,
            id: "en_1",
            key: "k",
            template: "opening",
            transfer: None,
            corrects: None,
            linked_to: Some("en_0"),
            hold: None,
            posted_at: Timestamp::from_micros(7),
            lane: "a",
            position,
            legs: LEGS,
        }
    }

    fn bytes(content: &Content<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.write(&mut bytes);
        bytes
    }

    /// Hashes of entries written years ago depend on this. It must never need another value.
    #[test]
    fn the_layout_is_for_ever() {
        let shown: String = bytes(&content(1))
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' => char::from(*byte).to_string(),
                other => format!("\\{other:x}"),
            })
            .collect();
        assert_eq!(
            shown,
            "\\1\\0\\0\\0\\4pa_1\\0\\0\\0\\0\\4en_1\\0\\0\\0\\1k\\0\\0\\0\\7opening\\0\\0\\1\\0\\0\\0\\4en_0\\0\
             \\0\\0\\0\\0\\0\\0\\0\\7\\0\\0\\0\\1a\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0\\2\
             \\0\\0\\0\\4ac_1\\0\\0\\0\\3EUR\\ff\\ff\\ff\\ff\\ff\\ff\\ff\\fb\\0\\0\\0\\0\\0\\0\\0\\2\\0\\0\\0\\0\\0\\0\\0_\
             \\0\\0\\0\\4ac_2\\0\\0\\0\\3EUR\\0\\0\\0\\0\\0\\0\\0\\5\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0\\0\\0\\0\\0\\5"
        );
    }

    #[test]
    fn every_field_counts_and_none_flows_into_the_next() {
        let base = content(1);
        let leg = |change: fn(&mut ContentLeg<'static>)| {
            let mut legs = LEGS.to_vec();
            change(&mut legs[1]);
            let legs: &'static [_] = legs.leak();
            Content {
                legs,
                ..base.clone()
            }
        };
        let changed = [
            Content {
                partner: "pa_2",
                ..base.clone()
            },
            Content {
                live: true,
                ..base.clone()
            },
            Content {
                id: "en_2",
                ..base.clone()
            },
            Content {
                key: "kopening",
                template: "",
                ..base.clone()
            },
            Content {
                transfer: Some(""),
                ..base.clone()
            },
            Content {
                corrects: Some("en_0"),
                linked_to: None,
                ..base.clone()
            },
            Content {
                hold: Some("ho_1"),
                ..base.clone()
            },
            Content {
                posted_at: Timestamp::from_micros(8),
                ..base.clone()
            },
            Content {
                lane: "b",
                ..base.clone()
            },
            content(2),
            Content {
                legs: &LEGS[..1],
                ..base.clone()
            },
            leg(|leg| leg.account = "ac_3"),
            leg(|leg| leg.currency = "USD"),
            leg(|leg| leg.amount = 6),
            leg(|leg| leg.version = 2),
            leg(|leg| leg.balance_after = 6),
        ];
        let all: std::collections::BTreeSet<_> = changed.iter().chain([&base]).map(bytes).collect();
        assert_eq!(all.len(), changed.len() + 1);
    }
}
