//! The state of a training taken, and put back.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::running::lock;
use super::{CallbackList, Fit, History, Place};
use crate::config::FromValue;
use crate::data::Stream;
use crate::lent::Lent;
use crate::saving::{CALLBACKS, Checkpoint, METRICS, Snapshot};
use crate::{Error, Model, Result, ResultExt, bail, random};

/// Where to go on from.
#[derive(Clone, Debug)]
pub(crate) struct Resume {
    path: PathBuf,
    /// Whether to begin anew where there is no checkpoint.
    if_any: bool,
}

impl Resume {
    /// From a file or folder, which must be there.
    pub(crate) fn from(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            if_any: false,
        }
    }

    /// From a file or folder, or from the beginning.
    pub(crate) fn if_any(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            if_any: true,
        }
    }
}

/// Where a training goes on, with what it did before.
pub(super) struct Resumed {
    pub(super) place: Place,
    pub(super) history: History,
}

/// What must be the same to go on: model, optimizer, losses, metrics, and how the data is cut and ordered.
pub(super) fn fingerprint(model: &Model, options: &Fit, train: &Stream) -> Value {
    // Closures and classes of one's own may have no configuration; their weights must fit all the same.
    let mut config = model.to_config().unwrap_or_default();
    let mut compile = config
        .get_mut("compile_config")
        .map(Value::take)
        .unwrap_or_default();
    if let Some(compile) = compile.as_object_mut() {
        // It depends on the machine.
        compile.remove("jit_compile");
    }
    if let Some(rate) = compile
        .pointer_mut("/optimizer/config/learning_rate")
        .filter(|r| !r.is_object())
    {
        // It is part of the optimizer's state.
        *rate = Value::Null;
    }
    json!({
        "model": config,
        "compile": compile,
        "fit": {
            "batch_size": train.batch_size(),
            "samples": train.samples(),
            "batches": train.batches(),
            "steps_per_epoch": options.steps_per_epoch,
            "steps_per_execution": model.block(),
            "shuffle": format!("{:?}", options.shuffle),
        },
    })
}

/// The parts of a training that neither the model nor the callbacks hold.
pub(super) struct Around<'a> {
    pub(super) run: &'a Value,
    pub(super) history: &'a History,
    pub(super) train: &'a Stream,
}

/// The state of a training that stands at `place`.
pub(super) fn take(
    model: &Model,
    callbacks: &CallbackList,
    around: &Around<'_>,
    place: Place,
) -> Result<Snapshot> {
    let (states, mut tensors) = callbacks.states(CALLBACKS);
    let trainer = model.trainer()?;
    let mut running = Value::Null;
    // At the start of an epoch they begin anew.
    if place.step > 0 {
        let (names, values) = lock(&trainer.running).state(METRICS)?;
        running = names;
        tensors.extend(values);
    }
    let pair = |(seed, count): (u64, u64)| json!([seed, count]);
    let state = json!({
        "targets": trainer.targets,
        "running": running,
        "callbacks": states,
        "stopped": callbacks.stopped(),
        "history": around.history.to_value(),
        "random": {"thread": pair(random::state()), "pass": around.train.random().map(pair)},
        "data": around.train.state(),
    });
    let Value::Object(state) = state else {
        bail!("snapshot: expected an object");
    };
    let tensors = tensors
        .into_iter()
        .map(|(name, value)| (name, Lent::fixed(value)));
    Snapshot::take(model, place, around.run.to_string(), state, tensors.collect())
}

/// Goes on from the newest checkpoint that is whole and of this training; says which were not.
pub(super) fn restore(
    model: &mut Model,
    callbacks: &mut CallbackList,
    train: &mut Stream,
    run: &Value,
    from: &Resume,
) -> Result<Option<Resumed>> {
    let paths = Checkpoint::list(&from.path)?;
    let mut refused = Vec::new();
    for path in &paths {
        match Checkpoint::open(path, run) {
            Ok(mut checkpoint) => {
                let resumed = put_back(model, callbacks, train, &mut checkpoint)
                    .context(|| format!("resuming from {}", path.display()))?;
                for why in &refused {
                    callbacks.note(format!("not used: {why}"));
                }
                let Place { epoch, step, .. } = resumed.place;
                let batch = if step == 0 {
                    String::new()
                } else {
                    format!(", batch {}", step + 1)
                };
                callbacks.note(format!(
                    "going on with epoch {}{batch} from {}",
                    epoch + 1,
                    path.display()
                ));
                return Ok(Some(resumed));
            }
            Err(error) => {
                tracing::warn!("checkpoint not used: {error}");
                refused.push(error.to_string());
            }
        }
    }
    if refused.is_empty() && from.if_any {
        return Ok(None);
    }
    let why = if refused.is_empty() {
        "there is no checkpoint (a file `….ckpt`, or a folder with a manifest); train with BackupAndRestore, which \
         starts from the beginning where there is none"
            .to_owned()
    } else {
        let refused = refused.join("\n  ");
        format!("no checkpoint here can be used; delete them to train from the beginning\n  {refused}")
    };
    Err(Error::file(&from.path, why))
}

fn put_back(
    model: &mut Model,
    callbacks: &mut CallbackList,
    train: &mut Stream,
    checkpoint: &mut Checkpoint,
) -> Result<Resumed> {
    let place = Place::from_value(checkpoint.part("place")?)?;
    let history = History::from_value(checkpoint.part("history")?)?;
    checkpoint.restore(model)?;
    if let Some(targets) = shapes(checkpoint.part("targets")?) {
        model.resolve_for(targets)?;
    }
    let running = checkpoint.part("running")?.clone();
    if !running.is_null() {
        let tensors = checkpoint.below(METRICS, &model.device().clone())?;
        lock(&model.trainer()?.running).load_state(&running, &tensors)?;
    }
    let tensors = checkpoint.below(CALLBACKS, &model.device().clone())?;
    callbacks.load_states(model, checkpoint.part("callbacks")?, tensors)?;
    callbacks.load_stopped(checkpoint.part("stopped")?);
    train.load_state(checkpoint.part("data")?)?;
    let random = checkpoint.part("random")?;
    let pair = |value: &Value| Some((value.get(0)?.as_u64()?, value.get(1)?.as_u64()?));
    if let Some(pass) = pair(&random["pass"]) {
        random::load_state(pass);
    }
    train.seek(place.data)?;
    if let Some(thread) = pair(&random["thread"]) {
        random::load_state(thread);
    }
    model.trainer_mut()?.place = Some(place);
    Ok(Resumed { place, history })
}

fn shapes(value: &Value) -> Option<Vec<Vec<usize>>> {
    let sizes = |shape: &Value| shape.as_array()?.iter().map(usize::from_value).collect();
    value.as_array()?.iter().map(sizes).collect()
}
