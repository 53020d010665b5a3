//! Freshness and expiry, at their edges: live, archival, and told a time.

use super::rules;
use super::test::{Cases, Test, expect};
use super::world::{EXPIRES, ISSUED, NOW, SEALED, SEALED_S, SKEW, WINDOW, World};
use crate::build::draft::Sealed;
use crate::build::plan::message_id;
use crate::case::{ClaimedTime, Facts};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("times");
    bundle(cases);
    future(cases);
    expired(cases);
    too_old(cases);
    facts(cases);
    told(cases);
    sums(cases);
}

/// Both verbs at `now`: a live open, and a verify that is told the time and
/// the window. The report is that of a verify without a time, so a refusal
/// has none.
fn judged(
    cases: &mut Cases,
    name: &str,
    rule: &str,
    comment: &str,
    sealed: &Sealed,
    now: u64,
    result: &str,
) {
    let test = Test::of(rule, comment, sealed).at(now);
    cases.add(name, if expect(result).is_ok() { test } else { test.refused(result) });
}

/// The same envelope, where nobody judges the time: a verify without one, an
/// archival open.
fn unjudged(cases: &mut Cases, name: &str, comment: &str, sealed: &Sealed, now: u64, facts: Facts) {
    let test = Test::of(rules::VERIFY_TIMELESS, comment, sealed)
        .archive()
        .open(|open| open.now_ms = now)
        .verify(|verify| verify.facts = Some(facts));
    cases.add(name, test);
}

fn bundle(cases: &mut Cases) {
    let rule = rules::BUNDLE_EXPIRED;
    let edge = EXPIRES * 1000 + SKEW;
    let sealed_then = |cases: &Cases, name: &str| {
        let label = cases.label(name);
        // Fresh at the edge, so that the bundle alone is at fault.
        cases.planned(name, |plan| plan.message_id = message_id(edge - 1000, &label))
    };
    let sealed = sealed_then(cases, "bundle_expires_next");
    judged(
        cases,
        "bundle_expires_next",
        rule,
        "A millisecond before the bundle expires, skew included.",
        &sealed,
        edge - 1,
        "ok",
    );
    let sealed = sealed_then(cases, "bundle_expired");
    judged(
        cases,
        "bundle_expired",
        rule,
        "The bundle expires at this millisecond, skew included.",
        &sealed,
        edge,
        "untrusted/bundle_expired",
    );
    let sealed = sealed_then(cases, "bundle_expired_unjudged");
    let facts = Facts {
        at_ms: edge,
        bundle_expired: true,
        expired: false,
        from_the_future: false,
        age_ms: Some(1000),
    };
    unjudged(
        cases,
        "bundle_expired_unjudged",
        "The bundle has expired, and nobody judges it.",
        &sealed,
        edge,
        facts,
    );
    let sealed = sealed_then(cases, "bundle_expired_verify_at");
    let comment = "The bundle has expired at the time that `verify` is told; no window is.";
    let test = Test::new(rule, comment, &sealed.envelope)
        .verify(|verify| verify.at_ms = Some(edge))
        .open(|open| open.now_ms = edge)
        .refused("untrusted/bundle_expired");
    cases.add("bundle_expired_verify_at", test);
    let sealed = cases.drafted("bundle_times_largest", |_| ());
    let mut bundle = World::new().bundle();
    bundle.expires_at = (1 << 53) - 1;
    let comment = "A bundle that expires at the last time there is: milliseconds do not overflow.";
    cases.add("bundle_times_largest", Test::of(rule, comment, &sealed).bundle(&bundle).at(NOW));
}

fn future(cases: &mut Cases) {
    let rule = rules::FUTURE;
    let result = "stale/from_the_future";
    let sealed = cases.drafted("sealed_at_skew", |_| ());
    judged(
        cases,
        "sealed_at_skew",
        rule,
        "Sealed a skew after the reader's clock.",
        &sealed,
        SEALED - SKEW,
        "ok",
    );
    let sealed = cases.drafted("sealed_after_skew", |_| ());
    let comment = "Sealed a skew and a millisecond after the reader's clock.";
    judged(cases, "sealed_after_skew", rule, comment, &sealed, SEALED - SKEW - 1, result);
    let sealed = cases.drafted("from_the_future_unjudged", |_| ());
    let now = SEALED - SKEW - 1;
    let facts = Facts {
        at_ms: now,
        bundle_expired: false,
        expired: false,
        from_the_future: true,
        age_ms: None,
    };
    unjudged(
        cases,
        "from_the_future_unjudged",
        "From the future, and nobody judges it.",
        &sealed,
        now,
        facts,
    );
    let name = "sealed_at_last_millisecond";
    let label = cases.label(name);
    let last = (1 << 48) - 1;
    let sealed = cases.planned(name, |plan| plan.message_id = message_id(last, &label));
    judged(
        cases,
        name,
        rule,
        "Sealed at the last millisecond that a UUIDv7 can say.",
        &sealed,
        NOW,
        result,
    );
    let name = "verify_at_without_window_in_the_future";
    let sealed = cases.drafted(name, |_| ());
    let comment = "`verify` is told a time and no window: the future is judged, age is not.";
    let test = Test::new(rule, comment, &sealed.envelope).without_open().verify(|verify| {
        verify.at_ms = Some(SEALED - SKEW - 1);
        verify.expect = expect(result);
    });
    cases.add(name, test);
}

