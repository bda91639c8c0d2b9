"""What a lab host is like at a moment, and where two such states differ."""

import fnmatch
import os
import re
import stat
import subprocess

# What is looked at of a host's files. Below /var and /usr, packages and services keep what is theirs.
PLACES = ["etc", "home", "root", "opt", "srv", "usr/local", "var/www", "var/spool/cron"]

# What tells hosts apart whatever a playbook did, or holds a time, or is Ansible's own workplace.
NOISE = [
    "/etc/machine-id",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/.pwd.lock",
    "/etc/ld.so.cache",
    "/etc/apt/apt.conf.d/01proxy",
    "/etc/ssh/ssh_host_*",
    # The files before the last change of them: that may have been another one.
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/subuid-",
    "/etc/subgid-",
    "/home/*/.sudo_as_admin_successful",
    "*/.ansible",
    "*/.ansible/*",
    "*/.ssh/authorized_keys-lab",
    "*/__pycache__*",
    # The snake-oil certificate and its kin are made by a package's postinst, anew on each host.
    "/etc/ssl/certs/ssl-cert-snakeoil.pem",
    "/etc/ssl/private/ssl-cert-snakeoil.key",
    "/etc/ssl/certs/????????.0",
    "/etc/ssl/certs/java/cacerts",
    "/etc/aliases.db",
]

# What Python leaves where a package brings it in: a twin has it from the beginning.
PYTHONS = ["/etc/python3*", "/etc/inputrc", "/etc/mime.types", "/usr/local/lib", "/usr/local/lib/python3*"]

# Accounts are compared without the day of the last change of a password.
ACCOUNTS = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/subuid", "/etc/subgid"]

LISTS = {
    "packages": "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n'",
    "units": "systemctl list-unit-files --no-legend --no-pager | awk '$2 != \"transient\" { print $1, $2 }'",
    "running": "systemctl list-units --type=service --state=running --no-legend --plain --no-pager | awk '{ print $1 }'",
    "failed": "systemctl list-units --state=failed --no-legend --plain --no-pager | awk '{ print $1 }'",
    "passwd": "sort /etc/passwd",
    "group": "sort /etc/group",
    "shadow": "sort /etc/shadow | cut -d : -f 1,2,4-",
    "firewall": "{ iptables -S; iptables -t nat -S; ip6tables -S; } 2>/dev/null",
    "holds": "apt-mark showhold",
}

# Each path of standard input, whether a file, a folder or a link.
FIND = r"""xargs -0r sh -c 'for path do find "$path" -maxdepth 0 -printf "%p\t%y\t%m\t%u\t%g\t%l\n" 2>/dev/null; done' -"""

# Their digests; a comment that tells when a tool wrote the file counts without the time, and the host's name as any.
SUMS = r"""xargs -0r sh -c 'name=$(hostname); for path do [ -f "$path" ] && [ ! -L "$path" ] || continue
sum=$(sed "s/$name/HOST/g; /^# (.* installed on /d; /^# Updated by Ansible - /s/ - .*//" <"$path" | sha256sum) && printf "%s  %s\n" "${sum%% *}" "$path"; done' -"""


class Host:
    """A host of the lab that `scripts/lab` brought up."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.upper = os.path.join(lab.dir, "hosts", name, "disk", "upper")

    def exec(self, script, stdin=""):
        """What a script says that root runs on the host, not over ssh."""
        done = subprocess.run(
            [self.lab.program, "exec", self.name, script], input=stdin, capture_output=True, text=True, check=False
        )
        return done.stdout

    def touched(self):
        """The paths that were written since the host was fresh, those of files that are gone too."""
        found = set()
        for place in PLACES:
            top = os.path.join(self.upper, place)
            if not os.path.isdir(top):
                continue
            for folder, folders, files in os.walk(top):
                for name in [*folders, *files]:
                    found.add("/" + os.path.relpath(os.path.join(folder, name), self.upper))
        return {path for path in found if not is_noise(path)}

    def files(self, paths):
        """path → (kind, mode, owner, group, digest or where the link leads); None for what is not there."""
        names = "\0".join(sorted(paths))
        told = self.exec(FIND, names)
        sums = self.exec(SUMS, names)
        digest = {line[66:]: line[:64] for line in sums.splitlines()}
        state = dict.fromkeys(paths)
        for line in told.splitlines():
            path, kind, mode, owner, group, link = line.split("\t")
            mode = "" if kind == "l" else mode
            content = link if kind == "l" else digest.get(path, "") if kind == "f" else ""
            state[path] = [kind, mode, owner, group, "" if path in ACCOUNTS else content]
        return state

    def lists(self):
        """Packages, units and so on: each a list of lines."""
        return {name: self.exec(script).splitlines() for name, script in LISTS.items()}


def without_times(path):
    """A backup's name holds a process and a time."""
    return re.sub(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~$", ".TIME~", path)


def is_noise(path):
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in [*NOISE, *PYTHONS])


