//! Jitter that is the same each time it is asked for: a fingerprint of the moment and a seed,
//! scaled to the width. Fingerprint and scaling are the reference's, so that a schedule acts at
//! the same moments on either.

use std::time::Duration;

/// Seconds from the year 1 to 1970.
const FROM_YEAR_ONE: i64 = 62_135_596_800;

pub(super) fn of(seed: &str, nominal: i64, most: Duration) -> Duration {
    let mut bytes = Vec::with_capacity(15 + seed.len());
    bytes.push(1);
    bytes.extend(nominal.saturating_add(FROM_YEAR_ONE).to_be_bytes());
    // No fraction of a second; and the mark of UTC.
    bytes.extend([0, 0, 0, 0, 0xFF, 0xFF]);
    bytes.extend(seed.as_bytes());
    let width = u64::from(u32::try_from(most.as_millis()).unwrap_or(u32::MAX));
    Duration::from_millis((u64::from(fingerprint(&bytes)) * width) >> 32)
}

const C1: u32 = 0xcc9e_2d51;
const C2: u32 = 0x1b87_3593;

/// FarmHash's 32-bit fingerprint, for what is longer than 24 bytes: with a namespace's id in the
/// seed everything is. Shorter input is filled up.
fn fingerprint(bytes: &[u8]) -> u32 {
    const SHORTEST: usize = 25;
    if bytes.len() < SHORTEST {
        let mut filled = bytes.to_vec();
        filled.resize(SHORTEST, 0);
        return fingerprint(&filled);
    }
    let length = bytes.len();
    let counted = u32::try_from(length).unwrap_or(u32::MAX);
    let tail = |from_end: usize| {
        let word = word(bytes, length - from_end);
        word.wrapping_mul(C1).rotate_right(17).wrapping_mul(C2)
    };
    let mut h = counted;
    let mut g = C1.wrapping_mul(counted);
    let mut f = g;
    h = stir(stir(h ^ tail(4)) ^ tail(16));
    g = stir(stir(g ^ tail(8)) ^ tail(12));
    f = f.wrapping_add(tail(20)).rotate_right(19).wrapping_add(113);
    for at in (0..(length - 1) / 20).map(|n| n * 20) {
        let [a, b, c, d, e] = [0, 4, 8, 12, 16].map(|offset| word(bytes, at + offset));
        h = h.wrapping_add(a);
        g = g.wrapping_add(b);
        f = f.wrapping_add(c);
        h = mix(d, h).wrapping_add(e);
        g = mix(c, g).wrapping_add(a);
        f = mix(b.wrapping_add(e.wrapping_mul(C1)), f).wrapping_add(d);
        f = f.wrapping_add(g);
        g = g.wrapping_add(f);
    }
    let fold = |value: u32| {
        let once = value.rotate_right(11).wrapping_mul(C1);
        once.rotate_right(17).wrapping_mul(C1)
    };
    h = stir(h.wrapping_add(fold(g)))
        .rotate_right(17)
        .wrapping_mul(C1);
    stir(h.wrapping_add(fold(f)))
        .rotate_right(17)
        .wrapping_mul(C1)
}

fn stir(value: u32) -> u32 {
    let turned = value.rotate_right(19);
    turned.wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn mix(a: u32, h: u32) -> u32 {
    stir(h ^ a.wrapping_mul(C1).rotate_right(17).wrapping_mul(C2))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    for (to, from) in word.iter_mut().zip(bytes.iter().skip(at)) {
        *to = *from;
    }
    u32::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with the reference's own library.
    #[test]
    fn fingerprints_are_those_of_the_reference() {
        let namespace = "0193a5b0-0000-7000-8000-000000000001";
        let short = format!("{namespace}-s");
        let long = format!("{namespace}-a longer schedule id, with more than twenty bytes");
        for (nominal, seed, fingerprint) in [
            (0, &short, 3_633_048_287),
            (0, &long, 801_879_471),
            (1_800_000_000, &short, 1_287_884_144),
            (1_800_000_000, &long, 3_605_785_422),
            (1_790_000_061, &short, 1_967_193_821),
            (1_790_000_061, &long, 239_381_721),
        ] {
            let widest = Duration::from_millis(u64::from(u32::MAX));
            let jitter = of(seed, nominal, widest).as_millis();
            // The widest jitter shows the fingerprint itself, give or take the scaling.
            let expected = (u64::from(u32::MAX) * fingerprint) >> 32;
            assert_eq!(jitter, u128::from(expected), "{seed} {nominal}");
        }
    }

    #[test]
    fn stays_within_its_width() {
        for nominal in 0..1_000 {
            assert!(of("seed", nominal, Duration::from_secs(9)) < Duration::from_secs(9));
        }
        assert_eq!(of("seed", 7, Duration::ZERO), Duration::ZERO);
    }
}
