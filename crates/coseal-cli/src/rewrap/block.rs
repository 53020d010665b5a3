//! A block of envelopes → what becomes of it, by any thread.

use base64::Engine;
use coseal::{Error, Rewrapped, Rewrapper};

use super::tally::Tally;
use crate::args::Encoding;
use crate::failure::Failure;
use crate::judge::{self, BASE64, Place, name_in_words};
use crate::stream::items::{Block, End, Item};

/// What became of a block.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// All of it, re-wrapped or as it was.
    pub out: Vec<u8>,
    /// What was refused.
    pub told: Vec<Failure>,
    pub tally: Tally,
    /// The envelope that comes next, and where it begins; nothing in the middle
    /// of an item, where nobody can go on.
    pub next: Option<(u64, u64)>,
    /// Why the job cannot go on.
    pub stop: Option<Failure>,
    /// How many bytes of the input were read for it.
    pub read: u64,
}

/// Re-wraps what can be, and passes on everything else.
pub(super) fn rewrap(rewrapper: &Rewrapper, encoding: Encoding, block: &Block) -> Done {
    let mut done = Done { read: block.read, ..Done::default() };
    let mut scratch = Vec::new();
    for item in &block.items {
        if !item.is_piece() {
            let place = Place {
                input: &block.input,
                index: item.index,
                offset: item.offset,
                is_alone: false,
            };
            match one(rewrapper, encoding, block, item, &mut done.out, &mut scratch) {
                Ok(counts) => done.tally.count(&counts),
                // Not the message's fault: the next one would fare no better.
                Err(error @ (Error::Entropy(_) | Error::Carrier(_))) => {
                    done.next = Some((item.index, item.offset));
                    done.stop = Some(Failure::core(place.in_words(), &error));
                    return done;
                }
                Err(error) => {
                    done.out.extend_from_slice(block.raw(item));
                    done.refuse(Failure::refused(place.in_words(), &error));
                }
            }
        } else {
            done.out.extend_from_slice(block.raw(item));
        }
        done.next = item.end.map(|end| (item.index + 1, end));
    }
    match &block.end {
        Some(End::NotASequence(fault, _)) => {
            let rest = format!("{} from byte {} on", name_in_words(&block.input), fault.start);
            done.refuse(Failure::refused(rest, &Error::from(*fault)));
        }
        Some(End::Failed(failure)) => done.stop = Some(failure.clone()),
        None => {}
    }
    done
}

/// Appends what becomes of one envelope; nothing where it is refused.
fn one(
    rewrapper: &Rewrapper,
    encoding: Encoding,
    block: &Block,
    item: &Item,
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
) -> Result<Rewrapped, Error> {
    let envelope = judge::envelope(block, item, encoding)?;
    if encoding == Encoding::Cbor {
        return rewrapper.rewrap_into(&envelope, out);
    }
    scratch.clear();
    let counts = rewrapper.rewrap_into(&envelope, scratch)?;
    if counts.is_unchanged() {
        out.extend_from_slice(block.raw(item));
    } else {
        out.extend_from_slice(BASE64.encode(scratch).as_bytes());
        out.push(b'\n');
    }
    Ok(counts)
}

impl Done {
    fn refuse(&mut self, failure: Failure) {
        self.tally.refuse(&failure.code);
        self.told.push(failure);
    }
}
