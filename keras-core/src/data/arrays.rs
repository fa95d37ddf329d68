//! Named groups of tensors from tensors, slices, vectors and arrays.

use std::collections::{BTreeMap, HashMap};

use keras_ops::{Device, Tensor, candle::WithDType};

use crate::{Result, bail};

/// The data of one argument: a tensor, several in order, or several by name. The first axis counts samples.
#[derive(Clone, Debug, Default)]
pub struct Arrays(pub Vec<(Option<String>, Tensor)>);

impl Arrays {
    /// In the order of `names`; unnamed ones stay in the order given.
    ///
    /// # Errors
    /// When a name is unknown or missing, or the count differs.
    pub(crate) fn in_order(&self, what: &str, names: &[String]) -> Result<Vec<Tensor>> {
        if self.0.len() != names.len() {
            let got = self.0.len();
            bail!(
                "{what}: the model expects {} ({}), got {got} tensors",
                names.len(),
                names.join(", ")
            );
        }
        if self.0.iter().all(|(name, _)| name.is_none()) {
            return Ok(self.0.iter().map(|(_, t)| t.clone()).collect());
        }
        self.check_names(what, names)?;
        let find = |name: &String| self.0.iter().find(|(n, _)| n.as_ref() == Some(name));
        let ordered: Option<Vec<Tensor>> = names.iter().map(|n| Some(find(n)?.1.clone())).collect();
        match ordered {
            Some(tensors) => Ok(tensors),
            None => bail!("{what}: each of {} must be given once", names.join(", ")),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n.as_deref() == Some(name))
    }

    /// # Errors
    /// When a name is none of `names`.
    pub(super) fn check_names(&self, what: &str, names: &[String]) -> Result<()> {
        for name in self.0.iter().filter_map(|(name, _)| name.as_ref()) {
            if !names.contains(name) {
                return Err(crate::Error::unknown("name", name, names.to_vec()).context(what));
            }
        }
        Ok(())
    }

    /// One of each, of the same names and shapes, along a new first axis.
    pub(super) fn stack(what: &str, parts: &[&Self]) -> Result<Self> {
        let Some(first) = parts.first() else {
            return Ok(Self::default());
        };
        let form = |arrays: &Self| -> Vec<(Option<String>, Vec<usize>)> {
            let pairs = arrays.0.iter();
            pairs.map(|(name, t)| (name.clone(), t.dims().to_vec())).collect()
        };
        let expected = form(first);
        if let Some(other) = parts.iter().map(|part| form(part)).find(|form| *form != expected) {
            let show = |form: &[(Option<String>, Vec<usize>)]| {
                let words = form.iter().map(|(name, dims)| match name {
                    Some(name) => format!("{name} {dims:?}"),
                    None => format!("{dims:?}"),
                });
                words.collect::<Vec<_>>().join(", ")
            };
            bail!(
                "data: {what} of the samples of a batch must have one shape, got {} and {}",
                show(&expected),
                show(&other)
            );
        }
        let stacked = first.0.iter().enumerate().map(|(at, (name, _))| {
            let tensors: Vec<&Tensor> = parts.iter().map(|part| &part.0[at].1).collect();
            Ok((name.clone(), keras_ops::stack(&tensors, 0)?))
        });
        stacked.collect::<Result<_>>().map(Self)
    }
}

/// What can be given as data: tensors (one, several, named), nested slices, vectors and arrays of numbers, strings.
///
/// ```
/// use keras_core::data::IntoArrays;
/// let x = vec![[1f32, 2.], [3., 4.], [5., 6.]];
/// assert_eq!(x.into_arrays()?.0[0].1.dims(), [3, 2]);
/// assert!(vec![vec![1f32], vec![2., 3.]].into_arrays().is_err()); // rows of different length
/// # Ok::<(), keras_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as data",
    note = "use a `Tensor`, `&Tensor`, nested `Vec`s or slices of numbers, a `Vec<Tensor>` or `[(\"name\", &tensor)]`, \
            a `Vec` or slice of strings; \
            with the feature `ndarray` also its arrays"
)]
pub trait IntoArrays {
    /// As tensors.
    ///
    /// # Errors
    /// When rows differ in length.
    fn into_arrays(self) -> Result<Arrays>;
}

impl IntoArrays for Arrays {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(self)
    }
}

impl IntoArrays for Tensor {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(Arrays(vec![(None, self)]))
    }
}

impl IntoArrays for &Tensor {
    fn into_arrays(self) -> Result<Arrays> {
        self.clone().into_arrays()
    }
}

impl IntoArrays for Vec<Tensor> {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(Arrays(self.into_iter().map(|t| (None, t)).collect()))
    }
}

impl IntoArrays for &[Tensor] {
    fn into_arrays(self) -> Result<Arrays> {
        self.to_vec().into_arrays()
    }
}

impl<const N: usize> IntoArrays for [&Tensor; N] {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(Arrays(self.into_iter().map(|t| (None, t.clone())).collect()))
    }
}

impl<const N: usize> IntoArrays for [Tensor; N] {
    fn into_arrays(self) -> Result<Arrays> {
        Vec::from(self).into_arrays()
    }
}

