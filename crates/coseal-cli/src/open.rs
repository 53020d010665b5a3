//! `coseal open`: verifies and decrypts, as the consumer.
//!
//! Nothing of a refused envelope is written. Without `--max-age` the input is
//! an archive: what a live reader would mind of times is told, not refused.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use coseal::sequence::Scanner;
use coseal::{
    Error, Keyring, Opened, Opener, Time, TrustBundle, Verdict, Verifier, Window, limits,
};

use crate::args::Encoding;
use crate::args::messages::Open;
use crate::failure::{Exit, Failure, Result};
use crate::input::Input;
use crate::judge::{self, BASE64, Findings, Judge, Place, Reading, Teller};
use crate::output::{Output, is_terminal, is_unasked_terminal};
use crate::progress::Progress;
use crate::remembered::Remembered;
use crate::secrets::Secrets;
use crate::source::refuse_shared_input;
use crate::stream::pipeline;
use crate::text::{is_plain, json_line};
use crate::trust;
use crate::verify::{Row, expecting};

/// The first bytes of an envelope: tag 96.
const TAG: [u8; 2] = [0xd8, 0x60];

/// Runs `coseal open`.
pub(crate) fn run(args: Open) -> Result<Exit> {
    let (keyring, bundle) = held(&args)?;
    let keks = args.kek.iter().map(|(_, path)| path);
    let trust = [&args.trust.trust].into_iter().chain(&args.trust.pin).chain(&args.trust.state);
    let memory = args.replay_memory.iter().chain(&args.new_replay_memory);
    let named = args.key.iter().chain(keks).chain(trust).chain(memory);
    let out = Output::beside(&args.out, named.map(PathBuf::as_path))?;
    let (remembered, unnamed) = Remembered::of(&args)?.unzip();
    let consumer = Consumer::of(&args, keyring, bundle, remembered.clone())?;
    let done =
        if args.lines { open_lines(args, consumer, out) } else { open_one(&args, &consumer, out) }?;
    if let Some(remembered) = remembered.filter(|_| done.is_delivered) {
        remembered.keep(unnamed.flatten())?;
    }
    Ok(done.exit)
}

/// What an input came to.
struct Done {
    exit: Exit,
    /// Whether the payloads are where they should be: in a file of that name, or
    /// with somebody who read them all.
    is_delivered: bool,
}

/// What opens the envelopes, and what they are judged by.
fn held(args: &Open) -> Result<(Keyring, Arc<TrustBundle>)> {
    let held = args.kek.iter().map(|(_, path)| path).chain(&args.key);
    refuse_shared_input(&args.input, held.map(PathBuf::as_path))?;
    let mut secrets = Secrets::of(&args.passphrases)?;
    let mut keyring = Keyring::new();
    let unfit = |error| Failure::core("cannot open with these keys", &error);
    for path in &args.key {
        keyring.add_receiving(secrets.receiving_key(path)?).map_err(unfit)?;
    }
    for (id, path) in &args.kek {
        keyring.add_kek(id.as_bytes(), secrets.kek(path)?).map_err(unfit)?;
    }
    Ok((keyring, Arc::new(trust::believed(&args.trust)?)))
}

/// Opens any number of envelopes.
fn open_lines(args: Open, consumer: Consumer, out: Output) -> Result<Done> {
    // A live opener remembers what it has seen: of two copies the first one
    // counts, so they are judged one after the other.
    let workers =
        if args.max_age.is_some() { NonZero::<usize>::MIN } else { pipeline::all_cores() };
    let is_standard = args.out.is_standard();
    let is_terminal = is_standard && is_terminal();
    let json = args.json;
    let reading = Reading { inputs: vec![args.input], encoding: args.encoding, workers };
    let (tally, out) = judge::run(reading, consumer, out, is_terminal)?;
    if tally.is_cut() {
        // What can be told from a pipe is told; a file that is not whole gets no name.
        let is_delivered = is_standard && out.finish()? && !tally.is_closed();
        return Ok(Done { exit: tally.exit(), is_delivered });
    }
    // Where everything was refused, no file is made, and none is replaced.
    let is_written = json || tally.accepted() || tally.exit() == Exit::Fine;
    let is_delivered = !is_written || out.finish()?;
    tally.tell();
    Ok(Done { exit: tally.exit(), is_delivered: is_delivered && !tally.is_closed() })
}

/// Opens exactly one envelope.
fn open_one(args: &Open, consumer: &Consumer, out: Output) -> Result<Done> {
    let input = args.input.display().to_string();
    let place = Place { input: &input, index: 0, offset: 0, is_alone: true };
    let mut findings = Findings::default();
    match read_one(&args.input, args.encoding)? {
        Ok(envelope) => consumer.judge(place, &envelope, &mut findings),
        Err(error) => {
            if args.json {
                findings.add_refusal(place, &error);
            }
            findings.refuse(place, &error);
        }
    }
    let mut teller = Teller::new(out, Progress::of(&[], false), is_terminal());
    findings.tell(&mut teller)?;
    let Teller { tally, out, .. } = teller;
    // A refused envelope makes no file.
    let is_written = tally.accepted() || args.json;
    let is_delivered = !is_written || out.finish()?;
    tally.tell();
    Ok(Done { exit: tally.exit(), is_delivered })
}

