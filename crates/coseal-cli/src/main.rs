//! The `coseal` command: seals, opens and verifies from a shell.
//!
//! `args` says what can be asked for; each verb has a module of its own; input,
//! output and reports are in the modules beside them. Nothing here knows the
//! format: that is the crate `coseal`.
#![forbid(unsafe_code)]

mod args;
mod demo;
mod docs;
mod failure;
mod guard;
mod hints;
mod input;
mod inspect;
mod interrupt;
mod judge;
mod key;
mod open;
mod output;
mod progress;
mod remembered;
mod report;
mod rewrap;
mod seal;
mod secrets;
mod source;
mod stream;
mod text;
mod times;
mod trust;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use failure::{Exit, Result, Stop};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    if cli.command.holds_secrets() {
        guard::keep_secrets_in();
    }
    match run(cli.command) {
        Ok(exit) => exit.into(),
        // Whoever read our output has enough of it, which is no error of theirs.
        Err(Stop::ClosedPipe) => Exit::Fine.into(),
        Err(Stop::Failure(failure)) => {
            report::failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Key(command) => key::run(command),
        Command::Trust(command) => trust::run(command),
        Command::Seal(args) => seal::run(args),
        Command::Open(args) => open::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Rewrap(args) => rewrap::run(args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Completions { shell } => docs::completions(shell),
        Command::Man { dir } => docs::man(dir.as_deref()),
    }
}

/// Help goes to standard output; wrong usage is told like every other failure.
fn usage(error: &clap::Error) -> ExitCode {
    use clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand as NothingAsked;

    if !error.use_stderr() {
        let _ = error.print();
        return Exit::Fine.into();
    }
    // It quotes what the caller wrote, which may have come from a file's name.
    let plain = error.render().to_string();
    let evil = plain.chars().any(|each| each != '\n' && text::is_hidden(each));
    let text = if evil {
        plain.lines().map(|line| format!("{}\n", text::Plain(line))).collect()
    } else {
        error.render().ansi().to_string()
    };
    let code = if error.kind() == NothingAsked {
        ""
    } else {
        "\n  code: misuse\n  hint: coseal help COMMAND tells what it takes"
    };
    report::write(&format!("{}{code}\n", text.trim_end()));
    Exit::Unusable.into()
}
