//! Every file in `test-vectors/`: loaded, verified and opened in all the ways
//! there are, with the exact code, and nothing released by what must fail.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod cases;
#[path = "cases/verifier.rs"]
mod verifier;

use cases::{anchor, trust};
use coseal::{
    ClaimedTime, HeaderValue, Kek, KeyRecord, Opened, Opener, OtherReceipt, Position, Reason,
    ReceivingKey, Result, Time, TrustBundle, Usage, Verdict, Verified, Window,
};
use coseal_testkit::case::{self, Case, EnvelopeCase, Expect, Mode, TrustBundleCase};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use verifier::verifier;

/// Compares a result's code with what the file expects.
fn check<T>(expect: &Expect, result: &Result<T>, what: &str) {
    match result {
        Ok(_) => assert!(expect.is_ok(), "{what}: accepted, expected {expect}"),
        Err(error) => assert!(
            expect.is_met_by(error.code(), error.kind()),
            "{what}: {}/{:?} ({error}), expected {expect}",
            error.code(),
            error.kind()
        ),
    }
}

fn raw(hex: &case::Hex) -> &[u8] {
    &hex.0
}

#[test]
fn every_vector() {
    let mut count = 0;
    let mut failed = Vec::new();
    for case in coseal_testkit::walk(&coseal_testkit::walk::cases()).unwrap() {
        let (path, case) = case.unwrap();
        // All of them, so that one fault does not hide the next.
        if std::panic::catch_unwind(|| run(&path, &case)).is_err() {
            failed.push(path);
        }
        count += 1;
    }
    assert!(failed.is_empty(), "{} of {count} vectors failed: {failed:#?}", failed.len());
    assert!(count >= 200, "only {count} vectors were found");
}

fn run(path: &Path, case: &Case) {
    let name = path.display().to_string();
    match case {
        Case::Envelope(case) => run_envelope(&name, case),
        Case::TrustBundle(case) => run_bundle(&name, case),
    }
}

fn run_bundle(name: &str, case: &TrustBundleCase) {
    let now = Time::from_millis(case.now_ms);
    let anchor = anchor(&case.roots_hex, case.domain.as_deref(), case.skew_ms);
    let loaded = anchor.and_then(|mut anchor| {
        for earlier in &case.earlier {
            let loaded = TrustBundle::load(raw(&earlier.bundle_hex), &anchor, now);
            check(&earlier.expect, &loaded, &format!("{name}: earlier"));
            anchor = match loaded {
                Ok(bundle) => anchor.seen(bundle.state()),
                Err(_) => anchor,
            };
        }
        TrustBundle::load(&case.bundle_hex.to_vec(), &anchor, now)
    });
    check(&case.expect, &loaded, name);
    assert_eq!(case.expect.is_ok(), case.reported.is_some(), "{name}: reported or not");
    let (Ok(bundle), Some(report)) = (loaded, &case.reported) else { return };
    assert_eq!(bundle.domain(), report.domain, "{name}");
    assert_eq!(bundle.sequence(), report.sequence, "{name}");
    assert_eq!(bundle.issued_at().as_secs(), report.issued_at, "{name}");
    assert_eq!(bundle.expires_at().as_secs(), report.expires_at, "{name}");
    assert_eq!(&bundle.root().key_id().as_bytes()[..], raw(&report.root_key_id_hex), "{name}");
    assert_eq!(bundle.skipped().len() as u64, report.skipped, "{name}");
    let next: Vec<_> =
        bundle.next_roots().iter().map(|key| key.key_id().as_bytes().to_vec()).collect();
    let expected: Vec<_> = report.next_root_key_ids_hex.iter().map(|id| raw(id).to_vec()).collect();
    assert_eq!(next, expected, "{name}");
    assert_eq!(bundle.records().len(), report.records.len(), "{name}");
    for (record, expected) in bundle.records().iter().zip(&report.records) {
        check_record(name, record, expected);
    }
}

