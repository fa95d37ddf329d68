//! Precision, recall and F1 by class as a table.

use std::fmt;

/// One line of a [`Report`].
#[derive(Clone, Debug, PartialEq)]
pub struct ReportRow {
    /// The class or the average.
    pub name: String,
    /// Of what was decided for the class, the share that is of it; 0 where nothing was.
    pub precision: f64,
    /// Of what is of the class, the share decided for it; 0 where nothing is.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1_score: f64,
    /// The weight of the samples of the class.
    pub support: f64,
}

/// What [`ClassificationReport::report`](crate::ClassificationReport::report) found; displayed as scikit-learn's
/// `classification_report`.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// By class.
    pub classes: Vec<ReportRow>,
    /// The share of all samples decided right, where the classes listed are all that occur.
    pub accuracy: Option<f64>,
    /// `micro avg` where there is no accuracy, `macro avg` and `weighted avg`.
    pub averages: Vec<ReportRow>,
    /// Digits after the point.
    pub digits: usize,
    /// Whether samples had weights, so that supports are no counts.
    pub weighted: bool,
}

impl Report {
    fn support(&self, support: f64) -> String {
        match (self.weighted, support.fract() == 0.) {
            (false, true) => format!("{support:.0}"),
            (true, true) => format!("{support:.1}"),
            // As short as a number of the state's precision can be written.
            (_, false) if f64::from(support as f32) == support => (support as f32).to_string(),
            (_, false) => support.to_string(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.digits;
        let longest = self.classes.iter().map(|row| row.name.chars().count()).max();
        let width = longest.unwrap_or(0).max("weighted avg".len()).max(digits);
        let line = |f: &mut fmt::Formatter<'_>, row: &ReportRow| {
            writeln!(
                f,
                "{:>width$}  {:>9.digits$} {:>9.digits$} {:>9.digits$} {:>9}",
                row.name,
                row.precision,
                row.recall,
                row.f1_score,
                self.support(row.support),
            )
        };
        writeln!(
            f,
            "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n",
            "", "precision", "recall", "f1-score", "support"
        )?;
        self.classes.iter().try_for_each(|row| line(f, row))?;
        writeln!(f)?;
        if let Some(accuracy) = self.accuracy {
            let all: f64 = self.classes.iter().map(|row| row.support).sum();
            let support = self.support(all);
            writeln!(
                f,
                "{:>width$}  {:>9} {:>9} {accuracy:>9.digits$} {support:>9}",
                "accuracy", "", ""
            )?;
        }
        self.averages.iter().try_for_each(|row| line(f, row))
    }
}
