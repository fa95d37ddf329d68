//! Which class was predicted for which, as a table.

use std::fmt::Write;

use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::matrix::matrix_metric;
use crate::state::{ratio, vector};

matrix_metric! {
    /// How often each class (row) was decided to be each class (column): the weight of samples, or with `normalize` the
    /// share of a row (`true`), of a column (`pred`) or of all (`all`). [`table`](Self::table) prints it.
    ///
    /// In logs the numbers are `confusion_matrix_0_0`, `confusion_matrix_0_1`, ….
    ///
    /// Not in Keras; scikit-learn's `confusion_matrix`.
    ///
    /// # Shapes
    /// Class numbers `[..]` or one-hot targets, and scores `[.., classes]`, of which the largest decides; or for two classes
    /// probabilities `[..]` or `[.., 1]`; or class numbers. The result has shape `[classes, classes]`.
    ///
    /// # Errors
    /// When the shapes do not fit, a class number is out of range, the number of classes changes, or `normalize` is unknown.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::ConfusionMatrix;
    /// use keras_ops::{Device, Tensor};
    /// let mut matrix = ConfusionMatrix::new().target_names(Some(vec!["cat".into(), "dog".into()]));
    /// let (y, p) = (Tensor::new(&[0u32, 0, 1, 1, 1], &Device::Cpu)?, Tensor::new(&[0.1f32, 0.7, 0.8, 0.9, 0.3], &Device::Cpu)?);
    /// matrix.update_state(&y, &p, None)?;
    /// assert_eq!(matrix.result()?.to_vec2::<f32>()?, [[1., 1.], [1., 2.]]);
    /// assert_eq!(matrix.table()?, "\
    /// true \\ predicted  cat  dog
    /// cat                 1    1
    /// dog                 1    2
    /// ");
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ConfusionMatrix: "confusion_matrix", ["confusion_matrix"], "How often each class was decided to be each class.", None;
    {
        /// `true` divides by the samples of a class, `pred` by the decisions for one, `all` by all; nothing does not.
        normalize: Option<String> = None;
        /// The names of the classes in the table; without, their numbers.
        target_names: Option<Vec<String>> = None;
    }
    valid(metric) metric.arguments();
    result(self) {
        let n = self.state.number();
        vector(self.values()?, &[n, n], self.dtype)
    }
    {}
}

impl ConfusionMatrix {
    fn arguments(&self) -> Result<()> {
        match self.normalize.as_deref() {
            None | Some("true" | "pred" | "all") => Ok(()),
            Some(other) => {
                bail!("ConfusionMatrix: `normalize` must be true, pred, all or nothing, got `{other}`")
            }
        }
    }

    fn values(&self) -> Result<Vec<f64>> {
        let (counts, sums, n) = (self.state.read()?, self.state.sums()?, self.state.number());
        let share = |(i, count): (usize, &f64)| match self.normalize.as_deref() {
            Some("true") => ratio(*count, sums.truth[i / n]),
            Some("pred") => ratio(*count, sums.found[i % n]),
            Some(_) => ratio(*count, sums.total),
            None => *count,
        };
        Ok(counts.iter().enumerate().map(share).collect())
    }

    /// The matrix as text: a line for each class, a column for each decision. Whole numbers are printed as such, all
    /// others with two digits.
    ///
    /// # Errors
    /// When there are more or fewer `target_names` than classes, or the device fails.
    pub fn table(&self) -> Result<String> {
        let (values, n) = (self.values()?, self.state.number());
        let names = match &self.target_names {
            None => (0..n).map(|class| class.to_string()).collect(),
            Some(names) if names.len() == n => names.clone(),
            Some(names) => bail!(
                "ConfusionMatrix: `target_names` has {} names for {n} classes",
                names.len()
            ),
        };
        let whole = values.iter().all(|v| v.fract() == 0.);
        let cell = |v: &f64| {
            if whole {
                format!("{v:.0}")
            } else {
                format!("{v:.2}")
            }
        };
        let cells: Vec<String> = values.iter().map(cell).collect();
        let corner = "true \\ predicted";
        let longest =
            |texts: &mut dyn Iterator<Item = &String>| texts.map(|t| t.chars().count()).max().unwrap_or(0);
        let first = longest(&mut names.iter()).max(corner.len());
        let widths: Vec<usize> = (0..n)
            .map(|j| longest(&mut cells.iter().skip(j).step_by(n).chain([&names[j]])))
            .collect();
        let mut text = format!("{corner:<first$}");
        let line = |text: &mut String, cells: &[String]| {
            for (cell, width) in cells.iter().zip(&widths) {
                // Writing to a string cannot fail.
                let _ = write!(text, "  {cell:>width$}");
            }
            text.push('\n');
        };
        line(&mut text, &names);
        for (name, row) in names.iter().zip(cells.chunks_exact(n.max(1))) {
            let _ = write!(text, "{name:<first$}");
            line(&mut text, row);
        }
        Ok(text)
    }
}