fn check_record(name: &str, record: &KeyRecord, expected: &case::RecordReport) {
    assert_eq!(&record.key_id().as_bytes()[..], raw(&expected.key_id_hex), "{name}");
    assert_eq!(&record.thumbprint().as_bytes()[..], raw(&expected.thumbprint_hex), "{name}");
    let (public, usage) = match record.key() {
        coseal::PublicKey::Verifying(key) => (*key.as_bytes(), case::Use::Sign),
        coseal::PublicKey::Recipient(key) => (*key.as_bytes(), case::Use::Receive),
    };
    assert_eq!(&public[..], raw(&expected.public_key_hex), "{name}");
    assert_eq!(usage, expected.usage, "{name}");
    assert_eq!(record.usage() == Usage::Sign, usage == case::Use::Sign, "{name}");
    assert_eq!(record.subject(), expected.subject, "{name}");
    assert_eq!(record.valid_from().as_secs(), expected.valid_from, "{name}");
    assert_eq!(record.valid_until().map(Time::as_secs), expected.valid_until, "{name}");
    let channels: Vec<_> = record.channels().iter().map(|pattern| pattern.as_str()).collect();
    assert_eq!(channels, expected.channels, "{name}");
    let revocation = record.revocation().map(|revocation| {
        let reason = match revocation.reason {
            Reason::Compromised => case::Reason::Compromised,
            Reason::Superseded => case::Reason::Superseded,
            Reason::Ceased => case::Reason::Ceased,
        };
        let since = revocation.compromised_since.map(Time::as_secs);
        (revocation.revoked_at.as_secs(), reason, since)
    });
    let expected = expected.revocation.as_ref();
    let expected = expected.map(|r| (r.revoked_at, r.reason, r.compromised_since));
    assert_eq!(revocation, expected, "{name}");
}

fn run_envelope(name: &str, case: &EnvelopeCase) {
    let bundle = trust(case).expect(name);
    let envelope = case.envelope_hex.to_vec();
    assert!(case.verify.is_some() || case.open.is_some(), "{name}: nothing to do");
    if let Some(verify) = &case.verify {
        run_verify(name, case, verify, &bundle, &envelope);
    }
    if let Some(open) = &case.open {
        run_open(name, case, open, &bundle, &envelope);
    }
}

fn max_len(case: &EnvelopeCase) -> usize {
    case.max_len.map_or(coseal::limits::ENVELOPE, |max| usize::try_from(max).unwrap())
}

fn run_verify(
    name: &str,
    case: &EnvelopeCase,
    verify: &case::Verify,
    bundle: &Arc<TrustBundle>,
    envelope: &[u8],
) {
    let skew = Duration::from_millis(case.skew_ms);
    let verifier = verifier(case, verify, bundle).max_len(max_len(case));
    assert_eq!(verify.expect.is_ok(), case.reported.is_some(), "{name}: reported or not");
    // Twice: the second time the root is known already.
    for round in 1..=2 {
        let verified = verifier.verify(envelope);
        check(&verify.expect, &verified, &format!("{name}: verify, round {round}"));
        if let (Ok(verified), Some(report)) = (&verified, &case.reported) {
            check_report(name, verified, report);
        }
    }
    let verdict = verifier.judge(envelope);
    assert_eq!(verdict.is_valid(), verify.expect.is_ok(), "{name}: judge");
    if let Some(error) = verdict.error() {
        assert!(verify.expect.is_met_by(error.code(), error.kind()), "{name}: judge: {error}");
        let before_the_receipt = matches!(error.code(), "malformed" | "unsupported")
            || matches!(error.kind(), Some("bundle_expired" | "unknown_signer" | "bad_signature"));
        assert_eq!(verdict.findings().is_none(), before_the_receipt, "{name}: header reported");
    }
    if let Some(claimed) = &verify.claimed_time {
        let expected = match claimed {
            case::ClaimedTime::Before => ClaimedTime::Before,
            case::ClaimedTime::InDoubt => ClaimedTime::InDoubt,
            case::ClaimedTime::After => ClaimedTime::After,
        };
        let found = verdict.findings().and_then(|findings| findings.claimed_time);
        assert_eq!(found, Some(expected), "{name}");
    }
    if let Some(expected) = &verify.facts {
        let facts = verdict.facts(Time::from_millis(expected.at_ms), skew).expect(name);
        assert_eq!(facts.bundle_expired, expected.bundle_expired, "{name}");
        assert_eq!(facts.expired, expected.expired, "{name}");
        assert_eq!(facts.from_the_future, expected.from_the_future, "{name}");
        assert_eq!(facts.age, expected.age_ms.map(Duration::from_millis), "{name}");
    }
    if let Some(at) = verify.at_ms {
        let code = |verdict: &Verdict| verdict.error().map(|error| (error.code(), error.kind()));
        let elsewhen = verifier.at(Time::from_millis(0));
        let found = elsewhen.judge_at(Time::from_millis(at), envelope);
        assert_eq!(code(&found), code(&verdict), "{name}: judge_at");
    }
}