/// The bytes of the one envelope in an input, or why it is refused.
fn read_one(path: &Path, encoding: Encoding) -> Result<Result<Vec<u8>, Error>> {
    let mut input = Input::open(path)?;
    let limit = match encoding {
        Encoding::Cbor => limits::ENVELOPE,
        Encoding::Base64 => limits::ENVELOPE.div_ceil(3) * 4 + 2,
    };
    let bytes = input.read_at_most(limit + 1)?;
    if holds_several(&bytes, encoding) {
        let failure = Failure::misuse(format!("there is more than one envelope in {}", input.name));
        return Err(failure
            .hint("--lines opens any number of them, and ends each payload with a line feed")
            .into());
    }
    Ok(match encoding {
        Encoding::Cbor => Ok(bytes),
        Encoding::Base64 => judge::decode_base64(bytes.trim_ascii()),
    })
}

/// Whether a second envelope begins where the first one ends.
fn holds_several(bytes: &[u8], encoding: Encoding) -> bool {
    match encoding {
        Encoding::Cbor => {
            let end = Scanner::new().push(bytes).ok().flatten();
            end.and_then(|end| bytes.get(end..)).is_some_and(|rest| rest.starts_with(&TAG))
        }
        Encoding::Base64 => bytes.trim_ascii().contains(&b'\n'),
    }
}

struct Consumer {
    opener: Opener,
    /// For the verdict on what does not open.
    verifier: Verifier,
    is_live: bool,
    json: bool,
    lines: bool,
    /// Only plain text may be written: the output is a terminal that was not asked for.
    is_guarded: bool,
}

impl Consumer {
    fn of(
        args: &Open,
        keyring: Keyring,
        bundle: Arc<TrustBundle>,
        remembered: Option<Remembered>,
    ) -> Result<Self> {
        let mut verifier = expecting(Verifier::new(Arc::clone(&bundle)), &args.expected);
        if let Some(max_age) = args.max_age {
            verifier = verifier.max_age(max_age);
        }
        let mut opener = Opener::builder(bundle).provider(Arc::new(keyring));
        if let Some(signer) = &args.expected.signer {
            opener = opener.signer(signer);
        }
        if let Some(remembered) = remembered {
            opener = opener.replay_memory(remembered);
        }
        let opener = match (&args.expected.channel, args.max_age) {
            (Some(channel), Some(max_age)) => {
                opener.channel(channel).live(Window::new(max_age)).build()
            }
            (Some(channel), None) => opener.channel(channel).archive().build(),
            (None, _) => opener.any_channel().archive().build(),
        };
        let opener = opener.map_err(|error| Failure::core("cannot open", &error))?;
        let is_guarded = !args.json && is_unasked_terminal(&args.out);
        Ok(Self {
            opener,
            verifier,
            is_live: args.max_age.is_some(),
            json: args.json,
            lines: args.lines,
            is_guarded,
        })
    }

    /// What there is to say of an envelope that did not open.
    fn verdict(&self, envelope: &[u8], now: Time) -> Verdict {
        if self.is_live {
            self.verifier.judge_at(now, envelope)
        } else {
            self.verifier.judge(envelope)
        }
    }

    /// Adds the row of an envelope that opened.
    fn add_row(&self, place: Place<'_>, opened: &Opened<'_>, findings: &mut Findings) {
        let (verdict, now) = (Verdict::valid(opened.verified()), Time::now());
        let row = Row::new(place, &verdict, now).with_payload(BASE64.encode(opened.payload()));
        json_line(&mut findings.out, &row);
        findings.accept(opened.sealed_at(), opened.expires_at(), now);
    }

    /// Adds the payload of an envelope, if it opens.
    fn add_payload(
        &self,
        place: Place<'_>,
        envelope: &[u8],
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let start = findings.out.len();
        let opened = self.opener.open_into(envelope, &mut findings.out)?;
        let (sealed_at, expires_at) = (opened.sealed_at(), opened.expires_at());
        let payload = findings.out.get(start..).unwrap_or_default();
        if self.is_guarded && !is_plain(payload) {
            let what = format!(
                "the payload of {} is not plain text and would go to a terminal",
                place.in_words()
            );
            findings.out.truncate(start);
            findings.stop(
                Failure::misuse(what)
                    .hint("-o FILE writes a file; -o - writes to the terminal all the same"),
            );
            return Ok(());
        }
        let has_lf = self.lines && memchr::memchr(b'\n', payload).is_some();
        if self.lines {
            findings.out.push(b'\n');
        }
        findings.accept(sealed_at, expires_at, Time::now());
        if has_lf {
            findings.break_line(place);
        }
        Ok(())
    }
}

impl Judge for Consumer {
    fn judge(&self, place: Place<'_>, envelope: &[u8], findings: &mut Findings) {
        if !self.json {
            if let Err(error) = self.add_payload(place, envelope, findings) {
                findings.refuse(place, &error);
            }
            return;
        }
        match self.opener.open(envelope) {
            Ok(opened) => self.add_row(place, &opened, findings),
            Err(error) => {
                let now = Time::now();
                let verdict = self.verdict(envelope, now).refuse(error);
                json_line(&mut findings.out, &Row::new(place, &verdict, now));
                if let Some(error) = verdict.error() {
                    findings.refuse(place, error);
                }
            }
        }
    }

    fn has_rows(&self) -> bool {
        self.json
    }
}
