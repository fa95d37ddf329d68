//! The initializers of Keras.

mod constant;
mod fans;
mod identity;
mod normal;
mod orthogonal;
mod scaled;
mod stft;
mod uniform;
mod variance_scaling;
mod windows;

pub use constant::{Constant, Ones, Zeros};
pub use fans::compute_fans;
pub use identity::Identity;
pub use normal::{RandomNormal, TruncatedNormal};
pub use orthogonal::Orthogonal;
pub use scaled::{GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform};
pub use stft::{STFT, Scaling, Window};
pub use uniform::RandomUniform;
pub use variance_scaling::{Distribution, FanMode, VarianceScaling};

use keras_ops::Seed;
use serde_json::Value;

use crate::config::Reader;
use crate::{Config, Entry, Initializer, Registry, Result};

/// All initializers of this crate.
pub static ENTRIES: &[Entry<dyn Initializer>] = &[
    constant::CONSTANT,
    constant::ONES,
    constant::ZEROS,
    identity::ENTRY,
    normal::NORMAL,
    normal::TRUNCATED,
    orthogonal::ENTRY,
    scaled::GLOROT_NORMAL,
    scaled::GLOROT_UNIFORM,
    scaled::HE_NORMAL,
    scaled::HE_UNIFORM,
    scaled::LECUN_NORMAL,
    scaled::LECUN_UNIFORM,
    stft::ENTRY,
    uniform::ENTRY,
    variance_scaling::ENTRY,
];

type Build = fn(&Config, &Registry) -> Result<Box<dyn Initializer>>;

const fn entry(
    class_name: &'static str,
    aliases: &'static [&'static str],
    doc: &'static str,
    build: Build,
) -> Entry<dyn Initializer> {
    Entry {
        class_name,
        module: "keras.initializers",
        aliases,
        doc,
        build,
    }
}

/// The same numbers at every call for a given seed, as in Keras; else fresh ones of the thread's source.
fn draw(seed: Option<u64>) -> Seed {
    Seed::new(seed.unwrap_or_else(crate::random::next_seed), 0)
}

fn read_axes(reader: &mut Reader<'_>) -> Result<[Option<Vec<i64>>; 2]> {
    Ok([reader.opt("input_axes")?, reader.opt("output_axes")?])
}

fn axes_value(axes: &Option<Vec<i64>>) -> Value {
    axes.as_ref()
        .map_or(Value::Null, |axes| Value::from(axes.clone()))
}
