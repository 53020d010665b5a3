//! `generate-vectors OUTDIR`: writes every case below OUTDIR, the same bytes
//! in every run, and prints how many there are of each result.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use coseal_testkit::{generate, walk};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(dir), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: generate-vectors OUTDIR");
        return ExitCode::from(2);
    };
    match run(Path::new(&dir)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let cases = generate::all();
    generate::write(&cases, dir)?;
    for (expect, count) in generate::counts(cases.values()) {
        println!("{count:4} {expect}");
    }
    println!("{:4} cases", cases.len());
    // A case that is no longer generated must not linger: readers walk the folder.
    let written: BTreeSet<PathBuf> =
        cases.keys().map(|path| dir.join(format!("{path}.json"))).collect();
    let stale: Vec<String> = walk::json_files(dir)?
        .into_iter()
        .filter(|path| !written.contains(path))
        .map(|path| path.display().to_string())
        .collect();
    if stale.is_empty() {
        Ok(())
    } else {
        Err(format!("not generated any more, to be removed:\n{}", stale.join("\n")).into())
    }
}
