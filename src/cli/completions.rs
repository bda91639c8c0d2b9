//! `wgops completions SHELL`.

use super::{Console, Exit, Failure, command};
use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Put them where the shell looks, for example:
  wgops completions bash > ~/.local/share/bash-completion/completions/wgops
  wgops completions zsh > \"${fpath[1]}/_wgops\"
  wgops completions fish > ~/.config/fish/completions/wgops.fish";

/// Print completions for a shell
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    /// GNU bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

impl Completions {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let shell = match self.shell {
            Shell::Bash => clap_complete::Shell::Bash,
            Shell::Zsh => clap_complete::Shell::Zsh,
            Shell::Fish => clap_complete::Shell::Fish,
        };
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut command(), "wgops", &mut text);
        console.result(&String::from_utf8_lossy(&text))?;
        Ok(Exit::Well)
    }
}
