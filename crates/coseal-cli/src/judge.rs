//! What `open`, `verify` and `inspect` have in common: envelopes are judged by
//! all cores, told in order, and counted.

mod findings;
mod tally;

use std::borrow::Cow;
use std::io::Write;
use std::num::NonZero;
use std::path::PathBuf;

use base64::Engine;
use coseal::{Error, Malformed};

use crate::args::Encoding;
use crate::failure::{Failure, Result, Stop};
use crate::input::Input;
use crate::output::Output;
use crate::progress::Progress;
use crate::stream::items::{Block, End, Item, Items};
use crate::stream::pipeline::{self, Told};
pub(crate) use findings::{Findings, Place, Teller, name_in_words};
pub(crate) use tally::Tally;

/// How envelopes are judged.
pub(crate) trait Judge: Send + Sync + 'static {
    /// Judges one and adds what was found.
    fn judge(&self, place: Place<'_>, envelope: &[u8], findings: &mut Findings);
    /// Whether refusals are rows too.
    fn has_rows(&self) -> bool;
}

/// What is read, and how.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Files, or `-`.
    pub inputs: Vec<PathBuf>,
    pub encoding: Encoding,
    /// How many judge at once.
    pub workers: NonZero<usize>,
}

/// Judges all envelopes of all inputs.
pub(crate) fn run(
    reading: Reading,
    judge: impl Judge,
    out: Output,
    is_terminal: bool,
) -> Result<(Tally, Output)> {
    let Reading { inputs, encoding, workers } = reading;
    let progress = Progress::of(&inputs, !is_terminal);
    let mut teller = Teller::new(out, progress, is_terminal);
    let blocks = inputs.into_iter().flat_map(move |path| blocks(path, encoding));
    let work = move |block: Block| judge_block(&judge, encoding, &block);
    let ended = pipeline::run(workers, blocks, work, |told| match told {
        Told::Result(findings) => findings.tell(&mut teller),
        Told::Idle => teller.out.flush().map_err(teller.out.failure()),
    });
    teller.progress.clear();
    let Teller { mut tally, out, .. } = teller;
    match ended {
        // Nobody reads on; what was refused until here was refused.
        Err(Stop::ClosedPipe) => tally.close(),
        other => other?,
    }
    Ok((tally, out))
}

/// The blocks of one input, or the one that says why there are none.
fn blocks(path: PathBuf, encoding: Encoding) -> Box<dyn Iterator<Item = Block> + Send> {
    match Input::open(&path) {
        Ok(input) => Box::new(Items::of(input, encoding)),
        Err(failure) => {
            Box::new(std::iter::once(Block::failed(&path.display().to_string(), failure)))
        }
    }
}

fn judge_block(judge: &impl Judge, encoding: Encoding, block: &Block) -> Findings {
    let mut findings = Findings::after(block.read);
    let place = |index, offset| Place { input: &block.input, index, offset, is_alone: false };
    for item in &block.items {
        let place = place(item.index, item.offset);
        match envelope(block, item, encoding) {
            Ok(envelope) => judge.judge(place, &envelope, &mut findings),
            Err(error) => {
                if judge.has_rows() {
                    findings.add_refusal(place, &error);
                }
                findings.refuse(place, &error);
            }
        }
        if findings.is_stopped() {
            return findings;
        }
    }
    match &block.end {
        Some(End::NotASequence(fault, index)) => {
            let error = Error::from(*fault);
            if judge.has_rows() {
                findings.add_refusal(place(*index, fault.start), &error);
            }
            let rest = format!("{} from byte {} on", name_in_words(&block.input), fault.start);
            findings.refuse_as(Failure::refused(rest, &error));
        }
        Some(End::Failed(failure)) => findings.cut(failure.clone()),
        None => {}
    }
    findings
}

/// The bytes of an envelope, out of the encoding that it stands in.
pub(crate) fn envelope<'a>(
    block: &'a Block,
    item: &Item,
    encoding: Encoding,
) -> Result<Cow<'a, [u8]>, Error> {
    let Some(bytes) = block.bytes(item) else {
        return Err(Error::Malformed(Malformed::TooLarge, "it is larger than 64 MiB".into()));
    };
    match encoding {
        Encoding::Cbor => Ok(bytes.into()),
        Encoding::Base64 => decode_base64(bytes).map(Into::into),
    }
}

/// The envelope in a line of base64.
pub(crate) fn decode_base64(line: &[u8]) -> Result<Vec<u8>, Error> {
    BASE64.decode(line).map_err(|error| {
        Error::Malformed(Malformed::Cbor, format!("the line is not base64: {error}").into())
    })
}

/// Standard alphabet; written with padding, read with or without.
pub(crate) const BASE64: base64::engine::GeneralPurpose = base64::engine::GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    base64::engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);
