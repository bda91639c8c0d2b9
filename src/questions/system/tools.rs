//! Tools that bring software along or look after the network: git, pip, npm, composer, firewalls, SELinux.

use super::questions;
use crate::model::Subject;

fn packages_and(path: Option<&String>) -> Vec<Subject> {
    let path = path.filter(|path| path.starts_with('/')).map(|path| Subject::path(path));
    path.into_iter().chain([Subject::Packages]).collect()
}

/// What anything about supervisord depends on.
pub fn supervisor() -> Vec<Subject> {
    let services = ["supervisor", "supervisord"].map(|name| Subject::Service(name.into()));
    let files = ["/etc/supervisor", "/etc/supervisord.conf", "/etc/supervisord.d"].map(Subject::path);
    services.into_iter().chain(files).chain([Subject::Packages]).collect()
}

questions! {
    /// Asks supervisord how its processes are: supervisorctl, then its options. In `supervisorctl status`' words.
    Supervised {
        script: "supervised",
        reads: |_| supervisor(),
        text: r#"tool=$1
shift
command -v "$tool" >/dev/null 2>&1 || { echo "this host has no $tool" >&2; exit 3; }
said=$(LC_ALL=C "$tool" "$@" status </dev/null 2>&1)
# 3: some of them don't run.
case $? in
0 | 3) [ -z "$said" ] || printf '%s\n' "$said" ;;
*) printf '%s\n' "$said" >&2; exit 3 ;;
esac
exit 0"#,
    }

    /// Asks about a module of apache2: `available`, `enabled`.
    ApacheModule {
        script: "apache_module",
        reads: |_| vec![Subject::path("/etc/apache2"), Subject::Packages],
        text: r#"[ -d /etc/apache2 ] || { echo 'this host has no apache2 as Debian has it' >&2; exit 3; }
if [ -e "/etc/apache2/mods-available/$1.load" ]; then echo available; fi
if [ -e "/etc/apache2/mods-enabled/$1.load" ]; then echo enabled; fi
exit 0"#,
    }

    /// Asks what a device holds: `none` where there is no such device, else `holds KIND` or `holds` alone.
    DeviceContent {
        script: "device_content",
        reads: |words| packages_and(words.first()),
        text: r#"[ -e "$1" ] || { echo none; exit 0; }
command -v blkid >/dev/null 2>&1 || { echo 'this host has no blkid' >&2; exit 3; }
kind=$(blkid -c /dev/null -o value -s TYPE -- "$1" 2>/dev/null || blkid -o value -s TYPE "$1" 2>/dev/null)
printf 'holds %s\n' "$kind""#,
    }

    /// Asks make whether there is anything to do: a directory, make or nothing, then its words. The exit status: 0 is no.
    MakeQuestion {
        script: "make_question",
        reads: |words| packages_and(words.first()),
        slow: 120,
        text: r#"cd -- "$1" 2>/dev/null || { echo "there is no directory $1" >&2; exit 3; }
make=${2:-make}
command -v "$make" >/dev/null 2>&1 || { echo "this host has no $make" >&2; exit 3; }
shift 2
"$make" --question "$@" >/dev/null 2>&1 </dev/null
echo $?"#,
    }

    /// Asks about a clone: place, git, remote's name, the place of its data, whether it is bare. Lines `state`, `head`,
    /// `branch`, `url`, `modified`, `submodules`.
    GitClone {
        script: "git_clone",
        reads: |words| packages_and(words.first()),
        text: include_str!("git_clone.sh"),
    }

    /// Asks a remote what a version is there: URL, version, git, how ssh is called, place of a clone. In `git ls-remote`'s words.
    GitRemote {
        script: "git_remote",
        reads: |words| packages_and(words.get(4)),
        slow: 120,
        text: r#"git=${3:-git}
command -v "$git" >/dev/null 2>&1 || { echo "this host has no $git" >&2; exit 3; }
GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND=$4
export GIT_TERMINAL_PROMPT GIT_SSH_COMMAND
if [ -d "$5" ]; then cd -- "$5" || exit 3; fi
"$git" ls-remote --symref -- "$1" HEAD "refs/heads/$2" "refs/tags/$2" "refs/tags/$2^{}" "$2" || exit 3"#,
    }

    /// Asks pip what it would do: a virtual environment or nothing, the program or nothing, a directory or nothing, then the
    /// arguments of `pip install`, or `list`.
    PipPlan {
        script: "pip_plan",
        reads: |words| {
            let named = words.iter().filter(|word| word.starts_with('/')).map(|path| Subject::path(path));
            named.chain([Subject::path("/usr/local/lib"), Subject::path("/usr/lib/python3"), Subject::Packages]).collect()
        },
        slow: 300,
        text: concat!(include_str!("pip_find.sh"), r#"
find_pip "$1" "$2"
[ -n "$pip" ] || { echo '== absent'; exit 0; }
if [ -n "$3" ]; then cd -- "$3" || exit 3; fi
shift 3
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
printf '== pip %s\n' "$pip"
if [ "$1" = list ]; then
    $pip list --format=freeze 2>/dev/null </dev/null || exit 3
    exit 0
fi
if $pip install --help 2>/dev/null | grep -q -e --dry-run; then
    said=$($pip install --dry-run "$@" 2>&1 </dev/null)
    printf '== planned %s\n%s\n' "$?" "$said"
else
    echo '== unplanned'
fi"#),
    }

    /// Asks gem which versions there are: its program or nothing, a directory of packages or nothing, then its arguments.
    GemList {
        script: "gem_list",
        reads: |words| packages_and(words.get(1)).into_iter().chain([Subject::path("/usr/local"), Subject::path("/var/lib/gems")]).collect(),
        slow: 120,
        text: r#"gem=${1:-gem}
command -v "$gem" >/dev/null 2>&1 || { echo "this host has no $gem" >&2; exit 3; }
[ -z "$2" ] || { GEM_HOME=$2 GEM_PATH=$2; export GEM_HOME GEM_PATH; }
shift 2
"$gem" list "$@" </dev/null || exit 3"#,
    }

    /// Asks npm what is there: directory or nothing for what is global, npm's program. As JSON.
    NpmList {
        script: "npm_list",
        reads: |words| packages_and(words.first()).into_iter().chain([Subject::path("/usr/local/lib/node_modules")]).collect(),
        slow: 120,
        text: r#"npm=${2:-npm}
command -v "$npm" >/dev/null 2>&1 || { echo "this host has no $npm" >&2; exit 3; }
if [ -n "$1" ]; then
    [ -d "$1" ] || { echo '{}'; exit 0; }
    cd -- "$1" || exit 3
    "$npm" list --json --depth=0 2>/dev/null </dev/null
else
    "$npm" list --json --depth=0 --global 2>/dev/null </dev/null
fi
exit 0"#,
    }

    /// Asks composer what it would do: composer's program, php's, a directory, then its arguments.
    ComposerPlan {
        script: "composer_plan",
        reads: |words| packages_and(words.get(2)),
        slow: 600,
        text: r#"composer=$1 php=$2
[ -z "$3" ] || cd -- "$3" || exit 3
shift 3
command -v "$composer" >/dev/null 2>&1 || [ -f "$composer" ] || { echo "this host has no $composer" >&2; exit 3; }
COMPOSER_ALLOW_SUPERUSER=1
export COMPOSER_ALLOW_SUPERUSER
if [ -n "$php" ]; then
    path=$(command -v "$composer") || path=$composer
    "$php" "$path" "$@" --dry-run 2>&1 </dev/null || exit 3
else
    "$composer" "$@" --dry-run 2>&1 </dev/null || exit 3
fi"#,
    }

    /// Asks a firewall about rules: the program, its table, then `rule`, `chain` or `policy`, a chain, and a rule's words.
    IptablesState {
        script: "iptables_state",
        reads: |_| vec![Subject::path("/proc/net/ip_tables_names"), Subject::Packages],
        text: r#"program=$1 table=$2 what=$3 chain=$4
shift 4
command -v "$program" >/dev/null 2>&1 || { echo "this host has no $program" >&2; exit 3; }
case $what in
rule) if "$program" -t "$table" -C "$chain" "$@" >/dev/null 2>&1; then echo there; else echo missing; fi ;;
chain)
    if rules=$("$program" -w -t "$table" -S "$chain" 2>&1); then printf 'there\n%s\n' "$rules"; exit 0; fi
    case $rules in
    *'No chain'* | *'does not exist'* | *'incompatible'*) echo missing ;;
    *)
        printf '%s\n' "$rules" >&2
        exit 3
        ;;
    esac
    ;;
