//! Everything built in, by name.

use std::sync::OnceLock;

use crate::Registry;

/// Every loss, metric, layer, optimizer, schedule, initializer, regularizer, constraint, activation and
/// callback of Keras for Rust. [`compile`](crate::CompileExt::compile) and [`load_model`](crate::load_model)
/// look names up here.
///
/// To add classes of your own, clone it and add their lists; then use
/// [`Model::compile_with`](crate::Model::compile_with).
///
/// # Examples
/// ```
/// let registry = keras::registry();
/// let adam = registry.optimizers.by_name("adam", registry)?;
/// assert_eq!(adam.class_name(), "Adam");
/// let error = registry.losses.find("mean_squared_eror").unwrap_err().to_string();
/// assert!(error.contains("Did you mean `mean_squared_error`?"), "{error}");
/// # Ok::<(), keras::Error>(())
/// ```
pub fn registry() -> &'static Registry {
    static ALL: OnceLock<Registry> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut registry = Registry::core();
        registry.losses.add(keras_losses::ENTRIES);
        registry.metrics.add(keras_metrics::ENTRIES);
        registry.callbacks.add(keras_callbacks::ENTRIES);
        registry.callbacks.add(keras_runs::ENTRIES);
        registry.progress = Some(keras_callbacks::progress);
        registry.watchers.push(keras_runs::RunRecorder::watcher);
        registry
    })
}
