//! Many rows in one statement, each database in the form that costs it least: SQLite a parameter
//! for each value, in statements of a few sizes whose texts are made once; PostgreSQL an array for
//! each column, in one statement for any number of rows.

use std::sync::{Arc, OnceLock};

use ambient::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Error};

use crate::Value;

/// One value of a row. Texts are shared: the same id stands in several rows.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(Arc<str>),
    Bytes(Vec<u8>),
}

/// Only the shape, as for [`crate::Value`].
impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Null => "nothing",
            Self::Int(_) => "an integer",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
        })
    }
}

macro_rules! from {
    ($($kind:ty => |$value:ident| $shape:expr;)*) => {$(
        impl From<$kind> for Cell {
            fn from($value: $kind) -> Self {
                $shape
            }
        }
    )*};
}

from! {
    bool => |yes| Self::Int(i64::from(yes));
    i64 => |number| Self::Int(number);
    Timestamp => |at| Self::Int(at.as_micros());
    Arc<str> => |text| Self::Text(text);
    &Arc<str> => |text| Self::Text(Arc::clone(text));
    &str => |text| Self::Text(Arc::from(text));
    Vec<u8> => |bytes| Self::Bytes(bytes);
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(number) => Self::Int(number),
            Value::Text(text) => Self::Text(Arc::from(text)),
            Value::Bytes(bytes) => Self::Bytes(bytes),
            // No column holds a list; as a text it is refused by whatever column it was meant for.
            Value::List(texts) => Self::Text(Arc::from(texts.join(","))),
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
    Bytes,
}

/// What rows of one kind do to their table; there is one of each, for ever.
#[derive(Debug)]
pub struct Form {
    table: &'static str,
    columns: &'static [(&'static str, Kind)],
    does: Does,
    of_sizes: [OnceLock<Arc<str>>; SIZES.len()],
    of_arrays: OnceLock<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Insert,
    /// The first so many columns say which row is changed.
    Update(usize),
    /// Locks the rows that are exactly as given, in the order of the first so many columns.
    Lock(usize),
}

/// SQLite's rows in one statement.
const SIZES: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

impl Form {
    pub const fn inserts(table: &'static str, columns: &'static [(&'static str, Kind)]) -> Self {
        Self::new(table, columns, Does::Insert)
    }

    /// Sets the columns after the first `keys` of the rows that the first ones name.
    pub const fn updates(
        table: &'static str,
        keys: usize,
        columns: &'static [(&'static str, Kind)],
    ) -> Self {
        Self::new(table, columns, Does::Update(keys))
    }

