//! Splicing encoded messages: what was encoded once is copied, not decoded and encoded again.

use std::ops::Range;

use bytes::Bytes;
use prost::encoding::{WireType, encode_key, encode_varint};

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
