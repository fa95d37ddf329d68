//! Reviews of films as numbered words.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use keras_core::{Error, Result, bail};
use keras_ops::{Device, Tensor, host};

use super::download::Remote;
use super::mnist::FOLDER;
use super::npz::Npy;
use super::shuffle::Twister;
use super::{Download, Npz, Split, pickle};

/// How reviews are prepared; Keras's arguments of `imdb.load_data` with its defaults.
///
/// ```
/// use keras::datasets::Imdb;
/// let common = Imdb { num_words: Some(10_000), ..Imdb::default() };
/// assert_eq!((common.start_char, common.oov_char, common.index_from), (Some(1), Some(2), 3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imdb {
    /// Words numbered so or above become `oov_char`; `None` keeps all but the rarest one, as in Keras.
    pub num_words: Option<u32>,
    /// Words numbered below become `oov_char`.
    pub skip_top: u32,
    /// Only reviews shorter than this.
    pub maxlen: Option<usize>,
    /// The seed of the order of reviews; the order is Keras's.
    pub seed: u32,
    /// Put before each review.
    pub start_char: Option<u32>,
    /// Stands for words that are left out; `None` leaves no trace of them.
    pub oov_char: Option<u32>,
    /// The number of the first word.
    pub index_from: u32,
}

impl Default for Imdb {
    fn default() -> Self {
        Self {
            num_words: None,
            skip_top: 0,
            maxlen: None,
            seed: 113,
            start_char: Some(1),
            oov_char: Some(2),
            index_from: 3,
        }
    }
}

/// Texts as lists of word numbers, each with its label.
#[derive(Clone, Debug)]
pub struct Texts {
    /// What to train on: `(x, y)`.
    pub train: (Vec<Vec<u32>>, Tensor),
    /// What to test on: `(x, y)`.
    pub test: (Vec<Vec<u32>>, Tensor),
}

impl Texts {
    /// All texts `maxlen` words long, as uint32 of shape `(n, maxlen)`: zeros are put before short ones, long ones
    /// lose their beginning, as `pad_sequences` does by default.
    ///
    /// # Errors
    /// When memory runs out.
    ///
    /// # Examples
    /// ```
    /// use keras::datasets::Texts;
    /// use keras_ops::{Device, Tensor};
    /// let y = Tensor::new(&[0i64, 1], &Device::Cpu)?;
    /// let part = (vec![vec![1, 7], vec![1, 5, 6, 8]], y);
    /// let padded = Texts { train: part.clone(), test: part }.padded(3)?;
    /// assert_eq!(padded.train.0.to_vec2::<u32>()?, [[0, 1, 7], [5, 6, 8]]);
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    pub fn padded(self, maxlen: usize) -> Result<Split> {
        let pad = |(texts, labels): (Vec<Vec<u32>>, Tensor)| -> Result<(Tensor, Tensor)> {
            let mut words = vec![0; texts.len() * maxlen];
            for (row, text) in words.chunks_mut(maxlen.max(1)).zip(&texts) {
                let kept = &text[text.len().saturating_sub(maxlen)..];
                row[maxlen - kept.len()..].copy_from_slice(kept);
            }
            Ok((
                Tensor::from_vec(words, (texts.len(), maxlen), &Device::Cpu)?,
                labels,
            ))
        };
        Ok(Split {
            train: pad(self.train)?,
            test: pad(self.test)?,
        })
    }
}

impl Download {
    /// 25,000 and 25,000 reviews, good (1) or bad (0). See [`imdb`](super::imdb()).
    ///
    /// # Errors
    /// When the file cannot be had, or `options` leave no review.
    pub fn imdb(&self, options: &Imdb) -> Result<Texts> {
        let path = self.get(&Remote {
            url: &format!("{FOLDER}imdb.npz"),
            name: "imdb.npz",
            hash: Some("69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"),
        })?;
        options.read(&path)
    }

    /// The number of each word, by frequency from 1; [`Imdb::index_from`] is to be added.
    ///
    /// # Errors
    /// When the file cannot be had.
    pub fn imdb_word_index(&self) -> Result<BTreeMap<String, u32>> {
        let path = self.get(&Remote {
            url: &format!("{FOLDER}imdb_word_index.json"),
            name: "imdb_word_index.json",
            hash: Some("bfafd718b763782e994055a2d397834f"),
        })?;
        let content = fs::read(&path).map_err(|e| Error::io(&path, "cannot read", e))?;
        serde_json::from_slice(&content).map_err(|e| Error::file(&path, format!("expected words: {e}")))
    }
}

type Part = (Vec<Vec<u32>>, Vec<i64>);

