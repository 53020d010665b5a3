//! coseal beside other ways to do what it does: encrypt a message for a
//! recipient so that it shows who sent it. One JSON array of `{"group": "peers",
//! "case", "ns", "floor_ns", "ratio"}`, times a message; `floor_ns` is what
//! coseal takes (in batches of 64; 1 MiB alone). Rows of sealing have
//! `bytes_added`, too. `cargo xtask bench --peers` shows it as a table.
//!
//! Nothing is timed before it has shown that it opens what it sealed, and that
//! it refuses it with one bit changed.
#![forbid(unsafe_code)]

use clap::{Arg, ArgAction, Command, value_parser};
use coseal_benches::turns::{Counts, Effort, Side, in_turns};
use serde::Serialize;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use way::Way;
use way::aws::Aws;
use way::by_hand::ByHand;
use way::coseal::Coseal;
use way::jose::Jose;

mod way;

/// The SDK's signed suite signs again until the signature has the length that
/// it wants, about twice: no message costs it what the next one does.
const EFFORT: Effort =
    Effort { turns: 15, counts: Counts::Median, turn: Duration::from_millis(60), ..Effort::FULL };

type Failed = Box<dyn Error>;

#[derive(Serialize)]
struct Row {
    group: &'static str,
    case: String,
    ns: f64,
    floor_ns: f64,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_added: Option<usize>,
}

fn main() -> Result<(), Failed> {
    let options = command().get_matches();
    let effort = if options.get_flag("quick") { Effort::QUICK } else { EFFORT };
    let mut rows = Vec::new();
    for (name, size) in [("256B", 256), ("1KiB", 1 << 10), ("1MiB", 1 << 20)] {
        let ways = ways(size)?;
        let payload = vec![0x5a; size];
        let mut samples = Vec::new();
        for way in &ways {
            let sample = way.seal(&payload)?;
            way::check(way.as_ref(), &sample, &payload)?;
            samples.push(sample);
        }
        let added = |sample: &[Vec<u8>]| sample.iter().map(Vec::len).max().map(|len| len - size);
        let bytes_added: Vec<Option<usize>> = samples.iter().map(|sample| added(sample)).collect();

        let sealed = in_turns_of(effort, &ways, |way, _| {
            let start = Instant::now();
            std::hint::black_box(way.seal(&payload).is_ok());
            start.elapsed()
        });
        push(&mut rows, "seal", name, &ways, &sealed, &bytes_added);
        let opened = in_turns_of(effort, &ways, |way, index| {
            let sample = samples.get(index).map_or(&[][..], Vec::as_slice);
            way.open(sample).map_or(Duration::MAX, |(_, took)| took)
        });
        push(&mut rows, "open", name, &ways, &opened, &[]);
    }
    let text = serde_json::to_string_pretty(&rows)? + "\n";
    match options.get_one::<PathBuf>("json") {
        Some(path) => std::fs::write(path, text)?,
        None => print!("{text}"),
    }
    Ok(())
}

fn command() -> Command {
    Command::new("coseal-peers")
        .about("Measure coseal beside other ways to seal a message")
        .arg(Arg::new("quick").long("quick").action(ArgAction::SetTrue))
        .arg(Arg::new("json").long("json").value_name("FILE").value_parser(value_parser!(PathBuf)))
}

/// The first is what the others are compared with.
fn ways(size: usize) -> Result<Vec<Box<dyn Way>>, Failed> {
    // 64 MiB at once would measure the memory.
    let batch: Option<Box<dyn Way>> =
        if size < 1 << 20 { Some(Box::new(Coseal::new(64)?)) } else { None };
    let others: [Box<dyn Way>; 5] = [
        Box::new(Coseal::new(1)?),
        Box::new(ByHand::new()?),
        Box::new(Jose::new()?),
        Box::new(Aws::new(false)?),
        Box::new(Aws::new(true)?),
    ];
    Ok(batch.into_iter().chain(others).collect())
}

/// Nanoseconds a message, of each. `once` answers what one round took.
fn in_turns_of(
    effort: Effort,
    ways: &[Box<dyn Way>],
    once: impl Fn(&dyn Way, usize) -> Duration,
) -> Vec<f64> {
    let once = &once;
    let mut sides: Vec<_> = (0..)
        .zip(ways)
        .map(|(index, way)| {
            move |rounds: u32| (0..rounds).map(|_| once(way.as_ref(), index)).sum::<Duration>()
        })
        .collect();
    let mut turns: Vec<&mut Side<'_>> = sides.iter_mut().map(|side| side as _).collect();
    let times = in_turns(effort, &mut turns);
    times.iter().zip(ways).map(|(ns, way)| ns / way.batch() as f64).collect()
}

fn push(
    rows: &mut Vec<Row>,
    verb: &str,
    size: &str,
    ways: &[Box<dyn Way>],
    times: &[f64],
    bytes_added: &[Option<usize>],
) {
    let floor_ns = times.first().copied().unwrap_or(f64::NAN);
    for (index, (way, &ns)) in ways.iter().zip(times).enumerate() {
        let case = format!("{verb}/{size}/{}", way.name());
        let ratio = ns / floor_ns;
        eprintln!("{case:28} {ns:12.0} ns {ratio:8.1}");
        let bytes_added = bytes_added.get(index).copied().flatten();
        rows.push(Row { group: "peers", case, ns, floor_ns, ratio, bytes_added });
    }
}
