use std::io::Write;
use std::path::{Path, PathBuf};

use keras_core::ops::candle::npy::NpzTensors;
use keras_core::ops::{DType, Tensor, dtype_name, host};
use keras_core::saving::write_atomic;
use keras_core::{Error, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Arrays that NumPy's `savez` wrote.
pub(super) struct Npz {
    path: PathBuf,
    arrays: NpzTensors,
    size: u64,
}

impl std::fmt::Debug for Npz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Npz").field(&self.path).finish()
    }
}

/// The most that compression can make of a byte.
const DENSEST: u64 = 1100;

impl Npz {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let wrong = |e| Error::file(path, format!("no NumPy archive that can be read: {e}"));
        let meta = std::fs::metadata(path).map_err(|e| Error::io(path, "cannot read", e))?;
        Ok(Self {
            arrays: NpzTensors::new(path).map_err(wrong)?,
            path: path.to_owned(),
            size: meta.len(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn tensors(&self) -> Result<Vec<(String, DType, Vec<usize>)>> {
        let mut names = self.arrays.names();
        names.sort();
        names
            .into_iter()
            .map(|name| {
                let form = self.arrays.get_shape_and_dtype(name);
                let (shape, dtype) =
                    form.map_err(|e| Error::file(&self.path, format!("`{name}` cannot be read: {e}")))?;
                let shape = shape.dims().to_vec();
                self.check(name, &shape, dtype)?;
                Ok((name.clone(), dtype, shape))
            })
            .collect()
    }

    /// A header may promise more than memory can hold.
    fn check(&self, name: &str, shape: &[usize], dtype: DType) -> Result<()> {
        let bytes = shape
            .iter()
            .try_fold(dtype.size_in_bytes() as u64, |n, dim| n.checked_mul(*dim as u64));
        match bytes {
            Some(bytes) if bytes <= self.size.saturating_mul(DENSEST) => Ok(()),
            _ => Err(Error::file(
                &self.path,
                format!("damaged: `{name}` of shape {shape:?} does not fit into the file"),
            )),
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<Tensor> {
        let wrong = |e| Error::file(&self.path, format!("`{name}` cannot be read: {e}"));
        let (shape, dtype) = self.arrays.get_shape_and_dtype(name).map_err(wrong)?;
        self.check(name, shape.dims(), dtype)?;
        let array = self.arrays.get(name).map_err(wrong)?;
        array.ok_or_else(|| Error::file(&self.path, format!("`{name}` is missing")))
    }
}

/// Writes arrays for NumPy: the file appears whole or not at all.
pub(super) fn write(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    for (name, tensor) in tensors {
        if descr(tensor.dtype()).is_none() {
            let dtype = dtype_name(tensor.dtype());
            return Err(Error::file(
                path,
                format!("NumPy has no dtype {dtype}, which `{name}` has; write a .safetensors file instead"),
            ));
        }
    }
    write_atomic(path, |out| {
        let cannot = |e: zip::result::ZipError| Error::file(path, format!("cannot write: {e}"));
        let mut zip = ZipWriter::new(out);
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(true);
        for (name, tensor) in tensors {
            zip.start_file(format!("{name}.npy"), options).map_err(cannot)?;
            let put = |bytes: &[u8], zip: &mut ZipWriter<_>| {
                Write::write_all(zip, bytes).map_err(|e| Error::io(path, "cannot write", e))
            };
            put(&header(tensor), &mut zip)?;
            let mut bytes = Vec::new();
            host::extend_bytes(tensor, 0..tensor.elem_count(), &mut bytes)?;
            put(&bytes, &mut zip)?;
        }
        zip.finish().map(drop).map_err(cannot)
    })
}

/// What stands before an array's values, in format version 1.
fn header(tensor: &Tensor) -> Vec<u8> {
    let dims: String = tensor.dims().iter().map(|dim| format!("{dim}, ")).collect();
    let descr = descr(tensor.dtype()).unwrap_or("<f4");
    let mut text = format!(
        "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}), }}",
        dims.trim_end()
    );
    // The values begin at a multiple of 64.
    const FIXED: usize = 10;
    while !(FIXED + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn descr(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::U8 => "|u1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::U32 => "<u4",
        DType::I64 => "<i8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        _ => return None,
    })
}
