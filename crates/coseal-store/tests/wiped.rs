//! Nothing secret stays in memory: a process reads keys, seals and opens, drops
//! everything, and searches all of its own memory for what it had in hands.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

#[path = "wiped/scan.rs"]
mod scan;
#[path = "wiped/teller.rs"]
mod teller;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::hint::black_box;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;

use coseal::{Keyring, Message, Opener, Sealer, Suite, Time};
use coseal_store::keys::{self, Passphrase, StoredKey};
use coseal_store::{BundleFile, Existing};

use scan::{Hit, Needle, Scanner};

const CHANNEL: &str = "orders.eu";
const KEK_ID: &[u8] = b"k";

/// What another process of this program shall do.
const ROLE: &str = "COSEAL_TEST_ROLE";

/// What is not wiped: in frames that have returned, on the stack of the thread
/// that did the work, until other calls write over it. All of
/// it is left by libraries that return keys by value; SECURITY.md lists it. A
/// name that ends in a space stands for all that begin with it.
const LEFT_ON_THE_STACK: [&str; 6] = [
    // aes: the key schedule is computed in arrays that are copied.
    "key that encrypts the file ",
    "KEK",
    "key of message ",
    // hkdf: returned by extract. hpke: returned by encapsulation and decapsulation.
    "HPKE's PRK of epoch ",
    "HPKE's shared secret of epoch ",
    "planted",
];

/// What is not wiped on the heap: scrypt frees the memory it worked in as it is.
/// Whoever reads it can try passphrases at the price of a hash.
const LEFT_ON_THE_HEAP: [&str; 2] = ["scrypt's first block of the file ", "planted"];

#[test]
fn nothing_secret_stays_in_memory() {
    if let Ok(role) = env::var(ROLE) {
        let (role, folder) = role.split_once(' ').unwrap();
        return match role {
            "make" => teller::make(Path::new(folder)),
            _ => teller::tell(Path::new(folder)),
        };
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    other_process("make", &path);
    let mut scanner = Scanner::new();
    let (steps, step) = mpsc::channel();
    let (go, on) = mpsc::channel::<()>();
    let worker = {
        let path = path.clone();
        thread::spawn(move || {
            work(&path, |name, alive| {
                let here = 0_u8;
                steps.send((name, alive.join("\n"), &raw const here as u64)).unwrap();
                on.recv().unwrap();
            });
        })
    };
    let (mut needles, mut worker_stack) = (Vec::new(), 0);
    while let Ok((step, alive, stack)) = step.recv() {
        worker_stack = stack;
        if ["planted", "sealed"].contains(&step) {
            needles = other_process("tell", &path);
        }
        let (on_stack, on_heap): (Vec<Hit>, Vec<Hit>) =
            scanner.find(&needles).into_iter().partition(|hit| hit.mapping.contains(&stack));
        let alive: BTreeSet<&str> = alive.lines().collect();
        // What is in use is found: the search can find what it searches for.
        let missed: Vec<_> = alive.difference(&names(&on_heap)).copied().collect();
        assert!(missed.is_empty(), "{step}: {missed:?} is in use and was not found");
        let mut left = unlisted(&on_heap, &LEFT_ON_THE_HEAP);
        left.retain(|name| !alive.contains(name));
        assert!(left.is_empty(), "{step}: {left:?} is on the heap");
        let left = unlisted(&on_stack, &LEFT_ON_THE_STACK);
        assert!(left.is_empty(), "{step}: {left:?} is on the stack");
        if step == "planted" {
            assert_eq!(names(&on_stack), BTreeSet::from(["planted"]), "the stack is not searched");
        }
        println!("{step}: on the heap {:?}, on the stack {:?}", names(&on_heap), names(&on_stack));
        go.send(()).unwrap();
    }
    worker.join().unwrap();
    let hits = scanner.find(&needles);
    // The C library keeps the upper end of an ended thread's stack for the next one.
    let (on_stack, elsewhere): (Vec<Hit>, Vec<Hit>) =
        hits.into_iter().partition(|hit| hit.mapping.contains(&worker_stack));
    println!("at the end: {:?}, on its stack {:?}", names(&elsewhere), names(&on_stack));
    assert!(names(&elsewhere).contains("planted"), "what nobody wipes is gone, too");
    let left = unlisted(&elsewhere, &LEFT_ON_THE_HEAP);
    assert!(left.is_empty(), "{left:?} stayed in memory");
    let left = unlisted(&on_stack, &LEFT_ON_THE_STACK);
    assert!(left.is_empty(), "{left:?} stayed on the stack of a thread that ended");
}

/// What was found without being listed.
fn unlisted<'h>(hits: &'h [Hit], listed: &[&str]) -> BTreeSet<&'h str> {
    let is_listed = |name: &str| {
        listed.iter().any(|left| name == *left || left.ends_with(' ') && name.starts_with(left))
    };
    names(hits).into_iter().filter(|name| !is_listed(name)).collect()
}

