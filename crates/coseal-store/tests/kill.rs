//! Processes are killed while they write (SIGKILL, 60 times, or as often as
//! `COSEAL_KILLS` says): what they had flushed is there, what they never showed
//! is not.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "kill/victim.rs"]
mod victim;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use coseal::{
    EpochId, Error, Observed, Position, ReplayMemory, Sighting, SigningKey, Thumbprint, Time,
};
use coseal_store::{DeadLetter, DeadLetterFile, ReplayFile};

use victim::{Random, kill, kills, say, task};

const WINDOW: Duration = Duration::from_secs(20);
const SKEW: Duration = Duration::from_secs(1);

/// No test by itself: what the other tests start and kill. The runner starts it
/// as well, without a task.
#[test]
fn the_process_that_is_killed() {
    let Some((task, from, file)) = task() else { return };
    match &*task {
        "replay" => show_for_ever(&file, from),
        _ => record_for_ever(&file, from),
    }
}

/// The message of a number: two signers; one whose messages have positions, in
/// three logs, one whose messages have none. Half a millisecond apart, so that
/// the older ones leave the window while the test runs.
fn message(signers: &[Thumbprint; 2], number: u64) -> Sighting {
    let sealed_at = Time::from_secs(1_700_000_000)
        .plus(Duration::from_micros(500) * u32::try_from(number).unwrap());
    let positioned = !number.is_multiple_of(3);
    // Swapped in pairs, with gaps, in epochs of 5000.
    let sequence = ((number % 5000) ^ 1) * 3 / 2;
    Sighting {
        signer: signers[usize::from(positioned)],
        epoch: EpochId::from_bytes((number / 5000).to_be_bytes()),
        sequence,
        sealed_at,
        position: positioned.then_some(Position { log: number % 5 / 2, offset: number * 2 }),
        now: sealed_at,
    }
}

fn signers() -> [Thumbprint; 2] {
    [1, 2].map(|key| *SigningKey::from_bytes(&[key; 32]).verifying_key().thumbprint())
}

fn show_for_ever(file: &Path, from: u64) {
    let signers = signers();
    let mut random = Random::new();
    let memory = ReplayFile::open(file, WINDOW, SKEW).unwrap();
    let mut next = from;
    loop {
        let end = next + 1 + random.below(400);
        say("begin", end);
        for number in next..end {
            assert_eq!(memory.observe(&message(&signers, number)).unwrap(), Observed::New);
        }
        if let Err(error) = memory.flush() {
            eprintln!("{error}");
            std::process::exit(3);
        }
        say("done", end);
        next = end;
    }
}

#[test]
fn no_flushed_sighting_is_forgotten_and_nothing_unseen_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay");
    ReplayFile::create(&path).unwrap();
    let signers = signers();
    let mut random = Random::new();
    let mut seen = Vec::new();
    let (mut from, mut judged, mut forgotten) = (0, 0, 0);
    for _ in 0..kills() {
        let progress = kill("replay", &path, from, Duration::from_micros(random.below(60_000)));
        seen.push(from..progress.done);
        let memory = ReplayFile::open(&path, WINDOW, SKEW).unwrap();
        let now = message(&signers, progress.done).sealed_at;
        for number in seen.iter().cloned().flatten() {
            let message = message(&signers, number);
            // As an opener judges age, before it asks.
            let reference = match message.position {
                Some(position) => memory.latest(position.log, &message.signer).unwrap(),
                None => now,
            };
            if reference.since(message.sealed_at) > WINDOW + SKEW {
                forgotten += 1;
                continue;
            }
            let expected =
                if message.position.is_some() { Observed::Redelivery } else { Observed::Replay };
            let again = Sighting { now, ..message };
            assert_eq!(memory.observe(&again).unwrap(), expected, "{number} of {seen:?}");
            if let Some(position) = message.position {
                let elsewhere = Some(Position { offset: position.offset + 1, ..position });
                let copied = Sighting { position: elsewhere, ..again };
                assert_eq!(memory.observe(&copied).unwrap(), Observed::Replay, "{number}");
            }
            judged += 1;
        }
        // What no process began to show; none of it is flushed here.
        for number in progress.begun..progress.begun + 2000 {
            let seen = memory.observe(&message(&signers, number)).unwrap();
            assert_eq!(seen, Observed::New, "{number} of {seen:?}");
        }
        from = progress.begun;
    }
    let flushed: u64 = seen.iter().map(|range| range.end - range.start).sum();
    println!(
        "{flushed} flushed by {} killed processes, {judged} judged, {forgotten} too old",
        kills()
    );
    assert!(seen.iter().filter(|range| !range.is_empty()).count() as u64 > kills() / 4);
}

