//! Our models in real Keras: `to_json` is loaded there, gets our weights and predicts what we predict. And our event files
//! in real TensorBoard.
//!
//! It needs Python with Keras and TensorBoard (`pip install keras jax tensorboard`): the one that `PYTHON` names, else
//! `python3`. Without it a line on the standard error says that the comparison is left out. What came out last lies in
//! `outcome.txt` and `tensorboard.txt`; `KERAS_OUTCOME=write cargo test -p keras-tests --test python` writes them anew.

#![allow(clippy::unwrap_used)]

mod samples;
mod tensorboard;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use keras::layer::Call;
use keras::{DType, Tensor};
use samples::Sample;
use serde_json::{Value, json};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

#[test]
fn keras_loads_our_models_and_predicts_the_same() -> Result<()> {
    let Some(python) = python("keras")? else {
        return left_out("keras jax");
    };
    let (samples, mut failures) = samples::all()?;
    let folder = tempfile::tempdir()?;
    write(folder.path(), &samples)?;
    let output = Command::new(&python)
        .arg(here().join("check.py"))
        .arg(folder.path())
        .output()
        .with_context(|| format!("cannot run {python}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let version = lines
        .first()
        .and_then(|line| Some((line["keras"].as_str()?, line["backend"].as_str()?)));
    let Some((version, backend)) = version else {
        bail!(
            "check.py said nothing: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    };
    let outcomes: BTreeMap<&str, &str> = lines[1..]
        .iter()
        .filter_map(|line| Some((line["name"].as_str()?, line["outcome"].as_str()?)))
        .collect();
    let mut classes: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for sample in &samples {
        let outcome = outcomes
            .get(sample.name.as_str())
            .copied()
            .unwrap_or("check.py ended before");
        let (same, all) = classes.entry(&sample.class).or_default();
        *all += 1;
        *same += usize::from(outcome == "same");
        if outcome != "same" {
            failures.push(format!("{}: {outcome}", sample.name));
        }
    }
    let table = table(&classes);
    let head = format!(
        "What real Keras {version} ({backend}) makes of our models: of how many it predicts the same.\n\n"
    );
    compare_with_committed("outcome.txt", &head, &table, failures.is_empty())?;
    match failures.as_slice() {
        [] => Ok(()),
        some => bail!(
            "{} of {} models differ:\n{}",
            some.len(),
            samples.len(),
            some.join("\n")
        ),
    }
}

/// Says that there is no Python with `packages`.
fn left_out(packages: &str) -> Result<()> {
    // The handle itself: what a passing test prints is not shown.
    writeln!(
        std::io::stderr(),
        "LEFT OUT: no Python with `pip install {packages}` (PYTHON=… names it): what we write was not read by it"
    )?;
    Ok(())
}

/// The Python to use, when it has `package`.
fn python(package: &str) -> Result<Option<String>> {
    let named = std::env::var("PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let found = Command::new(&python)
        .args(["-c", &format!("import {package}")])
        .output();
    match found {
        Ok(output) if output.status.success() => Ok(Some(python)),
        Ok(output) if named.is_some() => bail!(
            "PYTHON={python} has no {package} that can be imported: {}",
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) if named.is_some() => bail!("PYTHON={python} cannot be run: {error}"),
        _ => Ok(None),
    }
}

fn table(classes: &BTreeMap<&str, (usize, usize)>) -> String {
    let row = |(class, (same, all)): (&&str, &(usize, usize))| format!("{class:<28}{same:>3} of {all}\n");
    let (same, all) = classes
        .values()
        .fold((0, 0), |(s, a), (same, all)| (s + same, a + all));
    let rows: String = classes.iter().map(row).collect();
    format!("{rows}\n{:<28}{same:>3} of {all}\n", "together")
}

/// The committed table must be what came out, so that it never tells of another time.
fn compare_with_committed(file: &str, head: &str, table: &str, passed: bool) -> Result<()> {
    let path = here().join(file);
    if std::env::var("KERAS_OUTCOME").is_ok_and(|value| value == "write") {
        return Ok(std::fs::write(&path, format!("{head}{table}"))?);
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    // The head tells the version.
    let known = committed.split_once("\n\n").map(|(_, table)| table);
    if passed && known != Some(table) {
        bail!("tests/python/{file} is not what came out; write it anew with KERAS_OUTCOME=write:\n{table}");
    }
    Ok(())
}

/// Every layer class is in a sample, or has a reason why not.
#[test]
fn every_layer_class_is_compared() -> Result<()> {
    let (samples, _) = samples::all()?;
    let mut missing = Vec::new();
    for entry in keras::registry().layers.iter() {
        let names = || std::iter::once(&entry.class_name).chain(entry.aliases);
        let compared = samples.iter().any(|s| names().any(|name| s.holds(name)));
        let excused = samples::LEFT_OUT
            .iter()
            .any(|(name, _)| *name == entry.class_name);
        if compared == excused {
            let what = if compared {
                "is compared and excused"
            } else {
                "is in no sample"
            };
            missing.push(format!("{} {what}", entry.class_name));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    Ok(())
}

fn write(folder: &Path, samples: &[Sample]) -> Result<()> {
    let (mut data, mut items) = (Vec::new(), Vec::new());
    for sample in samples {
        let mut places = |tensors: &[Tensor]| -> Result<Vec<Value>> {
            tensors.iter().map(|tensor| place(tensor, &mut data)).collect()
        };
        let inputs = places(&sample.inputs)?;
        let outputs = places(&sample.model.call(&sample.inputs, &mut Call::new(false))?)?;
        let named = sample.model.weights();
        let values: Vec<Tensor> = named.iter().map(|(_, v)| v.value()).collect();
        let mut weights = places(&values)?;
        for (weight, (path, _)) in weights.iter_mut().zip(&named) {
            weight["path"] = json!(path);
        }
        items.push(json!({
            "name": sample.name, "json": sample.model.to_json()?, "weights": weights, "inputs": inputs,
            "outputs": outputs,
        }));
    }
    std::fs::write(folder.join("data.bin"), data)?;
    std::fs::write(folder.join("manifest.json"), serde_json::to_string(&items)?)?;
    Ok(())
}

/// Appends the elements and says where they lie.
fn place(tensor: &Tensor, data: &mut Vec<u8>) -> Result<Value> {
    // NumPy reads at multiples of the size of an element.
    data.resize(data.len().next_multiple_of(8), 0);
    let offset = data.len();
    let flat = tensor.flatten_all()?;
    let dtype = match tensor.dtype() {
        DType::F32 => {
            data.extend(flat.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()));
            "<f4"
        }
        DType::U8 => {
            data.extend(flat.to_vec1::<u8>()?);
            "u1"
        }
        _ => {
            let whole = flat.to_dtype(DType::I64)?.to_vec1::<i64>()?;
            data.extend(whole.iter().flat_map(|v| v.to_le_bytes()));
            "<i8"
        }
    };
    Ok(json!({ "dtype": dtype, "shape": tensor.dims(), "offset": offset }))
}
