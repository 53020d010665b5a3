//! Archives and live readers: expiry, age, `--at`, `--max-age`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

use coseal::{Message, PublicKey, Sealer, SigningKey, Time};

use super::desk::{Desk, TRUST};

fn after(seconds: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(now + seconds).unwrap().to_string()
}

#[test]
fn verify_at_says_what_a_live_reader_would_have_said() {
    let desk = Desk::new();
    desk.seal("--expires-in 1h -o sealed", "x").fine();
    desk.verify("sealed").fine();
    desk.verify(&format!("--at {} sealed", after(0))).fine();
    desk.verify(&format!("--at {} sealed", after(3000))).fine();
    desk.verify(&format!("--at {} sealed", after(3700))).refused(&["stale/expired"]);
    desk.verify(&format!("--at {} sealed", after(-100))).refused(&["stale/from_the_future"]);
    desk.verify(&format!("--at {} sealed", after(366 * 86_400)))
        .refused(&["untrusted/bundle_expired"]);
    // Age is judged only with --max-age.
    desk.seal("-o sealed --force", "x").fine();
    let late = after(1000);
    desk.verify(&format!("--at {late} sealed")).fine();
    desk.verify(&format!("--at {late} --max-age 20m sealed")).fine();
    desk.verify(&format!("--at {late} --max-age 10m sealed")).refused(&["stale/too_old"]);
}

#[test]
fn an_archive_tells_times_and_refuses_nothing() {
    let desk = Desk::new();
    desk.seal("--expires-in 1s -o sealed", "x").fine();
    // Expired counts from 60 s after; the bundle likewise, so it is made to have expired long ago.
    desk.expire_bundle();
    let done = desk.open("sealed").fine().says("warning: the trust bundle expired at");
    assert_eq!(done.out, b"x");
    let row =
        &desk.verify("--json sealed").fine().says("warning: the trust bundle expired at").rows()[0];
    assert_eq!(row["verdict"], "valid");
    assert_eq!(row["facts"]["bundle_expired"], true);
    assert_eq!(row["facts"]["expired"], false);
    let at = after(120);
    desk.verify(&format!("--at {at} sealed")).refused(&["untrusted/bundle_expired"]);
    // Live, it is refused.
    desk.open("--channel orders.eu --max-age 1h sealed").refused(&["untrusted/bundle_expired"]);
}

#[test]
fn a_live_open_refuses_replays_in_order() {
    let desk = Desk::with_sealed("a\nb\n");
    let twice = [desk.read("sealed"), desk.read("sealed")].concat();
    desk.write("twice", twice);
    let live = "--channel orders.eu --max-age 1h";
    for _ in 0..5 {
        let done = desk
            .open(&format!("{live} --lines twice"))
            .refused(&["stale/replayed", "stale/replayed"]);
        assert_eq!(done.text(), "a\nb\n", "of two copies the first one counts");
    }
    // An archive may hold a message twice.
    assert_eq!(desk.open("--lines twice").fine().text(), "a\nb\na\nb\n");
    desk.open("--max-age 1h sealed").unusable("misuse").says("--channel");
}

#[test]
fn a_message_that_expired_is_told_in_an_archive() {
    let desk = Desk::new();
    desk.seal("--expires-in 1h -o sealed", "x").fine();
    let row = &desk.verify("--json sealed").fine().rows()[0];
    assert_eq!(row["facts"]["expired"], false);
    assert!(row["facts"]["age_seconds"].as_u64().unwrap() < 60);
    let later = after(2 * 3600);
    desk.verify(&format!("--at {later} sealed")).refused(&["stale/expired"]);
}

#[test]
fn a_pipe_that_stays_open_is_judged_by_the_clock_not_by_its_start() {
    const SKEW: Duration = Duration::from_secs(60);
    let desk = Desk::with_sealed("a\n");
    let text = |name: &str| String::from_utf8(desk.read(name)).unwrap();
    let PublicKey::Recipient(billing) = PublicKey::from_pem(&text("billing.pub")).unwrap() else {
        panic!("a receiving key")
    };
    for words in [
        format!("verify --json {TRUST}"),
        format!("open --lines --json --key billing {TRUST} --channel orders.eu --max-age 10m"),
    ] {
        // Of the future by the clock as it stands, and not any more in three seconds.
        let sealed_at = Time::now().plus(SKEW + Duration::from_secs(3));
        let sealer = Sealer::builder(SigningKey::from_pem(&text("shop")).unwrap(), "orders.eu")
            .recipient(&billing)
            .clock(move || sealed_at)
            .build()
            .unwrap();
        let later = sealer.seal(Message::new(b"later")).unwrap();
        let mut child = desk
            .command(&words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut rows = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || serde_json::from_str::<serde_json::Value>(&rows.next().unwrap().unwrap());
        stdin.write_all(&desk.read("sealed")).unwrap();
        assert_eq!(next().unwrap()["verdict"], "valid", "{words}: it runs");
        while Time::now().plus(SKEW) < sealed_at {
            std::thread::sleep(Duration::from_millis(50));
        }
        stdin.write_all(&later).unwrap();
        let row = next().unwrap();
        assert_eq!(
            (&row["verdict"], &row["facts"]["from_the_future"]),
            (&"valid".into(), &false.into()),
            "{words}: {row}"
        );
        stdin.write_all(&later).unwrap();
        drop(stdin);
        let row = next().unwrap();
        if words.starts_with("open") {
            assert_eq!(row["code"], "stale", "{row}");
            assert_eq!(row["kind"], "replayed", "of a message that came twice: {row}");
        }
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        child.wait().unwrap();
        assert!(!told.contains("later than now"), "{words}: {told}");
    }
}
