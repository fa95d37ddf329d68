//! Completions for shells and pages of the manual, from the same definitions as the help.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;
use keras_core::Error;

use crate::cli::Cli;
use crate::{Out, Outcome};

pub(crate) fn completions(shell: Shell, out: &mut Out) -> Outcome {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "keras", &mut bytes);
    out.bytes(&bytes)
}

/// One page on standard output, or a page a command in a folder.
pub(crate) fn pages(folder: Option<&Path>, out: &mut Out) -> Outcome {
    let Some(folder) = folder else {
        let mut bytes = Vec::new();
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut bytes);
        rendered.map_err(|e| Error::io("the page", "cannot write", e))?;
        return out.bytes(&bytes);
    };
    let made = std::fs::create_dir_all(folder);
    made.map_err(|e| Error::io(folder, "cannot make the folder", e))?;
    let written = clap_mangen::generate_to(Cli::command(), folder);
    written.map_err(|e| Error::io(folder, "cannot write the pages", e))?;
    Ok(())
}
