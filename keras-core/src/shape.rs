//! Shapes with unknown sizes.

/// A shape whose unknown sizes (the batch) are `None`.
pub type Dims = Vec<Option<usize>>;

/// Prints a shape as Keras does: `(None, 28, 28, 1)`, `(None,)`.
///
/// ```
/// assert_eq!(keras_core::shape::show(&[None, Some(3)]), "(None, 3)");
/// assert_eq!(keras_core::shape::show(&[None]), "(None,)");
/// ```
pub fn show(dims: &[Option<usize>]) -> String {
    let words: Vec<String> = dims
        .iter()
        .map(|d| d.map_or_else(|| "None".to_owned(), |n| n.to_string()))
        .collect();
    match words.as_slice() {
        [one] => format!("({one},)"),
        _ => format!("({})", words.join(", ")),
    }
}

/// A tensor's shape as [`Dims`].
pub fn dims_of(shape: &[usize]) -> Dims {
    shape.iter().map(|d| Some(*d)).collect()
}

/// Whether a concrete shape fits a declared one.
pub fn fits(declared: &[Option<usize>], shape: &[usize]) -> bool {
    declared.len() == shape.len() && declared.iter().zip(shape).all(|(d, s)| d.is_none_or(|d| d == *s))
}
