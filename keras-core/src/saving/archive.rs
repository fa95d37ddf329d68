//! Tensors and texts in a safetensors file, or in a folder of several.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use keras_ops::{DType, Device, Tensor, host};
use safetensors::tensor::{Metadata, TensorInfo};
use serde_json::{Map, Value, json};

use super::packed::Packed;
use super::{shards, write_atomic};
use crate::lent::Lent;
use crate::{Error, Result, bail};

/// The length of the header stands before it.
const PREFIX: u64 = 8;
/// The limit of the safetensors format.
const MAX_HEADER: u64 = 100_000_000;
/// The last tensor of a file: the checksum of the header with its length, then one for each of the other tensors in
/// the order of the file.
const CHECKSUMS: &str = "__crc32c__";
/// Bytes that are read and written at once: they stay in the processor's cache from one to the other.
const CHUNK: usize = 1 << 18;

/// A tensor to write.
pub(super) type Named = (String, Lent);

/// Writes named tensors and texts, whole or not at all.
pub(super) fn write(path: &Path, packed: Packed) -> Result<()> {
    write_atomic(path, |out| fill(path, out, packed).map(drop))
}

/// Writes what a file holds; gives the checksum of its header.
pub(super) fn fill(path: &Path, out: &mut impl Write, packed: Packed) -> Result<u32> {
    let Packed { texts, tensors } = packed;
    let form = |(name, lent): Named| {
        let (dtype, dims) = lent.with(|t| (t.dtype(), t.dims().to_vec()));
        ((name, dtype, dims), lent)
    };
    let mut order: Vec<(Form, Lent)> = tensors.into_iter().map(form).collect();
    // Wide elements first keeps every tensor aligned, as readers expect.
    order.sort_by_key(|((_, dtype, _), _)| std::cmp::Reverse(dtype.size_in_bytes()));
    let header = header(&texts, &order.iter().map(|(form, _)| form).collect::<Vec<_>>())?;
    let cannot = |e| Error::io(path, "cannot write", e);
    let mut checksums = vec![crc32c::crc32c(&header)];
    out.write_all(&header).map_err(cannot)?;
    for (_, lent) in order {
        // Training, when it comes to change this weight, finds it let go.
        checksums.push(write_tensor(path, &lent, out)?);
    }
    let checksums_bytes: Vec<u8> = checksums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
    out.write_all(&checksums_bytes).map_err(cannot)?;
    Ok(checksums[0])
}

/// A tensor's name, dtype and shape.
type Form = (String, DType, Vec<usize>);

/// The header with its length before it.
fn header(texts: &[(&str, String)], forms: &[&Form]) -> Result<Vec<u8>> {
    let mut entries = Map::new();
    let metadata: Map<String, Value> = texts.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    entries.insert("__metadata__".to_owned(), Value::Object(metadata));
    let checksums = (CHECKSUMS.to_owned(), DType::U8, vec![4 * (forms.len() + 1)]);
    let mut at = 0;
    for (name, dtype, dims) in forms.iter().copied().chain([&checksums]) {
        let end = at + dims.iter().product::<usize>() * dtype.size_in_bytes();
        let entry = json!({"dtype": dtype_code(*dtype)?, "shape": dims, "data_offsets": [at, end]});
        if entries.insert(name.clone(), entry).is_some() {
            bail!("saving: two variables are called `{name}`; rename a layer so that paths differ");
        }
        at = end;
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(PREFIX as usize), b' ');
    header.splice(0..0, (header.len() as u64).to_le_bytes());
    Ok(header)
}

