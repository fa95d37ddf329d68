//! The seven models.

use keras::prelude::*;
use keras::{Compile, Symbolic};

use crate::position::PositionEmbedding;

pub(crate) fn mlp() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([784])
        .add(Dense::new(512).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(512).activation("relu"))
        .add(Dropout::new(0.2))
        .add(Dense::new(10).activation("softmax"))
        .build()?;
    model.compile(
        Compile::new("rmsprop")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

pub(crate) fn small() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([30])
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(64).activation("relu"))
        .add(Dense::new(1).activation("sigmoid"))
        .build()?;
    model.compile(
        Compile::new("adam")
            .loss("binary_crossentropy")
            .metric("accuracy")
            .metric("auc"),
    )?;
    Ok(model)
}

pub(crate) fn cnn() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([28, 28, 1])
        .add(Conv2D::new(32, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Conv2D::new(64, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation("softmax"))
        .build()?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

pub(crate) fn lstm() -> keras::Result<Model> {
    let mut model = Sequential::new()
        .input([200])
        .add(Embedding::new(20_000, 128))
        .add(Bidirectional::new(LSTM::new(64).return_sequences(true)))
        .add(Bidirectional::new(LSTM::new(64)))
        .add(Dense::new(1).activation("sigmoid"))
        .build()?;
    model.compile(
        Compile::new("adam")
            .loss("binary_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

pub(crate) fn transformer() -> keras::Result<Model> {
    let words = input([200]);
    let x = Embedding::new(20_000, 32).apply(&words)?;
    let x = PositionEmbedding::default().apply(&x)?;
    let a = MultiHeadAttention::new(2, 32).apply([&x, &x])?;
    let x = normalised(&x, &Dropout::new(0.1).apply(&a)?)?;
    let f = Dense::new(32).activation("relu").apply(&x)?;
    let f = Dropout::new(0.1).apply(&Dense::new(32).apply(&f)?)?;
    let x = GlobalAveragePooling1D::new().apply(&normalised(&x, &f)?)?;
    let x = Dense::new(20)
        .activation("relu")
        .apply(&Dropout::new(0.1).apply(&x)?)?;
    let y = Dense::new(2)
        .activation("softmax")
        .apply(&Dropout::new(0.1).apply(&x)?)?;
    let mut model = Model::new(&words, &y)?;
    model.compile(
        Compile::new("adam")
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

fn normalised(x: &Symbolic, added: &Symbolic) -> keras::Result<Symbolic> {
    LayerNormalization::new()
        .epsilon(1e-6)
        .apply(&Add::new().apply([x, added])?)
}

pub(crate) fn resnet() -> keras::Result<Model> {
    let image = input([32, 32, 3]);
    let mut x = ReLU::new().apply(&convolved(&image, 16, 3, 1)?)?;
    for (stage, filters) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let y = ReLU::new().apply(&convolved(&x, filters, 3, stride)?)?;
            let y = convolved(&y, filters, 3, 1)?;
            if stride == 2 {
                x = convolved(&x, filters, 1, stride)?;
            }
            x = ReLU::new().apply(&Add::new().apply([&x, &y])?)?;
        }
    }
    let x = GlobalAveragePooling2D::new().apply(&x)?;
    let y = Dense::new(10).activation("softmax").apply(&x)?;
    let mut model = Model::new(&image, &y)?;
    model.compile(
        Compile::new(SGD::new(0.1).momentum(0.9))
            .loss("sparse_categorical_crossentropy")
            .metric("accuracy"),
    )?;
    Ok(model)
}

/// Convolution without bias, then batch normalisation.
fn convolved(x: &Symbolic, filters: usize, size: usize, stride: usize) -> keras::Result<Symbolic> {
    let convolution = Conv2D::new(filters, size)
        .strides(stride)
        .padding(Padding::Same)
        .use_bias(false);
    BatchNormalization::new().apply(&convolution.apply(x)?)
}

pub(crate) fn gpt() -> keras::Result<Model> {
    const WORDS: usize = 8_000;
    const WIDTH: usize = 256;
    const HEADS: usize = 4;
    let norm = || LayerNormalization::new().epsilon(1e-5);
    let words = input([128]);
    let x = Embedding::new(WORDS, WIDTH).apply(&words)?;
    let mut x = PositionEmbedding::default().apply(&x)?;
    for _ in 0..4 {
        let h = norm().apply(&x)?;
        let causal = Arguments::new().set("use_causal_mask", true);
        let a = MultiHeadAttention::new(HEADS, WIDTH / HEADS).apply_with([&h, &h], causal)?;
        x = Add::new().apply([&x, &a])?;
        let h = Dense::new(4 * WIDTH)
            .activation("gelu")
            .apply(&norm().apply(&x)?)?;
        x = Add::new().apply([&x, &Dense::new(WIDTH).apply(&h)?])?;
    }
    let y = Dense::new(WORDS).apply(&norm().apply(&x)?)?;
    let mut model = Model::new(&words, &y)?;
    let loss = SparseCategoricalCrossentropy {
        from_logits: true,
        ..Default::default()
    };
    model.compile(Compile::new(AdamW::new(3e-4)).loss(loss))?;
    Ok(model)
}
