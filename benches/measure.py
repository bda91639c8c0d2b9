"""Measures tools that do the same work on the same hosts, turn by turn. See README.md; run by benches/run."""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import tasks

# A tool that takes longer than this hangs.
DEADLINE_S = 600


@dataclass
class Host:
    name: str
    address: str
    interface: str  # our end of its link
    cgroup: Path


@dataclass
class Sample:
    """One run of one tool."""
    seconds: float
    bytes: int = 0
    packets: int = 0
    controller_cpu_s: float = 0
    hosts_cpu_s: float = 0
    memory_bytes: int = 0
    exchanges: str = ""


def first_line(path):
    return Path(path).read_text().split()[0]


def cgroup_root():
    """Where the kernel's cgroup2 file system is: below a mixed hierarchy, or the hierarchy itself."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, at, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(at)
    sys.exit("measure: no cgroup2 file system here")


def cpu_seconds(group):
    for line in (group / "cpu.stat").read_text().splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    return 0.0


def read_lab(folder):
    number = first_line(folder / "number")
    hosts = {}
    for place in sorted((folder / "hosts").iterdir()):
        slot = first_line(place / "slot")
        kind = "t" if (place / "net").exists() else "v"
        hosts[place.name] = Host(place.name, f"10.213.{number}.{slot}", f"wgl{number}{kind}{slot}",
                                 cgroup_root() / "wgops-lab" / f"{number}-{place.name}")
    return hosts


def traffic(hosts, what):
    return sum(int(first_line(f"/sys/class/net/{host.interface}/statistics/{way}_{what}"))
               for host in hosts for way in ("rx", "tx"))


def round_trip_seconds(host):
    """The best of some TCP connects."""
    times = []
    for _ in range(5):
        begun = time.monotonic()
        socket.create_connection((host.address, 22), timeout=10).close()
        times.append(time.monotonic() - begun)
    return min(times)


class Group:
    """A control group in which a tool runs: it finds all of its processes, also those that it leaves behind."""

    def __init__(self):
        self.path = cgroup_root() / f"wgops-bench-{os.getpid()}"
        self.path.mkdir()

    def enter(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def processes(self):
        return [int(pid) for pid in (self.path / "cgroup.procs").read_text().split()]

    def memory(self):
        """Proportional set size: what is shared between its processes counts once."""
        total = 0
        for pid in self.processes():
            try:
                match = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
                total += int(match[1]) * 1024 if match else 0
            except (OSError, ProcessLookupError):
                continue  # it has just ended
        return total

    def clear(self):
        """Ends what the tool left: shared connections, say. The next run begins without."""
        while pids := self.processes():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.01)

    def remove(self):
        self.clear()
        self.path.rmdir()


# The jobs that find everything in order, as root.
SETTLED = ("settled", "roles")


class Tool:
    name = ""

    def __init__(self, work, lab, venv):
        self.work, self.lab, self.venv = work, lab, venv

    def command(self, job, hosts):
        """Arguments, environment and folder of one run."""
        raise NotImplementedError

    def refusal(self, job, output):
        """Why this run does not count; None when it did its work and changed nothing."""
        raise NotImplementedError

    def exchanges(self, output):
        return ""


class Raw(Tool):
    name = "raw ssh"

    def command(self, job, hosts):
        become = "sudo -n sh" if job in SETTLED else "sh"
        script = (f"printf '%s\\n' {' '.join(host.name for host in hosts)} | xargs -P {len(hosts)} -I@ "
                  f"sh -c 'ssh -F {self.lab}/ssh_config @ \"{become}\" <{self.work}/{job}.sh'")
        return ["sh", "-c", script], {}, self.work

    def refusal(self, job, output):
        return "drift" if "drift" in output else None


class Ansible(Tool):
    name = "ansible-core"
    settings = ""

    def command(self, job, hosts):
        folder = self.work / "ansible"
        folder.mkdir(exist_ok=True)
        (folder / "hosts.yml").write_text(tasks.yaml.safe_dump({"all": {
            "hosts": {host.name: {"ansible_host": host.address} for host in hosts},
            "vars": {"ansible_user": "ops", "ansible_python_interpreter": "/usr/bin/python3",
                     "ansible_ssh_private_key_file": f"{self.lab}/keys/id_ed25519"}}}))
        config = folder / f"{self.name}.cfg"
        config.write_text(f"""[defaults]
