//! Every argument of every registered class with values that few can have: an error that names class, argument and
//! value, unless it is listed here that an argument of this name can have the value.

use std::path::Path;

use keras_tests::misuse::{Attempt, Example, Outcome, attempts};
use serde_json::Value;

/// The arguments that can have a value, by its JSON. True is for all that are true or false, text for all names.
const TAKEN: &[(&str, &str)] = &[
    (
        "null",
        "activation adam_weight_decay alpha_initializer arguments attention_axes average axis backward_layer \
         beta_initializer bias_axes bias_initializer build_input_shape class_aggregation data_format \
         depthwise_initializer dtype embeddings_initializer exclude_layers fft_length function gamma_initializer \
         kernel_initializer l1 l2 mask_value max_freq max_to_keep max_value merge_mode moving_mean_initializer \
         moving_variance_initializer name offset oov_token optional output_shape pointwise_initializer profile_batch \
         ragged recurrent_activation recurrent_initializer reduction rms_rate save_freq scaling sequence_length sparse \
         split standardize strides tile_grid_size trainable update_freq value_dim vocabulary vocabulary_size \
         warmup_target weight_decay window",
    ),
    (
        "[]",
        "axis batch_shape bin_boundaries exclude_layers input_axes labels layers ngrams noise_shape output_axes \
         output_shape shared_axes target_names",
    ),
    (
        "0",
        "adam_beta_1 adam_beta_2 adam_lr_ratio adam_weight_decay addition_factor alpha axis baseline beta beta_1 \
         beta_2 beta_2_decay brightness_factor chain_depth class_id clip_limit clipnorm clipvalue contrast_factor \
         cooldown cropping decay_rate digits dropout ema_momentum embeddings_freq end_learning_rate epsilon epsilon_1 \
         epsilon_2 every explode factor fill_value gain gamma global_clipnorm height_factor histogram_freq hue_factor \
         ignore_class initial_accumulator_value initial_learning_rate initial_value_threshold l1 \
         l1_regularization_strength l2 l2_regularization_strength l2_shrinkage_regularization_strength \
         label_smoothing labels learning_rate learning_rate_power m_mul margin mask_token mask_value max_value maxval \
         mean min_delta min_freq min_lr min_value minval momentum muon_a muon_b muon_c negative_slope \
         num_oov_indices num_ops num_regressors offset oov_token output_padding padding patience port power precision \
         profile_batch rate recall recurrent_dropout ref_power renorm_momentum rho rms_rate salt saturation_factor \
         scale seed sensitivity sequence_length sigma smoothing specificity start_from_epoch stddev stop_after \
         target_class_ids threshold threshold_factor thresholds top_db value verbose vocabulary_size warmup_steps \
         warmup_target weight_decay width_factor x_factor y_factor",
    ),
    (
        "-1",
        "alpha axes axis baseline beta_2_decay brightness_factor explode factor fill_value gain groups height_factor \
         ignore_class initial_value_threshold learning_rate_power mask_token mask_value mean min_delta minval muon_a \
         muon_b muon_c offset oov_token saturation_factor scale shared_axes threshold value width_factor",
    ),
    (
        "-0.5",
        "alpha baseline beta_2_decay brightness_factor explode factor fill_value gain height_factor \
         initial_value_threshold learning_rate_power mask_value mean min_delta minval muon_a muon_b muon_c offset \
         saturation_factor scale threshold value width_factor",
    ),
    (
        "1.5",
        "adam_lr_ratio adam_weight_decay alpha baseline beta clip_limit clip_threshold clipnorm clipvalue decay_rate \
         decay_steps delta diverge end_learning_rate epsilon epsilon_1 epsilon_2 explode factor fill_value \
         first_decay_steps gain gamma global_clipnorm initial_accumulator_value initial_learning_rate initial_scale \
         initial_value_threshold l1 l1_regularization_strength l2 l2_regularization_strength \
         l2_shrinkage_regularization_strength learning_rate logit_soft_cap loss_scale_factor m_mul mag_exp margin \
         mask_value max_freq max_lr max_value maxval mean min_delta min_freq min_lr min_power muon_a muon_b muon_c \
         negative_slope offset power ref_power rms_rate sampling_rate scale stddev stop_after t_mul temperature \
         threshold top_db value warmup_steps warmup_target weight_decay",
    ),
    (
        "\"Infinity\"",
        "diverge explode initial_value_threshold mask_value value",
    ),
    ("\"NaN\"", "explode"),
    ("\"3\"", "profile_batch separator"),
    ("[\"text\"]", "exclude_layers target_names vocabulary"),
    (
        "[1,2,3,4,5]",
        "alpha batch_shape bin_boundaries input_axes ngrams output_axes output_shape vocabulary",
    ),
];

