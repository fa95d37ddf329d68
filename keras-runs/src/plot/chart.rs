//! The charts, for any canvas.

use crate::Metrics;

pub(super) const TRAIN: &str = "#42a5f5";
pub(super) const VALIDATION: &str = "#66bb6a";
const INK: &str = "#444444";
const GRID: &str = "#e0e0e0";

/// Where a text stands at its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Something to draw on; points count from the top left.
pub(super) trait Canvas {
    fn line(&mut self, points: &[(f64, f64)], width: f64, colour: &str);
    fn dot(&mut self, at: (f64, f64), radius: f64, colour: &str);
    fn text(&mut self, at: (f64, f64), text: &str, size: f64, anchor: Anchor, colour: &str);
}

/// The names of the panels: metrics of training, and those that only validation has.
fn panels(metrics: &Metrics) -> Vec<&str> {
    let finite = |name: &str| {
        let values = metrics.get(name).unwrap_or_default();
        values.iter().flatten().any(|value| value.is_finite())
    };
    let mut names: Vec<&str> = Vec::new();
    for name in metrics.names() {
        let panel = name.strip_prefix("val_").unwrap_or(name);
        if finite(name) && !names.contains(&panel) {
            names.push(panel);
        }
    }
    // Many metrics would make a picture that nobody can read.
    names.truncate(16);
    // What is wanted first.
    names.sort_by_key(|name| (*name != "loss", *name == "learning_rate"));
    names
}

/// Width and height; nothing where there is nothing to draw.
pub(super) fn size(metrics: &Metrics) -> Option<(usize, usize)> {
    match panels(metrics).len() {
        0 => None,
        1 | 2 => Some((1200, 715)),
        n => Some((1200, n.div_ceil(2) * 358)),
    }
}

pub(super) fn draw(metrics: &Metrics, canvas: &mut dyn Canvas) {
    let (Some((width, height)), panels) = (size(metrics), panels(metrics)) else {
        return;
    };
    let columns = if panels.len() > 2 { 2 } else { 1 };
    let rows = panels.len().div_ceil(columns);
    let (width, height) = (width as f64 / columns as f64, height as f64 / rows as f64);
    for (at, name) in panels.iter().enumerate() {
        let corner = ((at % columns) as f64 * width, (at / columns) as f64 * height);
        panel(metrics, name, canvas, corner, (width, height));
    }
}

fn panel(metrics: &Metrics, name: &str, canvas: &mut dyn Canvas, corner: (f64, f64), size: (f64, f64)) {
    let validation = format!("val_{name}");
    let series: Vec<(&str, &[Option<f64>], &str)> = [(name, TRAIN), (validation.as_str(), VALIDATION)]
        .into_iter()
        .filter_map(|(name, colour)| Some((name, metrics.get(name)?, colour)))
        .collect();
    let values = series.iter().flat_map(|(_, column, _)| column.iter().flatten());
    let finite = values.copied().filter(|value| value.is_finite());
    let (mut low, mut high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    if name == "accuracy" || name == "acc" {
        high = high.max(1.);
    }
    if high - low <= low.abs().max(high.abs()) * 1e-9 {
        let around = (low.abs() * 0.1).max(1e-9);
        (low, high) = (low - around, high + around);
    }
    let epochs = series
        .iter()
        .map(|(_, column, _)| column.len())
        .max()
        .unwrap_or(1)
        .max(1);
    let (left, right) = (corner.0 + 90., corner.0 + size.0 - 36.);
    let (top, bottom) = (corner.1 + 44., corner.1 + size.1 - 44.);
    let x = |epoch: f64| match epochs {
        1 => f64::midpoint(left, right),
        n => left + (right - left) * epoch / (n - 1) as f64,
    };
    let y = |value: f64| bottom - (bottom - top) * (value - low) / (high - low);
    let step = nice((high - low) / 4.);
    let digits = (-step.log10().floor()).clamp(0., 12.) as usize;
    let mut tick = (low / step).ceil() * step;
    // No range has more ticks; a step that is lost in rounding would never end.
    for _ in 0..12 {
        if tick > high + step * 1e-6 {
            break;
        }
        let label = match tick.abs() {
            size if size >= 1e6 || (size > 0. && size < 1e-4) => format!("{tick:.1e}"),
            _ => format!("{tick:.digits$}"),
        };
        canvas.line(&[(left, y(tick)), (right, y(tick))], 1., GRID);
        canvas.text((left - 8., y(tick) + 5.), &label, 14., Anchor::End, INK);
        tick += step;
    }
    let every = nice((epochs as f64 / 10.).max(1.)).ceil() as usize;
    for epoch in (0..epochs).filter(|epoch| (epoch + 1) % every == 0 || epochs == 1) {
        canvas.line(
            &[(x(epoch as f64), bottom), (x(epoch as f64), bottom + 5.)],
            1.,
            INK,
        );
        let label = (epoch + 1).to_string();
        canvas.text((x(epoch as f64), bottom + 22.), &label, 14., Anchor::Middle, INK);
    }
    canvas.line(&[(left, top), (left, bottom), (right, bottom)], 1., INK);
    canvas.text((left, top - 16.), name, 18., Anchor::Start, "#222222");
    let mut legend = right;
    for (name, _, colour) in series.iter().rev().filter(|_| series.len() > 1) {
        canvas.text((legend, top - 16.), name, 14., Anchor::End, colour);
        legend -= name.chars().count() as f64 * 12. + 24.;
    }
    for (_, column, colour) in &series {
        for part in parts(column) {
            let points: Vec<_> = part
                .iter()
                .map(|(epoch, value)| (x(*epoch as f64), y(*value)))
                .collect();
            canvas.line(&points, 2.5, colour);
            if points.len() == 1 || epochs <= 30 {
                points.iter().for_each(|point| canvas.dot(*point, 3.5, colour));
            }
        }
    }
}

/// Unbroken parts of a curve; a curve over epochs without a value goes on, one over NaN does not.
fn parts(column: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut parts = vec![Vec::new()];
    for (epoch, value) in column.iter().enumerate() {
        match value {
            Some(value) if value.is_finite() => {
                let last = parts.len() - 1;
                parts[last].push((epoch, *value));
            }
            Some(_) => parts.push(Vec::new()),
            None => {}
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// 1, 2 or 5 times a power of ten, not less than `step`.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factors = [1., 2., 5., 10.];
    let factor = factors.into_iter().find(|f| f * power >= step * (1. - 1e-9));
    factor.unwrap_or(10.) * power
}
