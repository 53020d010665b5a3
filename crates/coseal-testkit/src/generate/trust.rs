//! Steps 3 and 5: who may sign, for what, and when.

use super::rules;
use super::test::{Cases, Test};
use super::words;
use super::world::{BILLING, NOW, ORDERS, SEALED, SEALED_S, STOCK, VALID_FROM, World};
use crate::build::bundle::Record;
use crate::build::draft::{Draft, Sealed};
use crate::build::keys::Signer;
use crate::build::plan::Plan;
use crate::case::ClaimedTime;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("trust");
    signers(cases);
    patterns(cases);
    revocations(cases);
    questions(cases);
    rotation(cases);
}

fn signers(cases: &mut Cases) {
    let rule = rules::UNKNOWN_SIGNER;
    let unknown = "untrusted/unknown_signer";
    let sealed = cases.planned("unknown_signer", |plan| plan.signer = Signer::labelled("stranger"));
    cases.refuse(
        "unknown_signer",
        unknown,
        rule,
        "A key that is not in the bundle.",
        &sealed.envelope,
    );
    let world = World::new();
    let sealed = cases.drafted("receiving_key", |draft| {
        let mut origin = draft.plan.origin();
        *origin.get_mut(1).expect("a signer") = crate::build::cbor::bytes(world.stock.key_id());
        draft.header.set(crate::build::plan::label::ORIGIN, crate::build::cbor::array(origin));
    });
    let comment = "The header names a receiving key.";
    cases.refuse("receiving_key", unknown, rule, comment, &sealed.envelope);
    let sealed = cases.planned("root_key", |plan| plan.signer = World::new().root);
    let comment = "The root of the bundle is no signer of messages.";
    cases.refuse("root_key", unknown, rule, comment, &sealed.envelope);
    let sealed = cases.drafted("empty_bundle", |_| ());
    let mut bundle = world.bundle();
    bundle.records.clear();
    let test =
        Test::new(rule, "The bundle has no record at all.", &sealed.envelope).refused(unknown);
    cases.add("empty_bundle", test.bundle(&bundle));
    let sealed = cases.planned("next_root_key", |plan| plan.signer = Signer::labelled("next root"));
    let mut bundle = world.bundle();
    bundle.next_roots = vec![Signer::labelled("next root")];
    let test = Test::new(rule, "The next root is no signer of messages.", &sealed.envelope)
        .refused(unknown);
    cases.add("next_root_key", test.bundle(&bundle));
}

/// (file name, patterns, channel, whether it may).
const PATTERNS: &[(&str, &[&str], &str, bool)] = &[
    ("none", &[], "orders", false),
    ("other", &["billing", "stock"], "orders", false),
    ("second", &["billing", "orders"], "orders", true),
    ("prefix", &["order"], "orders", false),
    ("longer", &["orders.eu"], "orders", false),
    ("shorter", &["orders"], "orders.eu", false),
    ("case", &["Orders"], "orders", false),
    ("star", &["*"], "orders", true),
    ("star_for_two_tokens", &["*"], "orders.eu", false),
    ("star_first", &["*.eu"], "orders.eu", true),
    ("star_in_the_middle", &["orders.*.eu"], "orders.new.eu", true),
    ("star_for_none", &["orders.*.eu"], "orders.eu", false),
    ("star_for_two", &["orders.*.eu"], "orders.a.b.eu", false),
    ("star_for_empty", &["orders.*.eu"], "orders..eu", true),
    ("star_last", &["orders.*"], "orders.eu", true),
    ("star_last_for_empty", &["orders.*"], "orders.", true),
    ("stars", &["*.*"], "orders.eu", true),
    ("rest", &["orders.>"], "orders.eu", true),
    ("rest_of_two", &["orders.>"], "orders.eu.new", true),
    ("rest_of_none", &["orders.>"], "orders", false),
    ("rest_of_empty", &["orders.>"], "orders.", true),
    ("everything", &[">"], "orders.eu.new", true),
    ("star_and_rest", &["*.>"], "orders", false),
    ("empty_token", &["orders."], "orders.", true),
    ("empty_token_missing", &["orders."], "orders", false),
    ("composed", &["caf\u{e9}"], "cafe\u{301}", false),
];

