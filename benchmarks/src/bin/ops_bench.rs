//! Times of operations beside candle's, PyTorch's and JAX's: `ops_bench [FILTER] [--rounds N] [--threads 1,2]`.
//!
//! Every round runs each of them in a process of its own, in turn; the figure is the median of the rounds.
//! The peers need `python3` (or `$PYTHON`) with torch and jax; without them their columns stay empty.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use keras_benchmarks::ops::rows;

const COLUMNS: [&str; 4] = ["keras", "candle", "torch", "jax"];

#[derive(Debug)]
struct Arguments {
    filter: String,
    rounds: usize,
    threads: Vec<usize>,
    /// Time one column in this process.
    column: Option<String>,
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments {
        filter: String::new(),
        rounds: 3,
        threads: vec![1, 2],
        column: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => parsed.rounds = value()?.parse()?,
            "--threads" => {
                let list = value()?;
                parsed.threads = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--column" => parsed.column = Some(value()?),
            other if other.starts_with('-') => {
                bail!("unknown argument {other}: FILTER, --rounds N, --threads 1,2")
            }
            other => parsed.filter = other.to_owned(),
        }
    }
    Ok(parsed)
}

/// Prints `name, direction, milliseconds` for each row.
fn child(column: &str, filter: &str) -> Result<()> {
    if column == "keras" {
        keras::ops::memory::keep_freed(); // as `fit` does
    }
    for row in rows().filter(|row| row.name.contains(filter)) {
        for backward in [false, true] {
            let time = match column {
                "keras" => row.ours(backward),
                _ => row.candle_time(backward),
            };
            let direction = if backward { "both" } else { "forward" };
            match time {
                Ok(Some(ms)) => println!("{}\t{direction}\t{ms}", row.name),
                Ok(None) => {}
                Err(error) => eprintln!("{column} {} {direction}: {error}", row.name),
            }
        }
    }
    Ok(())
}

type Cell = (String, String, usize, &'static str);

fn collect(arguments: &Arguments) -> Result<BTreeMap<Cell, Vec<f64>>> {
    let mut cells: BTreeMap<Cell, Vec<f64>> = BTreeMap::new();
    for round in 1..=arguments.rounds {
        for &threads in &arguments.threads {
            for column in COLUMNS {
                eprintln!("round {round}: {column}, threads {threads}");
                for line in run(column, threads, &arguments.filter)?.lines() {
                    let mut parts = line.split('\t');
                    let (Some(name), Some(direction), Some(ms)) = (parts.next(), parts.next(), parts.next())
                    else {
                        continue;
                    };
                    let cell = (name.to_owned(), direction.to_owned(), threads, column);
                    cells.entry(cell).or_default().push(ms.parse()?);
                }
            }
        }
    }
    Ok(cells)
}

fn run(column: &str, threads: usize, filter: &str) -> Result<String> {
    let mut command = match column {
        "torch" | "jax" => {
            let mut python = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".into()));
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/ops.py");
            python.args([script, column, &threads.to_string(), filter]);
            python
        }
        _ => {
            let mut own = Command::new(std::env::current_exe()?);
            own.args(["--column", column, filter]);
            own
        }
    };
    let threads = threads.to_string();
    for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS"] {
        command.env(variable, &threads);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output();
    Ok(output
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default())
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn table(arguments: &Arguments, mut cells: BTreeMap<Cell, Vec<f64>>) {
    println!("| operation | threads | direction | keras ms | candle | torch | jax | keras / best peer |");
    println!("|---|---|---|---|---|---|---|---|");
    let (mut within, mut compared) = (0, 0);
    for row in rows().filter(|row| row.name.contains(&arguments.filter)) {
        for &threads in &arguments.threads {
            for direction in ["forward", "both"] {
                let mut get = |column| {
                    let cell = (row.name.to_owned(), direction.to_owned(), threads, column);
                    cells.get_mut(&cell).map(|times| median(times))
                };
                let [keras, candle, torch, jax] = COLUMNS.map(&mut get);
                let Some(keras) = keras else { continue };
                let show = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{ms:.3}"));
                let best = [torch, jax].into_iter().flatten().reduce(f64::min);
                let ratio = best.map(|best| keras / best);
                compared += usize::from(ratio.is_some());
                within += usize::from(ratio.is_some_and(|ratio| ratio <= 1.2));
                println!(
                    "| {} | {threads} | {direction} | {keras:.3} | {} | {} | {} | {} |",
                    row.name,
                    show(candle),
                    show(torch),
                    show(jax),
                    ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"))
                );
            }
        }
    }
    println!("\n{within} of {compared} within 1.2 times the faster of torch and jax");
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    if let Some(column) = &arguments.column {
        return child(column, &arguments.filter);
    }
    let cells = collect(&arguments)?;
    table(&arguments, cells);
    Ok(())
}
