//! Values as texts.

use keras_runs::RunInfo;
use serde_json::Value;

/// A time in seconds since 1970 as `2026-11-23 05:40:00`, in UTC.
pub(crate) fn moment(seconds: f64) -> String {
    let seconds = seconds.clamp(0., 253_402_300_799.) as i64;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days of eras of 400 years that begin in March: Howard Hinnant's civil_from_days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// The names of what lies in a run's folder beside the record, folders with a `/`, in order.
pub(crate) fn files(run: &RunInfo) -> Vec<String> {
    let entries = std::fs::read_dir(&run.run_dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let folder = entry.file_type().ok()?.is_dir();
            let ours = matches!(name.as_str(), "tfruns.d" | "plots" | "logs");
            (!ours).then(|| if folder { name + "/" } else { name })
        })
        .collect();
    names.sort();
    names
}

/// A value as JSON: `null` for none, a text for what is not finite.
pub(crate) fn value(value: Option<f64>) -> Value {
    match value {
        None => Value::Null,
        Some(v) if v.is_nan() => "NaN".into(),
        Some(v) if v.is_infinite() => if v > 0. { "Infinity" } else { "-Infinity" }.into(),
        Some(v) => v.into(),
    }
}

/// What JSON writes of it, a text without its quotes.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A field of CSV.
pub(crate) fn csv(text: &str) -> String {
    match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_in_utc() {
        // From `date -u -d @SECONDS`.
        for (seconds, text) in [
            (0., "1970-01-01 00:00:00"),
            (951_827_696.5, "2000-02-29 12:34:56"),
            (4_107_542_399., "2100-02-28 23:59:59"),
        ] {
            assert_eq!(moment(seconds), text);
        }
    }
}
