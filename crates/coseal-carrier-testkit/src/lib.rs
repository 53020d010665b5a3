//! The attacks and faults that every carrier of sealed messages must stand,
//! played against any of them: an adapter says once how its carrier is driven
//! ([`Carrier`]), and [`carrier_tests!`] makes a test of each case.
//!
//! What each must end in is said here and nowhere else: the code of the dead
//! letter, and that the good messages around it arrive, in order, once.
//!
//! [`memory`] is a carrier in this process, in the three ways in which carriers
//! differ. It stands the whole list, so that the room that all carriers share
//! is tested without a broker, and the list without an adapter. Real brokers
//! are started by the modules named after them, each behind a feature.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::missing_panics_doc, reason = "that is how a case fails")]

pub mod attacks;
mod carrier;
pub mod faults;
pub mod memory;
#[cfg(feature = "nats")]
pub mod nats;
mod steps;
mod world;

pub use carrier::{Carrier, Consumer, Keeps, Received, Replies};
pub use world::World;

/// A test of each case for a carrier: `carrier_tests!(Type)`, where it has a
/// `Carrier::start`. With `, replies` behind it, those of requests and replies
/// too.
#[macro_export]
macro_rules! carrier_tests {
    ($carrier:ty) => {
        $crate::carrier_tests! { @each $carrier, attacks:
            plaintext garbage foreign_envelope unknown_signer_at_full_speed recorded_again
            recorded_from_another_channel recipients_broken signer_not_allowed revoked_signer
            as_long_as_the_carrier_takes
        }
        $crate::carrier_tests! { @each $carrier, faults:
            good_messages_arrive_in_order bundle_comes_late own_bundle_expired
            dead_letters_not_writable dropped_before_its_acknowledgement
            killed_before_the_acknowledgement killed_behind_a_refusal carrier_restarted
            above_the_maximum
        }
    };
    ($carrier:ty, replies) => {
        $crate::carrier_tests! { $carrier }
        $crate::carrier_tests! { @each $carrier, attacks: reply_moved }
    };
    (@each $carrier:ty, $module:ident: $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::run($crate::$module::$case::<$carrier>());
            }
        )+
    };
}

/// Runs a case, on a runtime of its own.
pub fn run(case: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(case);
}
