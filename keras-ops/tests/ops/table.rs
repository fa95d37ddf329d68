//! Runs a table of closures against the inputs and outputs that real Keras wrote: see the scripts in keras/.

use std::collections::BTreeSet;
use std::path::Path;

use keras_ops::{DType, Device, Result, Tensor, candle};

pub(super) type Run = fn(&[Tensor]) -> Result<Vec<Tensor>>;

/// Checks every case of `keras/NAME.safetensors`; outputs may differ by `tolerance` times the largest of them.
pub(super) fn check(name: &str, tolerance: f64, table: &[(&str, Run)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/ops/keras/{name}.safetensors"));
    let file = candle::safetensors::load(path, &Device::Cpu).unwrap();
    let tensors = |case: &str, kind: &str| -> Vec<Tensor> {
        (0..)
            .map_while(|i| file.get(&format!("{case}/{kind}{i}")).cloned())
            .collect()
    };
    let mut failures = Vec::new();
    for (case, run) in table {
        let want = tensors(case, "out");
        assert!(!want.is_empty(), "{name}: the file has no case `{case}`");
        match run(&tensors(case, "in")) {
            Err(error) => failures.push(format!("{case}: {error}")),
            Ok(got) => failures.extend(compare(case, &got, &want, tolerance)),
        }
    }
    let known: BTreeSet<&str> = table.iter().map(|(case, _)| *case).collect();
    let cases: BTreeSet<&str> = file.keys().filter_map(|k| Some(k.split_once('/')?.0)).collect();
    failures.extend(
        cases
            .difference(&known)
            .map(|case| format!("{case}: not in the table")),
    );
    assert!(
        failures.is_empty(),
        "{name}: {}\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn compare(case: &str, got: &[Tensor], want: &[Tensor], tolerance: f64) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{case}: {} outputs, Keras has {}", got.len(), want.len()));
    }
    got.iter().zip(want).enumerate().find_map(|(i, (got, want))| {
        if got.dims() != want.dims() {
            return Some(format!(
                "{case}: output {i} has shape {:?}, Keras {:?}",
                got.dims(),
                want.dims()
            ));
        }
        let (got, want) = (flat(got), flat(want));
        let largest = want.iter().fold(1f64, |m, x| m.max(x.abs()));
        let wrong = |(g, w): &(&f64, &f64)| {
            let close = (*g - *w).abs() <= tolerance * largest;
            // Infinities and NaN alike are equal.
            !close && g.to_bits() != w.to_bits() && !(g.is_nan() && w.is_nan())
        };
        let at = got.iter().zip(&want).position(|pair| wrong(&pair))?;
        Some(format!(
            "{case}: output {i} at {at}: {}, Keras {}",
            got[at], want[at]
        ))
    })
}

fn flat(x: &Tensor) -> Vec<f64> {
    let x = x.to_dtype(DType::F64).unwrap();
    x.flatten_all().unwrap().to_vec1().unwrap()
}
