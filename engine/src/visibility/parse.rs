//! Words into a filter, by recursive descent: OR of ANDs of NOTs of comparisons.

use ambient::Timestamp;
use temporalio_protos::temporal::api::enums::v1::WorkflowExecutionStatus as Status;

use super::lex::{Token, lex};
use super::{BadQuery, Compare, Field, Filter, Value};

/// Nesting is bounded: a query of ten thousand parentheses must not exhaust the stack.
const DEEPEST: usize = 50;

pub(crate) fn parse(text: &str) -> Result<Filter, BadQuery> {
    match parse_count(text)? {
        (filter, false) => Ok(filter),
        (_, true) => Err(BadQuery(
            "operation is not supported: 'group by' clause".to_owned(),
        )),
    }
}

/// A filter, and whether the count is wanted by status.
pub(crate) fn parse_count(text: &str) -> Result<(Filter, bool), BadQuery> {
    let mut parser = Parser {
        tokens: lex(text)?,
        at: 0,
    };
    let starts_with_filter = !parser.tokens.is_empty() && !parser.peek_word("GROUP");
    let filter = if starts_with_filter {
        parser.any(0)?
    } else {
        Filter::Everything
    };
    let grouped = parser.eat_word("GROUP");
    if grouped {
        parser.expect_word("BY")?;
        if parser.field()? != Field::Status {
            return Err(BadQuery(
                "operation is not supported: 'group by' clause is only supported for ExecutionStatus search attribute".to_owned(),
            ));
        }
    }
    match parser.tokens.get(parser.at) {
        None => Ok((filter, grouped)),
        Some(Token::Word(word)) if word.eq_ignore_ascii_case("ORDER") => Err(BadQuery(
            "ORDER BY is not supported: open runs come first, then the latest closed".to_owned(),
        )),
        Some(Token::Symbol(",")) if grouped => Err(BadQuery(
            "operation is not supported: 'group by' clause supports only a single field".to_owned(),
        )),
        Some(extra) => Err(BadQuery(format!("unexpected {extra}"))),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn any(&mut self, depth: usize) -> Result<Filter, BadQuery> {
        let mut parts = vec![self.all(depth)?];
        while self.eat_word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Filter, BadQuery> {
        let mut parts = vec![self.one(depth)?];
        while self.eat_word("AND") {
            parts.push(self.one(depth)?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn one(&mut self, depth: usize) -> Result<Filter, BadQuery> {
        if depth > DEEPEST {
            return Err(BadQuery("nested too deeply".to_owned()));
        }
        if self.eat_word("NOT") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.eat_symbol("(") {
            let inner = self.any(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter, BadQuery> {
        let field = self.field()?;
        if self.eat_word("IS") {
            let negated = self.eat_word("NOT");
            self.expect_word("NULL")?;
            return Ok(negate_if(negated, Filter::Null(field)));
        }
        let negated = self.eat_word("NOT");
        if self.eat_word("IN") {
            self.expect_symbol("(")?;
            let mut options = Vec::new();
            loop {
                let value = self.value(&field)?;
                options.push(Filter::Is(field.clone(), Compare::Equal, value));
                if !self.eat_symbol(",") {
                    break;
                }
            }
            self.expect_symbol(")")?;
            return Ok(negate_if(negated, Filter::Any(options)));
        }
        if self.eat_word("BETWEEN") {
            let low = self.value(&field)?;
            self.expect_word("AND")?;
            let high = self.value(&field)?;
            let within = Filter::All(vec![
                Filter::Is(field.clone(), Compare::GreaterOrEqual, low),
                Filter::Is(field, Compare::LessOrEqual, high),
            ]);
            return Ok(negate_if(negated, within));
        }
        if self.eat_word("STARTS_WITH") {
            // A prefix is a text whatever the attribute is; numbers and times start with nothing.
            let prefix = self.value(&Field::WorkflowId)?;
            if !matches!(prefix, Value::Text(_)) {
                return Err(BadQuery("STARTS_WITH needs a quoted text".to_owned()));
            }
            let starts = Filter::Is(field, Compare::StartsWith, prefix);
            return Ok(negate_if(negated, starts));
        }
        if negated {
            return Err(BadQuery(
                "NOT before something that cannot be negated there".to_owned(),
            ));
        }
        let compare = self.compare()?;
        let value = self.value(&field)?;
        Ok(Filter::Is(field, compare, value))
    }

    fn compare(&mut self) -> Result<Compare, BadQuery> {
        let compare = match self.tokens.get(self.at) {
            Some(Token::Symbol("=")) => Compare::Equal,
            Some(Token::Symbol("!=" | "<>")) => Compare::NotEqual,
            Some(Token::Symbol("<")) => Compare::Less,
            Some(Token::Symbol("<=")) => Compare::LessOrEqual,
            Some(Token::Symbol(">")) => Compare::Greater,
            Some(Token::Symbol(">=")) => Compare::GreaterOrEqual,
            other => {
                return Err(BadQuery(match other {
                    Some(other) => format!("an operator is missing before {other}"),
                    None => "an operator is missing at the end".to_owned(),
                }));
            }
        };
        self.at += 1;
        Ok(compare)
    }

    fn field(&mut self) -> Result<Field, BadQuery> {
        let Some(Token::Word(name)) = self.tokens.get(self.at) else {
            return Err(BadQuery("an attribute's name is missing".to_owned()));
        };
        let field = match name.as_str() {
            "WorkflowId" => Field::WorkflowId,
            "RunId" => Field::RunId,
            "WorkflowType" => Field::WorkflowType,
            "TaskQueue" => Field::TaskQueue,
            "ExecutionStatus" => Field::Status,
            "StartTime" => Field::StartTime,
            "ExecutionTime" => Field::ExecutionTime,
            "CloseTime" => Field::CloseTime,
            "ExecutionDuration" => Field::Duration,
            "HistoryLength" => Field::HistoryLength,
            "HistorySizeBytes" => Field::HistorySize,
            custom => Field::Custom(custom.to_owned()),
        };
        self.at += 1;
        Ok(field)
    }

    fn value(&mut self, of: &Field) -> Result<Value, BadQuery> {
        let token = self
            .tokens
            .get(self.at)
            .cloned()
            .ok_or_else(|| BadQuery("a value is missing".to_owned()))?;
        self.at += 1;
        match of {
            Field::Status => status(&token),
            Field::Duration => length(&token),
            Field::StartTime | Field::ExecutionTime | Field::CloseTime => time(&token),
            _ => plain(&token),
        }
    }

    fn peek_word(&self, word: &str) -> bool {
        matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word(word);
        self.at += usize::from(found);
        found
    }

    fn eat_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), BadQuery> {
        let found = self.eat_word(word);
        found
            .then_some(())
            .ok_or_else(|| BadQuery(format!("{word} is missing")))
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), BadQuery> {
        let found = self.eat_symbol(symbol);
        found
            .then_some(())
            .ok_or_else(|| BadQuery(format!("{symbol} is missing")))
    }
}

fn one_or(mut parts: Vec<Filter>, many: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => Filter::Everything,
    }
}

fn negate_if(negated: bool, filter: Filter) -> Filter {
    if negated {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}

fn plain(token: &Token) -> Result<Value, BadQuery> {
    match token {
        Token::Text(text) => Ok(Value::Text(text.clone())),
        Token::Number(digits) => digits
            .parse()
            .map(Value::Integer)
            .or_else(|_| digits.parse().map(Value::Number))
            .map_err(|_| BadQuery(format!("{digits} is not a number"))),
        Token::Word(word) if word.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Token::Word(word) if word.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        other => Err(BadQuery(format!("{other} is not a value"))),
    }
}

fn status(token: &Token) -> Result<Value, BadQuery> {
    let named = match token {
        Token::Text(name) => match name.as_str() {
            "Running" => Some(Status::Running),
            "Completed" => Some(Status::Completed),
            "Failed" => Some(Status::Failed),
            "Canceled" => Some(Status::Canceled),
            "Terminated" => Some(Status::Terminated),
            "ContinuedAsNew" => Some(Status::ContinuedAsNew),
            "TimedOut" => Some(Status::TimedOut),
            _ => None,
        },
        Token::Number(digits) => digits
            .parse()
            .ok()
            .and_then(|n: i32| Status::try_from(n).ok()),
        Token::Word(_) | Token::Symbol(_) => None,
    };
    named
        .map(|status| Value::Integer(i64::from(status as i32)))
        .ok_or_else(|| {
            BadQuery(format!(
                "invalid expression: invalid ExecutionStatus value {token}"
            ))
        })
}

/// Nanoseconds, or a text like `90s`, `2h`, `250ms`.
fn length(token: &Token) -> Result<Value, BadQuery> {
    const UNITS: [(&str, i64); 6] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let nanos = match token {
        Token::Number(digits) => digits.parse::<i64>().ok(),
        Token::Text(text) => UNITS.iter().find_map(|(unit, nanos)| {
            let count = text.strip_suffix(unit)?.parse::<i64>().ok()?;
            count.checked_mul(*nanos)
        }),
        Token::Word(_) | Token::Symbol(_) => None,
    };
    nanos
        .map(|nanos| Value::Integer(nanos / 1_000))
        .ok_or_else(|| {
            BadQuery(format!(
                "invalid expression: {token} is no duration like '90s'"
            ))
        })
}

fn time(token: &Token) -> Result<Value, BadQuery> {
    let at = match token {
        Token::Text(text) => Timestamp::parse_rfc3339(text),
        // The protocol's older form: nanoseconds since 1970.
        Token::Number(digits) => digits
            .parse::<i64>()
            .ok()
            .map(|nanos| Timestamp::from_micros(nanos / 1_000)),
        Token::Word(_) | Token::Symbol(_) => None,
    };
    at.map(|at| Value::Integer(at.as_micros())).ok_or_else(|| {
        BadQuery(format!(
            "invalid expression: unable to parse datetime {token}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_closer_than_or() {
        let text =
            |field, value: &str| Filter::Is(field, Compare::Equal, Value::Text(value.to_owned()));
        assert_eq!(
            parse("WorkflowId = 'a' or WorkflowId='b' and RunId = \"c\"").unwrap(),
            Filter::Any(vec![
                text(Field::WorkflowId, "a"),
                Filter::All(vec![text(Field::WorkflowId, "b"), text(Field::RunId, "c")]),
            ])
        );
    }

    #[test]
    fn nonsense_is_refused_with_what_is_wrong() {
        for text in [
            "WorkflowId =",
            "= 3",
            "StartTime > 'yesterday'",
            "ExecutionStatus = 'Sleeping'",
            "(WorkflowId = 'a'",
            "WorkflowId = 'a",
            "WorkflowId = 'a' ORDER BY StartTime",
            "WorkflowId = 'a' 'b'",
            "WorkflowId STARTS_WITH 5",
            "`` = 1",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"(".repeat(10_000)).is_err());
    }

    #[test]
    fn counts_can_be_grouped_by_status() {
        assert_eq!(
            parse_count("GROUP BY ExecutionStatus").unwrap(),
            (Filter::Everything, true)
        );
        assert!(parse("GROUP BY ExecutionStatus").is_err());
        assert!(parse_count("GROUP BY WorkflowType").is_err());
    }
}
