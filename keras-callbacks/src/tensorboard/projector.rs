//! Embeddings for TensorBoard's projector.

use std::fmt::Write as _;
use std::path::Path;

use keras_core::layers::Embedding;
use keras_core::ops::host;
use keras_core::{Error, LayerRef, Model, Result, Variable};
use serde_json::Value;

use crate::folder;

/// The embedding layers of a model, by name.
pub(super) fn layers(model: &Model) -> Vec<(String, Variable)> {
    let mut found = Vec::new();
    for layer in model.layers() {
        collect(layer, "", &mut found);
    }
    found
}

fn collect(layer: &LayerRef, before: &str, found: &mut Vec<(String, Variable)>) {
    let path = format!("{before}{}", layer.name());
    let within = {
        let read = layer.read();
        let plain: &dyn std::any::Any = &**read;
        if plain.is::<Embedding>() {
            let weight = layer.weights("").into_iter().next();
            found.extend(weight.map(|(_, table)| (path.clone(), table)));
        }
        read.sublayers()
    };
    for layer in &within {
        collect(layer, &format!("{path}/"), found);
    }
}

/// Checks that `metadata` names layers that are there.
pub(super) fn check(model: &Model, metadata: &Value) -> Result<()> {
    let known: Vec<String> = layers(model).into_iter().map(|(name, _)| name).collect();
    for name in metadata.as_object().into_iter().flat_map(|map| map.keys()) {
        if !known.contains(name) {
            let error = Error::unknown("embedding layer", name, known);
            return Err(error.context("TensorBoard: embeddings_metadata"));
        }
    }
    Ok(())
}

/// Writes the tables as they are now, and the file that tells the projector of them.
pub(super) fn write(log_dir: &Path, model: &Model, metadata: &Value) -> Result<()> {
    let mut config = String::new();
    for (name, table) in layers(model) {
        let file = format!("embeddings/{}.tsv", name.replace('/', "_"));
        save(&log_dir.join(&file), &rows(&table)?)?;
        config += "embeddings {\n";
        config += &format!("  tensor_name: {:?}\n", format!("{name}/embeddings"));
        let labels = metadata.as_str().or_else(|| metadata.get(&name)?.as_str());
        if let Some(labels) = labels {
            config += &format!("  metadata_path: {labels:?}\n");
        }
        config += &format!("  tensor_path: {file:?}\n}}\n");
    }
    save(&log_dir.join("projector_config.pbtxt"), &config)
}

/// A line for each row, its numbers separated by tabs.
fn rows(table: &Variable) -> Result<String> {
    let width = table.shape().last().copied().unwrap_or(1).max(1);
    let text = host::read(&table.value(), |values: &[f32]| {
        let mut text = String::new();
        for row in values.chunks(width) {
            for (column, value) in row.iter().enumerate() {
                let separator = if column == 0 { "" } else { "\t" };
                let _ = write!(text, "{separator}{value}");
            }
            text.push('\n');
        }
        Ok(text)
    });
    Ok(text?)
}

fn save(path: &Path, text: &str) -> Result<()> {
    folder::create(folder::of(path))?;
    std::fs::write(path, text).map_err(|e| Error::io(path, "cannot write", e))
}
