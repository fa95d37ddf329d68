//! Small tables of numbers, part of this crate.

use std::io::Read;

use flate2::read::GzDecoder;
use keras_core::{Error, Result, bail};
use keras_ops::{Device, Tensor};

use super::Split;
use super::split::bytes;

/// A file of float32 numbers: all rows, then all targets.
struct Table {
    file: &'static [u8],
    rows: usize,
    columns: usize,
}

impl Table {
    /// The first four in five rows to train on, the others to test; classes as uint8.
    fn split(&self, classes: bool) -> Result<Split> {
        let mut content = Vec::with_capacity(self.rows * (self.columns + 1) * 4);
        GzDecoder::new(self.file)
            .read_to_end(&mut content)
            .map_err(Error::user)?;
        let numbers: Vec<f32> = content
            .as_chunks::<4>()
            .0
            .iter()
            .map(|number| f32::from_le_bytes(*number))
            .collect();
        if numbers.len() != self.rows * (self.columns + 1) {
            bail!("a table of this crate is damaged: {} numbers", numbers.len());
        }
        let (x, y) = numbers.split_at(self.rows * self.columns);
        let part = |from: usize, to: usize| -> Result<(Tensor, Tensor)> {
            let rows = &x[from * self.columns..to * self.columns];
            let y = &y[from..to];
            let labels = || -> Vec<u8> { y.iter().map(|label| *label as u8).collect() };
            Ok((
                Tensor::from_slice(rows, (to - from, self.columns), &Device::Cpu)?,
                match classes {
                    true => bytes(&labels(), &[to - from])?,
                    false => Tensor::from_slice(y, to - from, &Device::Cpu)?,
                },
            ))
        };
        let train = self.rows * 4 / 5;
        Ok(Split {
            train: part(0, train)?,
            test: part(train, self.rows)?,
        })
    }
}

/// 569 tumours of the breast, measured: is one benign? Without a download.
///
/// `x` is float32 of shape `(n, 30)`: the mean over the cells of a picture, its standard error and the worst value of
/// radius, texture, perimeter, area, smoothness, compactness, concavity, concave points, symmetry and fractal
/// dimension. `y` is uint8 of shape `(n,)`: 0 malignant (212), 1 benign (357). 455 for training, 114 for testing:
/// always the same. [`Split::standardized`] brings the columns to one scale.
///
/// Source: W. Wolberg, O. Mangasarian, N. Street and W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine
/// Learning Repository, 1993, [doi:10.24432/C5DW2B](https://doi.org/10.24432/C5DW2B), licensed
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
///
/// # Errors
/// When memory runs out.
///
/// # Examples
/// ```
/// let table = keras::datasets::breast_cancer()?;
/// assert_eq!((table.train.0.dims(), table.test.1.dims()), (&[455, 30][..], &[114][..]));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn breast_cancer() -> Result<Split> {
    const TABLE: Table = Table {
        file: include_bytes!("../../data/breast_cancer.bin.gz"),
        rows: 569,
        columns: 30,
    };
    TABLE.split(true)
}

/// 150 irises of three kinds, without a download.
///
/// `x` is float32 of shape `(n, 4)`: length and width of the sepal, length and width of the petal, in centimetres. `y`
/// is uint8 of shape `(n,)`: 0 setosa, 1 versicolor, 2 virginica, 50 of each. 120 for training, 30 for testing: always
/// the same.
///
/// Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", 1936; "Iris", UCI Machine Learning
/// Repository, [doi:10.24432/C56C76](https://doi.org/10.24432/C56C76), licensed
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/); as scikit-learn has it.
///
/// # Errors
/// When memory runs out.
///
/// # Examples
/// ```
/// let irises = keras::datasets::iris()?;
/// assert_eq!((irises.train.0.dims(), irises.test.1.dims()), (&[120, 4][..], &[30][..]));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn iris() -> Result<Split> {
    const TABLE: Table = Table {
        file: include_bytes!("../../data/iris.bin.gz"),
        rows: 150,
        columns: 4,
    };
    TABLE.split(true)
}

/// 178 Italian wines of three growers, without a download.
///
/// `x` is float32 of shape `(n, 13)`: alcohol, malic acid, ash, alcalinity of ash, magnesium, phenols, flavanoids,
/// nonflavanoid phenols, proanthocyanins, colour intensity, hue, OD280/OD315, proline. `y` is uint8 of shape `(n,)`:
/// 0 (59 wines), 1 (71) or 2 (48). 142 for training, 36 for testing: always the same.
///
/// Source: S. Aeberhard and M. Forina, "Wine", UCI Machine Learning Repository, 1991,
/// [doi:10.24432/C5PC7J](https://doi.org/10.24432/C5PC7J), licensed
/// [CC BY 4.0](https://creativecommons.org/licenses/by/4.0/).
///
/// # Errors
/// When memory runs out.
///
/// # Examples
/// ```
/// let wines = keras::datasets::wine()?;
/// assert_eq!((wines.train.0.dims(), wines.test.1.dims()), (&[142, 13][..], &[36][..]));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn wine() -> Result<Split> {
    const TABLE: Table = Table {
        file: include_bytes!("../../data/wine.bin.gz"),
        rows: 178,
        columns: 13,
    };
    TABLE.split(true)
}

/// 442 people with diabetes: how far has it gone after a year? Without a download.
///
/// `x` is float32 of shape `(n, 10)`: age in years, sex (1 or 2), body mass index, mean blood pressure, and six
/// measurements of blood: total cholesterol, LDL, HDL, their ratio, the logarithm of triglycerides, glucose. `y` is
/// float32 of shape `(n,)`, the progression, 25 to 346. 353 for training, 89 for testing: always the same.
///
/// Source: B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, "Least Angle Regression", Annals of Statistics, 2004,
/// the raw data, as scikit-learn has it.
///
/// # Errors
/// When memory runs out.
///
/// # Examples
/// ```
/// let people = keras::datasets::diabetes()?;
/// assert_eq!((people.train.0.dims(), people.test.1.dims()), (&[353, 10][..], &[89][..]));
/// # Ok::<(), keras_core::Error>(())
/// ```
pub fn diabetes() -> Result<Split> {
    const TABLE: Table = Table {
        file: include_bytes!("../../data/diabetes.bin.gz"),
        rows: 442,
        columns: 10,
    };
    TABLE.split(false)
}
