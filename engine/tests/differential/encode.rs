//! Messages written by name, with the short forms of scenarios: a word where a message with a name
//! is expected (`task_queue: q`), any value where a payload is, `90s` where a duration is,
//! commands by their kind (`{start_timer: {…}}`), and any message by its name (`{is: …}`).

use prost::encoding::{WireType, encode_key, encode_varint};

use crate::schema::{Field, Kind, SCHEMA, Shape};
use crate::value::Value;

pub(crate) fn encode(message: &str, value: &Value) -> Result<Vec<u8>, String> {
    let long = lengthen(message, value)?;
    let Value::Record(fields) = &long else {
        return Err(format!("{message} is not written as `{value}`"));
    };
    let mut out = Vec::new();
    for (name, value) in fields {
        let mut known = SCHEMA.message(message).iter();
        let field = known.find(|field| field.name == *name);
        let field = field.ok_or_else(|| format!("{message} has no field {name}"))?;
        match (field.shape, value) {
            (Shape::Many, Value::List(items)) => {
                for item in items {
                    write(field, item, &mut out)?;
                }
            }
            (Shape::Map, Value::Record(entries)) => {
                for (key, value) in entries {
                    let entry = vec![
                        ("key".to_owned(), Value::text(key)),
                        ("value".to_owned(), value.clone()),
                    ];
                    write(field, &Value::Record(entry), &mut out)?;
                }
            }
            (Shape::One, value) => write(field, value, &mut out)?,
            _ => return Err(format!("{message}.{name} is not written as `{value}`")),
        }
    }
    Ok(out)
}

fn write(field: &Field, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    let wrong = || format!("{} is not written as `{value}`", field.name);
    let text = || value.as_text().ok_or_else(wrong);
    let varint = |out: &mut Vec<u8>, bits: u64| {
        encode_key(field.number, WireType::Varint, out);
        encode_varint(bits, out);
    };
    match &field.kind {
        Kind::Bool => varint(out, u64::from(*value == Value::Bool(true))),
        Kind::Unsigned => varint(out, text()?.parse().map_err(|_| wrong())?),
        Kind::Signed => {
            let number: i64 = text()?.parse().map_err(|_| wrong())?;
            varint(out, number.cast_unsigned());
        }
        Kind::Enum(name) => varint(out, enumeration(name, text()?)?),
        Kind::Double => {
            let number: f64 = text()?.parse().map_err(|_| wrong())?;
            encode_key(field.number, WireType::SixtyFourBit, out);
            out.extend(number.to_le_bytes());
        }
        Kind::Float => {
            let number: f32 = text()?.parse().map_err(|_| wrong())?;
            encode_key(field.number, WireType::ThirtyTwoBit, out);
            out.extend(number.to_le_bytes());
        }
        Kind::Text => nested(field, text()?.as_bytes(), out),
        Kind::Bytes => nested(field, &bytes(text()?), out),
        Kind::Message(name) => nested(field, &encode(name, value)?, out),
        Kind::Fixed64 | Kind::Fixed32 | Kind::Zigzag => return Err(wrong()),
    }
    Ok(())
}

fn nested(field: &Field, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field.number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend(bytes);
}

/// What `decode` shows of bytes: hexadecimal behind `0x`, else text.
fn bytes(text: &str) -> Vec<u8> {
    let hex = text.strip_prefix("0x").filter(|hex| hex.len() % 2 == 0);
    let parsed = hex.and_then(|hex| {
        let pairs = (0..hex.len() / 2).map(|at| hex.get(at * 2..at * 2 + 2));
        pairs
            .map(|pair| u8::from_str_radix(pair?, 16).ok())
            .collect::<Option<Vec<u8>>>()
    });
    parsed.unwrap_or_else(|| text.as_bytes().to_vec())
}