fn expired(cases: &mut Cases) {
    let rule = rules::EXPIRED;
    let result = "stale/expired";
    let expires = SEALED_S + 100;
    let edge = expires * 1000 + SKEW;
    let expiring =
        |cases: &Cases, name: &str| cases.planned(name, |plan| plan.expires = Some(expires));
    let sealed = expiring(cases, "expires_next");
    judged(
        cases,
        "expires_next",
        rule,
        "A millisecond before the message expires, skew included.",
        &sealed,
        edge - 1,
        "ok",
    );
    let sealed = expiring(cases, "expired");
    judged(
        cases,
        "expired",
        rule,
        "The message expires at this millisecond, skew included.",
        &sealed,
        edge,
        result,
    );
    let sealed = expiring(cases, "expired_unjudged");
    let facts = Facts {
        at_ms: edge,
        bundle_expired: false,
        expired: true,
        from_the_future: false,
        age_ms: Some(edge - SEALED),
    };
    unjudged(
        cases,
        "expired_unjudged",
        "The message has expired, and nobody judges it.",
        &sealed,
        edge,
        facts,
    );
    let sealed = expiring(cases, "expired_verify_timeless");
    let comment = "A live open refuses an expired message; a verify without a time reports it.";
    let test = Test::of(rule, comment, &sealed).open(|open| open.now_ms = edge).shut(result);
    cases.add("expired_verify_timeless", test);
    let name = "expired_verify_at_without_window";
    let sealed = expiring(cases, name);
    let comment = "`verify` is told a time and no window: expiry is judged.";
    let test = Test::new(rule, comment, &sealed.envelope).without_open().verify(|verify| {
        verify.at_ms = Some(edge);
        verify.expect = expect(result);
    });
    cases.add(name, test);
    let name = "expired_when_sealed";
    let sealed = cases.planned(name, |plan| plan.expires = Some(0));
    judged(cases, name, rule, "A message that expired in 1970.", &sealed, NOW, result);
}

fn too_old(cases: &mut Cases) {
    let rule = rules::TOO_OLD;
    let result = "stale/too_old";
    let edge = SEALED + WINDOW + SKEW;
    let sealed = cases.drafted("as_old_as_may_be", |_| ());
    judged(cases, "as_old_as_may_be", rule, "As old as window and skew.", &sealed, edge, "ok");
    let sealed = cases.drafted("too_old", |_| ());
    judged(
        cases,
        "too_old",
        rule,
        "A millisecond older than window and skew.",
        &sealed,
        edge + 1,
        result,
    );
    let sealed = cases.drafted("too_old_unjudged", |_| ());
    let facts = Facts {
        at_ms: edge + 1,
        bundle_expired: false,
        expired: false,
        from_the_future: false,
        age_ms: Some(WINDOW + SKEW + 1),
    };
    unjudged(cases, "too_old_unjudged", "Too old, and nobody judges it.", &sealed, edge + 1, facts);
    let name = "too_old_verify_at_without_window";
    let sealed = cases.drafted(name, |_| ());
    let comment = "`verify` is told a time and no window: age is not judged.";
    let test = Test::of(rule, comment, &sealed)
        .verify(|verify| verify.at_ms = Some(edge + 1))
        .open(|open| open.now_ms = edge + 1)
        .shut(result);
    cases.add(name, test);
    let name = "narrow_window";
    let sealed = cases.drafted(name, |_| ());
    let comment = "A window of nothing and no skew: a message of this millisecond.";
    let mut test = Test::of(rule, comment, &sealed).at(SEALED);
    test.case.skew_ms = 0;
    test = test.verify(|verify| verify.max_age_ms = Some(0)).open(|open| open.window_ms = Some(0));
    cases.add(name, test);
    let name = "narrow_window_passed";
    let sealed = cases.drafted(name, |_| ());
    let comment = "A window of nothing and no skew: a message of the millisecond before.";
    let mut test = Test::of(rule, comment, &sealed).at(SEALED + 1);
    test.case.skew_ms = 0;
    test = test.verify(|verify| verify.max_age_ms = Some(0)).open(|open| open.window_ms = Some(0));
    cases.add(name, test.refused(result));
}

