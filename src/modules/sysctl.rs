//! `sysctl`: a setting of the kernel, in a file that is read at boot and in the kernel that runs.

use super::place::BACKUP;
use super::text_file::{self, TextFile};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::kernel::{Settings, setting_path};

/// The module.
pub static MODULE: Module = Module {
    name: "sysctl",
    aliases: &[],
    summary: "Sets a setting of the kernel, now and for each boot",
    params: &[
        Param::required("name", Kind::Text, "the setting, as net.ipv4.ip_forward").or(&["key"]),
        Param::optional("value", Kind::Any, "its value; yes and no become 1 and 0").or(&["val"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it stands in the file")
            .default("present"),
        Param::optional("sysctl_file", Kind::Path, "the file that is read at boot")
            .default("/etc/sysctl.conf"),
        Param::optional("sysctl_set", Kind::Bool, "whether the running kernel is looked at and told too")
            .default("no"),
        Param::optional("reload", Kind::Bool, "whether the kernel reads the file again once it changed")
            .default("yes"),
        Param::optional(
            "ignoreerrors",
            Kind::Bool,
            "whether settings that the kernel doesn't know are passed over",
        )
        .default("no"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Forward packets\n  sysctl:\n    name: net.ipv4.ip_forward\n    value: \"1\"\n    sysctl_set: true\n    sysctl_file: /etc/sysctl.d/90-router.conf\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: text_file::result,
};

/// Tells the kernel a value: path, value, value as it was seen (in one line), whether an unknown setting is passed over.
const SET: Script = Script {
    name: "set_kernel_setting",
    text: r#"path=$1 value=$2 seen=$3 lenient=$4
if [ ! -f "$path" ]; then
    [ "$lenient" != yes ] || exit 0
    echo "the kernel has no setting $path" >&2
    exit 1
fi
now=$(cat -- "$path" 2>/dev/null | tr '\n\t' '  ')
[ "${now% }" = "$seen" ] || [ "$now" = "$seen" ] || exit 113
printf '%s\n' "$value" >"$path" && exit 0
[ "$lenient" != yes ] || exit 0
exit 1"#,
};

/// Lets the kernel read a file of settings: the file, whether an unknown setting is passed over.
const RELOAD: Script = Script {
    name: "load_kernel_settings",
    text: r#"if command -v sysctl >/dev/null 2>&1; then
    if [ "$2" = yes ]; then sysctl -e -p "$1" >/dev/null 2>&1; exit 0; fi
    sysctl -p "$1" >/dev/null || exit 1
    exit 0
fi
failed=0
while IFS= read -r line || [ -n "$line" ]; do
    case $line in *=*) ;; *) continue ;; esac
    name=$(printf '%s' "${line%%=*}" | tr -d ' \t' | tr . /)
    case $name in '#'* | ';'*) continue ;; esac
    value=$(printf '%s' "${line#*=}" | sed 's/^[[:space:]]*//; s/[[:space:]]*$//')
    printf '%s\n' "$value" >"/proc/sys/${name#-}" || failed=1
done <"$1"
[ "$failed" = 0 ] || [ "$2" = yes ] || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET, RELOAD];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let present = args.text("state") != Some("absent");
    if name.is_empty() || name.contains(['\n', '=']) {
        return Err(Stop::refuse("'name' is no setting's name"));
    }
    let value = match args.value("value") {
        _ if !present => String::new(),
        Some(value) => plain(value)?,
        None => return Err(Stop::refuse("state is present but all of the following are missing: value")),
    };
    if present && value.is_empty() {
        return Err(Stop::refuse("'value' is empty"));
    }
    let lenient = if args.flag("ignoreerrors") { "yes" } else { "no" };
    let path = setting_path(name);
    let sets = args.flag("sysctl_set") && present;
    let now = sets.then(|| host.get(Settings(vec![path.clone()])));
    let file = TextFile::ask(host, args.needed("sysctl_file")?)?;
    let mut changes = Vec::new();
    if let Some(now) = now {
        let now = now?.as_ref().clone().map_err(Stop::refuse)?.text;
        let now = now.trim_end_matches('\n');
        let passed_over = now.is_empty() && lenient == "yes";
        if !passed_over && !same(now, &value) {
            let seen = now.replace('\t', " ");
            let told = Change::state(
                format!("set {name} to {value} in the running kernel"),
                SET,
                [path.as_str(), &value, seen.trim_end(), lenient],
                [Subject::path(&path)],
            );
            // A kernel that doesn't take it (in a container, say) is one of the errors that are passed over.
            let nature = if lenient == "yes" { Nature::Event } else { told.nature };
            changes.push(Change { nature, ..told });
        }
    }
    let new = edited(file.text(), name, present.then_some(value.as_str()));
    if let Some(new) = new {
        changes.extend(file.put(host, args, new, 0o644)?);
        if args.flag("reload") {
            let summary = format!("let the kernel read {} again", file.path);
            changes.push(Change::event(
                summary,
                RELOAD,
                [file.path.as_str(), lenient],
                [Subject::path("/proc/sys")],
            ));
        }
    }
    Ok(Outcome::change(Map::new(), changes))
}

