//! Keras's functions of the same names as its merging layers, on symbolic tensors.

use super::{Add, Average, Concatenate, Dot, DotAxes, Maximum, Minimum, Multiply, Subtract};
use crate::{Apply, IntoSymbolic, Result, Symbolic};

macro_rules! functions {
    ($($(#[$doc:meta])* $fun:ident: $type:ident;)*) => { $(
        $(#[$doc])*
        ///
        /// # Errors
        #[doc = concat!("As [`", stringify!($type), "`].")]
        pub fn $fun(inputs: impl IntoSymbolic) -> Result<Symbolic> {
            $type::new().apply(inputs)
        }
    )* };
}

functions! {
    /// The sum of the inputs: [`Add`] applied to them.
    ///
    /// ```
    /// use keras_core::{input, layers};
    /// let x = input([4]);
    /// let y = layers::add([&x, &layers::multiply([&x, &x])?])?;
    /// assert_eq!(y.shape(), [None, Some(4)]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    add: Add;
    /// The mean of the inputs: [`Average`] applied to them.
    average: Average;
    /// The largest of the inputs: [`Maximum`] applied to them.
    maximum: Maximum;
    /// The smallest of the inputs: [`Minimum`] applied to them.
    minimum: Minimum;
    /// The product of the inputs: [`Multiply`] applied to them.
    multiply: Multiply;
    /// The first input minus the second: [`Subtract`] applied to them.
    subtract: Subtract;
}

/// The inputs side by side: [`Concatenate`] applied to them. Keras's default axis is -1.
///
/// # Errors
/// As [`Concatenate`].
///
/// ```
/// use keras_core::{input, layers};
/// let y = layers::concatenate([&input([2, 3]), &input([4, 3])], 1)?;
/// assert_eq!(y.shape(), [None, Some(6), Some(3)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn concatenate(inputs: impl IntoSymbolic, axis: i64) -> Result<Symbolic> {
    Concatenate::new().axis(axis).apply(inputs)
}

/// Sums of products over an axis: [`Dot`] applied to two inputs. Keras's default axis is -1.
///
/// # Errors
/// As [`Dot`].
///
/// ```
/// use keras_core::{input, layers};
/// assert_eq!(layers::dot([&input([3]), &input([3])], -1)?.shape(), [None, Some(1)]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn dot(inputs: impl IntoSymbolic, axes: impl Into<DotAxes>) -> Result<Symbolic> {
    Dot::new(axes).apply(inputs)
}
