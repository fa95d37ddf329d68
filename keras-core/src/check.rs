//! The numbers that arguments may be.
//!
//! Keras takes most of them as they come. A rate of 1.5, a negative learning rate or NaN can only be a mistake, so here
//! they are errors, found when an object is read from a configuration and again when it is put to use, however it was
//! made.

use serde_json::Value;

use crate::config::FromValue;
use crate::registry::Entries;
use crate::{Config, Result, bail};

/// Which numbers.
#[derive(Clone, Copy, Debug)]
enum Range {
    Number,
    Finite,
    NotNegative,
    NotPositive,
    Positive,
    Share,
    AtLeastOne,
}

impl Range {
    fn holds(self, number: f64) -> bool {
        let fits = match self {
            Self::Number => return !number.is_nan(),
            Self::Finite => true,
            Self::NotNegative => number >= 0.,
            Self::NotPositive => number <= 0.,
            Self::Positive => number > 0.,
            Self::Share => (0. ..=1.).contains(&number),
            Self::AtLeastOne => number >= 1.,
        };
        fits && number.is_finite()
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Number => "a number, not NaN",
            Self::Finite => "a finite number",
            Self::NotNegative => "a finite number, 0 or more",
            Self::NotPositive => "a finite number, 0 or less",
            Self::Positive => "a finite number above 0",
            Self::Share => "between 0 and 1",
            Self::AtLeastOne => "1 or more",
        }
    }
}

/// By argument, whatever the class: Keras names arguments of one meaning alike.
const ARGUMENTS: &[(&str, Range)] = &[
    ("adam_lr_ratio", Range::NotNegative),
    ("adam_weight_decay", Range::NotNegative),
    ("alpha", Range::Finite),
    ("beta", Range::NotNegative),
    ("beta_2_decay", Range::NotPositive),
    ("boundaries", Range::NotNegative),
    ("clip_limit", Range::NotNegative),
    ("clip_threshold", Range::Positive),
    ("clipnorm", Range::NotNegative),
    ("clipvalue", Range::NotNegative),
    ("decay_rate", Range::NotNegative),
    ("decay_steps", Range::Positive),
    ("delta", Range::Positive),
    ("dropout", Range::Share),
    ("ema_momentum", Range::Share),
    ("end_learning_rate", Range::NotNegative),
    ("epsilon", Range::NotNegative),
    ("epsilon_1", Range::NotNegative),
    ("epsilon_2", Range::NotNegative),
    ("fill_value", Range::Finite),
    ("first_decay_steps", Range::Positive),
    ("gain", Range::Finite),
    ("gamma", Range::NotNegative),
    ("global_clipnorm", Range::NotNegative),
    ("initial_accumulator_value", Range::NotNegative),
    ("initial_learning_rate", Range::NotNegative),
    ("k", Range::AtLeastOne),
    ("l1_regularization_strength", Range::NotNegative),
    ("l2_regularization_strength", Range::NotNegative),
    ("l2_shrinkage_regularization_strength", Range::NotNegative),
    ("label_smoothing", Range::Share),
    ("learning_rate", Range::NotNegative),
    ("learning_rate_power", Range::NotPositive),
    ("logit_soft_cap", Range::Positive),
    ("loss_scale_factor", Range::Positive),
    ("m_mul", Range::NotNegative),
    ("mag_exp", Range::Positive),
    ("margin", Range::NotNegative),
    ("max_freq", Range::Positive),
    ("max_value", Range::NotNegative),
    ("maxval", Range::Finite),
    ("mean", Range::Finite),
    ("min_freq", Range::NotNegative),
    ("min_power", Range::Positive),
    ("min_value", Range::NotNegative),
    ("minval", Range::Finite),
    ("momentum", Range::Share),
    ("muon_a", Range::Finite),
    ("muon_b", Range::Finite),
    ("muon_c", Range::Finite),
    ("negative_slope", Range::Finite),
    ("ngrams", Range::AtLeastOne),
    ("ns_steps", Range::AtLeastOne),
    ("offset", Range::Finite),
    ("output_sequence_length", Range::AtLeastOne),
    ("power", Range::NotNegative),
    ("rate", Range::Share),
    ("recurrent_dropout", Range::Share),
    ("ref_power", Range::NotNegative),
    ("renorm_momentum", Range::Share),
    ("rms_rate", Range::NotNegative),
    ("sampling_rate", Range::Positive),
    ("scale", Range::Finite),
    ("stddev", Range::NotNegative),
    ("t_mul", Range::Positive),
    ("threshold", Range::Finite),
    ("top_db", Range::NotNegative),
    ("top_k", Range::AtLeastOne),
    ("value", Range::Number),
    ("variance", Range::NotNegative),
    ("warmup_steps", Range::NotNegative),
    ("warmup_target", Range::NotNegative),
    ("weight_decay", Range::NotNegative),
];

