//! What every metric class has: Keras's arguments, their defaults, and the way to and from a configuration.

/// Defines a metric class: its arguments as fields with setters of the same name, and its state, which is made from
/// the arguments.
///
/// `beyond` are arguments that Keras has not: they are saved only where they differ from their default, so that Keras
/// reads the configuration too. `build` is given the size of the predictions' last axis.
macro_rules! metric_class {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        $( beyond { $( $(#[$more_doc:meta])* $more:ident: $more_type:ty = $more_default:expr; )* } )?
        state($made:ident): $state:ty = $make:expr;
        $( required $required:ident; )*
        $( valid($valid_self:ident) $valid:expr; )?
        $( build($build_self:ident, $width:ident) $build:expr; )?
        update($self:ident, $y_true:ident, $y_pred:ident, $weights:ident) $update:block
        result($result_self:ident) $result:block
        { $($items:tt)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $class {
            $( $(#[$arg_doc])* $arg: $type, )*
            $($( $(#[$more_doc])* $more: $more_type, )*)?
            name: String,
            dtype: Option<keras_core::ops::DType>,
            state: $state,
            checked: bool,
        }

        impl Default for $class {
            fn default() -> Self {
                Self::make($( $default, )* $($( $more_default, )*)? $name.to_owned(), None)
            }
        }

        impl $class {
            pub(crate) const ENTRY: keras_core::Entry<dyn keras_core::Metric> = keras_core::Entry {
                class_name: stringify!($class),
                module: "keras.metrics",
                aliases: &[$($alias),*],
                doc: $line,
                build: |config, _| Ok(Box::new(Self::from_config(config)?)),
            };

            /// With the default arguments.
            pub fn new() -> Self {
                Self::default()
            }

            #[allow(clippy::too_many_arguments)]
            fn make(
                $( $arg: $type, )*
                $($( $more: $more_type, )*)?
                name: String,
                dtype: Option<keras_core::ops::DType>,
            ) -> Self {
                struct Made<'a> {
                    $( #[allow(dead_code)] $arg: &'a $type, )*
                    $($( #[allow(dead_code)] $more: &'a $more_type, )*)?
                    #[allow(dead_code)]
                    dtype: Option<keras_core::ops::DType>,
                    #[allow(dead_code)]
                    phantom: std::marker::PhantomData<&'a ()>,
                }
                let $made = Made {
                    $( $arg: &$arg, )*
                    $($( $more: &$more, )*)?
                    dtype,
                    phantom: std::marker::PhantomData,
                };
                let state = $make;
                Self { $( $arg, )* $($( $more, )*)? name, dtype, state, checked: false }
            }

            $(
                $(#[$arg_doc])*
                #[must_use]
                pub fn $arg(mut self, $arg: $type) -> Self {
                    self.$arg = $arg;
                    self.remade()
                }
            )*

            $($(
                $(#[$more_doc])*
                #[must_use]
                pub fn $more(mut self, $more: $more_type) -> Self {
                    self.$more = $more;
                    self.remade()
                }
            )*)?

            /// With another name in logs.
            #[must_use]
            pub fn named(mut self, name: &str) -> Self {
                name.clone_into(&mut self.name);
                self
            }

            /// Of another dtype. The state is float64 for float64 and float32 for all others; so are counts, areas and
            /// what is made of them. Means are of the dtype itself.
            #[must_use]
            pub fn of_dtype(mut self, dtype: keras_core::ops::DType) -> Self {
                self.dtype = Some(dtype);
                self.remade()
            }

            fn remade(self) -> Self {
                Self::make($( self.$arg, )* $($( self.$more, )*)? self.name, self.dtype)
            }

            /// From the arguments by Keras's names; those missing keep their defaults.
            ///
            /// # Errors
            /// When an argument is unknown, of another type or out of range.
            pub fn from_config(config: &keras_core::Config) -> keras_core::Result<Self> {
                #[allow(unused_imports)]
                use keras_core::Arg;
                let mut reader = config.reader(stringify!($class));
                $( reader.req::<serde_json::Value>(stringify!($required))?; )*
                $( let $arg = <$type>::read(&mut reader, stringify!($arg), $default)?; )*
                $($( let $more = <$more_type>::read(&mut reader, stringify!($more), $more_default)?; )*)?
                let name = reader.or_null("name", $name.to_owned())?;
                let dtype = Option::read(&mut reader, "dtype", None)?;
                reader.finish()?;
                let mut metric = Self::make($( $arg, )* $($( $more, )*)? name, dtype);
                metric.check()?;
                metric.checked = true;
                Ok(metric)
            }

            /// # Errors
            /// When an argument is out of range.
            fn check(&self) -> keras_core::Result<()> {
                $( let $valid_self = self; return $valid; )?
                #[allow(unreachable_code)]
                Ok(())
            }

            /// What comes before every batch.
            fn prepare(&mut self, device: &keras_core::ops::Device) -> keras_core::Result<()> {
                if !self.checked {
                    self.check()?;
                    self.checked = true;
                }
                $crate::state::State::place(&mut self.state, device)
            }
        }

        impl keras_core::Metric for $class {
            fn variables(&self) -> Vec<keras_core::Variable> {
                $crate::state::variables(&self.state)
            }

            fn update_state(
                &mut $self,
                $y_true: &keras_core::ops::Tensor,
                $y_pred: &keras_core::ops::Tensor,
                $weights: Option<&keras_core::ops::Tensor>,
            ) -> keras_core::Result<()> {
                $self.prepare($y_pred.device())?;
                $update
            }

            fn result(&$result_self) -> keras_core::Result<keras_core::ops::Tensor> {
                $result
            }

            $(
                fn build(
                    &mut $build_self,
                    _y_true: &[Option<usize>],
                    y_pred: &[Option<usize>],
                ) -> keras_core::Result<()> {
                    match y_pred.last() {
                        Some(Some($width)) => {
                            let $width = *$width;
                            $build
                        }
                        _ => Ok(()),
                    }
                }
            )?

            fn resize_state(&mut self, shapes: &[&[usize]]) -> keras_core::Result<()> {
                $crate::state::resize(&mut self.state, stringify!($class), shapes)
            }

            fn merge_state(&mut self, state: &[keras_core::ops::Tensor]) -> keras_core::Result<()> {
                $crate::state::State::merge(&mut self.state, stringify!($class), state)
            }

            fn reset_state(&mut self) -> keras_core::Result<()> {
                $crate::state::State::reset(&mut self.state)
            }

            fn name(&self) -> String {
                self.name.clone()
            }

            fn set_name(&mut self, name: &str) {
                name.clone_into(&mut self.name);
            }

            fn class_name(&self) -> &str {
                stringify!($class)
            }

            fn dtype(&self) -> keras_core::ops::DType {
                self.dtype.unwrap_or_else(keras_core::ops::floatx)
            }

            fn config(&self) -> keras_core::Config {
                #[allow(unused_imports)]
                use keras_core::Arg;
                let mut config = keras_core::Config::new().with("name", self.name.as_str());
                if self.dtype.is_some() {
                    config.set("dtype", self.dtype.write());
                }
                $( config.set(stringify!($arg), self.$arg.write()); )*
                $($(
                    let default: $more_type = $more_default;
                    if self.$more != default {
                        config.set(stringify!($more), self.$more.write());
                    }
                )*)?
                config
            }

            $($items)*
        }
    };
}

/// Defines a metric that is the mean of a value for each sample. `values` is told whether it needs each value (there
/// are sample weights) or only their sum.
macro_rules! mean_metric {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, $larger:expr;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        values($self:ident, $y_true:ident, $y_pred:ident, $each:ident) $body:expr;
    ) => {
        metric_class! {
            $(#[$doc])*
            $class: $name, [$($alias),*], $line;
            { $( $(#[$arg_doc])* $arg: $type = $default; )* }
            state(made): $crate::state::Running = $crate::state::Running::new(made.dtype);
            update($self, $y_true, $y_pred, weights) {
                let $each = weights.is_some();
                let values = $body?;
                $self.state.add(&values, weights)
            }
            result(self) {
                $crate::state::scalar(self.state.mean()?, self.dtype)
            }
            {
                fn uses_mask(&self) -> bool {
                    true
                }

                fn larger_is_better(&self) -> Option<bool> {
                    $larger
                }
            }
        }
    };
}

pub(crate) use {mean_metric, metric_class};
