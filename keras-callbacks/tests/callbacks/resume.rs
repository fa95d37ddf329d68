//! Training that goes on from a checkpoint gives the same bits as training that was never interrupted.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use keras_callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, History, ModelCheckpoint, ReduceLROnPlateau, SaveFreq,
};
use keras_core::data::{Batch, Batches, Dataset, Indexed, IndexedDataset, IntoDataset};
use keras_core::layers::{BatchNormalization, Dense, Dropout, GaussianNoise};
use keras_core::ops::{self, Device, Tensor};
use keras_core::optimizers::{Adam, LossScaleOptimizer};
use keras_core::{
    Callback, Compile, Context, Fit, History as Values, Logs, Metric, MetricBase, Model, Optimizer, Registry,
    Result, Sequential, loss_fn, random, set_random_seed,
};
use tempfile::TempDir;

/// The mean prediction, with sums like those of every metric.
#[derive(Debug)]
struct MeanPrediction(MetricBase);

impl MeanPrediction {
    fn new() -> Result<Self> {
        let mut base = MetricBase::new("mean_prediction");
        base.add_weight("total", &[], "zeros")?;
        base.add_weight("count", &[], "zeros")?;
        Ok(Self(base))
    }
}

impl Metric for MeanPrediction {
    fn variables(&self) -> Vec<keras_core::Variable> {
        self.0.variables().to_vec()
    }
    fn update_state(&mut self, _: &Tensor, y_pred: &Tensor, _: Option<&Tensor>) -> Result<()> {
        self.0.variables()[0].assign_add(&ops::sum(y_pred, None, false)?)?;
        self.0.variables()[1].assign_add(&Tensor::new(y_pred.elem_count() as f32, &Device::Cpu)?)
    }
    fn result(&self) -> Result<Tensor> {
        Ok(ops::divide(
            &self.0.variables()[0].value(),
            &self.0.variables()[1].value(),
        )?)
    }
    fn name(&self) -> String {
        "mean_prediction".to_owned()
    }
}

const SAMPLES: usize = 40;

fn x(i: usize) -> [f32; 3] {
    [(i as f32).sin(), (i as f32 * 0.7).cos(), i as f32 / 40.]
}

fn y(i: usize) -> [f32; 1] {
    [x(i)[0] * 2. - x(i)[2]]
}

/// Samples with noise of their own: augmentation on several threads.
struct Noisy;

impl IndexedDataset for Noisy {
    fn len(&self) -> usize {
        SAMPLES
    }
    fn get(&self, index: usize) -> Result<Batch> {
        let noise = (random::next_seed() % 1000) as f32 / 1e4;
        Batch::new(x(index).map(|v| v + noise), y(index))
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    Arrays,
    Indexed,
    /// An iterator that draws from the thread's source.
    Batches,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    data: Data,
    steps: Option<usize>,
    accumulate: bool,
    block: usize,
}

fn data(kind: Data) -> Result<Dataset> {
    match kind {
        Data::Arrays => {
            let (x, y): (Vec<_>, Vec<_>) = (0..SAMPLES).map(|i| (x(i), y(i))).unzip();
            (&x, &y).into_dataset()
        }
        Data::Indexed => Indexed::samples(Noisy)
            .workers(3)
            .max_queue_size(4)
            .into_dataset(),
        Data::Batches => Batches::new(|| {
            let shift = random::next_seed() as usize % SAMPLES;
            (0..SAMPLES / 4).map(move |b| {
                let rows = (4 * b..4 * b + 4).map(|i| (i + shift) % SAMPLES);
                Batch::new(
                    rows.clone().map(x).collect::<Vec<_>>(),
                    rows.map(y).collect::<Vec<_>>(),
                )
            })
        })
        .into_dataset(),
    }
}

fn model(case: Case) -> Result<Model> {
    set_random_seed(3);
    let mut model = Sequential::new()
        .input([3])
        .add(GaussianNoise::new(0.1))
        .add(Dense::new(8).activation("relu"))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.4))
        .add(Dense::new(1))
        .build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| ops::square(&ops::subtract(p, y)?));
    let mut adam = Adam::new(0.01);
    adam.base_mut().use_ema = true;
    adam.base_mut().gradient_accumulation_steps = case.accumulate.then_some(3);
    let compile = match case.accumulate {
        true => Compile::new(adam),
        false => Compile::new(LossScaleOptimizer::new(adam).dynamic_growth_steps(4)),
    };
    let compile = compile
        .loss(mse)
        .metric(MeanPrediction::new()?)
        .steps_per_execution(case.block);
    model.compile_with(compile, &Registry::core())?;
    Ok(model)
}

