//! Patterns in SSH's files: `*` and `?`, lists, and negation by `!`.

/// Whether a pattern of literal characters, `*` and `?` matches the whole text. Takes time in proportion to both
/// lengths, whatever the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to resume when a literal after the last star does not fit.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    (p, t) = (after_star, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

/// Whether a list matches: one of its patterns does, and none of the negated ones.
pub(super) fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut any = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(&negated.to_lowercase(), text) => return false,
            Some(_) => {}
            None => any |= matches(&pattern.to_lowercase(), text),
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_whole_names() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abcd", false),
            ("*.b.*", "a.b.c", true),
            ("?", "", false),
            ("web?", "web1", true),
            ("web?", "web12", false),
            ("a**b", "ab", true),
            ("abc", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39).replace("aaaa", "aaab")));
    }

    #[test]
    fn a_negated_pattern_wins_and_alone_matches_nothing() {
        assert!(list_matches(["*.org", "!b.org"], "a.org"));
        assert!(!list_matches(["*.org", "!b.org"], "b.org"));
        assert!(!list_matches(["!b.org"], "a.org"));
    }
}
