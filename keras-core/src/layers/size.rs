//! Sizes by spatial axis: of windows, strides, borders.

use serde_json::Value;

use crate::config::{FromValue, IntoValue};
use crate::{Result, bail};

/// One number for each of `N` spatial axes; a plain number stands for all of them.
///
/// ```
/// use keras_core::layers::Size;
/// assert_eq!(Size::<2>::from(3), Size([3, 3]));
/// assert_eq!(Size::from((2, 1)), Size([2, 1]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Size<N> {
    fn from(all: usize) -> Self {
        Self([all; N])
    }
}

impl<const N: usize> From<[usize; N]> for Size<N> {
    fn from(each: [usize; N]) -> Self {
        Self(each)
    }
}

impl From<(usize, usize)> for Size<2> {
    fn from((height, width): (usize, usize)) -> Self {
        Self([height, width])
    }
}

impl From<(usize, usize, usize)> for Size<3> {
    fn from((depth, height, width): (usize, usize, usize)) -> Self {
        Self([depth, height, width])
    }
}

impl<const N: usize> FromValue for Size<N> {
    const EXPECTED: &'static str = "a whole number, 0 or more, or a list of one for each spatial axis";
    fn from_value(value: &Value) -> Option<Self> {
        usize::from_value(value)
            .map(Self::from)
            .or_else(|| FromValue::from_value(value).map(Self))
    }
}

impl<const N: usize> IntoValue for Size<N> {
    fn into_value(self) -> Value {
        self.0.into_value()
    }
}

impl<const N: usize> Size<N> {
    /// An error when a size is 0.
    pub(super) fn positive(self, class_name: &str, argument: &str) -> Result<()> {
        if self.0.contains(&0) {
            bail!(
                "{class_name}: `{argument}` must be 1 or more on every axis, got {:?}",
                self.0
            );
        }
        Ok(())
    }
}

/// What is at the beginning and at the end of each of `N` spatial axes: cropped off, or added.
///
/// A plain number stands for all ends, `N` numbers for both ends of their axis; over one axis, two numbers are
/// its two ends.
///
/// ```
/// use keras_core::layers::Sides;
/// assert_eq!(Sides::<2>::from(1), Sides([[1, 1], [1, 1]]));
/// assert_eq!(Sides::from((1, 2)), Sides([[1, 1], [2, 2]]));
/// assert_eq!(Sides::from([[0, 1], [2, 3]]), Sides([[0, 1], [2, 3]]));
/// assert_eq!(Sides::<1>::from((1, 2)), Sides([[1, 2]]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides<const N: usize>(pub [[usize; 2]; N]);

impl<const N: usize> From<usize> for Sides<N> {
    fn from(all: usize) -> Self {
        Self([[all; 2]; N])
    }
}

impl<const N: usize> From<[[usize; 2]; N]> for Sides<N> {
    fn from(each: [[usize; 2]; N]) -> Self {
        Self(each)
    }
}

impl<const N: usize> From<[(usize, usize); N]> for Sides<N> {
    fn from(each: [(usize, usize); N]) -> Self {
        Self(each.map(|(begin, end)| [begin, end]))
    }
}

impl From<(usize, usize)> for Sides<1> {
    fn from((begin, end): (usize, usize)) -> Self {
        Self([[begin, end]])
    }
}

impl From<[usize; 2]> for Sides<1> {
    fn from(ends: [usize; 2]) -> Self {
        Self([ends])
    }
}

impl From<(usize, usize)> for Sides<2> {
    fn from((height, width): (usize, usize)) -> Self {
        Self([[height; 2], [width; 2]])
    }
}

impl From<[usize; 2]> for Sides<2> {
    fn from(each: [usize; 2]) -> Self {
        Self(each.map(|both| [both; 2]))
    }
}

impl From<(usize, usize, usize)> for Sides<3> {
    fn from((depth, height, width): (usize, usize, usize)) -> Self {
        Self([[depth; 2], [height; 2], [width; 2]])
    }
}

impl From<[usize; 3]> for Sides<3> {
    fn from(each: [usize; 3]) -> Self {
        Self(each.map(|both| [both; 2]))
    }
}

impl<const N: usize> FromValue for Sides<N> {
    const EXPECTED: &'static str =
        "a whole number, 0 or more, or for each spatial axis a number or the two at its ends";
    fn from_value(value: &Value) -> Option<Self> {
        if let Some(all) = usize::from_value(value) {
            return Some(all.into());
        }
        if N == 1
            && let Some(ends) = FromValue::from_value(value)
        {
            return Some(Self([ends; N]));
        }
        let each: [Value; N] = FromValue::from_value(value)?;
        let ends = |axis: &Value| Size::<2>::from_value(axis).map(|ends| ends.0);
        let ends: Option<Vec<[usize; 2]>> = each.iter().map(ends).collect();
        ends?.try_into().ok().map(Self)
    }
}

impl<const N: usize> IntoValue for Sides<N> {
    fn into_value(self) -> Value {
        match self.0.as_slice() {
            [ends] => ends.into_value(),
            _ => self.0.into_value(),
        }
    }
}
