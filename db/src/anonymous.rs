//! Numbered parameters as SQLite likes them best: without a name.
//!
//! To SQLite `$7` is a name, and whoever binds a statement has it looked up in a list of all of
//! them. For the thousands of parameters of a large statement that costs more than running it.

use crate::Value;

/// Shorter statements are sent as they were written.
const MANY: usize = 24;

/// The statement with `?` in place of each `$n`, and a value for each.
pub(crate) fn anonymous(sql: &str, params: Vec<Value>) -> (String, Vec<Value>) {
    if params.len() < MANY {
        return (sql.to_owned(), params);
    }
    let mut text = String::with_capacity(sql.len());
    let mut values = Vec::with_capacity(params.len());
    let mut rest = sql;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = after[..digits].parse::<usize>().ok();
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        text.push_str(&rest[..at]);
        match value {
            Some(value) => {
                text.push('?');
                values.push(value.clone());
                rest = &after[digits..];
            }
            None => {
                text.push('$');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    (text, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_gets_its_value_whatever_the_order() {
        let many: Vec<Value> = (1..=30_i64).map(Value::from).collect();
        let (text, values) = anonymous("a $30, $1, '$', $1, $12b", many.clone());
        assert_eq!(text, "a ?, ?, '$', ?, ?b");
        assert_eq!(
            values,
            [30_i64, 1, 1, 12].map(Value::from),
            "{}",
            values.len()
        );
        let few = many[..2].to_vec();
        assert_eq!(anonymous("$2 $1", few.clone()), ("$2 $1".to_owned(), few));
    }
}
