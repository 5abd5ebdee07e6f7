//! A value on its way into or out of the database: the four shapes that both databases share.

use ambient::Timestamp;

#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    /// Also instants (microseconds) and booleans (0 and 1).
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Any number of texts as one parameter; see [`Dialect::one_of`](crate::Dialect::one_of). No
    /// column ever holds one.
    List(Vec<String>),
}

/// `params![tenant, amount, None::<String>]`: the values of `$1`, `$2`, … in order.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::Value::from($value)),*]
    };
}

impl Value {
    pub(crate) const fn shape(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Int(_) => "an integer",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
        }
    }
}

/// Only the shape: values may be personal or secret, and errors and logs print their parameters.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shape())
    }
}

macro_rules! from {
    ($($kind:ty => |$value:ident| $shape:expr;)*) => {$(
        impl From<$kind> for Value {
            fn from($value: $kind) -> Self {
                $shape
            }
        }
    )*};
}

from! {
    bool => |yes| Self::Int(i64::from(yes));
    u8 => |number| Self::Int(i64::from(number));
    u16 => |number| Self::Int(i64::from(number));
    i32 => |number| Self::Int(i64::from(number));
    u32 => |number| Self::Int(i64::from(number));
    i64 => |number| Self::Int(number);
    Timestamp => |at| Self::Int(at.as_micros());
    &str => |text| Self::Text(text.to_owned());
    &String => |text| Self::Text(text.clone());
    String => |text| Self::Text(text);
    &[u8] => |bytes| Self::Bytes(bytes.to_vec());
    Vec<u8> => |bytes| Self::Bytes(bytes);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn printing_a_value_does_not_show_it() {
        assert_eq!(
            format!("{:?}", params!["4242", true, None::<i64>]),
            "[text, an integer, nothing]"
        );
    }
}
