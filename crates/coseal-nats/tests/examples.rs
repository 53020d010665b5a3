//! The examples run, against a server of their own.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::process::Command;

use coseal_carrier_testkit::nats::NatsServer;

/// What an example prints.
fn run(example: &str, server: &NatsServer) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "coseal-nats", "--example", example])
        .env("NATS_URL", server.url())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_examples_run() {
    let server = NatsServer::start();
    let published = run("producer", &server);
    assert_eq!(published.lines().count(), 10, "{published}");
    let orders = run("consumer", &server);
    let expected = (1..=10)
        .map(|n| format!("spiffe://example.org/shop says on orders.eu: {{\"order\": {n}}}\n"));
    assert_eq!(orders, expected.collect::<String>());
    let reply = run("service", &server);
    assert_eq!(reply, "spiffe://example.org/billing says: a pound of tea: 7 EUR\n");
}