/// Arguments that can be any text.
const TEXTS: &str = "backup_dir directory embeddings_metadata exclude_layers field filename filepath function log_dir \
                     mask_token mask_value monitor name oov_token path root";

/// Arguments whose trouble is told as that of another: a wrapper that has nothing to compute, an input that
/// does not fit a value which is right in itself.
const OTHERWISE: &str = "Wrapper axis dims multi_label sparse_y_pred stateful layers";

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|listed| listed == word)
}

fn can_be(attempt: &Attempt) -> bool {
    let value = attempt.value.to_string();
    let argument = attempt.argument.as_str();
    match &attempt.value {
        // What a model was built for is looked at only where it has no input layer.
        _ if argument == "build_input_shape" => true,
        Value::Bool(_) => attempt.right.is_boolean(),
        Value::Null if attempt.right.is_null() => true,
        Value::String(_) if listed(TEXTS, argument) => true,
        _ => TAKEN
            .iter()
            .any(|(taken, by)| *taken == value && listed(by, argument)),
    }
}

/// What is wrong with a message.
fn unclear(example: &Example, attempt: &Attempt, message: &str) -> Option<&'static str> {
    let argument = attempt.argument.as_str();
    if listed(OTHERWISE, argument) || listed(OTHERWISE, attempt.class_name) {
        return None;
    }
    let named = |name: &String| message.contains(name.as_str());
    if !example.names.iter().any(named) {
        return Some("does not name the class");
    }
    if !message.contains(argument) {
        return Some("does not name the argument");
    }
    let value = match &attempt.value {
        Value::String(text) if text == "Infinity" => "inf",
        Value::String(text) => text,
        Value::Array(_) | Value::Object(_) => return None,
        other => &other.to_string(),
    };
    let shown = message.contains(value) || attempt.value.as_str().is_some_and(|text| message.contains(text));
    // What is right in itself and lacks something else.
    let lacks = [
        "is required",
        "not supported",
        "needs",
        "give",
        "one shape",
        "no index",
    ];
    let other = lacks.iter().any(|words| message.contains(words));
    (!shown && !other).then_some("does not show the value")
}

#[test]
fn no_argument_takes_what_it_cannot_be() -> anyhow::Result<()> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let (mut wrong, mut count) = (Vec::new(), 0);
    attempts(&golden, |example, attempt| {
        count += 1;
        let why = match &attempt.outcome {
            Outcome::Panicked(message) => Some(format!("panicked: {message}")),
            Outcome::Refused(message) => {
                unclear(example, &attempt, message).map(|why| format!("{why}: {message}"))
            }
            Outcome::NotFinite if !attempt.argument.starts_with("muon_") && attempt.argument != "value" => {
                Some("was taken, and gave numbers that are not finite".to_owned())
            }
            _ if !can_be(&attempt) => Some("was taken".to_owned()),
            _ => None,
        };
        if let Some(why) = why {
            let Attempt {
                class_name,
                argument,
                value,
                ..
            } = &attempt;
            wrong.push(format!("{class_name}({argument}={value}) {why}"));
        }
    })?;
    assert!(count > 30_000, "{count}");
    assert!(
        wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}
