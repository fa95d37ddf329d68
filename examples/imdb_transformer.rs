//! Is a review of a film good or bad? A transformer that sees all words at once.
//!
//! `cargo run --release --example imdb_transformer -- --data reviews.csv.gz [--epochs N | --length N | --short]`
//!
//! Without `--data` the reviews are downloaded once, 80 MB; a short run makes up its own.
//!
//! It reaches 0.861 on 6,706 reviews it has not seen, 70 seconds an epoch.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::{Options, TokenAndPosition, plain_words, reviews, transformer_block};

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "data", "length"])?;
    set_random_seed(2);
    let device = Device::auto()?;
    let reviews = reviews(&options)?;
    let ((texts, y), (texts_test, y_test)) = (reviews.train, reviews.test);
    let length = options.number("length", 300, 30)?;
    let mut vectorizer = TextVectorization::new()
        .max_tokens(20_000)
        .output_sequence_length(length)
        .standardize(plain_words());
    vectorizer.adapt(&texts)?;
    let (x, x_test) = (vectorizer.vectorize(&texts)?, vectorizer.vectorize(&texts_test)?);
    println!(
        "{} reviews to learn from, {} to test, {} words",
        texts.len(),
        texts_test.len(),
        vectorizer.vocabulary_size()
    );

    let words = InputLayer::new([length]).dtype(DType::I64).tensor();
    let mut z = TokenAndPosition::new(vectorizer.vocabulary_size(), length, 32).apply(&words)?;
    z = Dropout::new(0.3).apply(&z)?;
    z = transformer_block(&z, 2, 64, 0.1, false)?;
    z = GlobalAveragePooling1D::new().apply(&z)?;
    z = Dropout::new(0.4).apply(&z)?;
    let good = Dense::new(1).activation("sigmoid").apply(&z)?;
    let mut model = Model::new_on(&words, &good, &device)?;

    let (epochs, batch) = (options.epochs(3, 5)?, 64);
    let steps = (epochs * texts.len().div_ceil(batch)) as f64;
    model.compile(
        Compile::new(Adam::new(CosineDecay::new(2e-3, steps)))
            .loss("binary_crossentropy")
            .metric("accuracy"),
    )?;
    let test = (&x_test, &y_test);
    let fit = Fit::new()
        .epochs(epochs)
        .batch_size(batch)
        .validation_data(test)
        .validation_batch_size(256);
    model.fit((&x, &y), fit)?;
    let scores = model.evaluate((&x_test, &y_test), Evaluate::new().verbose(0).batch_size(256))?;
    let accuracy = scores.get("accuracy")?;
    println!("test accuracy {accuracy:.4}");
    options.reaches("test accuracy", accuracy, 0.85, 0.9)
}
