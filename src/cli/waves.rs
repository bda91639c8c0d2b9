//! In which waves hosts are patched: options, and what `wgops.yml` says where they don't. All but the canaries arrive in
//! the playbook as variables, so that it says what they do.

use super::Failure;
use super::console::shown;
use crate::execute::Canary;
use crate::load::playbook::Batch;
use crate::load::{Pattern, Playbook, Waves};
use crate::model::Value;
use clap::Args;

/// How many hosts at a time, which first, and when to stop.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Waves")]
pub struct WaveOptions {
    /// Hosts at a time: numbers and percentages, the last one repeated; 1,25%,100% unless wgops.yml says otherwise
    #[arg(long, value_name = "SIZES", value_delimiter = ',', value_parser = size)]
    pub serial: Vec<String>,
    /// These hosts come first, in a wave of their own
    #[arg(long, value_name = "PATTERN")]
    pub canary: Option<String>,
    /// Seconds to wait after each wave but the last
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub pause: Option<u64>,
    /// Percent of a wave's hosts that may fail or be unreachable before nothing more is begun; 0 unless wgops.yml says otherwise
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    pub max_fail: Option<u64>,
}

fn size(text: &str) -> Result<String, String> {
    let size = Batch::of(&Value::from(text)).map(|_| text.trim().to_owned());
    size.ok_or_else(|| "expected a number of hosts or a percentage such as 25%".into())
}

impl WaveOptions {
    /// The same with what the settings say where options don't, but for [`WaveOptions::canary`].
    #[must_use]
    pub fn or(self, settings: Waves) -> Self {
        Self {
            serial: if self.serial.is_empty() { settings.serial.unwrap_or_default() } else { self.serial },
            canary: self.canary,
            pause: self.pause.or(settings.pause_seconds),
            max_fail: self.max_fail.or(settings.max_fail),
        }
    }

    /// The hosts that come first; `settings` say it where no option does.
    ///
    /// # Errors
    /// That is no pattern.
    pub fn canary(&self, settings: &Waves) -> Result<Option<Canary>, Failure> {
        let needed = self.canary.is_some();
        let canary = self.canary.as_deref().or(settings.canary.as_deref());
        let hosts = canary.map(Pattern::parse_limit).transpose()?;
        Ok(hosts.map(|hosts| Canary { hosts, needed }))
    }

    /// The variables that the playbook gets; what was not said has none.
    pub fn variables(&self) -> Vec<(&'static str, Value)> {
        let serial = (!self.serial.is_empty()).then(|| Value::from(self.serial.clone()));
        let all = [
            ("patch_serial", serial),
            ("patch_pause", self.pause.map(Value::from)),
            ("patch_max_fail", self.max_fail.map(Value::from)),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// Makes sure that a playbook does something with each of the variables.
    ///
    /// # Errors
    /// It never names one, so that an option would do nothing.
    pub fn check(&self, playbook: &Playbook) -> Result<(), Failure> {
        // A built-in playbook has no file, and names them all.
        let Ok(text) = std::fs::read_to_string(&**playbook.file) else { return Ok(()) };
        match self.variables().into_iter().find(|(name, _)| !text.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let option = name.trim_start_matches("patch_").replace('_', "-");
                let file = shown(&playbook.file);
                Err(Failure::usage(format!("{file} never uses {name}, so --{option} would do nothing"))
                    .hint("compare it with the playbook that 'wgops init' writes"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::TextFile;
    use serde_json::json;

    #[test]
    fn options_win_over_settings_and_nothing_said_is_no_variable() {
        let settings = Waves {
            serial: Some(vec!["2".into()]),
            canary: Some("web3".into()),
            pause_seconds: Some(60),
            max_fail: None,
        };
        let typed = WaveOptions { serial: vec!["1".into(), "50%".into()], ..WaveOptions::default() };
        let canary = |options: &WaveOptions| options.canary(&settings).unwrap().unwrap();
        assert!(!canary(&typed).needed);
        let other = WaveOptions { canary: Some("web4".into()), ..WaveOptions::default() };
        assert!(canary(&other).needed && canary(&other).hosts.as_str() == "web4");
        let waves = typed.or(settings);
        assert_eq!(waves.variables(), [("patch_serial", json!(["1", "50%"])), ("patch_pause", json!(60))]);
        assert!(WaveOptions::default().or(Waves::default()).variables().is_empty());
    }

    #[test]
    fn a_playbook_that_would_not_do_it_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patch.yml");
        let playbook = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Playbook::parse(&TextFile::read(&path).unwrap()).unwrap()
        };
        let waves = WaveOptions { pause: Some(5), ..WaveOptions::default() };
        let old = playbook("- hosts: all\n  serial: 1\n  tasks: []\n");
        assert!(waves.check(&old).unwrap_err().text().contains("--pause would do nothing"));
        assert!(WaveOptions::default().check(&old).is_ok());
        let new = "- hosts: all\n  tasks:\n    - pause: {seconds: \"{{ patch_pause }}\"}\n";
        assert!(waves.check(&playbook(new)).is_ok());
    }

    #[test]
    fn sizes_are_numbers_or_percentages() {
        assert_eq!(size(" 25% ").as_deref(), Ok("25%"));
        assert!(size("many").is_err() && size("0%").is_err() && size("").is_err());
    }
}
