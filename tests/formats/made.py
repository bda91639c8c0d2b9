"""Made audits, as the events of a run: one JSON object on each line.

    made.py hostile|twelve >EVENTS

`hostile`: every text that a host or a person can write is out to be something else. `twelve`: what a group with
twelve hosts sees on a bad day. What other files of this folder expect of them is computed from the events alone.
"""

import json
import sys

RUN = "01KAXE52G0000000000000000A"  # its time is AT
AT = "2025-11-25T12:00:00Z"

# One text for each thing that reads one of the formats, and some for all of them.
HOSTILE = [
    "<script>window.owned=1</script>",
    "</script><script>window.owned=2</script>",
    "<img src=x onerror=window.owned=3>",
    "\"><svg onload=window.owned=4>",
    "' onmouseover='window.owned=5' x='",
    "<style>@import 'http://127.0.0.1:9/s.css'</style><link rel=stylesheet href=http://127.0.0.1:9/l.css>",
    "]]><!--<![CDATA[&lt;b&gt;&amp;&#60;script&#62; -->",
    "| a | b |\n|---|---|\n| \\| c \\\\| d |",
    "# heading\n\n- list\n\n    code\n\n> quote\n\n---\n\n```\nfence\n```",
    "[text](https://evil.example) ![image](https://evil.example/i.png) <https://evil.example> https://evil.example",
    "[x](1) [y](https://evil.example) {0} {{1}} {x=\"1\"}",
    "@root #1 :tada: www.evil.example GH-1 mailto:root@evil.example $\\frac{1}{0}$ **bold** _it_ ~~del~~ `code`",
    "a\"} 1\nwgops_audit_failed 0\n# EOF\n# HELP x y\\n\\",
    "\x1b[2J\x1b]0;title\x07\x9b2J\x00\x08\x7f\r\nPASS: nothing to see",
    "\u202egnp.exe\u2066\u200b\u2028\u2029\ufeff\ufffe\uffff\U0001f600\u0301\u0301",
    "::error::owned ::set-output name=x::y ##vso[task.complete result=Succeeded;]",
    "\\",
    " leading and trailing \t ",
    "w" * 5000,
    "line\n" * 400,
]


def finding(kind, about, severity, title, evidence="", remedy="", **more):
    return {
        "id": f"{kind}/{about}" if about else kind,
        "kind": kind,
        "severity": severity,
        "title": title,
        "evidence": evidence,
        "remedy": remedy,
        **more,
    }


def begins(hosts):
    mode = {"dry": {"why": "an audit changes nothing"}}
    return {"event": "run_begins", "version": 1, "run": RUN, "verb": "audit", "mode": mode, "hosts": hosts}


def judging(fail_on, **more):
    return {"event": "judging", "at": AT, "fail_on": fail_on, "playbooks": ["playbooks/audit.yml"], **more}


def found(host, what):
    return {"event": "found", "host": host, "finding": what}


def ends(hosts, lost=()):
    names = ["ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored", "unknown", "exchanges"]
    recap = {host: {name: 0 for name in names} | {"ok": 9, "unreachable": int(host in lost)} for host in hosts}
    return {"event": "run_ends", "recap": recap, "interrupted": False, "seconds": 4.0}


def updates(host, *, pending, held=(), as_of="2025-11-25T06:00:00Z"):
    """The end of the task whose result metrics are counted from: (origin, how many)."""
    rows = [{"kind": "upgrade", "origin": o, "arch": "amd64", "held": h}
            for h, group in ((False, pending), (True, held)) for o, n in group for _ in range(n)]
    result = {"package_manager": "apt", "lists_as_of": as_of, "updates": rows}
    return {
        "event": "task_ends", "host": host, "number": 0, "task": "Updates", "module": "pending_updates",
        "place": "audit.yml:1:1", "handler": False, "status": {"status": "ok"}, "ignored": False, "message": None, "changes": [],
        "items": [], "result": result, "seconds": 1.0,
    }


def suppression(what, hosts, reason, owner="alice", until="2026-12-31"):
    return {"id": what, "pattern": "all", "hosts": hosts, "reason": reason, "owner": owner, "until": until,
            "place": "inventory/suppressions.yml:3"}


def hostile():
    hosts = ["web1", "a%3Ab[x]@y:1", "größe.example"]
    yield begins(hosts)
    evil = " ".join(HOSTILE[:17])
    known = {f"check/{HOSTILE[1]}": {"kind": "check", "severity": "high"}, "update/gone": {"kind": "update", "severity": "low"}}
    baseline = {"run": RUN, "at": "2025-11-20T00:00:00Z", "hosts": {hosts[1]: known}}
    yield judging("any", baseline=baseline, suppressions=[suppression("update/*", hosts, evil, owner=HOSTILE[0])])
    for number, text in enumerate(HOSTILE):
        host = hosts[number % len(hosts)]
        yield updates(host, pending=[(text, 2)], held=[(text, 1)])
        # A different one each time, so that none hides behind another.
        yield found(host, finding("check", text, "high", text, text, text, references=[text, text],
                                  installed=text, available=text, since="2025-11-01T00:00:00Z"))
        yield found(host, finding("update", text, "low", text, text, text))
    yield {"event": "host_leaves", "host": hosts[0], "reason": evil}
    yield ends(hosts, lost=hosts[:1])


