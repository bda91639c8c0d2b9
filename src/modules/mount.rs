//! `mount`: a file system in `/etc/fstab` and in its place.

use super::place::BACKUP;
use super::text_file::{self, TextFile};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::kernel::Mounts;

const STATES: Kind = Kind::Choice(&[
    "absent",
    "absent_from_fstab",
    "mounted",
    "present",
    "unmounted",
    "remounted",
    "ephemeral",
]);

/// The module.
pub static MODULE: Module = Module {
    name: "mount",
    aliases: &[],
    summary: "Mounts a file system, and sees to its line in fstab",
    params: &[
        Param::required("path", Kind::Text, "where it is mounted").or(&["name"]),
        Param::required(
            "state",
            STATES,
            "present: in fstab; mounted: there too; ephemeral: mounted and not in fstab",
        ),
        Param::optional("src", Kind::Text, "the device, or what is mounted"),
        Param::optional("fstype", Kind::Text, "the kind of file system"),
        Param::optional("opts", Kind::Text, "options, with commas").default("defaults"),
        Param::optional("opts_no_log", Kind::Bool, "whether the options stay out of the result")
            .default("no"),
        Param::optional("dump", Kind::Text, "fstab's fifth field").default("0"),
        Param::optional("passno", Kind::Text, "fstab's sixth field").default("0"),
        Param::optional("boot", Kind::Bool, "whether it is mounted at boot").default("yes"),
        Param::optional("fstab", Kind::Path, "the file").default("/etc/fstab"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A small file system in memory\n  mount:\n    path: /srv/scratch\n    src: tmpfs\n    fstype: tmpfs\n    opts: size=16m,mode=1777\n    state: mounted\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: text_file::result,
};

/// Mounts, mounts anew or unmounts. $1: which. $2: the place. $3: whether it was mounted. $4: another fstab, or nothing.
/// $5 to $7: kind, options, source, where fstab doesn't say them.
const MOUNT: Script = Script {
    name: "mount",
    text: r#"verb=$1 path=$2 seen=$3 fstab=$4
real=$(readlink -f -- "$path" 2>/dev/null)
real=${real:-$path}
mounted() {
    while read -r _ _ _ _ place _; do
        if [ "$(printf %b "$place")" = "$real" ]; then return 0; fi
    done </proc/self/mountinfo
    return 1
}
if mounted; then now=yes; else now=no; fi
[ "$now" = "$seen" ] || exit 113
case $verb in
mount)
    mkdir -p -- "$path" || exit 1
    mount ${fstab:+-T "$fstab"} -- "$path" || exit 1
    ;;
mount-file) mount ${fstab:+-T "$fstab"} -- "$path" || exit 1 ;;
ephemeral)
    [ -e "$path" ] || mkdir -p -- "$path" || exit 1
    mount ${5:+-t "$5"} ${6:+-o "$6"} -- "$7" "$path" || exit 1
    ;;
remount)
    if ! said=$(mount ${fstab:+-T "$fstab"} -o remount${6:+,"$6"} -- "$path" 2>&1); then
        # Not every file system can be mounted anew in its place.
        umount -- "$path" || { printf '%s\n' "$said" >&2; exit 1; }
        mount ${fstab:+-T "$fstab"} -- "$path" || exit 1
    fi
    ;;
unmount) umount -- "$path" || exit 1 ;;
esac
exit 0"#,
};

/// Removes a mount point that nothing is mounted on and nothing lies in.
const REMOVE_POINT: Script = Script {
    name: "remove_mount_point",
    text: r#"[ -d "$1" ] || exit 0
rmdir -- "$1" || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MOUNT, REMOVE_POINT];

/// What is known of the place, and what is wanted.
struct Task<'a> {
    args: &'a Args,
    path: &'a str,
    kind: String,
    mounted: Option<Mounted>,
    fstab: TextFile,
}

/// What is mounted in a place.
struct Mounted {
    source: String,
    root: String,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let state = args.needed("state")?;
    let swap = matches!(path, "none" | "swap");
    if !swap && !path.starts_with('/') {
        return Err(Stop::refuse(format!("'path' is {path}: expected an absolute path")));
    }
    for param in ["src", "fstype"] {
        if matches!(state, "present" | "mounted" | "ephemeral") && args.text(param).is_none() {
            return Err(Stop::refuse(format!(
                "state is {state} but all of the following are missing: {param}"
            )));
        }
    }
    let asked = host.get(Mounts(vec![if swap { "/none" } else { path }.to_owned()]));
    let fstab = TextFile::ask(host, args.needed("fstab")?)?;
    let (kind, mounted) = read(&asked?.as_ref().clone().map_err(Stop::refuse)?.text);
    let task = Task { args, path, kind, mounted, fstab };
    let changes = task.changes(state, host)?;
    Ok(Outcome::change(task.result(), changes))
}