fn letter(number: u64) -> DeadLetter {
    let position = number.is_multiple_of(2).then_some(Position { log: number % 3, offset: number });
    let error = Error::Undecryptable;
    DeadLetter::new(&number.to_be_bytes(), position, &error, Time::from_secs(number))
}

fn record_for_ever(file: &Path, from: u64) {
    let list = DeadLetterFile::open(file).unwrap();
    let mut random = Random::new();
    let mut next = from;
    loop {
        let end = next + 1 + random.below(20);
        say("begin", end);
        let letters: Vec<_> = (next..end).map(letter).collect();
        list.record(&letters).unwrap();
        say("done", end);
        next = end;
    }
}

#[test]
fn no_recorded_dead_letter_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead");
    DeadLetterFile::create(&path).unwrap();
    let mut random = Random::new();
    let (mut from, mut expected) = (0, Vec::new());
    for _ in 0..kills() / 3 {
        let progress = kill("dead", &path, from, Duration::from_micros(random.below(30_000)));
        expected.extend((from..progress.done).map(letter));
        let list = DeadLetterFile::open(&path).unwrap();
        // All or none of what was being written.
        let between: Vec<_> = (progress.done..progress.begun).map(letter).collect();
        let listed = list.list(None, usize::MAX).unwrap();
        let written = between.iter().filter(|letter| listed.contains(letter)).count();
        assert!(written == 0 || written == between.len(), "{written} of {}", between.len());
        expected.extend(between.into_iter().take(written));
        expected.sort();
        assert_eq!(listed, expected);
        // What was taken off stays off.
        let off: Vec<_> = expected.drain(..expected.len() / 2).collect();
        list.remove(&off).unwrap();
        from = progress.begun;
    }
    assert!(from > 0);
}

/// A full disk, played by a limit on the size of files: the flush fails in
/// words, nothing that was flushed is lost, and the memory goes on when there
/// is room again.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replay");
    ReplayFile::create(&path).unwrap();
    let started = Instant::now();
    // Blocks of 512 or 1024 bytes, as the shell likes: some 300 KiB.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" \"$@\"";
    let process = victim::command("replay", &path, 0);
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(process.get_program())
        .args(process.get_args())
        .envs(process.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(60));
    let said = String::from_utf8_lossy(&output.stdout);
    let done = |line: &str| line.strip_prefix("done ")?.trim_end_matches('.').parse::<u64>().ok();
    let done = said.lines().filter_map(done).next_back().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot write {}: File too large", path.display());
    assert!(error.contains(&expected) && output.status.code() == Some(3), "{error}");

    let signers = signers();
    let memory = ReplayFile::open(&path, WINDOW, SKEW).unwrap();
    let now = message(&signers, done).sealed_at;
    for number in 0..done {
        let message = message(&signers, number);
        let seen = memory.observe(&Sighting { now, ..message }).unwrap();
        assert_ne!(seen, Observed::New, "{number} of {done}");
    }
    memory.flush().unwrap();
    assert_eq!(memory.observe(&message(&signers, done + 1000)).unwrap(), Observed::New);
    memory.flush().unwrap();
}
