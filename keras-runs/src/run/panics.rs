//! What a panic said, for the record of the run that it ended.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::sync::Once;

use super::active::is_run_active;

/// A message and where, the innermost first.
pub(crate) type Panic = (String, Vec<String>);

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Notes panics of threads with an active run, before whatever else is told of them.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if is_run_active() {
                let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
                let message = format!("panicked{place}: {}", said(info.payload()));
                LAST.set(Some((message, frames(&Backtrace::force_capture().to_string()))));
            }
            before(info);
        }));
    });
}

/// The last panic of this thread, once.
pub(crate) fn take() -> Option<Panic> {
    LAST.take()
}

fn said(payload: &(dyn std::any::Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

/// The functions of a backtrace with their places, without those of the runtime around them.
fn frames(backtrace: &str) -> Vec<String> {
    let mut frames: Vec<String> = Vec::new();
    for line in backtrace.lines().map(str::trim) {
        match line.split_once(": ") {
            Some((number, name)) if number.parse::<u32>().is_ok() => frames.push(name.to_owned()),
            _ => {
                if let (Some(place), Some(last)) = (line.strip_prefix("at "), frames.last_mut()) {
                    *last += &format!(" ({place})");
                }
            }
        }
    }
    let is = |frame: &String, name: &str| frame.contains(name);
    let from = frames
        .iter()
        .rposition(|f| is(f, "panic_fmt") || is(f, "begin_panic"))
        .map_or(0, |at| at + 1);
    let to = frames
        .iter()
        .position(|f| is(f, "__rust_begin_short_backtrace"))
        .unwrap_or(frames.len());
    frames
        .get(from..to)
        .unwrap_or_default()
        .iter()
        .take(64)
        .cloned()
        .collect()
}
