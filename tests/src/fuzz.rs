//! Damaged configurations: Keras's own, changed at random, must give a model or an error, never a panic, a hang or
//! more memory than there is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::{Context, Result, bail};
use keras::{Compile, Device, Model};
use serde_json::{Map, Value, json};

/// A model and what it is compiled with, as Keras wrote them.
#[derive(Clone, Debug)]
pub struct Sound {
    model: Value,
    compile: Value,
}

/// The models of a family of cases.
///
/// # Errors
/// When the file is no such family.
pub fn sound(models: &str) -> Result<Vec<Sound>> {
    let json: Value = serde_json::from_str(models)?;
    let cases = json["cases"].as_array().context("expected a list `cases`")?;
    let sound = |case: &Value| Sound {
        model: case["model"].clone(),
        compile: case["compile"].clone(),
    };
    Ok(cases.iter().map(sound).collect())
}

/// What became of a damaged configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A model all the same.
    Made,
    /// A model that could not be compiled.
    NotCompiled,
    /// No model.
    Refused,
}

/// Damages the model that `seed` chooses and tries to build and compile it.
///
/// # Errors
/// When it panics, or a model that was made cannot be made again from the configuration it gives.
pub fn run(sound: &[Sound], seed: u64) -> Result<Outcome> {
    let mut random = Random(seed);
    let mut chosen = sound[random.below(sound.len())].clone();
    for _ in 0..=random.below(3) {
        let part = match random.below(3) {
            0 => &mut chosen.compile,
            _ => &mut chosen.model,
        };
        damage(part, &mut random);
    }
    // Text has a limit of depth that values do not have.
    let tried = catch_unwind(AssertUnwindSafe(|| attempt(&chosen)));
    match tried {
        Ok(outcome) => outcome,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            bail!("panicked: {}", text.unwrap_or("without a message"))
        }
    }
}

fn attempt(chosen: &Sound) -> Result<Outcome> {
    let registry = keras::registry();
    let Ok(mut model) = Model::from_config_on(&chosen.model, registry, &Device::Cpu) else {
        return Ok(Outcome::Refused);
    };
    let config = model.to_config().context("its own configuration")?;
    let again =
        Model::from_config_on(&config, registry, &Device::Cpu).context("from its own configuration")?;
    if again.to_config()? != config {
        bail!("a model made again has another configuration");
    }
    let compile = Compile::from_config(&chosen.compile, &model.output_names(), registry);
    Ok(
        match compile.and_then(|compile| model.compile_with(compile, registry)) {
            Ok(()) => Outcome::Made,
            Err(_) => Outcome::NotCompiled,
        },
    )
}

/// SplitMix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}

/// Changes one place of a configuration.
fn damage(value: &mut Value, random: &mut Random) {
    let place = random.below(count(value));
    let other = value.clone();
    let Some(found) = nth(value, &mut { place }) else {
        return;
    };
    match random.below(8) {
        0 => drop_one(found, random),
        1 => swap_two(found, random),
        2 => double_one(found, random),
        3 => {
            // A part of the same configuration.
            let mut other = other;
            let at = random.below(count(&other));
            if let Some(part) = nth(&mut other, &mut { at }) {
                *found = part.take();
            }
        }
        4 => {
            let taken = found.take();
            *found = (0..random.below(300)).fold(taken, |inner, _| json!([inner]));
        }
        _ => *found = odd(random),
    }
}

/// The number of places.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn nth<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth_within(item, place)),
        Value::Object(map) => map.values_mut().find_map(|item| nth_within(item, place)),
        _ => None,
    }
}

fn nth_within<'a>(value: &'a mut Value, place: &mut usize) -> Option<&'a mut Value> {
    let here = count(value);
    if *place < here {
        return nth(value, place);
    }
    *place -= here;
    None
}

fn drop_one(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(items) if !items.is_empty() => drop(items.remove(random.below(items.len()))),
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(random.below(map.len())).cloned();
            key.and_then(|key| map.shift_remove(&key));
        }
        other => *other = Value::Null,
    }
}

fn swap_two(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(items) if items.len() > 1 => {
            let (a, b) = (random.below(items.len()), random.below(items.len()));
            items.swap(a, b);
        }
        Value::Object(map) if map.len() > 1 => {
            let (a, b) = (random.below(map.len()), random.below(map.len()));
            let mut values: Vec<Value> = map.values().cloned().collect();
            values.swap(a, b);
            map.values_mut()
                .zip(values)
                .for_each(|(slot, value)| *slot = value);
        }
        other => *other = json!([other.take()]),
    }
}

fn double_one(value: &mut Value, random: &mut Random) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let item = items[random.below(items.len())].clone();
            items.insert(random.below(items.len()), item);
        }
        Value::Object(map) => {
            map.insert(format!("extra_{}", random.below(9)), odd(random));
        }
        other => *other = json!({"class_name": other.take(), "config": {}}),
    }
}

fn odd(random: &mut Random) -> Value {
    let odd = [
        Value::Null,
        json!(true),
        json!(0),
        json!(1),
        json!(-1),
        json!(2),
        json!(3.5),
        json!(-0.0),
        json!(1u64 << 31),
        json!(1u64 << 33),
        json!(1u64 << 40),
        json!(1u64 << 62),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e18),
        json!(1e308),
        json!("NaN"),
        json!("Infinity"),
        json!(""),
        json!("relu"),
        json!("\u{0}../é"),
        json!("x".repeat(5000)),
        json!([]),
        json!([[]]),
        json!([1u64 << 40, 1u64 << 40]),
        json!([null, 1u64 << 33, 1u64 << 33, 3]),
        json!([null, 0, 0]),
        json!([-1, -1]),
        Value::Object(Map::new()),
        json!({"class_name": "Dense", "config": {"units": 1u64 << 40}}),
        json!({"class_name": "__tensor__", "config": {"value": [[1, "a"]]}}),
        json!({"class_name": "__keras_tensor__", "config": {"keras_history": ["dense", 1u64 << 40, 3]}}),
    ];
    odd[random.below(odd.len())].clone()
}
