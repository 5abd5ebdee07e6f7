//! XML from strangers: read into a small tree within limits, or refused. No document type, so no
//! entity beyond the five of the language; bounded in size, depth and number of elements.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// The largest message that is read: a statement's page fits many times.
const LARGEST: usize = 4 << 20;
const DEEPEST: usize = 32;
const MOST_ELEMENTS: usize = 100_000;

/// An element, by its name without a prefix. No `Debug`: it holds account numbers.
#[derive(Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    currency: Option<String>,
    children: Vec<Element>,
}

/// The document is not one that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str);

impl Element {
    /// The only child of this name; `None` when there is none, or more than one.
    pub(super) fn only(&self, name: &str) -> Option<&Self> {
        let mut all = self.all(name);
        let first = all.next();
        first.filter(|_| all.next().is_none())
    }

    pub(super) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Down a path of only children.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter()
            .try_fold(self, |element, name| element.only(name))
    }

    pub(super) fn text_at(&self, path: &[&str]) -> Option<&str> {
        Some(&*self.at(path)?.text).filter(|text| !text.trim().is_empty())
    }

    /// The `Ccy` of an amount.
    pub(super) fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or_default()
    }
}

/// The document's root element.
pub(super) fn read(bytes: &[u8]) -> Result<Element, Refused> {
    if bytes.len() > LARGEST {
        return Err(Refused("a document larger than allowed"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refused("a document that is no UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        let broken = Refused("a document that is no XML");
        match reader.read_event().map_err(|_| broken)? {
            Event::Start(start) => {
                elements += 1;
                if open.len() >= DEEPEST || elements > MOST_ELEMENTS {
                    return Err(Refused("a document deeper or longer than allowed"));
                }
                if root.is_some() {
                    return Err(broken);
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                elements += 1;
                if elements > MOST_ELEMENTS {
                    return Err(Refused("a document deeper or longer than allowed"));
                }
                match open.last_mut() {
                    Some(parent) => parent.children.push(element(&start)?),
                    None if root.is_none() => root = Some(element(&start)?),
                    None => return Err(broken),
                }
            }
            Event::End(_) => {
                let closed = open.pop().ok_or(broken)?;
                match open.last_mut() {
                    Some(parent) => parent.children.push(closed),
                    None => root = Some(closed),
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                match open.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    None if text.trim().is_empty() => {}
                    None => return Err(broken),
                }
            }
            Event::CData(text) => {
                let element = open.last_mut().ok_or(broken)?;
                element.text.push_str(&text.xml10_content());
            }
            Event::GeneralRef(reference) => {
                let element = open.last_mut().ok_or(broken)?;
                let known = match reference.resolve_char_ref().map_err(|_| broken)? {
                    Some(letter) => letter,
                    None => match &*reference {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        _ => return Err(Refused("a document with entities of its own")),
                    },
                };
                element.text.push(known);
            }
            Event::DocType(_) => return Err(Refused("a document with a document type")),
            Event::PI(_) => return Err(Refused("a document with instructions")),
            Event::Decl(_) | Event::Comment(_) => {}
            Event::Eof => {
                return match open.is_empty() {
                    true => root.ok_or(broken),
                    false => Err(Refused("a document that breaks off")),
                };
            }
        }
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, Refused> {
    let broken = Refused("a document that is no XML");
    let currency = match start.try_get_attribute("Ccy").map_err(|_| broken)? {
        Some(attribute) => Some(attribute.value.into_owned()),
        None => None,
    };
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        currency,
        ..Element::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> &'static str {
        read(text.as_bytes()).err().unwrap().0
    }

    #[test]
    fn reads_what_banks_write() {
        let text = "<?xml version=\"1.0\"?><!-- x --><n:A xmlns:n=\"urn:x\"><n:B Ccy=\"EUR\">1.00</n:B>\
                    <n:C>a &amp; b&#33;</n:C><n:C/></n:A>";
        let root = read(text.as_bytes()).ok().unwrap();
        assert_eq!(root.name, "A");
        assert_eq!(root.text_at(&["B"]), Some("1.00"));
        assert_eq!(root.at(&["B"]).unwrap().currency(), "EUR");
        assert_eq!(root.all("C").next().unwrap().text, "a & b!");
        assert!(root.only("C").is_none());
    }

    #[test]
    fn refuses_what_attackers_write() {
        let bomb = "<!DOCTYPE a [<!ENTITY x \"&y;&y;\"><!ENTITY y \"yyyy\">]><a>&x;</a>";
        assert_eq!(refused(bomb), "a document with a document type");
        let outside = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
        assert_eq!(refused(outside), "a document with a document type");
        assert_eq!(refused("<a>&x;</a>"), "a document with entities of its own");
        let deep = "<a>".repeat(1_000);
        assert_eq!(refused(&deep), "a document deeper or longer than allowed");
        let long = format!("<a>{}</a>", "<b/>".repeat(MOST_ELEMENTS));
        assert_eq!(refused(&long), "a document deeper or longer than allowed");
        let large = " ".repeat(LARGEST + 1);
        assert_eq!(refused(&large), "a document larger than allowed");
        for broken in [
            "",
            "no xml",
            "<a>",
            "<a></b>",
            "<a/><a/>",
            "<a></a><a></a>",
            "<a></a>x",
            "</a>",
            "{}",
        ] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(read(b"<a>\xff</a>").is_err());
    }
}
