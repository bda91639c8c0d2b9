//! `sshd_account`: from where sshd takes what lets an account in, by its own word, and which sessions go on. What a file says
//! is not always what counts: another file may have said it first, or for some addresses.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::access::entry::WhatLetsIn;
use crate::questions::access::sshd::{Match, SshdSettings, SshdState};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "sshd_account",
    aliases: &[],
    summary: "Says from where sshd takes what lets an account in, and which of its sessions are open",
    params: &[Param::required("name", Kind::Text, "the account")],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: See which files of keys let into ops
  sshd_account: {name: ops}
  become: true
  register: ops
- name: No program names keys
  assert:
    that: not ops.assessed or ops.key_command == ''
",
        returns: &[
            Returned { name: "assessed", help: "whether sshd could be asked, which takes root" },
            Returned {
                name: "mistake",
                help: "what sshd has against its settings, with which it would not start again; empty where it takes them",
            },
            Returned {
                name: "barred",
                help: "which of sshd's settings keeps the account out, whatever its key, by itself or where this session comes from; empty where none does",
            },
            Returned { name: "home", help: "the account's home; empty where there is no such account" },
            Returned { name: "key_files", help: "files of keys, as whole paths" },
            Returned { name: "key_command", help: "the program that names more keys, or nothing" },
            Returned { name: "ca_file", help: "the file of keys that sign certificates, or nothing" },
            Returned {
                name: "forced",
                help: "programs that sshd starts instead of what is asked for, whatever a key says: for all, for who comes from where this session does, and for some addresses",
            },
            Returned {
                name: "elsewhere",
                help: "`Match` blocks that say another thing of these for some addresses, hosts or ports",
            },
            Returned {
                name: "sessions",
                help: "open sessions other than this one: `pid`, and `seconds` for how long",
            },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// What decides who gets in.
const DECIDES: [&str; 3] = ["authorizedkeysfile", "authorizedkeyscommand", "trustedusercakeys"];
/// What decides what is started for them.
const FORCES: &str = "forcecommand";
/// What a block can ask of a connection besides who logs in.
const OF_A_CONNECTION: [&str; 5] = ["address", "host", "localaddress", "localport", "rdomain"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let user = args.needed("name")?.to_owned();
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if user.is_empty() || user.starts_with('-') || !user.chars().all(is_name) {
        return Err(Stop::refuse(format!("'{user}' is no name of an account")));
    }
    let settings = host.get(SshdSettings);
    let entry = host.get(WhatLetsIn { user: user.clone() })?;
    let state = settings?;
    let elsewhere: Vec<String> =
        for_some(&state, &user, &DECIDES).iter().map(|block| block.criteria.clone()).collect();
    let blocks = for_some(&state, &user, &[FORCES]).into_iter().flat_map(|block| &block.settings);
    let for_some =
        blocks.filter(|(key, value)| key == FORCES && value != "none").map(|(_, value)| value.clone());
    let mut forced: Vec<String> =
        [&entry.forced, &entry.forced_here].into_iter().flatten().cloned().chain(for_some).collect();
    forced.dedup();
    let sessions: Vec<Value> =
        entry.sessions.iter().map(|(pid, seconds)| json!({"pid": pid, "seconds": seconds})).collect();
    let result = [
        ("assessed", entry.is_said.into()),
        ("mistake", entry.mistakes.join("; ").into()),
        ("barred", entry.barred.clone().unwrap_or_default().into()),
        ("home", entry.account.as_ref().map_or("", |(_, home)| home).into()),
        ("key_files", entry.key_files.clone().into()),
        ("key_command", entry.key_command.clone().unwrap_or_default().into()),
        ("ca_file", entry.ca_file.clone().unwrap_or_default().into()),
        ("forced", forced.into()),
        ("elsewhere", elsewhere.into()),
        ("sessions", sessions.into()),
    ];
    let result: Map = result.into_iter().map(|(key, value): (&str, Value)| (key.to_owned(), value)).collect();
    Ok(Outcome { result, ..Outcome::default() })
}

/// Blocks that say one of these for some connections, and count: of several blocks that fit, the first one does.
fn for_some<'a>(state: &'a SshdState, user: &str, keys: &[&str]) -> Vec<&'a Match> {
    let decided = |block: &Match, key: &str| block.settings.iter().any(|(known, _)| known == key);
    let of_all_who = |block: &Match| {
        block
            .criteria
            .split_once(char::is_whitespace)
            .is_some_and(|(word, name)| word.eq_ignore_ascii_case("user") && name.trim() == user)
    };
    let some = state.matches.iter().enumerate().filter(|(at, block)| {
        let words = || block.criteria.split([' ', '\t', '=']).map(str::to_lowercase);
        let open = keys.iter().filter(|key| decided(block, key)).any(|key| {
            !state.matches.iter().take(*at).any(|before| of_all_who(before) && decided(before, key))
        });
        open && words().any(|word| OF_A_CONNECTION.contains(&word.as_str()))
    });
    some.map(|(_, block)| block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn ask(files: &str, said: &str) -> Value {
        let outcome = answer_with(&MODULE, &json!({"name": "ops"}), &mut |asked| {
            Ok(Output::ok(match asked.script.name {
                "sshd_settings" => files,
                _ => said,
            }))
        });
        outcome.unwrap().result.into()
    }

    #[test]
    fn what_sshd_says_is_handed_on() {
        let said = "account 1000 /home/ops\nsaid\nset authorizedkeysfile .ssh/authorized_keys2\n\
                    set authorizedkeyscommand /bin/keys\nset trustedusercakeys none\nsession 7 61\n";
        let result = ask("begin /etc/ssh/sshd_config\nend\n", said);
        assert_eq!(
            result,
            json!({"assessed": true, "mistake": "", "barred": "", "home": "/home/ops", "key_files": ["/home/ops/.ssh/authorized_keys2"],
                   "key_command": "/bin/keys", "ca_file": "", "forced": [], "elsewhere": [], "sessions": [{"pid": 7, "seconds": 61}]})
        );
        assert_eq!(ask("", "")["assessed"], json!(false));
        let wrong = ask("", "account 1000 /home/ops\nmistake 00-x.conf line 1\nmistake terminating, 1 bad\n");
        assert_eq!(
            (&wrong["assessed"], &wrong["mistake"]),
            (&json!(false), &json!("00-x.conf line 1; terminating, 1 bad"))
        );
    }

    #[test]
    fn a_block_for_some_addresses_counts_unless_it_stands_behind_one_for_the_account() {
        let block = |criteria: &str, key: &str| format!("line Match {criteria}\nline {key} /x\n");
        let home = block("Address 10.0.0.0/8", "AuthorizedKeysFile");
        let ours = block("User ops", "AuthorizedKeysFile");
        let others = block("User ops Address 10.1.0.0/16", "TrustedUserCAKeys");
        let all = |blocks: &[&str]| format!("begin /etc/ssh/sshd_config\n{}end\n", blocks.concat());
        let found = |blocks: &[&str]| ask(&all(blocks), "said\n")["elsewhere"].clone();
        assert_eq!(found(&[&home, &ours]), json!(["Address 10.0.0.0/8"]));
        assert_eq!(found(&[&ours, &home]), json!([]));
        assert_eq!(found(&[&ours, &home, &others]), json!(["User ops Address 10.1.0.0/16"]));
        assert_eq!(
            found(&[&block("Address 10.0.0.1", "X11Forwarding"), &block("Group x", "TrustedUserCAKeys")]),
            json!([])
        );
    }

    #[test]
    fn what_is_started_whatever_a_key_says_is_told() {
        let block =
            |criteria: &str, forced: &str| format!("line Match {criteria}\nline ForceCommand {forced}\n");
        let files = [
            block("Address 10.0.0.0/8", "internal-sftp"),
            block("User ops", "/ask"),
            block("Address 10.1.0.0/16", "/bin/sh"),
        ];
        let files = format!("begin /etc/ssh/sshd_config\n{}end\n", files.concat());
        let said =
            "said\nset forcecommand /ask\nfrom 10.0.0.1 10.0.0.2 22\nhere set forcecommand internal-sftp\n";
        assert_eq!(ask(&files, said)["forced"], json!(["/ask", "internal-sftp"]));
        let none = "said\nset forcecommand none\nhere set forcecommand none\n";
        assert_eq!(ask("begin /etc/ssh/sshd_config\nend\n", none)["forced"], json!([]));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "a,addr=1", "-x", "a b"] {
            assert!(
                answer_with(&MODULE, &json!({"name": name}), &mut |_| panic!("asked")).is_err(),
                "{name}"
            );
        }
    }
}
