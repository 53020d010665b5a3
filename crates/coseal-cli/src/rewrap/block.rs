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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use std::sync::Arc;
    use std::time::Duration;

    use coseal::{
        EpochId, KeyProvider, Keyring, NewRecord, Pattern, ReceivingKey, RecipientEntry, Sealer,
        Secret, SigningKey, Time, TrustAnchor, TrustBundle, UnwrapRequest, VerifyingKey,
    };

    use super::*;
    use crate::input::Input;
    use crate::stream::items::Items;

    /// Keys that are away for one epoch.
    #[derive(Debug)]
    struct Away(Keyring, EpochId);

    impl KeyProvider for Away {
        fn holds(&self, entry: &RecipientEntry<'_>) -> bool {
            self.0.holds(entry)
        }

        fn unwrap(&self, request: &UnwrapRequest<'_>) -> coseal::Result<Secret<32>> {
            if request.epoch == self.1 {
                return Err(Error::Carrier("the keys are away".into()));
            }
            self.0.unwrap(request)
        }

        fn sign(&self, key: &VerifyingKey, message: &[u8]) -> coseal::Result<[u8; 64]> {
            self.0.sign(key, message)
        }
    }

    fn trust(signer: &SigningKey) -> Arc<TrustBundle> {
        let (root, now) = (SigningKey::generate().unwrap(), Time::now());
        let hour = Duration::from_secs(3600);
        let mut bundle = TrustBundle::make("example.org");
        let record = NewRecord {
            key: signer.verifying_key().clone().into(),
            subject: "spiffe://example.org/shop".into(),
            valid_from: now.minus(hour),
            valid_until: None,
            channels: vec![Pattern::new("orders").unwrap()],
        };
        bundle.add(record).unwrap();
        let bytes = bundle.sign(&root, now, now.plus(hour)).unwrap();
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        Arc::new(TrustBundle::load(&bytes, &anchor, now).unwrap())
    }

    /// Not a message is blamed, and none is passed on unchanged, where the keys
    /// are away: the job stops in front of the first that needs them.
    #[test]
    fn a_provider_that_fails_stops_the_job_and_refuses_nothing() {
        let signer = SigningKey::generate().unwrap();
        let (old, new) = (ReceivingKey::generate().unwrap(), ReceivingKey::generate().unwrap());
        let trust = trust(&signer);
        let sealer = Sealer::builder(signer, "orders").recipient(old.recipient_key());
        let sealer = sealer.epoch_messages(3).build().unwrap();
        let envelopes: Vec<_> = (0..6).map(|_| sealer.seal(b"payload").unwrap()).collect();
        let second = envelopes.get(3..).unwrap().concat();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealed");
        std::fs::write(&path, envelopes.concat()).unwrap();

        let away = coseal::Envelope::decode(envelopes.last().unwrap()).unwrap();
        let mut keys = Keyring::new();
        keys.add_receiving(old).unwrap();
        let keys = Arc::new(Away(keys, away.unverified_header().epoch()));
        let rewrapper = Rewrapper::builder(trust).provider(keys);
        let rewrapper = rewrapper.add_recipient(new.recipient_key()).build().unwrap();

        let input = Input::open(&path).unwrap();
        let block = Items::passing_on(input, Encoding::Cbor, 0, 0).next().unwrap();
        let done = rewrap(&rewrapper, Encoding::Cbor, &block);
        let first: Vec<u8> = envelopes
            .iter()
            .take(3)
            .flat_map(|envelope| rewrapper.rewrap(envelope).unwrap())
            .collect();
        assert!(done.out == first && done.told.is_empty());
        let at = envelopes.concat().len() - second.len();
        assert_eq!(done.next, Some((3, u64::try_from(at).unwrap())));
        assert_eq!(done.stop.unwrap().code, "carrier");
    }
}
