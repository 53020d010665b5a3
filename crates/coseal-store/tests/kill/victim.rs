//! Processes that are killed while they write (SIGKILL, 60 times, or as often
//! as `COSEAL_KILLS` says), and how far they came.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// What the process that is to be killed shall do: a task, a file, where to begin.
const TASK: &str = "COSEAL_TEST_KILLED";

pub(crate) fn kills() -> u64 {
    env::var("COSEAL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(60)
}

/// Not the same in every run: moments of death should differ.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let now = u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() & 0xffff_ffff);
        Self(now.unwrap() | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// How far a process came: what it began to write, and what it was told is
/// written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) begun: u64,
    pub(crate) done: u64,
}

/// This program again: as its test `the_process_that_is_killed`, with a task.
pub(crate) fn command(task: &str, file: &Path, from: u64) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "the_process_that_is_killed", "--nocapture"])
        .env(TASK, format!("{task} {from} {}", file.display()));
    command
}

/// The task of this process, if it has one: what, from where on, which file.
pub(crate) fn task() -> Option<(String, u64, PathBuf)> {
    let task = env::var(TASK).ok()?;
    let mut words = task.splitn(3, ' ');
    let mut word = || words.next().unwrap();
    Some((word().to_owned(), word().parse().unwrap(), word().into()))
}

/// Lets a process do `task` from `from` on, and kills it after `alive`: counted
/// from its first sign of life, or, one time in five, from its birth, so that
/// it may die while it opens the file.
pub(crate) fn kill(task: &str, file: &Path, from: u64, alive: Duration) -> Progress {
    let mut child = command(task, file, from).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (signs, first) = std::sync::mpsc::channel();
    let reader = thread::spawn(move || {
        let mut progress = Progress { begun: from, done: from };
        // The last line may have been cut short: without its end it is none.
        for line in lines.map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("begin", number)) => {
                    progress.begun = number.trim_end_matches('.').parse().unwrap()
                }
                Some(("done", number)) if number.ends_with('.') => {
                    progress.done = number.trim_end_matches('.').parse().unwrap();
                }
                _ => continue,
            }
            _ = signs.send(());
        }
        progress
    });
    if !alive.subsec_micros().is_multiple_of(5) {
        first.recv_timeout(Duration::from_secs(60)).expect("a sign of life");
    }
    thread::sleep(alive);
    child.kill().unwrap();
    let ended = child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9));
    reader.join().unwrap()
}

/// Says how far it is, whole lines in one write each.
pub(crate) fn say(what: &str, number: u64) {
    let line = format!("{what} {number}.\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}
