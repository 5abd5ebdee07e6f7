//! The protocol's messages and RPCs by name, read from the descriptors that the engine's build
//! hands on. Only what reading and writing by name needs.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;

pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let bytes = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    Schema::of(Files::decode(bytes.as_slice()).unwrap())
});

#[derive(Default)]
pub(crate) struct Schema {
    messages: HashMap<String, Vec<Field>>,
    enums: HashMap<String, Vec<(String, i32)>>,
    /// Service/RPC → request and answer.
    rpcs: HashMap<String, (String, String)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Many,
    Map,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Double,
    Float,
    Fixed64,
    Fixed32,
    Bool,
    Text,
    Bytes,
    Signed,
    Unsigned,
    Zigzag,
    Enum(String),
    Message(String),
}

impl Schema {
    pub(crate) fn message(&self, name: &str) -> &[Field] {
        self.messages
            .get(name)
            .unwrap_or_else(|| panic!("the protocol has no message {name}"))
    }

    pub(crate) fn has(&self, message: &str) -> bool {
        self.messages.contains_key(message)
    }

    pub(crate) fn enumeration(&self, name: &str) -> &[(String, i32)] {
        &self.enums[name]
    }

    pub(crate) fn rpc(&self, service: &str, rpc: &str) -> Option<(&str, &str)> {
        let (request, answer) = self.rpcs.get(&format!("{service}/{rpc}"))?;
        Some((request, answer))
    }

    fn of(files: Files) -> Self {
        let mut schema = Self::default();
        for file in files.file {
            for message in file.message_type {
                schema.add_message(&file.package, message);
            }
            for enumeration in file.enum_type {
                schema.add_enum(&file.package, enumeration);
            }
            for service in file.service {
                for rpc in service.method {
                    let name = format!("{}.{}/{}", file.package, service.name, rpc.name);
                    let types = (bare(&rpc.input_type), bare(&rpc.output_type));
                    schema.rpcs.insert(name, types);
                }
            }
        }
        schema
    }

    fn add_enum(&mut self, scope: &str, enumeration: EnumType) {
        // WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND is long for UNHANDLED_COMMAND.
        let prefix = screaming(&enumeration.name);
        let short = |name: String| {
            name.strip_prefix(&prefix)
                .map(str::to_owned)
                .unwrap_or(name)
        };
        let values = enumeration.value.into_iter();
        let values = values.map(|value| (short(value.name), value.number));
        let name = format!("{scope}.{}", enumeration.name);
        self.enums.insert(name, values.collect());
    }

    fn add_message(&mut self, scope: &str, message: MessageType) {
        let name = format!("{scope}.{}", message.name);
        let maps: Vec<String> = message
            .nested_type
            .iter()
            .filter(|nested| nested.options.as_ref().is_some_and(|o| o.map_entry))
            .map(|nested| format!("{name}.{}", nested.name))
            .collect();
        for nested in message.nested_type {
            self.add_message(&name, nested);
        }
        for enumeration in message.enum_type {
            self.add_enum(&name, enumeration);
        }
        let fields = message.field.into_iter().map(|field| {
            let type_name = bare(&field.type_name);
            let shape = match field.label {
                3 if maps.contains(&type_name) => Shape::Map,
                3 => Shape::Many,
                _ => Shape::One,
            };
            let kind = match field.r#type {
                1 => Kind::Double,
                2 => Kind::Float,
                3 | 5 => Kind::Signed,
                4 | 13 => Kind::Unsigned,
                6 | 16 => Kind::Fixed64,
                7 | 15 => Kind::Fixed32,
                8 => Kind::Bool,
                9 => Kind::Text,
                12 => Kind::Bytes,
                14 => Kind::Enum(type_name),
                17 | 18 => Kind::Zigzag,
                _ => Kind::Message(type_name),
            };
            Field {
                name: field.name,
                number: field.number,
                kind,
                shape,
            }
        });
        let mut fields: Vec<_> = fields.collect();
        fields.sort_by_key(|field| field.number);
        self.messages.insert(name, fields);
    }
}

fn bare(name: &str) -> String {
    name.trim_start_matches('.').to_owned()
}

fn screaming(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out + "_"
}

#[derive(Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<MessageType>,
    #[prost(message, repeated, tag = "5")]
    enum_type: Vec<EnumType>,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Message)]
struct MessageType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    field: Vec<FieldType>,
    #[prost(message, repeated, tag = "3")]
    nested_type: Vec<MessageType>,
    #[prost(message, repeated, tag = "4")]
    enum_type: Vec<EnumType>,
    #[prost(message, optional, tag = "7")]
    options: Option<Options>,
}

#[derive(Message)]
struct Options {
    #[prost(bool, tag = "7")]
    map_entry: bool,
}

#[derive(Message)]
struct FieldType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(uint32, tag = "3")]
    number: u32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    r#type: i32,
    #[prost(string, tag = "6")]
    type_name: String,
}

#[derive(Message)]
struct EnumType {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    value: Vec<EnumValue>,
}

#[derive(Message)]
struct EnumValue {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(int32, tag = "2")]
    number: i32,
}

#[derive(Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<Method>,
}

#[derive(Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    input_type: String,
    #[prost(string, tag = "3")]
    output_type: String,
}
