//! X25519 points of small order as encapsulated keys: the shared value is
//! zero, whatever the private key is, and an attacker knows it.

use super::rules;
use super::test::Cases;
use super::world::World;
use crate::build::draft::Draft;
use crate::build::hpke::wrap_with;
use crate::build::plan::x25519_entry;
use crate::build::weak::small_order_x25519;

pub(crate) fn add(cases: &mut Cases) {
    cases.theme("x25519");
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
            point.name
        );
        cases.shut(&name, "undecryptable", rules::ZERO_SHARED, &comment, &draft.seal());
    }
}
