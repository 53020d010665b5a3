//! What a case says of verifying → who verifies so.

use coseal::{Time, TrustBundle, Verifier};
use coseal_testkit::case::{EnvelopeCase, Verify};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn verifier(
    case: &EnvelopeCase,
    verify: &Verify,
    bundle: &Arc<TrustBundle>,
) -> Verifier {
    let skew = Duration::from_millis(case.skew_ms);
    let mut verifier = Verifier::new(Arc::clone(bundle)).skew(skew);
    if let Some(channel) = &verify.channel {
        verifier = verifier.channel(channel);
    }
    if let Some(signer) = &verify.signer {
        verifier = verifier.signer(signer);
    }
    if let Some(at) = verify.at_ms {
        verifier = verifier.at(Time::from_millis(at));
    }
    if let Some(max_age) = verify.max_age_ms {
        verifier = verifier.max_age(Duration::from_millis(max_age));
    }
    verifier
}
