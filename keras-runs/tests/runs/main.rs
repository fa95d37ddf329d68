//! Tests of run directories.

#![allow(clippy::unwrap_used)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "programs that runs record"
)]
#![allow(clippy::type_complexity, reason = "tables of cases")]

mod archive;
mod flags;
mod listing;
mod r;
mod reader;
mod recording;
mod tfruns;
mod torture;
mod writing;
