//! File names with placeholders in Python's format: `{epoch:02d}-{val_loss:.2f}`.

use keras_core::{Error, Result, bail};

#[derive(Clone, Debug)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Value { name: String, spec: Spec },
}

/// Python's format specification, without what only makes sense for text on screen.
#[derive(Clone, Debug, Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// A value to fill in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fill {
    Whole(usize),
    Number(f64),
    /// What this epoch does not have.
    Missing,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if after.starts_with(brace) {
                literal.push_str(brace);
                rest = &after[1..];
                continue;
            }
            let Some(end) = after.find('}').filter(|_| brace == "{") else {
                bail!(
                    "file name `{text}`: unmatched `{brace}`; write `{brace}{brace}` for the character itself"
                );
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            let (name, spec) = after[..end].split_once(':').unwrap_or((&after[..end], ""));
            let spec = Spec::parse(spec).ok_or_else(|| {
                Error::invalid(format!(
                    "file name `{text}`: cannot use the format `:{spec}`; examples: {{epoch:02d}}, {{val_loss:.2f}}"
                ))
            })?;
            pieces.push(Piece::Value {
                name: name.to_owned(),
                spec,
            });
            rest = &after[end + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    /// The names of the placeholders, and whether each wants a whole number.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, bool)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value { name, spec } => Some((name.as_str(), spec.kind == Some('d'))),
        })
    }

    /// The text before the first placeholder.
    pub(crate) fn head(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }

    pub(crate) fn fill(&self, value: impl Fn(&str) -> Result<Fill>) -> Result<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value { name, spec } => out.push_str(&spec.format(value(name)?)),
            }
        }
        Ok(out)
    }
}

impl Spec {
    /// `[[fill]align][sign][0][width][.precision][type]`.
    fn parse(text: &str) -> Option<Self> {
        let mut spec = Self::default();
        let mut chars: &[char] = &text.chars().collect::<Vec<_>>();
        let is_align = |c: &char| "<>=^".contains(*c);
        match chars {
            [fill, align, rest @ ..] if is_align(align) => {
                (spec.fill, spec.align, chars) = (Some(*fill), Some(*align), rest);
            }
            [align, rest @ ..] if is_align(align) => (spec.align, chars) = (Some(*align), rest),
            _ => {}
        }
        if let [sign @ ('+' | '-' | ' '), rest @ ..] = chars {
            (spec.sign, chars) = (Some(*sign), rest);
        }
        if let ['0', rest @ ..] = chars {
            spec.fill = spec.fill.or(Some('0'));
            spec.align = spec.align.or(Some('='));
            chars = rest;
        }
        if let Some((width, rest)) = digits(chars) {
            (spec.width, chars) = (width, rest);
        }
        if let ['.', rest @ ..] = chars {
            let (precision, rest) = digits(rest)?;
            (spec.precision, chars) = (Some(precision), rest);
        }
        match chars {
            [] => {}
            [kind] if "defgEFG%".contains(*kind) => spec.kind = Some(*kind),
            _ => return None,
        }
        // Python has no precision for whole numbers either.
        (!(spec.kind == Some('d') && spec.precision.is_some())).then_some(spec)
    }

    fn format(&self, value: Fill) -> String {
        let (negative, body) = match value {
            Fill::Missing => (false, "NA".to_owned()),
            Fill::Whole(n) if matches!(self.kind, None | Some('d')) => (false, n.to_string()),
            Fill::Whole(n) => (false, self.real(n as f64)),
            Fill::Number(v) => (v.is_sign_negative() && !v.is_nan(), self.real(v.abs())),
        };
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let fill = self.fill.unwrap_or(' ').to_string();
        let room = self.width.saturating_sub(body.chars().count() + sign.len());
        match self.align {
            Some('<') => format!("{sign}{body}{}", fill.repeat(room)),
            Some('^') => format!(
                "{}{sign}{body}{}",
                fill.repeat(room / 2),
                fill.repeat(room - room / 2)
            ),
            Some('=') => format!("{sign}{}{body}", fill.repeat(room)),
            _ => format!("{}{sign}{body}", fill.repeat(room)),
        }
    }

    /// A number that is not negative.
    fn real(&self, v: f64) -> String {
        if !v.is_finite() {
            let text = if v.is_nan() { "nan" } else { "inf" };
            let upper = self.kind.is_some_and(|k| k.is_ascii_uppercase());
            return if upper {
                text.to_uppercase()
            } else {
                text.to_owned()
            };
        }
        let precision = self.precision.unwrap_or(6);
        match self.kind {
            Some('f' | 'F') => format!("{v:.precision$}"),
            Some('%') => format!("{:.precision$}%", v * 100.),
            Some('e') => exponent(&format!("{v:.precision$e}")),
            Some('E') => exponent(&format!("{v:.precision$e}")).to_uppercase(),
            Some('g') => general(v, precision),
            Some('G') => general(v, precision).to_uppercase(),
            _ => match self.precision {
                Some(precision) => general(v, precision),
                None => shortest(v),
            },
        }
    }
}

fn digits(chars: &[char]) -> Option<(usize, &[char])> {
    let count = chars.iter().take_while(|c| c.is_ascii_digit()).count();
    let value = chars[..count].iter().collect::<String>().parse().ok()?;
    // No file name is longer.
    (value <= 255).then_some((value, &chars[count..]))
}

/// `1.5e-7` → `1.5e-07`: at least two digits, with sign.
pub(crate) fn exponent(text: &str) -> String {
    let Some((mantissa, power)) = text.split_once('e') else {
        return text.to_owned();
    };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |p| ('-', p));
    format!("{mantissa}e{sign}{power:0>2}")
}

/// Python's `g`: `precision` significant digits, without zeros at the end.
fn general(v: f64, precision: usize) -> String {
    let precision = precision.max(1);
    let text = format!("{v:.*e}", precision - 1);
    let power: i32 = text
        .split_once('e')
        .and_then(|(_, p)| p.parse().ok())
        .unwrap_or(0);
    let trim = |s: &str| match s.contains('.') {
        true => s.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => s.to_owned(),
    };
    if power < -4 || power >= precision as i32 {
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
        exponent(&format!("{}e{power}", trim(mantissa)))
    } else {
        trim(&format!("{v:.*}", (precision as i32 - 1 - power).max(0) as usize))
    }
}

/// Python's `repr`: the fewest digits that mean this number.
fn shortest(v: f64) -> String {
    if v != 0. && !(1e-4..1e16).contains(&v) {
        exponent(&format!("{v:e}"))
    } else {
        format!("{v:?}")
    }
}
