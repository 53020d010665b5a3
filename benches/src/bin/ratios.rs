//! coseal beside the floor: one JSON array of `{"group", "case", "ns",
//! "floor_ns", "ratio"}`. `cargo xtask bench` shows it as a table.
#![forbid(unsafe_code)]

use clap::{Arg, ArgAction, Command, value_parser};
use coseal_benches::ratios;
use coseal_benches::turns::Effort;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let options = command().get_matches();
    let effort = if options.get_flag("quick") { Effort::QUICK } else { Effort::FULL };
    let words: Vec<String> = options.get_many("words").into_iter().flatten().cloned().collect();
    let rows = ratios::measure(effort, &words)?;
    let mut out: Box<dyn Write> = match options.get_one::<PathBuf>("json") {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(stdout()),
    };
    serde_json::to_writer_pretty(&mut out, &rows)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

fn command() -> Command {
    Command::new("ratios")
        .about("Measure coseal against the floor")
        .arg(
            Arg::new("words")
                .value_name("WORD")
                .num_args(0..)
                .help("Only the cases whose group/case contains one of these words"),
        )
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Every case a few times, in seconds: shows that it runs"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Where the array goes; else to the standard output"),
        )
}
