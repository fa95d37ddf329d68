//! Is a review of a film good or bad? A recurrent network that reads it from both ends.
//!
//! `cargo run --release --example imdb_bilstm -- --data reviews.csv.gz [--epochs N | --length N | --short]`
//!
//! Without `--data` the reviews are downloaded once, 80 MB; a short run makes up its own.
//!
//! It reaches 0.858 on 6,706 reviews it has not seen, 20 seconds an epoch.
#![allow(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::Result;
use keras::prelude::*;
use keras_examples::{Options, plain_words, reviews};

/// The words that have a number of their own: the most frequent ones.
const WORDS: usize = 20_000;

fn main() -> Result<()> {
    let options = Options::from_args(&["epochs", "data", "length"])?;
    set_random_seed(2);
    let device = Device::auto()?;
    let reviews = reviews(&options)?;
    let ((texts, y), (texts_test, y_test)) = (reviews.train, reviews.test);

    // Which words there are, the texts say; each text becomes a row of their numbers.
    let length = options.number("length", 300, 30)?;
    let mut vectorizer = TextVectorization::new()
        .max_tokens(WORDS)
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

    let mut model = Sequential::new()
        .input_tensor(InputLayer::new([length]).dtype(DType::I64).tensor())
        .add(Embedding::new(vectorizer.vocabulary_size(), 64).mask_zero(true))
        .add(SpatialDropout1D::new(0.4))
        .add(Bidirectional::new(LSTM::new(32).return_sequences(true)))
        .add(GlobalAveragePooling1D::new())
        .add(Dropout::new(0.4))
        .add(Dense::new(1).activation("sigmoid"))
        .build_on(&device)?;

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

    let own = [
        "A wonderful film. I laughed and cried, and would see it again.",
        "Boring from beginning to end; what a waste of good actors.",
    ];
    let p = model.predict(vectorizer.vectorize(&own)?, Predict::new().verbose(0))?;
    for (text, p) in own.iter().zip(p.flatten_all()?.to_vec1::<f32>()?) {
        println!("{:3.0} % good: {text}", 100. * p);
    }
    options.reaches("test accuracy", accuracy, 0.85, 0.9)
}