impl<const N: usize> IntoArrays for [(&str, &Tensor); N] {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(Arrays(
            self.into_iter()
                .map(|(n, t)| (Some(n.to_owned()), t.clone()))
                .collect(),
        ))
    }
}

impl<const N: usize> IntoArrays for [(&str, Tensor); N] {
    fn into_arrays(self) -> Result<Arrays> {
        Ok(Arrays(
            self.into_iter().map(|(n, t)| (Some(n.to_owned()), t)).collect(),
        ))
    }
}

macro_rules! named {
    ($($map:ty),*) => { $(
        impl IntoArrays for $map {
            fn into_arrays(self) -> Result<Arrays> {
                let mut named: Vec<_> = self.into_iter().map(|(n, t)| (Some(n), t)).collect();
                // Whatever the order of the map.
                named.sort_by(|(a, _), (b, _)| a.cmp(b));
                Ok(Arrays(named))
            }
        }
    )* };
}
named!(Vec<(String, Tensor)>, HashMap<String, Tensor>, BTreeMap<String, Tensor>);

/// Numbers, and vectors and arrays of them to any depth.
pub trait Nested {
    /// The number type that a tensor holds.
    type Scalar: WithDType;

    /// The sizes of the levels.
    ///
    /// # Errors
    /// When rows differ in length.
    fn sizes(&self) -> Result<Vec<usize>>;

    /// Appends all numbers in order.
    fn gather(&self, to: &mut Vec<Self::Scalar>);
}

macro_rules! scalar {
    ($($from:ty => $to:ty),*) => { $(
        impl Nested for $from {
            type Scalar = $to;
            fn sizes(&self) -> Result<Vec<usize>> {
                Ok(Vec::new())
            }
            fn gather(&self, to: &mut Vec<$to>) {
                to.push(*self as $to);
            }
        }

        /// A single number: the target or weight of a sample.
        impl IntoArrays for $from {
            fn into_arrays(self) -> Result<Arrays> {
                Tensor::new(self as $to, &Device::Cpu)?.into_arrays()
            }
        }
    )* };
}
scalar!(f32 => f32, f64 => f64, u8 => u8, u32 => u32, i32 => i32, i64 => i64, usize => i64, bool => u8);

impl<T: Nested> Nested for [T] {
    type Scalar = T::Scalar;
    fn sizes(&self) -> Result<Vec<usize>> {
        let mut sizes = vec![self.len()];
        if let Some(first) = self.first() {
            let inner = first.sizes()?;
            for (row, item) in self.iter().enumerate() {
                let got = item.sizes()?;
                if got != inner {
                    bail!("data: row {row} has shape {got:?}, row 0 has {inner:?}; all must be equal");
                }
            }
            sizes.extend(inner);
        }
        Ok(sizes)
    }
    fn gather(&self, to: &mut Vec<Self::Scalar>) {
        self.iter().for_each(|item| item.gather(to));
    }
}

impl<T: Nested> Nested for Vec<T> {
    type Scalar = T::Scalar;
    fn sizes(&self) -> Result<Vec<usize>> {
        self.as_slice().sizes()
    }
    fn gather(&self, to: &mut Vec<Self::Scalar>) {
        self.as_slice().gather(to);
    }
}

impl<T: Nested, const N: usize> Nested for [T; N] {
    type Scalar = T::Scalar;
    fn sizes(&self) -> Result<Vec<usize>> {
        self.as_slice().sizes()
    }
    fn gather(&self, to: &mut Vec<Self::Scalar>) {
        self.as_slice().gather(to);
    }
}

fn tensor<T: Nested>(rows: &[T]) -> Result<Arrays> {
    let sizes = rows.sizes()?;
    let mut values = Vec::with_capacity(sizes.iter().product());
    rows.gather(&mut values);
    Tensor::from_vec(values, sizes, &Device::Cpu)?.into_arrays()
}

impl<T: Nested> IntoArrays for Vec<T> {
    fn into_arrays(self) -> Result<Arrays> {
        tensor(&self)
    }
}

impl<T: Nested> IntoArrays for &Vec<T> {
    fn into_arrays(self) -> Result<Arrays> {
        tensor(self)
    }
}

impl<T: Nested> IntoArrays for &[T] {
    fn into_arrays(self) -> Result<Arrays> {
        tensor(self)
    }
}

impl<T: Nested, const N: usize> IntoArrays for [T; N] {
    fn into_arrays(self) -> Result<Arrays> {
        tensor(&self)
    }
}

impl<T: Nested, const N: usize> IntoArrays for &[T; N] {
    fn into_arrays(self) -> Result<Arrays> {
        tensor(self)
    }
}

/// Strings, as the tensor of bytes that [`text::encode`](crate::layers::text::encode) makes.
macro_rules! strings {
    ($([$($generic:tt)*] $t:ty),*) => { $(
        impl $($generic)* IntoArrays for $t {
            fn into_arrays(self) -> Result<Arrays> {
                crate::layers::text::encode(&self[..])?.into_arrays()
            }
        }
    )* };
}
strings!(
    [] &[String], [] &Vec<String>, [] Vec<String>, [] &[&str], [] &Vec<&str>, [] Vec<&str>,
    [<const N: usize>] [&str; N], [<const N: usize>] &[&str; N]
);
