//! The summary, character by character as Keras 3.15 prints it in 80 columns.

use keras_core::layers::{Add, Concatenate, Conv2D, Dense, Dropout, Flatten, MaxPooling2D};
use keras_core::models::Summary;
use keras_core::{Apply, LayerRef, Model, Result, Sequential, input};

fn at(line_length: usize) -> Summary {
    Summary {
        line_length: Some(line_length),
        ..Summary::default()
    }
}

fn check(model: &Model, options: &Summary, expected: &str) {
    assert_eq!(model.summary_with(options), expected);
}

fn convnet() -> Result<Model> {
    Sequential::new()
        .input([28, 28, 1])
        .add(Conv2D::new(32, 3).activation("relu"))
        .add(MaxPooling2D::new(2))
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation("softmax"))
        .build()
}

#[test]
fn a_stack() -> Result<()> {
    check(
        &convnet()?,
        &at(76),
        "\
Model: \"sequential\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ conv2d (Conv2D)                 │ (None, 26, 26, 32)     │           320 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ max_pooling2d (MaxPooling2D)    │ (None, 13, 13, 32)     │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ flatten (Flatten)               │ (None, 5408)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dropout (Dropout)               │ (None, 5408)           │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ dense (Dense)                   │ (None, 10)             │        54,090 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 54,410 (212.54 KB)
 Trainable params: 54,410 (212.54 KB)
 Non-trainable params: 0 (0.00 B)
",
    );
    Ok(())
}

#[test]
fn a_narrow_table_wraps_between_words() -> Result<()> {
    // Printed before compiling: without the optimizer's line.
    check(
        &convnet()?,
        &at(60),
        "\
Model: \"sequential\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ conv2d (Conv2D)          │ (None, 26, 26,    │       320 │
│                          │ 32)               │           │
├──────────────────────────┼───────────────────┼───────────┤
│ max_pooling2d            │ (None, 13, 13,    │         0 │
│ (MaxPooling2D)           │ 32)               │           │
├──────────────────────────┼───────────────────┼───────────┤
│ flatten (Flatten)        │ (None, 5408)      │         0 │
├──────────────────────────┼───────────────────┼───────────┤
│ dropout (Dropout)        │ (None, 5408)      │         0 │
├──────────────────────────┼───────────────────┼───────────┤
│ dense (Dense)            │ (None, 10)        │    54,090 │
└──────────────────────────┴───────────────────┴───────────┘
 Total params: 54,410 (212.54 KB)
 Trainable params: 54,410 (212.54 KB)
 Non-trainable params: 0 (0.00 B)
",
    );
    Ok(())
}

#[test]
fn a_graph_says_what_is_connected_to_what() -> Result<()> {
    let (words, tags) = (input([20]).name("words"), input([5]).name("tags"));
    let both = Concatenate::new().apply([&Dense::new(8).apply(&words)?, &tags])?;
    let kind = Dense::new(3).activation("softmax").apply(&both)?.name("kind");
    let score = Dense::new(1).apply(&both)?.name("score");
    let model = Model::new([&words, &tags], [&kind, &score])?;
    check(
        &model,
        &at(76),
        "\
Model: \"functional\"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ words (InputLayer)  │ (None, 20)        │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ dense (Dense)       │ (None, 8)         │        168 │ words[0][0]       │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ tags (InputLayer)   │ (None, 5)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ concatenate         │ (None, 13)        │          0 │ dense[0][0],      │
│ (Concatenate)       │                   │            │ tags[0][0]        │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ kind (Dense)        │ (None, 3)         │         42 │ concatenate[0][0] │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ score (Dense)       │ (None, 1)         │         14 │ concatenate[0][0] │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 224 (896.00 B)
 Trainable params: 224 (896.00 B)
 Non-trainable params: 0 (0.00 B)
",
    );
    Ok(())
}

#[test]
fn a_layer_applied_twice_in_a_row_is_no_stack() -> Result<()> {
    let twice = LayerRef::new(Dense::new(4).name("twice"));
    let a = input([4]).name("a");
    let model = Model::new(&a, &twice.apply(&twice.apply(&a)?)?)?;
    check(
        &model,
        &at(76),
        "\
Model: \"functional\"
┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
│ a (InputLayer)      │ (None, 4)         │          0 │ -                 │
├─────────────────────┼───────────────────┼────────────┼───────────────────┤
│ twice (Dense)       │ (None, 4)         │         20 │ a[0][0],          │
│                     │                   │            │ twice[0][0]       │
└─────────────────────┴───────────────────┴────────────┴───────────────────┘
 Total params: 20 (80.00 B)
 Trainable params: 20 (80.00 B)
 Non-trainable params: 0 (0.00 B)
",
    );
    Ok(())
}

#[test]
fn a_shared_layer_numbers_its_applications() -> Result<()> {
    let shared = LayerRef::new(Dense::new(4).name("shared"));
    let (a, b) = (input([4]).name("a"), input([4]).name("b"));
    let model = Model::new(
        [&a, &b],
        &Add::new().apply([&shared.apply(&a)?, &shared.apply(&b)?])?,
    )?;
    let text = model.summary_with(&at(100));
    assert!(text.contains("shared[0][0],"), "{text}");
    assert!(text.contains("shared[1][0]"), "{text}");
    Ok(())
}

fn nested() -> Result<Model> {
    let inner = Sequential::new()
        .name("inner")
        .input([4])
        .add(Dense::new(8).name("d1"))
        .add(Dense::new(2).name("d2"));
    let inner = inner.build()?.as_layer();
    let x = input([4]).name("x");
    let y = Dense::new(1).name("head").apply(&inner.apply(&x)?)?;
    inner.set_trainable(false);
    Ok(Model::new(&x, &y)?.named("outer"))
}

#[test]
fn a_model_within() -> Result<()> {
    check(
        &nested()?,
        &at(76),
        "\
Model: \"outer\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
│ x (InputLayer)                  │ (None, 4)              │             0 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ inner (Sequential)              │ (None, 2)              │            58 │
├─────────────────────────────────┼────────────────────────┼───────────────┤
│ head (Dense)                    │ (None, 1)              │             3 │
└─────────────────────────────────┴────────────────────────┴───────────────┘
 Total params: 61 (244.00 B)
 Trainable params: 3 (12.00 B)
 Non-trainable params: 58 (232.00 B)
",
    );
    Ok(())
}

#[test]
fn a_model_within_expanded_with_what_is_trained() -> Result<()> {
    let options = Summary {
        expand_nested: true,
        show_trainable: true,
        ..at(76)
    };
    check(
        &nested()?,
        &options,
        "\
Model: \"outer\"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━┓
┃ Layer (type)                ┃ Output Shape          ┃    Param # ┃ Trai… ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━┩
│ x (InputLayer)              │ (None, 4)             │          0 │   -   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ inner (Sequential)          │ (None, 2)             │         58 │   N   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│    └ d1 (Dense)             │ (None, 8)             │         40 │   N   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│    └ d2 (Dense)             │ (None, 2)             │         18 │   N   │
├─────────────────────────────┼───────────────────────┼────────────┼───────┤
│ head (Dense)                │ (None, 1)             │          3 │   Y   │
└─────────────────────────────┴───────────────────────┴────────────┴───────┘
 Total params: 61 (244.00 B)
 Trainable params: 3 (12.00 B)
 Non-trainable params: 58 (232.00 B)
",
    );
    Ok(())
}