/// Writes the elements of a tensor; gives their checksum.
fn write_tensor(path: &Path, lent: &Lent, out: &mut impl Write) -> Result<u32> {
    let there = lent.with(|t| (!t.device().is_cpu()).then(|| t.to_device(&Device::Cpu)));
    let fetched = there.transpose()?.map(Lent::fixed);
    let lent = fetched.as_ref().unwrap_or(lent);
    let (count, width) = lent.with(|t| (t.elem_count(), t.dtype().size_in_bytes()));
    let chunk = CHUNK / width.max(1);
    let (mut bytes, mut checksum) = (Vec::with_capacity(CHUNK.min(count * width)), 0);
    for from in (0..count).step_by(chunk) {
        let part = from..count.min(from + chunk);
        bytes.clear();
        // Held only while the chunk is copied: who wants to write to the variable waits no longer.
        lent.with(|t| host::extend_bytes(t, part, &mut bytes))
            .map_err(|e| Error::file(path, format!("cannot write: {e}")))?;
        checksum = crc32c::crc32c_append(checksum, &bytes);
        out.write_all(&bytes)
            .map_err(|e| Error::io(path, "cannot write", e))?;
    }
    Ok(checksum)
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

/// Open files whose headers have been read and found to fit the files: one, or the shards of a folder.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) path: PathBuf,
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    path: PathBuf,
    file: File,
    start: u64,
    metadata: Metadata,
    /// The checksums of the tensors by name; none in files of older versions.
    checksums: Option<HashMap<String, u32>>,
    header_checksum: u32,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let parts = match shards::manifest(path)? {
            None => vec![Part::open(path)?],
            Some(shards) => {
                let mut parts = Vec::new();
                for shard in shards {
                    let part = Part::open(&path.join(&shard.file))?;
                    if part.header_checksum != shard.checksum {
                        let why = "this shard is of another save than the folder's manifest";
                        return Err(Error::file(&part.path, why));
                    }
                    parts.push(part);
                }
                parts
            }
        };
        Ok(Self {
            path: path.to_owned(),
            parts,
        })
    }

    /// A text of the header.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        let metadata = self.parts.first()?.metadata.metadata().as_ref()?;
        metadata.get(key).map(String::as_str)
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
        let all = self.parts.iter().flat_map(|part| part.metadata.tensors());
        all.filter(|(name, _)| name != CHECKSUMS).collect()
    }

    /// The same, in the order of the files.
    pub(super) fn in_order(&self) -> Vec<(String, &TensorInfo)> {
        let mut all = Vec::new();
        for part in &self.parts {
            let mut tensors: Vec<_> = part.metadata.tensors().into_iter().collect();
            tensors.retain(|(name, _)| name != CHECKSUMS);
            tensors.sort_by_key(|(name, info)| (info.data_offsets, name.clone()));
            all.extend(tensors);
        }
        all
    }

    /// Whether what is damaged will be found.
    pub(super) fn has_checksums(&self) -> bool {
        self.parts.iter().all(|part| part.checksums.is_some())
    }

    /// Reads a tensor to `device`.
    pub(super) fn tensor(&mut self, name: &str, device: &Device) -> Result<Tensor> {
        match self
            .parts
            .iter_mut()
            .find(|part| part.metadata.info(name).is_some())
        {
            Some(part) => part.tensor(name, device),
            None => Err(Error::file(&self.path, format!("`{name}` is missing"))),
        }
    }

    /// Reads everything and compares the checksums.
    pub(super) fn verify(&mut self) -> Result<()> {
        self.parts.iter_mut().try_for_each(Part::verify)
    }
}

impl Part {
    fn open(path: &Path) -> Result<Self> {
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
        let mut part = Self {
            path: path.to_owned(),
            file,
            start: PREFIX + length,
            metadata,
            checksums: None,
            header_checksum: crc32c::crc32c_append(crc32c::crc32c(&prefix), &header),
        };
        part.read_checksums()?;
        Ok(part)
    }

    fn read_checksums(&mut self) -> Result<()> {
        let Some(info) = self.metadata.info(CHECKSUMS).cloned() else {
            return Ok(());
        };
        let damaged = |why: &str| Error::file(&self.path, format!("damaged: {why}"));
        let mut places: Vec<((usize, usize), String)> = self
            .metadata
            .tensors()
            .into_iter()
            .filter(|(name, _)| name != CHECKSUMS)
            .map(|(name, info)| (info.data_offsets, name))
            .collect();
        // A tensor without elements has the checksum 0 wherever it stands among its like.
        places.sort();
        if info.data_offsets.1 - info.data_offsets.0 != 4 * (places.len() + 1) {
            return Err(damaged("there are more or fewer checksums than tensors"));
        }
        let (mut all, file) = (Vec::new(), &mut self.file);
        file.seek(SeekFrom::Start(self.start + info.data_offsets.0 as u64))
            .and_then(|_| file.read_to_end(&mut all))
            .map_err(|e| Error::io(&self.path, "cannot read", e))?;
        let mut sums = all
            .as_chunks::<4>()
            .0
            .iter()
            .map(|bytes| u32::from_le_bytes(*bytes));
        if sums.next() != Some(self.header_checksum) {
            return Err(damaged("the header does not have its checksum"));
        }
        self.checksums = Some(places.into_iter().map(|(_, name)| name).zip(sums).collect());
        Ok(())
    }

    fn tensor(&mut self, name: &str, device: &Device) -> Result<Tensor> {
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
        self.compare(name, crc32c::crc32c(&bytes))?;
        Ok(Tensor::from_raw_buffer(&bytes, dtype, &info.shape, device)?)
    }

    fn compare(&self, name: &str, found: u32) -> Result<()> {
        match self.checksums.as_ref().and_then(|sums| sums.get(name)) {
            Some(sum) if *sum != found => Err(Error::file(
                &self.path,
                format!("damaged: the values of `{name}` do not have their checksum"),
            )),
            _ => Ok(()),
        }
    }

    fn verify(&mut self) -> Result<()> {
        let cannot = |e| Error::io(&self.path, "cannot read", e);
        let mut places: Vec<((usize, usize), String)> = Vec::new();
        places.extend(
            self.metadata
                .tensors()
                .into_iter()
                .map(|(name, info)| (info.data_offsets, name)),
        );
        places.sort();
        (&self.file).seek(SeekFrom::Start(self.start)).map_err(cannot)?;
        let mut reader = BufReader::with_capacity(CHUNK, &self.file);
        let mut chunk = vec![0; CHUNK];
        for ((from, to), name) in &places {
            let (mut left, mut sum) = (to - from, 0);
            while left > 0 {
                let part = &mut chunk[..left.min(CHUNK)];
                reader.read_exact(part).map_err(cannot)?;
                sum = crc32c::crc32c_append(sum, part);
                left -= part.len();
            }
            self.compare(name, sum)?;
        }
        Ok(())
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