/// Where a class means something else by it.
const OF_CLASSES: &[(&str, &str, Range)] = &[
    ("AugMix", "alpha", Range::Positive),
    ("BackupAndRestore", "save_freq", Range::AtLeastOne),
    ("BinaryFocalCrossentropy", "alpha", Range::Share),
    ("CategoricalFocalCrossentropy", "alpha", Range::NotNegative),
    ("Circle", "gamma", Range::Positive),
    ("Discretization", "epsilon", Range::Share),
    ("EarlyStopping", "baseline", Range::Finite),
    ("EarlyStopping", "min_delta", Range::Finite),
    ("Ftrl", "learning_rate", Range::Positive),
    ("Masking", "mask_value", Range::Number),
    ("MaxNumBoundingBoxes", "max_number", Range::AtLeastOne),
    ("MixUp", "alpha", Range::Positive),
    ("ModelCheckpoint", "initial_value_threshold", Range::Number),
    ("ModelCheckpoint", "save_freq", Range::AtLeastOne),
    ("OrbaxCheckpoint", "initial_value_threshold", Range::Number),
    ("OrbaxCheckpoint", "max_to_keep", Range::AtLeastOne),
    ("OrbaxCheckpoint", "save_freq", Range::AtLeastOne),
    ("PiecewiseConstantDecay", "values", Range::NotNegative),
    ("ReduceLROnPlateau", "factor", Range::NotNegative),
    ("ReduceLROnPlateau", "min_delta", Range::Finite),
    ("ReduceLROnPlateau", "min_lr", Range::NotNegative),
    ("TensorBoard", "update_freq", Range::AtLeastOne),
    ("Tversky", "alpha", Range::NotNegative),
    ("VarianceScaling", "scale", Range::Positive),
];

/// Checks the numbers among the arguments of one of Keras's classes; those of a class that is not among `entries`, or is
/// not Keras's, are its own affair.
///
/// # Errors
/// When a number cannot be meant.
pub(crate) fn numbers<T: ?Sized>(entries: &Entries<T>, class_name: &str, config: &Config) -> Result<()> {
    let entry = entries.iter().find(|entry| entry.class_name == class_name);
    match entry.is_some_and(|entry| entry.module.starts_with("keras")) {
        true => of_class(class_name, config),
        false => Ok(()),
    }
}

fn of_class(class_name: &str, config: &Config) -> Result<()> {
    for (argument, value) in &config.0 {
        let own = OF_CLASSES
            .iter()
            .find(|(class, name, _)| *class == class_name && name == argument)
            .map(|(_, _, range)| *range);
        let any = || {
            let found = ARGUMENTS.binary_search_by(|(name, _)| (*name).cmp(argument));
            found.ok().map(|at| ARGUMENTS[at].1)
        };
        if let Some(range) = own.or_else(any)
            && let Some(number) = first_outside(value, range)
        {
            bail!(
                "{class_name}: `{argument}` must be {}, got {number}",
                range.expected()
            );
        }
    }
    Ok(())
}

/// The first number of a value, or of the lists in it, that is not in the range; what is no number is checked where it
/// is read.
fn first_outside(value: &Value, range: Range) -> Option<f64> {
    match value {
        Value::Array(items) => items.iter().find_map(|item| first_outside(item, range)),
        other => f64::from_value(other).filter(|number| !range.holds(*number)),
    }
}

#[cfg(test)]
mod tests {
    use super::ARGUMENTS;

    #[test]
    fn arguments_are_in_order() {
        assert!(ARGUMENTS.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
