//! The words of a table, read.

use anyhow::{Context, Result, bail, ensure};
use domain::{Currency, Money};

/// `one two | three four | …`: the words of each part.
pub(crate) fn parts(line: &str) -> Vec<Vec<&str>> {
    line.split('|')
        .map(|part| part.split_whitespace().collect())
        .collect()
}

pub(crate) fn money(amount: &str, currency: &str) -> Result<Money> {
    let currency: Currency = currency.parse()?;
    Ok(Money::from_minor(minor(amount, currency)?, currency)?)
}

pub(crate) fn minor(amount: &str, currency: Currency) -> Result<i64> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    ensure!(
        part.len() == usize::try_from(currency.exponent())?,
        "write every decimal place"
    );
    Ok(format!("{whole}{part}").parse()?)
}

/// `@N` stands for N letters.
pub(crate) fn key(word: &str) -> Result<String> {
    match word.strip_prefix('@') {
        Some(length) => Ok("k".repeat(length.parse()?)),
        None => Ok(word.to_owned()),
    }
}

/// What follows a word, where the word is there.
pub(crate) fn after<'a>(words: &[&'a str], word: &str) -> Result<Option<&'a str>> {
    match words.iter().position(|known| *known == word) {
        None => Ok(None),
        Some(at) => words.get(at + 1).copied().map(Some).context("and what?"),
    }
}

/// Every refusal says at its end that nothing happened; the table need not repeat it.
pub(crate) fn shortened(text: &str) -> String {
    let said = text
        .rsplit_once("nothing was")
        .map_or(text, |(said, _)| said);
    format!("refused: {}", said.trim_end_matches([' ', ',', ';']))
}

pub(crate) fn seconds(word: &str) -> Result<u64> {
    match word.parse() {
        Ok(seconds) => Ok(seconds),
        Err(_) => bail!("{word} is not a number of seconds"),
    }
}
