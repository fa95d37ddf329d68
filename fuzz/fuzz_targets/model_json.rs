//! Text as a model's configuration: a model or an error, and a model's own configuration makes it again.

#![no_main]

use keras::{Device, Model};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let registry = keras::registry();
    let Ok(config) = serde_json::from_str(text) else { return };
    let Ok(model) = Model::from_config_on(&config, registry, &Device::Cpu) else { return };
    let config = model.to_config().expect("a model has a configuration");
    Model::from_config_on(&config, registry, &Device::Cpu).expect("it makes the model again");
});
