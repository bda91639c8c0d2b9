//! The rules, each with a name that stays the same for ever. Where `ansible-lint` has a rule of the same meaning, it has
//! the same name here or stands under `also`, so that a `# noqa` of a playbook that was linted by that counts here too.

use crate::model::Weight;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Other names that `# noqa`, `--skip` and `--only` know it by.
    pub also: &'static [&'static str],
    /// How much it matters.
    pub weight: Weight,
    /// What it is about, in a sentence.
    pub about: &'static str,
}

macro_rules! rules {
    ($($id:ident $weight:ident $name:literal [$($also:literal),*] $about:literal)*) => {
        $(#[doc = $about] pub static $id: Rule =
            Rule { name: $name, also: &[$($also),*], weight: Weight::$weight, about: $about };)*
        /// Every rule, in alphabetical order.
        pub static ALL: &[&Rule] = &[$(&$id),*];
    };
}

rules! {
    BAD_VALUE Error "bad-value" ["args"] "An argument's value is none that the module takes"
    CLEARTEXT_SECRET Warning "cleartext-secret" [] "A password, token or the like stands in a file as it is"
    COMMAND_INSTEAD_OF_MODULE Warning "command-instead-of-module" [] "A command does what a module does better: it would look first, and tell what it changes"
    DEPRECATED_BARE_VARS Error "deprecated-bare-vars" [] "A loop over a variable's name, which is text without braces"
    DEPRECATED_INCLUDE Warning "deprecated-include" ["deprecated-module"] "`include` has successors that say what they mean"
    DEPRECATED_LOCAL_ACTION Info "deprecated-local-action" [] "`local_action` is an old word for `delegate_to: localhost`"
    DOUBLED_PARAMETER Warning "doubled-parameter" ["args"] "A parameter is given under two of its names, and only one counts"
    EMPTY_HANDLERS Info "empty-handlers" [] "A list of handlers with nothing in it"
    IGNORE_ERRORS Warning "ignore-errors" [] "Every failure is ignored, also those that nobody thought of"
    INLINE_ENV_VAR Warning "inline-env-var" [] "`command` runs no shell, so that NAME=value in front is taken for a program"
    JINJA Error "jinja" [] "A template that can't be compiled"
    LITERAL_COMPARE Info "literal-compare" [] "A comparison with true or false, where the value alone is enough"
    LOOP_KEYWORD Info "loop-keyword" [] "`with_items` and the like are older words for `loop`"
    MISSING_FILE Error "missing-file" ["load-failure"] "A file that is named is not there"
    MISSING_PARAMETER Error "missing-parameter" ["args"] "A module is not given what it needs"
    MISSING_ROLE Error "missing-role" ["syntax-check"] "A role that is named is not there"
    MISSING_SLASH Warning "missing-slash" [] "A path on a host without a slash before `etc`, `var` and the like: it begins in the login's home"
    NAME_MISSING Info "name-missing" ["name"] "A task or play without a name: output and --start-at-task can't tell which one it is"
    NO_CHANGED_WHEN Info "no-changed-when" [] "A command without changed_when, creates or removes counts as a change each time"
    NO_FREE_FORM Info "no-free-form" [] "Arguments as name=value words: quotes and types are easily lost"
    NO_HANDLER Info "no-handler" [] "A task that runs where another changed something: that is a handler"
    NO_JINJA_WHEN Warning "no-jinja-when" [] "Braces in a condition, which is an expression already"
    NOT_SUPPORTED_YET Error "not-supported-yet" [] "Ansible has it, and wgops lacks it so far"
    PACKAGE_LATEST Warning "package-latest" [] "Packages are upgraded whenever the playbook runs"
    PARTIAL_BECOME Warning "partial-become" [] "become_user without become has no effect"
    PRIVATE_KEY Error "private-key" [] "A private key stands in a file as it is"
    RISKY_FILE_PERMISSIONS Warning "risky-file-permissions" [] "A file is created without `mode`: who may read it is left to chance"
    RISKY_OCTAL Error "risky-octal" [] "A mode that is a number without a leading 0 is taken as decimal"
    RISKY_SHELL_PIPE Info "risky-shell-pipe" [] "Of a pipe, only the last program's failure counts"
    SHADOWED_LOOP_VARIABLE Warning "shadowed-loop-variable" ["loop-var-prefix"] "A loop over an include, in which another loop uses the same variable"
    SHELL_NOT_NEEDED Info "shell-not-needed" ["command-instead-of-shell"] "`shell` without anything that needs a shell"
    SHELL_SYNTAX_IN_COMMAND Error "shell-syntax-in-command" [] "`command` runs no shell: pipes, redirections and && are passed on as words"
    STRUCTURE Error "structure" ["schema", "syntax-check", "parser-error"] "A play, block or task is not built as one"
    UNDEFINED_HANDLER Error "undefined-handler" [] "A task notifies a handler that there is not"
    UNKNOWN_JINJA_NAME Error "unknown-jinja-name" [] "A filter, test, lookup or function that there is not"
    UNKNOWN_MODULE Error "unknown-module" ["syntax-check", "fqcn"] "A module that there is not"
    UNKNOWN_PARAMETER Error "unknown-parameter" ["args"] "A parameter that the module has not"
    UNREACHABLE_RESCUE Warning "unreachable-rescue" [] "What stands under `rescue` never runs, since nothing in the block can fail"
    UNUSED_HANDLER Info "unused-handler" [] "A handler that nothing notifies"
    VARIABLE_NAME Warning "variable-name" ["var-naming"] "A variable whose name means something else already"
    YAML_SYNTAX Error "yaml-syntax" ["yaml", "load-failure", "parser-error"] "A file that is no YAML, or says a key twice"
}

/// The rules of this name, or that are also known by it; a part in brackets (`name[missing]`) is for others.
pub fn named(name: &str) -> Vec<&'static Rule> {
    let name = name.split('[').next().unwrap_or_default();
    ALL.iter().copied().filter(|rule| rule.name == name || rule.also.contains(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique_and_of_small_letters() {
        let names: Vec<&str> = ALL.iter().map(|rule| rule.name).collect();
        let mut sorted = names.clone();
        sorted.sort_by_key(|name| name.replace('-', " "));
        sorted.dedup();
        assert_eq!(names.len(), sorted.len());
        for rule in ALL {
            assert!(rule.name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", rule.name);
            assert!(!rule.about.ends_with('.'));
            assert!(!ALL.iter().any(|other| rule.also.contains(&other.name)), "{}", rule.name);
        }
        assert_eq!(named("name[missing]")[0].name, "name-missing");
        assert!(named("no-such-rule").is_empty());
    }
}
