//! Operations on the bits of integers. None has a gradient; floats are errors.

use candle_core::{Result, Tensor};

use super::integer::{map1, map2};

macro_rules! bitwise {
    ($($(#[$doc:meta])* $fun:ident: |$a:ident, $b:ident| $formula:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// Shapes broadcast as in NumPy.
        ///
        /// # Errors
        /// When the shapes do not broadcast, or the dtypes differ or are not integer.
        pub fn $fun(x: &Tensor, y: &Tensor) -> Result<Tensor> {
            map2(stringify!($fun), x, y, &|$a: i64, $b: i64| $formula)
        }
    )*};
}

bitwise! {
    /// The bits that both have.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[6u8, 5], &Device::Cpu)?;
    /// let y = Tensor::new(&[3u8], &Device::Cpu)?;
    /// assert_eq!(ops::bitwise_and(&x, &y)?.to_vec1::<u8>()?, [2, 1]);
    /// assert_eq!(ops::bitwise_xor(&x, &y)?.to_vec1::<u8>()?, [5, 6]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    bitwise_and: |a, b| a & b;
    /// The bits that either has.
    bitwise_or: |a, b| a | b;
    /// The bits that only one has.
    bitwise_xor: |a, b| a ^ b;
    /// `x` moved up by `y` bits; 0 from the number of bits on.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[3u8, 255], &Device::Cpu)?;
    /// let one = Tensor::new(&[1u8], &Device::Cpu)?;
    /// assert_eq!(ops::left_shift(&x, &one)?.to_vec1::<u8>()?, [6, 254]);
    /// assert_eq!(ops::right_shift(&x, &one)?.to_vec1::<u8>()?, [1, 127]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    left_shift: |a, b| if (0..64).contains(&b) { a << b } else { 0 };
    /// `x` moved down by `y` bits, keeping the sign.
    right_shift: |a, b| if (0..64).contains(&b) { a >> b } else { a >> 63 };
    /// The greatest common divisor, of 0 and 0 it is 0.
    ///
    /// ```
    /// use keras_ops::{self as ops, Device, Tensor};
    /// let x = Tensor::new(&[12i64, -4], &Device::Cpu)?;
    /// let y = Tensor::new(&[18i64, 6], &Device::Cpu)?;
    /// assert_eq!(ops::gcd(&x, &y)?.to_vec1::<i64>()?, [6, 2]);
    /// assert_eq!(ops::lcm(&x, &y)?.to_vec1::<i64>()?, [36, 12]);
    /// # Ok::<(), ops::Error>(())
    /// ```
    gcd: |a, b| divisor(a, b);
    /// The least common multiple, of 0 and anything it is 0.
    lcm: |a, b| if a == 0 || b == 0 { 0 } else { (a / divisor(a, b)).wrapping_mul(b).wrapping_abs() };
}

/// Every bit reversed.
///
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// assert_eq!(ops::bitwise_not(&Tensor::new(&[0i64, 5], &Device::Cpu)?)?.to_vec1::<i64>()?, [-1, -6]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn bitwise_not(x: &Tensor) -> Result<Tensor> {
    map1("bitwise_not", x, &|x| !x)
}

fn divisor(a: i64, b: i64) -> i64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a.wrapping_rem(b));
    }
    a.wrapping_abs()
}

pub use self::{
    bitwise_not as bitwise_invert, left_shift as bitwise_left_shift, right_shift as bitwise_right_shift,
};