SECURITY = [
    ("openssl", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", ["CVE-2025-9230", "CVE-2025-9231", "CVE-2025-9232", "CVE-2025-4575"], 21),
    ("libssl3", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", ["CVE-2025-9230", "CVE-2025-9231", "CVE-2025-9232", "CVE-2025-4575"], 21),
    ("sudo", "1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u2", ["CVE-2025-32462"], 9),
    ("libxml2", "2.9.14+dfsg-1.3~deb12u1", "2.9.14+dfsg-1.3~deb12u4", ["CVE-2025-6021", "CVE-2025-49794"], 30),
]
UPDATES = [("bash", "5.2.15-2+b7", "5.2.15-2+b9"), ("base-files", "12.4+deb12u8", "12.4+deb12u12"),
           ("tzdata", "2024b-0+deb12u1", "2025b-0+deb12u2"), ("systemd", "252.30-1~deb12u2", "252.39-1~deb12u1"),
           ("linux-image-amd64", "6.1.119-1", "6.1.153-1")]


def twelve():
    web = [f"web{n}.example.org" for n in range(1, 6)]
    db = ["db1.example.org", "db2.example.org"]
    others = ["mail.example.org", "wiki.example.org", "build-runner-frankfurt-01.internal.example.org", "ns1.example.org", "ns2.example.org"]
    hosts = web + db + others
    yield begins(hosts)
    yield judging(
        "security:7d,critical,reboot-needed:30d", counted_since="2025-09-01T00:00:00Z",
        suppressions=[suppression("held-back/postgresql-15", db, "upgraded with the move to 17, INFRA-211", "carol")],
        feeds=[{"source": "feeds/osv-debian", "newest": "2025-11-24T22:10:00Z"}],
    )
    since = lambda days: f"2025-{'11' if days < 25 else '10'}-{(25 - days) if days < 25 else (56 - days):02d}T03:00:00Z"
    lost = ["ns2.example.org"]
    for at, host in enumerate(hosts):
        if host in lost:
            continue
        if host == "ns1.example.org":
            yield updates(host, pending=[])
            continue
        security = SECURITY if host in web[:3] else SECURITY[2:3] if host in web + db else SECURITY[:2] if at == 7 else []
        for package, old, new, cves, days in security:
            yield found(host, finding(
                "security-update", package, "high", f"security update of {package}",
                f"{old} → {new} from Debian-Security bookworm-security", "apply it: wgops patch --security",
                references=cves, installed=old, available=new, since=since(days)))
        for package, old, new in UPDATES[: (at % 4) + 2]:
            yield found(host, finding("update", package, "low", f"update of {package}", f"{old} → {new} from Debian bookworm",
                                      "apply it: wgops patch", installed=old, available=new, since=since(14)))
        yield updates(host, pending=[("Debian:bookworm/stable", (at % 4) + 2), ("Debian-Security:bookworm-security", len(security))])
    for host in db:
        yield found(host, finding("held-back", "postgresql-15", "low", "postgresql-15 is held", "15.8-0+deb12u1 → 15.14-0+deb12u1 from Debian bookworm",
                                  "see why, then: apt-mark unhold postgresql-15", since=since(28)))
    yield found(db[0], finding("vulnerability", "CVE-2025-8714", "critical", "postgresql-15 is open to CVE-2025-8714",
                               "installed 15.8-0+deb12u1, fixed in 15.14-0+deb12u1", "install 15.14-0+deb12u1 or later",
                               references=["CVE-2025-8714", "DSA-5978-1"], installed="15.8-0+deb12u1", available="15.14-0+deb12u1", since=since(12)))
    for host in web[:2] + ["mail.example.org"]:
        yield found(host, finding("reboot-needed", "", "medium", "a reboot is needed for the new kernel",
                                  "runs 6.1.0-28-amd64, installed is 6.1.0-40-amd64", "wgops patch --reboot if-needed", since=since(29)))
    yield found("wiki.example.org", finding("service-restart", "php8.2-fpm.service", "medium", "php8.2-fpm.service runs on replaced files",
                                            "/usr/lib/x86_64-linux-gnu/libssl.so.3\n/usr/lib/x86_64-linux-gnu/libcrypto.so.3", "systemctl restart php8.2-fpm.service", since=since(3)))
    yield found("wiki.example.org", finding("low-disk", "/var", "high", "/var is 97 % full", "1.2 GiB of 40 GiB are free", "free some: apt-get clean; journalctl --vacuum-size=200M", since=since(2)))
    yield found(others[2], finding("end-of-life", "", "high", "Ubuntu 20.04.6 LTS gets no security updates any more", "regular support ended 2025-05-31; dates as of 2025-11-01", "plan the upgrade to 22.04 or later", since=since(30)))
    yield found(others[2], finding("repository", "signed-by", "info", "any known key may sign for 3 sources", "/etc/apt/sources.list:1\n/etc/apt/sources.list:2\n/etc/apt/sources.list.d/docker.list:1", "name a key with signed-by in each"))
    yield found(others[2], finding("not-assessed", "service-restart", "medium", "which services need a restart could not be seen", "files that processes of others run on are not readable without root", "audit with --become"))
    yield found("mail.example.org", finding("failed-unit", "fail2ban.service", "medium", "fail2ban.service has failed", "since 2025-11-24 02:11: exit-code", "systemctl status fail2ban.service", since=since(1)))
    yield found("mail.example.org", finding("automatic-updates", "off", "info", "security updates do not install themselves", "unattended-upgrades is not installed", "apt-get install unattended-upgrades; or patch by hand"))
    yield {"event": "host_leaves", "host": lost[0], "reason": "no route to host (2001:db8:77::53, port 22)"}
    yield ends(hosts, lost)


if __name__ == "__main__":
    for event in {"hostile": hostile, "twelve": twelve}[sys.argv[1]]():
        print(json.dumps(event))
