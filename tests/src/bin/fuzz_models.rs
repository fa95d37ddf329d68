//! Builds damaged models: `fuzz_models [FIRST_SEED] [COUNT]`. The house's tests run it with little memory.

#![allow(clippy::print_stdout)]

use std::io::Write;

use anyhow::{Context, Result, bail};
use keras_tests::fuzz::{Outcome, run, sound};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| -> Result<u64> {
        match arguments.next() {
            Some(text) => text.parse().with_context(|| format!("`{text}` is no number")),
            None => Ok(default),
        }
    };
    let (first, count) = (number(0)?, number(1000)?);
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/models.json");
    let sound = sound(&std::fs::read_to_string(models)?)?;
    // A panic is reported once, by its seed.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut made, mut broken) = ([0; 3], Vec::new());
    for seed in first..first + count {
        // What was running when the process died.
        print!("\r{seed} ");
        std::io::stdout().flush()?;
        let start = std::time::Instant::now();
        match run(&sound, seed) {
            Ok(Outcome::Made) => made[0] += 1,
            Ok(Outcome::NotCompiled) => made[1] += 1,
            Ok(Outcome::Refused) => made[2] += 1,
            Err(error) => broken.push(format!("seed {seed}: {error:#}")),
        }
        if start.elapsed().as_secs() >= 5 {
            broken.push(format!("seed {seed}: took {:?}", start.elapsed()));
        }
    }
    println!(
        "\r{} made, {} not compiled, {} refused",
        made[0], made[1], made[2]
    );
    if broken.is_empty() {
        return Ok(());
    }
    bail!("{} broken\n{}", broken.len(), broken.join("\n"))
}
