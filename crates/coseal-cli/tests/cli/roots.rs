//! `coseal trust root`: one root key takes over from another, and who has to
//! know what before.

use super::desk::{Desk, finish};

/// With `next`, a second root key, and something sealed.
fn desk() -> Desk {
    let desk = Desk::with_sealed("a\n");
    desk.run("key new signing next").fine();
    desk
}

/// Which root signed the bundle, and which it names.
fn roots(desk: &Desk, pin: &str) -> (String, Vec<String>) {
    let view = desk.run(&format!("trust show bundle --pin {pin} --json")).fine().rows().remove(0);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (text(&view["root"]), view["next_roots"].as_array().unwrap().iter().map(text).collect())
}

#[test]
fn a_root_that_was_named_takes_over() {
    let desk = desk();
    let (root, next) = (desk.key_id("root"), desk.key_id("next"));
    let before = desk.read("bundle");
    // Not named yet: nobody would follow.
    desk.run("trust root promote bundle --root next --pin root.pub")
        .unusable("misuse")
        .says(&format!("does not name root {next}"))
        .hints("coseal trust root add");
    assert_eq!(desk.read("bundle"), before);

    desk.run("trust root add bundle --root root --key next.pub")
        .fine()
        .says(&format!("root {next} may sign the next bundle"))
        .says("next: get bundle 4 to every reader")
        .says("next: pin next.pub besides the present root")
        .says("next: coseal trust root promote bundle --root next\n");
    assert_eq!(roots(&desk, "root.pub"), (root.clone(), vec![next.clone()]));
    let table = desk.run("trust show bundle --pin root.pub").fine();
    assert!(table.text().contains(&format!("next     {next}")), "{}", table.text());

    // Readers with state: one that sees this bundle, one that misses it.
    desk.verify("--state seen sealed").fine();
    desk.write("named", desk.read("bundle"));
    desk.write("bundle", &before);
    desk.verify("--state missed sealed").fine();
    desk.write("bundle", desk.read("named"));

    desk.run("trust root promote bundle --root next --pin root.pub")
        .fine()
        .says(&format!("root {next} signs from now on; {root} does not any more"))
        .says("next: keep bundle 4")
        .says(&format!("next: pin root {next} wherever a reader keeps no state"));
    assert_eq!(roots(&desk, "next.pub"), (next, vec![]));

    desk.verify("--state seen sealed").fine();
    desk.verify("--state missed sealed").unusable("untrusted/unknown_root");
    desk.verify("sealed").unusable("untrusted/unknown_root");
    desk.run("verify --trust bundle --pin root.pub --pin next.pub sealed").fine();
    // What was kept heals it.
    desk.run("verify --trust named --pin root.pub --state missed sealed").fine();
    desk.verify("--state missed sealed").fine();
    // The old root has no say any more.
    desk.run("trust renew bundle --root root").unusable("untrusted/unknown_root");
    desk.run("trust renew bundle --root root --pin next.pub").unusable("misuse");
    desk.run("trust renew bundle --root next --state seen").fine().says("bundle 6");
    desk.verify("--state seen sealed").fine();
}

#[test]
fn no_root_takes_over_in_passing() {
    let desk = desk();
    let shop = desk.key_id("shop");
    desk.run("trust root add bundle --root root --key next.pub").fine();
    let before = desk.read("bundle");
    for words in [
        "renew bundle --root next",
        "add bundle --root next --key next.pub --subject spiffe://x --channel y",
        &format!("retire bundle --root next --key-id {shop}"),
        &format!("revoke bundle --root next --key-id {shop} --reason ceased"),
        "root add bundle --root next --key billing.pub",
        "root add bundle --root next --key shop.pub",
        &format!("root remove bundle --root next --key-id {}", desk.key_id("next")),
    ] {
        let done = desk.run(&format!("trust {words} --pin root.pub"));
        if words.contains("billing") {
            done.unusable("malformed/key");
        } else {
            done.unusable("misuse").says("did not sign this bundle").hints("coseal trust root");
        }
    }
    assert_eq!(desk.read("bundle"), before);
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let desk = desk();
    let (root, next) = (desk.key_id("root"), desk.key_id("next"));
    desk.run("trust root add bundle --root root --key root.pub")
        .unusable("misuse")
        .says("signs this bundle already");
    desk.run(&format!("trust root remove bundle --root root --key-id {next}"))
        .unusable("misuse")
        .says("is not named");
    desk.run("trust root add bundle --root root --key next.pub").fine();
    let before = desk.read("bundle");
    desk.run("trust root add bundle --root root --key next.pub")
        .unusable("misuse")
        .says("is named already");
    desk.run(&format!("trust root remove bundle --root root --key-id {root}")).unusable("misuse");
    desk.run("trust root promote bundle --root root").unusable("misuse").says("already");
    // Which root signed the present bundle has to be said.
    desk.run("trust root promote bundle --root next")
        .unusable("untrusted/unknown_root")
        .hints("--pin OLD.pub");
    desk.run("trust root promote bundle --root next --pin shop.pub")
        .unusable("untrusted/unknown_root");
    desk.run("trust root promote bundle --root shop --pin root.pub").unusable("misuse");
    desk.run("trust root promote nowhere --root next --pin root.pub").unusable("misuse");
    assert_eq!(desk.read("bundle"), before);
}

