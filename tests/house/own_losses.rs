//! A loss of one's own as closure, named function and trait: trained, saved, loaded.

use keras::prelude::*;
use keras::saving::{LoadModel, load_model, load_model_with};
use keras::{Config, Entry, Registry, losses};

use super::{assert_says, line, message, weights};

/// Squared errors, halved: a named function.
fn half_mse(y_true: &Tensor, y_pred: &Tensor) -> keras::Result<Tensor> {
    Ok(ops::mul_scalar(
        &losses::mean_squared_error(y_true, y_pred)?,
        0.5,
    )?)
}

/// Squared errors beyond a margin: a trait with an argument.
#[derive(Debug)]
struct Beyond {
    margin: f64,
}

impl Loss for Beyond {
    fn call(&self, y_true: &Tensor, y_pred: &Tensor) -> keras::Result<Tensor> {
        let error = ops::abs(&ops::subtract(y_pred, y_true)?)?;
        let beyond = ops::relu(&ops::add_scalar(&error, -self.margin)?)?;
        Ok(ops::mean(&ops::square(&beyond)?, Some(&[-1]), false)?)
    }

    fn config(&self) -> Config {
        Config::new().with("margin", self.margin)
    }
}

static MINE: &[Entry<dyn Loss>] = &[
    Entry {
        class_name: "half_mse",
        module: "",
        aliases: &[],
        doc: "Squared errors, halved.",
        build: |_, _| Ok(Box::new(loss_fn("half_mse", half_mse))),
    },
    Entry {
        class_name: "cubes",
        module: "",
        aliases: &[],
        doc: "Cubes of errors.",
        build: |_, _| {
            Ok(Box::new(loss_fn("cubes", |y: &Tensor, p: &Tensor| {
                (p - y)?.abs()?.powf(3.)
            })))
        },
    },
    Entry {
        class_name: "Beyond",
        module: "",
        aliases: &["beyond"],
        doc: "Squared errors beyond a margin.",
        build: |config, _| {
            let mut reader = config.reader("Beyond");
            let margin = reader.or("margin", 0.)?;
            reader.finish()?;
            Ok(Box::new(Beyond { margin }))
        },
    },
];

fn registry() -> Registry {
    let mut registry = keras::registry().clone();
    registry.losses.add(MINE);
    registry
}

fn data() -> (Vec<[f32; 1]>, Vec<[f32; 1]>) {
    let x: Vec<[f32; 1]> = (0..24).map(|i| [i as f32 / 12.]).collect();
    let y = x.iter().map(|[x]| [3. * x - 1.]).collect();
    (x, y)
}

fn evaluated(model: &mut Model) -> keras::Result<f64> {
    let (x, y) = data();
    model.evaluate((&x, &y), Evaluate::new().verbose(0))?.get("loss")
}

fn fitted(model: &mut Model) -> keras::Result<Vec<Vec<f32>>> {
    let (x, y) = data();
    model.fit((&x, &y), Fit::new().epochs(2).batch_size(5).seed(3).verbose(0))?;
    weights(model)
}

/// Trains, saves, loads with the registry, and trains on: both models do the same.
fn comes_back(loss: impl Into<keras::Spec<dyn Loss>>, class_name: &str) -> keras::Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let (mine, mut model) = (registry(), line()?);
    model.compile_with(Compile::new("sgd").loss(loss), &mine)?;
    let first = evaluated(&mut model)?;
    fitted(&mut model)?;
    assert!(evaluated(&mut model)? < first, "{class_name} was trained");
    model.save(&path)?;

    let mut loaded = load_model(&path, &mine)?;
    assert_eq!(evaluated(&mut loaded)?, evaluated(&mut model)?, "{class_name}");
    assert_eq!(fitted(&mut loaded)?, fitted(&mut model)?, "{class_name}");

    let text = message(load_model(&path, keras::registry()));
    assert_says(
        &text,
        &[&format!("unknown loss `{class_name}`"), "must be in the registry"],
    );
    let without = load_model_with(&path, keras::registry(), LoadModel::new().compile(false))?;
    assert_eq!(without.count_params(), model.count_params());
    Ok(())
}

#[test]
fn a_closure_comes_back_by_its_name() -> keras::Result<()> {
    let cubes = loss_fn("cubes", |y: &Tensor, p: &Tensor| (p - y)?.abs()?.powf(3.));
    comes_back(cubes, "cubes")
}

#[test]
fn a_named_function_comes_back_by_its_name() -> keras::Result<()> {
    comes_back(loss_fn("half_mse", half_mse), "half_mse")
}

#[test]
fn a_type_comes_back_with_its_arguments() -> keras::Result<()> {
    comes_back(Beyond { margin: 0.25 }, "Beyond")
}

#[test]
fn registered_losses_go_by_name_in_compile() -> keras::Result<()> {
    let (x, y) = data();
    for (name, class_name) in [("half_mse", "half_mse"), ("beyond", "Beyond")] {
        let mut model = line()?;
        model.compile_with(Compile::new("sgd").loss(name), &registry())?;
        model.fit((&x, &y), Fit::new().verbose(0))?;
        assert_eq!(
            registry().losses.by_name(name, &registry())?.class_name(),
            class_name
        );
    }
    Ok(())
}
