//! How the values of one variable on several processes become one.

/// How the values that several processes have for a variable are joined.
///
/// ```
/// use keras_core::Aggregation;
/// assert_eq!(Aggregation::from_name("sum")?, Aggregation::Sum);
/// assert_eq!(Aggregation::OnlyFirstReplica.name(), "only_first_replica");
/// assert!(Aggregation::from_name("max").is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregation {
    /// They are not: joining them is an error.
    #[default]
    None,
    /// By their sum.
    Sum,
    /// By their mean.
    Mean,
    /// The first process's value stands for all.
    OnlyFirstReplica,
}

impl Aggregation {
    const NAMES: [(Self, &'static str); 4] = [
        (Self::None, "none"),
        (Self::Sum, "sum"),
        (Self::Mean, "mean"),
        (Self::OnlyFirstReplica, "only_first_replica"),
    ];

    /// Keras's name.
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(a, _)| *a == self)
            .map_or("none", |(_, name)| name)
    }

    /// By Keras's name.
    ///
    /// # Errors
    /// When the name is unknown.
    pub fn from_name(name: &str) -> crate::Result<Self> {
        match Self::NAMES.iter().find(|(_, n)| *n == name) {
            Some((aggregation, _)) => Ok(*aggregation),
            None => Err(crate::Error::unknown(
                "aggregation",
                name,
                Self::NAMES.iter().map(|(_, n)| (*n).to_owned()).collect(),
            )),
        }
    }
}
