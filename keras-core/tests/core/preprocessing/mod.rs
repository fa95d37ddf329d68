//! Layers that prepare data, against real Keras and by hand.

mod arrays;
mod categories;
mod images;
mod text;

use serde_json::{Value, json};

/// Arguments for a layer of this room, those that it needs among them.
pub(crate) fn arguments(class_name: &str) -> Value {
    match class_name {
        "CategoryEncoding" => json!({"num_tokens": 4, "output_mode": "count"}),
        "Discretization" => json!({"bin_boundaries": [0.0, 1.5], "output_mode": "one_hot"}),
        "HashedCrossing" => json!({"num_bins": 5, "output_mode": "one_hot"}),
        "Hashing" => json!({"num_bins": 5, "mask_value": "", "salt": 3}),
        "IntegerLookup" => {
            json!({"vocabulary": [3, 1], "mask_token": 0, "oov_method": "farmhash", "salt": [1, 2]})
        }
        "MelSpectrogram" => json!({"window": [1.0, 0.5], "sequence_length": 2, "max_freq": 4000.0}),
        "Normalization" => json!({"axis": [1, 2], "mean": [[1.0, 2.0]], "variance": [[1.0, 4.0]]}),
        "Pipeline" => {
            json!({"layers": [{"class_name": "RandomFlip", "config": {"name": "flip", "seed": 3}}]})
        }
        "STFTSpectrogram" => json!({"mode": "psd", "window": null, "scaling": "spectrum", "frame_step": 3}),
        "StringLookup" => json!({"vocabulary": ["a", "b"], "num_oov_indices": 2, "mask_token": ""}),
        "TextVectorization" => json!({
            "vocabulary": ["a"], "idf_weights": [0.5], "output_mode": "tf_idf", "ngrams": [1, 3], "split": null,
            "standardize": "lower",
        }),
        other => images::arguments(other).unwrap_or_else(|| json!({})),
    }
}
