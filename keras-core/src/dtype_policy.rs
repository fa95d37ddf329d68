//! Dtype policies: what a layer computes in and what it keeps its weights in.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use keras_ops::DType;

use crate::{Error, Result};

/// The dtype a layer computes in and the dtype of its weights.
///
/// With a mixed policy weights stay float32, so that small updates are not lost, while products and activations are
/// computed in half precision. Losses are float32 in any case; let the layer that ends in a softmax compute in
/// float32 too.
///
/// # Examples
/// ```
/// use keras_core::layers::Dense;
/// use keras_core::{DTypePolicy, Sequential};
/// use keras_ops::DType;
/// let mixed = DTypePolicy::MIXED_BFLOAT16;
/// assert_eq!((mixed.compute_dtype(), mixed.variable_dtype()), (DType::BF16, DType::F32));
/// assert_eq!(DTypePolicy::new("mixed_bfloat16")?, mixed);
///
/// let model = Sequential::new()
///     .input([4])
///     .add(Dense::new(8).dtype("mixed_bfloat16"))
///     .add(Dense::new(3).activation("softmax").dtype(DType::F32))
///     .build()?;
/// let weights = model.weights();
/// assert!(weights.iter().all(|(_, variable)| variable.dtype() == DType::F32));
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DTypePolicy {
    name: &'static str,
    compute: DType,
    variable: DType,
}

impl DTypePolicy {
    /// float32.
    pub const FLOAT32: Self = Self::mixed("float32", DType::F32, DType::F32);
    /// float64.
    pub const FLOAT64: Self = Self::mixed("float64", DType::F64, DType::F64);
    /// float16, weights too.
    pub const FLOAT16: Self = Self::mixed("float16", DType::F16, DType::F16);
    /// bfloat16, weights too.
    pub const BFLOAT16: Self = Self::mixed("bfloat16", DType::BF16, DType::BF16);
    /// float16 with float32 weights.
    pub const MIXED_FLOAT16: Self = Self::mixed("mixed_float16", DType::F16, DType::F32);
    /// bfloat16 with float32 weights.
    pub const MIXED_BFLOAT16: Self = Self::mixed("mixed_bfloat16", DType::BF16, DType::F32);

    /// All names. What a layer of strings computes in is float32.
    const ALL: [Self; 13] = [
        Self::FLOAT32,
        Self::FLOAT64,
        Self::FLOAT16,
        Self::BFLOAT16,
        Self::MIXED_FLOAT16,
        Self::MIXED_BFLOAT16,
        Self::mixed("uint8", DType::U8, DType::U8),
        Self::mixed("bool", DType::U8, DType::U8),
        Self::mixed("int16", DType::I16, DType::I16),
        Self::mixed("int32", DType::I32, DType::I32),
        Self::mixed("uint32", DType::U32, DType::U32),
        Self::mixed("int64", DType::I64, DType::I64),
        Self::mixed("string", DType::F32, DType::F32),
    ];

    const fn mixed(name: &'static str, compute: DType, variable: DType) -> Self {
        Self {
            name,
            compute,
            variable,
        }
    }

    /// By Keras's name: a dtype (`"float32"`), `"mixed_float16"` or `"mixed_bfloat16"`.
    ///
    /// # Errors
    /// When no policy is called so.
    pub fn new(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|policy| policy.name == name);
        found.copied().ok_or_else(|| {
            Error::unknown(
                "dtype policy",
                name,
                Self::ALL.iter().map(|policy| policy.name.to_owned()).collect(),
            )
        })
    }

    /// Keras's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What a layer computes in.
    pub fn compute_dtype(&self) -> DType {
        self.compute
    }

    /// What a layer keeps its weights in.
    pub fn variable_dtype(&self) -> DType {
        self.variable
    }
}

impl fmt::Debug for DTypePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<DTypePolicy \"{}\">", self.name)
    }
}

impl From<DType> for DTypePolicy {
    fn from(dtype: DType) -> Self {
        Self::mixed(keras_ops::dtype_name(dtype), dtype, dtype)
    }
}

const UNSET: u8 = u8::MAX;
static GLOBAL: AtomicU8 = AtomicU8::new(UNSET);

/// The policy of layers that are made without one: [`floatx`](keras_ops::floatx) unless [`set_dtype_policy`] changed
/// it.
pub fn dtype_policy() -> DTypePolicy {
    let index = usize::from(GLOBAL.load(Ordering::Relaxed));
    match DTypePolicy::ALL.get(index) {
        Some(policy) => *policy,
        None => keras_ops::floatx().into(),
    }
}

/// Sets the policy of layers made from now on, in the whole process.
///
/// # Errors
/// When no policy is called so.
///
/// ```
/// use keras_core::{DTypePolicy, dtype_policy, layer::LayerBase, set_dtype_policy};
/// set_dtype_policy("mixed_float16")?;
/// assert_eq!(LayerBase::default().dtype_policy(), DTypePolicy::MIXED_FLOAT16);
/// set_dtype_policy("float32")?;
/// assert_eq!(dtype_policy(), DTypePolicy::FLOAT32);
/// assert!(set_dtype_policy("mixed_float17").is_err());
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn set_dtype_policy(policy: impl Into<PolicyArg>) -> Result<()> {
    let policy = policy.into().resolve()?;
    match DTypePolicy::ALL.iter().position(|p| *p == policy) {
        Some(index) => GLOBAL.store(index as u8, Ordering::Relaxed),
        None => {
            return Err(Error::invalid(format!(
                "set_dtype_policy: {policy:?} is not a policy"
            )));
        }
    }
    Ok(())
}

/// A policy, its name, or a dtype: what a layer's `dtype` takes. An unknown name is an error when the layer is applied.
#[derive(Clone, Debug)]
pub enum PolicyArg {
    /// By name.
    Name(String),
    /// The policy itself.
    Policy(DTypePolicy),
}

impl PolicyArg {
    /// The policy.
    ///
    /// # Errors
    /// When no policy is called so.
    pub fn resolve(&self) -> Result<DTypePolicy> {
        match self {
            Self::Name(name) => DTypePolicy::new(name),
            Self::Policy(policy) => Ok(*policy),
        }
    }
}

impl From<&str> for PolicyArg {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<DTypePolicy> for PolicyArg {
    fn from(policy: DTypePolicy) -> Self {
        Self::Policy(policy)
    }
}

impl From<DType> for PolicyArg {
    fn from(dtype: DType) -> Self {
        Self::Policy(dtype.into())
    }
}
