//! Which pairs of a batch are set against each other.

use keras_core::config::Reader;
use keras_core::{Arg, Error, Result};
use serde_json::Value;

/// Which of its class mates, and which of the others, a sample's [`Triplet`](crate::Triplet) loss is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mining {
    /// Every class mate, each against the nearest other that is farther than it, or the farthest of all if none is;
    /// the mean. The default: it does not collapse early in training.
    #[default]
    SemiHard,
    /// The farthest class mate against the nearest other.
    Hard,
}

impl Mining {
    const NAMES: [(Self, &'static str); 2] = [(Self::SemiHard, "semi_hard"), (Self::Hard, "hard")];
}

impl Arg for Mining {
    fn read<'a>(reader: &mut Reader<'a>, key: &'a str, default: Self) -> Result<Self> {
        let own = Self::NAMES.iter().find(|(mining, _)| *mining == default);
        let name = reader.or(key, own.map_or("", |(_, name)| *name).to_owned())?;
        match Self::NAMES.iter().find(|(_, known)| *known == name) {
            Some((mining, _)) => Ok(*mining),
            None => {
                let known = Self::NAMES.iter().map(|(_, name)| (*name).to_owned());
                reader.about(key, Err(Error::unknown("mining", &name, known.collect())))
            }
        }
    }

    fn write(&self) -> Value {
        let name = Self::NAMES.iter().find(|(mining, _)| mining == self);
        name.map_or(Value::Null, |(_, name)| Value::from(*name))
    }
}
