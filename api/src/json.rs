//! Reads JSON more strictly than JSON is: no member twice, no NUL, not too deep, integers only.
//!
//! What comes out is a tree, so that `fields` can say of every fault where it lies.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use crate::problem::Fault;

/// Our deepest request has three levels.
const DEEPEST: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Null,
    Bool,
    Integer(i64),
    /// A fraction, an exponent, or beyond 64 bits: never an amount.
    OtherNumber,
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// The document, or everything that is wrong with its form.
pub(crate) fn parse(text: &[u8]) -> Result<Node, Vec<Fault>> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let node = Seed { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|node| reader.end().map(|()| node))
        .map_err(|error| {
            vec![Fault::at(
                "",
                "malformed_json",
                format!("The body is not JSON that can be accepted: {error}."),
            )]
        })?;
    let mut faults = Vec::new();
    inspect(&node, "", &mut faults);
    if faults.is_empty() {
        Ok(node)
    } else {
        Err(faults)
    }
}

/// `~` and `/` inside a name, written as RFC 6901 wants them.
pub(crate) fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn inspect(node: &Node, pointer: &str, faults: &mut Vec<Fault>) {
    match node {
        Node::Text(text) if text.contains('\0') => {
            faults.push(Fault::at(
                pointer,
                "nul_character",
                "Text may not hold U+0000.",
            ));
        }
        Node::List(items) => {
            for (place, item) in items.iter().enumerate() {
                inspect(item, &child(pointer, &place.to_string()), faults);
            }
        }
        Node::Object(members) => {
            let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
            names.sort_unstable();
            for pair in names.windows(2).filter(|pair| pair[0] == pair[1]) {
                faults.push(Fault::at(
                    child(pointer, pair[0]),
                    "duplicate_member",
                    "The member is there more than once: which one counts cannot be known.",
                ));
            }
            for (name, value) in members {
                let pointer = child(pointer, name);
                if name.contains('\0') {
                    faults.push(Fault::at(
                        pointer.as_str(),
                        "nul_character",
                        "A name may not hold U+0000.",
                    ));
                }
                inspect(value, &pointer, faults);
            }
        }
        _ => {}
    }
}

#[derive(Clone, Copy)]
struct Seed {
    depth: usize,
}

impl Seed {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            return Err(E::custom(format_args!("more than {DEEPEST} levels deep")));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Node, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Bool)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(i64::try_from(number).map_or(Node::OtherNumber, Node::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::OtherNumber)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let seed = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let seed = self.deeper()?;
        let mut object = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            object.push((name, members.next_value_seed(seed)?));
        }
        Ok(Node::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;

    fn faults(text: &str) -> Vec<(String, &'static str)> {
        parse(text.as_bytes())
            .unwrap_err()
            .into_iter()
            .map(|fault| match fault.place {
                Place::Pointer(pointer) => (pointer, fault.code),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn names_the_place_of_each_fault() {
        assert_eq!(
            faults(r#"{"a":{"b":1,"b":2},"c/d":["x","\u0000"],"a":0}"#),
            [
                ("/a".to_owned(), "duplicate_member"),
                ("/a/b".to_owned(), "duplicate_member"),
                ("/c~1d/1".to_owned(), "nul_character"),
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_json_or_too_deep() {
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        for text in [
            "",
            "{",
            "{} {}",
            "nil",
            "{\"a\":NaN}",
            "'a'",
            "\u{feff}{}",
            "{a:1}",
            &deep,
        ] {
            assert_eq!(faults(text), [(String::new(), "malformed_json")], "{text}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        let deepest = format!("{}{}", "[".repeat(16), "]".repeat(16));
        assert!(parse(deepest.as_bytes()).is_ok());
    }

    #[test]
    fn only_whole_numbers_within_64_bits_are_integers() {
        for (text, node) in [
            ("2500", Node::Integer(2_500)),
            ("-9223372036854775808", Node::Integer(i64::MIN)),
            ("9223372036854775808", Node::OtherNumber),
            ("1e3", Node::OtherNumber),
            ("1.0", Node::OtherNumber),
            ("-0", Node::OtherNumber),
            ("1e400", Node::OtherNumber),
        ] {
            // A number that no 64-bit float holds is refused by the parser itself, which is as well.
            if let Ok(read) = parse(text.as_bytes()) {
                assert_eq!(read, node, "{text}");
            } else {
                assert_eq!(text, "1e400");
            }
        }
    }
}
