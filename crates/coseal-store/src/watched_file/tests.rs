#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::fs;
use std::sync::mpsc::Receiver;

use coseal::{SigningKey, Time, TrustAnchor, TrustBundle, TrustSource};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

struct Desk {
    folder: tempfile::TempDir,
    bundles: Vec<Vec<u8>>,
    keeper: Arc<TrustKeeper>,
}

impl Desk {
    /// With bundle 1 in force and in the file, and 2 to 4 to come.
    fn new() -> Self {
        let root = SigningKey::generate().unwrap();
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        let now = Time::now();
        let sign = |editor: coseal::TrustEditor| editor.sign(&root, now, now.plus(DAY)).unwrap();
        let mut bundles = vec![sign(TrustBundle::make("example.org"))];
        for _ in 0..3 {
            let last = TrustBundle::load(bundles.last().unwrap(), &anchor, now).unwrap();
            bundles.push(sign(last.edit().unwrap()));
        }
        let keeper = Arc::new(TrustKeeper::builder(anchor).start(&bundles[0]).unwrap());
        let desk = Self { folder: tempfile::tempdir().unwrap(), bundles, keeper };
        fs::write(desk.path(), &desk.bundles[0]).unwrap();
        desk
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("trust.bundle")
    }

    fn file(&self) -> WatchedFile {
        WatchedFile::new(self.path(), Arc::clone(&self.keeper))
    }

    /// As one who replaces files does it.
    fn replace(&self, bytes: &[u8]) {
        let aside = self.folder.path().join("aside");
        fs::write(&aside, bytes).unwrap();
        fs::rename(aside, self.path()).unwrap();
    }
}

#[track_caller]
fn code(outcome: &Result<Offered>) -> String {
    let error = outcome.as_ref().unwrap_err();
    if let StoreError::Io { source, .. } = error {
        return source.kind().to_string();
    }
    let StoreError::Core { source, .. } = error else { panic!("{error}") };
    format!("{}/{}", source.code(), source.kind().unwrap_or_default())
}

#[test]
fn whatever_is_in_the_file_is_offered() {
    let desk = Desk::new();
    let file = desk.file();
    assert_eq!(file.path(), desk.path());
    assert_eq!(file.poll().unwrap(), Offered::InForce);
    desk.replace(&desk.bundles[1]);
    assert_eq!(file.poll().unwrap(), Offered::Accepted);
    assert_eq!(file.poll().unwrap(), Offered::InForce);
    desk.replace(&desk.bundles[0]);
    assert_eq!(code(&file.poll()), "untrusted/rolled_back");
    assert_eq!(desk.keeper.current().sequence(), 2);
    // Gone, and back again.
    fs::remove_file(desk.path()).unwrap();
    assert_eq!(code(&file.poll()), "entity not found");
    fs::create_dir(desk.path()).unwrap();
    assert!(matches!(file.poll(), Err(StoreError::Io { .. })));
    fs::remove_dir(desk.path()).unwrap();
    assert_eq!(desk.keeper.current().sequence(), 2);
    desk.replace(&desk.bundles[1]);
    assert_eq!(file.poll().unwrap(), Offered::InForce);
    desk.replace(&desk.bundles[3]);
    assert_eq!(file.poll().unwrap(), Offered::Accepted);
    let too_large = fs::File::create(desk.path()).unwrap();
    too_large.set_len((coseal::limits::BUNDLE + 1) as u64).unwrap();
    assert_eq!(code(&file.poll()), "malformed/too_large");
    assert_eq!(desk.keeper.current().sequence(), 4);
}

