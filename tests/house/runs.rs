//! Runs that record trainings by themselves.

use keras::prelude::*;
use keras::runs::{FlagSet, FlagSources, ListRuns, RunOptions, Status, Trials, training_run, tuning_run};

use super::{classifier, digits};

keras::runs::flags! {
    struct Flags {
        /// Initial learning rate.
        learning_rate: f64 = 1e-3,
        epochs: usize = 2,
    }
}

fn train(learning_rate: f64, epochs: usize) -> keras::Result<History> {
    set_random_seed(3);
    let data = digits()?;
    let mut model = classifier()?;
    model.optimizer_mut()?.set_learning_rate(learning_rate)?;
    let fit = Fit::new().epochs(epochs).validation_split(0.1).verbose(0);
    let history = model.fit((&data.train.0, &data.train.1), fit)?;
    model.evaluate((&data.test.0, &data.test.1), Evaluate::new().verbose(0))?;
    Ok(history)
}

#[test]
fn a_run_records_what_is_trained_and_changes_nothing() -> keras::Result<()> {
    let base = tempfile::tempdir().unwrap();
    let options = RunOptions::new().runs_dir(base.path()).capture_output(false);
    let plain = train(1e-3, 3)?;
    let (info, recorded) = training_run(options, |_| train(1e-3, 3))?;
    for name in plain.names() {
        assert_eq!(plain.get(&name)?, recorded.get(&name)?, "{name}");
        let column: Vec<f64> = info
            .metrics
            .get(&name)
            .unwrap()
            .iter()
            .map(|v| v.unwrap())
            .collect();
        assert_eq!(column, plain.get(&name)?, "{name}");
    }
    assert_eq!(info.status, Status::Done);
    assert_eq!(
        info.property("loss_function"),
        Some("sparse_categorical_crossentropy")
    );
    assert!(info.get("eval_accuracy").unwrap().number().unwrap() > 0.3);
    assert!(info.property("model").unwrap().contains("dense"));
    Ok(())
}

#[test]
fn a_grid_is_trained_and_the_best_is_found() -> keras::Result<()> {
    let base = tempfile::tempdir().unwrap();
    let options = RunOptions::new()
        .runs_dir(base.path())
        .capture_output(false)
        .environment(false);
    let trials = Trials::grid([("learning_rate", vec![1e-5, 1e-2])])?;
    tuning_run(&trials, &options, |_| {
        let flags = Flags::load_from(FlagSources::new())?;
        train(flags.learning_rate, flags.epochs)
    })?;
    let list = ListRuns::new().runs_dir(base.path());
    let best = list
        .filter("completed and flag_epochs == 2")?
        .order("eval_accuracy")
        .list()?;
    assert_eq!(best.len(), 2);
    assert_eq!(best[0].flags["learning_rate"], 1e-2);
    Ok(())
}
