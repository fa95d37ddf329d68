//! Stable hashes of strings into buckets, bit by bit those of TensorFlow.

mod farmhash;
mod siphash;

use serde_json::Value;

use crate::config::{FromValue, IntoValue};

/// What makes a hash one's own: two numbers that go into SipHash. One number stands for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub(super) [u64; 2]);

impl From<u64> for Salt {
    fn from(salt: u64) -> Self {
        Self([salt; 2])
    }
}

impl From<[u64; 2]> for Salt {
    fn from(salt: [u64; 2]) -> Self {
        Self(salt)
    }
}

impl FromValue for Salt {
    const EXPECTED: &'static str = "a whole number, or a list of two";
    fn from_value(value: &Value) -> Option<Self> {
        match u64::from_value(value) {
            Some(one) => Some(one.into()),
            None => <[u64; 2]>::from_value(value).map(Self),
        }
    }
}

impl IntoValue for Salt {
    fn into_value(self) -> Value {
        self.0.into_value()
    }
}

/// The bucket of a string: FarmHash, or SipHash where there is a salt.
pub(super) fn bucket(text: &str, buckets: u64, salt: Option<Salt>) -> i64 {
    let hash = match salt {
        Some(Salt(key)) => siphash::siphash(key, text.as_bytes()),
        None => farmhash::fingerprint(text.as_bytes()),
    };
    (hash % buckets.max(1)) as i64
}

/// [`bucket`] of a number's digits.
pub(super) fn bucket_of_number(number: i64, buckets: u64, salt: Option<Salt>) -> i64 {
    let mut digits = Digits::default();
    bucket(digits.of(number), buckets, salt)
}

/// The key that TensorFlow crosses features with.
const CROSS_KEY: u64 = 0x00DE_CAFC_AFFE;

/// The bucket of several features at once, each by its [`feature`].
pub(super) fn crossed(features: impl Iterator<Item = u64>, buckets: u64) -> i64 {
    (features.fold(CROSS_KEY, farmhash::concatenated) % buckets.max(1)) as i64
}

/// A string as a part of a cross; a number is its own.
pub(super) fn feature(text: &str) -> u64 {
    farmhash::fingerprint(text.as_bytes())
}

/// Room for the digits of a number, so that none is allocated.
#[derive(Debug, Default)]
pub(super) struct Digits([u8; 20]);

impl Digits {
    pub(super) fn of(&mut self, number: i64) -> &str {
        let (mut at, mut rest) = (self.0.len(), number.unsigned_abs());
        loop {
            at -= 1;
            self.0[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            at -= 1;
            self.0[at] = b'-';
        }
        std::str::from_utf8(&self.0[at..]).unwrap_or_default()
    }
}
