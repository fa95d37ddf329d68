//! What every metric class has: Keras's arguments, their defaults, and the way to and from a configuration.

/// Defines a metric class: its arguments as fields with setters of the same name, and its state, which is made from
/// the arguments.
macro_rules! metric_class {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        state($made:ident): $state:ty = $make:expr;
        $( required $required:ident; )?
        $( valid($valid_self:ident) $valid:expr; )?
        { $($items:tt)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $class {
            $( $(#[$arg_doc])* $arg: $type, )*
            name: String,
            dtype: Option<keras_core::ops::DType>,
            state: $state,
        }

        impl Default for $class {
            fn default() -> Self {
                Self::make($( $default, )* $name.to_owned(), None)
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

            /// With Keras's default arguments.
            pub fn new() -> Self {
                Self::default()
            }

            #[allow(clippy::too_many_arguments)]
            fn make($( $arg: $type, )* name: String, dtype: Option<keras_core::ops::DType>) -> Self {
                struct Made<'a> {
                    $( #[allow(dead_code)] $arg: &'a $type, )*
                    #[allow(dead_code)]
                    dtype: Option<keras_core::ops::DType>,
                    #[allow(dead_code)]
                    phantom: std::marker::PhantomData<&'a ()>,
                }
                let $made = Made { $( $arg: &$arg, )* dtype, phantom: std::marker::PhantomData };
                let state = $make;
                Self { $( $arg, )* name, dtype, state }
            }

            $(
                $(#[$arg_doc])*
                #[must_use]
                pub fn $arg(mut self, $arg: $type) -> Self {
                    self.$arg = $arg;
                    self.remade()
                }
            )*

            /// With another name in logs.
            #[must_use]
            pub fn named(mut self, name: &str) -> Self {
                name.clone_into(&mut self.name);
                self
            }

            /// With state and results of another dtype: float64, or float32 for all others.
            #[must_use]
            pub fn of_dtype(mut self, dtype: keras_core::ops::DType) -> Self {
                self.dtype = Some(dtype);
                self.remade()
            }

            fn remade(self) -> Self {
                Self::make($( self.$arg, )* self.name, self.dtype)
            }

            /// From Keras's arguments by name; those missing keep their defaults.
            ///
            /// # Errors
            /// When an argument is unknown, of another type or out of range.
            pub fn from_config(config: &keras_core::Config) -> keras_core::Result<Self> {
                #[allow(unused_imports)]
                use keras_core::Arg;
                let mut reader = config.reader(stringify!($class));
                $( reader.req::<serde_json::Value>(stringify!($required))?; )?
                $( let $arg = <$type>::read(&mut reader, stringify!($arg), $default)?; )*
                let name = String::read(&mut reader, "name", $name.to_owned())?;
                let dtype = Option::read(&mut reader, "dtype", None)?;
                reader.finish()?;
                let metric = Self::make($( $arg, )* name, dtype);
                $( let $valid_self = &metric; $valid?; )?
                Ok(metric)
            }
        }

        impl keras_core::Metric for $class {
            fn name(&self) -> String {
                self.name.clone()
            }

            fn set_name(&mut self, name: &str) {
                name.clone_into(&mut self.name);
            }

            fn class_name(&self) -> &str {
                stringify!($class)
            }

            fn config(&self) -> keras_core::Config {
                #[allow(unused_imports)]
                use keras_core::Arg;
                let mut config = keras_core::Config::new().with("name", self.name.as_str());
                if self.dtype.is_some() {
                    config.set("dtype", self.dtype.write());
                }
                $( config.set(stringify!($arg), self.$arg.write()); )*
                config
            }

            $($items)*
        }
    };
}

/// Defines a metric that is the mean of a value for each sample.
macro_rules! mean_metric {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$($alias:literal),*], $line:literal, $larger:expr;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        values($self:ident, $y_true:ident, $y_pred:ident) $body:expr;
    ) => {
        metric_class! {
            $(#[$doc])*
            $class: $name, [$($alias),*], $line;
            { $( $(#[$arg_doc])* $arg: $type = $default; )* }
            state(made): $crate::state::Running = $crate::state::Running::new(made.dtype);
            {

            fn variables(&self) -> Vec<keras_core::Variable> {
                self.state.variables()
            }

            fn update_state(
                &mut $self,
                $y_true: &keras_core::ops::Tensor,
                $y_pred: &keras_core::ops::Tensor,
                sample_weight: Option<&keras_core::ops::Tensor>,
            ) -> keras_core::Result<()> {
                let values = $body?;
                $self.state.add(&values, sample_weight)
            }

            fn result(&self) -> keras_core::Result<keras_core::ops::Tensor> {
                self.state.result()
            }

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
