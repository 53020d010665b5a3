//! Criterion benches: groups `seal`, `open`, `verify`, `decode`, `trust` and
//! `floor`, by payload, batch, suite and number of recipients. Times are those
//! of a whole batch; the throughput is in messages.

use coseal::{
    Envelope, Message, NewRecord, Pattern, SigningKey, Suite, Time, TrustAnchor, TrustBundle,
    Verifier,
};
use coseal_benches::floor::Floor;
use coseal_benches::rig::Rig;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

const SIZES: [usize; 5] = [64, 256, 1 << 10, 16 << 10, 1 << 20];
const BATCHES: [usize; 4] = [1, 16, 64, 256];
const SUITES: [Suite; 2] = [Suite::A256Gcm, Suite::ChaCha20Poly1305];
/// Payload held at once; more measures the memory.
const MOST: usize = 16 << 20;

fn shapes() -> impl Iterator<Item = (Suite, usize, usize, String)> {
    SUITES.into_iter().flat_map(|suite| {
        SIZES.into_iter().flat_map(move |size| {
            BATCHES
                .into_iter()
                .filter(move |batch| size * batch <= MOST)
                .map(move |batch| (suite, size, batch, format!("{size}B/batch{batch}/{suite}")))
        })
    })
}

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    for (suite, size, batch, name) in shapes() {
        for recipients in [1, 8] {
            // Entries are written once an epoch: they count by their bytes alone.
            if recipients > 1 && size > 1 << 10 {
                continue;
            }
            let rig = Rig::new(suite, recipients).expect("entropy");
            let payload = vec![0x5a; size];
            let messages = vec![Message::new(&payload); batch];
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(&name, recipients), |b| {
                b.iter(|| black_box(rig.sealer.seal_batch(&messages)));
            });
        }
    }
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open");
    for (suite, size, batch, name) in shapes() {
        for recipients in [1, 8] {
            if recipients > 1 && size > 1 << 10 {
                continue;
            }
            let rig = Rig::new(suite, recipients).expect("entropy");
            let envelopes = rig.batch(size, batch).expect("entropy");
            group.throughput(Throughput::Elements(batch as u64));
            group.bench_function(BenchmarkId::new(&name, recipients), |b| {
                b.iter(|| {
                    for envelope in &envelopes {
                        black_box(rig.opener.open(envelope)).expect("sound");
                    }
                });
            });
        }
    }
}

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for (suite, size, batch, name) in shapes() {
        let rig = Rig::new(suite, 1).expect("entropy");
        let envelopes = rig.batch(size, batch).expect("entropy");
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                // A fresh auditor: one strict verification a batch.
                let verifier = Verifier::new(rig.trust.clone());
                for envelope in &envelopes {
                    black_box(verifier.verify(envelope)).expect("sound");
                }
            });
        });
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for (batch, recipients) in [(1, 1), (64, 1), (64, 8), (256, 1)] {
        let rig = Rig::new(Suite::A256Gcm, recipients).expect("entropy");
        let envelopes = rig.batch(256, batch).expect("entropy");
        let envelope = envelopes.first().expect("a batch");
        group.bench_function(format!("batch{batch}/{recipients}"), |b| {
            b.iter(|| black_box(Envelope::decode(black_box(envelope))).expect("sound"));
        });
    }
}

fn trust(c: &mut Criterion) {
    let mut group = c.benchmark_group("trust");
    let now = Time::now();
    for records in [1_u32, 100, 10_000] {
        let root = SigningKey::generate().expect("entropy");
        let mut edit = TrustBundle::make("bench");
        for number in 0..records {
            let mut seed = [7; 32];
            if let Some(start) = seed.first_chunk_mut::<4>() {
                *start = number.to_be_bytes();
            }
            let key = SigningKey::from_bytes(&seed);
            edit.add(NewRecord {
                key: key.verifying_key().clone().into(),
                subject: format!("spiffe://bench/{number}"),
                valid_from: now,
                valid_until: None,
                channels: vec![Pattern::new("orders.>").expect("a pattern")],
            })
            .expect("a new key");
        }
        let expires = now.plus(Duration::from_secs(86_400));
        let bytes = edit.sign(&root, now, expires).expect("a bundle");
        let anchor = TrustAnchor::pinned([root.verifying_key().clone()]);
        group.bench_function(format!("load/{records}"), |b| {
            b.iter(|| black_box(TrustBundle::load(&bytes, &anchor, now)).expect("sound"));
        });
    }
}

fn floor(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    for (suite, size, batch, name) in shapes() {
        let mut floor = Floor::new(suite, size, batch);
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("seal/{name}"), |b| b.iter(|| floor.seal()));
        group.bench_function(format!("open/{name}"), |b| b.iter(|| floor.open()));
        group.bench_function(format!("verify/{name}"), |b| b.iter(|| floor.verify()));
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .warm_up_time(Duration::from_millis(300));
    targets = seal, open, verify, decode, trust, floor
}
criterion_main!(all);
