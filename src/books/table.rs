//! Tables for people: columns as wide as their widest word, figures to the right.

use std::io::Write;

/// Rows under a heading. A column whose name begins with a space is set to the right.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self {
            rows: vec![columns.iter().map(|name| name.trim().to_owned()).collect()],
            right: columns.iter().map(|name| name.starts_with(' ')).collect(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(crate) fn text(&self) -> String {
        let wide = |cell: &String| cell.chars().count();
        let widths: Vec<_> = (0..self.right.len())
            .map(|place| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(place))
                    .map(wide)
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(&widths).zip(&self.right) {
                let padding = " ".repeat(width.saturating_sub(wide(cell)));
                let (before, after) = if *right {
                    (&*padding, "")
                } else {
                    ("", &*padding)
                };
                line.push_str(&format!("{before}{cell}{after}  "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Whoever stopped reading (`remit ledger … | head`) is no reason to fail.
pub(crate) fn say(text: &str) {
    drop(std::io::stdout().write_all(text.as_bytes()));
}

pub(crate) fn say_json(document: &serde_json::Value) {
    say(&format!("{document:#}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_below_each_other() {
        let mut table = Table::new(&["account", " balance", "why"]);
        table.row(["pool".to_owned(), "5.00 EUR".to_owned(), String::new()]);
        table.row(["ä".to_owned(), "-105.00 EUR".to_owned(), "x".to_owned()]);
        assert_eq!(
            table.text(),
            "account      balance  why\n\
             pool        5.00 EUR\n\
             ä        -105.00 EUR  x\n"
        );
    }
}
