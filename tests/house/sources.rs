//! Datasets loaded on threads, places in the data, the seed of orders.

use std::sync::{Arc, Mutex};

use keras::data::{Batch, Batches, Indexed, IndexedDataset, Shuffle};
use keras::prelude::*;
use keras::trainer::Place;

use super::{assert_says, line, message, weights};

/// Points of a line, with a little noise drawn for each.
struct Noisy {
    len: usize,
    /// Where to fail, and how.
    fails: Option<(usize, Failure)>,
}

#[derive(Clone, Copy)]
enum Failure {
    Error,
    Panic,
    Shape,
    Nan,
}

impl Noisy {
    fn new(len: usize) -> Self {
        Self { len, fails: None }
    }
}

impl IndexedDataset for Noisy {
    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> keras::Result<Batch> {
        // Later items are ready earlier.
        std::thread::sleep(std::time::Duration::from_micros(300 * (7 - index as u64 % 7)));
        let x = index as f32 / self.len as f32;
        match self.fails {
            Some((at, failure)) if at == index => match failure {
                Failure::Error => Err(keras::Error::invalid("the file is gone")),
                Failure::Panic => panic!("no such row"),
                Failure::Shape => Batch::new([x, x], [x]),
                Failure::Nan => Batch::new([f32::NAN], [x]),
            },
            _ => {
                let noise = (keras::random::next_seed() % 1000) as f32 / 10_000.;
                Batch::new([x], [2. * x + noise])
            }
        }
    }
}

