//! Reviews of films as they were written.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use keras_core::{Error, Result, bail};
use keras_ops::{Device, Seed, Tensor, random};

use super::download::Remote;
use super::{Download, tar};

const URL: &str = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz";

/// Texts, each with its label: 1 for a good review, 0 for a bad one. In an order that is always the same.
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir().map_err(keras_core::Error::user)?;
/// # let path = folder.path().join("reviews.csv");
/// # let table = "text,label\nGood!,1\n\"Bad, \"\"very\"\" bad.\",0\nFine,1\nSo dull,0\nA joy,1\n";
/// # std::fs::write(&path, table).map_err(keras_core::Error::user)?;
/// let reviews = keras::datasets::Reviews::read(&path)?;
/// assert_eq!((reviews.train.0.len(), reviews.test.0.len()), (4, 1));
/// assert_eq!(reviews.train.1.dims(), [4]);
/// # Ok::<(), keras_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reviews {
    /// What to train on: the texts, and their labels as uint8 of shape `(n,)`.
    pub train: (Vec<String>, Tensor),
    /// What to test on.
    pub test: (Vec<String>, Tensor),
}

impl Reviews {
    /// From a file: the archive that [`movie_reviews`](super::movie_reviews) downloads (`.tar.gz`), or a table
    /// (`.csv`, `.csv.gz`).
    ///
    /// A table has the texts in a column `text` or `review`, and 0, 1, `negative`, `positive`, `neg` or `pos` in a column
    /// `label` or `sentiment`; other columns are passed over. A fifth of its rows are for testing.
    ///
    /// # Errors
    /// When the file is not there, is of another kind, or holds something else; says what is wanted.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !path.is_file() {
            return Err(Error::file(
                path,
                format!(
                    "there is no such file; expected reviews as a table with the columns `text` and `label` (.csv or \
                     .csv.gz), or the archive {URL}"
                ),
            ));
        }
        let name = path.to_string_lossy().to_lowercase();
        match () {
            () if name.ends_with(".csv") => table(path, open(path)?),
            () if name.ends_with(".csv.gz") => table(path, GzDecoder::new(open(path)?)),
            () if name.ends_with(".tar.gz") => archive(path),
            () => Err(Error::file(
                path,
                "expected a file of reviews called .csv, .csv.gz or .tar.gz",
            )),
        }
    }

    fn new(train: Vec<Row>, test: Vec<Row>) -> Result<Self> {
        let part = |rows: Vec<Row>| -> Result<(Vec<String>, Tensor)> {
            let count = rows.len();
            let (labels, texts): (Vec<u8>, Vec<String>) = rows.into_iter().unzip();
            Ok((texts, Tensor::from_vec(labels, count, &Device::Cpu)?))
        };
        Ok(Self {
            train: part(train)?,
            test: part(test)?,
        })
    }
}

impl Download {
    /// 25,000 and 25,000 reviews as they were written. See [`movie_reviews`](super::movie_reviews).
    ///
    /// # Errors
    /// When the file cannot be had.
    pub fn movie_reviews(&self) -> Result<Reviews> {
        Reviews::read(self.get(&Remote {
            url: URL,
            name: "aclImdb_v1.tar.gz",
            hash: Some("7c2ac02c03563afcf9b574c7e56c153a"),
        })?)
    }
}

type Row = (u8, String);

fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|e| Error::io(path, "cannot read", e))?;
    Ok(BufReader::new(file))
}

fn shuffled(mut rows: Vec<Row>) -> Vec<Row> {
    random::shuffle_slice(&mut rows, Seed::new(0, 0));
    rows
}

fn table(path: &Path, content: impl Read) -> Result<Reviews> {
    let mut train = shuffled(rows(content).map_err(|e| Error::file(path, e))?);
    if train.len() < 2 {
        return Err(Error::file(
            path,
            format!("expected 2 reviews or more, got {}", train.len()),
        ));
    }
    let test = train.split_off(train.len() - train.len().div_ceil(5));
    Reviews::new(train, test)
}

