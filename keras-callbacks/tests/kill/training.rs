//! The training that is killed.

use std::path::Path;
use std::process::ExitCode;

use keras_callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, History, ModelCheckpoint, ReduceLROnPlateau,
};
use keras_core::data::{Batch, Indexed, IndexedDataset};
use keras_core::layers::{BatchNormalization, Dense, Dropout};
use keras_core::ops::{self, Tensor};
use keras_core::optimizers::Adam;
use keras_core::{
    Callback, Compile, Context, Fit, Logs, Optimizer, Registry, Result, Sequential, loss_fn, random,
    set_random_seed,
};

/// Samples with noise of their own.
struct Noisy;

impl IndexedDataset for Noisy {
    fn len(&self) -> usize {
        60
    }
    fn get(&self, index: usize) -> Result<Batch> {
        let noise = (random::next_seed() % 1000) as f32 / 1e4;
        let (x, y) = sample(index);
        Batch::new(x.map(|v| v + noise), y)
    }
}

fn sample(i: usize) -> ([f32; 4], [f32; 1]) {
    let x = [(i as f32).sin(), (i as f32 * 0.7).cos(), i as f32 / 60., 1.];
    (x, [x[0] * 2. - x[2] * x[1]])
}

/// Fails when a checkpoint was refused: a kill must never leave one behind that cannot be used.
#[derive(Debug)]
struct NothingRefused;

impl Callback for NothingRefused {
    fn on_train_begin(&mut self, cx: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        match cx
            .take_notes()
            .into_iter()
            .find(|note| note.starts_with("not used"))
        {
            Some(note) => keras_core::bail!("{note}"),
            None => Ok(()),
        }
    }
}

/// Makes the third batch last for a minute.
#[derive(Debug)]
struct Slow(std::path::PathBuf);

impl Callback for Slow {
    fn on_batch_end(&mut self, batch: usize, _: &mut Context<'_>, _: &mut Logs) -> Result<()> {
        if batch == 2 {
            std::fs::write(self.0.join("asleep"), "").map_err(keras_core::Error::user)?;
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        Ok(())
    }
}

pub(crate) fn run(folder: &Path) -> ExitCode {
    match train(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn train(folder: &Path) -> Result<()> {
    set_random_seed(7);
    let mut model = Sequential::new()
        .input([4])
        .add(Dense::new(16).activation("relu"))
        .add(BatchNormalization::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(1))
        .build()?;
    let mse = loss_fn("mse", |y: &Tensor, p: &Tensor| ops::square(&ops::subtract(p, y)?));
    let mut adam = Adam::new(0.01);
    adam.base_mut().use_ema = true;
    adam.base_mut().gradient_accumulation_steps = Some(2);
    model.compile_with(Compile::new(adam).loss(mse), &Registry::core())?;
    let (x, y): (Vec<_>, Vec<_>) = (60..80).map(sample).unzip();
    let path = |name: &str| folder.join(name).display().to_string();
    let mut options = Fit::new()
        .epochs(24)
        .batch_size(5)
        .verbose(0)
        .validation_data((&x, &y))
        .callback(History::new())
        .callback(CSVLogger::new(path("log.csv")))
        .callback(
            ReduceLROnPlateau::new("val_loss")
                .factor(0.5)
                .patience(2)
                .cooldown(1),
        )
        .callback(
            EarlyStopping::new("val_loss")
                .patience(20)
                .restore_best_weights(true),
        )
        .callback(ModelCheckpoint::new(&path("best.keras")).save_best_only(true))
        .callback(
            BackupAndRestore::new(path("backup"))
                .save_freq(3)
                .double_checkpoint(true),
        )
        .callback(NothingRefused);
    if folder.join("slow").exists() {
        options = options.callback(Slow(folder.to_owned()));
    }
    println!("training");
    let data = Indexed::samples(Noisy).workers(2).max_queue_size(3);
    let history = model.fit(data, options)?;
    let mut text = format!("{}\n{}\n", history.to_value(), model.optimizer()?.state());
    let slots = model.optimizer()?.state_variables();
    for (name, variable) in model.weights().into_iter().chain(slots) {
        let values = ops::cast(&variable.value(), ops::DType::F64)?.flatten_all()?;
        let bits: Vec<u64> = values.to_vec1::<f64>()?.into_iter().map(f64::to_bits).collect();
        text += &format!("{name} {bits:x?}\n");
    }
    std::fs::write(folder.join("final.txt"), text).map_err(keras_core::Error::user)
}
