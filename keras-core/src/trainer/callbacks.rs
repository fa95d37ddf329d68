//! The callbacks of a run.

use crate::registry::Registry;
use crate::{Callback, Context, Given, Logs, Model, Params, Result, ResultExt};

pub(crate) struct Callbacks {
    list: Vec<Box<dyn Callback>>,
    pub(crate) params: Params,
    pub(crate) stop: bool,
}

impl Callbacks {
    /// For `fit` and `evaluate`: those given, then those that [watch](Registry::watchers), then the progress display.
    pub(crate) fn watched(
        mut given: Vec<Given<dyn Callback>>,
        params: Params,
        registry: &Registry,
    ) -> Result<Self> {
        let watchers = registry.watchers.iter().filter_map(|watcher| watcher());
        given.extend(watchers.map(Given::Value));
        Self::new(given, params, Some(registry))
    }

    /// Those given, then the progress display, so that it shows what they added to the logs and noted.
    pub(crate) fn new(
        given: Vec<Given<dyn Callback>>,
        params: Params,
        registry: Option<&Registry>,
    ) -> Result<Self> {
        let mut list = Vec::new();
        if let Some(registry) = registry {
            for callback in given {
                list.push(callback.resolve(&registry.callbacks, registry)?);
            }
            if let (Some(progress), 1..) = (registry.progress, params.verbose) {
                list.push(progress(params.verbose));
            }
        } else {
            let empty = Registry::empty();
            for callback in given {
                list.push(callback.resolve(&empty.callbacks, &empty)?);
            }
        }
        Ok(Self {
            list,
            params,
            stop: false,
        })
    }

    /// Calls a hook of each callback in turn.
    pub(crate) fn each(
        &mut self,
        model: &mut Model,
        logs: &mut Logs,
        mut hook: impl FnMut(&mut dyn Callback, &mut Context<'_>, &mut Logs) -> Result<()>,
    ) -> Result<()> {
        for callback in &mut self.list {
            let mut cx = Context::new(model, &self.params, &mut self.stop);
            hook(&mut **callback, &mut cx, logs).context(|| format!("callback {}", callback.class_name()))?;
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}
