use serde_json::{Value, json};

/// One `fit` of a run: a line of its `fits.jsonl`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FitRecord {
    /// When it began, in seconds since 1970.
    pub time: f64,
    /// The row of the run's metrics that holds its epoch 0.
    pub first: usize,
    /// The epoch that it began with.
    pub initial_epoch: usize,
    /// The number of epochs planned.
    pub epochs: usize,
    /// Batches an epoch.
    pub steps: Option<usize>,
    /// Samples a batch.
    pub batch_size: Option<usize>,
    /// Samples an epoch.
    pub samples: Option<usize>,
    /// Samples of validation.
    pub validation_samples: Option<usize>,
    /// The model's name.
    pub model: String,
    /// How it was compiled: optimizer, losses and metrics as Keras saves them.
    pub compile: Value,
}

impl FitRecord {
    pub(crate) fn line(&self) -> String {
        json!({
            "time": self.time,
            "first": self.first,
            "initial_epoch": self.initial_epoch,
            "epochs": self.epochs,
            "steps": self.steps,
            "batch_size": self.batch_size,
            "samples": self.samples,
            "validation_samples": self.validation_samples,
            "model": self.model,
            "compile": self.compile,
        })
        .to_string()
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let number = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_u64)
                .and_then(|n| n.try_into().ok())
        };
        Some(Self {
            time: value.get("time")?.as_f64()?,
            first: number("first")?,
            initial_epoch: number("initial_epoch").unwrap_or(0),
            epochs: number("epochs").unwrap_or(0),
            steps: number("steps"),
            batch_size: number("batch_size"),
            samples: number("samples"),
            validation_samples: number("validation_samples"),
            model: value
                .get("model")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            compile: value.get("compile").cloned().unwrap_or_default(),
        })
    }
}