fn facts(cases: &mut Cases) {
    let sealed =
        cases.planned("facts_of_a_fresh_message", |plan| plan.expires = Some(SEALED_S + 100));
    let facts = Facts {
        at_ms: NOW,
        bundle_expired: false,
        expired: false,
        from_the_future: false,
        age_ms: Some(1000),
    };
    unjudged(
        cases,
        "facts_of_a_fresh_message",
        "Fresh, and nobody judges it.",
        &sealed,
        NOW,
        facts,
    );
    let name = "years_later";
    let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S + 100));
    let later = SEALED + 10 * 365 * 86_400_000;
    let facts = Facts {
        at_ms: later,
        bundle_expired: true,
        expired: true,
        from_the_future: false,
        age_ms: Some(later - SEALED),
    };
    unjudged(
        cases,
        name,
        "Ten years later everything has expired; the archive opens it.",
        &sealed,
        later,
        facts,
    );
    let name = "sealed_before_the_bundle";
    let label = cases.label(name);
    let sealed = cases
        .planned(name, |plan| plan.message_id = message_id(ISSUED * 1000 - 86_400_000, &label));
    let comment = "Sealed a day before the bundle was issued, by a key that was valid then.";
    cases.add(name, Test::of(rules::ARCHIVE, comment, &sealed).archive());
}

/// Facts at their edges, and of what was refused once its receipt verified.
fn told(cases: &mut Cases) {
    let at = |at_ms: u64, age_ms: Option<u64>| Facts {
        at_ms,
        bundle_expired: false,
        expired: false,
        from_the_future: false,
        age_ms,
    };
    for (name, facts, comment) in [
        ("facts_when_sealed", at(SEALED, Some(0)), "At the sealing time: an age of 0."),
        ("facts_just_before", at(SEALED - 1, None), "A millisecond before: within the skew."),
        ("facts_at_skew", at(SEALED - SKEW, None), "A skew before the sealing time."),
    ] {
        let sealed = cases.drafted(name, |_| ());
        unjudged(cases, name, comment, &sealed, facts.at_ms, facts);
    }
    let rule = rules::FACTS;
    let name = "facts_of_a_revoked_key";
    let sealed = cases.drafted(name, |_| ());
    let revoked = World::new().bundle_with(|record| record.revocation = Some((SEALED_S, 2, None)));
    let comment = "Refused after the receipt verified: the facts are told all the same.";
    let test = Test::new(rule, comment, &sealed.envelope).bundle(&revoked);
    let test = test.refused("untrusted/revoked").verify(|verify| {
        verify.claimed_time = Some(ClaimedTime::After);
        verify.facts = Some(at(NOW, Some(1000)));
    });
    cases.add(name, test);
    let name = "facts_of_an_expired_message";
    let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S));
    let facts = Facts { expired: true, ..at(NOW + SKEW, Some(SKEW + 1000)) };
    let comment = "Refused for its expiry at a time, and told the facts at that time.";
    let test = Test::new(rule, comment, &sealed.envelope).at(NOW + SKEW).refused("stale/expired");
    cases.add(name, test.verify(|verify| verify.facts = Some(facts)));
}

/// Clocks, skews and windows at the end of 64 bits.
fn sums(cases: &mut Cases) {
    let rule = rules::SUMS;
    let expiring =
        |cases: &Cases, name: &str| cases.planned(name, |plan| plan.expires = Some(SEALED_S + 100));
    let with_skew = |mut test: Test| {
        test.case.skew_ms = u64::MAX;
        test
    };
    for (name, now, comment) in [
        ("skew_largest", SEALED - WINDOW, "Ten minutes before the sealing time."),
        ("skew_largest_clock_largest_but_one", u64::MAX - 1, "A millisecond before the last."),
    ] {
        let sealed = expiring(cases, name);
        let comment = format!("A skew of 2^64 - 1. {comment}");
        cases.add(name, with_skew(Test::of(rule, &comment, &sealed).at(now)));
    }
    let name = "skew_largest_clock_largest";
    let sealed = expiring(cases, name);
    let comment = "A skew of 2^64 - 1, at the last millisecond: everything has expired.";
    let test = Test::new(rule, comment, &sealed.envelope).at(u64::MAX);
    cases.add(name, with_skew(test).refused("untrusted/bundle_expired"));
    let name = "skew_largest_unjudged";
    let sealed = expiring(cases, name);
    let facts = Facts {
        at_ms: u64::MAX,
        bundle_expired: true,
        expired: true,
        from_the_future: false,
        age_ms: Some(u64::MAX - SEALED),
    };
    let comment = "A skew of 2^64 - 1, and nobody judges the last millisecond.";
    let test = Test::of(rule, comment, &sealed).archive().open(|open| open.now_ms = u64::MAX);
    cases.add(name, with_skew(test.verify(|verify| verify.facts = Some(facts))));
    let name = "window_largest";
    let sealed = cases.drafted(name, |_| ());
    let comment = "A window of 2^64 - 1, two days after the sealing time.";
    let test = Test::of(rule, comment, &sealed).at(SEALED + 48 * 3_600_000);
    let test = test.verify(|verify| verify.max_age_ms = Some(u64::MAX));
    cases.add(name, test.open(|open| open.window_ms = Some(u64::MAX)));
}
