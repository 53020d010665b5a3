//! Completions and man pages, from the definitions in `args`.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;
use coseal_store::{Aside, Existing, Mode};

use crate::args::Cli;
use crate::failure::{Exit, Failure, Result, writing};
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
    let cannot = |error| Failure::io(format!("make {}", dir.display()), &error);
    std::fs::create_dir_all(dir).map_err(cannot)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    write_pages(command, dir)?;
    Ok(Exit::Fine)
}

/// The page of a command and those of the commands below it, each whole or not at all.
fn write_pages(command: clap::Command, dir: &Path) -> Result<()> {
    for below in command.get_subcommands().cloned() {
        write_pages(below, dir)?;
    }
    let page = clap_mangen::Man::new(command);
    let path = dir.join(page.get_filename());
    let mut file = Aside::create(&path, Existing::Replace, Mode::Shared)?;
    page.render(&mut file).map_err(writing(&path))?;
    Ok(file.commit()?)
}

fn print(text: &[u8]) -> Result<Exit> {
    let mut out = Output::standard()?;
    out.write_all(text).map_err(out.failure())?;
    out.finish()?;
    Ok(Exit::Fine)
}