    /// Locks the rows that are as given, in the order of the first `keys`. For PostgreSQL alone:
    /// whoever writes to SQLite has locked all of it.
    pub const fn locks(
        table: &'static str,
        keys: usize,
        columns: &'static [(&'static str, Kind)],
    ) -> Self {
        Self::new(table, columns, Does::Lock(keys))
    }

    const fn new(
        table: &'static str,
        columns: &'static [(&'static str, Kind)],
        does: Does,
    ) -> Self {
        Self {
            table,
            columns,
            does,
            of_sizes: [const { OnceLock::new() }; SIZES.len()],
            of_arrays: OnceLock::new(),
        }
    }

    /// A row that is refused ends the whole transaction, so the rows before it need not be taken
    /// back: SQLite keeps no journal of the statement, which it would in a file.
    fn in_values(&self, rows: usize) -> String {
        let one = vec!["?"; self.columns.len()].join(",");
        let values = vec![format!("({one})"); rows].join(",");
        self.text(
            " OR FAIL",
            &format!("VALUES {values}"),
            &format!("(VALUES {values}) AS v"),
            |place| format!("v.column{}", place + 1),
        )
    }

    fn in_arrays(&self) -> String {
        let arrays = self.columns.iter().zip(1..).map(|((_, kind), place)| {
            let array = match kind {
                Kind::Int => "bigint[]",
                Kind::Text => "text[]",
                Kind::Bytes => "bytea[]",
            };
            format!("${place}::{array}")
        });
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        self.text(
            "",
            &format!("SELECT * FROM unnest({arrays})"),
            // By their places: a column may be both what was found and what is set.
            &format!("unnest({arrays}) AS v({})", self.places()),
            |place| format!("v.c{}", place + 1),
        )
    }

    /// `rows`: a query for the rows; `joined`: the same to be joined, where a column is called `of`.
    fn text(&self, or: &str, rows: &str, joined: &str, of: impl Fn(usize) -> String) -> String {
        let (table, all) = (self.table, self.columns.len());
        let pairs = |places: std::ops::Range<usize>, prefix: &str, equals: &str| {
            let pairs = places.map(|place| {
                let column = self.columns[place].0;
                format!("{prefix}{column} {equals} {}", of(place))
            });
            pairs.collect::<Vec<_>>()
        };
        let prefix = format!("{table}.");
        match self.does {
            Does::Insert => format!("INSERT{or} INTO {table} ({}) {rows}", self.names()),
            Does::Update(keys) => {
                let set = pairs(keys..all, "", "=").join(", ");
                let which = pairs(0..keys, &prefix, "=").join(" AND ");
                format!("UPDATE{or} {table} SET {set} FROM {joined} WHERE {which}")
            }
            Does::Lock(keys) => {
                let mut which = pairs(0..keys, &prefix, "=");
                which.extend(pairs(keys..all, &prefix, "IS NOT DISTINCT FROM"));
                let order = self.columns[..keys].iter();
                let order: Vec<_> = order.map(|(name, _)| format!("{prefix}{name}")).collect();
                format!(
                    "SELECT 1 FROM {table} JOIN {joined} ON {} ORDER BY {} FOR UPDATE OF {table}",
                    which.join(" AND "),
                    order.join(", ")
                )
            }
        }
    }

    fn places(&self) -> String {
        let places: Vec<_> = (1..=self.columns.len())
            .map(|it| format!("c{it}"))
            .collect();
        places.join(", ")
    }

    fn names(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }
}

/// Rows of one form, one after the other.
#[derive(Clone, Debug)]
pub struct Rows {
    form: &'static Form,
    cells: Vec<Cell>,
}

impl Rows {
    pub const fn new(form: &'static Form) -> Self {
        Self {
            form,
            cells: Vec::new(),
        }
    }

    pub fn with_room(form: &'static Form, rows: usize) -> Self {
        Self {
            form,
            cells: Vec::with_capacity(rows * form.columns.len()),
        }
    }

    /// The cells are in the order of the form's columns.
    pub fn push<const WIDTH: usize>(&mut self, row: [Cell; WIDTH]) {
        debug_assert_eq!(WIDTH, self.form.columns.len());
        self.cells.extend(row);
    }

    /// A row whose cells are put together elsewhere, in the order of the form's columns.
    pub fn add(&mut self, row: impl IntoIterator<Item = Cell>) {
        self.cells.extend(row);
        debug_assert_eq!(self.cells.len() % self.form.columns.len(), 0);
    }

    pub const fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.cells.len() / self.form.columns.len().max(1)
    }

    /// SQLite's statements, each with its values and its number of rows.
    pub(crate) fn for_sqlite(
        self,
    ) -> impl Iterator<Item = Result<(Arc<str>, SqliteArguments, usize), Error>> {
        let (form, mut left) = (self.form, self.count());
        let mut cells = self.cells.into_iter();
        std::iter::from_fn(move || {
            let place = SIZES.iter().position(|size| *size <= left)?;
            let size = SIZES[place];
            left -= size;
            let text = form.of_sizes[place].get_or_init(|| form.in_values(size).into());
            let wanted = size * form.columns.len();
            let mut arguments = SqliteArguments::default();
            arguments.reserve(wanted, 0);
            let added = cells.by_ref().take(wanted).try_for_each(|cell| match cell {
                Cell::Null => arguments.add(None::<i64>),
                Cell::Int(number) => arguments.add(number),
                Cell::Text(text) => arguments.add(text),
                Cell::Bytes(bytes) => arguments.add(bytes),
            });
            let statement = added.map_err(Error::Encode);
            Some(statement.map(|()| (Arc::clone(text), arguments, size)))
        })
    }

    pub(crate) fn for_postgres(&self) -> Result<(Arc<str>, PgArguments), Error> {
        let form = self.form;
        let sql = form.of_arrays.get_or_init(|| form.in_arrays().into());
        let mut arguments = PgArguments::default();
        for (place, (name, kind)) in form.columns.iter().enumerate() {
            let cells = self.cells.iter().skip(place).step_by(form.columns.len());
            match kind {
                Kind::Int => arguments.add(column(name, cells.map(int))?),
                Kind::Text => arguments.add(column(name, cells.map(text))?),
                Kind::Bytes => arguments.add(column(name, cells.map(bytes))?),
            }
            .map_err(Error::Encode)?;
        }
        Ok((Arc::clone(sql), arguments))
    }
}

