//! The gate: what is asked of a host through an account that may change nothing, by whom root's answers are known from
//! there, and the program of the account itself.
//!
//! The account's every login ends in one file on the host, which holds the questions of the list here and runs nothing
//! else; arguments travel apart from them and are never evaluated (`gate/ask.sh` is the protocol's specification). A question is on the
//! list if nobody can make it write or start anything by its arguments, which leaves out what is harmless only as it is
//! used: SQL, URLs, `find`'s own language, git.
//!
//! That such an account can ask does not make its answer root's. [`sight`] says whether it is; where it isn't, the
//! answer is *unseen*, and never guessed.

use super::{Asked, Output, read_only_scripts};
use crate::model::{Script, Subject, Subjects};

/// Where the gate lies on hosts.
pub const GATE: &str = "/usr/local/lib/wgops/ask";
/// Asks whether the account sees what root would see at paths.
pub const SEE: Script = Script { name: "see", text: include_str!("gate/see.sh") };

/// How much of what root would be told an account without any rights is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sight {
    /// All of it: the host tells everybody, or the answer says itself what it doesn't hold.
    Same,
    /// All of it where these can be looked at, each as an argument of [`SEE`].
    Places(Vec<String>),
    /// Nothing that could be relied on, or it may not be asked.
    Unseen,
}

/// Questions whose answer is everybody's.
const SAME: &[&str] = &[
    "alive",
    "all_packages",
    "all_services",
    "alternative",
    "apt_list_times",
    "apt_sources",
    "authorized_keys",
    "boot_id",
    "dpkg_packages",
    "dpkg_removable",
    "dpkg_selection",
    "dpkg_state",
    "epoch_of",
    "every_account",
    "facts",
    "failed_units",
    "getent",
    "groups_of",
    "host_names",
    "kernel_module",
    "locales",
    "look_up_account",
    "microcode",
    "outdated_programs",
    "package_manager",
    "reboot_needed",
    "release",
    "service",
    "source_packages",
    "space",
    "sshd_settings",
    "sudo_rules",
    "systemd_reload_need",
    "time_now",
    "time_zone",
    "units",
    "who_changes_it",
];
/// Questions whose answer is everybody's who can read what they read.
const PLACES: &[&str] =
    &["any_match", "inspect", "is_empty", "kernel_settings", "labels", "mime_type", "mounts", "read_file"];
/// Questions whose answer is everybody's who can read apt's settings: where these hold passwords, or pins, root alone may.
const APT: &[&str] = &["apt_automatic", "apt_plan", "apt_unlisted", "apt_updates"];
/// Where apt's settings lie.
const APT_PLACES: [&str; 6] = [
    "r:/etc/apt/apt.conf",
    "t:/etc/apt/apt.conf.d",
    "r:/etc/apt/preferences",
    "t:/etc/apt/preferences.d",
    "r:/etc/apt/sources.list",
    "t:/etc/apt/sources.list.d",
];
/// Databases that root alone reads.
const ROOTS_OWN: [&str; 2] = ["shadow", "gshadow"];

/// How much of what root would be told an account without any rights is told to a question.
pub fn sight(asked: &Asked) -> Sight {
    let (name, args) = (asked.script.name, &asked.args.0);
    let first = args.first().map(String::as_str).unwrap_or_default();
    match name {
        "getent" if ROOTS_OWN.contains(&first) => Sight::Unseen,
        // Units of users are a user's own.
        "service" if args.len() > 1 => Sight::Unseen,
        _ if SAME.contains(&name) => Sight::Same,
        _ if APT.contains(&name) => Sight::Places(APT_PLACES.map(str::to_owned).into()),
        _ if PLACES.contains(&name) => places(asked),
        _ => Sight::Unseen,
    }
}

/// Where a question looks; nothing can be said of one that doesn't tell, or looks from where its user happens to be.
fn places(asked: &Asked) -> Sight {
    let Subjects::These(all) = &asked.reads else { return Sight::Unseen };
    let only_lies_there =
        asked.script.name == "inspect" && asked.args.0.get(1).is_some_and(|word| word == "-");
    let kind = if only_lies_there { 'x' } else { 'r' };
    let mut places = Vec::new();
    for subject in all {
        match subject {
            Subject::Path(path) if path == "/" => return Sight::Unseen,
            Subject::Path(path) => places.push(format!("{kind}:{path}")),
            Subject::Machine | Subject::Mounts | Subject::Packages | Subject::Users => {}
            _ => return Sight::Unseen,
        }
    }
    Sight::Places(places)
}