fn names(hits: &[Hit]) -> BTreeSet<&str> {
    hits.iter().map(|hit| hit.name.as_str()).collect()
}

/// Reads the keys, seals and opens, and drops everything. Tells `pause` each
/// step, and what is in use by then.
fn work(folder: &Path, pause: impl Fn(&'static str, &[&str])) {
    let planted = plant(folder);
    pause("planted", &["planted"]);

    let passphrase = Passphrase::read(&folder.join("passphrase")).unwrap();
    let key =
        |name: &str| StoredKey::read(&folder.join(name)).unwrap().decrypt(&passphrase).unwrap();
    let receiving = key("receiving").receiving_key().unwrap();
    let kek = || key("kek").kek().unwrap();
    let [first, second] = [Suite::A256Gcm, Suite::ChaCha20Poly1305].map(|suite| {
        Sealer::builder(key("signing").signing_key().unwrap(), CHANNEL)
            .recipient(receiving.recipient_key())
            .kek(KEK_ID, kek())
            .suite(suite)
    });
    let mut alive = vec!["planted", "passphrase", "signing key", "receiving key", "KEK"];
    pause("keys read", &alive);

    let sealers = [first.build().unwrap(), second.build().unwrap()];
    let messages: Vec<_> = (0..3).map(|_| Message::new(b"payload")).collect();
    let mut envelopes = Vec::new();
    for sealer in &sealers {
        envelopes.push(sealer.seal(b"payload").unwrap());
        envelopes.extend(sealer.seal_batch(&messages).unwrap());
    }
    for (number, envelope) in envelopes.iter().enumerate() {
        fs::write(folder.join(format!("envelope-{number}")), envelope).unwrap();
    }
    alive.extend(["secret of epoch 0", "secret of epoch 1"]);
    pause("sealed", &alive);

    let root = keys::read_verifying_key(&folder.join("root.pub")).unwrap();
    let trust = BundleFile::at(folder.join("bundle")).pinned([root]).load(Time::now()).unwrap();
    let trust = Arc::new(trust);
    let (mut keyring, mut keks) = (Keyring::new(), Keyring::new());
    keyring.add_receiving(receiving).unwrap();
    keks.add_kek(KEK_ID, kek()).unwrap();
    let openers = [keyring, keks].map(|keyring| {
        let opener = Opener::builder(trust.clone()).provider(Arc::new(keyring));
        opener.channel(CHANNEL).archive().build().unwrap()
    });
    for (opener, step) in openers.iter().zip(["opened with a receiving key", "opened with a KEK"]) {
        for envelope in &envelopes {
            assert_eq!(opener.open(envelope).unwrap().payload(), b"payload");
            assert_eq!(opener.open_in_place(&mut envelope.clone()).unwrap().payload(), b"payload");
            opener.open_into(envelope, &mut Vec::new()).unwrap();
        }
        pause(step, &alive);
    }

    let again = key("signing").encrypt(&passphrase).unwrap();
    again.write(&folder.join("again"), Existing::Refuse).unwrap();
    pause("written", &alive);
    drop((sealers, openers, passphrase));
    pause("dropped", &["planted"]);
    drop(planted);
}

/// What nobody wipes: a copy on the heap, and one in a frame that has returned.
#[inline(never)]
fn plant(folder: &Path) -> Vec<u8> {
    let bytes = fs::read(folder.join("planted")).unwrap();
    // Deep, where the frames of later calls do not reach.
    let mut frame = [0; 64 << 10];
    frame[..32].copy_from_slice(&bytes);
    black_box(&frame);
    bytes
}

/// Runs this program again in a role; answers what it said.
fn other_process(role: &str, folder: &Path) -> Vec<Needle> {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "nothing_secret_stays_in_memory", "--nocapture"])
        .env(ROLE, format!("{role} {}", folder.display()))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let mut needles: Vec<Needle> = Vec::new();
    for part in said.lines().filter(|line| line.contains('=')).flat_map(Needle::parse) {
        // Half of a clamped key may be half of the key.
        if !needles.iter().any(|known| known.is_same(&part)) {
            needles.push(part);
        }
    }
    needles
}

fn write_private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}