fn check_report(name: &str, verified: &Verified<'_>, report: &case::Report) {
    let suite = match report.suite {
        case::Suite::A256Gcm => coseal::Suite::A256Gcm,
        case::Suite::ChaCha20Poly1305 => coseal::Suite::ChaCha20Poly1305,
    };
    assert_eq!(verified.suite(), suite, "{name}");
    assert_eq!(verified.channel(), report.channel, "{name}");
    assert_eq!(verified.signer(), report.signer, "{name}");
    assert_eq!(&verified.key_id().as_bytes()[..], raw(&report.key_id_hex), "{name}");
    assert_eq!(&verified.id().as_bytes()[..], raw(&report.message_id_hex), "{name}");
    assert_eq!(verified.sealed_at().as_millis(), report.sealed_at_ms, "{name}");
    assert_eq!(verified.sequence(), report.sequence, "{name}");
    assert_eq!(&verified.epoch().as_bytes()[..], raw(&report.epoch_id_hex), "{name}");
    let previous = verified.previous().map(|p| (p.epoch.as_bytes().to_vec(), p.messages));
    let expected = report.previous.as_ref();
    assert_eq!(previous, expected.map(|p| (raw(&p.epoch_id_hex).to_vec(), p.messages)), "{name}");
    assert_eq!(verified.content_type(), report.content_type.as_deref(), "{name}");
    assert_eq!(verified.expires_at().map(Time::as_secs), report.expires_at, "{name}");
    assert_eq!(verified.headers().count(), report.headers.len(), "{name}");
    for (header, value) in verified.headers() {
        let expected = match &report.headers[header] {
            case::HeaderValue::Text(text) => HeaderValue::Text(text),
            case::HeaderValue::BytesHex(bytes) => HeaderValue::Bytes(raw(bytes)),
            case::HeaderValue::Int(int) => HeaderValue::Int(*int),
            case::HeaderValue::Bool(value) => HeaderValue::Bool(*value),
        };
        assert_eq!(value, expected, "{name}: {header}");
    }
    let extensions: Vec<_> = verified.extensions().map(|(l, v)| (l, v.to_vec())).collect();
    let expected: Vec<_> =
        report.extensions.iter().map(|e| (e.label, raw(&e.value_hex).to_vec())).collect();
    assert_eq!(extensions, expected, "{name}");
    let others: Vec<_> = verified
        .other_receipts()
        .iter()
        .map(|receipt| {
            if matches!(receipt, OtherReceipt::Trusted { .. }) {
                case::ReceiptVerdict::Trusted
            } else if matches!(receipt, OtherReceipt::Invalid { .. }) {
                case::ReceiptVerdict::Invalid
            } else {
                case::ReceiptVerdict::Unknown
            }
        })
        .collect();
    assert_eq!(others, report.other_receipts, "{name}");
}

fn opener(case: &EnvelopeCase, open: &case::Open, bundle: &Arc<TrustBundle>) -> Result<Opener> {
    let builder = Opener::builder(Arc::clone(bundle));
    let (now, window) = (Time::from_millis(open.now_ms), open.window_ms);
    macro_rules! with_keys {
        ($builder:expr) => {{
            let mut builder = $builder
                .skew(Duration::from_millis(case.skew_ms))
                .max_len(max_len(case))
                .clock(move || now);
            if let Some(signer) = &open.signer {
                builder = builder.signer(signer);
            }
            for key in &open.keyring.receiving_keys_hex {
                builder = builder.key(ReceivingKey::from_bytes(&key.array().unwrap()));
            }
            for kek in &open.keyring.keks {
                let key = Kek::from_bytes(&kek.key_hex.array().unwrap());
                builder = builder.kek(raw(&kek.id_hex), key);
            }
            builder.build()
        }};
    }
    match (open.mode, &open.channel) {
        (Mode::Archive, None) => with_keys!(builder.any_channel().archive()),
        (Mode::Archive, Some(channel)) => with_keys!(builder.channel(channel).archive()),
        (Mode::Live, channel) => {
            let channel = channel.as_deref().expect("a live reader has a channel");
            let window = Window::new(Duration::from_millis(window.expect("a window")));
            with_keys!(builder.channel(channel).live(window))
        }
    }
}

