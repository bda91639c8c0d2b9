//! Options that Ansible's admins type and that wgops has not, each with what to do instead.

use super::Failure;
use clap::Args;

/// They are known, so that whoever types one is told more than that there is none.
#[derive(Args, Debug, Clone, Default)]
pub struct Habits {
    /// Asked for by habit of `patch`: a run asks nothing that this would answer.
    #[arg(short, long, hide = true)]
    yes: bool,
    /// Facts are gathered anew in each run.
    #[arg(long, hide = true)]
    flush_cache: bool,
    #[arg(long, hide = true)]
    step: bool,
    #[arg(short = 'k', long, hide = true)]
    ask_pass: bool,
    #[arg(long, hide = true, alias = "conn-pass-file")]
    connection_password_file: Option<String>,
    #[arg(short = 'J', long, hide = true, alias = "ask-vault-password")]
    ask_vault_pass: bool,
    #[arg(long, hide = true, alias = "vault-pass-file")]
    vault_password_file: Vec<String>,
    #[arg(long, hide = true)]
    vault_id: Vec<String>,
    #[arg(short = 'M', long, hide = true)]
    module_path: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    ssh_common_args: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    ssh_extra_args: Option<String>,
}

impl Habits {
    /// Refuses what there is not.
    ///
    /// # Errors
    /// One of them was given.
    pub fn refuse(&self) -> Result<(), Failure> {
        let all = [
            (
                self.step,
                "--step",
                "look at everything first by --check --diff, begin in the middle by --start-at-task, or write a plan by --plan-out, which 'wgops apply' carries out",
            ),
            (
                self.ask_pass || self.connection_password_file.is_some(),
                "password for logging in",
                "wgops logs in with keys: put yours on the hosts by 'wgops access sync' or ssh-copy-id. -K asks for sudo's",
            ),
            (
                self.ask_vault_pass || !self.vault_password_file.is_empty() || !self.vault_id.is_empty(),
                "password of ansible-vault",
                "secrets are sealed for people here: 'wgops vault import' takes over what ansible-vault sealed",
            ),
            (
                self.module_path.is_some(),
                "--module-path",
                "modules are built in ('wgops docs --list'); what is missing can be done by command, script or template",
            ),
            (
                self.ssh_common_args.is_some() || self.ssh_extra_args.is_some(),
                "arguments of ssh on the command line",
                "set ansible_ssh_common_args in the inventory, or what they say in ~/.ssh/config",
            ),
        ];
        match all.into_iter().find(|(given, ..)| *given) {
            None => Ok(()),
            Some((_, what, instead)) => {
                Err(Failure::usage(format!("'wgops run' takes no {what}")).hint(instead))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        habits: Habits,
    }

    fn refused(words: &[&str]) -> Option<String> {
        let typed = Typed::try_parse_from([&["x"], words].concat()).unwrap();
        typed.habits.refuse().err().map(|failure| failure.message())
    }

    #[test]
    fn what_ansible_has_and_wgops_has_not_is_said_with_what_to_do_instead() {
        for words in [["--flush-cache"], ["--yes"], ["-y"]] {
            assert_eq!(refused(&words), None, "{words:?} says nothing new");
        }
        for words in [
            &["--step"][..],
            &["-k"],
            &["--ask-pass"],
            &["-J"],
            &["--ask-vault-password"],
            &["--vault-password-file", "x"],
            &["--vault-id", "prod@prompt"],
            &["-M", "library"],
            &["--ssh-common-args", "-o ProxyJump=x"],
            &["--ssh-extra-args=-v"],
        ] {
            let said = refused(words).unwrap_or_default();
            assert!(said.contains("takes no"), "{words:?}: {said}");
        }
    }
}
