//! Text into words.

use std::fmt;

use super::BadQuery;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name or a keyword, as written.
    Word(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Word(word) | Self::Number(word) => f.write_str(word),
            Self::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

/// Longest first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 10] = ["<=", ">=", "!=", "<>", "=", "<", ">", "(", ")", ","];

pub(super) fn lex(text: &str) -> Result<Vec<Token>, BadQuery> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            (Token::Symbol(symbol), &rest[symbol.len()..])
        } else if first == '\'' || first == '"' {
            quoted(&rest[1..], first)?
        } else if first == '`' {
            let (name, after) = rest[1..]
                .split_once('`')
                .ok_or_else(|| BadQuery("a ` is never closed".to_owned()))?;
            if name.is_empty() || name.contains(char::is_control) {
                return Err(BadQuery(format!("{name:?} is not a name")));
            }
            (Token::Word(name.to_owned()), after)
        } else if first.is_ascii_digit() || first == '-' {
            let end = run_of(rest, |c| c.is_ascii_digit() || "+-.eE".contains(c));
            (Token::Number(rest[..end].to_owned()), &rest[end..])
        } else if first.is_alphabetic() || first == '_' {
            let end = run_of(rest, |c| c.is_alphanumeric() || "_-.".contains(c));
            (Token::Word(rest[..end].to_owned()), &rest[end..])
        } else {
            return Err(BadQuery(format!("unexpected {first:?}")));
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn quoted(text: &str, quote: char) -> Result<(Token, &str), BadQuery> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' {
            value.extend(letters.next().map(|(_, escaped)| escaped));
        } else if letter == quote {
            let after = &text[at + 1..];
            // A doubled quote is a quote, as in SQL.
            if !after.starts_with(quote) {
                return Ok((Token::Text(value), after));
            }
            value.push(quote);
            letters.next();
        } else {
            value.push(letter);
        }
    }
    Err(BadQuery("a quoted text is never closed".to_owned()))
}

fn run_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.char_indices()
        .find(|(_, letter)| !belongs(*letter))
        .map_or(text.len(), |(at, _)| at)
}
