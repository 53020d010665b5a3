//! Who seals, and who keeps the trust bundle in force, is killed in the midst
//! of it: no chain ever claims what is not so, and no restart goes below a
//! bundle that was in force.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "kill/victim.rs"]
mod victim;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use coseal::sequence::Scanner;
use coseal::{
    EpochId, NewRecord, Pattern, Previous, ReceivingKey, Sealer, SigningKey, Time, TrustAnchor,
    TrustBundle, TrustSource, Verifier,
};
use coseal_store::{ChainFile, Offered, StateFile, StoreError, TrustKeeper};

use victim::{Random, kill, kills, say, task};

const DAY: Duration = Duration::from_secs(86_400);
const CHANNELS: [&str; 2] = ["orders", "stock"];

/// No test by itself: what the other tests start and kill. The runner starts it
/// as well, without a task.
#[test]
fn the_process_that_is_killed() {
    let Some((task, from, file)) = task() else { return };
    match &*task {
        "chain" => seal_for_ever(&file, from),
        _ => offer_for_ever(&file, from),
    }
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// Where the envelopes of a process go.
fn left(chains: &Path, number: u64) -> PathBuf {
    chains.with_extension(format!("left-{number}"))
}

/// Sealers one after the other, each for a few messages in small epochs; most
/// are ended in order, some are given up.
fn seal_for_ever(file: &Path, number: u64) {
    let mut random = Random::new();
    let mut out = File::create(left(file, number)).unwrap();
    let recipient = ReceivingKey::from_bytes(&[3; 32]);
    loop {
        let chains = ChainFile::open_or_create(file).unwrap();
        for _ in 0..=random.below(3) {
            say("begin", number);
            let channel = CHANNELS[usize::try_from(random.below(2)).unwrap()];
            let builder = Sealer::builder(key(2), channel).recipient(recipient.recipient_key());
            let sealer = chains.begin(builder.epoch_messages(5)).unwrap();
            for _ in 0..random.below(8) {
                let batch = 1 + usize::try_from(random.below(3)).unwrap();
                let batch = vec![coseal::Message::new(b"payload"); batch];
                // Out in one piece, before the next is sealed.
                out.write_all(&sealer.seal_batch(&batch).unwrap().concat()).unwrap();
            }
            if random.below(8) > 0 {
                chains.end(sealer).unwrap();
            }
        }
        drop(chains);
        // As long as work takes: half the deaths should come between two runs.
        thread::sleep(Duration::from_micros(random.below(20_000)));
    }
}

/// What an auditor knows of an epoch.
#[derive(Debug, Default)]
struct Epoch {
    /// The process that sealed it.
    process: u64,
    channel: String,
    messages: u64,
    previous: Option<Previous>,
}

/// The envelopes of a process, verified: whole ones, and perhaps half of one.
fn audit(verifier: &Verifier, process: u64, path: &Path, epochs: &mut BTreeMap<EpochId, Epoch>) {
    let Ok(bytes) = fs::read(path) else { return };
    let (mut scanner, mut rest) = (Scanner::new(), &bytes[..]);
    while let Some(end) = (!rest.is_empty()).then(|| scanner.push(rest).unwrap()).flatten() {
        let verified = verifier.verify(&rest[..end]).unwrap();
        let epoch = epochs.entry(verified.epoch()).or_insert_with(|| Epoch {
            process,
            channel: verified.channel().to_owned(),
            messages: 0,
            previous: verified.previous(),
        });
        assert_eq!((epoch.process, &*epoch.channel), (process, verified.channel()));
        assert_eq!(verified.sequence(), epoch.messages, "out in order, none twice");
        epoch.messages += 1;
        rest = &rest[end..];
    }
}

#[test]
fn no_chain_ever_claims_what_is_not_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chains");
    let mut random = Random::new();
    for number in 0..kills() {
        kill("chain", &path, number, Duration::from_micros(random.below(60_000)));
    }
    let now = Time::now();
    let mut trust = TrustBundle::make("example.org");
    let record = NewRecord {
        key: key(2).verifying_key().clone().into(),
        subject: "spiffe://example.org/orders".to_owned(),
        valid_from: now.minus(DAY),
        valid_until: None,
        channels: CHANNELS.map(|channel| Pattern::new(channel).unwrap()).into(),
    };
    trust.add(record).unwrap();
    let trust = trust.sign(&key(1), now, now.plus(DAY)).unwrap();
    let anchor = TrustAnchor::pinned([key(1).verifying_key().clone()]);
    let verifier = Verifier::new(Arc::new(TrustBundle::load(&trust, &anchor, now).unwrap()));
    let mut epochs = BTreeMap::new();
    for number in 0..kills() {
        audit(&verifier, number, &left(&path, number), &mut epochs);
    }

    let (mut followed, mut across, mut begun) = (BTreeMap::new(), 0, 0);
    for (id, epoch) in &epochs {
        let Some(previous) = epoch.previous else {
            begun += 1;
            continue;
        };
        let before = &epochs[&previous.epoch];
        assert_eq!(previous.messages, before.messages, "{id} on {}", previous.epoch);
        assert_eq!(epoch.channel, before.channel);
        assert!(before.process <= epoch.process);
        let other = followed.insert(previous.epoch, *id);
        assert_eq!(other, None, "two follow {}", previous.epoch);
        across += u64::from(before.process < epoch.process);
    }
    println!(
        "{} epochs of {} killed processes: {begun} chains, {across} went on in another process",
        epochs.len(),
        kills()
    );
    assert!(across > kills() / 20, "{across} chains went on after a death");
    assert!(begun > kills() / 20, "{begun} chains were begun");
}

