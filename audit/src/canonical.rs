//! What of a row is hashed, byte for byte, for ever. Another layout needs another version byte.

use crate::log::Line;

const VERSION: u8 = 1;

/// A number is eight bytes, big end first; a text its length in four bytes and its bytes; what may
/// be missing comes after a byte that says whether it is there. So no two rows have the same bytes.
pub(crate) fn bytes(partner: &str, live: bool, line: &Line) -> Vec<u8> {
    let mut to = vec![VERSION];
    text(&mut to, partner);
    to.push(u8::from(live));
    to.extend_from_slice(&line.position.to_be_bytes());
    for field in [
        line.action.as_str(),
        line.event,
        &line.transfer,
        &line.kind,
        &line.detail,
    ] {
        text(&mut to, field);
    }
    to.push(u8::from(line.needs_second));
    let maybe = [
        &line.actor,
        &line.decision,
        &line.reason,
        &line.evidence,
        &line.used_by,
    ];
    for field in maybe {
        to.push(u8::from(field.is_some()));
        if let Some(there) = field {
            text(&mut to, there);
        }
    }
    to.extend_from_slice(&line.at.as_micros().to_be_bytes());
    to
}

fn text(to: &mut Vec<u8>, text: &str) {
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use ambient::Timestamp;

    use super::*;

    /// Hashes of rows written years ago depend on this. It must never need another value.
    #[test]
    fn the_layout_is_for_ever() {
        let line = Line {
            position: 1,
            action: "act_1".to_owned(),
            event: "made",
            transfer: "tr_1".to_owned(),
            kind: "hold".to_owned(),
            detail: "{}".to_owned(),
            needs_second: true,
            actor: Some("al".to_owned()),
            decision: None,
            reason: Some("r".to_owned()),
            evidence: None,
            used_by: None,
            at: Timestamp::from_micros(7),
        };
        let shown: String = bytes("pa_1", false, &line)
            .iter()
            .map(|byte| match byte {
                b' '..=b'~' => char::from(*byte).to_string(),
                other => format!("\\{other:x}"),
            })
            .collect();
        assert_eq!(
            shown,
            "\\1\\0\\0\\0\\4pa_1\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\0\\0\\5act_1\\0\\0\\0\\4made\\0\\0\\0\\4tr_1\
             \\0\\0\\0\\4hold\\0\\0\\0\\2{}\\1\\1\\0\\0\\0\\2al\\0\\1\\0\\0\\0\\1r\\0\\0\\0\\0\\0\\0\\0\\0\\0\\7"
        );
    }
}
