//! Flags: where they come from, their types, their errors.

use std::path::PathBuf;

use keras_runs::{FlagSet, FlagSources, RunInfo, RunOptions, Trials, is_run_active};
use serde_json::json;

use super::reader;

keras_runs::flags! {
    /// For tests.
    struct Flags {
        /// Initial learning rate.
        learning_rate: f64 = 0.01,
        /// Number of steps to run
        /// trainer.
        max_steps: i64 = 5000,
        data_dir: PathBuf = "MNIST-data".into(),
        fake_data: bool = false,
        target: Option<f32> = None,
        hidden: Vec<usize> = vec![128, 64],
        optimizer: String = "adam".to_owned(),
    }
}

fn load(arguments: &[&str]) -> keras_core::Result<Flags> {
    Flags::load_from(FlagSources::new().arguments(arguments.iter().copied()))
}

#[test]
fn a_command_line_sets_flags() {
    let flags = load(&[]).unwrap();
    assert_eq!(flags, Flags::default());
    let flags = load(&[
        "train",
        "--learning-rate",
        "2e-5",
        "--max_steps=1_000",
        "--fake-data",
        "--hidden=[32, 16]",
        "word",
        "--data-dir=a=b",
        "--target",
        "-0.1",
    ])
    .unwrap();
    assert_eq!(flags.learning_rate, 2e-5);
    assert_eq!(flags.max_steps, 1000);
    assert_eq!(flags.data_dir, PathBuf::from("a=b"));
    assert!(flags.fake_data);
    assert_eq!(flags.target, Some(-0.1));
    assert_eq!(flags.hidden, [32, 16]);
    let flags = load(&[
        "--hidden",
        "7",
        "--fake-data",
        "no",
        "--target=null",
        "--optimizer",
        "--",
    ])
    .unwrap_err();
    assert!(flags.to_string().contains("--optimizer needs a value"), "{flags}");
    let flags = load(&[
        "--hidden",
        "7",
        "--fake-data",
        "no",
        "--target=null",
        "--",
        "--optimizer=sgd",
    ])
    .unwrap();
    assert_eq!(
        (flags.hidden.as_slice(), flags.fake_data, flags.target),
        ([7].as_slice(), false, None)
    );
    assert_eq!(flags.optimizer, "adam");
}