forks = {len(hosts)}
inventory = {folder}/hosts.yml
{self.settings.format(venv=self.venv)}
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={self.lab}/known_hosts -o StrictHostKeyChecking=yes
control_path_dir = {folder}/control
""")
        environment = {"ANSIBLE_CONFIG": str(config), "ANSIBLE_HOME": str(folder / "home"), "ANSIBLE_LOCALHOST_WARNING": "0"}
        return [f"{self.venv}/bin/ansible-playbook", f"{self.work}/{job}.yml"], environment, self.work

    def refusal(self, job, output):
        recap = output.partition("PLAY RECAP")[2]
        if not recap:
            return "no recap"
        # A command always counts as a change.
        bad = re.search(r"(%sunreachable|failed)=[1-9]" % ("changed|" if job in SETTLED else ""), recap)
        return bad[0] if bad else None


class Mitogen(Ansible):
    name = "mitogen"
    settings = "strategy_plugins = {venv}/lib/python3/ansible_mitogen/plugins/strategy\nstrategy = mitogen_linear\n"

    def __init__(self, work, lab, venv):
        super().__init__(work, lab, venv)
        found = subprocess.run([f"{venv}/bin/python", "-c", "import ansible_mitogen; print(ansible_mitogen.__path__[0])"],
                               capture_output=True, text=True, check=True)
        self.settings = f"strategy_plugins = {found.stdout.strip()}/plugins/strategy\nstrategy = mitogen_linear\n"


class Pyinfra(Tool):
    name = "pyinfra"

    def command(self, job, hosts):
        inventory = self.work / "inventory.py"
        listed = [(host.name, {"ssh_hostname": host.address}) for host in hosts]
        inventory.write_text(f"lab = ({listed!r}, " + repr({
            "ssh_user": "ops", "ssh_key": f"{self.lab}/keys/id_ed25519",
            "ssh_known_hosts_file": f"{self.lab}/known_hosts", "ssh_strict_host_key_checking": "yes"}) + ")\n")
        return [f"{self.venv}/bin/pyinfra", "-y", "--parallel", str(len(hosts)), str(inventory), f"{job}.py"], {}, self.work

    def refusal(self, job, output):
        if "Grand total" not in output:
            return "no summary"
        total = re.search(r"Grand total[^0-9]*(.*)", output)[1]
        # Operations, changed, failed, no change; '-' is none. A shell command always counts as a change.
        _, changed, failed, _ = total.split()
        if failed != "-":
            return f"failed: {total}"
        return f"changed: {total}" if job in SETTLED and changed != "-" else None


class Wgops(Tool):
    name = "wgops"

    def __init__(self, work, lab, venv):
        super().__init__(work, lab, venv)
        self.program = os.environ["WGOPS_PROGRAM"]
        self.repository = work / "ops"

    def prepare(self, hosts):
        """An ops repository with a cleared operator, so that signing and the ledger are part of what is measured."""
        if self.repository.exists():
            return
        # With the home of the runs: whoever makes a roster has compared it.
        home = {**os.environ, "HOME": str(self.work)}
        run = lambda *words: subprocess.run(words, cwd=self.work, env=home, check=True, capture_output=True, text=True)
        run(self.program, "init", "--group", "Bench", "--operator", "alice", "--key", f"{self.lab}/keys/alice.pub",
            "--nda", "2026-01-01", str(self.repository))
        (self.repository / "inventory/known_hosts").write_text((self.lab / "known_hosts").read_text())
        for name, some in hosts.items():
            (self.repository / f"inventory/{name}.yml").write_text(tasks.yaml.safe_dump({"all": {
                "hosts": {host.name: {"ansible_host": host.address} for host in some},
                "vars": {"ansible_user": "ops", "ansible_ssh_private_key_file": f"{self.lab}/keys/id_ed25519"}}}))
        for name in ("settled.yml", "commands.yml", "roles.yml"):
            (self.repository / "playbooks" / name).write_text((self.work / name).read_text())
        shutil.copytree(self.work / "roles", self.repository / "roles")
        (self.repository / "playbooks/templates").mkdir(exist_ok=True)
        (self.repository / "playbooks/templates/site.conf.j2").write_text(tasks.TEMPLATE)
        git = ["git", "-C", str(self.repository), "-c", "user.name=alice", "-c", "user.email=alice@example.org"]
        run(*git, "add", "--all")
        run(*git, "commit", "--quiet", "--message", "Begin")

    def explained(self, host):
        """What its audit asks, in its own words."""
        words = [self.program, "run", "playbooks/audit.yml", "--explain", "--inventory", host.name,
                 "--identity", f"{self.lab}/keys/alice"]
        return subprocess.run(words, cwd=self.repository, env={**os.environ, "HOME": str(self.work)}, check=True,
                              capture_output=True, text=True).stdout

    def command(self, job, hosts):
        inventory = f"hosts{len(hosts)}" if len(hosts) > 1 else hosts[0].name
        what = ["audit", "--fail-on", "none"] if job in ("audit", "same") else ["run", f"playbooks/{job}.yml"]
        words = [self.program, "-v", *what, "--inventory", inventory, "--identity", f"{self.lab}/keys/alice"]
        return words, {"HOME": str(self.work)}, self.repository

    def refusal(self, job, output):
        if job in ("audit", "same"):
            found = re.search(r"; (\d+) of (\d+) hosts? looked at", output)
            return None if found and found[1] == found[2] else "not all hosts were assessed"
        if "PLAY RECAP" not in output:
            return "no recap"
        bad = re.search(r"(%sunreachable|failed)=[1-9]|[Dd]ry run" % ("changed|" if job in SETTLED else ""), output)
        return bad[0] if bad else None

    def exchanges(self, output):
        found = re.findall(r"exchanges=(\d+)", output)
        return max(found, key=int) if found else ""


def measure(tool, job, hosts, group, watch_memory=False):
    words, environment, folder = tool.command(job, hosts)
    before = [traffic(hosts, "bytes"), traffic(hosts, "packets"), sum(cpu_seconds(host.cgroup) for host in hosts),
              cpu_seconds(group.path)]
    peak = 0
    begun = time.monotonic()
    process = subprocess.Popen(words, cwd=folder, env={**os.environ, **environment}, preexec_fn=group.enter,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.read()), daemon=True)
    reader.start()
    hung = threading.Timer(DEADLINE_S, group.clear)
    hung.start()
    while watch_memory and process.poll() is None:
        peak = max(peak, group.memory())
        time.sleep(0.02)
    # Without a timeout: with one, Python looks only every 50 ms.
    status = process.wait()
    seconds = time.monotonic() - begun
    hung.cancel()
    reader.join(5)
    # What is left open ends here; the hosts are given a moment to notice that they were left.
    after_cpu = cpu_seconds(group.path)
    group.clear()
    reader.join(5)
    time.sleep(0.4)
    sample = Sample(seconds, traffic(hosts, "bytes") - before[0], traffic(hosts, "packets") - before[1],
                    after_cpu - before[3], sum(cpu_seconds(host.cgroup) for host in hosts) - before[2], peak,
                    tool.exchanges("".join(lines)))
    output = "".join(lines)
    why = tool.refusal(job, output)
    if sample.packets < 10:
        why = "it asked nobody"
    if status != 0:
        why = f"exit status {status}, {why}"
    return sample, f"{why}\n{output[-3000:]}" if why else None


def settle(tools, job, hosts, group):
    """Rounds that are not counted: caches get warm, and each tool brings the hosts to where it has nothing to do, until
    a whole round finds nothing. Two tools that undo each other's work never get there."""
    for _ in range(4):
        refusals = [(tool.name, why) for tool in tools for why in [measure(tool, job, hosts, group)[1]] if why]
        if not refusals:
            return
    sys.exit(f"measure: {job} does not settle: {refusals[0][0]}: {refusals[0][1]}")


