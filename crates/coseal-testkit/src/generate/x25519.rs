//! Encapsulated keys. Points of small order: the shared value is zero, whatever
//! the private key is, and an attacker knows it. Other spellings of good points:
//! the function takes them, and they are part of the key schedule as they stand.

use super::rules;
use super::test::Cases;
use super::words;
use super::world::World;
use crate::build::draft::Draft;
use crate::build::hpke::wrap_with;
use crate::build::keys::Receiver;
use crate::build::plan::x25519_entry;
use crate::build::weak::{small_order_x25519, unreduced_x25519};

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("x25519");
    small_orders(cases);
    other_spellings(cases);
}

fn small_orders(cases: &mut Cases) {
    let world = World::new();
    for point in small_order_x25519() {
        let name = format!("encapsulated_{}", point.name);
        let mut draft = Draft::new(world.plan(&cases.label(&name)));
        let plan = &draft.plan;
        let wrapped = wrap_with(
            &[0; 32],
            point.bytes,
            &world.stock.public,
            &plan.hpke_info(),
            &plan.epoch_secret,
        );
        draft.recipients = vec![x25519_entry(&world.stock.key_id(), &wrapped)];
        let comment = format!(
            "The encapsulated key is of small order ({}). HPKE with a zero shared value would open it.",
            words::of(point.name)
        );
        cases.shut(&name, "undecryptable", rules::ZERO_SHARED, &comment, &draft.seal());
    }
}

fn other_spellings(cases: &mut Cases) {
    let stock = World::new().stock;
    let ephemeral = Receiver::labelled("ephemeral");
    let mut top_bit = ephemeral.public;
    if let Some(last) = top_bit.last_mut() {
        *last |= 0x80;
    }
    for (name, encapsulated, dh, comment) in [
        (
            "encapsulated_top_bit",
            top_bit,
            x25519_dalek::x25519(stock.secret, ephemeral.public),
            "An encapsulated key with its top bit set, which X25519 masks.",
        ),
        (
            "encapsulated_unreduced",
            unreduced_x25519(),
            // The private key times the base point.
            stock.public,
            "An encapsulated key that is not reduced (u = p + 9): the base point.",
        ),
    ] {
        cases.variation(name, rules::ENCAPSULATED, comment, |draft| {
            let plan = &draft.plan;
            let wrapped =
                wrap_with(&dh, encapsulated, &stock.public, &plan.hpke_info(), &plan.epoch_secret);
            draft.recipients = vec![x25519_entry(&stock.key_id(), &wrapped)];
        });
    }
}