/// The place's kind, and what is mounted there: the last line counts, because it lies on top.
fn read(text: &str) -> (String, Option<Mounted>) {
    let mut lines = text.lines();
    let real = lines.next().unwrap_or_default();
    let kind = lines.next().unwrap_or_default().to_owned();
    let mut mounts = lines.filter_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        let mut head = head.split(' ').skip(3);
        let (root, place) = (head.next()?, head.next()?);
        let source = tail.split(' ').nth(1)?;
        (plain(place) == real).then(|| Mounted { source: plain(source), root: plain(root) })
    });
    (kind, mounts.next_back())
}

/// A field of fstab or mountinfo without its escapes.
fn plain(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\046", "&"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |text, (escape, meant)| text.replace(escape, meant))
}

/// A text as a field of fstab.
fn field(text: &str) -> String {
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011")
}

impl Task<'_> {
    fn changes(&self, state: &str, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        match state {
            "present" => self.in_fstab(host),
            "mounted" => {
                let mut changes = self.in_fstab(host)?;
                match (&self.mounted, changes.is_empty()) {
                    (None, _) if self.args.text("fstype") == Some("swap") => {}
                    (None, _) => {
                        changes.push(self.mount(if self.kind == "file" { "mount-file" } else { "mount" }))
                    }
                    (Some(_), false) => changes.push(self.event("remount")),
                    (Some(_), true) => {}
                }
                Ok(changes)
            }
            "ephemeral" => match &self.mounted {
                None => Ok(vec![self.mount("ephemeral")]),
                Some(there) if self.is_source(there) => Ok(vec![self.event("remount")]),
                Some(there) => Err(Stop::refuse(format!(
                    "Ephemeral mount point is already mounted with a different source than the specified one. \
                     Failing in order to prevent an unwanted unmount or override operation: it is {}",
                    there.source
                ))),
            },
            "remounted" => match self.mounted {
                Some(_) => Ok(vec![self.event("remount")]),
                None => Err(Stop::refuse("Mount point is not mounted")),
            },
            "unmounted" => Ok(self.mounted.iter().map(|_| self.mount("unmount")).collect()),
            "absent_from_fstab" => self.out_of_fstab(host),
            _ => {
                let mut changes = self.out_of_fstab(host)?;
                changes.extend(self.mounted.iter().map(|_| self.mount("unmount")));
                if self.kind == "directory" && !matches!(self.path, "none" | "swap") {
                    let touches = [Subject::path(self.path)];
                    changes.push(Change::state(
                        format!("remove the mount point {}", self.path),
                        REMOVE_POINT,
                        [self.path],
                        touches,
                    ));
                }
                Ok(changes)
            }
        }
    }

    fn is_source(&self, there: &Mounted) -> bool {
        let wanted = self.args.text("src").unwrap_or_default();
        there.source == wanted || there.root == wanted
    }

    fn mount(&self, verb: &str) -> Change {
        let seen = if self.mounted.is_some() { "yes" } else { "no" };
        let fstab = Some(self.fstab.path.as_str()).filter(|path| *path != "/etc/fstab").unwrap_or_default();
        let text = |name| self.args.text(name).unwrap_or_default();
        let opts = if text("opts") == "defaults" { "" } else { text("opts") };
        let given = match verb {
            "ephemeral" => [text("fstype"), opts, text("src")],
            "remount" if self.args.text("state") == Some("ephemeral") => ["", opts, ""],
            _ => ["", "", ""],
        };
        let argv = [&[verb, self.path, seen, fstab][..], &given[..]].concat();
        let word = if verb == "ephemeral" || verb == "mount-file" { "mount" } else { verb };
        let argv: Vec<String> = argv.into_iter().map(str::to_owned).collect();
        Change::state(
            format!("{word} {}", self.path),
            MOUNT,
            argv,
            [Subject::Mounts, Subject::path(self.path)],
        )
    }

    fn event(&self, verb: &str) -> Change {
        Change { nature: super::Nature::Event, ..self.mount(verb) }
    }

    /// The fields of the line.
    fn line(&self) -> [String; 6] {
        let text = |name| self.args.text(name).unwrap_or_default();
        let mut opts = text("opts").to_owned();
        if !self.args.flag("boot") && !opts.split(',').any(|opt| opt == "noauto") {
            opts.push_str(",noauto");
        }
        [
            field(text("src")),
            field(self.path),
            field(text("fstype")),
            field(&opts),
            text("dump").into(),
            text("passno").into(),
        ]
    }

    /// Whether a line of fstab is about this place.
    fn is_ours(&self, line: &str) -> bool {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [src, path, kind, ..] = fields[..] else { return false };
        if line.trim_start().starts_with('#') || fields.len() < 4 || path != field(self.path) {
            return false;
        }
        let text = |name| self.args.text(name).map(field);
        !matches!(self.path, "none" | "swap")
            || (text("src").as_deref() == Some(src) && text("fstype").is_none_or(|t| t == kind))
    }

    fn in_fstab(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let wanted = self.line();
        let mut found = false;
        let mut new = String::new();
        for line in self.fstab.text().lines() {
            let ours = self.is_ours(line);
            found |= ours;
            let mut fields: Vec<&str> = line.split_whitespace().collect();
            fields.resize(fields.len().max(6), "0");
            let same = fields.iter().take(6).eq(wanted.iter());
            if ours && !same {
                new.push_str(&wanted.join(" "))
            } else {
                new.push_str(line)
            }
            new.push('\n');
        }
        if !found {
            new.push_str(&format!("{}\n", wanted.join(" ")));
        }
        if new.lines().eq(self.fstab.text().lines()) {
            return Ok(Vec::new());
        }
        self.write(host, new, "put")
    }

    fn out_of_fstab(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let text = self.fstab.text();
        if !text.lines().any(|line| self.is_ours(line)) {
            return Ok(Vec::new());
        }
        let kept = text.lines().filter(|line| !self.is_ours(line)).map(|line| format!("{line}\n"));
        self.write(host, kept.collect(), "remove")
    }

    fn write(&self, host: &Host<'_>, new: String, verb: &str) -> Result<Vec<Change>, Stop> {
        let changes = self.fstab.put(host, self.args, new, 0o644)?;
        let preposition = if verb == "put" { "in" } else { "from" };
        let summary = format!("{verb} {} {preposition} {}", self.path, self.fstab.path);
        Ok(changes.into_iter().map(|change| Change { summary: summary.clone(), ..change }).collect())
    }

    fn result(&self) -> Map {
        let mut result = Map::new();
        result.insert("name".into(), self.path.into());
        for key in ["src", "fstype", "opts", "dump", "passno", "fstab", "boot"] {
            let hidden = key == "opts" && self.args.flag("opts_no_log");
            if let Some(value) = self.args.value(key).filter(|_| !hidden) {
                result.insert(key.into(), value.clone());
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_line_of_fstab_is_put_changed_and_removed() {
        for bench in Bench::every_shell() {
            let fstab = bench
                .file("fstab", "# static\nUUID=1 / ext4 errors=remount-ro 0 1\nswapdev none swap sw 0 0\n");
            let mut args = json!({"path": "/srv/no such", "src": "/dev/sdx1", "fstype": "ext4", "state": "present", "fstab": fstab});
            bench.changes(&MODULE, &args);
            let expected = "swapdev none swap sw 0 0\n/dev/sdx1 /srv/no\\040such ext4 defaults 0 0\n";
            assert!(bench.read("fstab").ends_with(expected), "{}", bench.read("fstab"));
            bench.in_order(&MODULE, &args);
            args["opts"] = json!("ro");
            args["boot"] = json!(false);
            args["passno"] = json!(2);
            bench.changes(&MODULE, &args);
            assert!(bench.read("fstab").ends_with("\n/dev/sdx1 /srv/no\\040such ext4 ro,noauto 0 2\n"));
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("fstab").lines().count(), 3);
            bench.in_order(&MODULE, &args);
            let swap =
                json!({"path": "none", "src": "other", "fstype": "swap", "state": "present", "fstab": fstab});
            bench.changes(&MODULE, &swap);
            assert_eq!(bench.read("fstab").lines().filter(|line| line.contains(" none swap ")).count(), 2);
        }
    }

    #[test]
    fn what_is_mounted_is_not_mounted_again_and_what_is_not_can_not_be_remounted() {
        let bench = Bench::new();
        assert!(
            bench
                .refusal(&MODULE, &json!({"path": "/nowhere", "state": "remounted"}))
                .contains("not mounted")
        );
        let args = json!({"path": "/proc", "src": "proc", "fstype": "proc", "state": "mounted", "fstab": bench.path("f")});
        let changes: Vec<_> =
            bench.diff(&MODULE, &args).unwrap().0.changes.into_iter().map(|c| c.summary).collect();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[1], "remount /proc");
        let args = json!({"path": "/nowhere", "state": "mounted", "src": "x"});
        assert!(bench.refusal(&MODULE, &args).contains("fstype"));
        assert!(
            bench
                .diff(&MODULE, &json!({"path": "/nowhere", "state": "unmounted"}))
                .unwrap()
                .0
                .changes
                .is_empty()
        );
    }

    #[test]
    fn the_topmost_mount_of_a_place_counts() {
        let text = "/a b\ndirectory\n1 2 0:1 / /a\\040b rw - ext4 /dev/x rw\n3 2 0:2 /sub /a\\040b rw shared:1 - ext4 /dev/y rw\n";
        let (kind, mounted) = read(text);
        let mounted = mounted.unwrap();
        assert_eq!(
            (kind.as_str(), mounted.source.as_str(), mounted.root.as_str()),
            ("directory", "/dev/y", "/sub")
        );
    }
}