#[test]
fn wrong_flags_say_what_is_wrong() {
    for (arguments, expected) in [
        (
            ["--max-steps", "many"],
            "Unable to convert flag 'max_steps' with value 'many' to type integer",
        ),
        (["--max-steps", "1.5"], "type integer"),
        (["--fake-data=maybe", ""], "'maybe' to type boolean"),
        (["--hidden", "1,x"], "to type list of integer"),
        (["--target", "x"], "to type numeric or null"),
        (["--max-step", "1"], "Did you mean `max_steps`?"),
    ] {
        let error = load(&arguments).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn help_lists_the_flags() {
    let help = load(&["--help"]).unwrap_err().to_string();
    assert!(
        help.starts_with("\nOptions:\n  --learning-rate    Initial learning rate. (0.01)\n"),
        "{help}"
    );
    assert!(
        help.contains("  --max-steps        Number of steps to run trainer. (5000)\n"),
        "{help}"
    );
    assert!(help.contains("  --target           (none)\n"), "{help}");
}

#[test]
fn later_sources_win() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.yml");
    std::fs::write(
        &file,
        "default:\n  learning_rate: 0.1\n  max_steps: 10\n  hidden: [1, 2]\n  fake_data: yes\n  target: 0.5\n  \
         optimizer: sgd\n",
    )
    .unwrap();
    let sources = || {
        FlagSources::new()
            .file(&file)
            .environment([
                ("KERAS_FLAG_MAX_STEPS", "20"),
                ("KERAS_FLAG_LEARNING_RATE", "0.2"),
                ("PATH", "x"),
            ])
            .arguments(["--learning-rate=0.3", "--optimizer=adam"])
    };
    let flags = Flags::load_from(sources()).unwrap();
    assert_eq!(
        (flags.learning_rate, flags.max_steps, flags.target),
        (0.3, 20, Some(0.5))
    );
    assert_eq!(
        (flags.hidden.as_slice(), flags.fake_data),
        ([1, 2].as_slice(), true)
    );
    // The run's win over all, and what came out is recorded.
    let options = RunOptions::new()
        .runs_dir(folder.path())
        .capture_output(false)
        .environment(false);
    let run = options.flags([("optimizer", "lion")]).start().unwrap();
    let flags = Flags::load_from(sources()).unwrap();
    assert_eq!((flags.optimizer.as_str(), flags.learning_rate), ("lion", 0.3));
    let path = run.finish().unwrap();
    let info = RunInfo::read(&path).unwrap();
    assert_eq!(info.flags["max_steps"], 20);
    assert_eq!(info.flags["hidden"], "[1,2]");
    let record = reader::read(&path).unwrap();
    assert_eq!(
        (record.text("flag_optimizer"), record.number("flag_learning_rate")),
        ("lion", 0.3)
    );
    assert!(!is_run_active());
}

#[test]
fn profiles_inherit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flags.yml");
    let with = |text: &str, profile: &str| {
        std::fs::write(&file, text).unwrap();
        Flags::load_from(FlagSources::new().file(&file).profile(profile))
    };
    let text = "default:\n  max_steps: 1\n  optimizer: a\nbig:\n  max_steps: 2\nbigger:\n  inherits: big\n  optimizer: c\n";
    let get = |profile: &str| {
        let flags = with(text, profile).unwrap();
        (flags.max_steps, flags.optimizer)
    };
    assert_eq!(get("default"), (1, "a".to_owned()));
    assert_eq!(get("big"), (2, "a".to_owned()));
    assert_eq!(get("bigger"), (2, "c".to_owned()));
    // As in R's config.
    assert_eq!(get("unknown"), (1, "a".to_owned()));
    // Without profiles.
    assert_eq!(with("max_steps: 3\noptimizer: x\n", "big").unwrap().max_steps, 3);
    assert_eq!(with("", "default").unwrap(), Flags::default());
    for (text, expected) in [
        ("a:\n  inherits: b\nb:\n  inherits: a\n", "a → b → a"),
        ("a:\n  inherits: c\n", "unknown profile `c`"),
        ("a:\n  inherits: [1]\n", "must be a profile's name"),
        ("- 1\n- 2\n", "`name: value`"),
        ("a: [1\n", "no YAML"),
        ("max_stepz: 1\n", "Did you mean `max_steps`?"),
    ] {
        let error = with(text, "a").unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Flags::load_from(FlagSources::new().file(folder.path().join("none.yml"))).unwrap_err();
    assert!(error.to_string().contains("none.yml"), "{error}");
}

#[test]
fn trials_are_sampled_and_skipped() {
    let trials = Trials::grid([
        ("a", vec![json!(1), json!(2), json!(3)]),
        ("b", vec![json!("x"), json!("y")]),
    ])
    .unwrap();
    let all = trials.clone().sample(1., 1).unwrap();
    assert_eq!(all.len(), 6);
    assert!(trials.rows().iter().all(|row| all.rows().contains(row)) && all != trials);
    assert_eq!(trials.clone().sample(1e-6, 1).unwrap().len(), 1);
    assert_eq!(all, trials.clone().sample(1., 1).unwrap());
    for part in [0., -1., 1.5, f64::NAN] {
        assert!(trials.clone().sample(part, 1).is_err(), "{part}");
    }
    assert!(Trials::grid([("a", Vec::<i64>::new())]).is_err());
    assert!(Trials::grid([("a", vec![0; 2000]), ("b", vec![0; 2000])]).is_err());
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions::new()
        .runs_dir(folder.path())
        .capture_output(false)
        .environment(false);
    options
        .clone()
        .flags([("a", json!(2)), ("b", json!("y")), ("c", json!(0))])
        .start()
        .unwrap()
        .finish()
        .unwrap();
    // One that failed is not done.
    drop(
        options
            .flags([("a", json!(1)), ("b", json!("x"))])
            .start()
            .unwrap(),
    );
    let left = trials.remaining(&keras_runs::ls_runs(folder.path()).unwrap());
    assert_eq!(left.len(), 5);
}
