//! Vocabularies, hashes and bins: models with text, files, misuse.

use keras_core::data::IntoArrays;
use keras_core::layer::{Build, Call};
use keras_core::layers::text::{self, IntoTexts, Texts};
use keras_core::layers::*;
use keras_core::saving::load_model;
use keras_core::{Apply, Layer, LayerRef, Model, Predict, Result, registry};
use keras_ops::{DType, Device, Tensor};
use serde_json::json;

fn error_of<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("no error"),
        Err(error) => error.to_string(),
    }
}

fn says<T>(result: Result<T>, expected: &[&str]) {
    let error = error_of(result);
    assert!(
        expected.iter().all(|e| error.contains(e)),
        "{error} lacks one of {expected:?}"
    );
}

fn ints(values: &[i64]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

fn call(layer: &dyn Layer, x: &Tensor) -> Result<Tensor> {
    Ok(layer
        .call(std::slice::from_ref(x), &mut Call::new(false))?
        .0
        .remove(0))
}

#[test]
fn strings_come_in_many_shapes() -> Result<()> {
    fn dims<'a, M>(texts: impl IntoTexts<'a, M>) -> Vec<usize> {
        let x = text::encode(texts).unwrap();
        x.dims()[..x.rank() - 1].to_vec()
    }
    let owned = vec!["a".to_owned(), "b".to_owned()];
    let rows = vec![owned.clone(), owned.clone(), owned.clone()];
    assert_eq!(dims("a"), Vec::<usize>::new());
    assert_eq!(dims(&owned[0]), Vec::<usize>::new());
    assert_eq!(dims(&owned), [2]);
    assert_eq!(dims(owned.as_slice()), [2]);
    assert_eq!(dims(&["a", "b", "c"]), [3]);
    assert_eq!(dims(&rows), [3, 2]);
    assert_eq!(dims(rows.as_slice()), [3, 2]);
    assert_eq!(dims(&[["a", "b"], ["c", "d"], ["e", "f"]]), [3, 2]);
    assert_eq!(dims(&vec![["a", "b"]]), [1, 2]);
    assert_eq!(dims(Texts::new([1, 1, 2], ["a", "b"])?), [1, 1, 2]);
    says(
        text::encode(&vec![vec!["a"], vec!["a", "b"]]),
        &["row 1", "row 0"],
    );
    says(text::encode(&["a\0b"]), &["zero byte"]);
    says(Texts::new([3], ["a"]), &["holds 3, got 1"]);
    says(text::decode(&ints(&[1])), &["uint8", "int64"]);
    assert_eq!(
        text::decode(&text::encode(&["", "é", "東京"])?)?,
        ["", "é", "東京"]
    );
    Ok(())
}

#[test]
fn vocabularies_come_from_files() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocabulary.txt");
    std::fs::write(&path, "cat\ndog\n").unwrap();
    let lookup = StringLookup::new().vocabulary_file(&path)?;
    assert_eq!(lookup.get_vocabulary(true)?, ["[UNK]", "cat", "dog"]);
    let words = TextVectorization::new().vocabulary_file(&path)?;
    assert_eq!(words.get_vocabulary(true)?, ["", "[UNK]", "cat", "dog"]);
    // What Keras saves beside a model begins with the mask and OOV tokens.
    std::fs::write(&path, "\n[UNK]\ncat\ndog").unwrap();
    assert_eq!(
        TextVectorization::new()
            .vocabulary_file(&path)?
            .get_vocabulary(false)?,
        ["cat", "dog"]
    );
    std::fs::write(&path, "5\n-7\n").unwrap();
    assert_eq!(
        IntegerLookup::new()
            .vocabulary_file(&path)?
            .get_vocabulary(true)?,
        [-1, 5, -7]
    );
    std::fs::write(&path, "5\nseven\n").unwrap();
    says(IntegerLookup::new().vocabulary_file(&path), &["line 2", "seven"]);
    says(
        StringLookup::new().vocabulary_file(folder.path().join("none")),
        &["cannot read the vocabulary"],
    );
    let config = json!({"class_name": "StringLookup", "config": {"vocabulary": "/some/file"}});
    says(
        registry::core().layers.from_value(&config, registry::core()),
        &["may not name a file", "vocabulary_file"],
    );
    Ok(())
}

