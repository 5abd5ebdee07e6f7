//! Splicing encoded messages: what was encoded once is copied, not decoded and encoded again.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, encode_key, encode_varint};
use prost::{DecodeError, Message};

/// Appends a nested message whose encoding lies in pieces.
pub(crate) fn splice(into: &mut Vec<u8>, field: u32, pieces: &[Bytes]) {
    encode_key(field, WireType::LengthDelimited, into);
    let length: usize = pieces.iter().map(Bytes::len).sum();
    encode_varint(length as u64, into);
    for piece in pieces {
        into.extend_from_slice(piece);
    }
}

/// The top-level length-delimited fields of an encoding, each with its key and length. Stops at
/// anything else: only our own encodings are walked.
pub(crate) fn fields(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        let mut rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let before = rest.len();
        let key = prost::encoding::decode_varint(&mut rest).ok()?;
        if key & 7 != WireType::LengthDelimited as u64 {
            return None;
        }
        let length = usize::try_from(prost::encoding::decode_varint(&mut rest).ok()?).ok()?;
        let end = start + (before - rest.len()) + length;
        if end > bytes.len() {
            return None;
        }
        at = end;
        Some(start..end)
    })
}

/// How much deeper than in a request its parts may come to lie: in events of a history in an
/// answer, and as the cause of the engine's own failures.
const WRAPPED: u8 = 20;

/// A message from outside. The library reads a hundred messages inside each other, everywhere: what
/// was as deep as that in a request could be written, and then be read neither by a worker nor by
/// the engine itself after a restart. So less is let in.
pub(crate) fn decode<M: Message + Default>(mut from: impl Buf) -> Result<M, DecodeError> {
    static WITHIN: LazyLock<DecodeContext> = LazyLock::new(|| Inside::at(WRAPPED));
    let mut message = M::default();
    while from.has_remaining() {
        let (tag, wire_type) = decode_key(&mut from)?;
        message.merge_field(tag, wire_type, &mut from, WITHIN.clone())?;
    }
    Ok(message)
}

/// Messages inside each other that hold nothing: reading them is how the library counts.
#[derive(Debug, Default)]
struct Inside(DecodeContext);

impl Inside {
    fn at(depth: u8) -> DecodeContext {
        let nested = (0..=depth).fold(Vec::new(), |inner, _| {
            let mut outer = Vec::new();
            splice(&mut outer, 1, &[inner.into()]);
            outer
        });
        // Where nothing is wrong with it, and there is not, it came to the innermost.
        Self::decode(nested.as_slice()).unwrap_or_default().0
    }
}

impl Message for Inside {
    fn encode_raw(&self, _: &mut impl bytes::BufMut) {}

    fn merge_field(
        &mut self,
        _: u32,
        wire_type: WireType,
        from: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        self.0 = context.clone();
        prost::encoding::message::merge(wire_type, self, from, context)
    }

    fn encoded_len(&self) -> usize {
        0
    }

    fn clear(&mut self) {}
}

/// An encoding that breaks off, or holds what the protocol does not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Torn;

/// Every occurrence of a length-delimited field in an encoding from outside.
pub(crate) fn messages(bytes: &[u8], field: u32) -> Result<Vec<&[u8]>, Torn> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let key = prost::encoding::decode_varint(&mut rest).map_err(|_| Torn)?;
        let skipped = match key & 7 {
            0 => {
                prost::encoding::decode_varint(&mut rest).map_err(|_| Torn)?;
                0
            }
            1 => 8,
            2 => prost::encoding::decode_varint(&mut rest).map_err(|_| Torn)?,
            5 => 4,
            _ => return Err(Torn),
        };
        let skipped = usize::try_from(skipped).map_err(|_| Torn)?;
        let (value, after) = rest.split_at_checked(skipped).ok_or(Torn)?;
        if key & 7 == 2 && key >> 3 == u64::from(field) {
            found.push(value);
        }
        rest = after;
    }
    Ok(found)
}

/// The different values of a string field, empty ones left out as the protocol does.
pub(crate) fn strings(bytes: &[u8], field: u32) -> Result<BTreeSet<String>, Torn> {
    let mut found = BTreeSet::new();
    for value in messages(bytes, field)? {
        let text = std::str::from_utf8(value).map_err(|_| Torn)?;
        if !text.is_empty() {
            found.insert(text.to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::failure::v1::Failure;
    use temporalio_protos::temporal::api::history::v1::{
        ActivityTaskFailedEventAttributes, History, HistoryEvent, history_event::Attributes,
    };
    use temporalio_protos::temporal::api::workflowservice::v1::{
        GetWorkflowExecutionHistoryResponse, RespondActivityTaskFailedRequest,
    };

    use super::*;

    #[test]
    fn what_is_let_in_can_be_read_wherever_it_is_written() {
        let caused = |by: Option<Failure>| Failure {
            cause: by.map(Box::new),
            ..Failure::default()
        };
        let mut failure = caused(None);
        let mut deepest = 0;
        for depth in 1..=120 {
            let asked = RespondActivityTaskFailedRequest {
                failure: Some(failure.clone()),
                ..RespondActivityTaskFailedRequest::default()
            };
            if let Ok(read) = decode::<RespondActivityTaskFailedRequest>(&*asked.encode_to_vec()) {
                assert_eq!(read, asked);
                deepest = depth;
                let attributes = ActivityTaskFailedEventAttributes {
                    failure: Some(caused(read.failure)),
                    ..ActivityTaskFailedEventAttributes::default()
                };
                let event = HistoryEvent {
                    attributes: Some(Attributes::ActivityTaskFailedEventAttributes(attributes)),
                    ..HistoryEvent::default()
                };
                let answer = GetWorkflowExecutionHistoryResponse {
                    history: Some(History {
                        events: vec![event],
                    }),
                    ..GetWorkflowExecutionHistoryResponse::default()
                };
                let told = GetWorkflowExecutionHistoryResponse::decode(&*answer.encode_to_vec());
                assert_eq!(told.unwrap(), answer, "{depth}");
            }
            failure = caused(Some(failure));
        }
        assert_eq!(deepest, 100 - usize::from(WRAPPED));
    }

    #[test]
    fn walks_its_own_splices_and_stops_at_a_torn_end() {
        let mut bytes = Vec::new();
        splice(
            &mut bytes,
            1,
            &[Bytes::from_static(b"ab"), Bytes::from_static(b"c")],
        );
        splice(&mut bytes, 1, &[]);
        let ranges: Vec<_> = fields(&bytes).collect();
        assert_eq!(ranges, [0..5, 5..7]);
        assert_eq!(fields(&bytes[..4]).count(), 0);
    }

    #[test]
    fn a_foreign_encoding_is_walked_whatever_it_holds_and_refused_when_torn() {
        let encoding = [
            &[0x08, 0x96, 0x01][..],
            &[0x11, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0x1D, 1, 2, 3, 4],
            &[0x22, 2, b'a', b'b'],
            &[0x22, 0],
            &[0x22, 1, b'c'],
        ]
        .concat();
        assert!(strings(&encoding, 4).unwrap().iter().eq(["ab", "c"]));
        assert!(strings(&encoding, 1).unwrap().is_empty());
        for (wrong, field) in [
            (&encoding[..encoding.len() - 1], 1),
            (&[0x22, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F][..], 4),
            (&[0x23][..], 4),
            (&[0x22, 1, 0xFF][..], 4),
        ] {
            assert_eq!(strings(wrong, field), Err(Torn));
        }
    }
}
