//! What a model was compiled with, as Keras's configuration.

use serde_json::{Map, Value, json};

use super::{CompiledMetric, Pending, Trainer, lock};
use crate::Loss;

impl Trainer {
    /// `{optimizer, loss, loss_weights, metrics, weighted_metrics, steps_per_execution}`: what
    /// [`Compile::from_config`](super::Compile::from_config) reads. Where there are several outputs, losses
    /// and metrics are by output.
    pub(crate) fn compile_config(&self, outputs: &[String]) -> Value {
        let running = lock(&self.running);
        let (mut losses, mut factors) = (Map::new(), Map::new());
        for part in &running.losses {
            let name = &outputs[part.output];
            losses.insert(name.clone(), self.loss(&part.loss));
            factors.extend(part.weight.map(|w| (name.clone(), json!(w))));
        }
        let metrics = |weighted| {
            let mut all = Map::new();
            for metric in running.metrics.iter().filter(|m| m.weighted == weighted) {
                let list = all
                    .entry(outputs[metric.output].clone())
                    .or_insert_with(|| json!([]));
                list.as_array_mut()
                    .into_iter()
                    .for_each(|list| list.push(self.metric(metric)));
            }
            all
        };
        let optimizer = &self.optimizer;
        let one = |map: Map<String, Value>| match (map.is_empty(), outputs) {
            (true, _) => Value::Null,
            (false, [only]) => map.get(only).cloned().unwrap_or_default(),
            (false, _) => Value::Object(map),
        };
        json!({
            "optimizer": self.registry.optimizers.envelope(optimizer.class_name(), optimizer.full_config()),
            "loss": one(losses),
            "loss_weights": one(factors),
            "metrics": one(metrics(false)),
            "weighted_metrics": one(metrics(true)),
            "steps_per_execution": self.steps_per_execution,
        })
    }

    fn loss(&self, loss: &Pending<std::sync::Arc<dyn Loss>>) -> Value {
        match loss {
            Pending::ByShape(name) => json!(name),
            Pending::Ready(loss) => self.registry.losses.envelope(loss.class_name(), loss.config()),
        }
    }

    fn metric(&self, metric: &CompiledMetric) -> Value {
        match &metric.metric {
            Pending::ByShape(name) => json!(name),
            Pending::Ready(metric) => self
                .registry
                .metrics
                .envelope(metric.class_name(), metric.config()),
        }
    }
}
