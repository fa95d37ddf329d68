//! Tensors and texts in a safetensors file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use keras_ops::candle::WithDType;
use keras_ops::{DType, Device, Tensor, host};
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Map, Value, json};

use super::write_atomic;
use crate::{Error, Result, bail};

/// The length of the header stands before it.
const PREFIX: u64 = 8;
/// The limit of the safetensors format.
const MAX_HEADER: u64 = 100_000_000;

/// Writes named tensors and texts, whole or not at all.
pub(super) fn write(path: &Path, texts: &[(&str, String)], tensors: &[(String, Tensor)]) -> Result<()> {
    let mut order: Vec<&(String, Tensor)> = tensors.iter().collect();
    // Wide elements first keeps every tensor aligned, as readers expect.
    order.sort_by_key(|(_, t)| std::cmp::Reverse(t.dtype().size_in_bytes()));
    let mut entries = Map::new();
    let metadata: Map<String, Value> = texts.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    entries.insert("__metadata__".to_owned(), Value::Object(metadata));
    let mut at = 0;
    for (name, tensor) in &order {
        let end = at + tensor.elem_count() * tensor.dtype().size_in_bytes();
        let entry =
            json!({"dtype": dtype_code(tensor.dtype())?, "shape": tensor.dims(), "data_offsets": [at, end]});
        if entries.insert(name.clone(), entry).is_some() {
            bail!("saving: two variables are called `{name}`; rename a layer so that paths differ");
        }
        at = end;
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');
    let cannot = |e| Error::io(path, "cannot write", e);
    write_atomic(path, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())
            .map_err(cannot)?;
        out.write_all(&header).map_err(cannot)?;
        order
            .iter()
            .try_for_each(|(_, tensor)| write_tensor(tensor, out).map_err(cannot_tensor(path)))
    })
}

fn cannot_tensor(path: &Path) -> impl Fn(keras_ops::Error) -> Error + '_ {
    move |e| Error::file(path, format!("cannot write: {e}"))
}

fn write_tensor(tensor: &Tensor, out: &mut impl Write) -> keras_ops::Result<()> {
    fn put<T: WithDType, const N: usize>(
        tensor: &Tensor,
        out: &mut impl Write,
        bytes: impl Fn(&T) -> [u8; N],
    ) -> keras_ops::Result<()> {
        host::read(tensor, |values: &[T]| {
            let mut buffer = Vec::with_capacity(N * values.len().min(1 << 14));
            for chunk in values.chunks(1 << 14) {
                buffer.clear();
                chunk.iter().for_each(|v| buffer.extend_from_slice(&bytes(v)));
                out.write_all(&buffer)?;
            }
            Ok(())
        })
    }
    match tensor.dtype() {
        DType::U8 => put(tensor, out, |v: &u8| [*v]),
        DType::I16 => put(tensor, out, |v: &i16| v.to_le_bytes()),
        DType::U32 => put(tensor, out, |v: &u32| v.to_le_bytes()),
        DType::I32 => put(tensor, out, |v: &i32| v.to_le_bytes()),
        DType::I64 => put(tensor, out, |v: &i64| v.to_le_bytes()),
        DType::BF16 => put(tensor, out, |v: &half::bf16| v.to_le_bytes()),
        DType::F16 => put(tensor, out, |v: &half::f16| v.to_le_bytes()),
        DType::F32 => put(tensor, out, |v: &f32| v.to_le_bytes()),
        DType::F64 => put(tensor, out, |v: &f64| v.to_le_bytes()),
        other => keras_ops::candle::bail!("variables of dtype {other:?} cannot be saved"),
    }
}

fn dtype_code(dtype: DType) -> Result<&'static str> {
    Ok(match dtype {
        DType::U8 => "U8",
        DType::I16 => "I16",
        DType::U32 => "U32",
        DType::I32 => "I32",
        DType::I64 => "I64",
        DType::BF16 => "BF16",
        DType::F16 => "F16",
        DType::F32 => "F32",
        DType::F64 => "F64",
        other => bail!("variables of dtype {other:?} cannot be saved"),
    })
}

/// An open file whose header has been read and found to fit the file.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) path: PathBuf,
    file: File,
    start: u64,
    metadata: Metadata,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = |e| Error::io(path, "cannot read", e);
        let wrong = |why: String| Error::file(path, why);
        let mut file = File::open(path).map_err(cannot)?;
        let meta = file.metadata().map_err(cannot)?;
        if meta.is_dir() {
            return Err(wrong("this is a folder; give the path of a file".to_owned()));
        }
        let mut prefix = Vec::new();
        (&mut file)
            .take(PREFIX)
            .read_to_end(&mut prefix)
            .map_err(cannot)?;
        check_kind(path, &prefix)?;
        let length = prefix.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
        if prefix.len() < PREFIX as usize || length > MAX_HEADER || length > meta.len() - PREFIX {
            return Err(wrong(format!(
                "not a saved model, or cut off: its {} bytes do not begin with a safetensors header",
                meta.len()
            )));
        }
        let mut header = Vec::new();
        (&mut file)
            .take(length)
            .read_to_end(&mut header)
            .map_err(cannot)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| {
            wrong(format!(
                "not a saved model, or damaged: the header cannot be read ({e})"
            ))
        })?;
        let end = metadata.data_len() as u64;
        let data = meta.len() - PREFIX - length;
        if end != data {
            return Err(wrong(format!(
                "cut off or damaged: expected {end} bytes of values, got {data}"
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            start: PREFIX + length,
            metadata,
        })
    }

    /// A text of the header.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.metadata.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// A text of the header as JSON.
    pub(super) fn json(&self, key: &str) -> Result<Option<Value>> {
        let parse = |text| {
            serde_json::from_str(text)
                .map_err(|e| Error::file(&self.path, format!("damaged: `{key}` cannot be read ({e})")))
        };
        self.text(key).map(parse).transpose()
    }

    /// The tensors by name.
    pub(super) fn entries(&self) -> HashMap<String, &TensorInfo> {
        self.metadata.tensors()
    }

    /// Reads a tensor to `device`.
    pub(super) fn tensor(&mut self, name: &str, device: &Device) -> Result<Tensor> {
        let Some(info) = self.metadata.info(name) else {
            return Err(Error::file(&self.path, format!("`{name}` is missing")));
        };
        let dtype = DType::try_from(info.dtype)
            .map_err(|_| Error::file(&self.path, format!("`{name}` has dtype {:?}", info.dtype)))?;
        let (from, to) = info.data_offsets;
        let mut bytes = vec![0; to - from];
        self.file
            .seek(SeekFrom::Start(self.start + from as u64))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|e| Error::io(&self.path, "cannot read", e))?;
        Ok(Tensor::from_raw_buffer(&bytes, dtype, &info.shape, device)?)
    }
}

/// Says what files of other kinds are.
fn check_kind(path: &Path, start: &[u8]) -> Result<()> {
    let message = match start {
        [] => "the file is empty",
        [b'P', b'K', 3 | 5, 4 | 6, ..] => {
            "this is a zip archive, as Keras in Python writes; only files that this library saved can be loaded: \
             build the model here and take over its weights by name"
        }
        [0x89, b'H', b'D', b'F', ..] => {
            "this is an HDF5 file, as Keras in Python writes; only files that this library saved can be loaded"
        }
        _ => return Ok(()),
    };
    Err(Error::file(path, message))
}
