//! Families and cases as they lie in a folder.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use keras::ops::candle;
use keras::{DType, Device, Envelope, Tensor};
use serde_json::{Value, json};

/// The cases of one file and their tensors.
#[derive(Debug)]
pub struct Family {
    /// The file's name without `.json`.
    pub name: String,
    cases: Vec<Value>,
    tensors: HashMap<String, Tensor>,
}

impl Family {
    /// Reads `NAME.json` and, beside it, `NAME.safetensors`.
    ///
    /// # Errors
    /// When a file is missing or not of the form.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let mut json: Value = serde_json::from_str(&text)?;
        let Value::Array(mut cases) = json["cases"].take() else {
            bail!("expected an object with a list `cases`");
        };
        let archives: Vec<Value> = cases.iter().filter_map(archive_case).collect();
        cases.extend(archives);
        let file = path.with_extension("safetensors");
        let tensors = match file.exists() {
            true => candle::safetensors::load(&file, &Device::Cpu).context("its tensors")?,
            false => HashMap::new(),
        };
        let name = path
            .file_stem()
            .and_then(|s| s.to_str())
            .unwrap_or_default()
            .to_owned();
        Ok(Self { name, cases, tensors })
    }

    /// All cases, in order.
    pub fn cases(&self) -> impl Iterator<Item = Case<'_>> {
        self.cases.iter().map(|json| Case { json, family: self })
    }
}

/// A model whose files lie beside it is also a case of reading these files.
fn archive_case(case: &Value) -> Option<Value> {
    let (archive, weights) = (
        case.get("archive")?.as_str()?,
        case.get("trained_weights")?.as_str()?,
    );
    Some(json!({
        "name": format!("{}/files", case["name"].as_str()?), "kind": "archive",
        "archive": archive, "trained_weights": weights, "x": case["x"],
        "predict_before": case["predict_before"], "predict_after": case["predict_after"],
    }))
}

/// One case: what to build, what to do with it, and what Keras got.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    json: &'a Value,
    family: &'a Family,
}

impl<'a> Case<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.json
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or("(a case without a name)")
    }

    /// A part of it; null when missing.
    pub(crate) fn get(&self, key: &str) -> &'a Value {
        self.json.get(key).unwrap_or(&Value::Null)
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str> {
        self.get(key)
            .as_str()
            .with_context(|| format!("the case has no string `{key}`"))
    }

    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value]> {
        let list = self.get(key).as_array();
        list.map(Vec::as_slice)
            .with_context(|| format!("the case has no list `{key}`"))
    }

    pub(crate) fn number(&self, key: &str) -> Result<f64> {
        number(self.get(key)).with_context(|| format!("the case's `{key}`"))
    }

    /// The serialised object.
    pub(crate) fn object(&self) -> Result<Envelope> {
        Ok(Envelope::from_value(self.get("object"))?)
    }

    /// The tensor under `key`; `None` for null.
    pub(crate) fn tensor_opt(&self, key: &str) -> Result<Option<Tensor>> {
        match self.get(key) {
            Value::Null => Ok(None),
            value => self.tensor(value).map(Some),
        }
    }

    /// The tensor under `key`.
    pub(crate) fn tensor_at(&self, key: &str) -> Result<Tensor> {
        self.tensor(self.get(key))
            .with_context(|| format!("the case's `{key}`"))
    }

    /// The tensor that `value` names; a number stands for itself.
    pub(crate) fn tensor(&self, value: &Value) -> Result<Tensor> {
        if let Some(found) = value.as_str().and_then(|name| self.family.tensors.get(name)) {
            // What indexes and compares wants 64 bits.
            return Ok(match found.dtype() {
                DType::I32 => found.to_dtype(DType::I64)?,
                _ => found.clone(),
            });
        }
        match number(value) {
            Ok(number) => Ok(Tensor::new(number as f32, &Device::Cpu)?),
            Err(_) => bail!("no tensor {value} in {}.safetensors", self.family.name),
        }
    }

    /// The tensors that a list names.
    pub(crate) fn tensors(&self, list: &[Value]) -> Result<Vec<Tensor>> {
        list.iter().map(|value| self.tensor(value)).collect()
    }
}

/// A number, or its name where JSON has none.
pub(crate) fn number(value: &Value) -> Result<f64> {
    match value.as_str() {
        Some("NaN") => Ok(f64::NAN),
        Some("Infinity") => Ok(f64::INFINITY),
        Some("-Infinity") => Ok(f64::NEG_INFINITY),
        _ => value
            .as_f64()
            .with_context(|| format!("expected a number, got {value}")),
    }
}

/// A list of numbers.
pub(crate) fn numbers(values: &[Value]) -> Result<Vec<f64>> {
    values.iter().map(number).collect()
}