/// The ways to open; each gets a fresh reader, since reading leaves traces.
const WAYS: [&str; 4] = ["open", "open_in_place", "open_into", "open_batch"];

fn run_open(
    name: &str,
    case: &EnvelopeCase,
    open: &case::Open,
    bundle: &Arc<TrustBundle>,
    envelope: &[u8],
) {
    let logs: Vec<&str> = open
        .earlier
        .iter()
        .map(|earlier| &earlier.position)
        .chain([&open.position])
        .flatten()
        .map(|position| position.log.as_str())
        .collect();
    let position = |position: &case::Position| Position {
        log: logs.iter().position(|log| *log == position.log).unwrap() as u64,
        offset: position.offset,
    };
    for way in WAYS {
        let told = format!("{name}: {way}");
        if open.position.is_some() && way != "open" {
            continue;
        }
        let batched = way == "open_batch";
        if batched && open.earlier.iter().any(|earlier| earlier.position.is_some()) {
            continue;
        }
        let opener = opener(case, open, bundle).expect(&told);
        for earlier in open.earlier.iter().filter(|_| !batched) {
            let bytes = raw(&earlier.envelope_hex);
            let result = match &earlier.position {
                Some(at) => opener.open_at(bytes, &position(at)),
                None => opener.open(bytes),
            };
            check(&earlier.expect, &result, &format!("{told}: earlier"));
        }
        let mut buffer = envelope.to_vec();
        let mut payload = b"before".to_vec();
        // One batch: the earlier ones, and this one.
        let batch: Vec<&[u8]> =
            open.earlier.iter().map(|earlier| raw(&earlier.envelope_hex)).collect();
        let batch = [&batch[..], &[envelope]].concat();
        let result = match way {
            "open" => match &open.position {
                Some(at) => opener.open_at(envelope, &position(at)),
                None => opener.open(envelope),
            },
            "open_in_place" => opener.open_in_place(&mut buffer),
            "open_into" => opener.open_into(envelope, &mut payload),
            _ => {
                let mut results = opener.open_batch(&batch);
                assert_eq!(results.len(), batch.len(), "{told}");
                let last = results.pop().unwrap();
                for (earlier, result) in open.earlier.iter().zip(&results) {
                    check(&earlier.expect, result, &format!("{told}: earlier"));
                }
                last
            }
        };
        check(&open.expect, &result, &told);
        assert_eq!(open.expect.is_ok(), open.payload_hex.is_some(), "{told}: released or not");
        if let Ok(opened) = &result {
            check_opened(&told, case, open, opened);
        } else {
            drop(result);
            assert_eq!(payload, b"before", "{told}: something was released");
            check_untouched(&told, envelope, &buffer);
        }
    }
}

fn check_opened(told: &str, case: &EnvelopeCase, open: &case::Open, opened: &Opened<'_>) {
    let payload = open.payload_hex.as_ref().expect(told).to_vec();
    assert_eq!(opened.payload(), payload, "{told}");
    assert_eq!(opened.redelivered(), open.redelivered, "{told}");
    if let Some(report) = &case.reported {
        check_report(told, opened.verified(), report);
    }
}

/// After a refusal a buffer holds the envelope, or zeros where the payload was
/// decrypted: never the payload.
fn check_untouched(told: &str, envelope: &[u8], buffer: &[u8]) {
    assert_eq!(envelope.len(), buffer.len(), "{told}");
    for (before, after) in envelope.iter().zip(buffer) {
        assert!(after == before || *after == 0, "{told}: something was released");
    }
}