#[test]
fn lookups_say_what_is_wrong_with_arguments() {
    let shape: &[Vec<Option<usize>>] = &[vec![None, Some(3)]];
    let string = |layer: StringLookup, expected: &[&str]| says(layer.lookup(&["a"]), expected);
    string(StringLookup::new(), &["no vocabulary yet", "adapt"]);
    string(
        StringLookup::new().vocabulary(["a", "b", "a"]),
        &["more than once", "\"a\""],
    );
    string(
        StringLookup::new().vocabulary(Vec::<String>::new()),
        &["at least one token"],
    );
    string(
        StringLookup::new().vocabulary(["a", "b"]).max_tokens(2),
        &["3 tokens", "`max_tokens` is 2"],
    );
    string(StringLookup::new().vocabulary(["a"]).max_tokens(1), &["above 1"]);
    string(
        StringLookup::new().vocabulary(["a"]).pad_to_max_tokens(true),
        &["needs `max_tokens`"],
    );
    string(
        StringLookup::new().vocabulary(["a", ""]).mask_token(""),
        &["mask token", "place 1"],
    );
    string(
        StringLookup::new()
            .vocabulary(["a"])
            .output_mode(OutputMode::TfIdf),
        &["`idf_weights`"],
    );
    string(
        StringLookup::new()
            .vocabulary(["a"])
            .output_mode(OutputMode::TfIdf)
            .idf_weights([1., 2.]),
        &["each of the 1 tokens", "got 2"],
    );
    string(
        StringLookup::new().vocabulary(["a"]).idf_weights([1.]),
        &["need `output_mode` \"tf_idf\""],
    );
    string(
        StringLookup::new().vocabulary(["a"]).invert(true),
        &["use `tokens`"],
    );
    let inverted = StringLookup::new().invert(true).output_mode(OutputMode::Count);
    says(inverted.compute_output_shape(shape), &["must be \"int\""]);
    let unknown = StringLookup::new().vocabulary(["a"]).num_oov_indices(0);
    says(unknown.lookup(&["a", "z"]), &["[\"z\"]", "set it to 1"]);
    let salted = IntegerLookup::new().vocabulary([1]).salt(3);
    says(salted.compute_output_shape(shape), &["`oov_method` \"farmhash\""]);
    let mut fixed = StringLookup::new().vocabulary(["a"]);
    says(fixed.adapt(&["b"]), &["cannot adapt"]);
    let mut small = StringLookup::new().max_tokens(3).num_oov_indices(4);
    says(small.adapt(&["b"]), &["no room"]);
    let mut counts = StringLookup::new().output_mode(OutputMode::Count);
    counts.adapt(&["a", "b"]).unwrap();
    says(counts.adapt(&["a"]), &["from 3 to 2"]);
    says(counts.set_vocabulary_with_idf(["a"], [1.]), &["tf_idf"]);
    for (class_name, argument) in [
        ("StringLookup", "sparse"),
        ("TextVectorization", "ragged"),
        ("IntegerLookup", "sparse"),
    ] {
        let config = json!({"class_name": class_name, "config": {argument: true}});
        says(
            registry::core().layers.from_value(&config, registry::core()),
            &[argument, "not supported"],
        );
    }
    let config = json!({"class_name": "StringLookup", "config": {"encoding": "latin-1"}});
    says(
        registry::core().layers.from_value(&config, registry::core()),
        &["utf-8", "latin-1"],
    );
}

#[test]
fn vectorizers_say_what_is_wrong() {
    let words = || TextVectorization::new().vocabulary(["a"]);
    says(
        words().vectorize(&[["a", "b"]]),
        &["(n,) or (n, 1)", "(1, 2)", "Split::None"],
    );
    says(
        words().output_mode(OutputMode::OneHot).vectorize(&["a"]),
        &["ragged"],
    );
    says(
        words()
            .output_mode(OutputMode::Count)
            .output_sequence_length(3)
            .vectorize(&["a"]),
        &["`output_sequence_length` needs"],
    );
    says(words().ngrams([0]).vectorize(&["a"]), &["`ngrams`"]);
    let custom = TextVectorization::new()
        .standardize(Standardize::custom("shout", |text| text.to_uppercase()))
        .split(Split::custom("halves", |text| text.split('-').collect()));
    let config = json!({"class_name": "TextVectorization", "config": custom.config().0});
    says(
        registry::core().layers.from_value(&config, registry::core()),
        &["shout", "not saved"],
    );
    let unknown = json!({"class_name": "TextVectorization", "config": {"standardize": "upper"}});
    says(
        registry::core().layers.from_value(&unknown, registry::core()),
        &["`standardize`", "upper"],
    );
}

#[test]
fn functions_of_ones_own_prepare_texts() -> Result<()> {
    let mut layer = TextVectorization::new()
        .standardize(Standardize::custom("shout", |text| text.to_uppercase()))
        .split(Split::custom("halves", |text| text.split('-').collect()));
    layer.adapt(&["é-b", "B-c"])?;
    assert_eq!(layer.get_vocabulary(false)?, ["B", "É", "C"]);
    assert_eq!(layer.vectorize(&["b-é-x"])?.to_vec2::<i64>()?, [[2, 3, 1]]);
    Ok(())
}

