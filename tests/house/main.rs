//! Tests of the whole house, through what users see.

#![allow(clippy::unwrap_used)]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod arrows;
mod bad_arguments;
mod bad_data;
mod bad_files;
mod bad_names;
mod bad_values;
mod compiling;
mod custom;
mod data;
mod fitting;
mod fuzz;
mod golden;
mod hooks;
mod masks;
mod metrics;
mod misuse;
mod own_losses;
mod resume;
mod road;
mod runs;
mod sources;
mod steps;
mod threads;

use keras::prelude::*;

/// The digits as rows of 64 numbers from 0 to 1.
fn digits() -> keras::Result<datasets::Split> {
    datasets::digits()?.scaled(16.)?.flattened()
}

/// A small compiled classifier for them.
fn classifier() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([64])
        .add(Dense::new(32).activation("relu"))
        .add(Dropout::new(0.1))
        .add(Dense::new(10).activation("softmax"))
        .build_on(&Device::Cpu)?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

/// A compiled model of one number by one weight.
fn line() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1))
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new("sgd").loss("mse").metric("mae"))?;
    Ok(model)
}

/// The values of all weights.
fn weights(model: &Model) -> keras::Result<Vec<Vec<f32>>> {
    let values = model
        .weights()
        .into_iter()
        .map(|(_, v)| Ok(v.value().flatten_all()?.to_vec1::<f32>()?));
    values.collect()
}

/// The message of an error, and of those below it.
#[track_caller]
fn message<T: std::fmt::Debug>(result: keras::Result<T>) -> String {
    match result {
        Ok(value) => panic!("expected an error, got {value:?}"),
        Err(error) => error.to_string(),
    }
}

/// Checks that a message holds all of these words.
#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "expected `{word}` in: {message}");
    }
}
