//! What is told, and that nothing secret is among it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use coseal::{Message, Sealer};
use coseal_carrier::telemetry::{self, Traceparent};
use coseal_carrier::{Batcher, Draft, Next, Sealers, headers};
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use common::{
    CHANNEL, Decided, NOW, at, builder, bundle, receive, receive_at, receiving, secs, signing,
    trust,
};

const PAYLOAD: &[u8] = b"attack at dawn, attack at dawn";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Everything that was told, as text.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<String>>);

impl Told {
    fn add(&self, line: &str) {
        writeln!(self.0.lock().unwrap(), "{line}").unwrap();
    }
}

impl io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
struct Cell(String, Told);

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.1.add(&format!("{} += {value}", self.0));
    }

    fn absolute(&self, value: u64) {
        self.1.add(&format!("{} = {value}", self.0));
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        self.1.add(&format!("{} += {value}", self.0));
    }

    fn decrement(&self, value: f64) {
        self.1.add(&format!("{} -= {value}", self.0));
    }

    fn set(&self, value: f64) {
        self.1.add(&format!("{} = {value}", self.0));
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        self.1.add(&format!("{} took {value}", self.0));
    }
}

impl Told {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let mut name = key.name().to_owned();
        for label in key.labels() {
            write!(name, " {}={}", label.key(), label.value()).unwrap();
        }
        Arc::new(Cell(name, self.clone()))
    }

    fn described(&self, name: &KeyName, text: &SharedString) {
        self.add(&format!("described {}: {text}", name.as_str()));
    }
}

impl Recorder for Told {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.described(&name, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

struct Note(Traceparent, &'static str);

impl Draft for Note {
    fn channel(&self) -> &str {
        self.1
    }

    fn message(&self) -> Message<'_> {
        Message::new(PAYLOAD).carrier_header(headers::TRACEPARENT, self.0.as_str())
    }

    fn size(&self) -> usize {
        PAYLOAD.len()
    }
}

/// Everything that a producer and a consumer can come to, in one go.
fn everything() {
    telemetry::describe();
    let cell = trust();
    let make = |channel: &str, _: &coseal::TrustBundle, _| {
        let builder = Sealer::builder(signing(2), channel).clock(|| NOW);
        Ok(builder.recipient(receiving().recipient_key()))
    };
    let mut sealers = Sealers::new("test", Arc::clone(&cell) as _, make);
    let mut batcher = Batcher::builder("test").build().unwrap();
    for channel in [CHANNEL, CHANNEL, "no*where"] {
        assert!(batcher.push(NOW, Note(PARENT.parse().unwrap(), channel)).is_ok());
    }
    let Next::Batch(mut batch) = batcher.take(NOW) else { panic!() };
    batch.seal(NOW, &mut sealers).unwrap();
    assert!(!format!("{batch:?} {batcher:?} {sealers:?}").contains("attack"));
    let sealed: Vec<_> = batch.into_sealed().unwrap().map(|(_, envelope)| envelope).collect();
    let envelope = sealed[0].as_ref().unwrap();

    let mut inbox = builder(&cell).build().unwrap();
    let delivered = receive(&mut inbox, envelope, at(0));
    assert_eq!(delivered.name(), "deliver");
    assert_eq!(receive(&mut inbox, envelope, at(0)).name(), "redeliver");
    let replayed = receive(&mut inbox, envelope, at(1));
    assert_eq!(replayed.name(), "stale/replayed");
    inbox.dead_lettered(replayed.refused());
    assert_eq!(receive(&mut inbox, PAYLOAD, at(2)).name(), "malformed/cbor");
    let mut broken = envelope.clone();
    let last = broken.len() - 10;
    broken[last] ^= 1;
    let Decided::DeadLetter { .. } = receive(&mut inbox, &broken, at(3)) else { panic!() };
    inbox.tell_expiry(NOW, &[signing(2).verifying_key().key_id()]);
    cell.replace(bundle(&[2], NOW));
    let paused = receive_at(&mut inbox, NOW.plus(secs(600)), envelope, at(4));
    assert_eq!(paused.name(), "pause");
}

/// One test: whether a span is wanted is remembered for all threads.
#[test]
fn everything_is_told_but_nothing_secret() {
    let told = Told::default();
    let writer = told.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&told, everything);
    });
    let text = told.0.lock().unwrap().clone();
    let expected = [
        "coseal_sealed_total carrier=test += 2",
        "coseal_not_sealed_total carrier=test code=misuse += 1",
        "coseal_seal_seconds carrier=test took ",
        "coseal_batch_messages carrier=test took 2",
        "coseal_opened_total carrier=test += 1",
        "coseal_redelivered_total carrier=test += 1",
        "coseal_open_seconds carrier=test took ",
        "coseal_refused_total carrier=test code=stale kind=replayed += 1",
        "coseal_dead_letters_total carrier=test += 1",
        "coseal_pauses_total carrier=test += 1",
        "coseal_trust_bundle_expires_in_seconds carrier=test = 31536000",
        "coseal_key_expires_in_seconds carrier=test key=",
        "coseal.seal{carrier=\"test\" messages=3}",
        "coseal.open{carrier=\"test\" message_id=",
        "signer=\"spiffe://example.test/2\"",
        "redelivered=true",
        "code=\"stale\" kind=\"replayed\"",
        "reading pauses",
    ];
    for line in expected {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(text.contains(&format!("traceparent=\"{PARENT}\"")), "{text}");

    check_descriptions(&text);

    // Whoever prints bytes prints them as text, in hexadecimal or as numbers.
    let secrets: [&[u8]; 4] = [PAYLOAD, &[2; 32], &[3; 32], &[1; 32]];
    for secret in secrets {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let numbers = format!("{secret:?}");
        let numbers = numbers.trim_matches(['[', ']']);
        let plain = String::from_utf8_lossy(&secret[..12]);
        for form in [&*plain, &hex[..16], &hex[..16].to_uppercase(), &numbers[..24]] {
            assert!(!text.contains(form), "{form:?} is in\n{text}");
        }
    }
}

/// What is used has a description, and the other way round.
fn check_descriptions(text: &str) {
    let described: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("described ")?.split(':').next())
        .collect();
    let used = text.lines().filter(|line| line.starts_with("coseal_"));
    let used: BTreeSet<_> = used.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(described, used);
    assert_eq!(described.len(), 12);
}