fn patterns(cases: &mut Cases) {
    let world = World::new();
    for (name, patterns, channel, may) in PATTERNS {
        let name = format!("pattern_{name}");
        let sealed = cases.planned(&name, |plan| (*channel).clone_into(&mut plan.channel));
        let comment = format!("The channel {channel:?}, the patterns being {patterns:?}.");
        let rule = if patterns.is_empty() { rules::ALLOWED } else { rules::PATTERN };
        let test = Test::of(rule, &comment, &sealed).bundle(&world.bundle_for(patterns));
        cases.add(&name, if *may { test } else { test.refused("untrusted/not_allowed") });
    }
}

fn revocations(cases: &mut Cases) {
    let day = 86_400;
    let (before, after) = (SEALED_S - day, SEALED_S + day);
    let revoked = [
        // Revoked at, reason, compromised since: where the sealing time lies.
        ("revoked_after", (before, 1, Some(before - day)), Some(ClaimedTime::After)),
        ("revoked_in_doubt", (after, 1, Some(before)), Some(ClaimedTime::InDoubt)),
        ("revoked_before", (after + day, 1, Some(after)), Some(ClaimedTime::Before)),
        ("superseded_after", (before, 2, None), Some(ClaimedTime::After)),
        ("superseded_before", (after, 2, None), Some(ClaimedTime::Before)),
        ("ceased_before", (after, 3, None), Some(ClaimedTime::Before)),
        ("revoked_for_unknown_reason", (before, 99, Some(before)), Some(ClaimedTime::After)),
        // Since when is not said: there is no doubt before the revocation.
        ("compromised_unknown_since", (after, 1, None), Some(ClaimedTime::Before)),
        ("revoked_then", (SEALED_S, 1, Some(before)), Some(ClaimedTime::After)),
        ("compromised_then", (after, 1, Some(SEALED_S)), Some(ClaimedTime::InDoubt)),
        ("superseded_then", (SEALED_S, 2, None), Some(ClaimedTime::After)),
    ];
    let world = World::new();
    for (name, revocation, claimed_time) in revoked {
        let sealed = cases.drafted(name, |_| ());
        let (at, reason, since) = revocation;
        let comment = format!(
            "Sealed at {SEALED_S}. Revoked at {at} for reason {reason}, compromised since {}.",
            words::or_none(since, "a time that is not told")
        );
        let test = Test::new(rules::REVOKED, &comment, &sealed.envelope)
            .bundle(&world.bundle_with(|record| record.revocation = Some(revocation)))
            .refused("untrusted/revoked");
        cases.add(name, test.verify(|verify| verify.claimed_time = claimed_time));
    }
    let name = "revoked_in_archive";
    let sealed = cases.drafted(name, |_| ());
    let comment = "An archival open refuses a revoked key as a live one does.";
    let test = Test::new(rules::REVOKED, comment, &sealed.envelope)
        .bundle(&world.bundle_with(|record| record.revocation = Some((after, 2, None))))
        .refused("untrusted/revoked");
    cases.add(name, test.archive());
    let name = "another_key_revoked";
    let sealed = cases.drafted(name, |_| ());
    let mut bundle = world.bundle();
    bundle.records.get_mut(1).expect("the record of `billing`").revocation =
        Some((before, 1, None));
    let comment = "Another signer's key is revoked, not this one.";
    cases.add(name, Test::of(rules::REVOKED, comment, &sealed).bundle(&bundle));
}

/// What the caller asks for: a signer, a channel.
fn questions(cases: &mut Cases) {
    let rule = rules::WRONG_SIGNER;
    let good = |cases: &Cases, name: &str| cases.drafted(name, |_| ());
    let ask = |rule: &str, comment: &str, sealed: &Sealed| Test::of(rule, comment, sealed);

    let sealed = good(cases, "asked_signer");
    let test = ask(rule, "The signer that the caller asked for.", &sealed).signer(ORDERS);
    cases.add("asked_signer", test);
    for (name, asked) in [
        ("wrong_signer", BILLING),
        ("wrong_signer_prefix", "spiffe://example.test/order"),
        ("wrong_signer_case", "spiffe://example.test/Orders"),
        ("wrong_signer_stranger", "spiffe://example.test/nobody"),
        ("wrong_signer_receiver", STOCK),
        ("wrong_signer_empty", ""),
    ] {
        let sealed = good(cases, name);
        let told = if asked.is_empty() { "a subject of no byte" } else { asked };
        let comment = format!("Sealed by {ORDERS}, the caller asked for {told}.");
        let test = ask(rule, &comment, &sealed).signer(asked).refused("untrusted/wrong_signer");
        cases.add(name, test);
    }
    let rule = rules::WRONG_CHANNEL;
    for (name, channel, asked) in [
        ("wrong_channel", "orders", "billing"),
        ("wrong_channel_longer", "orders", "orders.eu"),
        ("wrong_channel_shorter", "orders.eu", "orders"),
        ("wrong_channel_case", "orders", "Orders"),
        ("wrong_channel_composed", "caf\u{e9}", "cafe\u{301}"),
    ] {
        let sealed = cases.planned(name, |plan| channel.clone_into(&mut plan.channel));
        let comment = format!("Sealed for {channel:?}, the caller expects {asked:?}.");
        let rule = if name.ends_with("composed") || name.ends_with("case") {
            rules::NO_NORMALISATION
        } else {
            rule
        };
        let test = ask(rule, &comment, &sealed)
            .bundle(&World::new().bundle_for(&[">"]))
            .channel(Some(asked))
            .refused("misdirected/channel");
        cases.add(name, test);
    }
    let sealed = good(cases, "any_channel");
    let test = ask(rule, "A verifier and an archival reader of any channel.", &sealed)
        .archive()
        .channel(None);
    cases.add("any_channel", test);
}