/// Whether the answer to [`SEE`] says of all places that they can be.
pub fn sees_all(output: &Output, places: usize) -> bool {
    let text = output.text();
    output.status == 0 && text.lines().count() == places && text.lines().all(|line| line == "yes")
}

/// Whether a question is on the list.
pub(super) fn knows(name: &str) -> bool {
    [SAME, APT, PLACES].iter().any(|names| names.contains(&name))
}

/// The scripts that the gate knows.
pub fn scripts() -> Vec<Script> {
    let mut all: Vec<Script> = read_only_scripts().into_iter().filter(|script| knows(script.name)).collect();
    all.push(SEE);
    all
}

/// The gate's text: a program for `sh`.
pub fn program() -> String {
    let mut text = include_str!("gate/ask.sh").to_owned();
    let mut answers = String::new();
    for script in scripts() {
        let digest = script.digest();
        text.push_str(&format!("wgops_q_{}() (\n{}\n)\n", script.name, script.text));
        // Local facts are programs; where they lie is not for whoever asks to say.
        let words = if script.name == "facts" { "\"${1-}\" \"$(wgops_own_facts)\"" } else { "\"$@\"" };
        answers.push_str(&format!("    {}) wgops_q_{} {words}; wgops_s=$? ;;\n", digest.hex(), script.name));
    }
    text.push_str("wgops_answer() {\n    case $wgops_digest in\n");
    text.push_str(&answers);
    text.push_str("    *) echo 'wgops: this gate does not know the question' >&2 ;;\n    esac\n}\n");
    text.push_str(include_str!("gate/loop.sh"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    const HELLO: &str = "wgops-ask 1";
    const MARK: &str = "00112233445566778899aabbccddeeff";

    /// The gate in a shell of this machine, given these bytes: both streams, and how it ended.
    fn gate(shell: &[&str], input: &str) -> (String, String, Option<i32>) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ask");
        // The shell that it names is the one to be tested.
        let text = program().replace("/bin/sh \"$0\" ask", &format!("{} \"$0\" ask", shell.join(" ")));
        std::fs::write(&file, text).unwrap();
        let mut child = Command::new(shell[0])
            .args(&shell[1..])
            .arg(&file)
            .env("SSH_ORIGINAL_COMMAND", "touch /tmp/wgops-was-here")
            .env("ENV", "/nowhere")
            .env("LC_TELLTALE", "x")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before all is read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    fn shells() -> Vec<Vec<&'static str>> {
        let all = [vec!["/bin/dash"], vec!["/bin/bash", "--posix"], vec!["/bin/busybox", "ash"]];
        all.into_iter().filter(|words| std::path::Path::new(words[0]).exists()).collect()
    }

    fn ask(number: u32, script: &Script, args: &[&str]) -> String {
        let lines: String = args.iter().map(|arg| format!("{arg}\n")).collect();
        format!("ask {number} {} {}\n{lines}", script.digest().hex(), args.len())
    }

    fn begun(rest: &str) -> String {
        format!("{HELLO}\n{MARK}\n{rest}")
    }

    fn script(name: &str) -> Script {
        scripts().into_iter().find(|script| script.name == name).unwrap()
    }

    #[test]
    fn every_name_on_the_list_is_a_question_s_and_none_stands_twice() {
        let mut names: Vec<_> = SAME.iter().chain(APT).chain(PLACES).copied().collect();
        let all = read_only_scripts();
        for name in &names {
            assert!(all.iter().any(|script| script.name == *name), "{name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn known_questions_are_answered_in_order_whatever_their_arguments_hold() {
        let folder = tempfile::tempdir().unwrap();
        let name = "it's \"$(touch x)\" `y`\n;* ";
        std::fs::write(folder.path().join(name), "content").unwrap();
        let path = format!("{}/{name}", folder.path().display());
        let escaped = path.replace('\\', "\\\\").replace('\n', "\\0012");
        for shell in shells() {
            let input =
                begun(&(ask(1, &script("read_file"), &[&escaped, "100"]) + &ask(2, &script("alive"), &[])));
            let (out, err, status) = gate(&shell, &input);
            let expected = format!("content{MARK} 1 0\nalive\n{MARK} 2 0\n");
            assert!(
                out.ends_with(&expected) && out.starts_with(&format!("{MARK} 0 ")),
                "{shell:?} {out} {err}"
            );
            assert_eq!(status, Some(0));
        }
    }

    #[test]
    fn whoever_wants_to_copy_files_is_told_at_once_that_there_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ask");
        std::fs::write(&file, program()).unwrap();
        for wanted in ["/usr/lib/openssh/sftp-server", "internal-sftp", "scp -t /tmp/x", "rsync --server ."] {
            // Nobody writes to its input, and it ends all the same.
            let mut command = Command::new("timeout");
            command.args(["-s", "KILL", "20", "sh"]).arg(&file).env("SSH_ORIGINAL_COMMAND", wanted);
            let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let input = child.stdin.take();
            let output = child.wait_with_output().unwrap();
            drop(input);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(2) && told.contains("no files"), "{wanted}: {told}");
        }
    }

    #[test]
    fn nothing_from_the_other_side_s_environment_reaches_a_question() {
        for shell in shells() {
            let (out, ..) = gate(&shell, &begun(&ask(1, &script("facts"), &["", "/nonexistent"])));
            assert!(out.contains("env HOME=/nonexistent"), "{out}");
            assert!(!out.contains("TELLTALE") && !out.contains("SSH_ORIGINAL_COMMAND"), "{out}");
        }
    }

    #[test]
    fn local_facts_are_run_from_roots_own_folder_alone_whatever_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let fact = folder.path().join("evil.fact");
        std::fs::write(&fact, "#!/bin/sh\necho it-was-run\n").unwrap();
        std::fs::set_permissions(&fact, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        for shell in shells() {
            let place = folder.path().to_string_lossy();
            let (out, _, status) = gate(&shell, &begun(&ask(1, &script("facts"), &["", &place])));
            assert!(
                status == Some(0) && !out.contains("evil") && !out.contains("it-was-run"),
                "{shell:?} {out}"
            );
        }
    }

    #[test]
    fn what_is_not_on_the_list_is_not_run_and_does_not_end_the_gate() {
        let unknown = Script { name: "x", text: "echo ran" };
        for shell in shells() {
            let input = begun(&(ask(1, &unknown, &["$(echo ran)"]) + &ask(2, &script("alive"), &[])));
            let (out, err, _) = gate(&shell, &input);
            assert!(out.ends_with(&format!("{MARK} 1 -\nalive\n{MARK} 2 0\n")), "{out}");
            assert!(err.contains("does not know the question") && !out.contains("ran"), "{err}");
        }
    }

    #[test]
    fn crafted_input_ends_it_and_runs_nothing() {
        let digest = script("alive").digest();
        let digest = digest.hex();
        let crafted = [
            "id\n".to_owned(),
            "sh -c id\n".to_owned(),
            format!("{HELLO}\n$(id)\n"),
            format!("{HELLO}\n{MARK}0\n"),
            begun("id\n"),
            begun(&format!("ask 1 {digest}\n")),
            begun(&format!("ask 1 {digest} 0 more\n")),
            begun(&format!("ask 1 {digest} -1\n")),
            begun(&format!("ask 1 {digest} 9999999\n")),
            begun(&format!("ask x[$(id)] {digest} 0\n")),
            begun(&format!("ask 1 {}$ 0\n", &digest[1..])),
            begun(&format!("ask 1 ../{} 0\n", &digest[3..])),
            begun(&format!("ask 1 {digest} 0; id\n")),
            begun(&format!("ask * {digest} 0\n")),
            begun("ask 1 * 0\n"),
        ];
        for shell in shells() {
            for input in &crafted {
                let (out, err, status) = gate(&shell, input);
                assert_eq!(status, Some(2), "{shell:?} {input}: {out}{err}");
                assert!(!out.contains("uid=") && !out.contains("alive"), "{shell:?} {input}: {out}");
            }
            // Cut off in the middle, it ends without a word.
            for input in [String::new(), format!("{HELLO}\n"), begun(&format!("ask 1 {digest} 3\na\n"))] {
                let (out, _, status) = gate(&shell, &input);
                assert!(status == Some(0) && !out.contains("alive"), "{shell:?} {input}: {out}");
            }
        }
    }

    #[test]
    fn apt_is_told_nothing_but_what_wgops_tells_it() {
        let plan = script("apt_plan");
        let bad: [&[&str]; 7] = [
            &["-", "-o", "APT::Update::Pre-Invoke::=touch /tmp/x", "upgrade"],
            &["-", "-oDir::Bin::dpkg=/bin/x", "install", "x"],
            &["-", "-c", "/tmp/x", "install", "x"],
            &["-", "--config-file=/tmp/x", "upgrade"],
            &["-", "update"],
            &["-", "download", "x"],
            &["-", "-t", "-o", "install", "x"],
        ];
        for shell in shells() {
            for args in bad {
                let (out, err, _) = gate(&shell, &begun(&ask(1, &plan, args)));
                let absent = out.contains("== absent");
                assert!(absent || out.ends_with(&format!("{MARK} 1 2\n")), "{args:?}: {out} {err}");
                assert!(!out.contains("== plan"), "{args:?}: {out}");
            }
        }
    }

    #[test]
    fn no_question_runs_or_writes_what_its_arguments_say() {
        for shell in shells() {
            let folder = tempfile::tempdir().unwrap();
            let touched = folder.path().join("was-here").display().to_string();
            let mut words =
                vec![format!("$(touch {touched})`touch {touched}`;touch {touched};'\";touch {touched} #")];
            // Where it counts, a shell with arrays would run what is in the brackets.
            if shell.contains(&"/bin/bash") {
                words.push(format!("a[$(touch {touched})]"));
            }
            let mut input = begun("");
            for (number, script) in (1..).zip(scripts()) {
                // What goes through all packages takes its time: once is enough.
                let slow = ["apt_updates", "apt_unlisted"].contains(&script.name);
                let words = words.iter().skip(usize::from(slow));
                words.for_each(|word| input.push_str(&ask(number, &script, &[word.as_str(); 8])));
            }
            let limited = [&["timeout", "-s", "KILL", "200"], shell.as_slice()].concat();
            let (out, err, status) = gate(&limited, &input);
            assert_eq!(status, Some(0), "{shell:?} {err}");
            assert!(out.matches(MARK).count() > scripts().len() - 2, "{shell:?}: {}", out.len());
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert!(left.is_empty(), "{shell:?}: {left:?}");
        }
    }

    #[test]
    fn no_question_goes_on_for_ever_whatever_it_is_asked() {
        let odd: [&[&str]; 4] = [
            &["nowhere", "-", "-", "nowhere"],
            &["'", "*", "/", "-o", "?"],
            &["", "", "", ""],
            &["..", "9", "x", "-"],
        ];
        let mut input = begun("");
        for (number, script) in (1..).zip(scripts()) {
            odd.iter().for_each(|args| input.push_str(&ask(number, &script, args)));
        }
        // It takes a while, and loops are the same in every shell.
        for shell in shells().into_iter().take(1) {
            let (out, err, status) =
                gate(&[&["timeout", "-s", "KILL", "200"], shell.as_slice()].concat(), &input);
            let last: String = out.chars().rev().take(500).collect::<Vec<_>>().into_iter().rev().collect();
            assert_eq!(status, Some(0), "{shell:?} after {last} {err}");
        }
    }

    #[test]
    fn what_can_t_be_read_is_not_seen_and_what_is_not_there_is() {
        use crate::questions::workbench::Workbench;
        use std::os::unix::fs::symlink;
        for bench in Workbench::every_shell() {
            bench.file("there", "x");
            symlink("/nowhere/else", bench.at("dangling")).unwrap();
            for (folder, link) in [("all", None), ("some", Some("/nowhere/else")), ("empty", None)] {
                std::fs::create_dir(bench.at(folder)).unwrap();
                if folder != "empty" {
                    bench.file(&format!("{folder}/one"), "x");
                }
                link.iter().for_each(|link| symlink(link, bench.at(folder).join("two")).unwrap());
            }
            let words = [
                "r:there",
                "r:absent/below",
                "x:there",
                "r:dangling",
                "r:there/below",
                "t:all",
                "t:some",
                "t:empty",
                "t:gone",
            ];
            let args = words.map(|word| {
                let (kind, name) = word.split_once(':').unwrap();
                format!("{kind}:{}", bench.path(name))
            });
            let said = bench.run(SEE, &args.into(), None);
            assert_eq!(said.text(), "yes\nyes\nyes\nno\nyes\nyes\nno\nyes\nyes\n", "{}", bench.name());
            assert!(!sees_all(&said, 9) && sees_all(&Output::ok("yes\nyes\n"), 2));
        }
    }

    #[test]
    fn only_what_the_account_can_see_is_root_s_answer() {
        use crate::questions::files::{Digesting, Inspect};
        use crate::questions::{Cost, Question, cron};
        fn asked<Q: Question>(question: &Q) -> Asked {
            Asked {
                script: Q::SCRIPT,
                args: question.args(),
                reads: question.reads(),
                cost: Cost::Cheap,
                nearby: false,
            }
        }
        let places = |list: &[&str]| Sight::Places(list.iter().map(|p| (*p).to_owned()).collect());
        assert_eq!(sight(&asked(&Inspect::path("/etc/x"))), places(&["x:/etc/x"]));
        let digested = Inspect::path("/etc/x").digesting(Digesting::IfSize(1));
        assert_eq!(sight(&asked(&digested)), places(&["r:/etc/x"]));
        assert_eq!(sight(&asked(&crate::questions::boot::BootId)), Sight::Same);
        assert_eq!(sight(&asked(&cron::Crontab { user: "root".into() })), Sight::Unseen);
    }
}
