//! The scripts that change users. Each ends by printing the user's entry.

use super::group::with_accounts;
use crate::model::Script;

/// Adds a user: name, then options of useradd.
pub(super) const ADD: Script = Script {
    name: "add_user",
    text: with_accounts!(
        r#"name=$1
shift
needs useradd
[ -z "$(entry passwd "$name")" ] || exit 113
useradd "$@" -- "$name" || exit 1
entry passwd "$name"
exit 0"#
    ),
};

/// Changes a user: name, the entry as it was seen, then options of usermod.
pub(super) const MODIFY: Script = Script {
    name: "modify_user",
    text: with_accounts!(
        r#"name=$1 before=$2
shift 2
needs usermod
seen=$(entry passwd "$name")
[ "${seen#*:*:}" = "$before" ] || exit 113
usermod "$@" -- "$name" || exit 1
entry passwd "$name"
exit 0"#
    ),
};

/// Removes a user: name, the number as it was seen, then options of userdel.
pub(super) const REMOVE: Script = Script {
    name: "remove_user",
    text: with_accounts!(
        r#"name=$1 before=$2
shift 2
needs userdel
uid=$(entry passwd "$name")
uid=${uid#*:*:}
[ "${uid%%:*}" = "$before" ] || exit 113
userdel "$@" -- "$name" >/dev/null || exit 1
exit 0"#
    ),
};

/// Sets a password from `NAME:HASH` on stdin.
pub(super) const SET_PASSWORD: Script = Script {
    name: "set_password",
    text: with_accounts!(
        r#"needs chpasswd
[ -n "$(entry passwd "$1")" ] || exit 113
chpasswd -e || exit 1
entry passwd "$1"
exit 0"#
    ),
};

/// Locks or unlocks a password: name, option of usermod.
pub(super) const LOCK: Script = Script {
    name: "lock_password",
    text: with_accounts!(
        r#"needs usermod
[ -n "$(entry passwd "$1")" ] || exit 113
usermod "$2" -- "$1" || exit 1
entry passwd "$1"
exit 0"#
    ),
};

/// Makes a home directory that is missing: name, directory, what it is a copy of. Its mode is the one that the host's
/// settings name.
pub(super) const MAKE_HOME: Script = Script {
    name: "make_home",
    text: with_accounts!(
        r#"home=$2 skeleton=$3
if [ -e "$home" ] || [ -L "$home" ]; then exit 113; fi
numbers=$(entry passwd "$1")
numbers=${numbers#*:*:}
uid=${numbers%%:*}
gid=${numbers#*:}
gid=${gid%%:*}
[ -n "$gid" ] || exit 113
mode=
if [ -r /etc/login.defs ]; then
    while read -r key value rest; do
        case $key in
        HOME_MODE) mode=$value ;;
        UMASK) [ -n "$mode" ] || mode=$(printf '%04o' "$((0777 & ~0$value))") ;;
        esac
    done </etc/login.defs
fi
mkdir -p -- "${home%/*}/" || exit 1
umask 077
mkdir -- "$home" || exit 1
if [ -d "$skeleton" ]; then cp -R -p -P -- "$skeleton/." "$home" || exit 1; fi
chown -R -h "$uid:$gid" "$home" || exit 1
chmod "${mode:-0755}" "$home" || exit 1
entry passwd "$1"
exit 0"#
    ),
};

/// All of them.
pub(super) const SCRIPTS: &[Script] = &[ADD, MODIFY, REMOVE, SET_PASSWORD, LOCK, MAKE_HOME];

#[cfg(test)]
mod tests {
    use crate::modules::harness::{Bench, answer_with, misfit};
    use crate::modules::user::MODULE;
    use crate::modules::{Outcome, PRECONDITION_FAILED};
    use crate::questions::{Output, Stop};
    use serde_json::{Value, json};

    /// Asks as if the host had a user `u`, groups `g` (20) and `h` (30), and a locked password `$6$x`.
    fn outcome(args: &Value) -> Result<Outcome, Stop> {
        let digest = crate::model::Digest::of("$6$x").hex();
        answer_with(&MODULE, args, &mut |asked| {
            let words: Vec<&str> = asked.args.0.iter().map(String::as_str).collect();
            Ok(Output::ok(match (asked.script.name, &words[..]) {
                ("look_up_account", ["passwd", "u"]) => "u:x:10:20:Full Name:/home/u:/bin/sh\n".into(),
                ("look_up_account", ["group", "g"]) => "g:x:20:\n".into(),
                ("look_up_account", ["group", "h"]) => "h:x:30:\n".into(),
                ("groups_of", ["u"]) => "20 40\n".into(),
                ("password_of", ["u"]) => format!("yes:{digest}:100:0:99999:7:\n"),
                ("ssh_key_of", [file, ..]) if file.starts_with("/home/u/") => "absent\n".into(),
                ("inspect", _) => {
                    format!("/home\0u\x000022\0{n}\0\0\0\0rwx\0\0", n = "41ed 10 20 1 1 1 1 1 1 1 1 1\nu\ng")
                }
                _ => String::new(),
            }))
        })
    }

    fn argvs(args: Value) -> Vec<String> {
        let outcome = outcome(&args).unwrap_or_else(|stop| panic!("{args}: {stop:?}"));
        outcome.changes.iter().map(|c| format!("{} {}", c.script.name, c.args.0.join(" "))).collect()
    }

    #[test]
    fn the_options_are_those_of_the_tools() {
        let seen = "modify_user u 10:20:Full Name:/home/u:/bin/sh";
        let cases = [
            (json!({"name": "n"}), vec!["add_user n -m".to_owned()]),
            (json!({"name": "g"}), vec!["add_user g -N -m".to_owned()]),
            (
                json!({"name": "n", "uid": 5, "non_unique": true, "group": "g", "groups": ["h", "40"], "comment": "A B",
                       "home": "/srv/n", "shell": "/bin/zsh", "create_home": false, "system": true, "expires": 86400}),
                vec![
                    "add_user n -u 5 -o -g 20 -G 30,40 -c A B -d /srv/n -s /bin/zsh -e 1970-01-02 -M -r"
                        .into(),
                ],
            ),
            (
                json!({"name": "n", "password": "$6$y", "password_lock": true}),
                vec!["add_user n -m".into(), "set_password n".into(), "lock_password n -L".into()],
            ),
            (json!({"name": "u"}), vec![]),
            (
                json!({"name": "u", "uid": 10, "group": 20, "comment": "Full Name", "shell": "/bin/sh"}),
                vec![],
            ),
            (json!({"name": "u", "uid": 11, "group": "h"}), vec![format!("{seen} -u 11 -g 30")]),
            (json!({"name": "u", "home": "/srv/u", "move_home": true}), vec![format!("{seen} -d /srv/u -m")]),
            (json!({"name": "u", "groups": "h", "append": true}), vec![format!("{seen} -a -G 30")]),
            (json!({"name": "u", "groups": ["40"], "append": true}), vec![]),
            (json!({"name": "u", "groups": "40"}), vec![]),
            (json!({"name": "u", "groups": "h"}), vec![format!("{seen} -G 30")]),
            (json!({"name": "u", "groups": ""}), vec![format!("{seen} -G ")]),
            (json!({"name": "u", "expires": 8640000}), vec![]),
            (json!({"name": "u", "expires": -1}), vec![format!("{seen} -e ")]),
            (json!({"name": "u", "password": "$6$x"}), vec![]),
            (json!({"name": "u", "password": "!$6$x"}), vec![]),
            (json!({"name": "u", "password": "$6$y"}), vec!["set_password u".into()]),
            (json!({"name": "u", "password": "$6$y", "update_password": "on_create"}), vec![]),
            (json!({"name": "u", "password_lock": true}), vec![]),
            (json!({"name": "u", "password_lock": false}), vec!["lock_password u -U".into()]),
            (json!({"name": "u", "state": "absent"}), vec!["remove_user u 10".into()]),
            (
                json!({"name": "u", "state": "absent", "remove": true, "force": true}),
                vec!["remove_user u 10 -f -r".into()],
            ),
            (json!({"name": "n", "state": "absent"}), vec![]),
        ];
        for (args, expected) in cases {
            assert_eq!(argvs(args.clone()), expected, "{args}");
        }
    }

    #[test]
    fn days_of_a_password_bounds_and_keys_are_told_to_their_tools() {
        let cases: [(Value, Vec<String>); 5] = [
            (
                json!({"name": "u", "password_expire_max": 90, "password_expire_warn": 7}),
                vec!["set_password_aging u -M 90".into()],
            ),
            (
                json!({"name": "n", "password_expire_min": 1}),
                vec!["add_user n -m".into(), "set_password_aging n -m 1".into()],
            ),
            (
                json!({"name": "n", "umask": "077", "uid_min": 500}),
                vec!["add_user n -m -K UMASK=077 -K UID_MIN=500".into()],
            ),
            (
                json!({"name": "u", "generate_ssh_key": true, "ssh_key_type": "ed25519", "ssh_key_comment": "c"}),
                vec!["make_ssh_key u .ssh/id_ed25519 ed25519  c no no".into()],
            ),
            (
                json!({"name": "u", "generate_ssh_key": true, "ssh_key_passphrase": "never seen"}),
                vec!["make_ssh_key u .ssh/id_rsa rsa   no yes".into()],
            ),
        ];
        for (args, expected) in cases {
            assert_eq!(argvs(args.clone()), expected, "{args}");
        }
    }

    #[test]
    fn a_password_is_in_no_argument_and_no_result() {
        let outcome = outcome(&json!({"name": "u", "password": "$6$secret"})).unwrap();
        let change = &outcome.changes[0];
        assert!(!format!("{:?}{}", change.args, change.summary).contains("secret"));
        assert!(!json!(outcome.result).to_string().contains("secret"));
        assert_eq!(change.content.as_ref().unwrap().bytes(), b"u:$6$secret\n");
    }

    #[test]
    fn what_can_not_be_is_refused_and_a_plain_password_warned_of() {
        let message = |args: Value| match outcome(&args) {
            Err(Stop::Refuse(refusal)) => refusal.message,
            _ => panic!("{args} was accepted"),
        };
        assert_eq!(message(json!({"name": "u", "group": "nogroup_x"})), "Group nogroup_x does not exist");
        assert_eq!(message(json!({"name": "u", "groups": "g,none"})), "Group none does not exist");
        assert!(message(json!({"name": "-r"})).contains("can't be a user's name"));
        assert!(message(json!({"name": "u", "password": "a:b"})).contains("no hash"));
        assert!(message(json!({"name": "u", "expires": "soon"})).contains("seconds since 1970"));
        assert!(misfit(&MODULE, &json!({"name": "u", "seuser": "x"})).contains("not supported yet"));
        assert_eq!(outcome(&json!({"name": "u", "password": "hunter2"})).unwrap().warnings.len(), 1);
        assert!(outcome(&json!({"name": "u", "password": "*"})).unwrap().warnings.is_empty());
    }

    #[test]
    fn a_user_lives_on_a_real_host() {
        let Some(bench) = Bench::with_own_accounts() else { return };
        let mut args = json!({"name": "alice_x", "uid": 4711, "comment": "Alice O'Hara", "shell": "/bin/sh"});
        let result = bench.changes(&MODULE, &args);
        assert_eq!((&result["uid"], &result["home"]), (&json!(4711), &json!("/home/alice_x")));
        assert_eq!(result["comment"], json!("Alice O'Hara"));
        bench.in_order(&MODULE, &args);
        args["groups"] = json!(["daemon", "audio"]);
        bench.changes(&MODULE, &args);
        args["groups"] = json!("");
        bench.changes(&MODULE, &args);
        args["password"] = json!("$6$salt$hash");
        args["expires"] = json!(1_893_456_000);
        assert_eq!(bench.changes(&MODULE, &args)["password"], json!("NOT_LOGGING_PASSWORD"));
        args["password_lock"] = json!(true);
        bench.changes(&MODULE, &args);
        args["password_lock"] = json!(false);
        args["expires"] = json!(-1);
        bench.changes(&MODULE, &args);
        args["home"] = json!("/home/moved x");
        args["move_home"] = json!(true);
        bench.changes(&MODULE, &args);
        let gone = json!({"name": "alice_x", "state": "absent", "remove": true});
        bench.changes(&MODULE, &gone);
        bench.in_order(&MODULE, &gone);
        assert!(!bench.exists_at_home("moved x"));
    }

    #[test]
    fn a_home_that_is_missing_is_made_and_belongs_to_the_user() {
        let Some(bench) = Bench::with_own_accounts() else { return };
        bench.changes(&MODULE, &json!({"name": "bob_x", "create_home": false}));
        assert!(!bench.exists_at_home("bob_x"));
        bench.changes(&MODULE, &json!({"name": "bob_x"}));
        assert!(bench.exists_at_home("bob_x/.profile"));
        bench.in_order(&MODULE, &json!({"name": "bob_x"}));
    }

    #[test]
    fn each_change_stops_where_the_user_is_not_as_it_was_seen() {
        let Some(bench) = Bench::with_own_accounts() else { return };
        let change = |args: Value| bench.diff(&MODULE, &args).unwrap().0.changes.remove(0);
        let add = change(json!({"name": "eve_x"}));
        assert_eq!(bench.apply(&add).status, 0);
        assert_eq!(bench.apply(&add).status, PRECONDITION_FAILED);
        let comment = change(json!({"name": "eve_x", "comment": "one"}));
        let remove = change(json!({"name": "eve_x", "state": "absent"}));
        assert_eq!(bench.apply(&comment).status, 0);
        assert_eq!(bench.apply(&comment).status, PRECONDITION_FAILED);
        assert_eq!(bench.apply(&remove).status, 0);
        assert_eq!(bench.apply(&remove).status, PRECONDITION_FAILED);
    }
}
