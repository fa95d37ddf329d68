//! Runs as pages: one file each, of less than 200 kB whatever the runs hold, without anything from elsewhere. What there
//! is no room for is said, and where it is.
//!
//! All text is escaped where it is put in. The pages hold their numbers as JSON; a script draws the curves from it, and
//! tables and texts are there without it.

mod compare;
mod data;
mod html;
mod list;
mod run;
mod text;

pub use compare::compare_page;
pub use data::run_data;
pub use html::escape;
pub use list::list_page;
pub use run::run_page;

pub(crate) use list::address;
pub(crate) use run::live_page;