fn fit(epochs: usize) -> Fit {
    Fit::new().epochs(epochs).batch_size(4).seed(3).verbose(0)
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() -> keras::Result<()> {
    let run = |workers: usize, queue: usize| -> keras::Result<_> {
        set_random_seed(1);
        let mut model = line()?;
        let data = Indexed::samples(Noisy::new(30))
            .workers(workers)
            .max_queue_size(queue);
        let history = model.fit(data, fit(3))?;
        Ok((history, weights(&model)?))
    };
    let one = run(1, 10)?;
    for (workers, queue) in [(0, 1), (2, 2), (4, 1), (5, 20)] {
        assert_eq!(run(workers, queue)?, one, "{workers} workers, a queue of {queue}");
    }
    Ok(())
}

#[test]
fn samples_by_number_train_like_samples_in_memory() -> keras::Result<()> {
    struct Rows;
    impl IndexedDataset for Rows {
        fn len(&self) -> usize {
            11
        }
        fn get(&self, index: usize) -> keras::Result<Batch> {
            Batch::new([index as f32], [3. * index as f32])
        }
    }
    for shuffle in [Shuffle::Off, Shuffle::On] {
        set_random_seed(5);
        let mut indexed = line()?;
        let history = indexed.fit(Indexed::samples(Rows).workers(2), fit(3).shuffle(shuffle))?;
        set_random_seed(5);
        let mut arrays = line()?;
        let x: Vec<[f32; 1]> = (0..11).map(|i| [i as f32]).collect();
        let y: Vec<[f32; 1]> = (0..11).map(|i| [3. * i as f32]).collect();
        assert_eq!(arrays.fit((&x, &y), fit(3).shuffle(shuffle))?, history);
        assert_eq!(weights(&arrays)?, weights(&indexed)?);
        let predict = || Predict::new().batch_size(4).verbose(0);
        let (a, b) = (
            arrays.predict(&x, predict())?,
            arrays.predict(Indexed::samples(Rows), predict())?,
        );
        assert_eq!(a.to_vec2::<f32>()?, b.to_vec2::<f32>()?);
        let evaluate = || Evaluate::new().batch_size(4).verbose(0);
        let scores = arrays.evaluate((&x, &y), evaluate())?;
        assert_eq!(arrays.evaluate(Indexed::samples(Rows), evaluate())?, scores);
    }
    Ok(())
}

#[test]
fn a_worker_that_fails_ends_the_run_and_names_the_item() -> keras::Result<()> {
    let cases: [(Failure, &[&str]); 4] = [
        (Failure::Error, &["sample 13", "the file is gone"]),
        (Failure::Panic, &["sample 13", "panicked", "no such row"]),
        (Failure::Shape, &["batch 3", "one shape", "[1]", "[2]"]),
        (Failure::Nan, &["batch 3", "x contains NaN", "sample 1"]),
    ];
    for (failure, words) in cases {
        for workers in [0, 3] {
            let data = Noisy {
                len: 30,
                fails: Some((13, failure)),
            };
            let text = message(line()?.fit(Indexed::samples(data).workers(workers), fit(2).shuffle(false)));
            assert_says(&text, words);
        }
    }
    Ok(())
}

#[test]
fn an_iterator_that_runs_ahead_and_fails_names_the_batch() -> keras::Result<()> {
    let batches = |fail: fn() -> keras::Result<Batch>| {
        Batches::ahead(3, move || {
            (0..9).map(move |i| {
                if i == 5 {
                    fail()
                } else {
                    Batch::new(vec![[1f32]], vec![[1f32]])
                }
            })
        })
    };
    let text = message(line()?.fit(batches(|| panic!("out of order")), fit(1)));
    assert_says(&text, &["batch 5", "panicked", "out of order"]);
    let gone = || Err(keras::Error::invalid("the file is gone"));
    assert_says(
        &message(line()?.fit(batches(gone), fit(1))),
        &["batch 5", "the file is gone"],
    );
    Ok(())
}

#[test]
fn endless_data_needs_a_number_of_steps() -> keras::Result<()> {
    struct Endless;
    impl IndexedDataset for Endless {
        fn len(&self) -> usize {
            0
        }
        fn get(&self, index: usize) -> keras::Result<Batch> {
            Batch::new(vec![[index as f32]], vec![[1f32]])
        }
        fn endless(&self) -> bool {
            true
        }
    }
    let data = || Indexed::batches(Endless).workers(2);
    assert_says(
        &message(line()?.fit(data(), fit(1))),
        &["endless", "steps_per_epoch"],
    );
    assert_says(
        &message(line()?.evaluate(data(), Evaluate::new())),
        &["endless", "steps"],
    );
    let mut model = line()?;
    let seen = Shared::new(Places::default());
    model.fit(data(), fit(2).steps_per_epoch(3).callback(seen.clone()))?;
    assert_eq!(seen.lock().0.lock().unwrap().len(), 6);
    let outputs = model.predict(data(), Predict::new().steps(5).verbose(0))?;
    assert_eq!(outputs.dims(), [5, 1]);
    Ok(())
}

/// Writes down the place after each batch, and the model's weights.
#[derive(Debug, Default)]
struct Places(Arc<Mutex<Vec<(Place, Vec<Vec<f32>>)>>>);

impl Callback for Places {
    fn on_train_batch_end(&mut self, _: usize, cx: &mut Context<'_>, _: &mut Logs) -> keras::Result<()> {
        let place = cx
            .model
            .place()
            .ok_or_else(|| keras::Error::invalid("no place"))?;
        self.0.lock().unwrap().push((place, weights(cx.model)?));
        Ok(())
    }
}

#[test]
fn a_run_goes_on_from_any_place() -> keras::Result<()> {
    type Train = fn(&mut Model, Fit) -> keras::Result<History>;
    let arrays: Train = |model, fit| {
        let x: Vec<[f32; 1]> = (0..13).map(|i| [i as f32 / 13.]).collect();
        model.fit((&x, &x), fit)
    };
    let within: Train = |model, fit| {
        let x: Vec<[f32; 1]> = (0..13).map(|i| [i as f32 / 13.]).collect();
        model.fit((&x, &x), fit.shuffle(Shuffle::Batch))
    };
    let indexed: Train = |model, fit| model.fit(Indexed::samples(Noisy::new(13)).workers(2), fit);
    let steps: Train = |model, fit| {
        model.fit(
            Indexed::samples(Noisy::new(13)).workers(2),
            fit.steps_per_epoch(3),
        )
    };
    let iterator: Train = |model, fit| {
        let batch = |i: usize| Batch::new(vec![[i as f32 / 5.]], vec![[1f32]]);
        model.fit(Batches::new(move || (0..5).map(batch)), fit)
    };
    for (name, train) in [
        ("arrays", arrays),
        ("within batches", within),
        ("indexed", indexed),
        ("steps", steps),
        ("iterator", iterator),
    ] {
        set_random_seed(2);
        let mut whole = line()?;
        let seen = Shared::new(Places::default());
        train(&mut whole, fit(3).callback(seen.clone()))?;
        let trail = seen.lock().0.lock().unwrap().clone();
        assert!(trail.len() >= 7, "{name}");
        for (place, at) in &trail {
            // Through JSON, as a checkpoint would keep it; nothing depends on what this thread drew before.
            let place = Place::from_value(&place.to_value())?;
            set_random_seed(99);
            let mut resumed = line()?;
            for ((_, variable), values) in resumed.weights().iter().zip(at) {
                let value = Tensor::from_vec(values.clone(), variable.shape(), &Device::Cpu)?;
                variable.assign(&value)?;
            }
            train(&mut resumed, fit(3).seed(1234).start_at(place))?;
            assert_eq!(weights(&resumed)?, weights(&whole)?, "{name} from {place:?}");
        }
    }
    Ok(())
}

#[test]
fn within_batches_only_the_order_of_samples_changes() -> keras::Result<()> {
    /// Ten times what goes in, written down.
    #[derive(Debug, Default)]
    struct Seen(Arc<Mutex<Vec<Vec<f32>>>>);
    let seen = Seen::default();
    let order = seen.0.clone();
    let loss = loss_fn("seen", move |y: &Tensor, p: &Tensor| {
        order.lock().unwrap().push(y.flatten_all()?.to_vec1::<f32>()?);
        keras::ops::square(&keras::ops::subtract(p, y)?)
    });
    let mut model = Sequential::new()
        .input([1])
        .add(Dense::new(1))
        .build_on(&Device::Cpu)?;
    model.compile(Compile::new("sgd").loss(loss))?;
    let x: Vec<[f32; 1]> = (0..40).map(|i| [i as f32]).collect();
    let fit = Fit::new()
        .batch_size(16)
        .shuffle(Shuffle::Batch)
        .seed(1)
        .verbose(0);
    model.fit((&x, &x), fit)?;
    let batches = seen.0.lock().unwrap().clone();
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 8]);
    for (batch, from) in batches.iter().zip([0, 16, 32]) {
        let mut sorted = batch.clone();
        sorted.sort_by(f32::total_cmp);
        assert_ne!(*batch, sorted);
        let expected: Vec<f32> = (from..from + batch.len()).map(|i| i as f32).collect();
        assert_eq!(sorted, expected);
    }
    Ok(())
}
