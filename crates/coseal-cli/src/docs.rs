//! Completions and man pages, from the definitions in `args`.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use crate::args::Cli;
use crate::failure::{Exit, Failure, Result};
use crate::output::Output;

/// `coseal completions`
pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "coseal", &mut script);
    print(&script)
}

/// `coseal man`
pub(crate) fn man(dir: Option<&Path>) -> Result<Exit> {
    let Some(dir) = dir else {
        let mut page = Vec::new();
        // Into memory: this cannot fail.
        let rendered = clap_mangen::Man::new(Cli::command()).render(&mut page);
        debug_assert!(rendered.is_ok(), "writing to memory");
        return print(&page);
    };
    let cannot = |error| Failure::io(format!("write man pages to {}", dir.display()), &error);
    std::fs::create_dir_all(dir).map_err(cannot)?;
    clap_mangen::generate_to(Cli::command(), dir).map_err(cannot)?;
    Ok(Exit::Fine)
}

fn print(text: &[u8]) -> Result<Exit> {
    let mut out = Output::standard()?;
    out.write_all(text).map_err(out.failure())?;
    out.finish()?;
    Ok(Exit::Fine)
}
