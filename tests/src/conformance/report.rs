//! What came of the cases.

use std::fmt;

/// What came of one case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Everything matched.
    Passed,
    /// What differed.
    Failed(String),
    /// What is not there yet.
    Unsupported(String),
}

/// Something that this project does not have; counts as failed but is told apart.
#[derive(Debug)]
pub(crate) struct Unsupported(pub(crate) String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

/// The kinds of classes that the registry holds.
const CLASSES: [&str; 10] = [
    "loss",
    "metric",
    "layer",
    "optimizer",
    "learning-rate schedule",
    "initializer",
    "regularizer",
    "constraint",
    "activation",
    "callback",
];

impl Outcome {
    /// A class that the registry does not know is unsupported, anything else a failure.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let text = one_line(&format!("{error:#}"));
        let unknown = error.chain().any(|cause| {
            cause.is::<Unsupported>() || cause.downcast_ref::<keras::Error>().is_some_and(unknown_class)
        });
        if unknown {
            Self::Unsupported(text)
        } else {
            Self::Failed(text)
        }
    }
}

fn unknown_class(error: &keras::Error) -> bool {
    match error {
        keras::Error::Unknown { kind, .. } => CLASSES.contains(kind),
        keras::Error::Context { source, .. } => unknown_class(source),
        _ => false,
    }
}

/// Messages may list what is available on further lines.
fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// How many cases of a family passed, failed or are unsupported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The family.
    pub family: String,
    /// Cases that passed.
    pub passed: usize,
    /// Cases that differed.
    pub failed: usize,
    /// Cases of classes that are not there.
    pub unsupported: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            family,
            passed,
            failed,
            unsupported,
        } = self;
        write!(
            f,
            "{family}: passed {passed}, failed {failed}, unsupported {unsupported}"
        )
    }
}

/// All outcomes of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    families: Vec<Counts>,
    outcomes: Vec<(String, String, Outcome)>,
}

impl Report {
    pub(crate) fn start(&mut self, family: &str) {
        self.families.push(Counts {
            family: family.to_owned(),
            ..Counts::default()
        });
    }

    pub(crate) fn add(&mut self, family: &str, name: String, outcome: Outcome) {
        if let Some(counts) = self.families.last_mut() {
            match outcome {
                Outcome::Passed => counts.passed += 1,
                Outcome::Failed(_) => counts.failed += 1,
                Outcome::Unsupported(_) => counts.unsupported += 1,
            }
        }
        self.outcomes.push((family.to_owned(), name, outcome));
    }

    /// The counts of each family.
    pub fn families(&self) -> &[Counts] {
        &self.families
    }

    /// Family, name and outcome of each case.
    pub fn outcomes(&self) -> &[(String, String, Outcome)] {
        &self.outcomes
    }

    /// How many cases passed.
    pub fn passed(&self) -> usize {
        self.families.iter().map(|f| f.passed).sum()
    }

    /// How many did not: failed or unsupported.
    pub fn failed(&self) -> usize {
        self.families.iter().map(|f| f.failed + f.unsupported).sum()
    }
}
