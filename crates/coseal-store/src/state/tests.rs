#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::thread;

use coseal::SigningKey;

use super::*;

fn of(sequence: u64, digest: u8) -> TrustState {
    let root = SigningKey::from_bytes(&[7; 32]).verifying_key().clone();
    TrustState {
        domain: "example.org".to_owned(),
        sequence,
        digest: [digest; 32],
        roots: vec![root],
    }
}

fn code(error: &StoreError) -> (&str, Option<&str>) {
    let StoreError::Core { source, .. } = error else { panic!("{error}") };
    (source.code(), source.kind())
}

#[test]
fn the_highest_state_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = StateFile::at(folder.path().join("state"));
    assert_eq!(file.read().unwrap(), None);
    let advance = |next: TrustState| {
        file.advance(|seen| Ok::<_, StoreError>((next.clone(), seen.map(|seen| seen.sequence))))
    };
    assert_eq!(advance(of(3, 1)).unwrap(), None);
    assert_eq!(file.read().unwrap(), Some(of(3, 1)));
    assert_eq!(advance(of(3, 1)).unwrap(), Some(3));
    assert_eq!(advance(of(5, 2)).unwrap(), Some(3));
    for back in [of(4, 1), of(5, 3)] {
        assert_eq!(code(&advance(back).unwrap_err()), ("untrusted", Some("rolled_back")));
    }
    let mut foreign = of(9, 1);
    foreign.domain = "example.com".to_owned();
    assert_eq!(code(&advance(foreign).unwrap_err()), ("untrusted", Some("wrong_domain")));
    assert_eq!(file.read().unwrap(), Some(of(5, 2)));
    // A step that fails remembers nothing.
    let failed =
        file.advance(|_| Err::<(TrustState, ()), _>(StoreError::Exists { path: "x".into() }));
    assert!(matches!(failed, Err(StoreError::Exists { .. })));
    assert_eq!(file.read().unwrap(), Some(of(5, 2)));
}

#[test]
fn many_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    // One more than what is remembered: an update that is lost would show.
                    let step = |seen: Option<TrustState>| {
                        let next = seen.map_or(1, |seen| seen.sequence + 1);
                        Ok::<_, StoreError>((of(next, 0), ()))
                    };
                    StateFile::at(&path).advance(step).unwrap();
                }
            });
        }
    });
    assert_eq!(StateFile::at(&path).read().unwrap(), Some(of(200, 0)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left aside");
}

#[test]
fn what_is_no_state_is_refused() {
    let good = String::from_utf8(encode(&of(3, 1))).unwrap();
    assert_eq!(decode(good.as_bytes()).unwrap(), of(3, 1));
    for (text, kind) in [
        (String::new(), "structure"),
        ("[]".to_owned(), "structure"),
        (good.replace("\"sequence\": 3", "\"sequence\": 3.5"), "structure"),
        (good.replace("\"sequence\": 3,", ""), "structure"),
        (good.replace("\"domain\"", "\"Domain\""), "structure"),
        (good.replace("01010101", "0101010g"), "structure"),
        (good.replace("0101010101", "01"), "structure"),
        (format!("{good}{good}"), "structure"),
        (good.replace("\"version\": 1", "\"version\": 0"), "version"),
        (good.replace("\"version\": 1", "\"version\": 7, \"new\": []"), "version"),
    ] {
        assert_eq!(decode(text.as_bytes()).unwrap_err().kind(), Some(kind), "{text}");
    }
    let weak =
        good.replace(&hex::encode(of(3, 1).roots.first().unwrap().as_bytes()), &"00".repeat(32));
    assert_eq!(decode(weak.as_bytes()).unwrap_err().kind(), Some("weak_key"));
}
