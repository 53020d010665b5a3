//! What the demo tells.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use coseal::Envelope;

use super::stage::Stage;
use crate::failure::{Failure, Result};

/// So many verdicts may be told one by one.
const FEW: u64 = 1000;

/// What is sealed.
pub(crate) struct Events {
    file: &'static str,
    lines: u64,
    bytes: u64,
    content_type: &'static str,
}

impl Events {
    /// The sample that ships with the command.
    pub(crate) const fn sample((file, lines, bytes): (&'static str, u64, u64)) -> Self {
        Self { file, lines, bytes, content_type: " --content-type application/json" }
    }

    /// The caller's own.
    pub(crate) const fn of((file, lines, bytes): (&'static str, u64, u64)) -> Self {
        Self { file, lines, bytes, content_type: "" }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    fn count(&self) -> String {
        if self.lines == 1 { "1 event".to_owned() } else { format!("{} events", self.lines) }
    }
}

/// Tells it from the first key to the last refusal.
pub(crate) fn tell(stage: &mut Stage, events: &Events) -> Result<()> {
    let (count, folder) = (events.count(), stage.folder().display().to_string());
    stage.title("coseal demo")?;
    stage.say(&format!(
        "A shop publishes {count} to a queue. Billing reads them. An auditor checks them\n\
         later, without a key that decrypts. This is their day, in {folder}/"
    ))?;
    stage.show(events.file, 3)?;
    keys(stage)?;
    trust(stage)?;
    seal(stage, events)?;
    open(stage, events)?;
    verify(stage, events)?;
    refusals(stage, events)?;
    last(stage)
}

fn keys(stage: &mut Stage) -> Result<()> {
    stage.act("Keys", "Everybody makes their own; private keys stay where they are made.\nopenssl genpkey -algorithm ed25519 (or x25519) makes the same files.")?;
    stage.shell("mkdir keys", |folder| fs::create_dir(folder.join("keys")))?;
    stage.run("key new signing keys/root.key")?;
    stage.run("key new signing keys/shop.key")?;
    stage.run("key new receiving keys/billing.key")?;
    stage.run("key new signing keys/former.key")
}

fn trust(stage: &mut Stage) -> Result<()> {
    stage.act("Trust", "The root says once which key may sign for which channel. That is one signed\nfile, the trust bundle. Everybody has it, and the root's public key.")?;
    stage.say("$ export COSEAL_TRUST=trust.bundle COSEAL_PIN=keys/root.key.pub")?;
    stage.run("trust new trust.bundle --root keys/root.key --domain example.org")?;
    stage.run("trust add trust.bundle --root keys/root.key --key keys/shop.key.pub --subject spiffe://example.org/shop --channel 'orders.*'")?;
    stage.run("trust add trust.bundle --root keys/root.key --key keys/billing.key.pub --subject spiffe://example.org/billing --channel 'orders.*'")?;
    stage.run("trust add trust.bundle --root keys/root.key --key keys/former.key.pub --subject spiffe://example.org/former-shop --channel 'orders.*'")?;
    stage.run("trust show trust.bundle")
}

fn seal(stage: &mut Stage, events: &Events) -> Result<()> {
    stage.act("The producer seals", "Each line becomes an envelope: encrypted for billing, signed by the shop, good\nfor the channel orders.eu and no other.")?;
    let Events { file, content_type, .. } = events;
    stage.run(&format!("seal --key keys/shop.key --to spiffe://example.org/billing --channel orders.eu{content_type} --lines {file} -o events.coseal"))?;
    let sealed = length(stage, "events.coseal")?;
    // Every line has an LF, which is not sealed.
    let added = sealed.saturating_sub(events.bytes - events.lines) / events.lines;
    stage.outcome(&format!(
        "{}, {} bytes → {sealed} bytes: {added} added to each",
        events.count(),
        events.bytes
    ))
}

fn open(stage: &mut Stage, events: &Events) -> Result<()> {
    stage.act(
        "The consumer opens",
        "Billing takes what the shop sealed for orders.eu, and nothing else.",
    )?;
    stage.run("open --key keys/billing.key --channel orders.eu --signer spiffe://example.org/shop --lines events.coseal -o opened.txt")?;
    let file = events.file;
    stage.shell(&format!("cmp {file} opened.txt"), |folder| {
        same(&folder.join(file), &folder.join("opened.txt"))
    })?;
    stage.outcome("what was opened is what was sealed, byte for byte")
}

fn verify(stage: &mut Stage, events: &Events) -> Result<()> {
    stage.act("The auditor verifies", "Years later, offline, with public files only: who sealed this, when, for which\nchannel? The payloads stay encrypted.")?;
    if events.lines <= FEW {
        stage.run("verify events.coseal")?;
    }
    stage.run_into("verify --json events.coseal", "verdicts.jsonl")?;
    stage.outcome(&format!("{} verified without any private key", events.count()))
}

fn refusals(stage: &mut Stage, events: &Events) -> Result<()> {
    stage.act("What is refused", "And why. Nothing of a refused envelope is written.")?;
    let file = events.file;
    stage.shell(&format!("head -n 1 {file} > first.txt"), |folder| {
        first_line(&folder.join(file), &folder.join("first.txt"))
    })?;
    let seal = "--to spiffe://example.org/billing --channel orders.eu first.txt -o";
    stage.run(&format!("seal --key keys/shop.key {seal} one.coseal"))?;

    stage.say("\nOne bit of it is flipped on the way:")?;
    flip(stage)?;
    stage.run_refused("open --key keys/billing.key flipped.coseal", "untrusted/bad_signature")?;

    stage.say("\nThe broker delivers it on another channel:")?;
    stage.run_refused(
        "open --key keys/billing.key --channel payments.eu one.coseal",
        "misdirected/channel",
    )?;

    stage.say("\nA stranger seals to billing, whose public key is no secret:")?;
    stage.run("key new signing keys/stranger.key")?;
    stage.run(&format!("seal --key keys/stranger.key {seal} stranger.coseal"))?;
    stage.run_refused("open --key keys/billing.key stranger.coseal", "untrusted/unknown_signer")?;

    stage.say("\nThe former shop's key was fine, until it was stolen and the root revoked it:")?;
    stage.run(&format!("seal --key keys/former.key {seal} former.coseal"))?;
    stage.run("verify former.coseal")?;
    let former = key_id(stage, "keys/former.key.pub")?;
    stage.script("former=$(coseal key id keys/former.key.pub)");
    stage.run_as(
        &format!(
            "trust revoke trust.bundle --root keys/root.key --key-id {former} --reason compromised"
        ),
        "trust revoke trust.bundle --root keys/root.key --key-id \"$former\" --reason compromised",
    )?;
    stage.run_refused("verify former.coseal", "untrusted/revoked")
}

fn last(stage: &mut Stage) -> Result<()> {
    stage.write_script()?;
    let folder = stage.folder().display().to_string();
    stage.act(
        "Now you",
        &format!(
            "Everything is in {folder}/: keys, trust bundle, envelopes, verdicts.\n\
             {folder}/commands.sh repeats each step by hand.\n\
             coseal inspect {folder}/one.coseal shows what an envelope says of itself."
        ),
    )
}

/// Flips the lowest bit of the first byte of the ciphertext of `one.coseal`.
fn flip(stage: &mut Stage) -> Result<()> {
    let mut envelope = fs::read(stage.folder().join("one.coseal"))
        .map_err(|error| Failure::io("read one.coseal", &error))?;
    let at =
        ciphertext_at(&envelope).ok_or_else(|| Failure::misuse("one.coseal has no ciphertext"))?;
    if let Some(byte) = envelope.get_mut(at) {
        *byte ^= 1;
    }
    // Sealed again by hand it is as long, field by field.
    stage.script(&format!(
        "cp one.coseal flipped.coseal\n\
         byte=$(od -An -tu1 -j {at} -N 1 one.coseal | tr -d ' ')\n\
         printf \"\\\\$(printf %03o $((byte ^ 1)))\" | dd of=flipped.coseal bs=1 seek={at} conv=notrunc 2>/dev/null"
    ));
    stage
        .say(&format!("(flipped.coseal is one.coseal with the lowest bit of byte {at} flipped)"))?;
    Ok(fs::write(stage.folder().join("flipped.coseal"), envelope)
        .map_err(|error| Failure::io("write flipped.coseal", &error))?)
}

fn ciphertext_at(envelope: &[u8]) -> Option<usize> {
    let decoded = Envelope::decode(envelope).ok()?;
    let ciphertext = decoded.ciphertext()?;
    envelope.windows(ciphertext.len()).position(|window| window == ciphertext)
}

fn length(stage: &Stage, name: &str) -> Result<u64> {
    let found = fs::metadata(stage.folder().join(name))
        .map_err(|error| Failure::io(format!("look at {name}"), &error))?;
    Ok(found.len())
}

fn key_id(stage: &Stage, name: &str) -> Result<String> {
    Ok(coseal_store::keys::read_public_key(&stage.folder().join(name))?.key_id().to_string())
}

fn first_line(from: &Path, to: &Path) -> io::Result<()> {
    let mut line = Vec::new();
    BufReader::new(File::open(from)?).read_until(b'\n', &mut line)?;
    fs::write(to, line)
}

/// Fails unless two files have the same bytes.
fn same(one: &Path, other: &Path) -> io::Result<()> {
    let (mut one, mut other) =
        (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left.get(..length) != right.get(..length) || (length == 0 && left.len() != right.len()) {
            return Err(io::Error::other("they differ"));
        }
        if length == 0 {
            return Ok(());
        }
        one.consume(length);
        other.consume(length);
    }
}
