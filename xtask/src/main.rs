//! Project tasks: `cargo xtask test` runs every check there is.
//!
//! Few dependencies on purpose: this is built before anything is checked. The
//! validators of schemas, which are heavy, are dev-dependencies and live in
//! `tests/`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

mod bench;
mod checkout;
mod checks;
mod fuzz;
mod run;
mod step;
mod tool;

use checkout::Checkout;
use step::{Failure, Step};

fn main() -> ExitCode {
    let matches = command().get_matches();
    let Some(checkout) = Checkout::of_this_program() else {
        eprintln!("xtask stands outside the project it was built from");
        return ExitCode::from(2);
    };
    let (steps, words) = match matches.subcommand() {
        Some(("test", options)) => (tests(&checkout, options), words(options, "steps")),
        Some(("fuzz", options)) => (fuzzing(&checkout, options), Vec::new()),
        Some(("bench", options)) => return measuring(&checkout, options),
        _ => return ExitCode::from(2),
    };
    let steps = match steps {
        Ok(steps) => steps,
        Err(failure) => {
            eprintln!("{failure}");
            return ExitCode::from(2);
        }
    };
    // Where nobody reads any more, nobody learns that nothing failed.
    match step::run_all(&checkout, &steps, &words, &mut std::io::stdout()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

fn tests(checkout: &Checkout, options: &ArgMatches) -> Result<Vec<Step>, Failure> {
    let mut steps = checks::steps(checks::Options { advisories: options.get_flag("advisories") });
    steps.extend(fuzz::committed());
    if let Some(seconds) = options.get_one::<u64>("fuzz-seconds") {
        steps.extend(fuzz::running(checkout, &[], Duration::from_secs(*seconds))?);
    }
    Ok(steps)
}

fn fuzzing(checkout: &Checkout, options: &ArgMatches) -> Result<Vec<Step>, Failure> {
    let minutes = options.get_one::<u64>("minutes").copied().unwrap_or(1);
    let mut steps = Vec::from(fuzz::committed());
    let time = Duration::from_secs(60 * minutes);
    steps.extend(fuzz::running(checkout, &words(options, "targets"), time)?);
    Ok(steps)
}

fn measuring(checkout: &Checkout, options: &ArgMatches) -> ExitCode {
    let options = bench::Options {
        peers: options.get_flag("peers"),
        command: options.get_flag("command"),
        aws_lc: options.get_flag("aws-lc"),
        quick: options.get_flag("quick"),
        json: options.get_one::<PathBuf>("json").cloned(),
        words: words(options, "cases"),
    };
    match bench::run(checkout, &options, &mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn words<'a>(options: &'a ArgMatches, name: &str) -> Vec<&'a str> {
    options.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
}

fn command() -> Command {
    let test = Command::new("test")
        .about("Run every check, in order, up to the first that fails")
        .arg(
            Arg::new("steps")
                .value_name("WORD")
                .num_args(0..)
                .help("Run only the steps whose name contains one of these words"),
        )
        .arg(
            Arg::new("advisories")
                .long("advisories")
                .action(ArgAction::SetTrue)
                .help("Also ask the advisory database, which is fetched over the network"),
        )
        .arg(
            Arg::new("fuzz-seconds")
                .long("fuzz-seconds")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..))
                .help("Also run every fuzz target for so long (needs a nightly toolchain)"),
        );
    let fuzz = Command::new("fuzz")
        .about("Replay the committed fuzz inputs, then run every target, or those named")
        .arg(Arg::new("targets").value_name("TARGET").num_args(0..))
        .arg(
            Arg::new("minutes")
                .long("minutes")
                .value_name("N")
                .default_value("1")
                .value_parser(value_parser!(u64).range(1..))
                .help("How long each target runs"),
        );
    let bench = Command::new("bench")
        .about("Measure coseal against the floor: the bare cryptography of a message")
        .arg(
            Arg::new("cases")
                .value_name("WORD")
                .num_args(0..)
                .help("Measure only the cases whose group/case contains one of these words"),
        )
        .arg(Arg::new("peers").long("peers").action(ArgAction::SetTrue).help(
            "Also measure other ways to do the same (needs OpenSSL 3 with headers, and cmake; builds for many minutes)",
        ))
        .arg(Arg::new("command").long("command").action(ArgAction::SetTrue).help(
            "Also measure `coseal verify` on a file of a million envelopes (needs 2 GB of memory)",
        ))
        .arg(
            Arg::new("aws-lc")
                .long("aws-lc")
                .action(ArgAction::SetTrue)
                .help("coseal takes AEADs and signing from AWS-LC; the floor stays as it is"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Run each case a few times: shows that it works, in seconds"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Also write all figures to a file, as a JSON array"),
        );
    Command::new("cargo xtask")
        .about("Project tasks")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([test, fuzz, bench])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
