//! Updates of metrics a second beside Keras's and torchmetrics': `metrics_bench [FILTER] [--rounds N] [--threads N]
//! [--batches 128,65536]`.
//!
//! Every round runs each of them in a process of its own, in turn; the figure is the best of the rounds, since other
//! work on the machine only ever slows one down. Keras is timed as a program calls it (`update_state`) and compiled (`jax.jit` of `stateless_update_state`, `tf.function`).
//! The peers need `python3` (or `$PYTHON`) with keras, jax, tensorflow and torchmetrics; without them their columns
//! stay empty.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use keras_benchmarks::metrics::{ROWS, Row, check_all_have_rows};

const COLUMNS: [&str; 6] = ["keras-rs", "jax", "jax.jit", "tf", "tf.function", "torchmetrics"];

#[derive(Debug)]
struct Arguments {
    filter: String,
    rounds: usize,
    threads: usize,
    batches: Vec<usize>,
    /// Time one column in this process.
    column: Option<String>,
}

fn arguments() -> Result<Arguments> {
    let mut parsed = Arguments {
        filter: String::new(),
        rounds: 3,
        threads: 1,
        batches: vec![128, 65_536],
        column: None,
    };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => parsed.rounds = value()?.parse()?,
            "--threads" => parsed.threads = value()?.parse()?,
            "--batches" => {
                let list = value()?;
                parsed.batches = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            "--column" => parsed.column = Some(value()?),
            other if other.starts_with('-') => {
                bail!("unknown argument {other}: FILTER, --rounds N, --threads N, --batches 128,65536")
            }
            other => parsed.filter = other.to_owned(),
        }
    }
    Ok(parsed)
}

impl Arguments {
    fn rows(&self) -> impl Iterator<Item = &'static Row> {
        ROWS.iter().filter(|row| row.class.contains(&self.filter))
    }

    /// Prints `class, batch, updates a second` for each row, ours.
    fn child(&self) {
        for row in self.rows() {
            for &batch in &self.batches {
                match row.updates_a_second(batch) {
                    Ok(rate) => println!("{}\t{batch}\t{rate}", row.class),
                    Err(error) => eprintln!("{}: {error:#}", row.class),
                }
            }
        }
    }

    fn run(&self, column: &str) -> Result<String> {
        let batches: Vec<String> = self.batches.iter().map(usize::to_string).collect();
        let (batches, threads) = (batches.join(","), self.threads.to_string());
        let mut command = if column == COLUMNS[0] {
            let mut own = Command::new(std::env::current_exe()?);
            own.args(["--column", column, "--batches", &batches, &self.filter]);
            own
        } else {
            let mut python = Command::new(std::env::var("PYTHON").unwrap_or_else(|_| "python3".into()));
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/metrics.py");
            python.args([script, column, &threads, &batches, &self.filter]);
            python
        };
        for variable in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "OMP_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        let output = command.stderr(std::process::Stdio::inherit()).output();
        Ok(output
            .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
            .unwrap_or_default())
    }
}

type Cell = (String, usize, &'static str);

fn collect(arguments: &Arguments) -> Result<BTreeMap<Cell, f64>> {
    let mut cells: BTreeMap<Cell, f64> = BTreeMap::new();
    for round in 1..=arguments.rounds {
        for column in COLUMNS {
            eprintln!("round {round}: {column}");
            for line in arguments.run(column)?.lines() {
                let parts: Vec<&str> = line.split('\t').collect();
                if let [class, batch, rate] = parts[..] {
                    let cell = (class.to_owned(), batch.parse()?, column);
                    let best = cells.entry(cell).or_default();
                    *best = best.max(rate.parse()?);
                }
            }
        }
    }
    Ok(cells)
}

/// Thousands of updates a second.
fn show(rate: Option<f64>) -> String {
    match rate {
        None => "–".to_owned(),
        Some(rate) if rate >= 1e5 => format!("{:.0}", rate / 1e3),
        Some(rate) => format!("{:.3}", rate / 1e3),
    }
}

fn table(arguments: &Arguments, cells: &BTreeMap<Cell, f64>) {
    println!(
        "| metric | batch | {} | ours / update_state | ours / compiled |",
        COLUMNS.join(" | ")
    );
    println!("|---|---|{}---|---|", "---|".repeat(COLUMNS.len()));
    let mut behind = Vec::new();
    for &batch in &arguments.batches {
        let (mut least, mut compared) = (f64::INFINITY, 0);
        for row in arguments.rows() {
            let rates = COLUMNS.map(|column| {
                let cell = (row.class.to_owned(), batch, column);
                cells.get(&cell).copied()
            });
            let [Some(ours), jax, jit, tf, function, torch] = rates else {
                continue;
            };
            let against = |peers: &[Option<f64>]| {
                let best = peers.iter().flatten().copied().reduce(f64::max);
                best.map(|best| ours / best)
            };
            let (called, compiled) = (against(&[jax, tf, torch]), against(&[jit, function]));
            let ratio = |ratio: Option<f64>| ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.1}"));
            println!(
                "| {} | {batch} | {} | {} | {} |",
                row.class,
                rates.map(show).join(" | "),
                ratio(called),
                ratio(compiled)
            );
            compared += usize::from(called.is_some());
            least = least.min(called.unwrap_or(f64::INFINITY));
            if [called, compiled].into_iter().flatten().any(|ratio| ratio < 1.) {
                behind.push(format!("{} on {batch}", row.class));
            }
        }
        eprintln!("batches of {batch}: {compared} metrics compared, least ours / update_state {least:.1}");
    }
    eprintln!(
        "slower than a peer: {}",
        if behind.is_empty() {
            "none".to_owned()
        } else {
            behind.join(", ")
        }
    );
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    if arguments.column.is_some() {
        arguments.child();
        return Ok(());
    }
    check_all_have_rows()?;
    let cells = collect(&arguments)?;
    table(&arguments, &cells);
    Ok(())
}
