use keras_ops::{DType, Device, Tensor, random};

use super::{draw, entry};
use crate::{Config, Entry, Initializer, Result, bail};

/// A random orthogonal matrix times `gain`; all axes but the last count as one. Where the matrix is not
/// square, the shorter of rows and columns are orthogonal.
///
/// ```
/// use keras_core::{Initializer, initializers::Orthogonal};
/// use keras_ops::{DType, Device};
/// let q = Orthogonal::default().call(&[3, 2], DType::F64, &Device::Cpu)?.to_vec2::<f64>()?;
/// let product: f64 = q.iter().map(|row| row[0] * row[1]).sum();
/// assert!(product.abs() < 1e-12);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Orthogonal {
    /// What the matrix is multiplied by; 1 unless set.
    pub gain: f64,
    /// The same numbers at every call; `None` for others each time.
    pub seed: Option<u64>,
}

impl Default for Orthogonal {
    fn default() -> Self {
        Self { gain: 1., seed: None }
    }
}

impl Initializer for Orthogonal {
    fn call(&self, shape: &[usize], dtype: DType, device: &Device) -> Result<Tensor> {
        let [axes @ .., columns] = shape else {
            bail!("Orthogonal: expected two axes or more, got none")
        };
        if axes.is_empty() {
            bail!("Orthogonal: expected two axes or more, got the shape {shape:?}");
        }
        let rows = axes.iter().product();
        let matrix = random::orthogonal(rows, *columns, self.gain, dtype, device, draw(self.seed))?;
        Ok(matrix.reshape(shape)?)
    }

    fn config(&self) -> Config {
        Config::new().with("seed", self.seed).with("gain", self.gain)
    }
}

pub(super) const ENTRY: Entry<dyn Initializer> = entry(
    "Orthogonal",
    &["orthogonal", "OrthogonalInitializer"],
    "An orthogonal matrix.",
    |config, _| {
        let mut r = config.reader("Orthogonal");
        let initializer = Orthogonal {
            seed: r.seed()?,
            gain: r.or("gain", 1.)?,
        };
        r.finish()?;
        Ok(Box::new(initializer))
    },
);
