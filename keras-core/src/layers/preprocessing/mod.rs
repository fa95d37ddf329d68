//! Layers that prepare data.

mod category_encoding;
mod discretization;
mod encoding;
mod hash;
mod hashed_crossing;
mod hashing;
mod images;
mod integer_lookup;
mod lookup;
mod mel_spectrogram;
mod normalization;
mod pipeline;
mod quantiles;
mod rescaling;
mod stft_spectrogram;
mod string_lookup;
pub mod text;
mod text_vectorization;

pub use category_encoding::CategoryEncoding;
pub use discretization::Discretization;
pub use encoding::OutputMode;
pub use hash::Salt;
pub use hashed_crossing::{Feature, HashedCrossing};
pub use hashing::{Hashing, TextOrNumber};
pub use images::*;
pub use integer_lookup::IntegerLookup;
pub use lookup::OovMethod;
pub use mel_spectrogram::MelSpectrogram;
pub use normalization::{Moments, Normalization};
pub use pipeline::Pipeline;
pub use rescaling::{Factor, Rescaling};
pub use stft_spectrogram::{STFTSpectrogram, SpectrogramMode};
pub use string_lookup::StringLookup;
pub use text::{Split, Standardize};
pub use text_vectorization::{Ngrams, TextVectorization};

use crate::{Entry, Layer};

/// The layers of images.
pub(super) static IMAGES: &[Entry<dyn Layer>] = images::ENTRIES;

/// The other layers of this room.
pub(super) static ENTRIES: &[Entry<dyn Layer>] = &[
    category_encoding::ENTRY,
    discretization::ENTRY,
    hashed_crossing::ENTRY,
    hashing::ENTRY,
    integer_lookup::ENTRY,
    mel_spectrogram::ENTRY,
    normalization::ENTRY,
    pipeline::ENTRY,
    rescaling::ENTRY,
    stft_spectrogram::ENTRY,
    string_lookup::ENTRY,
    text_vectorization::ENTRY,
];
