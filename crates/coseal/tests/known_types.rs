//! What the types do not let anyone do: copy, print, serialise or lend a
//! secret; make a proof without the step that checks.
#![allow(clippy::indexing_slicing, reason = "tests")]

use coseal::hazmat::RawEpoch;
use coseal::state::{NoChannel, NoMode};
use coseal::{
    Authentic, CarriedOpener, Envelope, Header, Kek, Keyring, Opened, Opener, OpenerBuilder,
    PrivateKey, ReceivingKey, Sealer, SealerBuilder, Secret, SigningKey, UnsignedBatch, Verified,
    VerifyingKey,
};

/// Whether a type has a trait: where it has, the type's own constant hides the
/// one that every type has.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code, reason = "for its constant")]
        struct Probe<T>(core::marker::PhantomData<T>);
        #[allow(dead_code, reason = "hidden where the type has the trait")]
        trait Otherwise {
            const HAS: bool = false;
        }
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code, reason = "there for some types only")]
        impl<T: $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

/// The ways in which bytes leave a value: those that the type has.
macro_rules! ways_out {
    ($($type:ty),+ $(,)?) => {
        [$((stringify!($type), {
            let ways = [
                ("cloned", has!($type: Clone)),
                ("printed", has!($type: core::fmt::Display)),
                ("printed as hexadecimal", has!($type: core::fmt::LowerHex)),
                ("serialised", has!($type: serde::Serialize)),
                ("lent as bytes", has!($type: AsRef<[u8]>)),
                ("lent as an array", has!($type: core::borrow::Borrow<[u8; 32]>)),
                ("dereferenced", has!($type: core::ops::Deref)),
                ("turned into bytes", has!($type: Into<Vec<u8>>)),
                ("turned into an array", has!($type: Into<[u8; 32]>)),
                ("ordered", has!($type: PartialOrd)),
                ("hashed", has!($type: core::hash::Hash)),
            ];
            ways.into_iter().filter(|(_, has)| *has).map(|(way, _)| way).collect::<Vec<_>>()
        })),+]
    };
}

#[test]
fn nothing_that_holds_a_secret_is_cloned_serialised_or_lent() {
    let found = ways_out![
        Secret<32>,
        SigningKey,
        ReceivingKey,
        Kek,
        PrivateKey,
        Keyring,
        RawEpoch,
        Sealer,
        SealerBuilder,
        UnsignedBatch,
        Opener,
        CarriedOpener,
        OpenerBuilder<NoChannel, NoMode>,
    ];
    for (name, ways) in found {
        assert_eq!(ways, [""; 0], "{name}");
    }
    // The question is one that other types answer with yes.
    let others = ways_out![String, Vec<u8>, [u8; 32], VerifyingKey, coseal::KeyId];
    let others: std::collections::BTreeMap<_, _> = others.into_iter().collect();
    assert_eq!(others["VerifyingKey"], ["cloned"]);
    assert_eq!(others["String"].len(), 8, "{others:?}");
    assert!(others["coseal::KeyId"].contains(&"printed"));
    assert!(others["Vec<u8>"].contains(&"turned into bytes"));
    assert!(others["[u8; 32]"].contains(&"lent as an array"));
    assert!(others["[u8; 32]"].contains(&"turned into an array"));
}

/// From what comes before it on the way, from bytes, or from nothing.
macro_rules! ways_in {
    ($($type:ty),+ $(,)?) => {
        [$((stringify!($type), [
            has!($type: Default),
            has!($type: serde::Deserialize<'static>),
            has!($type: TryFrom<&'static [u8]>),
            has!($type: TryFrom<Header<'static>>),
            has!($type: TryFrom<Envelope<'static>>),
            has!($type: TryFrom<&'static Envelope<'static>>),
        ])),+]
    };
}

/// What is written out by hand does not compile: see the examples at the three
/// types.
#[test]
fn no_proof_comes_from_what_was_not_checked() {
    for (name, ways) in ways_in![Authentic<'static>, Verified<'static>, Opened<'static>] {
        assert_eq!(ways, [false; 6], "{name}");
    }
    let [(_, first), (_, second)] = ways_in![String, Header<'static>];
    assert_eq!(first, [true, true, false, false, false, false]);
    assert_eq!(second, [false, false, false, true, false, false]);
    assert!(!has!(Verified<'static>: TryFrom<Authentic<'static>>));
    assert!(!has!(Opened<'static>: TryFrom<Verified<'static>>));
}
