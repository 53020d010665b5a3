//! What is not in its place is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use coseal::{Message, Verifier};
use coseal_carrier::{headers, place};

use common::{CHANNEL, NOW, bundle, later, sealer};

#[test]
fn a_message_is_taken_only_in_the_place_that_it_was_sealed_for() {
    let verifier = Verifier::new(bundle(&[2], later()));
    let sealer = sealer(2, CHANNEL, NOW);
    let seal = |message: Message<'_>| sealer.seal(message).unwrap();
    let bare = seal(Message::new(b"x"));
    let bare = verifier.verify(&bare).unwrap();
    let digest = place::record_key_digest(b"key");
    let request = bare.id();
    let full = seal(
        Message::new(b"x")
            .carrier_header(headers::PARTITION, 3)
            .carrier_header(headers::RECORD_KEY, &digest)
            .carrier_header(headers::REQUEST, request.as_bytes()),
    );
    let full = verifier.verify(&full).unwrap();
    let refused = |result: coseal::Result<()>| result.unwrap_err().kind();

    assert!(place::check_partition(&full, 3).is_ok());
    assert_eq!(refused(place::check_partition(&full, 2)), Some("partition"));
    assert_eq!(refused(place::check_partition(&bare, 3)), Some("partition"));

    assert!(place::check_record_key(&full, Some(b"key")).is_ok());
    assert!(place::check_record_key(&bare, None).is_ok());
    for (message, key) in [(&full, Some(&b"kez"[..])), (&full, None), (&bare, Some(b"key"))] {
        assert_eq!(refused(place::check_record_key(message, key)), Some("record_key"));
    }

    assert!(place::check_reply(&full, &request).is_ok());
    assert_eq!(refused(place::check_reply(&full, &full.id())), Some("reply"));
    assert_eq!(refused(place::check_reply(&bare, &request)), Some("reply"));
    // Of another type than it should be.
    let odd = seal(
        Message::new(b"x")
            .carrier_header(headers::PARTITION, "3")
            .carrier_header(headers::RECORD_KEY, 7)
            .carrier_header(headers::REQUEST, "text"),
    );
    let odd = verifier.verify(&odd).unwrap();
    assert_eq!(refused(place::check_partition(&odd, 3)), Some("partition"));
    assert_eq!(refused(place::check_record_key(&odd, Some(b"key"))), Some("record_key"));
    assert_eq!(refused(place::check_reply(&odd, &request)), Some("reply"));
}
