//! The order of Debian versions, for what the package manager isn't asked about: which installed kernel is the newest.
//!
//! # Source
//! deb-version(7): epoch, upstream version, revision; digits compare as numbers, letters sort before other characters,
//! `~` before everything, even the end.

use std::cmp::Ordering;

/// Compares two versions as dpkg does.
pub fn debian_order(a: &str, b: &str) -> Ordering {
    let ((a_epoch, a_rest), (b_epoch, b_rest)) = (epoch(a), epoch(b));
    let ((a_upstream, a_revision), (b_upstream, b_revision)) = (revision(a_rest), revision(b_rest));
    number(a_epoch)
        .cmp(&number(b_epoch))
        .then_with(|| part_order(a_upstream, b_upstream))
        .then_with(|| part_order(a_revision, b_revision))
}

fn epoch(version: &str) -> (&str, &str) {
    version.split_once(':').unwrap_or(("0", version))
}

fn revision(version: &str) -> (&str, &str) {
    version.rsplit_once('-').unwrap_or((version, "0"))
}

/// Digits as a number of any length: without leading zeros the longer one is larger.
fn number(digits: &str) -> (usize, &str) {
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

fn part_order(mut a: &str, mut b: &str) -> Ordering {
    while !(a.is_empty() && b.is_empty()) {
        let (a_text, a_rest) = split(a, |c| !c.is_ascii_digit());
        let (b_text, b_rest) = split(b, |c| !c.is_ascii_digit());
        let (a_digits, a_next) = split(a_rest, |c| c.is_ascii_digit());
        let (b_digits, b_next) = split(b_rest, |c| c.is_ascii_digit());
        let order = text_order(a_text, b_text).then_with(|| number(a_digits).cmp(&number(b_digits)));
        if order.is_ne() {
            return order;
        }
        (a, b) = (a_next, b_next);
    }
    Ordering::Equal
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

fn text_order(a: &str, b: &str) -> Ordering {
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => i64::from(u32::from(c)),
        Some(c) => i64::from(u32::from(c)) + 256,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (x, y) = (a.next(), b.next());
        let order = weight(x).cmp(&weight(y));
        if order.is_ne() || (x.is_none() && y.is_none()) {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_the_manual_says() {
        let ascending = [
            "1.0~rc1-1",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0a-1",
            "1.0+dfsg-1",
            "1.2-1",
            "1.10-1",
            "6.1.0-9-amd64",
            "6.1.0-18-amd64",
            "6.12.43+deb13-amd64",
            "1:0.1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(debian_order(pair[0], pair[1]), Ordering::Less, "{} < {}", pair[0], pair[1]);
        }
        assert_eq!(debian_order("1.0", "1.0-0"), Ordering::Equal);
        assert_eq!(debian_order("1.01", "1.1"), Ordering::Equal);
    }

    #[test]
    fn dpkg_agrees_where_there_is_one() {
        let versions = [
            "1.0",
            "1.0~~",
            "1.0~a",
            "1.0.1",
            "1.0-2",
            "1:0.9",
            "1.0+x",
            "2.36-9+deb12u10",
            "2.36-9+deb12u9",
        ];
        for a in versions {
            for b in versions {
                let asked =
                    std::process::Command::new("dpkg").args(["--compare-versions", a, "lt", b]).status();
                let Ok(status) = asked else { return };
                assert_eq!(debian_order(a, b) == Ordering::Less, status.success(), "{a} < {b}");
            }
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(150))]
        #[test]
        fn dpkg_agrees_on_any_two_versions(
            a in "([0-2]:)?[0-9][0-9a-cA-C.+~]{0,8}(-[0-9a-b.+~]{1,5})?",
            b in "([0-2]:)?[0-9][0-9a-cA-C.+~]{0,8}(-[0-9a-b.+~]{1,5})?",
        ) {
            for (word, order) in [("lt", Ordering::Less), ("eq", Ordering::Equal)] {
                let asked = std::process::Command::new("dpkg").args(["--compare-versions", &a, word, &b]).status();
                let Ok(status) = asked else { return Ok(()) };
                assert_eq!(debian_order(&a, &b) == order, status.success(), "{a} {word} {b}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn the_order_is_one_for_any_texts(a in "[ -~é]{0,12}", b in "[ -~é]{0,12}") {
            assert_eq!(debian_order(&a, &b), debian_order(&b, &a).reverse());
        }
    }
}
