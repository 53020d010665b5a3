//! What a case says of trust → what the library takes.

use coseal::{Result, Time, TrustAnchor, TrustBundle, VerifyingKey};
use coseal_testkit::case::{self, EnvelopeCase};
use std::sync::Arc;
use std::time::Duration;

/// Refused where a root is pinned that is no sound key.
pub(crate) fn anchor(
    roots: &[case::Hex],
    domain: Option<&str>,
    skew_ms: u64,
) -> Result<TrustAnchor> {
    let root = |hex: &case::Hex| VerifyingKey::from_bytes(&hex.array().unwrap());
    let roots: Vec<_> = roots.iter().map(root).collect::<Result<_>>()?;
    let anchor = TrustAnchor::pinned(roots).skew(Duration::from_millis(skew_ms));
    Ok(match domain {
        Some(domain) => anchor.domain(domain),
        None => anchor,
    })
}

/// The bundle that an envelope is judged by.
pub(crate) fn trust(case: &EnvelopeCase) -> Result<Arc<TrustBundle>> {
    let anchor = anchor(&case.trust.roots_hex, Some(&case.trust.domain), case.skew_ms)?;
    let now = Time::from_millis(case.trust.now_ms);
    TrustBundle::load(&case.trust.bundle_hex.0, &anchor, now).map(Arc::new)
}
