//! Names of layers within layers.

use rustc_hash::FxHashSet;

use crate::config::snake_case;
use crate::layer::LayerRef;

/// Names the layers that have no name after their classes, with a number from the second of a name on.
pub(super) fn give(layers: &[LayerRef]) {
    let mut taken: FxHashSet<String> = layers
        .iter()
        .map(LayerRef::name)
        .filter(|n| !n.is_empty())
        .collect();
    for layer in layers.iter().filter(|layer| layer.name().is_empty()) {
        let stem = snake_case(layer.read().class_name());
        let mut free = std::iter::once(stem.clone()).chain((1..).map(|i| format!("{stem}_{i}")));
        let name = free.find(|name| !taken.contains(name)).unwrap_or(stem);
        taken.insert(name.clone());
        layer.write().base_mut().set_auto_name(name);
    }
}
