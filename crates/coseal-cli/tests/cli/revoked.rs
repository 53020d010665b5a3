//! A stolen signing key: refused everywhere from the revocation on, whatever
//! time its messages claim, and where that time lies is told.

use coseal::{RecipientKey, Sealer, SigningKey, Time};

use super::desk::{Desk, TRUST};

/// With `stolen`, a signing key that is valid since 2021, and three messages of
/// its thief: said to be sealed in March, in July, and in 2100.
fn desk() -> Desk {
    let desk = Desk::new();
    desk.run("key new signing stolen").fine();
    desk.run("trust add bundle --root root --key stolen.pub --subject spiffe://example.org/stolen --channel orders.* --from 2021-01-01T00:00:00Z").fine();
    let pem = |name| String::from_utf8(desk.read(name)).unwrap();
    for (name, claimed) in [
        ("march", "2021-03-01T00:00:00Z"),
        ("july", "2021-07-01T00:00:00Z"),
        ("2100", "2100-01-01T00:00:00Z"),
    ] {
        let claimed: jiff::Timestamp = claimed.parse().unwrap();
        let claimed = Time::from_millis(claimed.as_millisecond().try_into().unwrap());
        let key = SigningKey::from_pem(&pem("stolen")).unwrap();
        let sealer = Sealer::builder(key, "orders.eu")
            .recipient(&RecipientKey::from_pem(&pem("billing.pub")).unwrap())
            .clock(move || claimed)
            .build()
            .unwrap();
        desk.write(name, sealer.seal(b"forged").unwrap());
    }
    desk
}

/// Every way to read `name`: the codes, and where the claimed time lies.
fn read(desk: &Desk, name: &str, codes: &[&str], claimed: Option<&str>) {
    let now = jiff::Timestamp::now();
    for words in [
        format!("verify {TRUST} --json {name}"),
        format!("verify {TRUST} --json --at {now} {name}"),
        format!("open --key billing {TRUST} --json {name}"),
        format!("open --key billing {TRUST} --json --channel orders.eu --max-age 36500d {name}"),
    ] {
        let done = desk.run(&words);
        let row = done.rows().remove(0);
        assert_eq!(done.codes(), codes, "{words}: {}", done.err);
        assert_eq!(row["claimed_time"].as_str(), claimed, "{words}: {row}");
        assert_eq!(
            row.get("payload_base64").is_some(),
            codes.is_empty() && words.starts_with("open")
        );
    }
    let opened = desk.run(&format!("open --key billing {TRUST} {name}"));
    assert_eq!(opened.codes(), codes);
    assert_eq!(opened.out.is_empty(), !codes.is_empty());
}

#[test]
fn whatever_time_it_claims_a_stolen_key_is_refused() {
    let desk = desk();
    let id = desk.key_id("stolen");
    for name in ["march", "july"] {
        read(&desk, name, &[], None);
    }
    desk.write("before", desk.read("bundle"));
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason compromised --compromised-since 2021-06-01T00:00:00Z --state state")).fine();
    for (name, claimed, words) in [
        ("march", "before", "the message claims a time before that"),
        ("july", "in_doubt", "between compromise and revocation"),
        ("2100", "after", "a time after that"),
    ] {
        read(&desk, name, &["untrusted/revoked"], Some(claimed));
        desk.verify(name).refused(&["untrusted/revoked"]).says(words);
    }
    // Said to be stolen earlier: in doubt since then.
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason compromised --compromised-since 2021-02-01T00:00:00Z")).fine();
    read(&desk, "march", &["untrusted/revoked"], Some("in_doubt"));
    // The bundle before would let the thief in again.
    desk.write("bundle", desk.read("before"));
    desk.verify("march").fine();
    desk.verify("--state state march")
        .unusable("untrusted/rolled_back")
        .says("older than bundle 5");
}

#[test]
fn without_a_time_of_the_theft_nothing_is_in_doubt() {
    let desk = desk();
    let id = desk.key_id("stolen");
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason superseded")).fine();
    read(&desk, "march", &["untrusted/revoked"], Some("before"));
    read(&desk, "july", &["untrusted/revoked"], Some("before"));
    read(&desk, "2100", &["untrusted/revoked"], Some("after"));
}

#[test]
fn a_thief_is_held_to_the_time_in_which_the_key_is_valid() {
    let desk = desk();
    let id = desk.key_id("stolen");
    desk.run(&format!("trust retire bundle --root root --key-id {id} --at 2021-05-01T00:00:00Z"))
        .fine();
    read(&desk, "march", &[], None);
    read(&desk, "july", &["untrusted/not_valid_then"], None);
    // Revoked as well: its validity is looked at first, the place is told all the same.
    desk.run(&format!("trust revoke bundle --root root --key-id {id} --reason compromised --compromised-since 2021-06-01T00:00:00Z")).fine();
    read(&desk, "march", &["untrusted/revoked"], Some("before"));
    read(&desk, "july", &["untrusted/not_valid_then"], Some("in_doubt"));
}
