//! `coseal seal`: seals the input as one message, or each of its lines.

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use coseal::{Message, RecipientKey, Sealer, SealerBuilder, Time, limits};
use coseal_store::{ChainFile, StoreError, keys};

use crate::args::Encoding;
use crate::args::messages::Seal;
use crate::failure::{Exit, Failure, Result};
use crate::input::Input;
use crate::judge::BASE64;
use crate::output::{Output, refuse_terminal};
use crate::progress::Progress;
use crate::secrets::Secrets;
use crate::source::refuse_shared_input;
use crate::stream::lines::{Block, Lines, Rules};
use crate::stream::pipeline::{self, Told};
use crate::{report, trust};

/// What sealing in a batch adds to sealing alone, at most: the tree's size and
/// the leaf's index, three times as nine bytes, and a path of 16 hashes.
const PROOF: usize = 27 + 16 * 34;

/// Runs `coseal seal`.
pub(crate) fn run(args: Seal) -> Result<Exit> {
    let builder = builder(&args)?;
    if args.encoding == Encoding::Cbor {
        refuse_terminal(&args.out, "envelopes are binary")?;
    }
    let keks = args.to_kek.iter().map(|(_, path)| path.as_path());
    let recipients = args.to.iter().map(Path::new);
    let trust = args.trust.iter().chain(&args.limits.pin).chain(&args.limits.state);
    let named = trust.chain(&args.chain).map(PathBuf::as_path).chain([args.key.as_path()]);
    let out = Output::beside(&args.out, named.chain(keks).chain(recipients))?;
    let input = Input::open(&args.input)?;
    // Last: a chain that is begun and not ended in order goes on no more.
    let chains = args.chain.as_ref().map(ChainFile::open_or_create).transpose()?;
    let sealer = match &chains {
        Some(chains) => chains.begin(builder)?,
        None => builder.build().map_err(cannot)?,
    };
    // Before anything is read: wrong headers are wrong for every message.
    let overhead = sealer.sealed_len(&message(&args, b"")).map_err(cannot)?;
    let sealer = Arc::new(sealer);
    let is_delivered = if args.lines {
        seal_lines(args, Arc::clone(&sealer), overhead, input, out)?
    } else {
        seal_one(&args, &sealer, input, out)?
    };
    // Everything that was sealed is where it should be, and nobody seals more.
    if is_delivered
        && let (Some(chains), Some(sealer)) = (chains, Arc::into_inner(sealer))
        && let Err(error) = chains.end(sealer)
    {
        report::warning(&format!("the next run will begin a chain of its own: {error}"));
    }
    Ok(Exit::Fine)
}

/// Whether somebody took it, or it has its name.
fn seal_one(args: &Seal, sealer: &Sealer, mut input: Input, mut out: Output) -> Result<bool> {
    let payload = input.read_at_most(limits::ENVELOPE)?;
    let message = message(args, &payload);
    // A payload that was cut here is too large with its envelope around it.
    if sealer.sealed_len(&message).map_err(cannot)? > limits::ENVELOPE {
        let failure = Failure::misuse(format!("{} is larger than 64 MiB when sealed", input.name));
        return Err(failure
            .hint("split it into several messages; --lines makes one of each line")
            .into());
    }
    let envelope = sealer.seal(message).map_err(cannot)?;
    write(&mut out, &envelope, args.encoding)?;
    out.finish()
}

/// As [`seal_one`].
fn seal_lines(
    args: Seal,
    sealer: Arc<Sealer>,
    overhead: usize,
    input: Input,
    mut out: Output,
) -> Result<bool> {
    let batch = usize::try_from(args.batch).unwrap_or(limits::BATCH);
    let rules = Rules {
        batch,
        overhead: overhead + PROOF,
        limit: limits::ENVELOPE.saturating_sub(overhead + PROOF),
    };
    let name = input.name.clone();
    let mut progress = Progress::of(std::slice::from_ref(&args.input), !args.out.is_standard());
    let (encoding, mut count, mut cut) = (args.encoding, 0_u64, None);
    let work = move |block: Block| seal_block(&args, &sealer, block);
    // One thread seals, so that messages are numbered in the order of their lines.
    let ended =
        pipeline::run(NonZero::<usize>::MIN, Lines::new(&name, input, rules), work, |told| {
            match told {
                Told::Idle => out.flush().map_err(out.failure()),
                Told::Result(Sealed { batches, end, read }) => {
                    for envelope in batches.map_err(cannot)?.iter().flatten() {
                        write(&mut out, envelope, encoding)?;
                        count += 1;
                    }
                    progress.at(read);
                    cut = end;
                    Ok(())
                }
            }
        });
    progress.clear();
    let is_delivered = match (ended, cut) {
        (Err(stop), _) => return Err(stop),
        (Ok(()), Some(failure)) => {
            // What was sealed is sealed: a pipe gets it, whole; a file gets no name.
            out.flush().map_err(out.failure())?;
            return Err(failure.into());
        }
        (Ok(()), None) => out.finish()?,
    };
    if report::is_watched() {
        report::note(&format!("{count} messages sealed"));
    }
    Ok(is_delivered)
}

