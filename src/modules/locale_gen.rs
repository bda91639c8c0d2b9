//! `locale_gen`: which locales are made from their sources (Debian's `/etc/locale.gen`).

use super::text_file::TextFile;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::accounts::Locales;

/// The module.
pub static MODULE: Module = Module {
    name: "locale_gen",
    aliases: &[],
    summary: "Makes locales, or sees to it that they are not made",
    params: &[
        Param::required("name", Kind::List, "the locales, as de_DE.UTF-8"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether they are there")
            .default("present"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Speak German\n  locale_gen:\n    name: de_DE.UTF-8\n    state: present\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Makes the locales that are listed.
const GENERATE: Script = Script {
    name: "generate_locales",
    text: r#"command -v locale-gen >/dev/null 2>&1 || { echo 'this host has no locale-gen' >&2; exit 1; }
locale-gen >/dev/null </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[GENERATE];

const LIST: &str = "/etc/locale.gen";

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let said = host.get(Locales(vec![]));
    let file = TextFile::ask(host, LIST)?;
    let said = said?.as_ref().clone().map_err(Stop::refuse)?.text;
    let section = |name: &str| {
        let lines = said.lines().skip_while(move |line| *line != name).skip(1);
        lines.take_while(|line| !line.starts_with("== ")).collect::<Vec<_>>()
    };
    let there: Vec<String> = section("== there").iter().map(|name| normal(name)).collect();
    let known = [section("== listed"), section("== supported")].concat();
    if file.old.is_none() {
        return Err(Stop::refuse(format!("{LIST} is missing: is the package locales there?")));
    }
    let present = args.text("state") != Some("absent");
    let names = args.list("name");
    for name in &names {
        if !known
            .iter()
            .any(|line| line.trim_start_matches(['#', ' ']).split_whitespace().next() == Some(name))
        {
            return Err(Stop::refuse(format!(
                "The following locales you've entered are not available on your system: {name}"
            )));
        }
    }
    let wrong: Vec<&str> =
        names.iter().copied().filter(|name| there.contains(&normal(name)) != present).collect();
    if wrong.is_empty() {
        return Ok(Outcome::in_order(Map::new()));
    }
    let mut changes =
        file.put(host, &Args::default(), edited(file.text(), &known, &wrong, present), 0o644)?;
    let verb = if present { "make" } else { "drop" };
    changes.push(Change {
        deadline: Change::DEADLINE,
        ..Change::state(
            format!("{verb} the locales {}", wrong.join(", ")),
            GENERATE,
            [""; 0],
            [Subject::path("/usr/lib/locale"), Subject::path(LIST)],
        )
    });
    Ok(Outcome::change(Map::new(), changes))
}

/// A locale's name as `locale -a` has it: the character set in small letters and without dashes.
fn normal(name: &str) -> String {
    let (name, modifier) = name.trim().split_once('@').unwrap_or((name.trim(), ""));
    let (language, set) = name.split_once('.').unwrap_or((name, ""));
    format!("{language}.{}@{modifier}", set.to_lowercase().replace('-', ""))
}

fn edited(text: &str, known: &[&str], names: &[&str], present: bool) -> String {
    let mut new = String::new();
    let mut found: Vec<&str> = Vec::new();
    for line in text.lines() {
        let plain = line.trim_start_matches(['#', ' ']);
        let named = plain.split_whitespace().next().and_then(|word| names.iter().find(|name| **name == word));
        let is_commented = line.trim_start().starts_with('#');
        match named {
            Some(name) if present => {
                found.push(name);
                new.push_str(plain);
            }
            Some(_) if !is_commented => new.push_str(&format!("# {line}")),
            _ => new.push_str(line),
        }
        new.push('\n');
    }
    for name in names.iter().filter(|name| present && !found.contains(name)) {
        let line = known.iter().find(|line| line.split_whitespace().next() == Some(name));
        new.push_str(&format!("{}\n", line.map_or(*name, |line| line.trim())));
    }
    new
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_their_character_set_is_written() {
        assert_eq!(normal("de_DE.UTF-8"), normal("de_DE.utf8"));
        assert_eq!(normal("de_DE@euro"), normal("de_DE@euro "));
        assert_ne!(normal("de_DE"), normal("de_DE.UTF-8"));
    }

    #[test]
    fn lines_are_uncommented_commented_and_added() {
        let text = "# This file\n# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n# de_DE ISO-8859-1\n";
        let put = edited(text, &["fr_FR.UTF-8 UTF-8"], &["de_DE.UTF-8", "fr_FR.UTF-8"], true);
        assert_eq!(
            put,
            "# This file\nde_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n# de_DE ISO-8859-1\nfr_FR.UTF-8 UTF-8\n"
        );
        let gone = edited(text, &[], &["en_US.UTF-8"], false);
        assert!(gone.contains("\n# en_US.UTF-8 UTF-8\n"));
    }
}
