//! Bytes → the strict reader, the slow one and `ciborium` must agree.
//!
//! - What the strict reader accepts, the slow one calls deterministic and of
//!   the format's values, and `ciborium` decodes and writes again to the same
//!   bytes, tags 2 and 3 excepted: it makes integers of them.
//! - What the strict reader refuses as `cbor`, the slow one does not consider
//!   deterministic.
//! - What the strict reader refuses as `structure` is deterministic and has a
//!   foreign value.

use coseal::hazmat::check_deterministic_cbor;

use crate::item::{self, Item};
use crate::refusal::name;

/// Runs the target on `input`.
pub fn check(input: &[u8]) {
    let slow = item::deterministic(input);
    match check_deterministic_cbor(input) {
        Ok(()) => {
            let item = slow.expect("accepted, though not deterministic");
            assert!(!item.has_foreign_value(), "accepted a value that the format does not have");
            if !item.any(&mut |item| matches!(item, Item::Tag(2 | 3, _))) {
                assert_eq!(after_ciborium(input), input, "ciborium writes it differently");
            }
        }
        Err(error) => match name(&error).as_str() {
            "malformed/cbor" => {
                slow.expect_err("refused as cbor, though deterministic");
            }
            "malformed/structure" => {
                let item = slow.expect("refused for a value, though not deterministic");
                assert!(item.has_foreign_value(), "refused for a value, though there is none");
            }
            other => panic!("{other} is no fault of CBOR"),
        },
    }
}

fn after_ciborium(input: &[u8]) -> Vec<u8> {
    let value: ciborium::Value = ciborium::from_reader(input).expect("ciborium refuses it");
    let mut again = Vec::new();
    ciborium::into_writer(&value, &mut again).expect("ciborium writes what it read");
    again
}
