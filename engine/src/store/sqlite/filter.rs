//! A visibility filter as a WHERE clause. Values are always parameters, never text.

use rusqlite::types::Value as Sql;

use crate::store::ListPosition;
use crate::visibility::{Compare, Field, Filter, Value};

pub(super) struct Clause {
    pub(super) sql: String,
    pub(super) values: Vec<Sql>,
}

impl Clause {
    pub(super) fn new(namespace: i64, filter: &Filter) -> Self {
        let mut clause = Self {
            sql: "namespace = ".to_owned(),
            values: Vec::new(),
        };
        clause.bind(Sql::Integer(namespace));
        clause.sql.push_str(" AND ");
        clause.push(filter);
        clause
    }

    pub(super) fn push_after(&mut self, after: ListPosition) {
        self.sql
            .push_str(" AND (coalesce(closed_at, 9223372036854775807), started_at, run) < (");
        for (n, value) in [after.closed_at, after.started_at, after.row]
            .into_iter()
            .enumerate()
        {
            if n > 0 {
                self.sql.push_str(", ");
            }
            self.bind(Sql::Integer(value));
        }
        self.sql.push(')');
    }

    fn bind(&mut self, value: Sql) {
        self.sql.push('?');
        self.values.push(value);
    }

    fn push(&mut self, filter: &Filter) {
        match filter {
            Filter::Everything => self.sql.push('1'),
            Filter::All(parts) => self.join(parts, " AND "),
            Filter::Any(parts) => self.join(parts, " OR "),
            Filter::Not(inner) => {
                // Absent values make a comparison neither true nor false; "not" must still match.
                self.sql.push_str("NOT coalesce(");
                self.push(inner);
                self.sql.push_str(", 0)");
            }
            Filter::Is(field, compare, value) => self.is(field, *compare, value),
            Filter::Null(field) => match field {
                Field::Custom(name) => {
                    self.sql.push_str("json_type(search_values, ");
                    self.bind(path(name));
                    self.sql.push_str(") IS NULL");
                }
                known => {
                    self.sql.push_str(column(known));
                    self.sql.push_str(" IS NULL");
                }
            },
        }
    }

    fn join(&mut self, parts: &[Filter], with: &str) {
        // Halved, not chained: SQLite bounds the depth of an expression, and a chain is as deep as
        // it is long.
        match parts {
            [] => self.sql.push('1'),
            [only] => self.push(only),
            many => {
                let (left, right) = many.split_at(many.len() / 2);
                self.sql.push('(');
                self.join(left, with);
                self.sql.push_str(with);
                self.join(right, with);
                self.sql.push(')');
            }
        }
    }

    fn is(&mut self, field: &Field, compare: Compare, value: &Value) {
        if let Field::Custom(name) = field {
            // A list attribute matches when any of its elements does; a scalar is a list of one.
            self.sql
                .push_str("EXISTS (SELECT 1 FROM json_each(search_values, ");
            self.bind(path(name));
            self.sql.push_str(") WHERE value");
            self.operator(compare, value);
            self.sql.push(')');
        } else {
            self.sql.push_str(column(field));
            self.operator(compare, value);
        }
    }

    fn operator(&mut self, compare: Compare, value: &Value) {
        let operator = match compare {
            Compare::Equal => " = ",
            Compare::NotEqual => " <> ",
            Compare::Less => " < ",
            Compare::LessOrEqual => " <= ",
            Compare::Greater => " > ",
            Compare::GreaterOrEqual => " >= ",
            Compare::StartsWith => {
                let prefix = match value {
                    Value::Text(text) => text.as_str(),
                    // The parser lets nothing else through.
                    _ => "",
                };
                self.sql.push_str(" GLOB ");
                self.bind(Sql::Text(format!("{}*", escape_glob(prefix))));
                return;
            }
        };
        self.sql.push_str(operator);
        self.bind(match value {
            Value::Text(text) => Sql::Text(text.clone()),
            Value::Integer(number) => Sql::Integer(*number),
            Value::Number(number) => Sql::Real(*number),
            Value::Bool(value) => Sql::Integer(i64::from(*value)),
        });
    }
}

fn column(field: &Field) -> &'static str {
    match field {
        Field::WorkflowId => "workflow_id",
        Field::RunId => "run_id",
        Field::WorkflowType => "workflow_type",
        Field::TaskQueue => "task_queue",
        Field::Status => "status",
        Field::StartTime => "started_at",
        Field::ExecutionTime => "execution_at",
        Field::CloseTime => "closed_at",
        Field::Duration => "(closed_at - execution_at)",
        Field::HistoryLength => "history_length",
        Field::HistorySize => "history_bytes",
        Field::Custom(_) => "search_values",
    }
}

fn path(name: &str) -> Sql {
    Sql::Text(format!("$.\"{}\"", name.replace('"', "")))
}

fn escape_glob(prefix: &str) -> String {
    let mut escaped = String::with_capacity(prefix.len());
    for letter in prefix.chars() {
        if matches!(letter, '*' | '?' | '[') {
            escaped.extend(['[', letter, ']']);
        } else {
            escaped.push(letter);
        }
    }
    escaped
}
