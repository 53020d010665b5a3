//! `trust show` of bundles that anybody may have written: what it shows, and
//! what it does not spend on them.

use ciborium::Value as Cbor;
use coseal::{NewRecord, Pattern, SigningKey, Time};

use super::desk::Desk;
use super::trust::{body, set, with_body};

/// Both ways to look at it.
const SHOWS: [&str; 2] = ["trust show bundle", "trust show bundle --pin root.pub"];

/// Adds a record that the command itself would not make so easily.
fn add(desk: &Desk, subject: &str, channels: &[String]) {
    desk.edit_bundle(|mut editor| {
        let now = Time::now();
        editor
            .add(NewRecord {
                key: SigningKey::generate().unwrap().verifying_key().clone().into(),
                subject: subject.to_owned(),
                valid_from: now,
                valid_until: None,
                channels: channels.iter().map(|channel| Pattern::new(channel).unwrap()).collect(),
            })
            .unwrap();
        editor.sign(&desk.root(), now, now.plus(std::time::Duration::from_secs(86_400))).unwrap()
    });
}

#[test]
fn long_names_push_no_column_away() {
    let desk = Desk::new();
    add(&desk, &"\u{1}".repeat(2048), &vec!["\u{1}".repeat(255); 255]);
    for words in SHOWS {
        let done = desk.run(words).fine();
        let shop = done.text().lines().find(|line| line.contains("example.org/shop")).unwrap();
        assert!(shop.chars().count() < 250, "{words}: {} wide", shop.chars().count());
        assert!(shop.ends_with("  orders.*"), "{words}: {shop}");
        let crafty = done.text().lines().find(|line| line.contains(r"\u{1}")).unwrap();
        assert!(crafty.contains("…  ") && !crafty.contains('\u{1}'), "{words}: the name is cut");
        assert_eq!(
            crafty.split_whitespace().next_back().unwrap(),
            r"\u{1}".repeat(255),
            "channels are not"
        );
    }
    let row = desk.run("trust show bundle --json").fine().rows().remove(0);
    assert_eq!(row["records"][2]["subject"], "\u{1}".repeat(2048), "all of it");
}

#[test]
fn a_name_with_spaces_is_one_column() {
    let desk = Desk::new();
    add(&desk, "spiffe://x  a.>  \u{3164}\u{a0}", &["orders.eu other".to_owned()]);
    for words in SHOWS {
        let done = desk.run(words).fine();
        let row = done.text().lines().find(|line| line.contains("spiffe://x")).unwrap();
        let columns: Vec<&str> = row.split_whitespace().skip(5).collect();
        assert_eq!(
            columns,
            [r"spiffe://x\u{20}\u{20}a.>\u{20}\u{20}\u{3164}\u{a0}", r"orders.eu\u{20}other"]
        );
    }
}

#[test]
fn what_no_root_would_sign_is_not_shown() {
    let desk = Desk::new();
    let good = desk.read("bundle");
    let mut first = body(&good);
    let Some((_, Cbor::Array(records))) = first.iter_mut().find(|(label, _)| *label == 6.into())
    else {
        panic!("records")
    };
    let record = records[0].clone();
    let show = |records: Vec<Cbor>| {
        let mut body = body(&good);
        set(&mut body, 6, Cbor::Array(records));
        desk.write("bundle", with_body(&good, body));
        desk.run("trust show bundle")
    };
    let changed = |label: i64, value: Cbor| {
        let mut fields = record.clone().into_map().unwrap();
        set(&mut fields, label, value);
        Cbor::Map(fields)
    };
    for evil in [
        changed(2, "x".repeat(70_000).into()),
        changed(6, Cbor::Array(vec!["x".into(); 257])),
        changed(6, Cbor::Array(vec!["x".repeat(256).into()])),
    ] {
        let done = show(vec![record.clone(), evil.clone()])
            .fine()
            .says("warning: record 1 is skipped: it cannot be read\n");
        assert!(done.out.len() < 1000, "{}", done.text());
        // Any number of them is one line.
        let done = show(vec![evil; 5])
            .fine()
            .says("record 0 is skipped: it cannot be read; so are 4 more");
        assert_eq!(done.err.matches("skipped").count(), 1, "{}", done.err);
        assert!(done.text().contains("no keys"));
    }
    let nothing = Cbor::Array(vec![0.into()]);
    show(vec![nothing.clone(); 65_536]).fine().says("so are 65535 more");
    show(vec![nothing; 65_537]).unusable("malformed/structure");
}
