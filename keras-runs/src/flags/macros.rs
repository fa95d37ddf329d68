/// Declares a struct of flags: names, types and defaults, with a doc comment each that `--help` shows.
///
/// The struct gets `Default` with these defaults, and [`FlagSet`](crate::FlagSet), whose
/// [`load`](crate::FlagSet::load) takes values from a YAML file, the environment, the command line and the run.
///
/// # Examples
/// ```
/// use keras_runs::{FlagSet, FlagSources};
/// keras_runs::flags! {
///     /// How digits are learnt.
///     pub struct Flags {
///         /// Part of the units left out.
///         dropout: f64 = 0.4,
///         /// Initial learning rate.
///         learning_rate: f64 = 0.01,
///         /// Units of each hidden layer.
///         hidden: Vec<usize> = vec![128, 64],
///         optimizer: String = "adam".to_owned(),
///         /// Stops at this loss.
///         target: Option<f64> = None,
///         fake_data: bool = false,
///     }
/// }
/// let sources = FlagSources::new().arguments(["--dropout=0.2", "--hidden", "32,16", "--fake-data"]);
/// let flags = Flags::load_from(sources)?;
/// assert_eq!((flags.dropout, flags.learning_rate), (0.2, 0.01));
/// assert_eq!(flags.hidden, [32, 16]);
/// assert!(flags.fake_data && flags.target.is_none());
///
/// let error = Flags::load_from(FlagSources::new().arguments(["--dropuot", "0.2"])).unwrap_err();
/// assert!(error.to_string().contains("Did you mean `dropout`?"));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[macro_export]
macro_rules! flags {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $flag:ident : $type:ty = $default:expr ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $name {
            $( $(#[doc = $doc])* pub $flag: $type, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $flag: $default, )* }
            }
        }

        impl $crate::FlagSet for $name {
            fn declared() -> Vec<$crate::Flag> {
                let default = Self::default();
                vec![ $( $crate::Flag {
                    name: stringify!($flag),
                    description: [$($doc),*].map(str::trim).join(" "),
                    type_name: <$type as $crate::FlagValue>::type_name(),
                    default: $crate::FlagValue::to_value(&default.$flag),
                }, )* ]
            }

            fn from_values(values: &$crate::FlagValues) -> $crate::FlagResult<Self> {
                Ok(Self {
                    $( $flag: $crate::FlagValue::of(stringify!($flag), values)?, )*
                })
            }

            fn values(&self) -> $crate::FlagValues {
                [ $( (stringify!($flag).to_owned(), $crate::FlagValue::to_value(&self.$flag)), )* ]
                    .into_iter()
                    .collect()
            }
        }
    };
}
