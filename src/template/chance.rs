//! Chance with a seed, as Python's `random` makes it: a cron minute that Ansible drew for a host stays what it is.
//! Nothing secret may come from that. Chance without a seed ([`Stream`]) begins with what the run drew from the operating
//! system, and is the same each time that the same template is rendered for the same host in that run.
//!
//! # Source
//! The Mersenne Twister MT19937 as published by its authors; how Python seeds it was checked against Python 3.13.

use super::lazy::{Names, SELF};
use minijinja::{Error, State};
use sha2::{Digest as _, Sha512};

const SIZE: usize = 624;
const PERIOD: usize = 397;

/// A reproducible sequence of numbers.
pub(super) struct Chance {
    state: [u32; SIZE],
    at: usize,
}

impl Chance {
    /// The sequence that Python makes of a text.
    pub fn from_text(seed: &str) -> Self {
        let mut bytes = seed.as_bytes().to_vec();
        bytes.extend_from_slice(&Sha512::digest(seed));
        Self::from_big_endian(&bytes)
    }

    /// The sequence that Python makes of a number.
    pub fn from_number(seed: u64) -> Self {
        Self::from_big_endian(&seed.to_be_bytes())
    }

    fn from_big_endian(bytes: &[u8]) -> Self {
        let word = |chunk: &[u8]| chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let mut key: Vec<u32> = bytes.rchunks(4).map(word).collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        Self::from_key(&key)
    }

    fn from_key(key: &[u32]) -> Self {
        let mut state = [0_u32; SIZE];
        state[0] = 19_650_218;
        for at in 1..SIZE {
            state[at] = mixed(state[at - 1]).wrapping_mul(1_812_433_253).wrapping_add(at as u32);
        }
        let (mut at, mut from) = (1, 0);
        for _ in 0..SIZE.max(key.len()) {
            let word = key.get(from).copied().unwrap_or_default();
            state[at] = (state[at] ^ mixed(state[at - 1]).wrapping_mul(1_664_525))
                .wrapping_add(word)
                .wrapping_add(from as u32);
            at = next(&mut state, at);
            from = if from + 1 >= key.len() { 0 } else { from + 1 };
        }
        for _ in 1..SIZE {
            state[at] =
                (state[at] ^ mixed(state[at - 1]).wrapping_mul(1_566_083_941)).wrapping_sub(at as u32);
            at = next(&mut state, at);
        }
        state[0] = 1 << 31;
        Self { state, at: SIZE }
    }

    fn word(&mut self) -> u32 {
        if self.at >= SIZE {
            self.refill();
        }
        let mut word = self.state[self.at];
        self.at += 1;
        word ^= word >> 11;
        word ^= word << 7 & 0x9d2c_5680;
        word ^= word << 15 & 0xefc6_0000;
        word ^ word >> 18
    }

    fn refill(&mut self) {
        for at in 0..SIZE {
            let joined = self.state[at] & 0x8000_0000 | self.state[(at + 1) % SIZE] & 0x7fff_ffff;
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[at] = self.state[(at + PERIOD) % SIZE] ^ joined >> 1 ^ odd;
        }
        self.at = 0;
    }

    /// A number below the limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let bits = 64 - limit.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < limit.max(1) {
                return number;
            }
        }
    }

    fn bits(&mut self, bits: u32) -> u64 {
        if bits <= 32 {
            return u64::from(self.word()) >> (32 - bits);
        }
        let low = u64::from(self.word());
        low | (u64::from(self.word()) >> (64 - bits)) << 32
    }
}

/// Numbers that nobody can foretell.
pub(super) struct Stream {
    key: Vec<u8>,
    blocks: u64,
    bytes: Vec<u8>,
}

impl Stream {
    fn word(&mut self) -> u64 {
        if self.bytes.len() < 8 {
            self.bytes = Sha512::digest([self.key.as_slice(), &self.blocks.to_be_bytes()].concat()).to_vec();
            self.blocks += 1;
        }
        let rest = self.bytes.split_off(self.bytes.len().saturating_sub(8));
        rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
    }

    /// A number below the limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        let limit = limit.max(1);
        let fair = u64::MAX - u64::MAX % limit;
        loop {
            let word = self.word();
            if word < fair {
                return word % limit;
            }
        }
    }
}

/// Chance for one use in a template, for what it is used on.
pub(super) fn drawn(state: &State, what: &str) -> Result<Stream, Error> {
    let scope = state.lookup(SELF).and_then(|scope| scope.downcast_object::<Names>());
    let names = scope.ok_or_else(|| super::call::wrong("there is no chance here"))?;
    let controller = &names.session.cache.controller;
    if !controller.acts() {
        return Err(names.session.unknown(&format!("what '{what}' draws by chance")));
    }
    let host = state.lookup("inventory_hostname").map(|host| host.to_string()).unwrap_or_default();
    let draw = format!("\0{host}\0{}\0{what}", names.session.drawn());
    let key = [controller.chance().as_slice(), draw.as_bytes()].concat();
    Ok(Stream { key, blocks: 0, bytes: Vec::new() })
}

fn mixed(word: u32) -> u32 {
    word ^ word >> 30
}

/// The next place to seed; after the last one the first takes over its value.
fn next(state: &mut [u32; SIZE], at: usize) -> usize {
    if at + 1 < SIZE {
        return at + 1;
    }
    state[0] = state[SIZE - 1];
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_what_python_draws() {
        let mut chance = Chance::from_text("web1.example.org");
        let drawn: Vec<u64> = (0..5).map(|_| chance.below(60)).collect();
        assert_eq!(drawn, [18, 55, 54, 39, 55]);
        let mut chance = Chance::from_number(42);
        let drawn: Vec<u64> = (0..5).map(|_| chance.below(100)).collect();
        assert_eq!(drawn, [81, 14, 3, 94, 35]);
        assert_eq!(Chance::from_number(7).below(1 << 40), 868231286071);
    }
}
