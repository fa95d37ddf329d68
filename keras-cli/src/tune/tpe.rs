//! Flags drawn near those that were good: tree-structured Parzen estimators (Bergstra and others, 2011).
//!
//! What was tried is parted into the good and the others. For each flag by itself, the density of both is estimated: a
//! kernel a value, and one that is the same everywhere; each value of a list counts once more than it was met. Among candidates drawn from the good, the one is taken whose
//! density among the good is the largest against that among the others.

use keras_core::set_random_seed;
use serde_json::{Map, Value};

use super::space::{Choice, Space, uniform};

/// So many rows are drawn at random before any is drawn near others.
const START: usize = 10;
/// One in so many is good.
const PART: usize = 8;
/// Of so many candidates the most promising is taken.
const CANDIDATES: usize = 24;

/// A row of flags and what came of it; small is good.
pub(super) type Tried = (Map<String, Value>, f64);

/// The row of a number, which depends on the seed, the number and what was tried.
pub(super) fn draw(space: &Space, seed: u64, number: usize, tried: &[Tried]) -> Map<String, Value> {
    set_random_seed(seed.wrapping_add((number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
    if tried.len() < START {
        return space.draw();
    }
    let mut sorted: Vec<&Tried> = tried.iter().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (good, others) = sorted.split_at(sorted.len().div_ceil(PART));
    let flag = |(name, choice): &(String, Choice)| {
        let values = |rows: &[&Tried]| -> Vec<Value> {
            rows.iter()
                .filter_map(|(row, _)| row.get(name).cloned())
                .collect()
        };
        (name.clone(), promising(choice, &values(good), &values(others)))
    };
    space.flags.iter().map(flag).collect()
}

fn promising(choice: &Choice, good: &[Value], others: &[Value]) -> Value {
    let candidates = (0..CANDIDATES).map(|_| {
        let value = near(choice, good);
        (
            density(choice, good, &value) / density(choice, others, &value),
            value,
        )
    });
    let best = candidates.max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or_else(|| choice.draw(), |(_, value)| value)
}

/// From the density of the good.
fn near(choice: &Choice, good: &[Value]) -> Value {
    let which = (uniform() * (good.len() as f64 + everywhere(choice))) as usize;
    match (good.get(which), choice) {
        (None, _) => choice.draw(),
        (Some(centre), Choice::Values(_)) => centre.clone(),
        (Some(centre), Choice::Range { .. }) => {
            let place = choice.place(centre).unwrap_or(0.5) + width(good.len()) * normal();
            // Back at the ends, so that they are no likelier than others.
            let place = if place < 0. { -place } else { place };
            let place = if place > 1. { 2. - place } else { place };
            choice.at(place.clamp(0., 1.))
        }
    }
}

/// The weight of what is the same everywhere, where a value that was met has 1.
fn everywhere(choice: &Choice) -> f64 {
    match choice {
        Choice::Values(all) => all.len() as f64,
        Choice::Range { .. } => 1.,
    }
}

fn density(choice: &Choice, values: &[Value], value: &Value) -> f64 {
    let count = values.len() as f64 + everywhere(choice);
    match choice {
        Choice::Values(_) => {
            let same = values.iter().filter(|other| *other == value).count() as f64;
            (same + 1.) / count
        }
        Choice::Range { .. } => {
            let (width, x) = (width(values.len()), choice.place(value).unwrap_or(0.5));
            let kernel = |other: &Value| {
                let z = (x - choice.place(other).unwrap_or(0.5)) / width;
                (-z * z / 2.).exp() / (width * std::f64::consts::TAU.sqrt())
            };
            (values.iter().map(kernel).sum::<f64>() + 1.) / count
        }
    }
}

/// The more values, the narrower their kernels.
fn width(values: usize) -> f64 {
    0.2 / (values as f64 + 1.).sqrt()
}

fn normal() -> f64 {
    let radius = (-2. * (1. - uniform()).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> Space {
        let range = |min, max, log, integer| Choice::Range {
            min,
            max,
            log,
            integer,
        };
        let flags = [
            ("rate", range(1e-5, 1., true, false)),
            ("units", range(1., 100., false, true)),
            ("kind", Choice::Values(vec!["a".into(), "b".into(), "c".into()])),
        ];
        Space {
            flags: flags
                .into_iter()
                .map(|(name, choice)| (name.to_owned(), choice))
                .collect(),
        }
    }

    /// Best, 0, at 1e-3, 40 and "b".
    fn loss(row: &Map<String, Value>) -> f64 {
        let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        let rate = (number("rate").log10() + 3.) / 5.;
        let units = (number("units") - 40.) / 100.;
        rate * rate + units * units + if row["kind"] == "b" { 0. } else { 0.1 }
    }

    fn search(seed: u64, trials: usize, learn: bool) -> f64 {
        let mut tried: Vec<Tried> = Vec::new();
        for number in 0..trials {
            let row = draw(&space(), seed, number, if learn { &tried } else { &[] });
            let value = loss(&row);
            tried.push((row, value));
        }
        tried
            .iter()
            .map(|(_, value)| *value)
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn it_finds_better_rows_than_chance() {
        let seeds = 0..60;
        let pairs: Vec<(f64, f64)> = seeds
            .map(|seed| (search(seed, 40, true), search(seed, 40, false)))
            .collect();
        let wins = pairs.iter().filter(|(tpe, random)| tpe < random).count();
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / pairs.len() as f64;
        let (tpe, random) = (mean(|p| p.0), mean(|p| p.1));
        assert!(
            wins >= 48 && tpe < random / 2.,
            "{wins} of 60: {tpe} and {random}"
        );
    }

    #[test]
    fn rows_are_repeatable_and_in_their_ranges() {
        let tried: Vec<Tried> = (0..30)
            .map(|number| {
                let row = draw(&space(), 7, number, &[]);
                let value = if number == 5 { f64::INFINITY } else { loss(&row) };
                (row, value)
            })
            .collect();
        for number in 30..200 {
            let row = draw(&space(), 7, number, &tried);
            assert_eq!(row, draw(&space(), 7, number, &tried));
            assert!(
                row["rate"]
                    .as_f64()
                    .is_some_and(|rate| (1e-5..=1.).contains(&rate))
            );
            assert!(
                row["units"]
                    .as_i64()
                    .is_some_and(|units| (1..=100).contains(&units))
            );
        }
        assert_ne!(draw(&space(), 7, 30, &tried), draw(&space(), 8, 30, &tried));
    }
}
