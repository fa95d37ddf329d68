//! What normalising layers do after normalising: `y * gamma + beta`.

use keras_ops::Tensor;

use crate::config::Reader;
use crate::layer::{Build, LayerBase};
use crate::layers::weight::{WeightArgs, weight_args, write_weights};
use crate::{Config, Registry, Result};

/// The arguments about `gamma` and `beta`, and the two weights.
#[derive(Debug)]
pub(super) struct Affine {
    pub(super) center: bool,
    pub(super) scale: bool,
    pub(super) beta: WeightArgs,
    pub(super) gamma: WeightArgs,
}

impl Default for Affine {
    fn default() -> Self {
        Self {
            center: true,
            scale: true,
            beta: weight_args!("beta", "zeros").exact(),
            gamma: weight_args!("gamma", "ones").exact(),
        }
    }
}

impl Affine {
    pub(super) fn read(reader: &mut Reader<'_>, registry: &Registry) -> Result<Self> {
        let default = Self::default();
        Ok(Self {
            center: reader.or("center", default.center)?,
            scale: reader.or("scale", default.scale)?,
            beta: default.beta.read(reader, registry)?,
            gamma: default.gamma.read(reader, registry)?,
        })
    }

    pub(super) fn write_flags(&self, config: &mut Config) {
        config.set("center", self.center);
        config.set("scale", self.scale);
    }

    pub(super) fn write_weights(&self, config: &mut Config) {
        write_weights(config, &[&self.beta, &self.gamma], None);
    }

    /// Makes those of the two weights that are wanted.
    pub(super) fn build(&mut self, base: &mut LayerBase, shape: &[usize], cx: &Build) -> Result<()> {
        if self.scale {
            self.gamma.build(base, "gamma", shape, cx)?;
        }
        if self.center {
            self.beta.build(base, "beta", shape, cx)?;
        }
        Ok(())
    }

    /// `gamma` in its own precision, where there is one.
    pub(super) fn gamma(&self, base: &LayerBase) -> Result<Option<Tensor>> {
        self.scale.then(|| self.gamma.value(base)).transpose()
    }

    /// `beta` in its own precision, where there is one.
    pub(super) fn beta(&self, base: &LayerBase) -> Result<Option<Tensor>> {
        self.center.then(|| self.beta.value(base)).transpose()
    }
}

/// Builder methods for a layer that keeps [`Affine`] in `affine`.
macro_rules! affine_methods {
    ($type:ty) => {
        crate::layers::weight::one_weight_methods!(
            [] $type, affine.beta, "offset", "zeros": beta_initializer beta_regularizer beta_constraint
        );
        crate::layers::weight::one_weight_methods!(
            [] $type, affine.gamma, "factor", "ones": gamma_initializer gamma_regularizer gamma_constraint
        );

        impl $type {
            /// Whether an offset, `beta`, is added and trained; it is unless set.
            #[must_use]
            pub fn center(mut self, center: bool) -> Self {
                self.affine.center = center;
                self
            }

            /// Whether a factor, `gamma`, is multiplied by and trained; it is unless set.
            #[must_use]
            pub fn scale(mut self, scale: bool) -> Self {
                self.affine.scale = scale;
                self
            }

            /// What is added to the variance before the division.
            #[must_use]
            pub fn epsilon(mut self, epsilon: f64) -> Self {
                self.epsilon = epsilon;
                self
            }
        }
    };
}
pub(super) use affine_methods;
