//! NumPy's archives of arrays.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use keras_core::{Error, Result};
use keras_ops::{DType, Device, Tensor};
use zip::ZipArchive;

/// An `.npz` file: named arrays.
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// # let path = folder.path().join("data.npz");
/// # std::fs::write(&path, include_bytes!("../../data/example.npz")).map_err(keras_core::Error::user)?;
/// // np.savez("data.npz", x=np.array([[1, 2], [3, 4]], "float32"), y=np.array([0, 1]))
/// let mut file = keras::datasets::Npz::open(&path)?;
/// assert_eq!(file.names(), ["x", "y"]);
/// assert_eq!(file.tensor("x")?.to_vec2::<f32>()?, [[1., 2.], [3., 4.]]);
/// assert_eq!(file.tensor("y")?.to_vec1::<i64>()?, [0, 1]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<BufReader<File>>,
}

/// One array as it lies in the file.
pub(super) struct Npy {
    pub(super) descr: String,
    pub(super) shape: Vec<usize>,
    fortran: bool,
    pub(super) content: Vec<u8>,
}

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    /// When it is not there or is no `.npz`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let file = File::open(&path).map_err(|e| Error::io(&path, "cannot read", e))?;
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|e| Error::file(&path, format!("expected an .npz file: {e}")))?;
        Ok(Self { path, archive })
    }

    /// The names of the arrays.
    pub fn names(&self) -> Vec<String> {
        let names = self.archive.file_names();
        names
            .flatten()
            .map(|n| n.strip_suffix(".npy").unwrap_or(&n).to_owned())
            .collect()
    }

    /// An array of numbers as a tensor on the CPU; booleans become uint8.
    ///
    /// # Errors
    /// When there is no such array, or it holds what tensors cannot.
    pub fn tensor(&mut self, name: &str) -> Result<Tensor> {
        let array = self.array(name)?;
        array
            .tensor()
            .map_err(|e| Error::file(&self.path, format!("array `{name}`: {e}")))
    }

    pub(super) fn array(&mut self, name: &str) -> Result<Npy> {
        let entry = format!("{name}.npy");
        if self.archive.index_for_name(&entry).is_none() {
            return Err(Error::unknown("array", name, self.names()).context(self.path.display()));
        }
        let read = |archive: &mut ZipArchive<_>| -> Result<Npy> {
            let mut content = Vec::new();
            let mut file = archive.by_name(&entry).map_err(Error::invalid)?;
            file.read_to_end(&mut content).map_err(Error::invalid)?;
            Npy::parse(content)
        };
        read(&mut self.archive).map_err(|e| Error::file(&self.path, format!("array `{name}`: {e}")))
    }
}

impl Npy {
    fn parse(mut content: Vec<u8>) -> Result<Self> {
        let broken = || Error::invalid("not in NumPy's format, or cut off");
        let (start, len) = match content.get(..12) {
            Some([0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..]) => {
                (10, usize::from(u16::from_le_bytes([*a, *b])))
            }
            Some([0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d]) => {
                (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            _ => return Err(broken()),
        };
        let header = content.get(start..start + len).ok_or_else(broken)?;
        let header = std::str::from_utf8(header).map_err(|_| broken())?.to_owned();
        let field = |key: &str| {
            header
                .split_once(&format!("'{key}':"))
                .map(|(_, rest)| rest.trim_start())
        };
        let descr = field("descr")
            .and_then(|r| r.strip_prefix('\'')?.split_once('\''))
            .ok_or_else(|| Error::invalid("expected an array of numbers, got one of records"))?;
        let shape = field("shape")
            .and_then(|r| r.strip_prefix('(')?.split_once(')'))
            .ok_or_else(broken)?;
        let sizes = shape.0.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape: Option<Vec<usize>> = sizes.map(|s| s.parse().ok()).collect();
        Ok(Self {
            descr: descr.0.to_owned(),
            shape: shape.ok_or_else(broken)?,
            fortran: field("fortran_order").is_some_and(|r| r.starts_with("True")),
            content: content.split_off(start + len),
        })
    }

    fn tensor(&self) -> Result<Tensor> {
        let (dtype, size) = match self.descr.as_str() {
            "|u1" | "|b1" => (DType::U8, 1),
            "<i2" => (DType::I16, 2),
            "<u4" => (DType::U32, 4),
            "<i4" => (DType::I32, 4),
            "<i8" => (DType::I64, 8),
            "<f2" => (DType::F16, 2),
            "<f4" => (DType::F32, 4),
            "<f8" => (DType::F64, 8),
            other => {
                return Err(Error::invalid(format!(
                    "expected uint8, bool, int16, uint32, int32, int64 or a little-endian float, got dtype `{other}`"
                )));
            }
        };
        let bytes = self.shape.iter().try_fold(size, |n: usize, d| n.checked_mul(*d));
        if bytes != Some(self.content.len()) {
            return Err(Error::invalid(format!(
                "expected the bytes of shape {:?} of {}, got {}",
                self.shape,
                keras_ops::dtype_name(dtype),
                self.content.len()
            )));
        }
        if self.fortran && self.shape.len() > 1 {
            return Err(Error::invalid(
                "expected row-major order; save it with np.ascontiguousarray",
            ));
        }
        Ok(Tensor::from_raw_buffer(
            &self.content,
            dtype,
            &self.shape,
            &Device::Cpu,
        )?)
    }
}