const fn int(cell: &Cell) -> Option<Option<i64>> {
    match cell {
        Cell::Null => Some(None),
        Cell::Int(number) => Some(Some(*number)),
        Cell::Text(_) | Cell::Bytes(_) => None,
    }
}

fn text(cell: &Cell) -> Option<Option<&str>> {
    match cell {
        Cell::Null => Some(None),
        Cell::Text(text) => Some(Some(text)),
        Cell::Int(_) | Cell::Bytes(_) => None,
    }
}

fn bytes(cell: &Cell) -> Option<Option<&[u8]>> {
    match cell {
        Cell::Null => Some(None),
        Cell::Bytes(bytes) => Some(Some(bytes)),
        Cell::Int(_) | Cell::Text(_) => None,
    }
}

/// `None` in the iterator: a cell of another kind than its column, a mistake of ours.
fn column<T>(
    name: &str,
    cells: impl Iterator<Item = Option<Option<T>>>,
) -> Result<Vec<Option<T>>, Error> {
    let column: Option<Vec<_>> = cells.collect();
    column.ok_or_else(|| Error::Encode(format!("{name} was given a value of another kind").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    static INSERT: Form = Form::inserts("t", &[("a", Kind::Text), ("b", Kind::Int)]);
    static LOCK: Form = Form::locks("t", 1, &[("a", Kind::Text), ("b", Kind::Int)]);
    static UPDATE: Form = Form::updates(
        "t",
        1,
        &[("a", Kind::Text), ("b", Kind::Int), ("c", Kind::Bytes)],
    );

    #[test]
    fn each_database_has_its_own_text() {
        assert_eq!(
            INSERT.in_values(2),
            "INSERT OR FAIL INTO t (a, b) VALUES (?,?),(?,?)"
        );
        assert_eq!(
            INSERT.in_arrays(),
            "INSERT INTO t (a, b) SELECT * FROM unnest($1::text[], $2::bigint[])"
        );
        assert_eq!(
            UPDATE.in_values(1),
            "UPDATE OR FAIL t SET b = v.column2, c = v.column3 FROM (VALUES (?,?,?)) AS v WHERE t.a = v.column1"
        );
        assert_eq!(
            UPDATE.in_arrays(),
            "UPDATE t SET b = v.c2, c = v.c3 FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS v(c1, c2, c3) WHERE t.a = v.c1"
        );
    }

    #[test]
    fn rows_are_locked_only_as_they_were() {
        assert_eq!(
            LOCK.in_arrays(),
            "SELECT 1 FROM t JOIN unnest($1::text[], $2::bigint[]) AS v(c1, c2) \
             ON t.a = v.c1 AND t.b IS NOT DISTINCT FROM v.c2 ORDER BY t.a FOR UPDATE OF t"
        );
    }

    #[test]
    fn any_number_of_rows_is_a_few_statements() {
        let mut rows = Rows::new(&INSERT);
        for number in 0..300_i64 {
            rows.push(["a".into(), number.into()]);
        }
        let sizes: Vec<_> = rows
            .for_sqlite()
            .map(|statement| {
                statement
                    .map(|(_, arguments, size)| (arguments.len(), size))
                    .unwrap()
            })
            .collect();
        assert_eq!(sizes, [(512, 256), (64, 32), (16, 8), (8, 4)]);
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let mut rows = Rows::new(&INSERT);
        rows.push([1_i64.into(), 1_i64.into()]);
        assert!(rows.for_postgres().is_err());
    }
}
