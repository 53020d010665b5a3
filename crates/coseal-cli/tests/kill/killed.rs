//! SIGKILL at any moment.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::place::{Done, Files, Place};
use super::table::{CHANGES, Change};

fn kills() -> u32 {
    std::env::var("COSEAL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10)
}

/// A place to be copied, and what is in it.
struct Template {
    place: Place,
    files: Files,
}

/// What came of the attempts on one command.
#[derive(Default)]
struct Tally {
    attempts: u32,
    /// Dead before it ended.
    amid: u32,
    /// Of those: something was changed or begun already.
    touched: u32,
}

#[test]
fn whatever_is_killed_leaves_every_file_whole() {
    let place = Place::new();
    let template = Template { files: place.files(), place };
    let next = AtomicUsize::new(0);
    // Two at a time: most of the time a command waits for the disk.
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(change) = CHANGES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let Tally { attempts, amid, touched } = kill_often(&template, change);
                    let took = started.elapsed().as_secs();
                    println!(
                        "{amid} of {attempts} killed amid, {touched} while writing, {took} s: {}",
                        change.words
                    );
                }
            });
        }
    });
}

/// Until it died often enough before it ended.
fn kill_often(template: &Template, change: &Change) -> Tally {
    let mut lifetime = lifetime(&template.place, change);
    let mut tally = Tally::default();
    let words = template.place.words(change.words);
    let mut place = template.place.copy(None);
    while tally.amid < kills() {
        // Files are written in the last part: half of the deaths lie there.
        let part = UNIX_EPOCH.elapsed().unwrap().subsec_nanos() / 7 % 1000;
        let part = if tally.attempts.is_multiple_of(2) { part } else { 500 + part / 2 };
        let about = Killed { change, words: &words, alive: lifetime * part / 1000 };
        let is_amid = kill(&place, &about);
        tally.attempts += 1;
        tally.amid += u32::from(is_amid);
        if place.files() != template.files {
            tally.touched += u32::from(is_amid);
            about.look_at(&place, template);
            place = template.place.copy(None);
        }
        // How long it lives depends on what else the machine does.
        lifetime = if is_amid { lifetime * 102 / 100 } else { lifetime * 95 / 100 };
        assert!(tally.attempts < 20 * kills(), "{} always ends first", change.words);
    }
    tally
}

/// How long it lives that nobody kills: the middle one of three.
fn lifetime(template: &Place, change: &Change) -> Duration {
    let mut lives: Vec<_> = (0..3)
        .map(|_| {
            let place = template.copy(None);
            let words = place.words(change.words);
            let started = Instant::now();
            place.run(&words).fine();
            started.elapsed()
        })
        .collect();
    lives.sort_unstable();
    lives[1]
}

/// Lets it live for so long. Whether it died of that.
fn kill(place: &Place, killed: &Killed<'_>) -> bool {
    let mut child = place.command(killed.words).spawn().unwrap();
    thread::sleep(killed.alive);
    child.kill().unwrap();
    child.wait_with_output().unwrap().status.code().is_none()
}

const ANEW: &str = "--new-replay-memory";

/// A command and when it died.
struct Killed<'a> {
    change: &'a Change,
    words: &'a str,
    alive: Duration,
}

impl Killed<'_> {
    /// Each file is the old one or the new one, and nothing is in the way.
    fn look_at(&self, place: &Place, template: &Template) {
        let (before, after) = (&template.files, place.files());
        let mut is_changed = false;
        for (name, bytes) in &after {
            if before.get(name) == Some(bytes) || is_litter(name) {
                continue;
            }
            let written = self.change.writes.iter().find(|(written, _)| is_in(name, written));
            let Some((written, whole)) = written else { panic!("{self}: {name} is not its file") };
            let fault = place.fault(written, *whole);
            assert!(fault.is_none(), "{self}: {name} is half written: {fault:?}");
            is_changed = true;
        }
        // A public key goes before its pair is replaced, and is made again from the
        // private one: what must never be is halves of two pairs.
        let is_half = |name: &str| self.words.starts_with("key new") && name.ends_with(".pub");
        let is_gone = |name: &&String| !after.contains_key(*name) && !is_half(name);
        let gone: Vec<_> = before.keys().filter(is_gone).collect();
        assert!(gone.is_empty(), "{self}: {gone:?} are gone");
        for public in after.keys().filter(|name| is_half(name)) {
            let private = public.trim_end_matches(".pub");
            let ids = [public, private].map(|name| place.run(&format!("key id {name}")));
            let [one, other] = ids.map(|id| id.out);
            assert!(one == other || !after.contains_key(private), "{self}: {public}");
        }
        self.again(place, is_changed);
    }

    /// The same command goes through, unless its work is done already.
    fn again(&self, place: &Place, is_changed: bool) {
        let mut done = place.run(self.words);
        if self.words.contains(ANEW) && done.has_code("misuse") {
            // As the hint says: the memory is there, and what it is for is not done.
            done = place.run(&self.words.replace(ANEW, "--replay-memory"));
        }
        let is_done = is_changed && says_done(&done);
        assert!(done.exit == Some(0) || is_done, "{self}: again: {done:?}");
        for (name, whole) in self.change.writes {
            // The public key of a pair is made from the private one, the state by the next edit.
            if is_done && !place.path(name).exists() {
                continue;
            }
            let fault = place.fault(name, *whole);
            assert!(fault.is_none(), "{self}: again: {name}: {fault:?}\n{done:?}");
        }
        let files = place.files();
        let left: Vec<_> = files.keys().filter(|name| name.contains(".partial")).collect();
        assert!(left.is_empty(), "{self}: again: {left:?} are left");
    }
}

impl fmt::Display for Killed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, killed after {:?}", self.words, self.alive)
    }
}

/// What it was to make is there; what it was to open was opened.
fn says_done(done: &Done) -> bool {
    // `trust new`: the bundle that it made is remembered, and it would make another.
    let is_made = done.has_code("misuse") || done.has_code("untrusted/rolled_back");
    (done.exit == Some(2) && is_made) || (done.exit == Some(1) && done.has_code("stale/replayed"))
}

/// Hidden and in nobody's way, or what an interrupted re-wrapping goes on with.
fn is_litter(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap();
    (name.starts_with('.') && name.ends_with(".tmp"))
        || [".partial", ".partial.state", ".partial.state.new"]
            .iter()
            .any(|end| name.ends_with(end))
}

/// The file itself, or one in the folder of that name.
fn is_in(name: &str, written: &str) -> bool {
    name.strip_prefix(written).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