/// Fails at the end of a batch, counted through all epochs of the process.
#[derive(Debug)]
struct FailAt(usize, AtomicUsize);

impl Callback for FailAt {
    fn on_batch_end(&mut self, _: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if self.1.fetch_add(1, Ordering::Relaxed) + 1 == self.0 {
            keras_core::bail!("pulled the plug");
        }
        Ok(())
    }
}

fn options(case: Case, folder: &Path, freq: SaveFreq) -> Fit {
    let (x, y): (Vec<_>, Vec<_>) = (3..13).map(|i| (x(i), y(i))).unzip();
    let mut fit = Fit::new()
        .epochs(4)
        .batch_size(4)
        .verbose(0)
        .validation_data((&x, &y))
        .callback(History::new())
        .callback(CSVLogger::new(folder.join("log.csv")))
        .callback(
            ReduceLROnPlateau::new("val_loss")
                .factor(0.5)
                .patience(1)
                .cooldown(1),
        )
        .callback(
            EarlyStopping::new("val_loss")
                .patience(3)
                .restore_best_weights(true),
        )
        .callback(ModelCheckpoint::new(folder.join("best.keras").to_str().unwrap()).save_best_only(true))
        .callback(BackupAndRestore::new(folder.join("backup")).save_freq(freq));
    if let Some(steps) = case.steps {
        fit = fit.steps_per_epoch(steps);
    }
    fit
}

/// What a training leaves: history, weights, optimizer, log.
fn left(model: &Model, history: &Values, folder: &Path) -> Result<String> {
    let mut text = format!("{}\n", history.to_value());
    let slots = model.optimizer()?.state_variables();
    for (name, variable) in model.weights().into_iter().chain(slots) {
        let values = ops::cast(&variable.value(), ops::DType::F64)?.flatten_all()?;
        text += &format!("{name} {:?}\n", values.to_vec1::<f64>()?);
    }
    text += &format!("{}\n", model.optimizer()?.state());
    Ok(text + &std::fs::read_to_string(folder.join("log.csv")).unwrap())
}

fn whole(case: Case) -> Result<String> {
    let folder = TempDir::new().unwrap();
    let mut model = model(case)?;
    let history = model.fit(data(case.data)?, options(case, folder.path(), SaveFreq::Never))?;
    left(&model, &history, folder.path())
}

/// The same in pieces, each of which ends after `piece` batches.
fn pieces(case: Case, piece: usize, freq: SaveFreq) -> Result<(String, usize)> {
    let folder = TempDir::new().unwrap();
    for runs in 1..100 {
        let mut model = model(case)?;
        // What is drawn before `fit` differs from run to run.
        (0..runs).for_each(|_| _ = random::next_seed());
        let fit = options(case, folder.path(), freq).callback(FailAt(piece, AtomicUsize::new(0)));
        match model.fit(
            data(case.data)?,
            if runs == 1 {
                fit.seed(first_seed(case))
            } else {
                fit
            },
        ) {
            Ok(history) => {
                assert!(!folder.path().join("backup").exists());
                return Ok((left(&model, &history, folder.path())?, runs));
            }
            Err(error) => assert!(error.to_string().contains("pulled the plug"), "{error}"),
        }
    }
    panic!("it never ended");
}

/// The seed that `fit` draws in a run that draws nothing before.
fn first_seed(case: Case) -> u64 {
    model(case).map(|_| random::next_seed()).unwrap()
}

#[test]
fn pieces_are_the_same_as_the_whole() -> Result<()> {
    let case = |data, steps, accumulate, block| Case {
        data,
        steps,
        accumulate,
        block,
    };
    for (case, piece, freq) in [
        (case(Data::Arrays, None, true, 1), 7, SaveFreq::Batches(2)),
        (case(Data::Arrays, None, false, 1), 13, SaveFreq::Epoch),
        (case(Data::Arrays, Some(7), true, 1), 5, SaveFreq::Batches(1)),
        (case(Data::Arrays, None, false, 2), 4, SaveFreq::Batches(4)),
        (case(Data::Indexed, None, false, 1), 6, SaveFreq::Batches(3)),
        (case(Data::Indexed, Some(7), true, 1), 9, SaveFreq::Batches(2)),
        (case(Data::Batches, None, false, 1), 7, SaveFreq::Batches(3)),
        (case(Data::Batches, Some(7), true, 1), 5, SaveFreq::Batches(2)),
    ] {
        let expected = whole(case)?;
        let (found, runs) = pieces(case, piece, freq)?;
        assert!(runs > 2, "{case:?}: {runs} runs");
        assert_eq!(found, expected, "{case:?}");
    }
    Ok(())
}
