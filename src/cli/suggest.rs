//! What somebody meant who typed a verb that there isn't. clap looks for it, too, but misses two swapped letters in a short
//! word, and under `help` does not look at all.

use crate::model::nearest;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Adds the verb that is nearest to one that there isn't, unless clap has found one.
pub fn suggest(error: &mut clap::Error, words: &[OsString], root: &clap::Command) {
    if error.kind() != ErrorKind::InvalidSubcommand || error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidSubcommand) else { return };
    let mut at = root;
    for word in words.iter().filter_map(|word| word.to_str()).take_while(|word| word != wrong) {
        at = at.find_subcommand(word).unwrap_or(at);
    }
    let known = at.get_subcommands().filter(|verb| !verb.is_hide_set()).map(clap::Command::get_name);
    if let Some(near) = nearest(wrong, known).map(str::to_owned) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;

    fn said(line: &str) -> String {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let mut error = command().try_get_matches_from(words.clone()).unwrap_err();
        suggest(&mut error, &words, &command());
        error.to_string()
    }

    #[test]
    fn a_verb_that_there_is_not_is_answered_with_the_nearest_one_wherever_it_stands() {
        for (line, near) in [
            ("wgops pach", "'patch'"),
            ("wgops help pach", "'patch'"),
            ("wgops ledger lgo", "'log'"),
            ("wgops vault ste", "'set'"),
            ("wgops -v vault ste", "'set'"),
            ("wgops help ledger lgo", "'log'"),
        ] {
            let said = said(line);
            assert!(said.contains("a similar subcommand exists") && said.contains(near), "{line}: {said}");
        }
        let said = said("wgops ledger xyzzy");
        assert!(!said.contains("similar"), "{said}");
    }
}