def spread(values):
    return f"{statistics.median(values):.3g} ({min(values):.3g}–{max(values):.3g})"


def report(results, trips, out):
    """Markdown. `results[job][scenario][tool]` is a list of samples, one for each round."""
    for job, scenarios in results.items():
        for scenario, by_tool in scenarios.items():
            print(f"\n### {job}, {scenario}\n", file=out)
            print("| tool | times raw | seconds | exchanges | KB | packets | cpu here s | cpu hosts s | memory MB |", file=out)
            print("|---|---|---|---|---|---|---|---|---|", file=out)
            for name, samples in by_tool.items():
                timed = [sample for sample in samples if not sample.memory_bytes]
                if not timed:
                    continue
                raw = [sample for sample in by_tool["raw ssh"] if not sample.memory_bytes]
                ratios = [mine.seconds / other.seconds for mine, other in zip(timed, raw)]
                memory = max((sample.memory_bytes for sample in samples), default=0) / 1e6
                row = [name, spread(ratios), spread([sample.seconds for sample in timed]),
                       max((sample.exchanges for sample in timed), default=""),
                       f"{statistics.median(s.bytes for s in timed) / 1e3:.0f}",
                       f"{statistics.median(s.packets for s in timed):.0f}",
                       f"{statistics.median(s.controller_cpu_s for s in timed):.2f}",
                       f"{statistics.median(s.hosts_cpu_s for s in timed):.2f}", f"{memory:.0f}"]
                print("| " + " | ".join(row) + " |", file=out)
    if trips:
        print("\n### Round trips, login and all\n", file=out)
        print("(seconds on the far host − seconds on a near one) ÷ its round trip.\n", file=out)
        jobs = list(trips)
        names = list(next(iter(trips.values())))
        print("| tool | " + " | ".join(jobs) + " |\n|---|" + "---|" * len(jobs), file=out)
        for name in names:
            print(f"| {name} | " + " | ".join(f"{trips[job].get(name, float('nan')):.0f}" for job in jobs) + " |", file=out)