#[test]
fn data_may_come_in_parts() -> Result<()> {
    let texts: Vec<String> = (0..1000)
        .map(|i| format!("w{} w{} common", i % 7, i % 31))
        .collect();
    let mut whole = TextVectorization::new().output_mode(OutputMode::TfIdf);
    whole.adapt(&texts)?;
    let mut parts = TextVectorization::new().output_mode(OutputMode::TfIdf);
    for part in texts.chunks(130) {
        parts.update_state(part)?;
    }
    parts.finalize_state()?;
    assert_eq!(parts.get_vocabulary(true)?, whole.get_vocabulary(true)?);
    let (a, b) = (parts.vectorize(&texts[..5])?, whole.vectorize(&texts[..5])?);
    assert_eq!(a.to_vec2::<f32>()?, b.to_vec2::<f32>()?);
    Ok(())
}

#[test]
fn hashes_and_crosses_say_what_is_wrong() -> Result<()> {
    says(Hashing::new(0).hash(&["a"]), &["`num_bins`"]);
    says(
        Hashing::new(3).output_mode(OutputMode::TfIdf).hash(&["a"]),
        &["\"tf_idf\""],
    );
    says(
        Hashing::new(3).dtype(DType::F32).hash(&["a"]),
        &["int32 or int64", "float32"],
    );
    let cross = HashedCrossing::new(3);
    says(cross.cross(&[Feature::from(&["a"])]), &["two features or more"]);
    says(
        cross.cross(&[Feature::from(&["a"]), Feature::from(&["a", "b"])]),
        &["(1,), (2,)"],
    );
    says(
        cross.compute_output_shape(&[vec![None, Some(2)], vec![None, Some(2)]]),
        &["(n, 1)"],
    );
    says(call(&cross, &ints(&[1])), &["two features or more"]);
    says(
        Feature::try_from(&Tensor::new(&[1f32], &Device::Cpu)?),
        &["whole numbers"],
    );
    says(
        HashedCrossing::new(3).output_mode(OutputMode::Count).cross(&[]),
        &["int, one_hot"],
    );
    let two = HashedCrossing::new(7).call(&[ints(&[1, 2]), ints(&[3, 4])], &mut Call::new(false))?;
    let features = [
        Feature::try_from(&ints(&[1, 2]))?,
        Feature::try_from(&ints(&[3, 4]))?,
    ];
    assert_eq!(
        two.0[0].to_vec1::<i64>()?,
        HashedCrossing::new(7).cross(&features)?.to_vec1::<i64>()?
    );
    Ok(())
}

#[test]
fn encodings_and_bins_say_what_is_wrong() -> Result<()> {
    let shape: &[Vec<Option<usize>>] = &[vec![None, Some(3)]];
    says(
        CategoryEncoding::new(0).compute_output_shape(shape),
        &["`num_tokens`"],
    );
    says(
        CategoryEncoding::new(3)
            .output_mode(OutputMode::Int)
            .compute_output_shape(shape),
        &["one_hot, multi_hot, count"],
    );
    let x = ints(&[0, 1]);
    let weights = Tensor::new(&[1f32, 2.], &Device::Cpu)?;
    says(
        CategoryEncoding::new(3).call(&[x.clone(), weights.clone()], &mut Call::new(false)),
        &["\"count\""],
    );
    let counts = CategoryEncoding::new(3).output_mode(OutputMode::Count);
    says(
        counts.call(&[ints(&[0, 1, 2]), weights], &mut Call::new(false)),
        &["shape of the indices"],
    );
    // Numbers out of range count nothing.
    assert_eq!(
        call(&CategoryEncoding::new(2), &ints(&[5, 1, -1]))?.to_vec1::<f32>()?,
        [0., 1.]
    );
    assert_eq!(
        call(&counts, &ints(&[5, 1, -1, 1]))?.to_vec1::<f32>()?,
        [0., 2., 0.]
    );

    says(
        call(&Discretization::with_num_bins(3), &x),
        &["call `adapt` first"],
    );
    says(
        Discretization::with_num_bins(0).compute_output_shape(shape),
        &["`num_bins`"],
    );
    says(Discretization::new([1.]).adapt(vec![1f32]), &["nothing to adapt"]);
    says(
        Discretization::with_num_bins(2).epsilon(0.).adapt(vec![1f32]),
        &["`epsilon`"],
    );
    let none = json!({"class_name": "Discretization", "config": {}});
    says(
        registry::core().layers.from_value(&none, registry::core()),
        &["`bin_boundaries`", "`num_bins`"],
    );
    Ok(())
}

