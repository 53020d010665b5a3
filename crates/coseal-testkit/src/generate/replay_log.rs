//! In a log, age is measured against the latest sealing time of the same key.

use super::replay::{at, before, broken_entry, second_key};
use super::rules;
use super::test::{Cases, Test, expect};
use super::world::{SEALED, SEALED_S, SKEW, WINDOW, World};
use crate::build::cbor;
use crate::build::draft::Draft;
use crate::build::plan::{Plan, message_id};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("replay");
    logs(cases);
    uncounted(cases);
}

/// As old as a message may be, seen from the reference.
const EDGE: u64 = WINDOW + SKEW;
/// When the log is read: two days later.
const WEEKEND: u64 = SEALED + 48 * 3_600_000;

/// Another message of `orders`, sealed so much later.
fn later(label: &str, by: u64) -> Plan {
    Plan {
        message_id: message_id(SEALED + by, label),
        ..World::new().plan(&format!("{label}: later"))
    }
}

fn logs(cases: &mut Cases) {
    let rule = rules::TOO_OLD;
    let world = World::new();
    let name = "backlog";
    let sealed = cases.drafted(name, |_| ());
    let comment =
        "Two days old, the first message of its log that we read: nothing is newer there.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.position = at("orders/0", 17);
    });
    cases.add(name, test);
    for (name, by, result) in
        [("log_as_old_as_may_be", EDGE, "ok"), ("log_too_old", EDGE + 1, "stale/too_old")]
    {
        let newer = Draft::new(later(&cases.label(name), by)).seal();
        let sealed = cases.drafted(name, |_| ());
        let comment = format!("{by} ms older than the signer's latest message in the log.");
        let test = Test::of(rule, &comment, &sealed).open(|open| {
            open.now_ms = WEEKEND;
            open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
            open.position = at("orders/0", 18);
        });
        cases.add(name, if expect(result).is_ok() { test } else { test.shut(result) });
    }
    let name = "log_newer_than_latest";
    let older = Draft::new(later(&cases.label(name), 0)).seal();
    let sealed = Draft::new(Plan {
        message_id: message_id(SEALED + 2 * EDGE, &cases.label(name)),
        ..world.plan(&cases.label(name))
    });
    let comment = "Far newer than the signer's latest message in the log.";
    let test = Test::of(rule, comment, &sealed.seal()).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![before(&older.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_of_another";
    let newer = Draft::new(later(&cases.label(name), EDGE + 1)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message of the signer came in another log.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![before(&newer.envelope, at("orders/1", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "signer_of_another";
    let label = cases.label(name);
    let theirs =
        Plan { message_id: message_id(SEALED + EDGE + 1, &label), ..world.plan_of_billing(&label) };
    let newer = Draft::new(theirs).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log is another signer's.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_forged_newer";
    let mut forged = Draft::new(later(&cases.label(name), EDGE + 1));
    forged.receipt.signature = Some(vec![7; 64]);
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log did not verify: it makes nothing old.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier =
            vec![before(&forged.seal().envelope, at("orders/0", 17), "untrusted/bad_signature")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_latest_of_two";
    let newest = Draft::new(later(&cases.label(name), EDGE + 1)).seal();
    let newer = Draft::new(Plan { epoch_id: [3; 8], ..later(&cases.label(name), 1000) }).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The latest sealing time counts, not that of the message before.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![
            before(&newest.envelope, at("orders/0", 17), "ok"),
            before(&newer.envelope, at("orders/0", 18), "ok"),
        ];
        open.position = at("orders/0", 19);
    });
    cases.add(name, test.shut("stale/too_old"));
}

/// What makes nothing old: newer messages that were not opened there, or under
/// another key.
fn uncounted(cases: &mut Cases) {
    let rule = rules::REFERENCE;
    let newer: [(&str, fn(&mut Draft), &str, &str); 3] = [
        (
            "log_newer_broken_entry",
            |draft| draft.recipients = vec![broken_entry()],
            "undecryptable",
            "The newer message in the log has a broken entry",
        ),
        (
            "log_newer_foreign_entry",
            |draft| draft.recipients = vec![super::nesting::other_with(cbor::uint(0))],
            "no_key",
            "The newer message in the log has no entry for us",
        ),
        (
            "log_newer_expired",
            |draft| {
                *draft = Draft::new(Plan { expires: Some(SEALED_S + 1), ..draft.plan.clone() });
            },
            "stale/expired",
            "The newer message in the log has expired",
        ),
    ];
    for (name, edit, result, comment) in newer {
        let mut newer = Draft::new(later(&cases.label(name), EDGE + 1));
        edit(&mut newer);
        let sealed = cases.drafted(name, |_| ());
        let test = Test::of(rule, &format!("{comment}: it makes nothing old."), &sealed);
        let test = test.open(|open| {
            open.now_ms = WEEKEND;
            open.earlier = vec![before(&newer.seal().envelope, at("orders/0", 17), result)];
            open.position = at("orders/0", 18);
        });
        cases.add(name, test);
    }
    let name = "log_newer_copied";
    let newer = Draft::new(later(&cases.label(name), EDGE + 1)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment =
        "The newer message in the log was copied from another, and refused: it makes nothing old.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![
            before(&newer.envelope, at("orders/1", 17), "ok"),
            before(&newer.envelope, at("orders/0", 17), "stale/replayed"),
        ];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "newer_without_position";
    let newer = Draft::new(later(&cases.label(name), 1000)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment =
        "The newer message came without a position, in no log: it makes nothing in one old.";
    let mut test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = SEALED + 1000;
        open.window_ms = Some(0);
        open.earlier = vec![before(&newer.envelope, None, "ok")];
        open.position = at("", 18);
    });
    test.case.skew_ms = 0;
    cases.add(name, test);
    let name = "log_newer_other_key";
    let (second, bundle) = second_key();
    let newer = Plan { signer: second, ..later(&cases.label(name), EDGE + 1) };
    let newer = Draft::new(newer).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log is under another key of the same subject.";
    let test = Test::of(rule, comment, &sealed).bundle(&bundle).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test);
    let name = "log_latest_ahead";
    let now = SEALED + EDGE;
    let newer = Draft::new(later(&cases.label(name), EDGE + 1)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log is a millisecond ahead of the reader's clock, within the skew: it counts.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = now;
        open.earlier = vec![before(&newer.envelope, at("orders/0", 17), "ok")];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test.shut("stale/too_old"));
    let name = "log_latest_of_redelivery";
    let first = cases.drafted(&format!("{name}: first"), |_| ());
    let message_id = message_id(SEALED + EDGE + 1, name);
    let newer = Draft::new(Plan { message_id, ..first.plan.clone() }).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "A message came again at its position, as another that claims a newer sealing time: that counts.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![
            before(&first.envelope, at("orders/0", 17), "ok"),
            before(&newer.envelope, at("orders/0", 17), "ok"),
        ];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test.shut("stale/too_old"));
    let name = "log_latest_redelivered";
    let newer = Draft::new(later(&cases.label(name), EDGE + 1)).seal();
    let sealed = cases.drafted(name, |_| ());
    let comment = "The newer message in the log was delivered twice at its position.";
    let test = Test::of(rule, comment, &sealed).open(|open| {
        open.now_ms = WEEKEND;
        open.earlier = vec![
            before(&newer.envelope, at("orders/0", 17), "ok"),
            before(&newer.envelope, at("orders/0", 17), "ok"),
        ];
        open.position = at("orders/0", 18);
    });
    cases.add(name, test.shut("stale/too_old"));
}
