//! `coseal rewrap`: other recipients for the envelopes of a file, and nothing
//! else changed.
//!
//! Whatever is in the input is in the output: what cannot be re-wrapped is told
//! and copied as it is, and so is what is no envelope. From a file to a file it
//! can be continued after whatever stopped it.

mod block;
mod sink;
mod tally;
mod teller;

use std::path::{Path, PathBuf};

use coseal::Rewrapper;

use crate::args::Encoding;
use crate::args::messages::Rewrap;
use crate::failure::{Exit, Failure, Result};
use crate::input::Input;
use crate::output::refuse_terminal;
use crate::progress::Progress;
use crate::seal::read_recipient;
use crate::secrets::Secrets;
use crate::source::refuse_shared_input;
use crate::stream::items::Items;
use crate::stream::pipeline::{self, Told};
use crate::{inspect, report, trust};
use sink::Opened;
use tally::Tally;
use teller::Teller;

/// Runs `coseal rewrap`.
pub(crate) fn run(args: Rewrap) -> Result<Exit> {
    let (rewrapper, options) = rewrapper(&args)?;
    if args.encoding == Encoding::Cbor {
        refuse_terminal(&args.out, "envelopes are binary")?;
    }
    let mut input = Input::open(&args.input)?;
    let mut from = 0;
    let (sink, tally) = match sink::open(&args, named(&args), &options)? {
        Opened::New(sink) => (sink, Tally::default()),
        Opened::Again(sink, mark) => {
            report::note(&format!(
                "goes on with envelope {} at byte {} of {}",
                mark.notes.next, mark.read, input.name
            ));
            input.skip_to(mark.read)?;
            from = mark.read;
            (sink, mark.notes)
        }
        Opened::Done(tally) => {
            report::note("all of it was done already");
            tally.tell();
            return Ok(tally.exit());
        }
    };
    let progress = Progress::of(std::slice::from_ref(&args.input), !args.out.is_standard());
    let encoding = args.encoding;
    let items = Items::passing_on(input, encoding, tally.next, from);
    let mut teller = Teller::new(sink, tally, progress, from);
    let work = move |block| block::rewrap(&rewrapper, encoding, &block);
    let ended = pipeline::run(pipeline::all_cores(), items, work, |told| match told {
        Told::Idle => teller.idle(),
        Told::Result(done) => teller.tell(done),
    });
    teller.finish(ended)
}

/// What the output must not be written over. The input it may replace.
fn named(args: &Rewrap) -> impl Iterator<Item = &Path> {
    let keks = args.kek.iter().chain(&args.to_kek).map(|(_, path)| path);
    let trust = [&args.trust.trust].into_iter().chain(&args.trust.pin).chain(&args.trust.state);
    args.key.iter().chain(keks).chain(&args.to).chain(trust).map(PathBuf::as_path)
}

/// What changes the envelopes, and a line that says which change it is: what was
/// begun with another is not gone on with. The trust bundle is no part of it, so
/// that it can be renewed meanwhile.
fn rewrapper(args: &Rewrap) -> Result<(Rewrapper, String)> {
    let held = args.kek.iter().chain(&args.to_kek).map(|(_, path)| path).chain(&args.key);
    refuse_shared_input(&args.input, held.map(PathBuf::as_path))?;
    let mut secrets = Secrets::of(&args.passphrases)?;
    let mut builder = Rewrapper::builder(std::sync::Arc::new(trust::believed(&args.trust)?));
    let mut opens = Vec::new();
    for path in &args.key {
        let key = secrets.receiving_key(path)?;
        opens.push(format!("key {}", key.recipient_key().key_id()));
        builder = builder.key(key);
    }
    for (id, path) in &args.kek {
        opens.push(format!("kek {id}"));
        builder = builder.kek(id.as_bytes(), secrets.kek(path)?);
    }
    for path in &args.to {
        builder = builder.add_recipient(&read_recipient(path)?);
    }
    for (id, path) in &args.to_kek {
        builder = builder.add_kek(id.as_bytes(), secrets.kek(path)?);
    }
    for key_id in &args.remove {
        builder = builder.remove_recipient(*key_id);
    }
    for id in &args.remove_kek {
        builder = builder.remove_kek(id.as_bytes());
    }
    if args.replace {
        builder = builder.replace_all();
    }
    if let Some(channel) = &args.expected.channel {
        builder = builder.channel(channel);
    }
    if let Some(signer) = &args.expected.signer {
        builder = builder.signer(signer);
    }
    let rewrapper = builder.build().map_err(|error| {
        Failure::core("cannot re-wrap", &error)
            .hint("--to FILE.pub and --to-kek ID=FILE add, --remove KEY-ID and --remove-kek ID take out, --replace takes out everybody else")
    })?;
    opens.sort_unstable();
    opens.dedup();
    let encoding = match args.encoding {
        Encoding::Cbor => "cbor",
        Encoding::Base64 => "base64",
    };
    let change = inspect::hex(&rewrapper.fingerprint());
    Ok((rewrapper, format!("rewrap {encoding}, change {change}, {}", opens.join(", "))))
}
