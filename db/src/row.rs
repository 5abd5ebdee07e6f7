//! One row of an answer, read by column name. A wrong type is an error with the column's name.

use std::sync::Arc;

use ambient::Timestamp;

use crate::{DbError, Value};

/// Rows of one answer share the names.
#[derive(Clone, Debug)]
pub struct Row {
    names: Arc<[String]>,
    values: Vec<Value>,
}

impl Row {
    pub(crate) const fn new(names: Arc<[String]>, values: Vec<Value>) -> Self {
        Self { names, values }
    }

    pub fn int(&self, column: &str) -> Result<i64, DbError> {
        self.opt_int(column)?
            .ok_or_else(|| null(column, "an integer"))
    }

    pub fn opt_int(&self, column: &str) -> Result<Option<i64>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            other => Err(mismatch(column, "an integer", other)),
        }
    }

    pub fn text(&self, column: &str) -> Result<String, DbError> {
        self.opt_text(column)?.ok_or_else(|| null(column, "text"))
    }

    pub fn opt_text(&self, column: &str) -> Result<Option<String>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text.clone())),
            other => Err(mismatch(column, "text", other)),
        }
    }

    pub fn bytes(&self, column: &str) -> Result<Vec<u8>, DbError> {
        self.opt_bytes(column)?.ok_or_else(|| null(column, "bytes"))
    }

    pub fn opt_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Bytes(bytes) => Ok(Some(bytes.clone())),
            other => Err(mismatch(column, "bytes", other)),
        }
    }

    /// Stored as 0 or 1; any other number is a damaged row, not a truth.
    pub fn bool(&self, column: &str) -> Result<bool, DbError> {
        match self.value(column)? {
            Value::Int(0) => Ok(false),
            Value::Int(1) => Ok(true),
            other => Err(mismatch(column, "0 or 1", other)),
        }
    }

    pub fn timestamp(&self, column: &str) -> Result<Timestamp, DbError> {
        self.int(column).map(Timestamp::from_micros)
    }

    pub fn opt_timestamp(&self, column: &str) -> Result<Option<Timestamp>, DbError> {
        Ok(self.opt_int(column)?.map(Timestamp::from_micros))
    }

    /// Reads text as a typed id, a name, a key: whatever has a `FromStr`.
    pub fn parse<T: std::str::FromStr>(&self, column: &str) -> Result<T, DbError> {
        let text = self.str(column)?.ok_or_else(|| null(column, "text"))?;
        text.parse()
            .map_err(|_| DbError::column(column, std::any::type_name::<T>(), "other text"))
    }

    /// Text that is looked at and not kept.
    pub fn str(&self, column: &str) -> Result<Option<&str>, DbError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            other => Err(mismatch(column, "text", other)),
        }
    }

    fn value(&self, column: &str) -> Result<&Value, DbError> {
        self.names
            .iter()
            .position(|name| name == column)
            .and_then(|place| self.values.get(place))
            .ok_or_else(|| DbError::column(column, "a column", "none"))
    }
}

fn null(column: &str, wanted: &'static str) -> DbError {
    mismatch(column, wanted, &Value::Null)
}

fn mismatch(column: &str, wanted: &'static str, found: &Value) -> DbError {
    DbError::column(column, wanted, found.shape())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    fn row(values: Vec<Value>) -> Row {
        Row::new(["a".to_owned(), "b".to_owned()].into(), values)
    }

    #[test]
    fn a_wrong_type_is_named_and_its_value_is_not() {
        let error = row(params!["4242", 2_i64]).int("a").unwrap_err();
        assert_eq!(
            error.to_string(),
            "column a holds text where an integer was expected; the row is damaged or the program and the schema do not fit together"
        );
        assert!(row(params!["4242", 2_i64]).bool("b").is_err());
        assert!(row(params!["4242", 2_i64]).int("c").is_err());
    }

    #[test]
    fn nothing_is_none_and_never_zero() {
        let row = row(params![None::<i64>, 1_i64]);
        assert_eq!(row.opt_int("a").unwrap(), None);
        assert!(row.int("a").is_err());
        assert!(row.bool("b").unwrap());
    }
}
