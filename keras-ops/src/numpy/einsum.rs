//! Sums of products written with indices, lowered onto matrix products.

use candle_core::{Result, Tensor};

use crate::host;

/// An index: a letter, or a place of the ellipsis counted from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Letter(char),
    Dots(usize),
}

/// A tensor whose axes have names.
#[derive(Clone)]
struct Term {
    labels: Vec<Label>,
    tensor: Tensor,
}

/// Sums of products by NumPy's index notation: `"bij,bjk->bik"`. An index that is missing on the right is
/// summed over; repeated within one operand it means the diagonal; `...` stands for axes that broadcast. Without
/// `->` the result has the indices that appear once, in alphabetical order.
///
/// Operands are multiplied two at a time from the left, by matrix products where something is summed.
///
/// # Errors
/// When the notation does not fit the operands, sizes of one index differ, or the operands are not of one
/// float dtype.
///
/// # Examples
/// ```
/// use keras_ops::{self as ops, Device, Tensor};
/// let a = Tensor::new(&[[1f32, 2.], [3., 4.]], &Device::Cpu)?;
/// assert_eq!(ops::einsum("ij,jk->ik", &[&a, &a])?.to_vec2::<f32>()?, [[7., 10.], [15., 22.]]);
/// assert_eq!(ops::einsum("ii", &[&a])?.to_scalar::<f32>()?, 5.);
/// assert_eq!(ops::einsum("...j->j...", &[&a])?.to_vec2::<f32>()?, [[1., 3.], [2., 4.]]);
/// # Ok::<(), ops::Error>(())
/// ```
pub fn einsum(subscripts: &str, operands: &[&Tensor]) -> Result<Tensor> {
    let wrong = |why: &str| candle_core::Error::Msg(format!("einsum: `{subscripts}`: {why}"));
    let text: String = subscripts.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match text.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (text.as_str(), None),
    };
    let inputs: Vec<&str> = left.split(',').collect();
    if inputs.len() != operands.len() {
        return Err(wrong(&format!(
            "names {} operands, got {}",
            inputs.len(),
            operands.len()
        )));
    }
    let mut terms = Vec::new();
    for (input, operand) in inputs.iter().zip(operands) {
        let labels = labels(input, Some(operand.rank())).map_err(|why| wrong(&why))?;
        if labels.len() != operand.rank() {
            return Err(wrong(&format!(
                "`{input}` does not fit shape {:?}",
                operand.dims()
            )));
        }
        terms.push(Term {
            labels,
            tensor: (*operand).clone(),
        });
    }
    let dots = terms.iter().flat_map(|t| &t.labels).filter_map(|l| match l {
        Label::Dots(i) => Some(i + 1),
        Label::Letter(_) => None,
    });
    let dots = dots.max().unwrap_or(0);
    let output = match right {
        Some(right) => {
            let letters = right.replace("...", "").chars().count();
            let rank = right.contains("...").then_some(letters + dots);
            labels(right, rank).map_err(|why| wrong(&why))?
        }
        None => implied(&terms, dots),
    };
    let known = |label: &Label| terms.iter().any(|t| t.labels.contains(label));
    let twice = (0..output.len()).any(|i| output[..i].contains(&output[i]));
    if twice || !output.iter().all(known) {
        return Err(wrong(
            "an index of the result is missing on the left or named twice",
        ));
    }
    host::within(&format!("einsum: `{subscripts}`"), || run(terms, &output))
}

/// The labels of one operand of `rank` axes.
fn labels(text: &str, rank: Option<usize>) -> std::result::Result<Vec<Label>, String> {
    let letters = |part: &str| -> std::result::Result<Vec<Label>, String> {
        match part.chars().find(|c| !c.is_ascii_alphabetic()) {
            Some(c) => Err(format!("`{c}` is not an index")),
            None => Ok(part.chars().map(Label::Letter).collect()),
        }
    };
    let Some((before, after)) = text.split_once("...") else {
        return letters(text);
    };
    let (before, after) = (letters(before)?, letters(after)?);
    let Some(free) = rank.and_then(|rank| rank.checked_sub(before.len() + after.len())) else {
        return Err(format!("`{text}` names more axes than there are"));
    };
    let dots = (0..free).rev().map(Label::Dots);
    Ok(before.into_iter().chain(dots).chain(after).collect())
}

/// The ellipsis, then the letters that appear once.
fn implied(terms: &[Term], dots: usize) -> Vec<Label> {
    let all: Vec<Label> = terms.iter().flat_map(|t| t.labels.iter().copied()).collect();
    let mut letters: Vec<char> = all
        .iter()
        .filter_map(|l| match l {
            Label::Letter(c) if all.iter().filter(|other| *other == l).count() == 1 => Some(*c),
            _ => None,
        })
        .collect();
    letters.sort_unstable();
    let dots = (0..dots).rev().map(Label::Dots);
    dots.chain(letters.into_iter().map(Label::Letter)).collect()
}

fn run(terms: Vec<Term>, output: &[Label]) -> Result<Tensor> {
    let mut rest = terms.into_iter();
    let Some(first) = rest.next() else {
        candle_core::bail!("expected at least one operand");
    };
    let mut rest: Vec<Term> = rest.map(diagonals).collect::<Result<_>>()?;
    let mut sum = diagonals(first)?;
    while !rest.is_empty() {
        let next = rest.remove(0);
        let needed = |l: &Label| output.contains(l) || rest.iter().any(|t| t.labels.contains(l));
        let sum_alone = |term: Term, other: &[Label]| sum_over(term, |l| needed(l) || other.contains(l));
        let left = sum_alone(sum, &next.labels)?;
        let right = sum_alone(next, &left.labels)?;
        sum = multiply(left, right, output, needed)?;
    }
    let sum = sum_over(sum, |l| output.contains(l))?;
    permuted(&sum, output)
}

