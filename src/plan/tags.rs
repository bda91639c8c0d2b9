//! Which tasks `--tags` and `--skip-tags` choose, in Ansible's rules.

/// Tags that the user chose and those to leave out.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    /// `--tags`; empty: all.
    pub only: Vec<String>,
    /// `--skip-tags`.
    pub skip: Vec<String>,
    /// `--start-at-task`.
    pub start_at: Option<String>,
}

impl Tags {
    /// Whether a task with these tags runs.
    pub fn choose(&self, tags: &[String]) -> bool {
        let has = |tag: &str| tags.iter().any(|t| t == tag);
        let named = |list: &[String]| tags.iter().any(|t| list.contains(t));
        let wants = |word: &str| self.only.iter().any(|t| t == word);
        let skips = |word: &str| self.skip.iter().any(|t| t == word);
        let chosen = if self.only.is_empty() {
            !has("never")
        } else {
            named(&self.only)
                || (has("always") && !skips("always"))
                || (wants("all") && !has("never"))
                || (wants("tagged") && !tags.is_empty() && !has("never"))
                || (wants("untagged") && tags.is_empty())
        };
        let left_out = named(&self.skip)
            || (skips("all") && !has("always"))
            || (skips("tagged") && !tags.is_empty())
            || (skips("untagged") && tags.is_empty());
        chosen && !left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_choose_as_in_ansible() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let cases = [
            ("", "", "a", true),
            ("", "", "never", false),
            ("", "", "never a", false),
            ("a", "", "never a", true),
            ("a", "", "b", false),
            ("a", "", "b always", true),
            ("a", "b", "a b", false),
            ("a", "always", "always", false),
            ("all", "", "b", true),
            ("tagged", "", "", false),
            ("untagged", "", "", true),
            ("", "tagged", "x", false),
            ("", "a", "always a", false),
        ];
        for (only, skip, tags, expected) in cases {
            let chooser = Tags { only: words(only), skip: words(skip), start_at: None };
            assert_eq!(
                chooser.choose(&words(tags)),
                expected,
                "--tags '{only}' --skip-tags '{skip}' on '{tags}'"
            );
        }
    }
}
