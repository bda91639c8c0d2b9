"""The work that is measured, written once and rendered for each tool.

Every task is a class that knows four spellings of itself: a task of a playbook (Ansible and wgops read the same file),
an operation of pyinfra, and lines of plain shell that only look. So all tools are asked for the same thing, and a change
of the work is a change of all.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import jinja2
import yaml

ROOT = "/srv/bench"

# The checks of the raw script. Each says what is not as it should be, and is silent otherwise.
SHELL_HEAD = """\
is() { [ "$1" = "$2" ] || echo "drift: $3: $1"; }
directory() { is "$(stat -c '%F %a %U %G' "$1" 2>&1)" "directory $2 root root" "$1"; }
file() {
    is "$(stat -c '%F %a %U %G' "$1" 2>&1)" "regular file $2 root root" "$1"
    is "$(sha256sum "$1" 2>&1 | cut -c 1-64)" "$3" "$1"
}
line() { grep -qxF -e "$2" "$1" || echo "drift: $1: no $2"; }
package() { is "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>&1)" installed "$1"; }
service() { is "$(systemctl is-active "$1") $(systemctl is-enabled "$1")" "active enabled" "$1"; }
group() { getent group "$1" >/dev/null || echo "drift: group $1"; }
user() { is "$(getent passwd "$1" | cut -d : -f 6,7)" "$2:$3" "$1"; }
link() { is "$(readlink "$1")" "$2" "$1"; }
job() { crontab -l -u root 2>/dev/null | grep -qxF -e "$1" || echo "drift: cron: no $1"; }
there() { [ -e "$1" ] || echo "drift: $1"; }
"""


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass
class Directory:
    path: str
    mode: str = "0755"

    def playbook(self):
        return "file", {"path": self.path, "state": "directory", "owner": "root", "group": "root", "mode": self.mode}

    def pyinfra(self):
        return f"files.directory(path={self.path!r}, user='root', group='root', mode={self.mode.lstrip('0')!r})"

    def shell(self):
        return f"directory {self.path} {self.mode.lstrip('0')}"


@dataclass
class Copy:
    path: str
    content: str

    def playbook(self):
        return "copy", {"dest": self.path, "content": self.content, "owner": "root", "group": "root", "mode": "0644"}

    def pyinfra(self):
        return (f"files.put(src=StringIO({self.content!r}), dest={self.path!r}, "
                "user='root', group='root', mode='644')")

    def shell(self):
        return f"file {self.path} 644 {hashlib.sha256(self.content.encode()).hexdigest()}"


@dataclass
class Template:
    path: str
    source: str  # a file name below the folder of the templates
    text: str
    data: dict

    def playbook(self):
        task = {"src": self.source, "dest": self.path, "owner": "root", "group": "root", "mode": "0644"}
        return "template", task, {"vars": self.data}

    def pyinfra(self):
        data = "".join(f", {name}={value!r}" for name, value in self.data.items())
        return (f"files.template(src={'templates/' + self.source!r}, dest={self.path!r}, "
                f"user='root', group='root', mode='644', jinja_env_kwargs={{'trim_blocks': True}}{data})")

    def shell(self):
        # As Ansible has it: blocks take their line end with them, and the last line keeps its own.
        environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)
        text = environment.from_string(self.text).render(self.data)
        return f"file {self.path} 644 {hashlib.sha256(text.encode()).hexdigest()}"


@dataclass
class Line:
    path: str
    key: str
    value: str

    def playbook(self):
        line = f"{self.key}={self.value}"
        return "lineinfile", {"path": self.path, "regexp": f"^{self.key}=", "line": line, "create": True, "mode": "0644"}

    def pyinfra(self):
        # With `replace` it would write the line anew each time.
        return f"files.line(path={self.path!r}, line={f'^{self.key}={self.value}$'!r})"

    def shell(self):
        return f"line {self.path} {self.key}={self.value}"


@dataclass
class Package:
    name: str

    def playbook(self):
        return "apt", {"name": self.name, "state": "present"}

    def pyinfra(self):
        return f"apt.packages(packages=[{self.name!r}])"

    def shell(self):
        return f"package {self.name}"


@dataclass
class Service:
    name: str

    def playbook(self):
        return "service", {"name": self.name, "state": "started", "enabled": True}

    def pyinfra(self):
        return f"systemd.service(service={self.name + '.service'!r}, running=True, enabled=True)"

    def shell(self):
        return f"service {self.name}"


@dataclass
class Group:
    name: str

    def playbook(self):
        return "group", {"name": self.name, "state": "present"}

    def pyinfra(self):
        return f"server.group(group={self.name!r})"

    def shell(self):
        return f"group {self.name}"


@dataclass
class User:
    name: str

    def playbook(self):
        return "user", {"name": self.name, "state": "present", "shell": "/bin/sh", "home": f"/home/{self.name}"}

    def pyinfra(self):
        return f"server.user(user={self.name!r}, shell='/bin/sh', home={'/home/' + self.name!r})"

    def shell(self):
        return f"user {self.name} /home/{self.name} /bin/sh"


@dataclass
class Link:
    path: str
    target: str

    def playbook(self):
        return "file", {"src": self.target, "dest": self.path, "state": "link"}

    def pyinfra(self):
        return f"files.link(path={self.path!r}, target={self.target!r})"

    def shell(self):
        return f"link {self.path} {self.target}"


@dataclass
class Job:
    name: str
    command: str

    def playbook(self):
        return "cron", {"name": self.name, "minute": "17", "hour": "3", "job": self.command}

    def pyinfra(self):
        return f"crontab.crontab(command={self.command!r}, cron_name={self.name!r}, minute='17', hour='3')"

    def shell(self):
        return f"job {quote(f'17 3 * * * {self.command}')}"


@dataclass
class Stat:
    path: str

    def playbook(self):
        return "stat", {"path": self.path}, {"register": "seen"}

    def pyinfra(self):
        return f"host.get_fact(File, path={self.path!r}, _sudo=True)"

    def shell(self):
        return f"there {self.path}"


TEMPLATE = """\
# {{ site }}: kept by a playbook
{% for port in ports %}
listen {{ port }}
{% endfor %}
server_name {{ site }}.example.org
workers {{ workers * 2 }}
"""


def fifty():
    """A small server: folders, configuration, packages, services, accounts."""
    tasks = [Directory(ROOT)]
    tasks += [Directory(f"{ROOT}/site{n}") for n in range(1, 10)]
    tasks += [Copy(f"{ROOT}/site{n}/index.html", f"<title>Site {n}</title>\n" * n * 3) for n in range(1, 9)]
    tasks += [Template(f"{ROOT}/site{n}/site.conf", "site.conf.j2", TEMPLATE,
                       {"site": f"site{n}", "ports": [8000 + n, 8100 + n], "workers": n}) for n in range(1, 9)]
    tasks += [Line(f"{ROOT}/settings.conf", f"setting{n}", str(n * 7)) for n in range(1, 9)]
    tasks += [Package(name) for name in ("bar", "libfoo", "svcd", "cron")]
    tasks += [Service(name) for name in ("svcd", "cron", "ssh")]
    tasks += [Group(name) for name in ("benchers", "readers")]
    tasks += [User(f"bench{n}") for n in range(1, 4)]
    tasks += [Link(f"{ROOT}/current", f"{ROOT}/site1"), Link(f"{ROOT}/previous", f"{ROOT}/site2")]
    tasks += [Job("bench", "/bin/true"), Stat(f"{ROOT}/settings.conf")]
    assert len(tasks) == 50
    return tasks


def ten_roles():
    """A server that ten roles make, thirty tasks each: name of the role → its tasks."""
    return {f"site{n}": role(f"site{n}", n) for n in range(1, 11)}


def role(name, n):
    root = f"{ROOT}/{name}"
    tasks = [Directory(root), *(Directory(f"{root}/{part}") for part in ("conf", "log", "spool", "www"))]
    tasks += [Copy(f"{root}/www/page{m}.html", f"<title>{name} {m}</title>\n" * m) for m in range(1, 6)]
    tasks += [Template(f"{root}/conf/part{m}.conf", "site.conf.j2", TEMPLATE,
                       {"site": f"{name}-{m}", "ports": [8000 + n, 8100 + m], "workers": m}) for m in range(1, 9)]
    tasks += [Line(f"{root}/settings.conf", f"setting{m}", str(n * m)) for m in range(1, 6)]
    tasks += [Package(("bar", "libfoo", "svcd", "cron")[n % 4]), Service(("svcd", "cron", "ssh")[n % 3])]
    tasks += [Group(f"{name}-group"), User(f"{name}-user"), Link(f"{root}/current", f"{root}/www")]
    tasks += [Stat(f"{root}/settings.conf"), Stat(f"{root}/www")]
    assert len(tasks) == 30
    return tasks


# What an audit has to look at, as plain commands: what is pending and where from, what is held, how old the lists are,
# whether a reboot is due, which processes run on libraries that are gone. wgops asks for the same and more.
AUDIT = """\
LC_ALL=C apt-get -s upgrade --with-new-pkgs | sed -n 's/^Inst //p'
apt-mark showhold
apt-cache policy | grep -c release
stat -c '%y' /var/lib/apt/lists
cat /run/reboot-required /run/reboot-required.pkgs 2>/dev/null
grep -lE '[.]so.* [(]deleted[)]' /proc/[0-9]*/maps 2>/dev/null
true
"""


def write_playbook(path, tasks, become):
    rendered = []
    for number, task in enumerate(tasks, 1):
        module, arguments, *more = task.playbook()
        rendered.append({"name": f"{number}: {type(task).__name__}", module: arguments, **(more[0] if more else {})})
    write_play(path, rendered, become)


def write_play(path, tasks, become):
    play = {"name": "Bench", "hosts": "all", "gather_facts": False, "become": become, "tasks": tasks}
    path.write_text(yaml.safe_dump([play], sort_keys=False))


def write_roles(folder: Path, roles):
    """The roles as a tree, each with defaults, a handler, a template, and half of its tasks in a file that it includes; and
    the play that lists them."""
    for name, tasks in roles.items():
        below = folder / "roles" / name
        for part in ("tasks", "defaults", "handlers", "templates"):
            (below / part).mkdir(parents=True, exist_ok=True)
        (below / "templates/site.conf.j2").write_text(TEMPLATE)
        (below / "defaults/main.yml").write_text(f"{name}_root: {ROOT}/{name}\n")
        (below / "handlers/main.yml").write_text(f"- name: {name} was configured\n  command: 'true'\n")
        half = len(tasks) // 2
        rendered = []
        for number, task in enumerate(tasks, 1):
            module, arguments, *more = task.playbook()
            entry = {"name": f"{number}: {type(task).__name__}", module: arguments, **(more[0] if more else {})}
            if module == "template":
                entry["notify"] = f"{name} was configured"
            rendered.append(entry)
        first = [*rendered[:half], {"name": "The rest", "include_tasks": "more.yml"}]
        for file, some in (("main.yml", first), ("more.yml", rendered[half:])):
            text = yaml.safe_dump(replaced(some, f"{ROOT}/{name}/", "{{ " + name + "_root }}/"), sort_keys=False)
            (below / "tasks" / file).write_text(text)
    play = {"name": "Bench", "hosts": "all", "become": True, "roles": list(roles)}
    (folder / "roles.yml").write_text(yaml.safe_dump([play], sort_keys=False))


def replaced(value, old, new):
    """The value with one text for another, all the way down."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [replaced(item, old, new) for item in value]
    if isinstance(value, dict):
        return {key: replaced(member, old, new) for key, member in value.items()}
    return value


