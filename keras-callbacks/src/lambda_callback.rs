use std::fmt;

use keras_core::{Callback, Context, Logs, Result};

type Plain = Box<dyn FnMut(&mut Context<'_>, &mut Logs) -> Result<()> + Send>;
type Numbered = Box<dyn FnMut(usize, &mut Context<'_>, &mut Logs) -> Result<()> + Send>;

macro_rules! lambda_callback {
    (@otherwise $self:ident, $number:ident, $cx:ident, $logs:ident) => { Ok(()) };
    (@otherwise $self:ident, $number:ident, $cx:ident, $logs:ident, $other:ident) => {
        $self.$other($number, $cx, $logs)
    };
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident)* }
        numbered { $($(#[$numbered_doc:meta])* $numbered:ident $(=> $other:ident)?)* }
    ) => {
        /// A callback made of closures.
        ///
        /// Closures are not saved, so it has no configuration.
        ///
        /// # Examples
        /// ```
        /// use keras_callbacks::LambdaCallback;
        /// use keras_core::Fit;
        /// let gap = LambdaCallback::new().will_log("gap").on_epoch_end(|_, _, logs| {
        ///     if let (Some(a), Some(b)) = (logs.get("loss")?, logs.get("val_loss")?) {
        ///         logs.set("gap", b - a); // seen by the callbacks after this one, and in the history
        ///     }
        ///     Ok(())
        /// });
        /// let fit = Fit::new().validation_split(0.1).callback(gap);
        /// # drop(fit);
        /// ```
        #[derive(Default)]
        pub struct LambdaCallback {
            will_log: Vec<String>,
            $($plain: Option<Plain>,)*
            $($numbered: Option<Numbered>,)*
        }

        impl LambdaCallback {
            /// Does nothing yet.
            pub fn new() -> Self {
                Self::default()
            }

            /// Announces that `on_epoch_end` adds `name` to the logs, so that others may monitor it.
            #[must_use]
            pub fn will_log(mut self, name: &str) -> Self {
                self.will_log.push(name.to_owned());
                self
            }

            $(
                $(#[$plain_doc])*
                #[must_use]
                pub fn $plain(
                    mut self,
                    hook: impl FnMut(&mut Context<'_>, &mut Logs) -> Result<()> + Send + 'static,
                ) -> Self {
                    self.$plain = Some(Box::new(hook));
                    self
                }
            )*
            $(
                $(#[$numbered_doc])*
                #[must_use]
                pub fn $numbered(
                    mut self,
                    hook: impl FnMut(usize, &mut Context<'_>, &mut Logs) -> Result<()> + Send + 'static,
                ) -> Self {
                    self.$numbered = Some(Box::new(hook));
                    self
                }
            )*
        }

        impl fmt::Debug for LambdaCallback {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut set: Vec<&str> = Vec::new();
                $(if self.$plain.is_some() { set.push(stringify!($plain)); })*
                $(if self.$numbered.is_some() { set.push(stringify!($numbered)); })*
                write!(f, "LambdaCallback({})", set.join(", "))
            }
        }

        impl Callback for LambdaCallback {
            fn check(&mut self, cx: &mut Context<'_>) -> Result<()> {
                self.will_log.iter().for_each(|name| cx.will_log(name));
                Ok(())
            }

            $(
                fn $plain(&mut self, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
                    self.$plain.as_mut().map_or(Ok(()), |hook| hook(cx, logs))
                }
            )*
            $(
                fn $numbered(&mut self, number: usize, cx: &mut Context<'_>, logs: &mut Logs) -> Result<()> {
                    match &mut self.$numbered {
                        Some(hook) => hook(number, cx, logs),
                        None => lambda_callback!(@otherwise self, number, cx, logs $(, $other)?),
                    }
                }
            )*
        }
    };
}

lambda_callback! {
    plain {
        /// Before the first epoch.
        on_train_begin
        /// After the last epoch.
        on_train_end
        /// Before an evaluation or validation.
        on_test_begin
        /// After an evaluation or validation.
        on_test_end
        /// Before a prediction.
        on_predict_begin
        /// After a prediction.
        on_predict_end
    }
    numbered {
        /// Before an epoch, which it is given.
        on_epoch_begin
        /// After an epoch and its validation.
        on_epoch_end
        /// Before a training batch, which it is given.
        on_train_batch_begin => on_batch_begin
        /// After a training batch.
        on_train_batch_end => on_batch_end
        /// Before a training batch; not called where `on_train_batch_begin` is set.
        on_batch_begin
        /// After a training batch; not called where `on_train_batch_end` is set.
        on_batch_end
        /// Before an evaluation batch, which it is given.
        on_test_batch_begin
        /// After an evaluation batch.
        on_test_batch_end
        /// Before a prediction batch, which it is given.
        on_predict_batch_begin
        /// After a prediction batch.
        on_predict_batch_end
    }
}
