//! The rows of the operation benchmark: the same names and shapes as in `peers/ops.py`.

mod conv;
mod dense;
mod elementwise;
mod indexing;
mod linalg;
mod norm;
mod recurrent;
mod reduce;
mod steps;

use std::time::{Duration, Instant};

use keras::ops::{GradientTape, Result, Var};
use keras::{Device, Tensor};

/// An operation on float inputs of given shapes.
pub struct Row {
    /// The name, the same as the peers'.
    pub name: &'static str,
    inputs: &'static [&'static [usize]],
    ours: Op,
    candle: Option<Op>,
    forward_only: bool,
}

type Op = fn(&[Tensor]) -> Result<Tensor>;

/// A row of ours alone.
const fn row(name: &'static str, inputs: &'static [&'static [usize]], ours: Op) -> Row {
    Row {
        name,
        inputs,
        ours,
        candle: None,
        forward_only: false,
    }
}

impl Row {
    /// The same of candle's operations.
    const fn candle(mut self, op: Op) -> Self {
        self.candle = Some(op);
        self
    }

    /// There is no gradient, or none worth a time.
    const fn forward_only(mut self) -> Self {
        self.forward_only = true;
        self
    }

    /// The shortest repeated time of our operation.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn ours(&self, backward: bool) -> Result<Option<f64>> {
        if backward && self.forward_only {
            return Ok(None);
        }
        let inputs = self.inputs()?;
        let op = self.ours;
        let plain: Vec<Tensor> = inputs.iter().map(Var::as_detached_tensor).collect();
        let tracked: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
        let forward = || op(&plain).map(drop);
        let both = || {
            let tape = GradientTape::start();
            let y = op(&tracked)?;
            tape.gradients(&y).map(drop)
        };
        if backward {
            time(both).map(Some)
        } else {
            time(forward).map(Some)
        }
    }

    /// The same of candle's, where it has one.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn candle_time(&self, backward: bool) -> Result<Option<f64>> {
        let Some(op) = self.candle else { return Ok(None) };
        if backward && self.forward_only {
            return Ok(None);
        }
        let inputs = self.inputs()?;
        let plain: Vec<Tensor> = inputs.iter().map(Var::as_detached_tensor).collect();
        let tracked: Vec<Tensor> = inputs.iter().map(|v| v.as_tensor().clone()).collect();
        let forward = || op(&plain).map(drop);
        let both = || op(&tracked)?.backward().map(drop);
        if backward {
            time(both).map(Some)
        } else {
            time(forward).map(Some)
        }
    }

    fn inputs(&self) -> Result<Vec<Var>> {
        let inputs = self.inputs.iter().enumerate();
        inputs.map(|(i, shape)| random(shape, i)).collect()
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Numbers between 0.05 and 1.05.
fn random(shape: &[usize], salt: usize) -> Result<Var> {
    let noise = |i: usize| {
        let mixed = ((i + salt * 7_919) as u32).wrapping_mul(2_654_435_761) ^ 0x9e37_79b9;
        (mixed.wrapping_mul(2_246_822_519) >> 8) as f32 / (1 << 24) as f32 + 0.05
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(noise).collect();
    Var::from_vec(values, shape, &Device::Cpu)
}

/// Milliseconds of the median run, of as many as fit into a sixth of a second (at least five).
fn time(mut f: impl FnMut() -> Result<()>) -> Result<f64> {
    const LEAST: usize = 5;
    const SPAN: Duration = Duration::from_millis(160);
    f()?;
    let mut times = Vec::new();
    let start = Instant::now();
    while times.len() < LEAST || start.elapsed() < SPAN {
        let run = Instant::now();
        f()?;
        times.push(run.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Every row, by family.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let families: [&'static [Row]; 9] = [
        dense::ROWS,
        conv::ROWS,
        norm::ROWS,
        recurrent::ROWS,
        elementwise::ROWS,
        reduce::ROWS,
        indexing::ROWS,
        linalg::ROWS,
        steps::ROWS,
    ];
    families.into_iter().flatten()
}
