//! The callbacks of Keras for Rust.
//!
//! ```
//! use keras_callbacks::{EarlyStopping, TerminateOnNaN};
//! use keras_core::layers::Dense;
//! use keras_core::ops::{self, Tensor};
//! use keras_core::optimizers::SGD;
//! use keras_core::{Compile, Fit, Registry, Sequential, loss_fn};
//!
//! let mut model = Sequential::new().input([1]).add(Dense::new(1)).build()?;
//! let error = loss_fn("error", |y: &Tensor, p: &Tensor| ops::abs(&ops::subtract(p, y)?));
//! model.compile_with(Compile::new(SGD::new(0.)).loss(error), &Registry::core())?;
//! let (x, y) = (vec![[1f32]; 8], vec![[2f32]; 8]);
//! let options = Fit::new()
//!     .epochs(100)
//!     .verbose(0)
//!     .callback(TerminateOnNaN::new())
//!     .callback(EarlyStopping::new("loss").patience(2));
//! // Without a learning rate the second and third epochs are no better than the first.
//! assert_eq!(model.fit((&x, &y), options)?.get("loss")?.len(), 3);
//! # Ok::<(), keras_core::Error>(())
//! ```
//!
//! They are called in the order in which they are added: what one adds to the logs of an epoch is seen by
//! those after it, by the history and by the progress display, which comes last. Wrap one in
//! [`Shared`](keras_core::Shared) to read it after `fit`.

mod background;
mod backup_and_restore;
mod csv_logger;
mod early_stopping;
mod folder;
mod history;
mod lambda_callback;
mod learning_rate_finder;
mod learning_rate_scheduler;
mod live_dashboard;
mod mode;
mod model_checkpoint;
mod monitor;
mod norm_monitor;
mod orbax_checkpoint;
mod progbar_logger;
mod progress;
mod reduce_lr_on_plateau;
mod remote_monitor;
mod resource_monitor;
mod save_errors;
mod save_freq;
mod state;
mod swap_ema_weights;
mod template;
mod tensorboard;
mod terminate_on_nan;
mod timer;
mod when;

use keras_core::{Callback, Entry};

pub use backup_and_restore::BackupAndRestore;
pub use csv_logger::CSVLogger;
pub use early_stopping::EarlyStopping;
pub use history::History;
pub use lambda_callback::LambdaCallback;
pub use learning_rate_finder::{LearningRateFinder, Sweep};
pub use learning_rate_scheduler::LearningRateScheduler;
pub use live_dashboard::LiveDashboard;
pub use mode::Mode;
pub use model_checkpoint::ModelCheckpoint;
pub use norm_monitor::NormMonitor;
pub use orbax_checkpoint::OrbaxCheckpoint;
pub use progbar_logger::ProgbarLogger;
pub use reduce_lr_on_plateau::ReduceLROnPlateau;
pub use remote_monitor::RemoteMonitor;
pub use resource_monitor::ResourceMonitor;
pub use save_errors::SaveErrors;
pub use save_freq::SaveFreq;
pub use swap_ema_weights::SwapEMAWeights;
pub use tensorboard::{SummaryWriter, TensorBoard};
pub use terminate_on_nan::TerminateOnNaN;
pub use timer::Timer;

/// Every callback of this crate that can be built from a configuration; closures can't.
pub static ENTRIES: &[Entry<dyn Callback>] = &[
    backup_and_restore::ENTRY,
    csv_logger::ENTRY,
    early_stopping::ENTRY,
    history::ENTRY,
    learning_rate_finder::ENTRY,
    live_dashboard::ENTRY,
    model_checkpoint::ENTRY,
    norm_monitor::ENTRY,
    orbax_checkpoint::ENTRY,
    progbar_logger::ENTRY,
    reduce_lr_on_plateau::ENTRY,
    remote_monitor::ENTRY,
    resource_monitor::ENTRY,
    swap_ema_weights::ENTRY,
    tensorboard::ENTRY,
    terminate_on_nan::ENTRY,
    timer::ENTRY,
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