/// The axes in another order of labels.
fn permuted(term: &Term, labels: &[Label]) -> Result<Tensor> {
    let order: Option<Vec<usize>> = labels
        .iter()
        .map(|l| term.labels.iter().position(|own| own == l))
        .collect();
    match order {
        Some(order) => crate::transpose(&term.tensor, &order),
        None => candle_core::bail!("an index is missing"),
    }
}

/// Labels that an operand has twice, once.
fn diagonals(mut term: Term) -> Result<Term> {
    loop {
        let labels = &term.labels;
        let again = |i: &usize| labels[..*i].contains(&labels[*i]);
        let Some(second) = (0..labels.len()).find(again) else {
            return Ok(term);
        };
        let label = labels[second];
        let first = labels.iter().position(|l| *l == label).unwrap_or(second);
        let dims = term.tensor.dims();
        if dims[first] != dims[second] {
            candle_core::bail!("one index for axes of sizes {} and {}", dims[first], dims[second]);
        }
        let tensor = super::diagonal(&term.tensor, 0, first as i64, second as i64)?;
        let mut labels = term.labels;
        labels.remove(second);
        labels.remove(first);
        labels.push(label);
        term = Term { labels, tensor };
    }
}

/// The sum over the labels that are not kept.
fn sum_over(term: Term, keep: impl Fn(&Label) -> bool) -> Result<Term> {
    let gone: Vec<i64> = (0..term.labels.len())
        .filter(|i| !keep(&term.labels[*i]))
        .map(|i| i as i64)
        .collect();
    if gone.is_empty() {
        return Ok(term);
    }
    let tensor = crate::sum(&term.tensor, Some(&gone), false)?;
    let labels = term.labels.into_iter().filter(keep).collect();
    Ok(Term { labels, tensor })
}

/// The product of two terms, summed over the labels of both that are not needed any more.
fn multiply(a: Term, b: Term, output: &[Label], needed: impl Fn(&Label) -> bool) -> Result<Term> {
    let (a, b) = sized(a, b)?;
    let only = |x: &Term, y: &Term| -> Vec<Label> {
        x.labels
            .iter()
            .filter(|l| !y.labels.contains(l))
            .copied()
            .collect()
    };
    let both: Vec<Label> = a
        .labels
        .iter()
        .filter(|l| b.labels.contains(l))
        .copied()
        .collect();
    let (batch, summed): (Vec<Label>, Vec<Label>) = both.into_iter().partition(|l| needed(l));
    let (rows, cols) = (only(&a, &b), only(&b, &a));
    // The side whose own axes come first in the result is the left one, so that nothing need be turned.
    let place = |labels: &[Label]| labels.first().and_then(|l| output.iter().position(|o| o == l));
    if place(&cols) < place(&rows) && !cols.is_empty() {
        return product(b, a, [batch, cols, summed, rows]);
    }
    product(a, b, [batch, rows, summed, cols])
}

/// `a` as `[batch, rows, summed]` times `b` as `[batch, summed, cols]`.
fn product(a: Term, b: Term, [batch, rows, summed, cols]: [Vec<Label>; 4]) -> Result<Term> {
    let sizes = |term: &Term, labels: &[Label]| -> Vec<i64> {
        let place = |l: &Label| term.labels.iter().position(|own| own == l);
        let size = |l: &Label| place(l).map_or(1, |i| term.tensor.dims()[i] as i64);
        labels.iter().map(size).collect()
    };
    let count = |sizes: &[i64]| sizes.iter().product::<i64>();
    let (b_sizes, r_sizes, c_sizes) = (sizes(&a, &batch), sizes(&a, &rows), sizes(&b, &cols));
    let (n, m, k) = (count(&r_sizes), count(&c_sizes), count(&sizes(&a, &summed)));
    let lead = count(&b_sizes);
    let left = permuted(&a, &[&batch[..], &rows, &summed].concat())?;
    let right = permuted(&b, &[&batch[..], &summed, &cols].concat())?;
    let joined = |x: &Tensor, last: [i64; 2]| match batch.len() {
        // One matrix needs no axis of batches.
        0 => crate::reshape(x, &last),
        _ => crate::reshape(x, &[lead, last[0], last[1]]),
    };
    let out = if summed.is_empty() {
        crate::multiply(&joined(&left, [n, 1])?, &joined(&right, [1, m])?)?
    } else {
        crate::matmul(&joined(&left, [n, k])?, &joined(&right, [k, m])?)?
    };
    Ok(Term {
        tensor: crate::reshape(&out, &[b_sizes, r_sizes, c_sizes].concat())?,
        labels: [batch, rows, cols].concat(),
    })
}

/// Both with equal sizes of shared labels: axes of size 1 broadcast.
fn sized(a: Term, b: Term) -> Result<(Term, Term)> {
    let spread = |x: &Term, other: &Term| -> Result<Tensor> {
        let mut shape = x.tensor.dims().to_vec();
        for (size, label) in shape.iter_mut().zip(&x.labels) {
            let Some(i) = other.labels.iter().position(|l| l == label) else {
                continue;
            };
            let there = other.tensor.dims()[i];
            if *size == 1 {
                *size = there;
            } else if there != 1 && there != *size {
                candle_core::bail!("one index for axes of sizes {size} and {there}");
            }
        }
        crate::broadcast_to(&x.tensor, &shape)
    };
    let (wide_a, wide_b) = (spread(&a, &b)?, spread(&b, &a)?);
    Ok((
        Term {
            tensor: wide_a,
            labels: a.labels,
        },
        Term {
            tensor: wide_b,
            labels: b.labels,
        },
    ))
}
