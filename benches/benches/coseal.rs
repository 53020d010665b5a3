//! Criterion benches: groups `seal`, `open`, `verify`, `decode`, `trust` and
//! `floor`, under the names that `cargo xtask bench` uses. Times are those of a
//! whole batch; the throughput is in messages.

use coseal::{Envelope, Message, TrustBundle, Verifier};
use coseal_benches::floor::Floor;
use coseal_benches::rig::{Bundle, RECORDS, Rig};
use coseal_benches::shape::{MOST, Shape};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Duration;

fn rig_of(shape: Shape) -> Rig {
    Rig::new(shape.suite, shape.recipients).expect("entropy")
}

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    for shape in Shape::all(MOST) {
        let rig = rig_of(shape);
        let payload = vec![0x5a; shape.size];
        let messages = vec![Message::new(&payload); shape.batch];
        group.throughput(Throughput::Elements(shape.batch as u64));
        let mut out = Vec::new();
        group.bench_function(shape.to_string(), |b| {
            if shape.batch == 1 {
                b.iter(|| {
                    out.clear();
                    rig.sealer.seal_into(Message::new(&payload), &mut out).expect("entropy");
                });
            } else {
                b.iter(|| black_box(rig.sealer.seal_batch(&messages)));
            }
        });
    }
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open");
    for shape in Shape::all(MOST) {
        let rig = rig_of(shape);
        let envelopes = rig.batch(shape.size, shape.batch).expect("entropy");
        let mut buffers = envelopes.clone();
        group.throughput(Throughput::Elements(shape.batch as u64));
        group.bench_function(shape.to_string(), |b| {
            b.iter(|| {
                for (buffer, envelope) in buffers.iter_mut().zip(&envelopes) {
                    buffer.clone_from(envelope);
                    black_box(rig.opener.open_in_place(buffer)).expect("sound");
                }
            });
        });
    }
}

fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify");
    for shape in Shape::all(MOST) {
        let rig = rig_of(shape);
        let envelopes = rig.batch(shape.size, shape.batch).expect("entropy");
        group.throughput(Throughput::Elements(shape.batch as u64));
        group.bench_function(shape.to_string(), |b| {
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
    for shape in Shape::to_decode() {
        let envelopes = rig_of(shape).batch(shape.size, shape.batch).expect("entropy");
        group.throughput(Throughput::Elements(shape.batch as u64));
        group.bench_function(shape.to_string(), |b| {
            b.iter(|| {
                for envelope in &envelopes {
                    black_box(Envelope::decode(black_box(envelope))).expect("sound");
                }
            });
        });
    }
}

fn trust(c: &mut Criterion) {
    let mut group = c.benchmark_group("trust");
    for records in RECORDS {
        let Bundle { bytes, anchor, now } = Bundle::new(records).expect("a bundle");
        group.bench_function(Bundle::case(records), |b| {
            b.iter(|| black_box(TrustBundle::load(&bytes, &anchor, now)).expect("sound"));
        });
    }
}

fn floor(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    // The cryptography of a message is the same for however many recipients.
    for shape in Shape::all(MOST).filter(|shape| shape.recipients == 1) {
        let mut floor = Floor::new(shape.suite, shape.size, shape.batch);
        group.throughput(Throughput::Elements(shape.batch as u64));
        group.bench_function(format!("seal/{shape}"), |b| b.iter(|| floor.seal()));
        group.bench_function(format!("open/{shape}"), |b| b.iter(|| floor.open()));
        group.bench_function(format!("verify/{shape}"), |b| b.iter(|| floor.verify()));
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
