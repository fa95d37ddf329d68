//! What every loss class has: Keras's arguments as fields, their defaults, and the way to and from a configuration.

/// Where a class comes from: its module in a configuration, and the last paragraph of its docs.
macro_rules! origin {
    (keras module) => {
        "keras.losses"
    };
    (own module) => {
        ""
    };
    (keras docs $class:ident, $first:literal $(, $alias:literal)*) => {
        concat!(
            "\n# Names\n`keras.losses.", stringify!($class), "`, in R `loss_", $first, "()`; in `compile` `\"", $first, "\"`"
            $(, ", `\"", $alias, "\"`")*, "."
        )
    };
    (own docs $class:ident, $first:literal $(, $alias:literal)*) => {
        concat!(
            "\n# Names\nNot in Keras; in `compile` `\"", $first, "\"`" $(, ", `\"", $alias, "\"`")*, "."
        )
    };
}

/// Defines a loss class, `keras`'s or our `own`. `name`, `reduction` and `dtype` are fields of each.
macro_rules! loss_class {
    (
        $(#[$doc:meta])*
        $class:ident: $name:literal, [$first:literal $(, $alias:literal)*], $line:literal, $origin:ident;
        { $( $(#[$arg_doc:meta])* $arg:ident: $type:ty = $default:expr; )* }
        call($self:ident, $y_true:ident, $y_pred:ident) $body:expr;
        $( labels $check:expr; )?
        $( mask($mask_self:ident, $mask_true:ident, $values:ident) $mask:expr; )?
        $( valid($valid_self:ident) $valid:expr; )?
    ) => {
        $(#[$doc])*
        #[doc = crate::class::origin!($origin docs $class, $first $(, $alias)*)]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $class {
            $( $(#[$arg_doc])* pub $arg: $type, )*
            /// How a batch becomes one number.
            pub reduction: keras_core::Reduction,
            /// The name in logs.
            pub name: String,
            /// The dtype to compute in; `None` is the default float type.
            pub dtype: Option<keras_core::ops::DType>,
        }

        impl Default for $class {
            fn default() -> Self {
                Self {
                    $( $arg: $default, )*
                    reduction: keras_core::Reduction::default(),
                    name: $name.to_owned(),
                    dtype: None,
                }
            }
        }

        impl $class {
            pub(crate) const ENTRY: keras_core::Entry<dyn keras_core::Loss> = keras_core::Entry {
                class_name: stringify!($class),
                module: crate::class::origin!($origin module),
                aliases: &[$first $(, $alias)*],
                doc: $line,
                build: |config, _| Ok(Box::new(Self::from_config(config)?)),
            };

            /// From Keras's arguments by name; those missing keep their defaults.
            ///
            /// # Errors
            /// When an argument is unknown, has another type or is out of range.
            pub fn from_config(config: &keras_core::Config) -> keras_core::Result<Self> {
                use keras_core::Arg;
                let mut reader = config.reader(stringify!($class));
                let default = Self::default();
                // Keras writes no reduction as null, too.
                let reduction = match config.get("reduction") {
                    Some(value) if value.is_null() => "none".to_owned(),
                    _ => reader.or("reduction", default.reduction.name().to_owned())?,
                };
                let loss = Self {
                    $( $arg: <$type>::read(&mut reader, stringify!($arg), default.$arg)?, )*
                    reduction: reader.about("reduction", keras_core::Reduction::from_name(&reduction))?,
                    name: reader.or_null("name", default.name)?,
                    dtype: Option::read(&mut reader, "dtype", default.dtype)?,
                };
                reader.finish()?;
                $( let $valid_self = &loss; $valid?; )?
                Ok(loss)
            }
        }

        impl keras_core::Loss for $class {
            fn call(
                &$self,
                $y_true: &keras_core::ops::Tensor,
                $y_pred: &keras_core::ops::Tensor,
            ) -> keras_core::Result<keras_core::ops::Tensor> {
                $( let $valid_self = $self; $valid?; )?
                Ok($body?)
            }

            fn name(&self) -> String {
                self.name.clone()
            }

            fn class_name(&self) -> &str {
                stringify!($class)
            }

            #[allow(unused_imports)]
            fn config(&self) -> keras_core::Config {
                use keras_core::Arg;
                let mut config = keras_core::Config::new()
                    .with("name", self.name.as_str())
                    .with("reduction", self.reduction.name());
                $( config.set(stringify!($arg), self.$arg.write()); )*
                if self.dtype.is_some() {
                    config.set("dtype", self.dtype.write());
                }
                config
            }

            fn reduction(&self) -> keras_core::Reduction {
                self.reduction
            }

            fn dtype(&self) -> Option<keras_core::ops::DType> {
                self.dtype
            }

            $(
                fn takes_labels(&self) -> bool {
                    true
                }

                fn check_targets(
                    &self,
                    y_true: &keras_core::ops::Tensor,
                    output: &[Option<usize>],
                ) -> keras_core::Result<()> {
                    let check: fn(&Self, &keras_core::ops::Tensor, &[Option<usize>]) -> keras_core::Result<()> = $check;
                    check(self, y_true, output)
                }
            )?

            $(
                fn mask(
                    &$mask_self,
                    $mask_true: &keras_core::ops::Tensor,
                    $values: &keras_core::ops::Tensor,
                ) -> keras_core::Result<Option<keras_core::ops::Tensor>> {
                    $mask
                }
            )?
        }
    };
}

pub(crate) use {loss_class, origin};
