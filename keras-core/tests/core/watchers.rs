//! Callbacks that watch every `fit` and `evaluate`, and what they are told of the data.

use std::cell::RefCell;

use keras_core::layers::Dense;
use keras_core::ops::Tensor;
use keras_core::{
    Callback, Compile, Context, Evaluate, Fit, Logs, Model, Predict, Registry, Result, Sequential, loss_fn,
    random, set_random_seed,
};

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug)]
struct Watcher;

impl Callback for Watcher {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        let p = cx.params;
        note(format!(
            "fit {:?} {:?} {:?}",
            p.samples, p.validation_samples, p.batch_size
        ));
        Ok(())
    }

    fn on_test_end(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        note(format!("test {:?}", cx.params.samples));
        Ok(())
    }

    fn on_predict_end(&mut self, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        note("predict".to_owned());
        Ok(())
    }
}

fn note(text: String) {
    SEEN.with_borrow_mut(|seen| seen.push(text));
}

fn model(watch: bool) -> Result<Model> {
    let mut model = Sequential::new().input([1]).add(Dense::new(1)).build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| (p - y)?.sqr());
    let mut registry = Registry::core();
    registry.watchers.push(match watch {
        true => || Some(Box::new(Watcher) as Box<dyn Callback>),
        false => || None,
    });
    model.compile_with(Compile::new("sgd").loss(mse), &registry)?;
    Ok(model)
}

#[test]
fn watchers_see_fit_and_evaluate_with_the_number_of_samples() -> Result<()> {
    let x: Vec<[f32; 1]> = (0..10).map(|i| [i as f32 / 10.]).collect();
    for (watch, expected) in [
        (
            true,
            vec!["fit Some(8) Some(2) Some(4)", "test Some(8)", "test Some(10)"],
        ),
        (false, vec![]),
    ] {
        let mut model = model(watch)?;
        let fit = Fit::new().batch_size(4).validation_split(0.2).verbose(0);
        model.fit((&x, &x), fit)?;
        model.evaluate((&x, &x), Evaluate::new().verbose(0))?;
        model.predict(&x, Predict::new().verbose(0))?;
        assert_eq!(SEEN.take(), expected);
    }
    Ok(())
}

#[test]
fn the_seed_of_a_thread_can_be_asked_for() {
    std::thread::spawn(|| {
        let drawn = random::random_seed();
        let first = random::next_seed();
        assert_eq!(random::random_seed(), drawn);
        set_random_seed(drawn);
        assert_eq!(random::next_seed(), first, "asking draws nothing");
    })
    .join()
    .unwrap();
}