fn enumeration(name: &str, text: &str) -> Result<u64, String> {
    let known = SCHEMA.enumeration(name).iter().find(|(n, _)| n == text);
    let number = match known {
        Some((_, number)) => i64::from(*number),
        None => text
            .parse()
            .map_err(|_| format!("{name} has no value {text}"))?,
    };
    Ok(number.cast_unsigned())
}

/// The long form of what scenarios may write short.
fn lengthen(message: &str, value: &Value) -> Result<Value, String> {
    let record = |fields: &[(&str, Value)]| {
        let fields = fields.iter();
        Value::Record(fields.map(|(k, v)| ((*k).to_owned(), v.clone())).collect())
    };
    Ok(match (message, value) {
        ("google.protobuf.Duration", Value::Text(text)) => {
            let millis = millis(text).ok_or_else(|| format!("`{text}` is no duration"))?;
            record(&[
                ("seconds", Value::Number((millis / 1_000).to_string())),
                (
                    "nanos",
                    Value::Number((millis % 1_000 * 1_000_000).to_string()),
                ),
            ])
        }
        ("google.protobuf.Timestamp", Value::Time { seconds, nanos }) => record(&[
            ("seconds", Value::Number(seconds.to_string())),
            ("nanos", Value::Number(nanos.to_string())),
        ]),
        ("google.protobuf.Timestamp", Value::Text(text)) => {
            let time = crate::plain::time_of(text).ok_or_else(|| format!("`{text}` is no time"))?;
            record(&[("seconds", Value::Number(time.to_string()))])
        }
        ("temporal.api.common.v1.Payloads", Value::List(_)) => {
            record(&[("payloads", value.clone())])
        }
        ("temporal.api.common.v1.Payload", value) if value.get("metadata").is_none() => {
            let json = ("encoding", Value::text("json/plain"));
            match (value.get("type"), value.get("is")) {
                (Some(kind), Some(held)) => record(&[
                    ("metadata", record(&[json, ("type", kind.clone())])),
                    ("data", Value::Text(held.json())),
                ]),
                _ => record(&[
                    ("metadata", record(&[json])),
                    ("data", Value::Text(value.json())),
                ]),
            }
        }
        ("temporal.api.command.v1.Command", Value::Record(fields)) => command(fields),
        ("google.protobuf.Any", Value::Record(fields)) if value.get("is").is_some() => {
            let name = value.get("is").and_then(Value::as_text).unwrap_or("");
            let held = fields.iter().filter(|(field, _)| field != "is");
            let held = encode(name, &Value::Record(held.cloned().collect()))?;
            let hex: String = held.iter().map(|byte| format!("{byte:02x}")).collect();
            record(&[
                (
                    "type_url",
                    Value::Text(format!("type.googleapis.com/{name}")),
                ),
                ("value", Value::Text(format!("0x{hex}"))),
            ])
        }
        (_, Value::Text(_) | Value::Number(_) | Value::Bool(_)) => {
            let fields = SCHEMA.message(message);
            let named = fields.iter().find(|field| field.name == "name");
            let field = named.or(fields.first());
            let field = field.ok_or_else(|| format!("{message} holds nothing"))?;
            record(&[(field.name.as_str(), value.clone())])
        }
        _ => value.clone(),
    })
}

fn command(fields: &[(String, Value)]) -> Value {
    let known = SCHEMA.message("temporal.api.command.v1.Command");
    let is_field = |name: &str| known.iter().any(|field| field.name == name);
    let mut long = Vec::new();
    for (name, value) in fields {
        let attributes = format!("{name}_command_attributes");
        if !is_field(name) && is_field(&attributes) {
            let kind = Value::Text(name.to_uppercase());
            long.push(("command_type".to_owned(), kind));
            long.push((attributes, value.clone()));
        } else {
            long.push((name.clone(), value.clone()));
        }
    }
    Value::Record(long)
}

/// `90s`, `250ms`.
pub(crate) fn millis(text: &str) -> Option<i64> {
    match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok(),
        None => Some(text.strip_suffix('s')?.parse::<i64>().ok()? * 1_000),
    }
}
