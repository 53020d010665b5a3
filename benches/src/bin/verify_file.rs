//! `coseal verify FILE` beside the library: a file of a million envelopes judged
//! by the command, and the same envelopes in memory by one verifier on as many
//! threads, in turns. The command must have been built:
//!
//! ```text
//! cargo build --release -p coseal-cli -p coseal-benches
//! target/release/verify_file FOLDER
//! ```
//!
//! The file is 800 MB; the folder must be there. `cargo xtask bench --command`
//! does all of it.
#![forbid(unsafe_code)]

use clap::{Arg, ArgAction, Command, value_parser};
use coseal::sequence::Scanner;
use coseal::{
    Message, NewRecord, Pattern, ReceivingKey, Sealer, SigningKey, Time, TrustAnchor, TrustBundle,
    Verifier,
};
use coseal_benches::ratios::Row;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, process, thread};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const BATCH: u32 = 64;
const SIZE: usize = 256;
/// Turns of either side; the fastest counts.
const TURNS: u32 = 7;

fn main() -> Result<()> {
    let options = options().get_matches();
    let folder = options.get_one::<PathBuf>("folder").ok_or("no folder")?;
    let is_quick = options.get_flag("quick");
    let (messages, turns) = if is_quick { (100 * BATCH, 1) } else { (1_000_000, TURNS) };
    let trust = prepare(folder, messages)?;
    let row = measure(folder, &trust, messages, turns)?;
    let mut out: Box<dyn Write> = match options.get_one::<PathBuf>("json") {
        Some(path) => Box::new(BufWriter::new(File::create(path)?)),
        None => Box::new(stdout()),
    };
    serde_json::to_writer_pretty(&mut out, &[row])?;
    writeln!(out)?;
    Ok(out.flush()?)
}

fn options() -> Command {
    let path = || value_parser!(PathBuf);
    Command::new("verify_file")
        .about("Measure `coseal verify FILE` against the library")
        .arg(Arg::new("folder").value_name("FOLDER").required(true).value_parser(path()))
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("A few envelopes, once: shows that it runs"),
        )
        .arg(
            Arg::new("json")
                .long("json")
                .value_name("FILE")
                .value_parser(path())
                .help("Where the array goes; else to the standard output"),
        )
}

/// Writes `sealed`, `bundle` and `root.pub`.
fn prepare(folder: &Path, messages: u32) -> Result<Arc<TrustBundle>> {
    let (root, shop) = (SigningKey::generate()?, SigningKey::generate()?);
    let (now, day) = (Time::now(), Duration::from_secs(86_400));
    let mut edit = TrustBundle::make("bench");
    edit.add(NewRecord {
        subject: "spiffe://bench/shop".into(),
        key: shop.verifying_key().clone().into(),
        valid_from: now,
        valid_until: None,
        channels: vec![Pattern::new("orders")?],
    })?;
    let bundle = edit.sign(&root, now, now.plus(day))?;
    fs::write(folder.join("bundle"), &bundle)?;
    fs::write(folder.join("root.pub"), root.verifying_key().to_pem())?;

    let reader = ReceivingKey::generate()?;
    let sealer = Sealer::builder(shop, "orders").recipient(reader.recipient_key()).build()?;
    let payload = [0x5a; SIZE];
    let batch = vec![Message::new(&payload); usize::try_from(BATCH)?];
    let mut sealed = BufWriter::new(File::create(folder.join("sealed"))?);
    for _ in 0..messages / BATCH {
        for envelope in sealer.seal_batch(&batch)? {
            sealed.write_all(&envelope)?;
        }
    }
    sealed.flush()?;
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    Ok(Arc::new(TrustBundle::load(&bundle, &anchor, now)?))
}

fn measure(folder: &Path, trust: &Arc<TrustBundle>, messages: u32, turns: u32) -> Result<Row> {
    let bytes = fs::read(folder.join("sealed"))?;
    let envelopes = split(&bytes)?;
    let threads = thread::available_parallelism()?.get();
    let (mut ours, mut library) = (Duration::MAX, Duration::MAX);
    for _ in 0..turns {
        ours = ours.min(by_command(folder)?);
        library = library.min(by_library(trust, &envelopes, threads)?);
    }
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(messages);
    Ok(Row {
        group: "command",
        case: format!("verify/256B/batch64/a256gcm/{messages}envelopes/{threads}threads"),
        ns: each(ours),
        floor_ns: each(library),
        ratio: ours.as_secs_f64() / library.as_secs_f64(),
    })
}

fn by_command(folder: &Path) -> Result<Duration> {
    let command = std::env::current_exe()?.with_file_name("coseal");
    let start = Instant::now();
    let done = process::Command::new(command)
        .args(["verify", "--trust", "bundle", "--pin", "root.pub", "sealed"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    let time = start.elapsed();
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into());
    }
    Ok(time)
}

fn by_library(trust: &Arc<TrustBundle>, envelopes: &[&[u8]], threads: usize) -> Result<Duration> {
    let verifier = Verifier::new(trust.clone());
    let share = envelopes.len().div_ceil(threads).max(1);
    let start = Instant::now();
    let valid: usize = thread::scope(|scope| {
        let judge = |share: &[&[u8]]| {
            share.iter().filter(|envelope| verifier.verify(envelope).is_ok()).count()
        };
        let workers: Vec<_> =
            envelopes.chunks(share).map(|share| scope.spawn(move || judge(share))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
    });
    let time = start.elapsed();
    if valid != envelopes.len() {
        return Err(format!("{valid} of {} verified", envelopes.len()).into());
    }
    Ok(time)
}

/// A CBOR sequence in its items.
fn split(bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let (mut envelopes, mut scanner, mut rest) = (Vec::new(), Scanner::new(), bytes);
    while let Some(end) = scanner.push(rest)? {
        let (envelope, after) = rest.split_at(end);
        envelopes.push(envelope);
        rest = after;
    }
    scanner.finish()?;
    Ok(envelopes)
}