fn rows(content: impl Read) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().map_err(Error::invalid)?.clone();
    let column = |names: [&str; 2]| match header.iter().position(|name| names.contains(&name)) {
        Some(at) => Ok(at),
        None => bail!(
            "expected a column `{}` or `{}` in its first line, got `{}`",
            names[0],
            names[1],
            header.iter().collect::<Vec<_>>().join(",")
        ),
    };
    let (text, label) = (column(["text", "review"])?, column(["label", "sentiment"])?);
    let row = |record: csv::Result<csv::StringRecord>| -> Result<Row> {
        let record = record.map_err(Error::invalid)?;
        let label = match record.get(label).unwrap_or_default() {
            "0" | "neg" | "negative" => 0,
            "1" | "pos" | "positive" => 1,
            other => bail!(
                "line {}: expected a label of 0 (bad) or 1 (good), got `{other}`",
                record.position().map_or(0, csv::Position::line)
            ),
        };
        Ok((label, record.get(text).unwrap_or_default().to_owned()))
    };
    reader.records().map(row).collect()
}

/// The part and the label of a file in the archive: `aclImdb/train/pos/0_9.txt`.
fn place(name: &str) -> Option<(bool, u8)> {
    let mut folders = name.rsplit('/').skip(1);
    let label = match folders.next()? {
        "neg" => 0,
        "pos" => 1,
        _ => return None,
    };
    match folders.next()? {
        "train" => Some((true, label)),
        "test" => Some((false, label)),
        _ => None,
    }
}

fn archive(path: &Path) -> Result<Reviews> {
    let (mut train, mut test) = (Vec::new(), Vec::new());
    tar::read(
        path,
        |name| place(name).is_some(),
        |name, content| {
            let text = String::from_utf8_lossy(content).into_owned();
            match place(name) {
                Some((true, label)) => train.push((label, text)),
                Some((false, label)) => test.push((label, text)),
                None => {}
            }
            Ok(())
        },
    )?;
    if train.is_empty() || test.is_empty() {
        return Err(Error::file(
            path,
            "expected reviews in folders train/pos, train/neg, test/pos and test/neg",
        ));
    }
    Reviews::new(shuffled(train), shuffled(test))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keras_core::{Result, bail};

    use super::{Reviews, rows};

    fn error(path: &Path) -> Result<String> {
        match Reviews::read(path) {
            Ok(reviews) => bail!("read {} reviews", reviews.train.0.len()),
            Err(error) => Ok(error.to_string()),
        }
    }

    #[test]
    fn the_archive_has_its_own_parts() -> Result<()> {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/reviews.tar.gz"));
        let reviews = Reviews::read(path)?;
        let mut train: Vec<_> = reviews
            .train
            .0
            .iter()
            .zip(reviews.train.1.to_vec1::<u8>()?)
            .collect();
        train.sort();
        let texts = ["A bore.<br /><br />Café scenes!", "Dull.", "Lovely.", "So good."];
        assert!(
            train
                .iter()
                .zip(texts.iter().zip([0, 0, 1, 1]))
                .all(|(a, b)| a.0 == b.0 && a.1 == b.1)
        );
        assert_eq!(reviews.test.0.len(), 2);
        let cifar = path.with_file_name("cifar.tar.gz");
        assert!(error(&cifar)?.contains("expected reviews in folders train/pos"));
        Ok(())
    }

    #[test]
    fn labels_have_several_forms() -> Result<()> {
        let table = "sentiment,source,review\nnegative,a,\"No,\n\"\"no\"\"\"\npositive,b,Yes\n";
        let expected = [(0, "No,\n\"no\"".to_owned()), (1, "Yes".to_owned())];
        assert_eq!(rows(table.as_bytes())?, expected);
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said() -> Result<()> {
        let missing = error(Path::new("/no/such/reviews.csv"))?;
        assert!(missing.contains("there is no such file") && missing.contains("aclImdb_v1.tar.gz"));
        assert!(
            error(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")))?.contains("called .csv")
        );
        let cases = [
            (
                "title,label\nx,1\n",
                "expected a column `text` or `review` in its first line, got `title,label`",
            ),
            (
                "text,label\nx,1\ny,3\n",
                "line 3: expected a label of 0 (bad) or 1 (good), got `3`",
            ),
            ("text,label\nx\n", "line: 2"),
        ];
        for (table, expected) in cases {
            match rows(table.as_bytes()) {
                Ok(_) => bail!("read {table:?}"),
                Err(error) => assert!(error.to_string().contains(expected), "{error}"),
            }
        }
        Ok(())
    }
}
