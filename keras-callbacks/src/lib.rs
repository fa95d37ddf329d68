//! The callbacks of Keras for Rust.
//!
//! ```
//! use keras_callbacks::{CSVLogger, EarlyStopping, ModelCheckpoint};
//! use keras_core::Fit;
//! let fit = Fit::new()
//!     .epochs(100)
//!     .validation_split(0.1)
//!     .callback(EarlyStopping::new("val_loss").patience(3).restore_best_weights(true))
//!     .callback(ModelCheckpoint::new("best.keras").save_best_only(true))
//!     .callback(CSVLogger::new("training.csv"));
//! # drop(fit);
//! ```
//!
//! They are called in the order in which they are added: what one adds to the logs of an epoch is seen by
//! those after it, by the history and by the progress display, which comes last. Wrap one in
//! [`Shared`](keras_core::Shared) to read it after `fit`.

mod csv_logger;
mod early_stopping;
mod folder;
mod history;
mod lambda_callback;
mod learning_rate_scheduler;
mod mode;
mod model_checkpoint;
mod monitor;
mod progbar_logger;
mod progress;
mod reduce_lr_on_plateau;
mod save_freq;
mod state;
mod template;
mod terminate_on_nan;

use keras_core::{Callback, Entry};

pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use history::History;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_scheduler::LearningRateScheduler;
pub use mode::Mode;
pub use model_checkpoint::ModelCheckpoint;
pub use progbar_logger::ProgbarLogger;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use save_freq::SaveFreq;
pub use terminate_on_nan::TerminateOnNaN;

/// Every callback of this crate that can be built from a configuration; closures can't.
pub static ENTRIES: &[Entry<dyn Callback>] = &[
    csv_logger::ENTRY,
    early_stopping::ENTRY,
    history::ENTRY,
    model_checkpoint::ENTRY,
    progbar_logger::ENTRY,
    reduce_lr_on_plateau::ENTRY,
    terminate_on_nan::ENTRY,
];

/// The display of a run, for `Registry::progress`.
///
/// ```
/// let mut registry = keras_core::Registry::core();
/// registry.callbacks.add(keras_callbacks::ENTRIES);
/// registry.progress = Some(keras_callbacks::progress);
/// # drop(registry);
/// ```
pub fn progress(verbose: u8) -> Box<dyn Callback> {
    Box::new(ProgbarLogger::new().verbose(verbose))
}
