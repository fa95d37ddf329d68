use keras_core::{Config, Registry, Result};

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
    assert!(build("EarlyStopping", Config::new().with("mode", "up")).contains("mode must be"));
    assert!(build("ReduceLROnPlateau", Config::new().with("factor", 1.5)).contains("less than 1"));
    let error = build(
        "ModelCheckpoint",
        minimal("ModelCheckpoint").with("save_freq", "batch"),
    );
    assert!(error.contains("save_freq must be"), "{error}");
    assert!(build("ModelCheckpoint", Config::new()).contains("`filepath`"));
    Ok(())
}
