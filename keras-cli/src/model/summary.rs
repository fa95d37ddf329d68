//! `keras summary`.

use keras_core::models;
use keras_runs::printable;
use serde_json::{Value, json};

use super::source::Source;
use crate::cli::Summary;
use crate::{Out, Outcome};

pub(crate) fn run(arguments: &Summary, out: &mut Out) -> Outcome {
    let model = Source::open(&arguments.file)?.model()?;
    if arguments.json {
        let count = |variables: &[keras_core::Variable]| -> usize {
            variables
                .iter()
                .map(|v| v.shape().iter().product::<usize>())
                .sum()
        };
        let layers: Vec<Value> = model
            .layers()
            .iter()
            .map(|layer| {
                let weights = layer.weights("");
                let variables: Vec<_> = weights.iter().map(|(_, v)| v.clone()).collect();
                let class_name = layer.read().class_name().to_owned();
                json!({"name": layer.name(), "class_name": class_name, "params": count(&variables)})
            })
            .collect();
        return out.json(&json!({"name": model.name(), "params": model.count_params(),
            "trainable_params": count(&model.trainable_variables()),
            "inputs": model.input_shapes(), "outputs": model.output_shapes(), "layers": layers}));
    }
    let width = out.width();
    let options = models::Summary {
        line_length: arguments.width.or((width < usize::MAX).then_some(width)),
        expand_nested: arguments.expand_nested,
        show_trainable: arguments.show_trainable,
    };
    for line in model.summary_with(&options).lines() {
        out.line(printable(line))?;
    }
    Ok(())
}
