//! `sshd_settings`: how sshd is set, for checks. As root it is what sshd itself makes of its files; otherwise what the files
//! say, over OpenSSH's own defaults.

use super::gathered::Gathered;
use super::updates::some_of;
use super::{Args, Docs, Effect, FreeForm, Host, Module, Outcome, Returned, plain_result};
use crate::model::{Map, Severity, Value};
use crate::questions::Stop;
use crate::questions::access::sshd::{Match, SshdSettings, SshdState};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "sshd_settings",
    aliases: &[],
    summary: "Says how sshd is set",
    params: &[],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: See how sshd is set
  sshd_settings:
  become: true
  register: sshd
",
        returns: &[
            Returned { name: "assessed", help: "whether all of it could be read" },
            Returned {
                name: "source",
                help: "`sshd` where sshd itself said it, `files` where only its files could be read",
            },
            Returned { name: "settings", help: "each setting by its name in small letters" },
            Returned { name: "matches", help: "what `Match` blocks change: `criteria` and `settings`" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Settings of which several values count: lists in any case.
const LISTS: [&str; 9] = [
    "port",
    "listenaddress",
    "hostkey",
    "acceptenv",
    "allowusers",
    "allowgroups",
    "denyusers",
    "denygroups",
    "subsystem",
];

/// What holds where the files say nothing.
///
/// # Source
/// `sshd_config(5)` of OpenSSH 9.2; the same since 7.0.
const DEFAULTS: [(&str, &str); 19] = [
    ("allowagentforwarding", "yes"),
    ("allowtcpforwarding", "yes"),
    ("authorizedkeysfile", ".ssh/authorized_keys .ssh/authorized_keys2"),
    ("clientaliveinterval", "0"),
    ("gatewayports", "no"),
    ("hostbasedauthentication", "no"),
    ("ignorerhosts", "yes"),
    ("kbdinteractiveauthentication", "yes"),
    ("logingracetime", "120"),
    ("maxauthtries", "6"),
    ("passwordauthentication", "yes"),
    ("permitemptypasswords", "no"),
    ("permitrootlogin", "prohibit-password"),
    ("permittunnel", "no"),
    ("permituserenvironment", "no"),
    ("pubkeyauthentication", "yes"),
    ("strictmodes", "yes"),
    ("usepam", "no"),
    ("x11forwarding", "no"),
];

fn diff(_: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let state = seen.known(("check/sshd", "how sshd is set"), host.get(SshdSettings))?;
    let state = state.as_deref();
    let assessed = state.is_some_and(|state| is_assessed(state, &mut seen));
    let state = state.filter(|_| assessed);
    seen.set("assessed", assessed);
    seen.set("source", if state.is_some_and(|s| s.effective.is_some()) { "sshd" } else { "files" });
    seen.set("settings", state.map(settings).unwrap_or_default());
    let matches: Vec<Value> = state.iter().flat_map(|state| &state.matches).map(block).collect();
    seen.set("matches", matches);
    Ok(seen.outcome())
}

/// Whether enough is known to say how sshd is set; tells where it isn't.
fn is_assessed(state: &SshdState, seen: &mut Gathered) -> bool {
    if !state.installed {
        let texts = [
            "how people log in was not looked at",
            "there is no sshd of OpenSSH",
            "look at the host's own way by hand",
        ];
        seen.not_assessed("check/sshd", Severity::Info, texts);
        return false;
    }
    if state.effective.is_none() && !state.unreadable.is_empty() {
        let evidence = format!("not readable: {}", some_of(&state.unreadable));
        let texts = ["how sshd is set is unknown", &evidence, "audit with --become"];
        seen.not_assessed("check/sshd", Severity::Medium, texts);
        return false;
    }
    true
}

fn settings(state: &SshdState) -> Map {
    let mut settings = Map::new();
    for (key, value) in state.effective.as_ref().unwrap_or(&state.global) {
        take(&mut settings, key, value);
    }
    if state.effective.is_none() {
        for (key, value) in DEFAULTS {
            settings.entry(key).or_insert_with(|| value.into());
        }
    }
    settings
}

fn block(found: &Match) -> Value {
    let mut settings = Map::new();
    found.settings.iter().for_each(|(key, value)| take(&mut settings, key, value));
    json!({"criteria": found.criteria, "settings": settings})
}

/// The first value counts; of some settings all do.
fn take(settings: &mut Map, key: &str, value: &str) {
    let key = match key {
        "challengeresponseauthentication" | "skeyauthentication" => "kbdinteractiveauthentication",
        key => key,
    };
    let value = match (key, value) {
        ("permitrootlogin", "without-password") => "prohibit-password",
        (_, value) => value,
    };
    // Words are words whatever their case; paths and patterns are not.
    let value = if matches!(value.to_lowercase().as_str(), "yes" | "no") {
        value.to_lowercase()
    } else {
        value.to_owned()
    };
    if LISTS.contains(&key) {
        let list = settings.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.push(value.into());
        }
    } else {
        settings.entry(key).or_insert_with(|| value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn ask(text: &str) -> (Value, Vec<String>) {
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| Ok(Output::ok(text))).unwrap();
        let ids = outcome.findings.iter().map(|f| format!("{} {}", f.severity, f.id)).collect();
        (outcome.result.into(), ids)
    }

    #[test]
    fn the_files_count_over_the_defaults_and_what_sshd_says_over_both() {
        let files = "program /usr/sbin/sshd\nbegin /etc/ssh/sshd_config\nline PermitRootLogin without-password\nline PermitRootLogin yes\n\
                     line Port 22\nline Port 2222\nline Match User bob\nline PasswordAuthentication YES\nend\n";
        let (result, ids) = ask(files);
        assert_eq!(ids, [""; 0]);
        let settings = &result["settings"];
        assert_eq!(
            (&settings["permitrootlogin"], &settings["port"]),
            (&json!("prohibit-password"), &json!(["22", "2222"]))
        );
        assert_eq!((&settings["strictmodes"], &result["source"]), (&json!("yes"), &json!("files")));
        let bob = json!([{"criteria": "User bob", "settings": {"passwordauthentication": "yes"}}]);
        assert_eq!(result["matches"], bob);
        let (result, _) = ask(&format!("{files}set permitrootlogin no\n"));
        assert_eq!(
            (&result["settings"], &result["source"]),
            (&json!({"permitrootlogin": "no"}), &json!("sshd"))
        );
    }

    #[test]
    fn what_is_unknown_is_told_and_leaves_nothing_to_check() {
        let blind = "program /usr/sbin/sshd\nbegin /etc/ssh/sshd_config\nline Port 22\nunreadable /etc/ssh/a.conf\nend\n";
        for (text, id) in [("", "info not-assessed/check/sshd"), (blind, "medium not-assessed/check/sshd")] {
            let (result, ids) = ask(text);
            assert_eq!(
                (ids, &result["assessed"], &result["settings"]),
                (vec![id.to_owned()], &json!(false), &json!({}))
            );
        }
    }
}
