//! Grey images of digits and of clothes.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use keras_core::{Error, Result};
use keras_ops::Tensor;

use super::download::Remote;
use super::split::bytes;
use super::{Download, Npz, Split};

pub(super) const FOLDER: &str = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/";

impl Download {
    /// MNIST: 60,000 and 10,000 handwritten digits. See [`mnist`](super::mnist()).
    ///
    /// # Errors
    /// When the file cannot be had.
    pub fn mnist(&self) -> Result<Split> {
        let path = self.get(&Remote {
            url: &format!("{FOLDER}mnist.npz"),
            name: "mnist.npz",
            hash: Some("731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),
        })?;
        let mut file = Npz::open(path)?;
        Ok(Split {
            train: (file.tensor("x_train")?, file.tensor("y_train")?),
            test: (file.tensor("x_test")?, file.tensor("y_test")?),
        })
    }

    /// Fashion-MNIST: 60,000 and 10,000 pictures of clothes. See [`fashion_mnist`](super::fashion_mnist).
    ///
    /// # Errors
    /// When a file cannot be had.
    pub fn fashion_mnist(&self) -> Result<Split> {
        let part = |name: &str| -> Result<(Tensor, Tensor)> {
            let get = |file: &str| {
                let url = format!("{FOLDER}{file}");
                self.get(&Remote {
                    url: &url,
                    name: &format!("fashion-mnist/{file}"),
                    hash: None,
                })
            };
            let images = idx(&get(&format!("{name}-images-idx3-ubyte.gz"))?)?;
            Ok((images, idx(&get(&format!("{name}-labels-idx1-ubyte.gz"))?)?))
        };
        Ok(Split {
            train: part("train")?,
            test: part("t10k")?,
        })
    }
}

/// An array of bytes in the format of the MNIST authors: two zeros, 8 (bytes), the rank, the sizes, the content.
pub(super) fn idx(path: &Path) -> Result<Tensor> {
    let file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    let mut content = Vec::new();
    let read = GzDecoder::new(BufReader::new(file)).read_to_end(&mut content);
    let wrong = |why: &str| Error::file(path, format!("{why}; delete it to have it downloaded again"));
    read.map_err(|e| wrong(&format!("not a whole gzip file ({e})")))?;
    let &[0, 0, 8, rank, ..] = content.as_slice() else {
        return Err(wrong("expected an idx file of bytes"));
    };
    let start = 4 + 4 * usize::from(rank);
    let sizes = content.get(4..start).unwrap_or_default().chunks_exact(4);
    let shape: Vec<usize> = sizes
        .map(|b| b.iter().fold(0, |size, byte| size << 8 | usize::from(*byte)))
        .collect();
    let count = shape.iter().try_fold(1, |n: usize, d| n.checked_mul(*d));
    match content.get(start..) {
        Some(values) if count == Some(values.len()) => bytes(values, &shape),
        _ => Err(wrong(&format!("expected {shape:?} bytes, got {}", content.len()))),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keras_core::{Error, Result};

    use super::idx;

    #[test]
    fn reads_idx_files_and_notices_cut_ones() -> Result<()> {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/images-idx3.gz"));
        let images = idx(path)?;
        assert_eq!(images.dims(), [2, 3, 4]);
        assert_eq!(
            images.flatten_all()?.to_vec1::<u8>()?,
            (0..24).collect::<Vec<u8>>()
        );

        let folder = tempfile::tempdir().map_err(Error::user)?;
        let cut = folder.path().join("cut.gz");
        let whole = std::fs::read(path).map_err(Error::user)?;
        std::fs::write(&cut, &whole[..whole.len() - 9]).map_err(Error::user)?;
        let message = idx(&cut).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(
            message.contains("cut.gz") && message.contains("delete it"),
            "{message}"
        );
        Ok(())
    }
}
