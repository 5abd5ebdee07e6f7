//! Messages read by name. Payloads, durations and wrapped scalars come out as what they hold.

use crate::schema::{Field, Kind, SCHEMA, Shape};
use crate::value::Value;

pub(crate) fn decode(message: &str, mut bytes: &[u8]) -> Value {
    let mut found: Vec<(&Field, Value)> = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let number = u32::try_from(key >> 3).unwrap();
        let raw = match key & 7 {
            0 => Raw::Varint(varint(&mut bytes)),
            1 => Raw::Eight(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                Raw::Bytes(take(&mut bytes, length))
            }
            5 => Raw::Four(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap())),
            wire => panic!("wire type {wire} in {message}"),
        };
        let fields = SCHEMA.message(message);
        let field = fields.iter().find(|field| field.number == number);
        let field = field.unwrap_or_else(|| panic!("{message} has no field {number}"));
        read(field, raw, &mut found);
    }
    let mut fields: Vec<(String, Value)> = Vec::new();
    found.sort_by_key(|(field, _)| field.number);
    for (field, value) in found {
        match (field.shape, fields.last_mut()) {
            (Shape::Many, Some((name, Value::List(items)))) if *name == field.name => {
                items.push(value);
            }
            (Shape::Many, _) => fields.push((field.name.clone(), Value::List(vec![value]))),
            (Shape::Map, Some((name, Value::Record(entries)))) if *name == field.name => {
                entries.push(entry(value));
                // A map has no order.
                entries.sort_by(|a, b| a.0.cmp(&b.0));
            }
            (Shape::Map, _) => {
                fields.push((field.name.clone(), Value::Record(vec![entry(value)])));
            }
            (Shape::One, Some((name, last))) if *name == field.name => *last = value,
            (Shape::One, _) => fields.push((field.name.clone(), value)),
        }
    }
    shorten(message, Value::Record(fields))
}

enum Raw<'a> {
    Varint(u64),
    Eight(u64),
    Four(u32),
    Bytes(&'a [u8]),
}

fn read(field: &'static Field, raw: Raw<'_>, found: &mut Vec<(&'static Field, Value)>) {
    let value = match (&field.kind, raw) {
        (Kind::Text, Raw::Bytes(bytes)) => Value::Text(String::from_utf8(bytes.to_vec()).unwrap()),
        (Kind::Bytes, Raw::Bytes(bytes)) => of_bytes(bytes),
        (Kind::Message(name), Raw::Bytes(bytes)) => decode(name, bytes),
        (_, Raw::Bytes(mut packed)) => {
            while !packed.is_empty() {
                let raw = match &field.kind {
                    Kind::Double | Kind::Fixed64 => {
                        Raw::Eight(u64::from_le_bytes(take(&mut packed, 8).try_into().unwrap()))
                    }
                    Kind::Float | Kind::Fixed32 => {
                        Raw::Four(u32::from_le_bytes(take(&mut packed, 4).try_into().unwrap()))
                    }
                    _ => Raw::Varint(varint(&mut packed)),
                };
                read(field, raw, found);
            }
            return;
        }
        (Kind::Double, Raw::Eight(bits)) => Value::Number(f64::from_bits(bits).to_string()),
        (Kind::Float, Raw::Four(bits)) => Value::Number(f32::from_bits(bits).to_string()),
        (Kind::Bool, Raw::Varint(bits)) => Value::Bool(bits != 0),
        (Kind::Signed, Raw::Varint(bits)) => Value::Number(bits.cast_signed().to_string()),
        (Kind::Zigzag, Raw::Varint(bits)) => {
            let value = (bits >> 1).cast_signed() ^ -((bits & 1).cast_signed());
            Value::Number(value.to_string())
        }
        (Kind::Enum(name), Raw::Varint(bits)) => {
            let number = i64::from_ne_bytes(bits.to_ne_bytes());
            let mut values = SCHEMA.enumeration(name).iter();
            let known = values.find(|(_, value)| i64::from(*value) == number);
            known.map_or(Value::Number(number.to_string()), |(name, _)| {
                Value::text(name)
            })
        }
        (_, Raw::Varint(bits)) => Value::Number(bits.to_string()),
        (_, Raw::Eight(bits)) => Value::Number(bits.to_string()),
        (_, Raw::Four(bits)) => Value::Number(bits.to_string()),
    };
    found.push((field, value));
}

fn entry(value: Value) -> (String, Value) {
    let key = value.get("key").map_or_else(String::new, |key| match key {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    });
    let held = value.get("value").cloned();
    (key, held.unwrap_or(Value::Record(Vec::new())))
}

fn shorten(message: &str, value: Value) -> Value {
    let number = |name: &str| {
        let number = value.get(name).and_then(Value::as_text);
        number.map_or(0, |number| number.parse::<i64>().unwrap())
    };
    match message {
        "google.protobuf.Duration" => Value::Text(duration(number("seconds"), number("nanos"))),
        "google.protobuf.Timestamp" => Value::Time {
            seconds: number("seconds"),
            nanos: i32::try_from(number("nanos")).unwrap(),
        },
        "google.protobuf.Any" => any(&value),
        "temporal.api.common.v1.Payloads" => value
            .get("payloads")
            .cloned()
            .unwrap_or(Value::List(Vec::new())),
        "temporal.api.common.v1.Payload" => payload(value),
        _ if message.starts_with("google.protobuf.") && message.ends_with("Value") => {
            value.get("value").cloned().unwrap_or(value)
        }
        _ => value,
    }
}

/// A JSON payload is what it says; its type, when it names one, stands beside it.
fn payload(value: Value) -> Value {
    let data = value.get("data").and_then(Value::as_text).unwrap_or("");
    let Some(Value::Record(metadata)) = value.get("metadata") else {
        return value;
    };
    let encoding = value.at("metadata.encoding");
    let json = encoding == Some(Value::text("json/plain"));
    match (json.then(|| Value::parse(data)), metadata.as_slice()) {
        (Some(Ok(held)), [_]) => held,
        (Some(Ok(held)), [_, (name, kind)]) if name == "type" => {
            Value::Record(vec![(name.clone(), kind.clone()), ("is".to_owned(), held)])
        }
        _ => value,
    }
}

fn any(value: &Value) -> Value {
    let url = value.get("type_url").and_then(Value::as_text).unwrap_or("");
    let name = url.rsplit('/').next().unwrap_or(url);
    let bytes = match value.get("value") {
        Some(Value::Text(text)) => match text.strip_prefix("0x") {
            Some(hex) => (0..hex.len() / 2)
                .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
                .collect(),
            None => text.clone().into_bytes(),
        },
        _ => Vec::new(),
    };
    if !SCHEMA.has(name) {
        return value.clone();
    }
    let mut fields = vec![("is".to_owned(), Value::text(name))];
    if let Value::Record(held) = decode(name, &bytes) {
        fields.extend(held);
    }
    Value::Record(fields)
}

pub(crate) fn duration(seconds: i64, nanos: i64) -> String {
    let millis = seconds * 1_000 + nanos / 1_000_000;
    match millis % 1_000 {
        0 => format!("{seconds}s"),
        _ => format!("{millis}ms"),
    }
}

/// Text where it is text, else hexadecimal.
fn of_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() && c != '\n') => Value::text(text),
        _ => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Value::Text(format!("0x{hex}"))
        }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    prost::encoding::decode_varint(bytes).unwrap()
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (head, rest) = bytes.split_at(length);
    *bytes = rest;
    head
}