#[test]
fn a_root_that_is_named_no_longer_does_not_take_over() {
    let desk = desk();
    let next = desk.key_id("next");
    desk.run("trust root add bundle --root root --key next.pub").fine();
    desk.verify("--state behind sealed").fine();
    let named = desk.read("bundle");
    desk.run(&format!("trust root remove bundle --root root --key-id {next}"))
        .fine()
        .says(&format!("root {next} may not sign the next bundle"))
        .says("next: get bundle 5 to every reader");
    assert_eq!(roots(&desk, "root.pub").1, Vec::<String>::new());
    desk.verify("--state seen sealed").fine();
    desk.run("trust root promote bundle --root next --pin root.pub").unusable("misuse");
    // By way of the bundle that named it: only whoever is behind follows.
    desk.write("bundle", named);
    desk.run("trust root promote bundle --root next --pin root.pub").fine();
    desk.verify("--state seen sealed").unusable("untrusted/unknown_root");
    desk.verify("--state behind sealed").fine();
}

#[test]
fn two_roots_take_turns_where_the_old_one_is_kept() {
    let desk = desk();
    let (root, next) = (desk.key_id("root"), desk.key_id("next"));
    desk.verify("--state seen sealed").fine();
    desk.run("trust root add bundle --root root --key next.pub").fine();
    desk.verify("--state seen sealed").fine();
    for (by, old) in [("next", "root"), ("root", "next"), ("next", "root")] {
        // With a state nobody has to say who signed before.
        desk.run(&format!("trust root promote bundle --root {by} --keep-old --state seen"))
            .fine()
            .says("may take over again");
        let (by, kept) = (desk.key_id(by), desk.key_id(old));
        let pins = "root.pub --pin next.pub";
        assert_eq!(roots(&desk, pins), (by, vec![kept]));
        desk.verify("--state seen sealed").fine();
        desk.run(&format!("verify --trust bundle --pin {pins} sealed")).fine();
    }
    desk.run("trust root promote bundle --root root --state seen").fine();
    assert_eq!(roots(&desk, "root.pub"), (root, vec![]));
    desk.run("trust root promote bundle --root next --state seen").unusable("misuse");
    assert_ne!(next, "");
}

#[test]
fn several_roots_can_be_pinned_everywhere() {
    let desk = desk();
    desk.run("key new signing other").fine();
    std::fs::copy(desk.path("root.pub"), desk.path("ro:ot.pub")).unwrap();
    let commands = [
        "verify --trust bundle sealed",
        "open --key billing --trust bundle sealed",
        "seal --key shop --to spiffe://example.org/billing --trust bundle --channel orders.eu",
        "trust show bundle",
    ];
    for words in commands {
        for pins in
            ["--pin other.pub --pin root.pub", "--pin root.pub --pin other.pub", "--pin ro:ot.pub"]
        {
            desk.run(&format!("{words} {pins}")).fine();
        }
        desk.run(&format!("{words} --pin other.pub --pin next.pub"))
            .unusable("untrusted/unknown_root");
        // A pin that cannot be read is told, although another one would do.
        desk.run(&format!("{words} --pin root.pub --pin nowhere.pub")).unusable("misuse");

        let with = |pins: &str| {
            let mut command = desk.command(words);
            command.env("COSEAL_PIN", pins);
            finish(command, b"")
        };
        for pins in ["root.pub", "other.pub:root.pub", "root.pub:next.pub:other.pub"] {
            with(pins).fine();
        }
        with("other.pub:next.pub").unusable("untrusted/unknown_root");
        with("ro:ot.pub").unusable("misuse").says("cannot open ro");
        for pins in ["root.pub:", ":root.pub", "root.pub::other.pub"] {
            with(pins).unusable("misuse").says("COSEAL_PIN has an empty file name");
        }
        // What the command line says counts alone.
        let mut command = desk.command(&format!("{words} --pin other.pub"));
        command.env("COSEAL_PIN", "root.pub");
        finish(command, b"").unusable("untrusted/unknown_root");
    }
    desk.run("trust root add bundle --root root --key next.pub").fine();
    let mut command = desk.command("trust root promote bundle --root next");
    command.env("COSEAL_PIN", "other.pub:root.pub");
    finish(command, b"").fine();
    let mut command = desk.command("verify --trust bundle sealed");
    command.env("COSEAL_PIN", "root.pub:next.pub");
    finish(command, b"").fine();
}