/// A value as the kernel takes it.
fn plain(value: &Value) -> Result<String, Stop> {
    let text = match value {
        Value::Bool(true) => "1".to_owned(),
        Value::Bool(false) => "0".to_owned(),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(Stop::refuse("'value' is no text")),
    };
    Ok(match text.to_lowercase().as_str() {
        "y" | "yes" | "on" | "true" | "t" => "1".to_owned(),
        "n" | "no" | "off" | "false" | "f" => "0".to_owned(),
        _ if text.contains('\n') => return Err(Stop::refuse("'value' has more than one line")),
        _ => text,
    })
}

/// Whether two values are the same whatever stands between their parts.
fn same(a: &str, b: &str) -> bool {
    a.split_whitespace().eq(b.split_whitespace())
}

/// The file with the setting, or without it; none where nothing is to be done. As in Ansible, a file that is written has
/// each setting once and without spaces around its `=`.
fn edited(text: &str, name: &str, value: Option<&str>) -> Option<String> {
    let setting = |line: &str| {
        let line = line.trim();
        let (key, value) = line.split_once('=').filter(|_| !line.starts_with(['#', ';']))?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    let there =
        text.lines().filter_map(setting).filter(|(key, _)| key == name).map(|(_, value)| value).next_back();
    let in_order = match (&there, value) {
        (None, None) => true,
        (Some(there), Some(value)) => same(there, value),
        _ => false,
    };
    if in_order {
        return None;
    }
    let mut new = String::new();
    let mut known = Vec::new();
    for line in text.lines() {
        match setting(line) {
            None => new.push_str(&format!("{line}\n")),
            Some((key, _)) if known.contains(&key) => {}
            Some((key, old)) => {
                match (key == name, value) {
                    (true, Some(value)) => new.push_str(&format!("{key}={value}\n")),
                    (true, None) => {}
                    (false, _) => new.push_str(&format!("{key}={old}\n")),
                }
                known.push(key);
            }
        }
    }
    if let Some(value) = value.filter(|_| !known.iter().any(|key| key == name)) {
        new.push_str(&format!("{name}={value}\n"));
    }
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_setting_stands_once_in_a_file_and_goes_again() {
        for bench in Bench::every_shell() {
            let path = bench
                .file("s.conf", "# kernel\nvm.swappiness = 60\nvm.swappiness=10\nnet.ipv4.ip_forward = 0\n");
            let mut args =
                json!({"name": "vm.swappiness", "value": 30, "sysctl_file": path, "reload": false});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("s.conf"), "# kernel\nvm.swappiness=30\nnet.ipv4.ip_forward=0\n");
            bench.in_order(&MODULE, &args);
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("s.conf"), "# kernel\nnet.ipv4.ip_forward=0\n");
            let made = json!({"name": "x.y", "value": "yes", "sysctl_file": bench.path("d/new.conf"), "reload": "no"});
            bench.changes(&MODULE, &made);
            assert_eq!(bench.read("d/new.conf"), "x.y=1\n");
        }
    }

    #[test]
    fn the_file_is_read_again_once_it_changed_and_a_value_is_compared_part_by_part() {
        let bench = Bench::new();
        let path = bench.file("s.conf", "net.ipv4.tcp_rmem=4096\t87380 6291456\n");
        let args = |value: &str| json!({"name": "net.ipv4.tcp_rmem", "value": value, "sysctl_file": path});
        assert!(bench.diff(&MODULE, &args("4096 87380  6291456")).unwrap().0.changes.is_empty());
        let changes = bench.diff(&MODULE, &args("1 2 3")).unwrap().0.changes;
        assert_eq!(changes[1].script.name, "load_kernel_settings");
        assert!(bench.refusal(&MODULE, &json!({"name": "x"})).contains("value"));
    }

    #[test]
    fn the_running_kernel_is_told_only_where_it_says_something_else() {
        let bench = Bench::new();
        let pid_max = std::fs::read_to_string("/proc/sys/kernel/ostype").unwrap();
        let args = |value: &str| json!({"name": "kernel.ostype", "value": value, "sysctl_set": true, "reload": false, "sysctl_file": bench.path("f")});
        assert_eq!(bench.diff(&MODULE, &args(pid_max.trim())).unwrap().0.changes.len(), 1);
        let changes = bench.diff(&MODULE, &args("Other")).unwrap().0.changes;
        assert_eq!(changes[0].summary, "set kernel.ostype to Other in the running kernel");
        assert_eq!(changes[0].nature, Nature::State);
        let mut lenient = args("Other");
        lenient["ignoreerrors"] = true.into();
        let changes = bench.diff(&MODULE, &lenient).unwrap().0.changes;
        assert_eq!(changes[0].nature, Nature::Event, "what the kernel makes of it is no matter then");
    }
}