/// Several keys with one subject; keys that are no longer valid.
fn rotation(cases: &mut Cases) {
    let rule = rules::VALID_THEN;
    let world = World::new();
    let new_key = Signer::labelled("orders, new");
    let mut bundle = world.bundle_with(|record| record.valid_until = Some(SEALED_S + 10));
    bundle.records.push(Record::sign(&new_key, ORDERS, SEALED_S - 10, &["orders"]));
    let old = cases.drafted("rotation_old_key", |_| ());
    let comment = "Two keys of one subject, both valid: the one before.";
    cases.add("rotation_old_key", Test::of(rule, comment, &old).bundle(&bundle).signer(ORDERS));
    let plan = world.plan(&cases.label("rotation_new_key"));
    let new = Draft::new(Plan { signer: new_key.clone(), ..plan }).seal();
    let comment = "Two keys of one subject, both valid: the new one.";
    cases.add("rotation_new_key", Test::of(rule, comment, &new).bundle(&bundle).signer(ORDERS));

    // 1000 from <= t < 1000 until; t = SEALED exactly.
    for (name, from, until, valid) in [
        ("valid_from_then", SEALED_S, None, true),
        ("valid_from_a_second_later", SEALED_S + 1, None, false),
        ("valid_until_then", VALID_FROM, Some(SEALED_S), false),
        ("valid_until_a_second_later", VALID_FROM, Some(SEALED_S + 1), true),
        ("valid_long_ago", VALID_FROM, Some(VALID_FROM + 1), false),
        ("valid_from_the_last_second", (1 << 53) - 1, None, false),
        ("valid_until_the_last_second", 0, Some((1 << 53) - 1), true),
    ] {
        let sealed = cases.drafted(name, |_| ());
        let comment = format!(
            "Sealed at {SEALED_S}, the key valid from {from} until {}.",
            words::or_none(until, "no end")
        );
        let test = Test::of(rule, &comment, &sealed).bundle(&world.bundle_with(|record| {
            record.valid_from = from;
            record.valid_until = until;
        }));
        cases.add(name, if valid { test } else { test.refused("untrusted/not_valid_then") });
    }
    // Half a second into the second: milliseconds are compared, not seconds.
    for (name, from, until, valid) in [
        ("valid_until_half_a_second_later", VALID_FROM, Some(SEALED_S + 1), true),
        ("valid_until_half_a_second_before", VALID_FROM, Some(SEALED_S), false),
        ("valid_from_half_a_second_later", SEALED_S + 1, None, false),
    ] {
        let sealed = cases.planned(name, |plan| {
            plan.message_id =
                crate::build::plan::message_id(SEALED + 500, &format!("trust/{name}"));
        });
        let comment = format!(
            "Sealed half a second after {SEALED_S}, the key valid from {from} until {}.",
            words::or_none(until, "no end")
        );
        let test = Test::of(rule, &comment, &sealed).bundle(&world.bundle_with(|record| {
            record.valid_from = from;
            record.valid_until = until;
        }));
        cases.add(name, if valid { test } else { test.refused("untrusted/not_valid_then") });
    }
    let sealed = cases.drafted("not_valid_now", |_| ());
    let comment =
        "The key was valid when the message was sealed, and is no longer when it is read.";
    let test = Test::of(rule, comment, &sealed)
        .bundle(&world.bundle_with(|record| record.valid_until = Some(SEALED_S + 60)))
        .open(|open| open.now_ms = NOW + 120_000);
    cases.add("not_valid_now", test);
}