def pyinfra_text(tasks):
    imports = ("from io import StringIO\n\nfrom pyinfra import config, host\nfrom pyinfra.facts.files import File\n"
               "from pyinfra.operations import apt, crontab, files, server, systemd\n\nconfig.SUDO = True\n\n")
    lines, seen = [], set()
    for task in tasks:
        # Its `line` wants the file to be there.
        if isinstance(task, Line) and task.path not in seen:
            seen.add(task.path)
            lines.append(f"files.file(path={task.path!r}, mode='644')")
        lines.append(task.pyinfra())
    return imports + "\n".join(lines) + "\n"


def write_all(folder: Path):
    """Writes all kinds of work for every tool below `folder`."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "templates/site.conf.j2").write_text(TEMPLATE)
    tasks = fifty()

    write_playbook(folder / "settled.yml", tasks, become=True)
    (folder / "settled.py").write_text(pyinfra_text(tasks))
    (folder / "settled.sh").write_text(SHELL_HEAD + "\n".join(task.shell() for task in tasks) + "\n")

    roles = ten_roles()
    write_roles(folder, roles)
    all_of_them = [Directory(ROOT), *(task for tasks in roles.values() for task in tasks)]
    (folder / "roles.py").write_text(pyinfra_text(all_of_them))
    (folder / "roles.sh").write_text(SHELL_HEAD + "\n".join(task.shell() for task in all_of_them) + "\n")

    write_play(folder / "commands.yml", [{"name": str(n), "command": "true"} for n in range(10)], False)
    (folder / "commands.py").write_text("from pyinfra.operations import server\n\n" +
                                        "".join(f"server.shell(name='{n}', commands=['true'])\n" for n in range(10)))
    (folder / "commands.sh").write_text("/bin/true\n" * 10)

    write_play(folder / "audit.yml", [{"name": "Audit", "shell": AUDIT}], False)
    (folder / "audit.py").write_text("from pyinfra.operations import server\n\n"
                                     f"server.shell(name='Audit', commands=[{AUDIT!r}])\n")
    (folder / "audit.sh").write_text(AUDIT)


# How one question begins in what `wgops run --explain` prints; its script follows, indented by four.
ASKS = re.compile(r"^\[[^]]+\] asks: (.*)$")


def write_same(folder: Path, explained: str):
    """The very questions that `wgops audit` asks a host, as one script for the other tools. What is given is what
    `wgops run playbooks/audit.yml --explain` prints."""
    script, asked, rest = "", 0, None  # rest: what follows a question's script
    for line in explained.splitlines():
        if match := ASKS.match(line):
            # Not on standard input: what reads that would eat the rest of the script.
            script += (rest or "") + "sh -c \"$(cat <<'QUESTION'\n"
            asked, rest = asked + 1, f"QUESTION\n)\" question {match[1].partition(' ')[2]} </dev/null\n"
        elif rest and (line.startswith("    ") or not line):
            script += line[4:] + "\n"
        else:
            script, rest = script + (rest or ""), None
    assert asked > 5, f"only {asked} questions in {explained}"
    script += (rest or "") + "true\n"
    (folder / "same.sh").write_text(script)
    write_play(folder / "same.yml", [{"name": "Audit", "shell": {"cmd": "{% raw %}" + script + "{% endraw %}"}}], False)
    (folder / "same.py").write_text("from pyinfra.operations import server\n\n"
                                    f"server.shell(name='Audit', commands=[{script!r}])\n")
    return asked
