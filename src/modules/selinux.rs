//! `seboolean`, `selinux`, `seport`, `sefcontext`: SELinux's switches, its mode, and its labels. On a host without SELinux they
//! say so, as Ansible's do.

use super::text_file::TextFile;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::tools::{SelinuxBoolean, SelinuxState, Semanage};

/// The module for switches.
pub static BOOLEAN: Module = Module {
    name: "seboolean",
    aliases: &[],
    summary: "Sets a switch of SELinux",
    params: &[
        Param::required("name", Kind::Text, "the switch"),
        Param::required("state", Kind::Bool, "whether it is on"),
        Param::optional("persistent", Kind::Bool, "whether it stays so after a boot").default("no"),
        IGNORE_STATE,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Let the web server connect\n  seboolean:\n    name: httpd_can_network_connect\n    state: true\n    persistent: true\n",
        returns: &[Returned { name: "state", help: "How the switch is now." }],
    },
    effect: Effect::OnHost,
    diff: boolean,
    result: plain_result,
};

/// The module for the mode.
pub static MODE: Module = Module {
    name: "selinux",
    aliases: &[],
    summary: "Sets SELinux's mode and policy",
    params: &[
        Param::required("state", Kind::Choice(&["enforcing", "permissive", "disabled"]), "the mode"),
        Param::optional("policy", Kind::Text, "the policy, as targeted; needed unless it is disabled"),
        Param::optional("configfile", Kind::Path, "the file that is read at boot")
            .or(&["conf", "file"])
            .default("/etc/selinux/config"),
        Param::not_yet("update_kernel_param"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Only warn\n  selinux:\n    policy: targeted\n    state: permissive\n",
        returns: &[
            Returned { name: "state", help: "The mode." },
            Returned { name: "reboot_required", help: "Whether it takes a boot." },
        ],
    },
    effect: Effect::OnHost,
    diff: mode,
    result: plain_result,
};

/// The module for ports.
pub static PORT: Module = Module {
    name: "seport",
    aliases: &[],
    summary: "Says to SELinux what a port is for",
    params: &[
        Param::required("ports", Kind::List, "ports, each a number or FIRST-LAST"),
        Param::required("proto", Kind::Choice(&["tcp", "udp"]), "the protocol"),
        Param::required("setype", Kind::Text, "the type"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is so").default("present"),
        Param::optional("reload", Kind::Bool, "taken and not needed").default("yes"),
        IGNORE_STATE,
        Param::not_yet("local"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: sshd listens elsewhere, too\n  seport:\n    ports: \"8022\"\n    proto: tcp\n    setype: ssh_port_t\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff: port,
    result: plain_result,
};

/// The module for files' labels.
pub static CONTEXT: Module = Module {
    name: "sefcontext",
    aliases: &[],
    summary: "Says to SELinux which files have which label",
    params: &[
        Param::required("target", Kind::Text, "the files, as a pattern").or(&["path"]),
        Param::required("setype", Kind::Text, "the type"),
        Param::optional(
            "ftype",
            Kind::Choice(&["a", "b", "c", "d", "f", "l", "p", "s"]),
            "which kinds of files; a: all",
        )
        .default("a"),
        Param::optional("seuser", Kind::Text, "SELinux's user"),
        Param::optional("selevel", Kind::Text, "the level").or(&["serange"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is so").default("present"),
        Param::optional("reload", Kind::Bool, "taken and not needed").default("yes"),
        IGNORE_STATE,
        Param::not_yet("substitute").or(&["equal"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A web site elsewhere\n  sefcontext:\n    target: \"/srv/web(/.*)?\"\n    setype: httpd_sys_content_t\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff: context,
    result: plain_result,
};

const IGNORE_STATE: Param =
    Param::optional("ignore_selinux_state", Kind::Bool, "whether it is done where SELinux is off, too")
        .default("no");

/// Runs one of SELinux's tools.
const RUN: Script = Script {
    name: "selinux_tool",
    text: r#"command -v "$1" >/dev/null 2>&1 || { echo "this host has no $1" >&2; exit 1; }
"$@" || exit 1
exit 0"#,
};

/// These modules' scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

const DISABLED: &str = "SELinux is disabled on this host.";

fn run(summary: String, words: &[&str]) -> Change {
    let touches = ["/sys/fs/selinux", "/etc/selinux", "/var/lib/selinux"].map(Subject::path);
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    Change::state(summary, RUN, words, touches)
}

/// A name that no tool takes for an option.
fn checked<'a>(args: &'a Args, param: &str) -> Result<&'a str, Stop> {
    let text = args.needed(param)?;
    match text.starts_with('-') || text.is_empty() || text.contains(['\n', ' ']) {
        true => Err(Stop::refuse(format!("'{param}' can't be '{text}'"))),
        false => Ok(text),
    }
}

fn boolean(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = checked(args, "name")?;
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Stop::refuse(format!("'{name}' is no switch's name")));
    }
    let wanted = if args.flag("state") { "on" } else { "off" };
    let said = host.get(SelinuxBoolean(vec![name.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    let persistent = args.flag("persistent");
    match said.trim() {
        "off" => return Err(Stop::refuse(DISABLED)),
        "unknown" => return Err(Stop::refuse(format!("SELinux boolean {name} does not exist."))),
        _ => {}
    }
    let in_order =
        of("now ") == Some(wanted) && (!persistent || of("later ").is_none_or(|later| later == wanted));
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), args.flag("state").into());
    result.insert("persistent".into(), persistent.into());
    let words: &[&str] =
        if persistent { &["setsebool", "-P", name, wanted] } else { &["setsebool", name, wanted] };
    let change = (!in_order).then(|| run(format!("switch SELinux's {name} {wanted}"), words));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

fn mode(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (state, config) = (args.needed("state")?, args.needed("configfile")?);
    let said = host.get(SelinuxState(vec![config.to_owned()]));
    let file = TextFile::ask(host, config)?;
    let said = said?.as_ref().clone().map_err(Stop::refuse)?.text;
    let now = said.trim().strip_prefix("now ").unwrap_or("off");
    if file.old.is_none() {
        return match state {
            "disabled" => Ok(Outcome::in_order(Map::new())),
            _ => Err(Stop::refuse(format!("Unable to find file {config}"))),
        };
    }
    let policy = match (args.text("policy"), state) {
        (Some(policy), _) => Some(policy),
        (None, "disabled") => None,
        (None, _) => return Err(Stop::refuse("Policy is required if state is not 'disabled'")),
    };
    let line = |line: &str| match line.split_once('=') {
        Some(("SELINUX", _)) => format!("SELINUX={state}\n"),
        Some(("SELINUXTYPE", old)) => format!("SELINUXTYPE={}\n", policy.unwrap_or(old)),
        _ => format!("{line}\n"),
    };
    let new: String = file.text().lines().map(line).collect();
    let mut changes = Vec::new();
    let reboot = (now == "disabled") != (state == "disabled");
    if !reboot && now != state && state != "disabled" {
        let word = if state == "enforcing" { "1" } else { "0" };
        changes.push(run(format!("set SELinux to {state} (was {now})"), &["setenforce", word]));
    }
    if new != file.text() {
        changes.extend(file.put(host, args, new, 0o644)?);
    }
    let mut result = Map::new();
    result.insert("state".into(), state.into());
    result.insert("policy".into(), args.value("policy").cloned().unwrap_or_default());
    result.insert("configfile".into(), config.into());
    result.insert("reboot_required".into(), reboot.into());
    Ok(Outcome::change(result, changes))
}

fn semanage(args: &Args, host: &Host<'_>, what: &str) -> Result<String, Stop> {
    let said = host.get(Semanage(vec![what.to_owned()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    match said.trim() == "off" && !args.flag("ignore_selinux_state") {
        true => Err(Stop::refuse(DISABLED)),
        false => Ok(said),
    }
}

fn port(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (proto, setype) = (args.needed("proto")?, checked(args, "setype")?);
    let said = semanage(args, host, "port")?;
    let mut changes = Vec::new();
    for port in args.list("ports") {
        if !port.chars().all(|c| c.is_ascii_digit() || c == '-') {
            return Err(Stop::refuse(format!("'{port}' is no port")));
        }
        let mut holders = said.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            let (kind, protocol) = (words.next()?, words.next()?);
            let listed = words.any(|word| word.trim_end_matches(',') == port);
            (protocol == proto && listed).then_some(kind)
        });
        let holder = holders.next_back();
        let absent = args.text("state") == Some("absent");
        let words = |verb| ["semanage", "port", verb, "-t", setype, "-p", proto, port];
        match (absent, holder) {
            (true, Some(kind)) if kind == setype => {
                changes.push(run(format!("no longer count {proto} port {port} as {setype}"), &words("-d")));
            }
            (false, None) => {
                changes.push(run(format!("count {proto} port {port} as {setype}"), &words("-a")))
            }
            (false, Some(kind)) if kind != setype => {
                changes
                    .push(run(format!("count {proto} port {port} as {setype} (was {kind})"), &words("-m")));
            }
            _ => {}
        }
    }
    Ok(Outcome::change(args.all().clone(), changes))
}

fn context(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (target, setype) = (args.needed("target")?, checked(args, "setype")?);
    let kind = args.needed("ftype")?;
    let said = semanage(args, host, "fcontext")?;
    let long = match kind {
        "f" => "regular file",
        "d" => "directory",
        "c" => "character device",
        "b" => "block device",
        "s" => "socket",
        "l" => "symbolic link",
        "p" => "named pipe",
        _ => "all files",
    };
    let mut there = said.lines().filter_map(|line| line.strip_prefix(target)).filter_map(|rest| {
        let rest = rest.strip_prefix(char::is_whitespace)?.trim();
        let rest = rest.strip_prefix(long)?.trim();
        let mut fields = rest.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.to_owned()))
    });
    let there = there.next_back();
    let user = args.text("seuser").unwrap_or("system_u");
    let level = args.text("selevel");
    let mut words = vec!["semanage", "fcontext"];
    let change = match (args.text("state"), there) {
        (Some("absent"), None) => None,
        (Some("absent"), Some(_)) => {
            words.extend(["-d", "-f", kind, "--", target]);
            Some(run(format!("no longer label {target}"), &words))
        }
        (_, Some((old_user, old_type)))
            if old_type == setype && args.text("seuser").is_none_or(|user| user == old_user) =>
        {
            None
        }
        (_, there) => {
            words.extend([if there.is_some() { "-m" } else { "-a" }, "-t", setype, "-s", user, "-f", kind]);
            if let Some(level) = level {
                words.extend(["-r", level]);
            }
            words.extend(["--", target]);
            Some(run(format!("label {target} as {setype}"), &words))
        }
    };
    Ok(Outcome::change(args.all().clone(), change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(module: &Module, args: &Value, said: &str) -> Result<Vec<String>, String> {
        match answer_with(module, args, &mut |_| Ok(Output::ok(said))) {
            Ok(outcome) => Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn a_host_without_selinux_says_so() {
        let switch = json!({"name": "x", "state": true});
        assert_eq!(run(&BOOLEAN, &switch, "off\n"), Err(DISABLED.into()));
        let port = json!({"ports": "1", "proto": "tcp", "setype": "x_t"});
        assert_eq!(run(&PORT, &port, "off\n"), Err(DISABLED.into()));
    }

    #[test]
    fn a_switch_is_set_now_and_for_the_next_boot() {
        let mut args = json!({"name": "x", "state": true, "persistent": true});
        assert_eq!(run(&BOOLEAN, &args, "now on\nlater off\n"), Ok(vec!["setsebool -P x on".into()]));
        assert_eq!(run(&BOOLEAN, &args, "now on\nlater on\n"), Ok(vec![]));
        args["persistent"] = json!(false);
        assert_eq!(run(&BOOLEAN, &args, "now off\n"), Ok(vec!["setsebool x on".into()]));
    }

    #[test]
    fn ports_and_files_are_labelled_where_they_are_not() {
        let list = "http_port_t                    tcp      80, 81, 8000-8010\nssh_port_t                     tcp      22\n";
        let args = |port: &str| json!({"ports": port, "proto": "tcp", "setype": "ssh_port_t"});
        assert_eq!(run(&PORT, &args("22"), list), Ok(vec![]));
        assert_eq!(
            run(&PORT, &args("81"), list),
            Ok(vec!["semanage port -m -t ssh_port_t -p tcp 81".into()])
        );
        assert_eq!(
            run(&PORT, &args("8022"), list),
            Ok(vec!["semanage port -a -t ssh_port_t -p tcp 8022".into()])
        );
        let list = "/srv/web(/.*)?       all files          system_u:object_r:httpd_sys_content_t:s0\n";
        let args = |kind: &str| json!({"target": "/srv/web(/.*)?", "setype": kind});
        assert_eq!(run(&CONTEXT, &args("httpd_sys_content_t"), list), Ok(vec![]));
        assert_eq!(run(&CONTEXT, &args("other_t"), list).unwrap().len(), 1);
    }
}
