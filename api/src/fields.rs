//! Takes a JSON tree apart field by field, and collects every fault on the way instead of stopping
//! at the first.

use domain::{Currency, Money};

use crate::json::{Node, child};
use crate::problem::{Fault, Problem};

/// Faults of one list: more than anybody reads at once.
const MOST_OF_A_LIST: usize = 100;

/// Two heaps: a request that cannot be understood (400) is told apart from one whose values cannot
/// be accepted (422).
#[derive(Debug, Default)]
pub(crate) struct Faults {
    shape: Vec<Fault>,
    value: Vec<Fault>,
}

impl Faults {
    pub(crate) fn shape(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.shape.push(Fault::at(pointer, code, detail));
    }

    pub(crate) fn value(&mut self, pointer: &str, code: &'static str, detail: impl Into<String>) {
        self.value.push(Fault::at(pointer, code, detail));
    }

    /// The value, unless something was wrong on the way to it.
    pub(crate) fn judge<T>(self, value: Option<T>) -> Result<T, Problem> {
        if !self.shape.is_empty() {
            return Err(Problem::invalid(self.shape));
        }
        match value {
            Some(value) if self.value.is_empty() => Ok(value),
            _ => Err(Problem::unacceptable(self.value)),
        }
    }
}

/// An object of which only the named members may be there.
pub(crate) struct Fields<'a> {
    pointer: String,
    members: &'a [(String, Node)],
}

/// A member and where it lies.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pointer: &'a str,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(field: Field<'a>, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let members = field.object(faults)?;
        for (name, _) in members {
            if !known.contains(&name.as_str()) {
                faults.shape(
                    &child(field.pointer, name),
                    "unknown_member",
                    format!("Known here: {}.", known.join(", ")),
                );
            }
        }
        Some(Self {
            pointer: field.pointer.to_owned(),
            members,
        })
    }

    fn find(&self, name: &str) -> Option<&'a Node> {
        // A null stands for "not given", as in most client libraries.
        self.members
            .iter()
            .find(|(known, node)| known == name && *node != Node::Null)
            .map(|(_, node)| node)
    }

    /// Reads a member that must be there.
    pub(crate) fn required<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(Field<'_>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        let pointer = child(&self.pointer, name);
        let Some(node) = self.find(name) else {
            faults.shape(&pointer, "required", "The member must be there.");
            return None;
        };
        read(
            Field {
                node,
                pointer: &pointer,
            },
            faults,
        )
    }

    /// Reads a member that may be left out.
    pub(crate) fn optional<T>(
        &self,
        name: &str,
        faults: &mut Faults,
        read: impl FnOnce(Field<'_>, &mut Faults) -> Option<T>,
    ) -> Option<T> {
        let pointer = child(&self.pointer, name);
        let node = self.find(name)?;
        read(
            Field {
                node,
                pointer: &pointer,
            },
            faults,
        )
    }
}

impl<'a> Field<'a> {
    pub(crate) fn object(self, faults: &mut Faults) -> Option<&'a [(String, Node)]> {
        match self.node {
            Node::Object(members) => Some(members),
            _ => {
                faults.shape(self.pointer, "not_an_object", "A JSON object is wanted.");
                None
            }
        }
    }

    /// Every item that can be read; when there are many faults already, the rest is not looked at.
    pub(crate) fn list<T>(
        self,
        faults: &mut Faults,
        read: impl Fn(Field<'_>, &mut Faults) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Node::List(items) = self.node else {
            faults.shape(self.pointer, "not_a_list", "A JSON array is wanted.");
            return None;
        };
        let mut all = Vec::with_capacity(items.len());
        for (place, node) in items.iter().enumerate() {
            let pointer = child(self.pointer, &place.to_string());
            let item = Field {
                node,
                pointer: &pointer,
            };
            all.extend(read(item, faults));
            if faults.shape.len() + faults.value.len() >= MOST_OF_A_LIST {
                return None;
            }
        }
        Some(all)
    }

    pub(crate) fn text(self, faults: &mut Faults) -> Option<&'a str> {
        match self.node {
            Node::Text(text) => Some(text),
            _ => {
                faults.shape(self.pointer, "not_a_string", "A JSON string is wanted.");
                None
            }
        }
    }

    pub(crate) fn integer(self, faults: &mut Faults) -> Option<i64> {
        match self.node {
            Node::Integer(number) => Some(*number),
            _ => {
                faults.shape(
                    self.pointer,
                    "not_an_integer",
                    "A whole number of minor units (cents) is wanted, written without quotes, \
                     fraction or exponent.",
                );
                None
            }
        }
    }

    /// `{"amount": 2500, "currency": "EUR"}`; whether it may be zero or less is a rule of its use.
    pub(crate) fn money(self, faults: &mut Faults) -> Option<Money> {
        let fields = Fields::of(self, &["amount", "currency"], faults)?;
        let amount = fields.required("amount", faults, |field, faults| field.integer(faults));
        let currency = fields.required("currency", faults, |field, faults| {
            let code = field.text(faults)?;
            code.parse::<Currency>()
                .inspect_err(|_| {
                    faults.value(
                        field.pointer,
                        "unknown_currency",
                        "A code of ISO 4217 in capital letters is wanted, such as EUR.",
                    );
                })
                .ok()
        });
        Money::from_minor(amount?, currency?)
            .inspect_err(|error| {
                let pointer = child(self.pointer, "amount");
                faults.value(&pointer, "out_of_range", format!("Refused: {error}."));
            })
            .ok()
    }
}
