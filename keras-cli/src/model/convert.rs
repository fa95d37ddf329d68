//! `keras convert`.

use std::path::Path;

use keras_core::ops::Tensor;
use keras_core::saving::{save_tensors, write_atomic};
use keras_core::{Error, Result, set_random_seed};
use keras_runs::printable;
use serde_json::json;

use super::npz;
use super::source::{Source, is_weight};
use crate::cli::Convert;
use crate::{End, Out, Outcome};

pub(crate) fn run(arguments: &Convert, out: &mut Out) -> Outcome {
    let (from, to) = (&arguments.from, &arguments.to);
    if to.exists() && !arguments.force {
        return Err(Error::file(to, "this is there already; --force writes over it").into());
    }
    let kind = to.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    if arguments.weights.is_some() && kind != "keras" {
        return Err(End::usage(
            "--weights is for a model: name a file that ends in .keras",
        ));
    }
    let mut source = Source::open(from)?;
    let tensors = match kind {
        "json" => {
            let json = source.model()?.to_json()?;
            write_atomic(to, |file| {
                std::io::Write::write_all(file, format!("{json}\n").as_bytes())
                    .map_err(|e| Error::io(to, "cannot write", e))
            })?;
            0
        }
        "safetensors" | "npz" => {
            let tensors = read(&mut source, arguments.all)?;
            match kind {
                "npz" => npz::write(to, &tensors)?,
                _ => save_tensors(to, &tensors)?,
            }
            tensors.len()
        }
        "keras" => {
            if let Some(seed) = arguments.seed {
                set_random_seed(seed);
            }
            model(&mut source, arguments.weights.as_deref(), to)?
        }
        other => {
            let known = ["json", "keras", "npz", "safetensors"]
                .map(str::to_owned)
                .to_vec();
            return Err(End::Usage(Error::unknown("format to write", other, known)));
        }
    };
    let (from, to) = (from.to_string_lossy(), to.to_string_lossy());
    match arguments.json {
        true => out.json(&json!({"from": from, "to": to, "kind": source.kind(), "tensors": tensors})),
        false if tensors == 0 => out.line(printable(&format!("{to}: the model of {from}"))),
        false => out.line(printable(&format!("{to}: {tensors} tensors of {from}"))),
    }
}

/// The weights, or all.
fn read(source: &mut Source, all: bool) -> Result<Vec<(String, Tensor)>> {
    let forms = source.tensors()?;
    let names = forms.into_iter().map(|(name, ..)| name);
    let names = names.filter(|name| all || is_weight(name));
    names
        .map(|name| Ok((name.clone(), source.read(&name)?)))
        .collect()
}

/// Saves a model that is not compiled: with the weights of a file, or of its own, or new ones.
fn model(source: &mut Source, weights: Option<&Path>, to: &Path) -> Result<usize> {
    let mut model = source.model()?;
    let weights = match (weights, &*source) {
        (Some(path), _) => Some(read(&mut Source::open(path)?, false)?),
        (None, Source::Json(..)) => None,
        (None, _) => Some(read(source, false)?),
    };
    if let Some(weights) = weights {
        // One road for all formats: names and shapes are compared there.
        let folder =
            tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), "cannot make a folder", e))?;
        let file = folder.path().join("weights.safetensors");
        save_tensors(&file, &weights)?;
        model.load_weights(&file)?;
    }
    model.save(to)?;
    Ok(model.weights().len())
}