/// Two processes with one copy of what is in the file: the child has no say.
#[test]
fn a_forked_process_takes_no_end_of_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let chains = ChainFile::open_or_create(folder.path().join("chains")).unwrap();
    let builder = || {
        let recipient = ReceivingKey::from_bytes(&[3; 32]);
        Sealer::builder(key(2), "orders").recipient(recipient.recipient_key())
    };
    let first = chains.begin(builder()).unwrap();
    first.seal(b"payload").unwrap();
    chains.end(first).unwrap();
    let sealer = chains.begin(builder()).unwrap();
    match fork::fork().unwrap() {
        fork::Fork::Child => {
            let begun = matches!(chains.begin(builder()), Err(StoreError::InUse { .. }));
            // Not the child's chain to end: nothing is left, nothing is wrong.
            let ended = chains.end(sealer).is_ok();
            fs::write(folder.path().join("child"), format!("{begun} {ended}")).unwrap();
            std::process::exit(0);
        }
        fork::Fork::Parent(child) => {
            fork::waitpid(child).unwrap();
        }
    }
    assert_eq!(fs::read_to_string(folder.path().join("child")).unwrap(), "true true");
    chains.end(sealer).unwrap();
    let sealer = chains.begin(builder()).unwrap();
    let envelope = sealer.seal(b"payload").unwrap();
    let header = *coseal::Envelope::decode(&envelope).unwrap().unverified_header();
    assert_eq!(header.previous().map(|end| end.messages), Some(1));
}

fn bundle(folder: &Path, number: u64) -> Vec<u8> {
    fs::read(folder.join(format!("bundle-{number}"))).unwrap()
}

fn keeper(folder: &Path, start: u64) -> coseal::Result<TrustKeeper> {
    let anchor = TrustAnchor::pinned([key(1).verifying_key().clone()]);
    TrustKeeper::builder(anchor).state(folder.join("state")).start(&bundle(folder, start))
}

fn offer_for_ever(folder: &Path, from: u64) {
    let keeper = keeper(folder, from).unwrap();
    for number in from + 1..=last() {
        say("begin", number);
        assert_eq!(keeper.offer(&bundle(folder, number)).unwrap(), Offered::Accepted);
        assert_eq!(keeper.current().sequence(), number);
        say("done", number);
    }
    loop {
        thread::park();
    }
}

/// The highest bundle there is: more than these processes live to see.
fn last() -> u64 {
    kills() * 100
}

#[test]
fn no_restart_goes_below_a_bundle_that_was_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let anchor = TrustAnchor::pinned([key(1).verifying_key().clone()]);
    let now = Time::now();
    let mut editor = TrustBundle::make("example.org");
    for number in 1..=last() {
        let bytes = editor.sign(&key(1), now, now.plus(DAY)).unwrap();
        fs::write(folder.join(format!("bundle-{number}")), &bytes).unwrap();
        editor = TrustBundle::load(&bytes, &anchor, now).unwrap().edit().unwrap();
    }
    let mut random = Random::new();
    let (mut from, mut between) = (1, 0);
    for _ in 0..kills() {
        let progress = kill("keeper", folder, from, Duration::from_micros(random.below(60_000)));
        let Some(state) = StateFile::at(folder.join("state")).read().unwrap() else {
            assert_eq!(progress.done, 1, "died at birth");
            continue;
        };
        let seen = state.sequence;
        assert!((progress.done..=progress.begun).contains(&seen), "{seen} of {progress:?}");
        between += u64::from(seen > progress.done);
        for old in [1, from, progress.done].into_iter().filter(|old| *old < seen) {
            let error = keeper(folder, old).unwrap_err();
            assert_eq!((error.code(), error.kind()), ("untrusted", Some("rolled_back")));
        }
        assert_eq!(keeper(folder, seen).unwrap().current().sequence(), seen);
        from = seen;
    }
    println!("{from} bundles, {} deaths, {between} between state and swap", kills());
    assert!(from > kills() / 4 && between > 0, "{from} bundles, {between} between");
}
