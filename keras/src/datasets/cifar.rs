//! Small colour images.

use std::collections::BTreeMap;
use std::path::Path;

use keras_core::{Error, Result, bail};

use super::download::Remote;
use super::pickle::{self, Object};
use super::split::bytes;
use super::{Download, Split, tar};

const CHANNEL: usize = 32 * 32;
const IMAGE: usize = 3 * CHANNEL;

impl Download {
    /// CIFAR-10: 50,000 and 10,000 colour images of 10 kinds. See [`cifar10`](super::cifar10).
    ///
    /// # Errors
    /// When the file cannot be had.
    pub fn cifar10(&self) -> Result<Split> {
        let path = self.get(&Remote {
            url: "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
            name: "cifar-10-batches-py-target_archive",
            hash: Some("6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),
        })?;
        let train: Vec<String> = (1..=5).map(|i| format!("data_batch_{i}")).collect();
        read_split(&path, &train, "test_batch", "labels")
    }

    /// CIFAR-100: 50,000 and 10,000 colour images of 100 kinds. See [`cifar100`](super::cifar100).
    ///
    /// # Errors
    /// When the file cannot be had.
    pub fn cifar100(&self) -> Result<Split> {
        let path = self.get(&Remote {
            url: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
            name: "cifar-100-python-target_archive",
            hash: Some("85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),
        })?;
        read_split(&path, &["train".to_owned()], "test", "fine_labels")
    }
}

/// Reads the archive of Python batches; `label_key` says which labels.
pub(super) fn read_split(path: &Path, train: &[String], test: &str, label_key: &str) -> Result<Split> {
    let mut batches = BTreeMap::new();
    let file = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let wanted = |name: &str| file(name) == test || train.contains(&file(name));
    tar::read(path, wanted, |name, content| {
        let name = file(name);
        let batch = batch(content, label_key).map_err(|e| e.context(&name))?;
        batches.insert(name, batch);
        Ok(())
    })?;
    let mut part = |names: &[String]| {
        let (mut images, mut labels) = (Vec::new(), Vec::new());
        for name in names {
            let Some((x, y)) = batches.remove(name) else {
                return Err(Error::file(
                    path,
                    format!("expected a file `{name}` in this archive"),
                ));
            };
            images.extend(x);
            labels.extend(y);
        }
        Ok((
            bytes(&images, &[labels.len(), 32, 32, 3])?,
            bytes(&labels, &[labels.len(), 1])?,
        ))
    };
    Ok(Split {
        train: part(train)?,
        test: part(&[test.to_owned()])?,
    })
}

/// Images in channels-last order and labels.
fn batch(content: &[u8], label_key: &str) -> Result<(Vec<u8>, Vec<u8>)> {
    let dict = pickle::load(content)?;
    let labels = dict.get(label_key).and_then(|l| l.ints());
    let labels = labels.and_then(|l| {
        l.into_iter()
            .map(|v| u8::try_from(v).ok())
            .collect::<Option<Vec<u8>>>()
    });
    let data = dict.get("data").and_then(|d| d.array());
    match (data, labels) {
        (Some((shape, Object::Bytes(raw))), Some(labels))
            if shape == [labels.len(), IMAGE] && raw.len() == labels.len() * IMAGE =>
        {
            let pixel = |image: &[u8]| -> Vec<u8> {
                (0..CHANNEL)
                    .flat_map(|i| [image[i], image[CHANNEL + i], image[2 * CHANNEL + i]])
                    .collect()
            };
            Ok((raw.chunks_exact(IMAGE).flat_map(pixel).collect(), labels))
        }
        _ => bail!("expected `data` of shape (n, {IMAGE}) and `{label_key}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keras_core::{Result, bail};
    use keras_ops::Tensor;

    use super::read_split;

    fn fixture() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/cifar.tar.gz"))
    }

    fn pixel(x: &Tensor, image: usize) -> Result<Vec<u8>> {
        Ok(x.get(image)?.get(3)?.get(5)?.to_vec1()?)
    }

    #[test]
    fn reads_what_keras_reads() -> Result<()> {
        let train = ["data_batch_1".to_owned(), "data_batch_2".to_owned()];
        let split = read_split(fixture(), &train, "test_batch", "labels")?;
        let ((x, y), (test_x, test_y)) = (split.train, split.test);
        assert_eq!(
            (x.dims(), test_x.dims()),
            (&[4, 32, 32, 3][..], &[1, 32, 32, 3][..])
        );
        assert_eq!(y.to_vec2::<u8>()?, [[8], [6], [5], [2]]);
        assert_eq!(test_y.to_vec2::<u8>()?, [[0]]);
        assert_eq!(
            (pixel(&x, 1)?, pixel(&test_x, 0)?),
            (vec![247, 77, 162], vec![245, 75, 160])
        );
        let sum = |t: &Tensor| -> Result<u64> {
            Ok(t.flatten_all()?.to_vec1::<u8>()?.into_iter().map(u64::from).sum())
        };
        assert_eq!((sum(&x)?, sum(&test_x)?), (2 * 783_360, 391_680));
        Ok(())
    }

    #[test]
    fn names_what_is_missing() -> Result<()> {
        let Err(e) = read_split(fixture(), &["data_batch_3".to_owned()], "test_batch", "labels") else {
            bail!("read a batch that is not there");
        };
        assert!(e.to_string().contains("data_batch_3"), "{e}");
        let Err(e) = read_split(fixture(), &[], "test_batch", "fine_labels") else {
            bail!("read labels that are not there");
        };
        assert!(e.to_string().contains("fine_labels"), "{e}");
        Ok(())
    }
}
