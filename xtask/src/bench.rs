//! coseal measured: against the floor, and beside its peers. The programs that
//! measure are in `benches/`; here they are built, run and shown.

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
    let ratios = checkout
        .cargo()
        .args(["run", "--release", "--package", "coseal-benches", "--bin", "ratios", "--"])
        .args(&options.words);
    let mut rows = measured(checkout, options, "ratios", ratios)?;
    if rows.is_empty() {
        return Err(Failure::new("no case has such a name"));
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
        let failed = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", path.display()));
        let text = serde_json::to_string_pretty(&rows).map_err(|e| failed(&e))?;
        fs::write(path, text + "\n").map_err(|e| failed(&e))?;
    }
    Ok(())
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
    let failed = |e: &dyn std::fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    fs::create_dir_all(&folder).map_err(|e| failed(&e))?;
    let quick: &[&str] = if options.quick { &["--quick"] } else { &[] };
    program.args(quick).args(["--json".as_ref(), file.as_os_str()]).output()?;
    let text = fs::read_to_string(&file).map_err(|e| failed(&e))?;
    serde_json::from_str(&text).map_err(|e| failed(&e))
}
