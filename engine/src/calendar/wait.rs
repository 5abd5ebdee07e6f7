//! Waits as text: `90s`, `1h30m`, `1.5h`.

use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];

/// The longest wait that can be written, as a signed count of nanoseconds.
const LONGEST_NANOS: u128 = i64::MAX as u128;

/// A negative wait is none at all. `None` where the text is not a wait.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let (amount, after) = one(rest)?;
        nanos = nanos
            .checked_add(amount)
            .filter(|sum| *sum <= LONGEST_NANOS)?;
        rest = after;
    }
    let wait = Duration::from_nanos(u64::try_from(nanos).ok()?);
    Some(if negative { Duration::ZERO } else { wait })
}

/// One number with its unit, in nanoseconds, and what follows it.
fn one(text: &str) -> Option<(u128, &str)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let letters = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(letters);
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name)?;
    let unit = u128::from(*unit);
    let number = |digits: &str| match digits {
        "" => Some(0),
        digits => digits.parse::<u64>().ok().map(u128::from),
    };
    // What is finer than a nanosecond does not count.
    let fraction = &fraction[..fraction.len().min(18)];
    let scale = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
    Some((
        number(whole)? * unit + number(fraction)? * unit / scale,
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_read_as_they_are_written() {
        let seconds = |text: &str| parse(text).map(|wait| wait.as_millis());
        assert_eq!(seconds("1h30m"), Some(5_400_000));
        assert_eq!(seconds("1.5h"), Some(5_400_000));
        assert_eq!(seconds(".5s"), Some(500));
        assert_eq!(seconds("-3s"), Some(0));
        assert_eq!(seconds("0"), Some(0));
        for nonsense in ["", "3", "s", "3x", "1h 3m", ".s", "999999999999h"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
    }
}
