//! Strings as arrays, and as tensors of bytes.
//!
//! Tensors hold numbers. Layers that read text take strings by methods of their own (`lookup`, `vectorize`, `hash`);
//! as parts of a model they read a tensor of bytes: UTF-8, one string along the last axis, with zeros at its end.
//! [`encode`] makes such a tensor and [`decode`] reads it.

mod pipeline;
mod split;
mod standardize;

use keras_ops::{DType, Device, Tensor, host};

pub(super) use pipeline::{Room, Tokenizer};
pub use split::Split;
pub use standardize::Standardize;

use crate::{Result, bail};

/// Strings in row-major order and the shape they are arranged in.
#[derive(Clone, Debug)]
pub struct Texts<'a> {
    pub(super) dims: Vec<usize>,
    pub(super) items: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    /// Strings in row-major order, arranged in a shape.
    ///
    /// # Errors
    /// When there are not as many as the shape holds.
    pub fn new(dims: impl Into<Vec<usize>>, items: impl Into<Vec<&'a str>>) -> Result<Self> {
        let texts = Self {
            dims: dims.into(),
            items: items.into(),
        };
        let room: usize = texts.dims.iter().product();
        if room != texts.items.len() {
            bail!(
                "strings: the shape {:?} holds {room}, got {}",
                texts.dims,
                texts.items.len()
            );
        }
        Ok(texts)
    }
}

/// What can be given as strings: a string, slices, arrays and vectors of strings, and rows of those.
///
/// The parameter `M` tells these apart and is never written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as strings",
    note = "use a `&str`, or a reference to a slice, an array or a `Vec` of strings, or of rows of strings"
)]
pub trait IntoTexts<'a, M> {
    /// As an array.
    ///
    /// # Errors
    /// When rows differ in length.
    fn into_texts(self) -> Result<Texts<'a>>;
}

/// How strings are arranged, to tell the implementations of [`IntoTexts`] apart.
#[derive(Debug)]
pub struct Rank<const N: usize>;

impl<'a> IntoTexts<'a, Rank<0>> for &'a str {
    fn into_texts(self) -> Result<Texts<'a>> {
        Ok(Texts {
            dims: Vec::new(),
            items: vec![self],
        })
    }
}

impl<'a> IntoTexts<'a, Rank<0>> for &'a String {
    fn into_texts(self) -> Result<Texts<'a>> {
        self.as_str().into_texts()
    }
}

impl<'a> IntoTexts<'a, Texts<'a>> for Texts<'a> {
    fn into_texts(self) -> Result<Texts<'a>> {
        Ok(self)
    }
}

fn list<S: AsRef<str>>(items: &[S]) -> Result<Texts<'_>> {
    Ok(Texts {
        dims: vec![items.len()],
        items: items.iter().map(AsRef::as_ref).collect(),
    })
}

fn rows<'a, S: AsRef<str> + 'a>(rows: impl ExactSizeIterator<Item = &'a [S]>) -> Result<Texts<'a>> {
    let (count, mut width) = (rows.len(), None);
    let mut items = Vec::new();
    for (at, row) in rows.enumerate() {
        let first = *width.get_or_insert(row.len());
        if row.len() != first {
            bail!(
                "strings: row {at} has {} of them, row 0 has {first}; all must be equal, fill up with \"\"",
                row.len()
            );
        }
        items.extend(row.iter().map(AsRef::as_ref));
    }
    Ok(Texts {
        dims: vec![count, width.unwrap_or(0)],
        items,
    })
}

macro_rules! containers {
    ($([$($generic:tt)*] $container:ty, $rows:ty, $arrays:ty;)*) => { $(
        impl<'a, S: AsRef<str>, $($generic)*> IntoTexts<'a, Rank<1>> for &'a $container {
            fn into_texts(self) -> Result<Texts<'a>> {
                list(self)
            }
        }

        impl<'a, S: AsRef<str>, $($generic)*> IntoTexts<'a, Rank<2>> for &'a $rows {
            fn into_texts(self) -> Result<Texts<'a>> {
                rows(self.iter().map(Vec::as_slice))
            }
        }

        impl<'a, S: AsRef<str>, const M: usize, $($generic)*> IntoTexts<'a, Rank<3>> for &'a $arrays {
            fn into_texts(self) -> Result<Texts<'a>> {
                rows(self.iter().map(<[S; M]>::as_slice))
            }
        }
    )* };
}
containers! {
    [] [S], [Vec<S>], [[S; M]];
    [] Vec<S>, Vec<Vec<S>>, Vec<[S; M]>;
    [const N: usize] [S; N], [Vec<S>; N], [[S; M]; N];
}

/// Strings as a tensor of bytes.
///
/// # Shapes
/// The strings' shape with an axis for the bytes of the longest one, at least 1.
///
/// # Errors
/// When a string contains a zero byte, or rows differ in length.
///
/// ```
/// use keras_core::layers::text;
/// let x = text::encode(&["ab", "é"])?;
/// assert_eq!(x.dims(), [2, 2]);
/// assert_eq!(text::decode(&x)?, ["ab", "é"]);
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn encode<'a, M>(texts: impl IntoTexts<'a, M>) -> Result<Tensor> {
    let Texts { mut dims, items } = texts.into_texts()?;
    let width = items.iter().map(|s| s.len()).max().unwrap_or(0).max(1);
    let mut bytes = vec![0u8; items.len() * width];
    for (to, text) in bytes.chunks_exact_mut(width).zip(&items) {
        if text.contains('\0') {
            bail!("text::encode: {text:?} contains a zero byte, which ends strings in tensors");
        }
        to[..text.len()].copy_from_slice(text.as_bytes());
    }
    dims.push(width);
    Ok(Tensor::from_vec(bytes, dims, &Device::Cpu)?)
}

/// The strings in a tensor of bytes, in row-major order.
///
/// # Errors
/// When it is not a tensor of bytes, or the bytes are no UTF-8.
///
/// See [`encode`].
pub fn decode(x: &Tensor) -> Result<Vec<String>> {
    with_texts("text::decode", x, |texts| {
        Ok(texts.items.into_iter().map(str::to_owned).collect())
    })
}

/// Calls `f` with the strings in a tensor of bytes.
pub(super) fn with_texts<R>(what: &str, x: &Tensor, f: impl FnOnce(Texts<'_>) -> Result<R>) -> Result<R> {
    let Some((width, dims)) = x.dims().split_last().filter(|_| x.dtype() == DType::U8) else {
        bail!(
            "{what}: expected strings as a tensor of bytes (uint8, see `layers::text::encode`), got {} of shape {:?}",
            keras_ops::dtype_name(x.dtype()),
            x.dims()
        );
    };
    let mut outcome = None;
    host::read(x, |bytes: &[u8]| {
        let items = match *width {
            0 => Ok(vec![""; dims.iter().product()]),
            width => bytes.chunks_exact(width).map(text_of).collect(),
        };
        outcome = Some(items.map(|items| {
            f(Texts {
                dims: dims.to_vec(),
                items,
            })
        }));
        Ok(())
    })?;
    match outcome {
        Some(Ok(result)) => result,
        Some(Err(error)) => bail!("{what}: a string is no UTF-8: {error}"),
        None => bail!("{what}: the tensor could not be read"),
    }
}

fn text_of(bytes: &[u8]) -> std::result::Result<&str, std::str::Utf8Error> {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end])
}
