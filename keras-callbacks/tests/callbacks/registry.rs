use std::time::Duration;

use keras_callbacks::{
    BackupAndRestore, CSVLogger, EarlyStopping, LearningRateFinder, ModelCheckpoint, NormMonitor,
    OrbaxCheckpoint, ReduceLROnPlateau, RemoteMonitor, SaveFreq, TensorBoard, Timer,
};
use keras_core::{Callback, Config, Registry, Result};
use serde_json::json;

use crate::run::Run;

fn registry() -> Registry {
    let mut registry = Registry::core();
    registry.callbacks.add(keras_callbacks::ENTRIES);
    registry
}

fn minimal(class: &str) -> Config {
    match class {
        "ModelCheckpoint" => Config::new().with("filepath", "m.keras"),
        "BackupAndRestore" => Config::new().with("backup_dir", "backup"),
        "OrbaxCheckpoint" => Config::new().with("directory", "checkpoints"),
        "CSVLogger" => Config::new().with("filename", "log.csv"),
        _ => Config::new(),
    }
}

#[test]
fn configurations_come_back() -> Result<()> {
    let registry = registry();
    for entry in keras_callbacks::ENTRIES {
        let built = (entry.build)(&minimal(entry.class_name), &registry)?;
        assert_eq!(built.class_name(), entry.class_name);
        let again = (entry.build)(&built.config(), &registry)?;
        assert_eq!(again.config(), built.config(), "{}", entry.class_name);
        let wrong = minimal(entry.class_name).with("patiense", 3);
        assert!((entry.build)(&wrong, &registry).is_err(), "{}", entry.class_name);
    }
    Ok(())
}

/// The arguments are those of Keras 3.15, with their defaults.
#[test]
fn defaults_are_those_of_keras() -> Result<()> {
    let config = |class: &str| {
        let built = (registry().callbacks.find(class)?.build)(&minimal(class), &registry())?;
        Ok::<_, keras_core::Error>(serde_json::Value::Object(built.config().0).to_string())
    };
    assert_eq!(
        config("EarlyStopping")?,
        r#"{"monitor":"val_loss","min_delta":0.0,"patience":0,"verbose":0,"mode":"auto","baseline":null,"restore_best_weights":false,"start_from_epoch":0}"#
    );
    assert_eq!(
        config("ModelCheckpoint")?,
        r#"{"filepath":"m.keras","monitor":"val_loss","verbose":0,"save_best_only":false,"save_weights_only":false,"mode":"auto","save_freq":"epoch","initial_value_threshold":null}"#
    );
    assert_eq!(
        config("ReduceLROnPlateau")?,
        r#"{"monitor":"val_loss","factor":0.1,"patience":10,"verbose":0,"mode":"auto","min_delta":0.0001,"cooldown":0,"min_lr":0.0}"#
    );
    assert_eq!(
        config("CSVLogger")?,
        r#"{"filename":"log.csv","separator":",","append":false}"#
    );
    Ok(())
}

#[test]
fn names_and_wrong_arguments() -> Result<()> {
    let registry = registry();
    assert_eq!(
        registry
            .callbacks
            .by_name("early_stopping", &registry)?
            .class_name(),
        "EarlyStopping"
    );
    let build = |class: &str, config: Config| {
        (registry.callbacks.find(class).unwrap().build)(&config, &registry)
            .unwrap_err()
            .to_string()
    };
    assert!(build("EarlyStopping", Config::new().with("mode", "up")).contains("`mode` must be"));
    assert!(build("ReduceLROnPlateau", Config::new().with("factor", 1.5)).contains("less than 1"));
    let error = build(
        "ModelCheckpoint",
        minimal("ModelCheckpoint").with("save_freq", "batch"),
    );
    assert!(error.contains("`save_freq` must be"), "{error}");
    assert!(build("ModelCheckpoint", Config::new()).contains("`filepath`"));
    Ok(())
}

/// Arguments that Keras does not have are in a configuration only when they are set.
const OWN: [(&str, &str); 8] = [
    ("ModelCheckpoint", "save_errors"),
    ("ModelCheckpoint", "save_on_background"),
    ("ModelCheckpoint", "keep_best"),
    ("ModelCheckpoint", "keep_last"),
    ("OrbaxCheckpoint", "save_errors"),
    ("BackupAndRestore", "save_errors"),
    ("TensorBoard", "write_gradients"),
    ("TensorBoard", "hparams"),
];

/// Whatever an argument is given, it is taken as it came, or refused by an error that names callback, argument and value.
#[test]
fn every_argument_is_taken_or_refused() -> Result<()> {
    let registry = registry();
    let values = json!([[], {}, [1, "a"], {"a": 1}, "no such thing", "", -1, -1.5, 1.5, 3, true]);
    for entry in keras_callbacks::ENTRIES {
        let class = entry.class_name;
        let config = (entry.build)(&minimal(class), &registry)?.config();
        let own = OWN
            .iter()
            .filter(|(owner, _)| *owner == class)
            .map(|(_, name)| *name);
        let arguments: Vec<&str> = config.0.keys().map(String::as_str).chain(own).collect();
        let mut refused = 0;
        for argument in &arguments {
            for value in values.as_array().unwrap() {
                let given = minimal(class).with(argument, value.clone());
                let place = format!("{class}, `{argument}`: {value}");
                match (entry.build)(&given, &registry) {
                    Ok(built) => {
                        let taken = built.config().get(argument).cloned().unwrap_or_default();
                        let same = match (taken.as_f64(), value.as_f64()) {
                            // The sign of `min_delta` does not matter.
                            (Some(taken), Some(value)) => taken.abs() == value.abs(),
                            // No entries and none at all are the same.
                            _ if *value == json!({}) && taken.is_null() => true,
                            _ => taken == *value || OWN.contains(&(class, *argument)),
                        };
                        assert!(same, "{place} was taken as {taken}");
                    }
                    Err(error) => {
                        let text = error.to_string();
                        let named = text.starts_with(class) && text.contains(argument);
                        let shown = value.as_str().map_or(value.to_string(), str::to_owned);
                        assert!(named && text.contains(&shown), "{place}: {text}");
                        refused += 1;
                    }
                }
            }
        }
        assert!(
            refused >= 4 * arguments.len(),
            "{class}: {refused} of {arguments:?}"
        );
    }
    Ok(())
}

