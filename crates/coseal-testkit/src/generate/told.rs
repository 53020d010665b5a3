//! What `verify` tells of a message that step 5 refuses: facts, and where the
//! time lies that a message of a revoked key claims.

use super::rules;
use super::test::{Cases, Test};
use super::words;
use super::world::{BILLING, EXPIRES, NOW, SEALED, SEALED_S, SKEW, WINDOW, World};
use crate::build::bundle::Record;
use crate::build::plan::message_id;
use crate::case::{ClaimedTime, Facts};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("trust");
    claimed_times(cases);
    revoked_and_more(cases);
    cases.theme("times");
    refused_for_more(cases);
    edges(cases);
}

const DAY: u64 = 86_400;

/// Nothing has expired at `at_ms`, and nothing is from the future.
fn facts_at(at_ms: u64, age_ms: Option<u64>) -> Facts {
    Facts { at_ms, bundle_expired: false, expired: false, from_the_future: false, age_ms }
}

/// Times in an unusual order, and a time of compromise beside every reason.
fn claimed_times(cases: &mut Cases) {
    let (before, after) = (SEALED_S - DAY, SEALED_S + DAY);
    for (name, revocation, claimed) in [
        ("compromised_later_after", (before, 1, Some(after)), ClaimedTime::After),
        ("compromised_later_before", (after, 1, Some(after + DAY)), ClaimedTime::Before),
        ("compromised_later_then", (after, 1, Some(SEALED_S + 2 * DAY)), ClaimedTime::Before),
        ("superseded_in_doubt", (after, 2, Some(before)), ClaimedTime::InDoubt),
        ("ceased_in_doubt", (after, 3, Some(before)), ClaimedTime::InDoubt),
        ("superseded_since_later", (after + DAY, 2, Some(after)), ClaimedTime::Before),
    ] {
        let sealed = cases.drafted(name, |_| ());
        let (at, reason, since) = revocation;
        let comment = format!(
            "Sealed at {SEALED_S}. Revoked at {at} for reason {reason}, compromised since {}.",
            words::or_none(since, "a time that is not told")
        );
        let test = Test::new(rules::REVOKED, &comment, &sealed.envelope)
            .bundle(&World::new().bundle_with(|record| record.revocation = Some(revocation)))
            .refused("untrusted/revoked");
        cases.add(name, test.verify(|verify| verify.claimed_time = Some(claimed)));
    }
}

/// A revoked key, and a reason to refuse that comes first.
fn revoked_and_more(cases: &mut Cases) {
    let revocation = (SEALED_S + DAY, 1, Some(SEALED_S - DAY));
    let rows: [(&str, &str, fn(&mut Record), &str); 2] = [
        (
            "revoked_and_not_allowed",
            "untrusted/not_allowed",
            |record| record.channels.clear(),
            "allowed for no channel",
        ),
        (
            "revoked_and_not_valid_then",
            "untrusted/not_valid_then",
            |record| record.valid_until = Some(SEALED_S),
            "not valid any more",
        ),
    ];
    for (name, result, edit, what) in rows {
        let sealed = cases.drafted(name, |_| ());
        let bundle = World::new().bundle_with(|record| {
            record.revocation = Some(revocation);
            edit(record);
        });
        let comment = format!(
            "A key that is revoked and was {what}: that comes first, and the claimed time is told all the same."
        );
        let test = Test::new(rules::REVOKED, &comment, &sealed.envelope).bundle(&bundle);
        let test = test.refused(result).verify(|verify| {
            verify.claimed_time = Some(ClaimedTime::InDoubt);
            verify.facts = Some(facts_at(NOW, Some(1000)));
        });
        cases.add(name, test);
    }
}

/// Facts of what is refused for another reason of step 5.
fn refused_for_more(cases: &mut Cases) {
    let rule = rules::FACTS;
    let rows: [(&str, &str, fn(Test) -> Test, &str); 4] = [
        (
            "facts_of_not_allowed",
            "untrusted/not_allowed",
            |test| test.bundle(&World::new().bundle_for(&["billing"])),
            "The key is for another channel.",
        ),
        (
            "facts_of_not_valid_then",
            "untrusted/not_valid_then",
            |test| {
                test.bundle(&World::new().bundle_with(|record| record.valid_from = SEALED_S + 1))
            },
            "The key was not valid yet.",
        ),
        (
            "facts_of_wrong_signer",
            "untrusted/wrong_signer",
            |test| test.signer(BILLING),
            "The caller asked for another signer.",
        ),
        (
            "facts_of_wrong_channel",
            "misdirected/channel",
            |test| test.channel(Some("billing")),
            "The caller expects another channel.",
        ),
    ];
    let facts = Facts { expired: true, ..facts_at(NOW + SKEW, Some(SKEW + 1000)) };
    for (name, result, edit, what) in rows {
        let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S));
        let comment = format!("{what} The facts are told all the same.");
        let test = edit(Test::new(rule, &comment, &sealed.envelope)).refused(result);
        cases.add(name, test.verify(|verify| verify.facts = Some(facts.clone())));
    }
    let old = SEALED + WINDOW + SKEW + 1;
    let soon = SEALED - SKEW - 1;
    for (name, result, now, facts, what) in [
        ("facts_of_too_old", "stale/too_old", old, facts_at(old, Some(old - SEALED)), "its age"),
        (
            "facts_of_from_the_future",
            "stale/from_the_future",
            soon,
            Facts { from_the_future: true, ..facts_at(soon, None) },
            "its being from the future",
        ),
    ] {
        let sealed = cases.drafted(name, |_| ());
        let comment = format!("Refused for {what} at a time, and told the facts at that time.");
        let test = Test::new(rule, &comment, &sealed.envelope).at(now).refused(result);
        cases.add(name, test.verify(|verify| verify.facts = Some(facts)));
    }
}

/// A millisecond before the edges: facts have the skew that refusals have.
fn edges(cases: &mut Cases) {
    let rule = rules::VERIFY_TIMELESS;
    let edge = EXPIRES * 1000 + SKEW;
    let name = "facts_before_bundle_expires";
    let label = cases.label(name);
    let sealed = cases.planned(name, |plan| plan.message_id = message_id(edge - 1000, &label));
    let comment = "A millisecond before the bundle expires, skew included.";
    let test = Test::of(rule, comment, &sealed).archive().open(|open| open.now_ms = edge - 1);
    cases.add(name, test.verify(|verify| verify.facts = Some(facts_at(edge - 1, Some(999)))));
    let name = "facts_before_message_expires";
    let sealed = cases.planned(name, |plan| plan.expires = Some(SEALED_S + 100));
    let edge = (SEALED_S + 100) * 1000 + SKEW;
    let comment = "A millisecond before the message expires, skew included.";
    let test = Test::of(rule, comment, &sealed).archive().open(|open| open.now_ms = edge - 1);
    let facts = facts_at(edge - 1, Some(edge - 1 - SEALED));
    cases.add(name, test.verify(|verify| verify.facts = Some(facts)));
}
