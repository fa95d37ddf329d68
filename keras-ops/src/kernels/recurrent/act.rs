//! Activations of gates, with derivatives computed from their values.

use crate::kernels::math::Math;

/// The activations of recurrent cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecurrentActivation {
    /// `tanh(x)`
    #[default]
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `max(x, 0)`
    Relu,
    /// `x`
    Linear,
    /// `x / 6 + 1/2`, between 0 and 1
    HardSigmoid,
}

/// An activation.
pub trait Act: Copy + Sync + Send {
    /// Its value.
    fn value<T: Math>(self, x: T) -> T;
    /// Its derivative, from the value.
    fn slope<T: Math>(self, y: T) -> T;
}

/// `tanh(x)`
#[derive(Clone, Copy, Debug)]
pub struct Tanh;
/// `1 / (1 + e^-x)`
#[derive(Clone, Copy, Debug)]
pub struct Sigmoid;
/// One that is chosen at run time.
#[derive(Clone, Copy, Debug)]
pub struct Given(pub RecurrentActivation);

impl Act for Tanh {
    #[inline(always)]
    fn value<T: Math>(self, x: T) -> T {
        x.tanh()
    }
    #[inline(always)]
    fn slope<T: Math>(self, y: T) -> T {
        T::ONE - y * y
    }
}

impl Act for Sigmoid {
    #[inline(always)]
    fn value<T: Math>(self, x: T) -> T {
        x.sigmoid()
    }
    #[inline(always)]
    fn slope<T: Math>(self, y: T) -> T {
        y * (T::ONE - y)
    }
}

impl Act for Given {
    #[inline(always)]
    fn value<T: Math>(self, x: T) -> T {
        match self.0 {
            RecurrentActivation::Tanh => x.tanh(),
            RecurrentActivation::Sigmoid => x.sigmoid(),
            RecurrentActivation::Relu => x.relu(),
            RecurrentActivation::Linear => x,
            RecurrentActivation::HardSigmoid => {
                let y = x / T::of(6.) + T::of(0.5);
                y.relu().smaller(T::ONE)
            }
        }
    }
    #[inline(always)]
    fn slope<T: Math>(self, y: T) -> T {
        let step = |inside: bool, slope: T| if inside { slope } else { T::ZERO };
        match self.0 {
            RecurrentActivation::Tanh => Tanh.slope(y),
            RecurrentActivation::Sigmoid => Sigmoid.slope(y),
            RecurrentActivation::Relu => step(y > T::ZERO, T::ONE),
            RecurrentActivation::Linear => T::ONE,
            RecurrentActivation::HardSigmoid => step(y > T::ZERO && y < T::ONE, T::of(1. / 6.)),
        }
    }
}