/// What is out of range is found before the first step, also where no configuration was read.
#[test]
fn values_out_of_range_are_refused_before_training() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = |name: &str| path(name).display().to_string();
    let save = |name: &str| ModelCheckpoint::new(&text(name));
    let orbax = || OrbaxCheckpoint::new(path("orbax"));
    let board = || TensorBoard::new(path("logs"));
    let finder = LearningRateFinder::new;
    let rows: Vec<(Box<dyn Callback>, &str)> = vec![
        (
            Box::new(EarlyStopping::new("los")),
            "EarlyStopping monitors `los`",
        ),
        (
            Box::new(EarlyStopping::new("loss").min_delta(f64::NAN)),
            "EarlyStopping: `min_delta`",
        ),
        (
            Box::new(EarlyStopping::new("loss").baseline(f64::NAN)),
            "EarlyStopping: `baseline`",
        ),
        (
            Box::new(ReduceLROnPlateau::new("loss").factor(1.)),
            "ReduceLROnPlateau: `factor`",
        ),
        (
            Box::new(ReduceLROnPlateau::new("loss").factor(-0.1)),
            "ReduceLROnPlateau: `factor`",
        ),
        (
            Box::new(ReduceLROnPlateau::new("loss").min_lr(-1.)),
            "ReduceLROnPlateau: `min_lr`",
        ),
        (
            Box::new(save("m.h6")),
            "ModelCheckpoint: a file of a whole model must end in `.keras`",
        ),
        (
            Box::new(save("m.keras").save_freq(0)),
            "ModelCheckpoint: `save_freq`",
        ),
        (
            Box::new(save("m.keras").save_freq(SaveFreq::Never)),
            "ModelCheckpoint: `save_freq`",
        ),
        (
            Box::new(save("{epoch}.keras").keep_best(0)),
            "ModelCheckpoint: `keep_best`",
        ),
        (
            Box::new(save("{epoch}.keras").keep_last(0)),
            "ModelCheckpoint: `keep_best` and `keep_last`",
        ),
        (
            Box::new(save("m.keras").keep_last(2)),
            "ModelCheckpoint: to keep several files",
        ),
        (
            Box::new(save("m.keras").initial_value_threshold(f64::NAN)),
            "ModelCheckpoint: `initial_value_threshold`",
        ),
        (Box::new(orbax().max_to_keep(0)), "OrbaxCheckpoint: `max_to_keep`"),
        (
            Box::new(orbax().shard_bytes(0)),
            "OrbaxCheckpoint: `max_to_keep` and `shard_bytes`",
        ),
        (Box::new(orbax().save_freq(0)), "OrbaxCheckpoint: `save_freq`"),
        (
            Box::new(orbax().initial_value_threshold(f64::NAN)),
            "OrbaxCheckpoint: `initial_value_threshold`",
        ),
        (Box::new(OrbaxCheckpoint::new("")), "OrbaxCheckpoint: `directory`"),
        (Box::new(CSVLogger::new("")), "CSVLogger: `filename`"),
        (Box::new(ModelCheckpoint::new("")), "ModelCheckpoint: "),
        (
            Box::new(BackupAndRestore::new("")),
            "BackupAndRestore: `backup_dir`",
        ),
        (
            Box::new(BackupAndRestore::new(path("b")).save_freq(0)),
            "BackupAndRestore: `save_freq`",
        ),
        (
            Box::new(CSVLogger::new(path("log.csv")).separator('é')),
            "CSVLogger: cannot separate",
        ),
        (Box::new(CSVLogger::new(folder.path())), "CSVLogger"),
        (Box::new(board().update_freq(0)), "TensorBoard: `update_freq`"),
        (
            Box::new(board().profile_batch(std::ops::RangeInclusive::new(5, 2))),
            "TensorBoard: `profile_batch`",
        ),
        (Box::new(NormMonitor::new().every(0)), "NormMonitor: `every`"),
        (
            Box::new(NormMonitor::new().explode(f64::NAN)),
            "NormMonitor: `explode`",
        ),
        (
            Box::new(finder().min_lr(1.).max_lr(0.1)),
            "LearningRateFinder: rates",
        ),
        (Box::new(finder().steps(1)), "LearningRateFinder: `steps`"),
        (
            Box::new(finder().smoothing(1.)),
            "LearningRateFinder: `smoothing`",
        ),
        (Box::new(finder().diverge(1.)), "LearningRateFinder: `diverge`"),
        (
            Box::new(Timer::new().stop_after(Duration::ZERO)),
            "Timer: `stop_after`",
        ),
        (Box::new(RemoteMonitor::new("no address")), "RemoteMonitor"),
        (
            Box::new(RemoteMonitor::default().timeout(Duration::ZERO)),
            "RemoteMonitor: `timeout`",
        ),
    ];
    for (mut callback, expected) in rows {
        let error = Run::new(&["loss", "val_loss"]).check(&mut *callback);
        let text = error.expect_err(expected).to_string();
        assert!(text.starts_with(expected), "{expected}: {text}");
    }
}