def is_pythons(line):
    """A package that only a twin has because tools need Python there."""
    words = line.split()
    name = words[1] if len(words) > 1 else words[0]
    pythons = ["python*", "libpython3*", "py3compile*", "media-types", "libsqlite3-0", "readline-common", "libreadline8",
               "libexpat1", "libncursesw6", "libffi8", "libnsl2", "libtirpc*", "libkrb5*", "libk5crypto3", "libgssapi-krb5-2",
               "libkeyutils1", "distro-info-data", "iso-codes", "lsb-release", "libmpdec3", "libcom-err2", "tzdata", "libdb5.3"]
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in pythons)


def differences(name, ours, theirs):
    """Lines that say where `ours` is not as `theirs`; both are what `files` and `lists` gave."""
    found = []
    here_all, there_all = ({without_times(path): entry for path, entry in state["files"].items() if entry or not path.endswith("~")}
                           for state in (ours, theirs))
    for path in sorted(set(here_all) | set(there_all)):
        here, there = here_all.get(path), there_all.get(path)
        if here != there:
            found.append(f"{path}: {show(here)}, {name}: {show(there)}")
    for kind in LISTS:
        here, there = set(ours["lists"].get(kind, [])), set(theirs["lists"].get(kind, []))
        for line in sorted(here ^ there):
            if kind != "packages" or not is_pythons(line):
                found.append(f"{kind}: {'only here' if line in here else f'only {name}'}: {line}")
    return found


def show(entry):
    if entry is None:
        return "not there"
    kind, mode, owner, group, content = entry
    return " ".join(word for word in [kind, mode, f"{owner}:{group}", content[:12] if kind == "f" else content] if word)


class Expected:
    """The end state in DIR/expected: etc.sha (digests), modes.txt (as ls shows them), state.txt (packages, units, accounts)."""

    def __init__(self, folder):
        def lines(name):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                return file.read().splitlines()

        self.digest = {line[66:].lstrip("."): line[:64] for line in lines("etc.sha")}
        self.modes = {}
        for line in lines("modes.txt"):
            mode, owner, group, path, *link = line.split(" ")
            self.modes[path.lstrip(".")] = (mode, owner, group, link[0] if link else "")
        parts = "\n".join(lines("state.txt")).split("\n==\n")
        self.packages = {tuple(line.split("\t")) for line in parts[0].splitlines() if "\t" in line}
        names = [line.split(":") for line in (parts[-1].splitlines() if len(parts) > 1 else []) if ":" in line]
        # passwd and group follow each other; a group's line has four fields.
        self.users = {fields[2]: fields[0] for fields in names if len(fields) == 7}
        self.groups = {fields[2]: fields[0] for fields in names if len(fields) == 4}
        self.accounts = {":".join(fields) for fields in names}
        self.units = {line.split()[0] for part in parts[1:2] for line in part.splitlines() if line.split()}

    def differences(self, host, ours, before, base_packages):
        """Where the host is not so. `before`: what it was like when it was fresh; `base_packages`: those that all expected
        states have, which say nothing of a role."""
        paths = {path for path in self.modes if path != "/" and not is_noise(path)}
        # Who they were made as had another name.
        paths = {path for path in paths if not path.startswith("/home/admin") and path != "/home"}
        there = host.files(paths)
        found = []
        for path in sorted(paths):
            found += self.of_path(path, there[path])
        extra = {path for path in ours["files"] if ours["files"][path] is not None} - set(self.modes) - before
        found += [f"{path}: {show(ours['files'][path])}, expected: not touched" for path in sorted(extra)]
        # The mirror may have a newer version by now.
        here = {name for state, name, _ in map(str.split, ours["lists"]["packages"]) if state == "ii"}
        wanted = {name.split(":")[0] for name, _ in self.packages - base_packages}
        found += [f"packages: expected {name}" for name in sorted(wanted - here) if not is_pythons(name)]
        return found

    def of_path(self, path, here):
        mode, owner, group, link = self.modes[path]
        if here is None:
            return [] if mode.startswith("c") else [f"{path}: not there, expected: {mode}"]
        kind, bits, here_owner, here_group, content = here
        owner, group = self.users.get(owner, owner), self.groups.get(group, group)
        wanted = [mode[0].replace("-", "f"), "" if mode[0] == "l" else octal(mode), name_of(owner), name_of(group)]
        found = []
        if [kind, bits, here_owner, here_group] != wanted:
            found.append(f"{path}: {show(here)}, expected: {' '.join(wanted)}")
        elif kind == "l" and content != link:
            found.append(f"{path}: a link to {content}, expected: to {link}")
        elif kind == "f" and path in self.digest and path not in ACCOUNTS and content != self.digest[path]:
            found.append(f"{path}: {content[:12]}, expected: {self.digest[path][:12]}")
        return found


def name_of(number):
    return {"0": "root"}.get(number, number)


def octal(mode):
    """0644 of -rw-r--r--."""
    bits = 0
    for place, letter in enumerate(mode[1:10]):
        if letter not in "-ST":
            bits |= 1 << (8 - place)
        if letter in "sStT":
            bits |= [stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX][place // 3]
    return f"{bits:o}"
