#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::thread;
use std::time::Duration;

use coseal::{NewRecord, Pattern, SigningKey};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

struct Desk {
    folder: tempfile::TempDir,
    root: SigningKey,
}

impl Desk {
    /// With a bundle in `bundle`.
    fn new() -> Self {
        let desk =
            Self { folder: tempfile::tempdir().unwrap(), root: SigningKey::generate().unwrap() };
        let now = Time::now();
        let bytes = TrustBundle::make("example.org").sign(&desk.root, now, now.plus(DAY)).unwrap();
        desk.file().create(&bytes, now, Existing::Refuse).unwrap();
        desk
    }

    fn file(&self) -> BundleFile {
        BundleFile::at(self.folder.path().join("bundle"))
            .pinned([self.root.verifying_key().clone()])
    }

    fn state(&self) -> BundleFile {
        self.file().state(self.folder.path().join("state"))
    }

    fn renew(&self, file: &BundleFile, lifetime: Duration) -> Result<TrustBundle> {
        let now = Time::now();
        file.edit(now, |present| {
            let editor = present.edit().map_err(StoreError::core(file.path()))?;
            editor.sign(&self.root, now, now.plus(lifetime)).map_err(StoreError::core(file.path()))
        })
    }
}

#[track_caller]
fn kind<T>(result: Result<T>) -> &'static str {
    let error = result.err().unwrap();
    let StoreError::Core { source, .. } = &error else { panic!("{error}") };
    source.kind().unwrap()
}

#[test]
fn a_bundle_is_believed_under_its_root_and_domain() {
    let desk = Desk::new();
    let now = Time::now();
    assert_eq!(desk.file().domain("example.org").load(now).unwrap().sequence(), 1);
    assert_eq!(kind(desk.file().domain("example.com").load(now)), "wrong_domain");
    let stranger = SigningKey::generate().unwrap().verifying_key().clone();
    assert_eq!(kind(desk.file().pinned([stranger]).load(now)), "unknown_root");
    assert_eq!(kind(desk.file().pinned([]).load(now)), "unknown_root");
    assert!(matches!(BundleFile::at("nowhere").load(now), Err(StoreError::Io { .. })));
}

#[test]
fn an_edit_that_fails_leaves_the_file_alone() {
    let desk = Desk::new();
    let (file, now) = (desk.file(), Time::now());
    let before = read_bundle(file.path()).unwrap();
    let failed = file.edit(now, |_| Err(StoreError::Exists { path: "x".into() }));
    assert!(matches!(failed, Err(StoreError::Exists { .. })));
    // Bytes that nobody would believe are not written either.
    let stranger = SigningKey::generate().unwrap();
    let make =
        |editor: coseal::TrustEditor, root| editor.sign(root, now, now.plus(2 * DAY)).unwrap();
    assert_eq!(
        kind(file.edit::<StoreError>(now, |present| Ok(make(present.edit().unwrap(), &stranger)))),
        "unknown_root"
    );
    assert_eq!(kind(file.edit::<StoreError>(now, |_| Ok(b"junk".to_vec()))), "cbor");
    assert_eq!(
        kind(
            file.edit::<StoreError>(now, |_| Ok(make(
                TrustBundle::make("example.org"),
                &desk.root
            )))
        ),
        "rolled_back"
    );
    assert_eq!(read_bundle(file.path()).unwrap(), before);
    assert!(matches!(file.create(&before, now, Existing::Refuse), Err(StoreError::Exists { .. })));
}

#[test]
fn a_step_back_or_aside_is_refused() {
    let desk = Desk::new();
    let (file, state) = (desk.file(), desk.state());
    let first = read_bundle(file.path()).unwrap();
    desk.renew(&file, DAY).unwrap();
    assert_eq!(state.load(Time::now()).unwrap().sequence(), 2);
    let second = read_bundle(file.path()).unwrap();

    file.create(&first, Time::now(), Existing::Replace).unwrap();
    assert_eq!(kind(state.load(Time::now())), "rolled_back");
    assert_eq!(kind(desk.renew(&state, DAY)), "rolled_back");
    // A fork: the same number, other bytes.
    desk.renew(&file, 2 * DAY).unwrap();
    assert_ne!(read_bundle(file.path()).unwrap(), second);
    assert_eq!(kind(state.load(Time::now())), "rolled_back");
    assert_eq!(kind(state.create(&first, Time::now(), Existing::Replace)), "rolled_back");
    file.create(&second, Time::now(), Existing::Replace).unwrap();
    state.load(Time::now()).unwrap();
    assert_eq!(desk.renew(&state, DAY).unwrap().sequence(), 3);
    assert_eq!(state.load(Time::now()).unwrap().sequence(), 3);
}

#[test]
fn edits_at_once_are_all_kept() {
    let desk = Desk::new();
    let now = Time::now();
    thread::scope(|scope| {
        for number in 0..16_u8 {
            let desk = &desk;
            scope.spawn(move || {
                let file = desk.state();
                let add = |present: &TrustBundle| {
                    let mut editor = present.edit().unwrap();
                    let record = NewRecord {
                        key: SigningKey::from_bytes(&[number; 32]).verifying_key().clone().into(),
                        subject: format!("spiffe://example.org/{number}"),
                        valid_from: now,
                        valid_until: None,
                        channels: vec![Pattern::new("orders.*").unwrap()],
                    };
                    editor.add(record).unwrap();
                    Ok::<_, StoreError>(editor.sign(&desk.root, now, now.plus(DAY)).unwrap())
                };
                file.edit(now, add).unwrap();
            });
        }
    });
    let bundle = desk.state().load(now).unwrap();
    assert_eq!((bundle.sequence(), bundle.records().len()), (17, 16));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let desk = Desk::new();
    let path = desk.folder.path().join("large");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len((limits::BUNDLE + 1) as u64).unwrap();
    assert_eq!(kind(read_bundle(&path)), "too_large");
}
