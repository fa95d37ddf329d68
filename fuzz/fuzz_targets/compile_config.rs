//! Text as a compile configuration of a model with two outputs.

#![no_main]

use keras::prelude::*;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(config) = serde_json::from_str(text) else { return };
    let names = ["left".to_owned(), "right".to_owned()];
    let Ok(compile) = Compile::from_config(&config, &names, keras::registry()) else { return };
    let x = input([2]);
    let sides = ["left", "right"].map(|name| Dense::new(1).apply(&x).expect("a layer").name(name));
    let mut model = Model::new_on(&x, [&sides[0], &sides[1]], &Device::Cpu).expect("a model");
    let _ = model.compile(compile);
});
