//! The equations of `EinsumDense`.

use crate::shape::{self, Dims};
use crate::{Result, bail};

/// `input,kernel->output`, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Equation<'a> {
    text: &'a str,
    input: Vec<char>,
    kernel: Vec<char>,
    output: Vec<char>,
    dots: Dots,
}

/// On which side of the input and the output `...` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dots {
    Nowhere,
    Left,
    Right,
}

/// What an equation makes of an input.
#[derive(Clone, Debug)]
pub(super) struct Shapes {
    pub(super) kernel: Dims,
    pub(super) bias: Option<Dims>,
    pub(super) output: Dims,
    /// The kernel's axes that are summed over, and those that are in the output: what initializers ask for.
    pub(super) summed: Vec<i64>,
    pub(super) made: Vec<i64>,
}

impl<'a> Equation<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let letters = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic());
            plain.then(|| part.chars().collect::<Vec<char>>())
        };
        let parse = || {
            let (left, output) = text.split_once("->")?;
            let (input, kernel) = left.split_once(',')?;
            let left = input.strip_prefix("...").zip(output.strip_prefix("..."));
            let right = input.strip_suffix("...").zip(output.strip_suffix("..."));
            let (dots, (input, output)) = match (left, right) {
                (Some(both), _) => (Dots::Left, both),
                (_, Some(both)) if both.0.len() > 1 => (Dots::Right, both),
                _ => (Dots::Nowhere, (input, output)),
            };
            Some(Self {
                text,
                input: letters(input)?,
                kernel: letters(kernel)?,
                output: letters(output)?,
                dots,
            })
        };
        match parse() {
            Some(equation) => Ok(equation),
            None => bail!(
                "EinsumDense: `equation` must have the form \"ab,bc->ac\", \"...ab,bc->...ac\" or \
                 \"ab...,bc->ac...\", got \"{text}\""
            ),
        }
    }

    /// The shapes of weights and output for an input; sizes that the input has too may be `None` in `given`, the
    /// output's sizes without the batch and what `...` stands for.
    pub(super) fn shapes(
        &self,
        input: &[Option<usize>],
        given: &[Option<usize>],
        bias_axes: Option<&str>,
    ) -> Result<Shapes> {
        let elided = match input.len().checked_sub(self.input.len()) {
            Some(elided) if elided == 0 || self.dots != Dots::Nowhere => elided,
            _ => bail!(
                "EinsumDense: the equation \"{}\" takes an input of rank {}{}, got shape {}",
                self.text,
                self.input.len(),
                if self.dots == Dots::Nowhere {
                    ""
                } else {
                    " or more"
                },
                shape::show(input)
            ),
        };
        let first = if self.dots == Dots::Left { elided } else { 0 };
        let mut output: Dims = input[..first.max(1)].to_vec();
        output.extend(given);
        if self.dots == Dots::Right {
            output.extend(&input[input.len() - elided..]);
        }
        let rank = self.output.len() + elided;
        if output.len() != rank {
            bail!(
                "EinsumDense: `output_shape` must have {} sizes for the equation \"{}\" (without the batch and \
                 what `...` stands for), got {}",
                (rank + given.len()).saturating_sub(output.len()),
                self.text,
                shape::show(given)
            );
        }
        let place = |labels: &[char], c: &char| labels.iter().position(|label| label == c);
        let size_in = |c: &char| place(&self.input, c).and_then(|i| input[first + i]);
        for (c, size) in self.output.iter().zip(&mut output[first..]) {
            if place(&self.input, c).is_none() && place(&self.kernel, c).is_none() {
                bail!(
                    "EinsumDense: the equation \"{}\" has the index `{c}` in its output, but neither in the input nor \
                     in the kernel",
                    self.text
                );
            }
            match (*size, size_in(c)) {
                (Some(said), Some(found)) if said != found => bail!(
                    "EinsumDense: `output_shape` says {said} for the index `{c}` of \"{}\", the input {} has {found}",
                    self.text,
                    shape::show(input)
                ),
                (None, found) => *size = found,
                _ => {}
            }
        }
        let size_out = |c: &char| place(&self.output, c).map(|i| output[first + i]);
        let (mut kernel, mut summed, mut made) = (Dims::new(), Vec::new(), Vec::new());
        for (i, c) in self.kernel.iter().enumerate() {
            match size_out(c) {
                Some(size) => {
                    made.push(i as i64);
                    kernel.push(size);
                }
                None if self.input.contains(c) => {
                    summed.push(i as i64);
                    kernel.push(size_in(c));
                }
                None => bail!(
                    "EinsumDense: the equation \"{}\" has the index `{c}` in its kernel, but neither in the input nor \
                     in the output",
                    self.text
                ),
            }
        }
        let bias = bias_axes
            .map(|axes| self.bias(axes, &output[first..]))
            .transpose()?;
        Ok(Shapes {
            kernel,
            bias,
            output,
            summed,
            made,
        })
    }

    /// The bias from its first axis to the output's last; 1 where it has no axis.
    fn bias(&self, axes: &str, output: &[Option<usize>]) -> Result<Dims> {
        let place = |c: char| self.output.iter().position(|label| *label == c);
        if let Some(c) = axes.chars().find(|c| place(*c).is_none()) {
            bail!(
                "EinsumDense: `bias_axes` names `{c}`, which is no index of the output of \"{}\"",
                self.text
            );
        }
        let Some(first) = axes.chars().filter_map(place).min() else {
            bail!("EinsumDense: `bias_axes` must name an axis, got \"\"; leave it out for no bias");
        };
        let size = |i: usize| match self.output.get(i) {
            Some(c) if axes.contains(*c) => output[i],
            _ => Some(1),
        };
        Ok((first..output.len()).map(size).collect())
    }

    /// How many axes are summed, when the equation says: the input's last axes with the kernel's first, nothing
    /// turned. That is one matrix product.
    pub(super) fn product(&self) -> Option<usize> {
        let summed = self.kernel.iter().take_while(|c| self.input.contains(c)).count();
        let (inner, outer) = self.kernel.split_at(summed);
        let (rows, last) = self.input.split_at(self.input.len().checked_sub(summed)?);
        let distinct = |labels: &[char]| (1..labels.len()).all(|i| !labels[..i].contains(&labels[i]));
        let fits = self.dots != Dots::Right
            && summed > 0
            && last == inner
            && self.output == [rows, outer].concat()
            && distinct(&[&self.input[..], outer].concat());
        fits.then_some(summed)
    }
}
