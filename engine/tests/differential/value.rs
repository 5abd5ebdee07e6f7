//! Values as scenarios write them: JSON in which plain words need no quotes.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As written: no digit of a large number is lost.
    Number(String),
    Text(String),
    /// Bytes that are not text, and times: what only the normaliser may turn into text.
    Time {
        seconds: i64,
        nanos: i32,
    },
    List(Vec<Value>),
    Record(Vec<(String, Value)>),
}

impl Value {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Record(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, v)| v),
            Self::List(items) => items.get(name.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// `a.b.0.c`; a last `#` counts what is there.
    pub(crate) fn at(&self, path: &str) -> Option<Self> {
        let mut here = self;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            if part == "#" {
                let Self::List(items) = here else { return None };
                return Some(Self::Number(items.len().to_string()));
            }
            here = here.get(part)?;
        }
        Some(here.clone())
    }

    pub(crate) fn set(&mut self, name: &str, value: Self) {
        if let Self::Record(fields) = self {
            match fields.iter_mut().find(|(key, _)| key == name) {
                Some((_, old)) => *old = value,
                None => fields.push((name.to_owned(), value)),
            }
        }
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Self> {
        let Self::Record(fields) = self else {
            return None;
        };
        let at = fields.iter().position(|(key, _)| key == name)?;
        Some(fields.remove(at).1)
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The strict form, for payloads.
    pub(crate) fn json(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.clone(),
            Self::Text(text) => quoted(text),
            Self::Time { seconds, .. } => seconds.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(k, v)| format!("{}:{}", quoted(k), v.json()));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value()?;
        match reader.peek() {
            None => Ok(value),
            Some(more) => Err(format!("`{more}` follows the value in `{text}`")),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "_.$<>#/@+*-%".contains(c)
}

fn word(text: &str) -> Value {
    match text {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.parse::<f64>().is_ok() && !text.contains(char::is_alphabetic) => {
            Value::Number(text.to_owned())
        }
        _ => Value::text(text),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number),
            Self::Text(text) if !text.is_empty() && text.chars().all(is_plain) => {
                match word(text) {
                    Self::Text(_) => f.write_str(text),
                    _ => f.write_str(&quoted(text)),
                }
            }
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Time { seconds, nanos } => write!(f, "@{seconds}.{nanos:09}"),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(k, v)| format!("{}: {v}", Self::text(k.as_str())));
                write!(f, "{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        self.at += rest.len() - trimmed.len();
        trimmed.chars().next()
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.peek().ok_or("a value is missing")? {
            '{' => {
                self.at += 1;
                let mut fields = Vec::new();
                while self.more('}')? {
                    let (Value::Text(name) | Value::Number(name)) = self.scalar()? else {
                        return Err(format!("a field without name in `{}`", self.text));
                    };
                    if self.peek() != Some(':') {
                        return Err(format!("`:` is missing after `{name}`"));
                    }
                    self.at += 1;
                    fields.push((name, self.value()?));
                }
                Ok(Value::Record(fields))
            }
            '[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.more(']')? {
                    items.push(self.value()?);
                }
                Ok(Value::List(items))
            }
            _ => self.scalar(),
        }
    }

    /// Whether something stands before the closing bracket, which is eaten.
    fn more(&mut self, close: char) -> Result<bool, String> {
        let next = self
            .peek()
            .ok_or_else(|| format!("`{close}` is missing in `{}`", self.text))?;
        if next == close {
            self.at += 1;
        }
        Ok(next != close)
    }

    fn scalar(&mut self) -> Result<Value, String> {
        self.peek();
        let rest = &self.text[self.at..];
        if !rest.starts_with('"') {
            let end = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
            if end == 0 {
                return Err(format!("no value at `{rest}`"));
            }
            self.at += end;
            return Ok(word(&rest[..end]));
        }
        let mut escaped = false;
        let end = rest[1..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let end = end.ok_or_else(|| format!("`\"` is missing in `{rest}`"))? + 2;
        self.at += end;
        serde_json::from_str(&rest[..end])
            .map(Value::Text)
            .map_err(|error| error.to_string())
    }
}
