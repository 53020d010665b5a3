//! coseal measured: against the floor, and beside its peers. The programs that
//! measure are in `benches/`; here they are built, run and shown.

use std::fmt::Display;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::checkout::Checkout;
use crate::run::Run;
use crate::step::Failure;

mod table;

/// What the caller chose.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    /// Also measure the peers.
    pub(crate) peers: bool,
    /// Also measure the command on a file.
    pub(crate) command: bool,
    /// coseal takes AEADs and signing from AWS-LC.
    pub(crate) aws_lc: bool,
    /// A few turns of each case.
    pub(crate) quick: bool,
    /// Where the figures go, besides the tables.
    pub(crate) json: Option<PathBuf>,
    /// Only the cases against the floor whose name contains one of these.
    pub(crate) words: Vec<&'a str>,
}

/// Measures, and shows the tables.
pub(crate) fn run(
    checkout: &Checkout,
    options: &Options<'_>,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut show = |text: String| {
        writeln!(out, "{text}").map_err(|e| Failure::new(format!("the standard output: {e}")))
    };
    eprintln!("Building, then measuring against the floor: some minutes.");
    show(surroundings(checkout)?)?;
    let aws_lc: &[&str] = if options.aws_lc { &["--features", "aws-lc"] } else { &[] };
    let benches = |name| {
        let cargo = checkout.cargo().args(["run", "--release", "--package", "coseal-benches"]);
        cargo.args(aws_lc).args(["--bin", name, "--"])
    };
    let mut rows = measured(checkout, options, "ratios", benches("ratios").args(&options.words))?;
    if rows.is_empty() {
        return Err(Failure::new("no case has such a name"));
    }
    if options.command {
        eprintln!("Building the command, then measuring it on a file of 800 MB.");
        let build = ["build", "--release", "--package", "coseal-cli"];
        checkout.cargo().args(build).args(aws_lc).output()?;
        let folder = checkout.scratch("bench-command");
        let failed = |e: &dyn Display| Failure::new(format!("{}: {e}", folder.display()));
        fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
        let command = benches("verify_file").args([&folder]);
        let command = measured(checkout, options, "command", command);
        // Whatever came of it: it is large.
        fs::remove_dir_all(&folder).map_err(|e| failed(&e))?;
        rows.extend(command?);
    }
    if options.quick {
        show("A few turns of each: this shows that it runs; the times say little.\n".into())?;
    }
    show(table::floor(&rows)?)?;
    if options.peers {
        eprintln!("Building the peers, then measuring them: many minutes the first time.");
        let target = checkout.target().join("peers");
        let peers = checkout
            .cargo()
            .args(["run", "--release", "--manifest-path", "benches/peers/Cargo.toml"])
            .args(["--target-dir".as_ref(), target.as_os_str(), "--".as_ref()]);
        let peers = measured(checkout, options, "peers", peers)?;
        show(table::peers(&peers)?)?;
        rows.extend(peers);
    }
    if let Some(path) = &options.json {
        let failed = |e: &dyn Display| Failure::new(format!("{}: {e}", path.display()));
        let text = serde_json::to_string_pretty(&rows).map_err(|e| failed(&e))?;
        fs::write(path, text + "\n").map_err(|e| failed(&e))?;
    }
    Ok(())
}

/// Which machine and which compiler: without them, times say nothing.
fn surroundings(checkout: &Checkout) -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let rustc = Run::new(rustc, checkout.root()).args(["--version"]).output()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let known = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = known
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, name)| name.trim());
    Ok(format!("{cores} cores of {processor}; {}\n", rustc.trim()))
}

/// What the program wrote into the file it was told of: an array.
fn measured(
    checkout: &Checkout,
    options: &Options<'_>,
    name: &str,
    program: Run,
) -> Result<Vec<Value>, Failure> {
    let folder = checkout.scratch("bench");
    let file = folder.join(name).with_extension("json");
    let failed = |e: &dyn Display| Failure::new(format!("{}: {e}", file.display()));
    fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
    let quick: &[&str] = if options.quick { &["--quick"] } else { &[] };
    program.args(quick).args(["--json".as_ref(), file.as_os_str()]).output()?;
    let text = fs::read_to_string(&file).map_err(|e| failed(&e))?;
    serde_json::from_str(&text).map_err(|e| failed(&e))
}