def save(results, trips, folder):
    """The report, and every sample that it was made from."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "results.md", "w") as out:
        report(results, trips, out)
    plain = {job: {title: {name: [asdict(sample) for sample in samples] for name, samples in by_tool.items()}
                   for title, by_tool in by.items()} for job, by in results.items()}
    (folder / "samples.json").write_text(json.dumps(plain, indent=1))


def median_seconds(samples):
    return statistics.median(sample.seconds for sample in samples if not sample.memory_bytes)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", default="raw,wgops,ansible,mitogen,pyinfra")
    parser.add_argument("--jobs", default="settled,commands,audit,same")
    parser.add_argument("--scenarios", default="many,near,far")
    options = parser.parse_args()

    hosts = read_lab(options.lab)
    near = [host for host in hosts.values() if host.interface.count("v")]
    far = [host for host in hosts.values() if not host.interface.count("v")][:1]
    scenarios = {"many": near, "near": near[:1], "far": far}
    titles = {"many": f"{len(near)} hosts", "near": "one host", "far": "one host, 50 ms each way"}
    tasks.write_all(options.work)
    kinds = {"raw": Raw, "wgops": Wgops, "ansible": Ansible, "mitogen": Mitogen, "pyinfra": Pyinfra}
    tools = [kinds[name](options.work, options.lab, options.venv) for name in options.tools.split(",")]
    for tool in tools:
        if isinstance(tool, Wgops):
            tool.prepare({f"hosts{len(near)}": near, near[0].name: near[:1], far[0].name: far})
            if "same" in options.jobs.split(","):
                asked = tasks.write_same(options.work, tool.explained(near[0]))
                print(f"same: {asked} questions", file=sys.stderr)
    group = Group()
    results, trips = {}, {}
    try:
        for job in options.jobs.split(","):
            for scenario in options.scenarios.split(","):
                some = scenarios[scenario]
                by_tool = results.setdefault(job, {}).setdefault(titles[scenario], {tool.name: [] for tool in tools})
                settle(tools, job, some, group)
                # The last round looks at memory, which takes time.
                for number in range(1, options.rounds + 2):
                    for tool in tools:
                        sample, why = measure(tool, job, some, group, watch_memory=number > options.rounds)
                        if why:
                            sys.exit(f"measure: {tool.name}, {job}, {scenario}: {why}")
                        by_tool[tool.name].append(sample)
                    print(f"{job}, {titles[scenario]}: round {number} of {options.rounds + 1}", file=sys.stderr)
                save(results, trips, options.out)
            if {"near", "far"} <= set(options.scenarios.split(",")):
                trip = round_trip_seconds(far[0])
                trips[job] = {tool.name: (median_seconds(results[job][titles["far"]][tool.name])
                                          - median_seconds(results[job][titles["near"]][tool.name])) / trip for tool in tools}
    finally:
        group.remove()
        save(results, trips, options.out)
    print((options.out / "results.md").read_text())


main()