/// What became of a block of lines.
struct Sealed {
    batches: Result<Vec<Vec<Vec<u8>>>, coseal::Error>,
    end: Option<Failure>,
    read: u64,
}

fn seal_block(args: &Seal, sealer: &Sealer, block: Block) -> Sealed {
    let seal = |lines: &mut dyn Iterator<Item = &[u8]>| {
        let messages: Vec<_> = lines.map(|line| message(args, line)).collect();
        sealer.seal_batch(&messages)
    };
    let batches = block.batches().map(|mut lines| seal(&mut lines)).collect();
    Sealed { batches, end: block.end, read: block.read }
}

/// What is said about every message alike.
fn message<'a>(args: &'a Seal, payload: &'a [u8]) -> Message<'a> {
    let mut message = Message::new(payload);
    if let Some(content_type) = &args.content_type {
        message = message.content_type(content_type);
    }
    if let Some(expires_in) = args.expires_in {
        message = message.expires_in(expires_in);
    }
    for (name, value) in &args.headers {
        message = message.header(name, value.as_str());
    }
    message
}

fn write(out: &mut Output, envelope: &[u8], encoding: Encoding) -> Result<()> {
    let written = match encoding {
        Encoding::Cbor => out.write_all(envelope),
        Encoding::Base64 => {
            let mut line = BASE64.encode(envelope);
            line.push('\n');
            out.write_all(line.as_bytes())
        }
    };
    written.map_err(out.failure())
}

fn builder(args: &Seal) -> Result<SealerBuilder> {
    let held = args.to_kek.iter().map(|(_, path)| path.as_path()).chain([args.key.as_path()]);
    refuse_shared_input(&args.input, held)?;
    let mut secrets = Secrets::of(&args.passphrases)?;
    let key = secrets.signing_key(&args.key)?;
    let mut builder = Sealer::builder(key, &args.channel).suite(args.suite);
    for to in &args.to {
        builder = if crate::text::is_uri(to) {
            to_subject(builder, args, to)?
        } else {
            builder.recipient(&read_recipient(Path::new(to))?)
        };
    }
    for (id, path) in &args.to_kek {
        builder = builder.kek(id.as_bytes(), secrets.kek(path)?);
    }
    if args.to.is_empty() && args.to_kek.is_empty() {
        let failure = Failure::misuse("nobody could open what is sealed: there is no recipient");
        return Err(failure.hint("--to FILE.pub, --to URI or --to-kek ID=FILE names one").into());
    }
    Ok(builder)
}

/// The receiving keys that the trust bundle has for a subject and the channel.
fn to_subject(builder: SealerBuilder, args: &Seal, subject: &str) -> Result<SealerBuilder> {
    let Some(path) = &args.trust else {
        let failure = Failure::misuse(format!(
            "--to {subject} takes its keys from a trust bundle, and none is given"
        ));
        return Err(failure
            .hint("--trust BUNDLE and --pin ROOT.pub, or COSEAL_TRUST and COSEAL_PIN, name it")
            .into());
    };
    if args.limits.pin.is_empty() {
        let failure = Failure::misuse(format!(
            "--to {subject} takes its keys from a trust bundle that no root is pinned for"
        ));
        return Err(failure
            .hint("--pin ROOT.pub or COSEAL_PIN names the root that must have signed it")
            .into());
    }
    let now = Time::now();
    let bundle = trust::limited(path.clone(), &args.limits, now)?;
    if bundle.is_expired(now, trust::SKEW) {
        let error = coseal::Error::Untrusted(
            coseal::Untrusted::BundleExpired,
            "the trust bundle has expired".into(),
        );
        return Err(Failure::core(path.display(), &error).into());
    }
    let keys = bundle.receiving_keys(subject, &args.channel, now);
    if keys.is_empty() {
        let detail = format!(
            "the trust bundle has no receiving key of {subject} that is valid now, for the channel {}",
            args.channel
        );
        return Err(Failure::core(path.display(), &coseal::Error::NoKey(detail.into())).into());
    }
    Ok(builder.recipients(keys))
}

/// The public receiving key in a file.
pub(crate) fn read_recipient(path: &Path) -> Result<RecipientKey> {
    match keys::read_public_key(path)? {
        coseal::PublicKey::Recipient(key) => Ok(key),
        coseal::PublicKey::Verifying(_) => {
            let detail = "this is an Ed25519 key; a recipient's key is X25519";
            let source = coseal::Error::Malformed(coseal::Malformed::Key, detail.into());
            Err(StoreError::Core { path: path.to_owned(), source }.into())
        }
    }
}

fn cannot(error: coseal::Error) -> Failure {
    Failure::core("cannot seal", &error)
}