#[test]
fn no_half_of_a_file_comes_into_force() {
    let desk = Desk::new();
    let file = desk.file();
    let (old, whole) = (&desk.bundles[0], &desk.bundles[1]);
    assert_eq!(whole.len(), old.len());
    // The last byte of a signature has few values: some of the last ones may be
    // the same in both, and the new bundle is whole before them.
    let all = 1 + (0..whole.len()).rposition(|at| whole[at] != old[at]).unwrap();
    for length in 0..whole.len() {
        fs::write(desk.path(), &whole[..length]).unwrap();
        assert_eq!(code(&file.poll()), "malformed/cbor", "{length} bytes");
        // The new one written over the old one, in place.
        if length < all {
            let mixed = [&whole[..length], &old[length..]].concat();
            fs::write(desk.path(), &mixed).unwrap();
            if mixed == *old {
                assert_eq!(file.poll().unwrap(), Offered::InForce);
            } else {
                assert!(file.poll().is_err(), "{length} bytes over the old ones");
            }
        }
        assert_eq!(desk.keeper.current().sequence(), 1);
    }
    // The same length, at once, by whatever clock the file system has.
    fs::write(desk.path(), whole).unwrap();
    assert_eq!(file.poll().unwrap(), Offered::Accepted);
}

#[cfg(unix)]
#[test]
fn a_link_that_is_turned_is_followed() {
    use std::os::unix::fs::symlink;

    let desk = Desk::new();
    for (name, bundle) in [("one", 0), ("two", 1)] {
        fs::create_dir(desk.folder.path().join(name)).unwrap();
        fs::write(desk.folder.path().join(name).join("trust.bundle"), &desk.bundles[bundle])
            .unwrap();
    }
    // As a volume of configuration is updated: the folder is a link, and turned.
    let (now, aside) = (desk.folder.path().join("now"), desk.folder.path().join("aside"));
    symlink("one", &now).unwrap();
    let file = WatchedFile::new(now.join("trust.bundle"), Arc::clone(&desk.keeper));
    assert_eq!(file.poll().unwrap(), Offered::InForce);
    symlink("two", &aside).unwrap();
    fs::rename(&aside, &now).unwrap();
    assert_eq!(file.poll().unwrap(), Offered::Accepted);
}

fn next(told: &Receiver<String>) -> String {
    told.recv_timeout(Duration::from_secs(60)).expect("something is told")
}

#[test]
fn a_thread_tells_what_changes_and_ends_with_its_watch() {
    let desk = Desk::new();
    let (tell, told) = mpsc::channel();
    let watch = desk.file().spawn(Duration::from_millis(2), move |outcome| {
        let text = outcome.as_ref().map_or_else(|_| code(outcome), |done| format!("{done:?}"));
        tell.send(text).unwrap();
    });
    let watch = watch.unwrap();
    desk.replace(&desk.bundles[1]);
    assert_eq!(next(&told), "Accepted");
    assert_eq!(desk.keeper.current().sequence(), 2);
    desk.replace(&desk.bundles[0]);
    assert_eq!(next(&told), "untrusted/rolled_back");
    while desk.keeper.last_refusal().unwrap().times < 3 {
        thread::yield_now();
    }
    desk.replace(&desk.bundles[1]);
    assert_eq!(next(&told), "InForce", "the refusal is told once, and its end");
    fs::remove_file(desk.path()).unwrap();
    assert_eq!(next(&told), "entity not found");
    desk.replace(&desk.bundles[2]);
    assert_eq!(next(&told), "Accepted");
    drop(watch);
    assert!(told.recv().is_err(), "the thread has ended");
    assert_eq!(Arc::strong_count(&desk.keeper), 1);
    desk.replace(&desk.bundles[3]);
    assert_eq!(desk.keeper.current().sequence(), 3);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let desk = Desk::new();
    fs::remove_file(desk.path()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(desk.path()).status().unwrap();
    assert!(made.success());
    assert_eq!(code(&desk.file().poll()), "misuse/");
    assert_eq!(desk.keeper.current().sequence(), 1);
}

#[test]
fn bundles_come_in_though_whoever_is_told_panics() {
    let desk = Desk::new();
    let (told, heard) = mpsc::channel();
    let watch = desk.file().spawn(Duration::from_millis(5), move |outcome| {
        told.send(outcome.is_ok()).unwrap();
        assert!(outcome.is_ok(), "told of a fault");
    });
    let _watch = watch.unwrap();
    desk.replace(b"junk");
    assert!(!heard.recv_timeout(Duration::from_secs(60)).unwrap());
    desk.replace(&desk.bundles[1]);
    assert!(heard.recv_timeout(Duration::from_secs(60)).unwrap());
    assert_eq!(desk.keeper.current().sequence(), 2);
}
