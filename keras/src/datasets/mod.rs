//! Data to learn with (`keras.datasets`).
//!
//! [`digits`], [`breast_cancer`], [`iris`], [`wine`] and [`diabetes`] are part of the crate. The others are
//! downloaded once, from where Keras gets them, checked by the hash that Keras knows, and kept where Keras keeps
//! them: `~/.keras/datasets`, or `datasets` below `KERAS_HOME`. See [`Download`] for mirrors.
//!
//! ```
//! let digits = keras::datasets::digits()?.scaled(16.)?.flattened()?;
//! assert_eq!(digits.train.0.dims(), [1437, 64]);
//! # Ok::<(), keras_core::Error>(())
//! ```

mod cifar;
mod digits;
mod download;
mod hash;
mod imdb;
mod mnist;
mod npz;
mod pickle;
mod progress;
mod reviews;
mod shuffle;
mod split;
mod tables;
mod tar;

pub use digits::digits;
pub use download::Download;
pub use imdb::{Imdb, Texts};
pub use npz::Npz;
pub use reviews::Reviews;
pub use split::Split;
pub use tables::{breast_cancer, diabetes, iris, wine};

use keras_core::Result;

/// 70,000 handwritten digits: `x` uint8 of shape `(60000, 28, 28)` and `(10000, 28, 28)`, 0 to 255; `y` uint8 of
/// shape `(n,)`, 0 to 9.
///
/// Copyright Yann LeCun and Corinna Cortes,
/// [CC BY-SA 3.0](https://creativecommons.org/licenses/by-sa/3.0/).
///
/// # Errors
/// When the file is not there and cannot be downloaded; says what to do.
pub fn mnist() -> Result<Split> {
    Download::new().mnist()
}

/// 70,000 grey pictures of clothes, of the shapes of [`mnist`]: t-shirt, trouser, pullover, dress, coat, sandal,
/// shirt, sneaker, bag, ankle boot.
///
/// Copyright Zalando SE, MIT licence.
///
/// # Errors
/// When a file is not there and cannot be downloaded; says what to do.
pub fn fashion_mnist() -> Result<Split> {
    Download::new().fashion_mnist()
}

/// 60,000 colour pictures: `x` uint8 of shape `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`; `y` uint8 of shape
/// `(n, 1)`: airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck.
///
/// # Errors
/// When the file is not there and cannot be downloaded; says what to do.
pub fn cifar10() -> Result<Split> {
    Download::new().cifar10()
}

/// As [`cifar10`], with 100 kinds (Keras's `label_mode="fine"`).
///
/// # Errors
/// When the file is not there and cannot be downloaded; says what to do.
pub fn cifar100() -> Result<Split> {
    Download::new().cifar100()
}

/// 50,000 reviews of films as lists of word numbers, the label 1 for a good one, 0 for a bad one (int64).
///
/// # Errors
/// When the file is not there and cannot be downloaded; says what to do.
pub fn imdb(options: &Imdb) -> Result<Texts> {
    Download::new().imdb(options)
}

/// 50,000 reviews of films as they were written, with marks of HTML in them: half to train on, half to test on; the
/// label 1 for a good one, 0 for a bad one. An archive of 80 MB.
///
/// Source: A. Maas, R. Daly, P. Pham, D. Huang, A. Ng and C. Potts, "Learning Word Vectors for Sentiment Analysis",
/// 2011. [`Reviews::read`] reads such reviews from a table too.
///
/// # Errors
/// When the file is not there and cannot be downloaded; says what to do.
pub fn movie_reviews() -> Result<Reviews> {
    Download::new().movie_reviews()
}
