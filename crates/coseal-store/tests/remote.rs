//! Keys that live in another process: signing and unwrapping through a socket,
//! and everything that can go wrong with it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "remote/provider.rs"]
mod provider;
#[path = "wiped/scan.rs"]
#[allow(dead_code, reason = "what the other test needs of it")]
mod scan;
#[path = "remote/server.rs"]
mod server;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coseal::{
    Disposition, Envelope, Error, KeyProvider, Message, NewRecord, Opener, Pattern, PublicKey,
    Sealer, Signer, SigningKey, Time, TrustAnchor, TrustBundle, Verifier, VerifyingKey,
};
use coseal_store::keys;

use provider::Remote;
use scan::{Needle, Scanner};

const CHANNEL: &str = "orders.eu";

/// What another process of this program shall do: a manner, a folder.
const ROLE: &str = "COSEAL_TEST_ROLE";

/// How long the provider may take.
const TIMEOUT: Duration = Duration::from_millis(700);

/// A process that has keys; it ends with this value.
struct Keeper {
    process: Child,
    folder: PathBuf,
    /// What must not be in our memory.
    secrets: Vec<Needle>,
}

impl Keeper {
    fn start(folder: &Path, manner: &str) -> Self {
        let process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_process_that_has_the_keys", "--nocapture"])
            .env(ROLE, format!("{manner} {}", folder.display()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut keeper = Self { process, folder: folder.to_owned(), secrets: Vec::new() };
        let lines = BufReader::new(keeper.process.stdout.take().unwrap()).lines();
        let said = lines.map(Result::unwrap).take_while(|line| line != "ready");
        keeper.secrets =
            said.filter(|line| line.contains('=')).flat_map(|line| Needle::parse(&line)).collect();
        assert_eq!(keeper.secrets.len(), 4, "two keys, to be searched for in halves");
        keeper
    }

    fn provider(&self) -> Arc<Remote> {
        provider(&self.folder)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// No test by itself: what the others start. The runner starts it as well,
/// without a role.
#[test]
fn the_process_that_has_the_keys() {
    if let Ok(role) = env::var(ROLE) {
        let (manner, folder) = role.split_once(' ').unwrap();
        server::serve(Path::new(folder), manner);
    }
}

fn provider(folder: &Path) -> Arc<Remote> {
    let PublicKey::Recipient(key) = keys::read_public_key(&folder.join("receiving.pub")).unwrap()
    else {
        panic!()
    };
    let socket = folder.join("socket");
    Arc::new(Remote { socket, receiving: key.key_id(), timeout: TIMEOUT })
}

fn signing(folder: &Path) -> VerifyingKey {
    keys::read_verifying_key(&folder.join("signing.pub")).unwrap()
}

fn sealer(folder: &Path) -> Sealer {
    let PublicKey::Recipient(key) = keys::read_public_key(&folder.join("receiving.pub")).unwrap()
    else {
        panic!()
    };
    let signer = Signer::remote(signing(folder), provider(folder));
    Sealer::builder(signer, CHANNEL).recipient(&key).build().unwrap()
}

fn trust(folder: &Path) -> Arc<TrustBundle> {
    let root = SigningKey::generate().unwrap();
    let now = Time::now();
    let mut bundle = TrustBundle::make("example.org");
    let record = NewRecord {
        key: signing(folder).into(),
        subject: "spiffe://example.org/shop".into(),
        valid_from: now.minus(Duration::from_secs(60)),
        valid_until: None,
        channels: vec![Pattern::new(CHANNEL).unwrap()],
    };
    bundle.add(record).unwrap();
    let bytes = bundle.sign(&root, now, now.plus(Duration::from_secs(3600))).unwrap();
    let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
    Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap())
}

fn opener(folder: &Path) -> Opener {
    let opener = Opener::builder(trust(folder)).provider(provider(folder));
    opener.channel(CHANNEL).archive().build().unwrap()
}

fn sequence(envelope: &[u8]) -> u64 {
    Envelope::decode(envelope).unwrap().unverified_header().sequence()
}

#[track_caller]
fn is_carrier(error: &Error, says: &str) {
    assert_eq!((error.code(), error.disposition()), ("carrier", Disposition::Stop), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn keys_in_another_process_seal_and_open_and_never_enter_ours() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let keeper = Keeper::start(folder, "honest");
    let (sealer, opener) = (sealer(folder), opener(folder));
    let verifier = Verifier::new(trust(folder)).channel(CHANNEL);
    let mut envelopes = vec![sealer.seal(b"payload").unwrap()];
    let messages: Vec<_> = (0..20).map(|_| Message::new(b"payload")).collect();
    envelopes.extend(sealer.seal_batch(&messages).unwrap());
    for envelope in &envelopes {
        verifier.verify(envelope).unwrap();
        assert_eq!(opener.open(envelope).unwrap().payload(), b"payload");
    }
    let found = Scanner::new().find(&keeper.secrets);
    assert!(found.is_empty(), "{found:?}");

    // What it has no key of, it says so.
    let stranger = SigningKey::generate().unwrap();
    let error = keeper.provider().sign(stranger.verifying_key(), b"x").unwrap_err();
    assert_eq!(error.disposition(), Disposition::RetryAfterRefresh);

    // An epoch that was opened needs no provider any more; sealing does.
    let last = sealer.seal(b"payload").unwrap();
    drop(keeper);
    assert_eq!(opener.open(&last).unwrap().payload(), b"payload");
    is_carrier(&sealer.seal(b"x").unwrap_err(), "the key provider failed");
}

#[test]
fn a_provider_that_is_late_stops_us_in_time() {
    for manner in ["hanging", "trickling"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let envelope = {
            let _keeper = Keeper::start(folder, "honest");
            sealer(folder).seal(b"payload").unwrap()
        };
        let (sealer, opener) = (sealer(folder), opener(folder));
        for _ in 0..2 {
            let _keeper = Keeper::start(folder, manner);
            let started = Instant::now();
            is_carrier(&sealer.seal(b"x").unwrap_err(), "it did not answer in time");
            assert!(started.elapsed() < 4 * TIMEOUT, "{manner}: {:?}", started.elapsed());
            let _keeper = Keeper::start(folder, manner);
            // No fault of the message: it must not be thrown away.
            let started = Instant::now();
            is_carrier(&opener.open(&envelope).unwrap_err(), "it did not answer in time");
            assert!(started.elapsed() < 4 * TIMEOUT, "{manner}: {:?}", started.elapsed());
        }
        let _keeper = Keeper::start(folder, "honest");
        assert_eq!(opener.open(&envelope).unwrap().payload(), b"payload");
        assert_eq!(
            sequence(&sealer.seal(b"x").unwrap()),
            2,
            "two numbers are lost, none is used twice"
        );
    }
}

/// Whatever comes back instead of a signature: no envelope leaves, nothing is
/// encrypted twice, no number is used twice, and no count is told that is not so.
#[test]
fn no_envelope_leaves_that_does_not_verify() {
    let manners = [
        ("dying", "the key provider failed: unexpected end of file"),
        ("closing", "the key provider failed: unexpected end of file"),
        ("rambling", "it announced 4294967295 bytes"),
        ("boasting", "it announced 4294967295 bytes"),
        ("short", "the key provider gave 3 bytes"),
        ("lying", "the key provider gave a signature that does not verify"),
    ];
    for (manner, says) in manners {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        drop(Keeper::start(folder, "honest"));
        let sealer = sealer(folder);
        let verifier = Verifier::new(trust(folder)).channel(CHANNEL);

        let keeper = Keeper::start(folder, manner);
        let mut out = b"before".to_vec();
        is_carrier(&sealer.seal_into(b"x", &mut out).unwrap_err(), says);
        assert_eq!(out, b"before", "{manner}");
        drop(keeper);

        let keeper = Keeper::start(folder, manner);
        let messages: Vec<_> = (0..3).map(|_| Message::new(b"payload")).collect();
        let mut batch = sealer.encrypt_batch(&messages).unwrap();
        is_carrier(&batch.sign().unwrap_err(), says);
        drop(keeper);
        is_carrier(&batch.sign().unwrap_err(), "the key provider failed");

        // The same batch, once the provider is itself again.
        let _keeper = Keeper::start(folder, "honest");
        let envelopes = batch.sign().unwrap();
        let numbers: Vec<_> = envelopes.iter().map(|envelope| sequence(envelope)).collect();
        assert_eq!(numbers, [1, 2, 3], "{manner}: the first was lost with its signature");
        for envelope in &envelopes {
            verifier.verify(envelope).unwrap();
        }
        assert_eq!(sequence(&sealer.seal(b"x").unwrap()), 4);
        assert!(sealer.close().is_none(), "{manner}: one that was numbered was never sealed");
    }
}

#[test]
fn what_a_provider_says_of_an_entry_is_not_believed_for_longer_than_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let envelope = {
        let _keeper = Keeper::start(folder, "honest");
        sealer(folder).seal(b"payload").unwrap()
    };
    let opener = opener(folder);
    let cases = [
        // A wrong secret fits no commitment, like an entry that somebody planted.
        ("lying", "undecryptable", Disposition::Discard),
        ("refusing", "undecryptable", Disposition::Discard),
        ("poor", "no_key", Disposition::RetryAfterRefresh),
        ("dying", "carrier", Disposition::Stop),
        ("closing", "carrier", Disposition::Stop),
        ("rambling", "carrier", Disposition::Stop),
        ("boasting", "carrier", Disposition::Stop),
        ("short", "carrier", Disposition::Stop),
    ];
    for (manner, code, disposition) in cases {
        let _keeper = Keeper::start(folder, manner);
        let mut payload = b"before".to_vec();
        let error = opener.open_into(&envelope, &mut payload).unwrap_err();
        assert_eq!((error.code(), error.disposition()), (code, disposition), "{manner}: {error}");
        assert_eq!(payload, b"before");
    }
    let error = opener.open(&envelope).unwrap_err();
    is_carrier(&error, "the key provider failed");
    let _keeper = Keeper::start(folder, "honest");
    assert_eq!(opener.open(&envelope).unwrap().payload(), b"payload");
}

/// A root that never leaves its process signs bundles; where it does not answer
/// as it should, no bundle comes out, and the same edit can be signed later.
#[test]
fn a_root_in_another_process_signs_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    drop(Keeper::start(folder, "honest"));
    let root = Signer::remote(signing(folder), provider(folder));
    let (now, hour) = (Time::now(), Duration::from_secs(3600));
    let edited = TrustBundle::make("example.org");
    for (manner, says) in [
        ("lying", "the key provider gave a signature that does not verify"),
        ("dying", "the key provider failed"),
    ] {
        let _keeper = Keeper::start(folder, manner);
        is_carrier(&edited.sign_by(&root, now, now.plus(hour)).unwrap_err(), says);
    }
    let _keeper = Keeper::start(folder, "honest");
    let bytes = edited.sign_by(&root, now, now.plus(hour)).unwrap();
    let anchor = TrustAnchor::pinned([signing(folder)]);
    let bundle = TrustBundle::load(&bytes, &anchor, now).unwrap();
    assert_eq!(*bundle.root(), signing(folder));
}
