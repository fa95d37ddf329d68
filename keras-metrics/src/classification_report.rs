//! Precision, recall and F1 by class.

use keras_core::{Result, bail};

use crate::class::metric_class;
use crate::matrix::{Sums, matrix_metric};
use crate::report::{Report, ReportRow};
use crate::state::{ratio, vector};

matrix_metric! {
    /// Precision, recall, F1 and the number of samples by class, their averages, and accuracy, as numbers with names;
    /// [`report`](Self::report) prints them as scikit-learn's `classification_report` does, digit for digit.
    ///
    /// In logs the numbers are `0_precision`, `0_recall`, `0_f1_score`, `0_support`, … by class (or its name), `accuracy`,
    /// `macro_avg_precision`, …, `weighted_avg_f1_score`, ….
    ///
    /// Not in Keras.
    ///
    /// # Shapes
    /// Class numbers `[..]` or one-hot targets, and scores `[.., classes]`, of which the largest decides; or for two classes
    /// probabilities `[..]` or `[.., 1]`; or class numbers. The result is a vector, named by
    /// [`result_names`](keras_core::Metric::result_names).
    ///
    /// # Errors
    /// When the shapes do not fit, a class number or one of `labels` is out of range, the number of classes changes, or there
    /// are more or fewer `target_names` than labels.
    ///
    /// # Examples
    /// ```
    /// use keras_core::Metric;
    /// use keras_metrics::ClassificationReport;
    /// use keras_ops::{Device, Tensor};
    /// let mut metric = ClassificationReport::new().num_classes(Some(3)).sparse_y_pred(true);
    /// let (y, p) = (Tensor::new(&[0u32, 1, 2, 2, 2], &Device::Cpu)?, Tensor::new(&[0u32, 0, 2, 2, 1], &Device::Cpu)?);
    /// metric.update_state(&y, &p, None)?;
    /// assert_eq!(metric.report()?.to_string(), "              precision    recall  f1-score   support
    ///
    ///            0       0.50      1.00      0.67         1
    ///            1       0.00      0.00      0.00         1
    ///            2       1.00      0.67      0.80         3
    ///
    ///     accuracy                           0.60         5
    ///    macro avg       0.50      0.56      0.49         5
    /// weighted avg       0.70      0.60      0.61         5
    /// ");
    /// # Ok::<(), keras_core::Error>(())
    /// ```
    ClassificationReport: "classification_report", ["classification_report"],
    "Precision, recall and F1 by class, and their averages.", None;
    {
        /// The classes listed, in order; without, those that occur in the report, and all in the result.
        labels: Option<Vec<usize>> = None;
        /// The names of the classes listed; without, their numbers.
        target_names: Option<Vec<String>> = None;
        /// Digits after the point in the report.
        digits: usize = 2;
    }
    result(self) {
        let (classes, rest) = self.parts()?;
        let numbers = |row: &ReportRow| [row.precision, row.recall, row.f1_score, row.support];
        let mut values: Vec<f64> = classes.iter().flat_map(numbers).collect();
        values.push(self.state.sums()?.accuracy());
        values.extend(rest.averages.iter().flat_map(numbers));
        let n = values.len();
        vector(values, &[n], self.dtype)
    }
    {
        fn result_names(&self) -> Vec<String> {
            let Ok((classes, rest)) = self.parts() else {
                return Vec::new();
            };
            let columns = |row: &ReportRow| {
                let name = row.name.replace(' ', "_");
                ["precision", "recall", "f1_score", "support"].map(|column| format!("{name}_{column}"))
            };
            let by_class = classes.iter().flat_map(columns);
            by_class.chain(["accuracy".to_owned()]).chain(rest.averages.iter().flat_map(columns)).collect()
        }
    }
}

impl ClassificationReport {
    /// The report so far: the classes that occur, or those of `labels`. It displays as scikit-learn prints it.
    ///
    /// # Errors
    /// When one of `labels` is no class, there are more or fewer `target_names` than labels, or the device fails.
    pub fn report(&self) -> Result<Report> {
        let sums = self.state.sums()?;
        let listed = match (&self.labels, &self.target_names) {
            (Some(labels), _) => labels.clone(),
            (None, Some(_)) => (0..self.state.number()).collect(),
            (None, None) => sums.occurring(),
        };
        let classes = self.rows(&sums, &listed)?;
        let whole = self.labels.is_none() || sums.occurring().iter().all(|class| listed.contains(class));
        let mut averages = averages(&classes);
        if !whole {
            averages.insert(0, sums.row("micro avg", &listed));
        }
        Ok(Report {
            accuracy: whole.then(|| sums.accuracy()),
            averages,
            classes,
            digits: self.digits,
            weighted: self.state.weighted(),
        })
    }

    /// The rows of the result, and the report.
    fn parts(&self) -> Result<(Vec<ReportRow>, Report)> {
        let mut report = self.report()?;
        report.averages.retain(|row| row.name != "micro avg");
        let all: Vec<usize> = match &self.labels {
            Some(labels) => labels.clone(),
            None => (0..self.state.number()).collect(),
        };
        Ok((self.rows(&self.state.sums()?, &all)?, report))
    }

    fn rows(&self, sums: &Sums, listed: &[usize]) -> Result<Vec<ReportRow>> {
        let number = self.state.number();
        if let Some(wrong) = listed.iter().find(|class| **class >= number) {
            bail!(
                "ClassificationReport: class {wrong} of `labels` is not among the {number} classes, which count from 0"
            );
        }
        match &self.target_names {
            Some(names) if names.len() != listed.len() => bail!(
                "ClassificationReport: `target_names` has {} names for {} classes; give `labels` too",
                names.len(),
                listed.len()
            ),
            Some(names) => Ok(listed
                .iter()
                .zip(names)
                .map(|(class, name)| sums.row(name, &[*class]))
                .collect()),
            None => Ok(listed
                .iter()
                .map(|class| sums.row(&class.to_string(), &[*class]))
                .collect()),
        }
    }
}

impl Sums {
    /// The classes with samples or decisions.
    fn occurring(&self) -> Vec<usize> {
        let occurs = |class: &usize| self.truth[*class] != 0. || self.found[*class] != 0.;
        (0..self.truth.len()).filter(occurs).collect()
    }

    fn accuracy(&self) -> f64 {
        ratio(self.right.iter().sum(), self.total)
    }

    /// Of some classes taken together.
    fn row(&self, name: &str, classes: &[usize]) -> ReportRow {
        let sum = |of: &[f64]| classes.iter().map(|class| of[*class]).sum::<f64>();
        let (right, truth, found) = (sum(&self.right), sum(&self.truth), sum(&self.found));
        ReportRow {
            name: name.to_owned(),
            precision: ratio(right, found),
            recall: ratio(right, truth),
            f1_score: ratio(2. * right, truth + found),
            support: truth,
        }
    }
}

fn averages(classes: &[ReportRow]) -> Vec<ReportRow> {
    let support: f64 = classes.iter().map(|row| row.support).sum();
    let average = |name: &str, weight: &dyn Fn(&ReportRow) -> f64| {
        let total: f64 = classes.iter().map(weight).sum();
        let mean =
            |of: fn(&ReportRow) -> f64| ratio(classes.iter().map(|row| weight(row) * of(row)).sum(), total);
        ReportRow {
            name: name.to_owned(),
            precision: mean(|row| row.precision),
            recall: mean(|row| row.recall),
            f1_score: mean(|row| row.f1_score),
            support,
        }
    };
    vec![
        average("macro avg", &|_| 1.),
        average("weighted avg", &|row| row.support),
    ]
}
