//! Chance that can be had again: everything follows from a seed, which is printed.

use anyhow::Result;

/// From `REMIT_TEST_SEED`, or a new one; printed either way.
pub(crate) fn seed() -> Result<u64> {
    let seed = match std::env::var("REMIT_TEST_SEED") {
        Ok(seed) => seed.parse()?,
        Err(_) => u64::from_be_bytes(ambient::fill()?),
    };
    println!("REMIT_TEST_SEED={seed}");
    Ok(seed)
}

/// Whether the long form of a test was asked for.
pub(crate) fn whole() -> bool {
    std::env::var_os("REMIT_TEST_WHOLE").is_some()
}

#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = mix(self.0);
        self.0 % end.max(1)
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let at = self.below(all.len() as u64);
        &all[usize::try_from(at).unwrap()]
    }
}

/// A number that looks random, from one that does not.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
