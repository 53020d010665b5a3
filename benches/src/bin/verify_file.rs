//! The library's own time for a file of envelopes that lies in memory, with one
//! thread and with all: what `coseal verify FILE` is compared with.
//!
//! ```text
//! cargo run --release -p coseal-benches --bin verify_file -- FILE BUNDLE ROOT.pub
//! ```

use coseal::sequence::Scanner;
use coseal::{PublicKey, Time, TrustAnchor, TrustBundle, Verifier};
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, bundle, root] = arguments.as_slice() else {
        return Err("usage: verify_file FILE BUNDLE ROOT.pub".into());
    };
    let PublicKey::Verifying(root) = PublicKey::from_pem(&std::fs::read_to_string(root)?)? else {
        return Err("the root is no signing key".into());
    };
    let anchor = TrustAnchor::pinned([root]);
    let trust = Arc::new(TrustBundle::load(&std::fs::read(bundle)?, &anchor, Time::now())?);
    let bytes = std::fs::read(file)?;
    let envelopes = split(&bytes)?;
    let threads = std::thread::available_parallelism()?.get();
    for threads in [1, threads] {
        let verifier = Verifier::new(trust.clone());
        let start = Instant::now();
        let valid: usize = std::thread::scope(|scope| {
            let share = envelopes.len().div_ceil(threads).max(1);
            let workers: Vec<_> = envelopes
                .chunks(share)
                .map(|share| {
                    let verifier = &verifier;
                    scope.spawn(move || {
                        share.iter().filter(|envelope| verifier.verify(envelope).is_ok()).count()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_default()).sum()
        });
        let secs = start.elapsed().as_secs_f64();
        println!("{valid} of {} valid, {threads} threads: {secs:.3} s", envelopes.len());
    }
    Ok(())
}

/// A CBOR sequence in its items.
fn split(bytes: &[u8]) -> Result<Vec<&[u8]>, Box<dyn Error>> {
    let (mut envelopes, mut scanner, mut rest) = (Vec::new(), Scanner::new(), bytes);
    while let Some(end) = scanner.push(rest)? {
        let (envelope, after) = rest.split_at(end);
        envelopes.push(envelope);
        rest = after;
    }
    scanner.finish()?;
    Ok(envelopes)
}