#[test]
fn normalisation_says_what_is_wrong() -> Result<()> {
    let shape = vec![None, Some(3)];
    let shape = std::slice::from_ref(&shape);
    says(
        Normalization::new().mean(1.).compute_output_shape(shape),
        &["both `mean` and `variance`"],
    );
    says(
        Normalization::new()
            .mean(1.)
            .variance([1.])
            .compute_output_shape(shape),
        &["one shape"],
    );
    says(
        Normalization::new()
            .mean([[1.]])
            .variance([[1.]])
            .compute_output_shape(shape),
        &["2 axes"],
    );
    says(
        Normalization::new().axis(0).compute_output_shape(shape),
        &["known size"],
    );
    says(
        Normalization::new().axis(2).compute_output_shape(shape),
        &["within the 2 axes"],
    );
    says(
        Normalization::new().mean(0.).variance(1.).adapt(vec![[1f32]]),
        &["nothing to adapt"],
    );
    says(
        Normalization::new().adapt_batches(Vec::<Tensor>::new()),
        &["no batch"],
    );
    let x = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
    says(call(&Normalization::new(), &x), &["knows no mean"]);
    says(
        call(
            &Normalization::new().mean([1., 2., 3.]).variance([1., 2., 3.]),
            &x,
        ),
        &["`mean` has shape [3]"],
    );
    let mut learned = Normalization::new();
    learned.adapt(vec![[1f32, 2.], [3., 6.]])?;
    let layer = LayerRef::new(learned);
    says(
        layer.build(shape, &Build::new(&Device::Cpu)),
        &["adapted to kept axes of sizes [2]", "[3]"],
    );
    Ok(())
}

#[test]
fn an_adapted_normalisation_is_saved_as_weights() -> Result<()> {
    let data = vec![[1f32, 10.], [3., 30.]].into_arrays()?.0.remove(0).1;
    let mut learned = Normalization::new();
    learned.adapt(&data)?;
    let layer = LayerRef::new(learned.name("n"));
    layer.build(&[vec![None, Some(2)]], &Build::new(&Device::Cpu))?;
    let names: Vec<String> = layer.weights("").into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["n/mean", "n/variance", "n/count"]);
    assert_eq!(layer.weights("")[0].1.value().to_vec1::<f32>()?, [2., 20.]);
    assert_eq!(layer.weights("")[1].1.value().to_vec1::<f32>()?, [1., 100.]);
    // Adapting again writes the weights.
    let mut guard = layer.write();
    let any: &mut dyn std::any::Any = &mut **guard;
    any.downcast_mut::<Normalization>()
        .unwrap()
        .adapt(vec![[0f32, 0.]])?;
    drop(guard);
    assert_eq!(layer.weights("")[0].1.value().to_vec1::<f32>()?, [0., 0.]);
    Ok(())
}

#[test]
fn a_model_that_begins_with_text_is_saved_whole() -> Result<()> {
    let texts = ["good film", "bad film", "a good, good film!"];
    let mut words = TextVectorization::new().output_sequence_length(4);
    words.adapt(&texts)?;
    let tags = StringLookup::new()
        .vocabulary(["x", "y"])
        .output_mode(OutputMode::OneHot);
    let (text, tag) = (
        InputLayer::strings([]).name("text").tensor(),
        InputLayer::strings([1]).name("tag").tensor(),
    );
    let ids = words.apply(&text)?;
    let hot = tags.apply(&tag)?;
    assert_eq!((ids.shape(), ids.dtype()), (&[None, Some(4)][..], DType::I64));
    assert_eq!((hot.shape(), hot.dtype()), (&[None, Some(3)][..], DType::F32));
    let head = Dense::new(2).apply(&Concatenate::new().apply([&Rescaling::new(0.5).apply(&ids)?, &hot])?)?;
    let mut model = Model::new_on([&text, &tag], &head, &Device::Cpu)?;
    let given = vec![
        ("text".to_owned(), text::encode(&texts)?),
        ("tag".to_owned(), text::encode(&["x", "z", "y"])?),
    ];
    let options = || Predict::new().verbose(0);
    let expected = model.predict(given.clone(), options())?.to_vec2::<f32>()?;

    let config = model.to_config()?;
    let first = &config["config"]["layers"][0]["config"];
    assert_eq!(
        (&first["dtype"], &first["batch_shape"]),
        (&json!("string"), &json!([null]))
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    model.save(&path)?;
    let mut again = load_model(&path, registry::core())?;
    assert_eq!(again.predict(given, options())?.to_vec2::<f32>()?, expected);
    assert_eq!(again.to_config()?, config);
    let wrong = vec![
        ("text".to_owned(), ints(&[1])),
        ("tag".to_owned(), text::encode(&["x"])?),
    ];
    says(
        again.predict(wrong, options()),
        &["`text` expects strings", "int64"],
    );
    Ok(())
}