all)
    "$program" -w -t "$table" -S || exit 3
    ;;
esac"#,
    }

    /// Asks ufw what it would do with a command, by its words, and after `== now` for the rules there are; without words for its
    /// state.
    UfwState {
        script: "ufw_state",
        reads: |_| vec![Subject::path("/etc/ufw"), Subject::path("/etc/default/ufw"), Subject::path("/lib/ufw"), Subject::Packages],
        text: r#"command -v ufw >/dev/null 2>&1 || { echo 'this host has no ufw' >&2; exit 3; }
if [ $# -gt 0 ]; then
    # What it complains of comes first, its usage behind it.
    said=$(ufw --dry-run "$@" 2>&1 </dev/null) || { printf '%s\n' "$said" | grep '^ERROR' | sed 's/^ERROR: //' >&2; exit 3; }
    printf '%s\n' "$said"
    echo '== now'
    grep -h '^### tuple' /etc/ufw/user.rules /etc/ufw/user6.rules 2>/dev/null
    exit 0
fi
# Where the packet filter itself can't be asked, ufw's settings still say whether it is on.
if ! ufw status verbose </dev/null 2>/dev/null; then
    if grep -q '^ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null; then echo 'Status: active'; else echo 'Status: inactive'; fi
fi
echo '== defaults'
cat /etc/default/ufw /etc/ufw/ufw.conf 2>/dev/null
exit 0"#,
    }

    /// Asks about a switch of SELinux: `off` where there is none, else its value now and, if it can be known, after a boot.
    SelinuxBoolean {
        script: "selinux_boolean",
        reads: |_| vec![Subject::path("/sys/fs/selinux"), Subject::path("/etc/selinux"), Subject::path("/var/lib/selinux"), Subject::Packages],
        text: r#"if ! command -v getsebool >/dev/null 2>&1 || [ ! -d /sys/fs/selinux/booleans ]; then echo off; exit 0; fi
now=$(getsebool "$1" 2>/dev/null) || { echo unknown; exit 0; }
printf 'now %s\n' "${now##*--> }"
if command -v semanage >/dev/null 2>&1; then
    semanage boolean -l -n 2>/dev/null | sed -n "s/^$1 *(\([a-z]*\) *, *\([a-z]*\)).*/later \2/p"
fi
exit 0"#,
    }

    /// Asks how SELinux is set: `now WORD`, and its configuration after `== file`.
    SelinuxState {
        script: "selinux_state",
        reads: |words| words.iter().map(|path| Subject::path(path)).chain([Subject::path("/sys/fs/selinux"), Subject::Packages]).collect(),
        text: r#"if [ ! -e /etc/selinux/config ] && [ ! -d /sys/fs/selinux ]; then echo off; exit 0; fi
case $(cat /sys/fs/selinux/enforce 2>/dev/null) in
1) echo 'now enforcing' ;;
0) echo 'now permissive' ;;
*) echo 'now disabled' ;;
esac"#,
    }

    /// Asks semanage for its list of ports or of files' contexts.
    Semanage {
        script: "semanage_list",
        reads: |_| vec![Subject::path("/etc/selinux"), Subject::path("/var/lib/selinux"), Subject::Packages],
        text: r#"if [ ! -d /sys/fs/selinux ]; then echo off; exit 0; fi
command -v semanage >/dev/null 2>&1 || { echo 'this host has no semanage' >&2; exit 3; }
semanage "$1" -l -n || exit 3"#,
    }
}
