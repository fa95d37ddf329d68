//! What a person sees of a run: one line an epoch.

mod line;
mod screen;

pub(crate) use line::{Line, number};
pub(crate) use screen::Screen;
