//! Whether what was shown is what the runbook says.

/// Whether the lines fit: `…` alone is any number of lines, within a line any
/// characters.
pub(crate) fn fits(expected: &[String], shown: &[&str]) -> bool {
    match (expected.split_first(), shown.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first.trim() == "…" => {
            (0..=shown.len()).any(|skipped| fits(rest, &shown[skipped..]))
        }
        (Some((first, rest)), Some((line, others))) => line_fits(first, line) && fits(rest, others),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn line_fits(expected: &str, line: &str) -> bool {
    let (expected, mut rest) = (expected.trim_end(), line.trim_end());
    let mut parts = expected.split('…');
    let Some(stripped) = parts.next().and_then(|start| rest.strip_prefix(start)) else {
        return false;
    };
    rest = stripped;
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn what_is_left_out_may_be_anything_and_nothing_else() {
    let fits = |expected: &[&str], shown: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        fits(&expected, shown)
    };
    for (expected, shown) in [
        (&["a…c"][..], &["abc"][..]),
        (&["a…c", "…", "z"], &["ac", "b", "c", "z"]),
        (&["…", "z"], &["z"]),
        (&["…b…"], &["abc"]),
        (&["a"], &["a  "]),
    ] {
        assert!(fits(expected, shown), "{expected:?} {shown:?}");
    }
    for (expected, shown) in [
        (&["a…c"][..], &["abcd"][..]),
        (&["a"], &["a", "b"]),
        (&["a", "b"], &["a"]),
        (&[], &["a"]),
        (&["…", "y"], &["z"]),
        (&["…a…a"], &["xa"]),
    ] {
        assert!(!fits(expected, shown), "{expected:?} {shown:?}");
    }
}
