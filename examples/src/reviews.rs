//! Reviews of films for the examples that read them.

use anyhow::Result;
use keras::datasets::{self, Reviews};
use keras::ops::{Device, Tensor};
use keras::prelude::Standardize;

use crate::Options;

/// The reviews of a file that `--data` names, else in a short run a few hundred made-up ones, else those that
/// [`datasets::movie_reviews`] downloads.
///
/// # Errors
/// When the file is not there or holds something else.
pub fn reviews(options: &Options) -> Result<Reviews> {
    Ok(match options.value("data") {
        Some(path) => Reviews::read(path)?,
        None if options.short() => made_up()?,
        None => datasets::movie_reviews()?,
    })
}

/// Lower case, without marks of HTML and punctuation.
pub fn plain_words() -> Standardize {
    Standardize::custom("plain_words", |text| {
        let text = text.replace("<br />", " ").to_lowercase();
        text.replace(|c: char| c.is_ascii_punctuation() && c != '\'', " ")
    })
}

const GOOD: [&str; 8] = [
    "wonderful",
    "moving",
    "funny",
    "brilliant",
    "touching",
    "gripping",
    "charming",
    "superb",
];
const BAD: [&str; 8] = [
    "dull", "awful", "boring", "clumsy", "tedious", "annoying", "lifeless", "terrible",
];
const PARTS: [&str; 6] = ["plot", "acting", "music", "ending", "dialogue", "camera work"];
const FRAMES: [&str; 4] = [
    "I saw this last night. The {part} is {word}, and the {other} is {more}.",
    "My friends liked it less than I did... or more? A {word} {part}!<br />Also a {more} {other}.",
    "Two hours of {word} scenes; the {part} alone was {more}. So much for the {other}.",
    "They say the {part} matters most. Here it is {word}, while the {other} is merely {more}.",
];

/// 400 sentences that praise or blame, 80 more to test on.
fn made_up() -> Result<Reviews> {
    let text = |i: usize| {
        let words = if i.is_multiple_of(2) { BAD } else { GOOD };
        FRAMES[i / 2 % 4]
            .replace("{part}", PARTS[i / 3 % 6])
            .replace("{other}", PARTS[(i / 5 + 1) % 6])
            .replace("{word}", words[i * 7 / 2 % 8])
            .replace("{more}", words[i * 3 % 8])
    };
    let part = |from: usize, to: usize| -> Result<(Vec<String>, Tensor)> {
        let labels: Vec<u8> = (from..to).map(|i| (i % 2) as u8).collect();
        Ok(((from..to).map(text).collect(), Tensor::new(labels, &Device::Cpu)?))
    };
    Ok(Reviews {
        train: part(0, 400)?,
        test: part(400, 480)?,
    })
}
