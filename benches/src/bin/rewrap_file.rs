//! Re-wraps a file of a million envelopes: by the library alone, with one thread
//! and with all; by the command, undisturbed; and by the command again, killed
//! over and over. Both files must be the same but for the entries made.
//!
//! ```text
//! cargo build --release -p coseal-cli -p coseal-benches
//! target/release/rewrap_file FOLDER [MESSAGES] [KILLS]
//! ```
//!
//! The folder is made, must be empty, and holds 2.5 GB in the end.

use coseal::sequence::Scanner;
use coseal::{
    Envelope, PublicKey, ReceivingKey, RecipientId, RecipientKey, Rewrapper, Time, TrustAnchor,
    TrustBundle, VerifyingKey,
};
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Payload of a message, with its line feed.
const LINE: usize = 257;

/// Envelopes that the library re-wraps in memory.
const IN_MEMORY: usize = 100_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder =
        PathBuf::from(arguments.next().ok_or("usage: rewrap_file FOLDER [MESSAGES] [KILLS]")?);
    let number = |argument: Option<String>, default: u32| -> Result<u32> {
        Ok(argument.map(|text| text.parse()).transpose()?.unwrap_or(default))
    };
    let messages = number(arguments.next(), 1_000_000)?;
    let kills = number(arguments.next(), 8)?;
    std::fs::create_dir_all(&folder)?;
    if std::fs::read_dir(&folder)?.next().is_some() {
        return Err("the folder is not empty".into());
    }
    let desk = Desk { folder };
    desk.prepare(messages)?;
    desk.library()?;
    let takes = desk.command(messages)?;
    desk.killed(kills, takes)?;
    desk.compare(messages)
}

/// A folder, and the command that is run in it.
struct Desk {
    folder: PathBuf,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn coseal(&self, words: &str) -> Result<Command> {
        let here = std::env::current_exe()?;
        let mut command = Command::new(here.with_file_name("coseal"));
        command.current_dir(&self.folder).args(words.split_whitespace());
        command.env_remove("COSEAL_KEY").env_remove("COSEAL_STATE");
        command.env("COSEAL_TRUST", "bundle").env("COSEAL_PIN", "root.pub").stderr(Stdio::piped());
        Ok(command)
    }

    /// Runs the command; answers what it said.
    fn run(&self, words: &str) -> Result<String> {
        let done = self.coseal(words)?.stdout(Stdio::piped()).output()?;
        let told = String::from_utf8(done.stderr)?;
        if !done.status.success() {
            return Err(format!("coseal {words}: {told}").into());
        }
        Ok(String::from_utf8(done.stdout)? + &told)
    }

    /// Keys, trust and `sealed`, in batches of 64.
    fn prepare(&self, messages: u32) -> Result<()> {
        for (kind, name) in
            [("signing", "root"), ("signing", "shop"), ("receiving", "old"), ("receiving", "new")]
        {
            self.run(&format!("key new {kind} {name}"))?;
        }
        self.run("trust new bundle --root root --domain example.org")?;
        self.run("trust add bundle --root root --key shop.pub --subject spiffe://example.org/shop --channel orders.*")?;
        let mut lines = BufWriter::new(File::create(self.path("lines"))?);
        for number in 0..messages {
            writeln!(lines, "{number:0width$}", width = LINE - 1)?;
        }
        lines.flush()?;
        self.run(
            "seal --key shop --to old.pub --channel orders.eu --lines --batch 64 lines -o sealed",
        )?;
        std::fs::remove_file(self.path("lines"))?;
        let length = std::fs::metadata(self.path("sealed"))?.len();
        println!("{messages} envelopes, {length} bytes");
        Ok(())
    }

    fn rewrapper(&self) -> Result<Rewrapper> {
        let read = |name: &str| std::fs::read_to_string(self.path(name));
        let anchor = TrustAnchor::pinned([verifying(&read("root.pub")?)?]);
        let bundle = TrustBundle::load(&std::fs::read(self.path("bundle"))?, &anchor, Time::now())?;
        let old = ReceivingKey::from_pem(&read("old")?)?;
        let old_id = old.recipient_key().key_id();
        let builder = Rewrapper::builder(Arc::new(bundle)).key(old);
        let builder = builder.add_recipient(&recipient(&read("new.pub")?)?);
        Ok(builder.remove_recipient(old_id).build()?)
    }

    /// The library's own time, in memory.
    fn library(&self) -> Result<()> {
        let mut envelopes = Vec::new();
        let mut sealed = Envelopes::open(&self.path("sealed"))?;
        while let Some(envelope) = sealed.next()?.filter(|_| envelopes.len() < IN_MEMORY) {
            envelopes.push(envelope);
        }
        for threads in [1, thread::available_parallelism()?.get()] {
            let rewrapper = self.rewrapper()?;
            let start = Instant::now();
            let share = envelopes.len().div_ceil(threads).max(1);
            let count: Result<usize> = thread::scope(|scope| {
                let workers: Vec<_> = envelopes
                    .chunks(share)
                    .map(|share| scope.spawn(|| rewrap(&rewrapper, share)))
                    .collect();
                let joined = workers.into_iter().map(|worker| match worker.join() {
                    Ok(count) => Ok(count?),
                    Err(_) => Err("a thread failed".into()),
                });
                joined.sum()
            });
            say(&format!("library, {threads} threads"), count?, start.elapsed());
        }
        Ok(())
    }