impl Imdb {
    pub(super) fn read(&self, path: &Path) -> Result<Texts> {
        let mut file = Npz::open(path)?;
        let mut twister = Twister::new(self.seed);
        let mut part = |name: &str| -> Result<Part> {
            let texts = lists(&file.array(&format!("x_{name}"))?)
                .map_err(|e| Error::file(path, format!("array `x_{name}`: {e}")))?;
            let labels = host::read(&file.tensor(&format!("y_{name}"))?, |v: &[i64]| Ok(v.to_vec()))?;
            if texts.len() != labels.len() {
                return Err(Error::file(
                    path,
                    format!("{} texts with {} labels", texts.len(), labels.len()),
                ));
            }
            Ok(self.prepare(texts, &labels, &mut twister))
        };
        let (mut train, mut test) = (part("train")?, part("test")?);
        if train.0.is_empty() || test.0.is_empty() {
            bail!(
                "imdb: no review is shorter than maxlen={}; increase it",
                self.maxlen.unwrap_or_default()
            );
        }
        let largest = train
            .0
            .iter()
            .chain(&test.0)
            .flatten()
            .max()
            .copied()
            .unwrap_or(0);
        let words = self.skip_top..self.num_words.unwrap_or(largest);
        for text in train.0.iter_mut().chain(&mut test.0) {
            match self.oov_char {
                Some(oov) => text
                    .iter_mut()
                    .filter(|w| !words.contains(w))
                    .for_each(|w| *w = oov),
                None => text.retain(|w| words.contains(w)),
            }
        }
        let done = |(texts, labels): Part| -> Result<_> {
            let count = labels.len();
            Ok((texts, Tensor::from_vec(labels, count, &Device::Cpu)?))
        };
        Ok(Texts {
            train: done(train)?,
            test: done(test)?,
        })
    }

    /// Shuffled, with the start and the offset, without what is too long.
    fn prepare(&self, mut texts: Vec<Vec<u32>>, labels: &[i64], twister: &mut Twister) -> Part {
        let order = twister.order(texts.len()).into_iter();
        let ready = order.map(|i| {
            let words = std::mem::take(&mut texts[i]);
            let words = words.into_iter().map(|w| w.saturating_add(self.index_from));
            (
                self.start_char.into_iter().chain(words).collect::<Vec<u32>>(),
                labels[i],
            )
        });
        ready
            .filter(|(text, _)| self.maxlen.is_none_or(|n| text.len() < n))
            .unzip()
    }
}

/// The lists of an array of Python lists of whole numbers.
fn lists(array: &Npy) -> Result<Vec<Vec<u32>>> {
    if array.descr != "|O" {
        bail!("expected lists (dtype `|O`), got dtype `{}`", array.descr);
    }
    let rows = pickle::load(&array.content)?
        .array()
        .and_then(|(_, content)| content.items());
    let Some(rows) = rows else {
        bail!("expected a pickled array of lists")
    };
    let numbers = |row: &pickle::Object| -> Option<Vec<u32>> {
        row.ints()?.into_iter().map(|v| u32::try_from(v).ok()).collect()
    };
    match rows.iter().map(numbers).collect() {
        Some(lists) => Ok(lists),
        None => bail!("expected lists of whole numbers, 0 or more"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use keras_core::Result;

    use super::Imdb;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/data")
            .join(name)
    }

    // Expected values: Keras 3.15's imdb.load_data on the same files.

    #[test]
    fn reads_what_keras_reads() -> Result<()> {
        for file in ["imdb2.npz", "imdb4.npz"] {
            let texts = Imdb::default().read(&fixture(file))?;
            assert_eq!(texts.train.0[0], [1, 328, 263, 368]);
            assert_eq!(texts.train.0[3], [1, 45329, 54600, 2, 65657]);
            assert_eq!(texts.train.1.to_vec1::<i64>()?, [1, 0, 1, 0, 1, 0]);
            assert_eq!(
                texts.test.0,
                [
                    vec![1, 36, 123, 195],
                    vec![1, 1993, 48734],
                    vec![1, 38045, 36295, 2552, 485]
                ]
            );
            assert_eq!(texts.test.1.to_vec1::<i64>()?, [0, 1, 1]);
        }
        Ok(())
    }

    #[test]
    fn options_do_what_they_do_in_keras() -> Result<()> {
        let options = Imdb {
            num_words: Some(300),
            skip_top: 50,
            maxlen: Some(8),
            ..Imdb::default()
        };
        let texts = options.read(&fixture("imdb4.npz"))?;
        assert_eq!(
            texts.train.0,
            [
                vec![2, 2, 263, 2],
                vec![2, 2, 2],
                vec![2, 256, 220, 227, 2, 114],
                vec![2, 2, 2, 2, 2],
                vec![2, 2, 2, 250, 2, 2, 2]
            ]
        );
        assert_eq!(texts.train.1.to_vec1::<i64>()?, [1, 0, 1, 0, 1]);
        let options = Imdb {
            num_words: Some(400),
            oov_char: None,
            start_char: None,
            index_from: 0,
            seed: 5,
            ..Imdb::default()
        };
        let texts = options.read(&fixture("imdb4.npz"))?;
        assert_eq!(texts.train.0[0], [14, 306, 292, 338, 71, 36, 345]);
        assert_eq!(texts.test.0, [vec![], vec![33, 120, 192], vec![]]);
        assert!(
            Imdb {
                maxlen: Some(1),
                ..Imdb::default()
            }
            .read(&fixture("imdb4.npz"))
            .is_err()
        );
        Ok(())
    }
}
