//! A small language model: reads a text character by character, learns to guess the next one, and writes.
//!
//! `cargo run --release --example char_gpt [-- --data TEXT | --start WORDS | --epochs N | --short]`
//!
//! Without `--data` it reads the sources of this library: it guesses 67.7 % of the characters right that it has not seen,
//! after 2 to 4 minutes for each of four epochs on two busy cores.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use keras::prelude::*;
use keras_examples::{Options, TokenAndPosition, transformer_block};

/// How many characters it sees at once.
const LENGTH: usize = 96;

/// The text to learn: that of a file, else the sources of this library.
fn text(options: &Options) -> Result<String> {
    if let Some(path) = options.value("data") {
        return fs::read_to_string(path).with_context(|| format!("--data {path}"));
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keras-core/src");
    let mut texts = Vec::new();
    collect(&folder, &mut texts)?;
    Ok(texts.concat())
}

/// All sources below a folder, in order of their names.
fn collect(folder: &Path, texts: &mut Vec<String>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, texts)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok(())
}

/// Rows of `LENGTH` characters, and for each character the one after it.
fn rows(ids: &Tensor) -> Result<(Tensor, Tensor)> {
    let count = ids.dim(0)?.saturating_sub(1) / LENGTH;
    ensure!(count > 0, "the text is too short: {LENGTH} characters make a row");
    let part = |from| ids.narrow(0, from, count * LENGTH)?.reshape((count, LENGTH));
    Ok((part(0)?, part(1)?))
}

/// Writes on from `start`, a character at a time. The lower the temperature, the more it keeps to what is likely.
fn write(
    model: &Model,
    letters: &TextVectorization,
    start: &str,
    count: usize,
    temperature: f64,
) -> Result<String> {
    let vocabulary = letters.get_vocabulary(true)?;
    let mut ids = letters.vectorize(&[start])?.flatten_all()?.to_vec1::<i64>()?;
    let mut written = start.to_owned();
    for step in 0..count {
        let seen = &ids[ids.len().saturating_sub(LENGTH)..];
        let x = Tensor::new(seen, &Device::Cpu)?.reshape((1, seen.len()))?;
        let logits = &model.predict_on_batch(x)?[0];
        let last = ops::mul_scalar(
            &logits.narrow(1, seen.len() - 1, 1)?.squeeze(1)?,
            1. / temperature,
        )?;
        let next = ops::random::categorical(&last, 1, DType::I64, ops::Seed::new(1, step as u64))?;
        let id = next.flatten_all()?.to_vec1::<i64>()?[0];
        written += &vocabulary[id as usize];
        ids.push(id);
    }
    Ok(written)
}

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "data", "start"])?;
    set_random_seed(10);
    let mut text = text(&options)?;
    if options.short() {
        text = text.chars().take(20_000).collect();
    }
    // Each character is a token. Index 0 fills up, 1 is for characters that are too rare.
    let mut letters = TextVectorization::new()
        .standardize(Standardize::None)
        .split(layers::Split::Character)
        .max_tokens(110);
    letters.adapt(&[&text])?;
    let ids = letters.vectorize(&[&text])?.flatten_all()?;
    let (train, test) = (ids.dim(0)? * 9 / 10, ids.dim(0)? - ids.dim(0)? * 9 / 10);
    let (x, y) = rows(&ids.narrow(0, 0, train)?)?;
    let (x_test, y_test) = rows(&ids.narrow(0, train, test)?)?;

    let (size, depth) = if options.short() { (32, 1) } else { (128, 3) };
    let seen = InputLayer::with_batch_shape(vec![None, None])
        .dtype(DType::I64)
        .tensor();
    let mut z = TokenAndPosition::new(letters.vocabulary_size(), LENGTH, size).apply(&seen)?;
    for _ in 0..depth {
        z = transformer_block(&z, 4, 4 * size, 0.1, true)?;
    }
    z = LayerNormalization::new().apply(&z)?;
    let logits = Dense::new(letters.vocabulary_size()).apply(&z)?;
    let mut model = Model::new(&seen, &logits)?;
    println!(
        "{} characters, {} of them different; {} weights",
        ids.dim(0)?,
        letters.vocabulary_size() - 2,
        model.count_params()
    );

    let (epochs, batch) = (options.epochs(4, 2)?, 32);
    let steps = (epochs * x.dim(0)?.div_ceil(batch)) as f64;
    let rate = CosineDecay {
        warmup_target: Some(2e-3),
        warmup_steps: steps / 20.,
        ..CosineDecay::new(0., steps)
    };
    model.compile(
        Compile::new(AdamW::new(rate).weight_decay(0.01))
            .loss(SparseCategoricalCrossentropy {
                from_logits: true,
                ..SparseCategoricalCrossentropy::default()
            })
            .metric("accuracy"),
    )?;
    model.fit((&x, &y), Fit::new().epochs(epochs).batch_size(batch))?;
    let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0))?;
    let accuracy = scores.get("accuracy")?;
    println!(
        "text it has not seen: {:.2} bits a character, {:.1} % of the next characters guessed right\n",
        scores.get("loss")? / 2f64.ln(),
        100. * accuracy
    );
    let (start, count) = (
        options.value("start").unwrap_or("/// The "),
        if options.short() { 60 } else { 600 },
    );
    println!("It writes:\n{}", write(&model, &letters, start, count, 0.6)?);
    options.reaches("next characters guessed right", accuracy, 0.6, 0.2)
}