    fn words(&self, out: &str) -> Result<String> {
        let old = self.run("key id old")?;
        Ok(format!("rewrap --key old --to new.pub --remove {} sealed -o {out}", old.trim()))
    }

    /// The command, undisturbed: `whole`.
    fn command(&self, messages: u32) -> Result<Duration> {
        let words = self.words("whole")?;
        let start = Instant::now();
        let told = self.run(&words)?;
        let takes = start.elapsed();
        say("command", usize::try_from(messages)?, takes);
        print!("  {told}");
        Ok(takes)
    }

    /// The command, killed so many times, at moments spread over the time that it
    /// takes, and left alone in the end: `out`.
    fn killed(&self, kills: u32, takes: Duration) -> Result<()> {
        let words = self.words("out")?;
        for kill in 0..kills {
            let mut child = self.coseal(&words)?.spawn()?;
            // What was done is looked at again before it is gone on with.
            thread::sleep(takes * (2 + kill % 2) / (3 * kills));
            child.kill()?;
            let done = child.wait_with_output()?;
            println!("  {}: {}", done.status, String::from_utf8(done.stderr)?.trim());
            if done.status.success() {
                return Ok(());
            }
        }
        let start = Instant::now();
        let told = self.run(&words)?;
        println!("went on and ended in {:.2} s: {}", start.elapsed().as_secs_f64(), told.trim());
        Ok(())
    }

    /// The same but for the entries that were made.
    fn compare(&self, messages: u32) -> Result<()> {
        let (mut sealed, mut whole, mut out) = (
            Envelopes::open(&self.path("sealed"))?,
            Envelopes::open(&self.path("whole"))?,
            Envelopes::open(&self.path("out"))?,
        );
        let mut entries = BTreeSet::new();
        let mut count = 0_u32;
        while let Some(sealed) = sealed.next()? {
            let (Some(whole), Some(out)) = (whole.next()?, out.next()?) else {
                return Err(format!("only {count} envelopes came out").into());
            };
            let same = kept(&sealed)? == kept(&whole)?
                && kept(&whole)? == kept(&out)?
                && names(&whole)? == names(&out)?;
            if !same {
                return Err(format!("envelope {count} is another").into());
            }
            entries.insert(out.get(kept(&out)?.len()..).unwrap_or_default().to_vec());
            count += 1;
        }
        if count != messages || whole.next()?.is_some() || out.next()?.is_some() {
            return Err("not as many came out as went in".into());
        }
        println!(
            "the same {count} envelopes, with {} encapsulations in the killed run",
            entries.len()
        );
        Ok(())
    }
}

fn say(what: &str, count: usize, takes: Duration) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let rate = f64::from(count) / takes.as_secs_f64();
    println!("{what}: {count} in {:.3} s, {rate:.0} a second", takes.as_secs_f64());
}

fn rewrap(rewrapper: &Rewrapper, envelopes: &[Vec<u8>]) -> coseal::Result<usize> {
    let mut out = Vec::new();
    for envelope in envelopes {
        out.clear();
        rewrapper.rewrap_into(envelope, &mut out)?;
    }
    Ok(envelopes.len())
}

fn verifying(pem: &str) -> Result<VerifyingKey> {
    match PublicKey::from_pem(pem)? {
        PublicKey::Verifying(key) => Ok(key),
        PublicKey::Recipient(_) => Err("not a signing key".into()),
    }
}

fn recipient(pem: &str) -> Result<RecipientKey> {
    match PublicKey::from_pem(pem)? {
        PublicKey::Recipient(key) => Ok(key),
        PublicKey::Verifying(_) => Err("not a receiving key".into()),
    }
}

/// Everything before the recipients.
fn kept(envelope: &[u8]) -> Result<&[u8]> {
    let decoded = Envelope::decode(envelope)?;
    let ciphertext = decoded.ciphertext().ok_or("no ciphertext")?;
    // It lies in the envelope: the distance of the two is where it begins.
    let start = ciphertext.as_ptr().addr() - envelope.as_ptr().addr();
    envelope.get(..start + ciphertext.len()).ok_or_else(|| "no ciphertext".into())
}

fn names(envelope: &[u8]) -> Result<Vec<RecipientId>> {
    Ok(Envelope::decode(envelope)?.recipients().map(RecipientId::from).collect())
}

/// The envelopes of a file, one after the other.
struct Envelopes {
    file: File,
    scanner: Scanner,
    block: Vec<u8>,
    rest: std::ops::Range<usize>,
}

impl Envelopes {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        Ok(Self { file, scanner: Scanner::new(), block: vec![0; 1 << 20], rest: 0..0 })
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut envelope = Vec::new();
        loop {
            let chunk = self.block.get(self.rest.clone()).unwrap_or_default();
            if let Some(end) = self.scanner.push(chunk)? {
                envelope.extend_from_slice(chunk.get(..end).unwrap_or_default());
                self.rest.start += end;
                return Ok(Some(envelope));
            }
            envelope.extend_from_slice(chunk);
            let read = self.file.read(&mut self.block)?;
            if read == 0 {
                self.scanner.finish()?;
                return Ok(None);
            }
            self.rest = 0..read;
        }
    }
}
