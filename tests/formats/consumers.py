"""Feeds audits to the programs that other people read them with, and asks those what they understood.

    consumers.py NODE_MODULES FOLDER…

Each folder holds one audit in every format. The JSON document is held to the project's schema and then says what the others
have to say: how many findings there are, on which hosts, which fail. Prints one line for each test; see `check`.
"""

import html
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import jsonschema
from junitparser import Failure, JUnitXml, Skipped, TestSuite
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

PROJECT = Path(__file__).resolve().parents[2]
# wgops has no page of its own to name yet.
SARIF_LEFT_OUT = {"SARIF2005"}
CONTROL = [chr(c) for c in [*range(0, 9), *range(11, 32), *range(0x7F, 0xA0)]] + list("\u202e\u2066\u200b\u2028\u2029\ufeff")


class Audit:
    """One audit, as its JSON document tells it."""

    def __init__(self, folder):
        self.folder = folder
        self.document = json.loads(self.text("json"))
        self.findings = self.document["findings"]
        self.hosts = [host["name"] for host in self.document["hosts"]]
        self.failing = [f for f in self.findings if "fails" in f]
        self.suppressed = [f for f in self.findings if "suppressed" in f]

    def text(self, end):
        # Bytes first: a line feed that was translated would hide a carriage return.
        return (self.folder / f"audit.{end}").read_bytes().decode("utf-8")


def same(what, got, expected):
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


def clean(what, text):
    wild = sorted({f"U+{ord(c):04X}" for c in CONTROL if c in text})
    assert not wild, f"{what} has {', '.join(wild)}"


def schema():
    return json.loads((PROJECT / "docs/schemas/audit.schema.json").read_text())


def test_json(audit):
    checker = jsonschema.FormatChecker()
    assert {"date-time", "date"} <= set(checker.checkers), "the checker of times is missing"
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema(), format_checker=checker)
    errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(audit.document)]
    assert not errors, "; ".join(errors[:5])
    # The schema must be able to say no.
    for spoilt in [{"severity": "grave"}, {"since": "yesterday"}, {"surprise": 1}, {"kind": "x"}]:
        assert list(validator.iter_errors(audit.document | {"findings": [audit.findings[0] | spoilt]})), f"takes {spoilt}"
    per_host = Counter(f["host"] for f in audit.findings)
    same("findings by host", {h["name"]: h["findings"] for h in audit.document["hosts"]}, {h: per_host[h] for h in audit.hosts})
    same("failed", audit.document["failed"], bool(audit.failing))
    first = Counter(f["fails"] for f in audit.failing)
    counted = {rule["rule"]: rule["failed"] for rule in audit.document["rules"]}
    assert set(first) <= set(counted) and all(counted[rule] >= n for rule, n in first.items()), f"{counted} and {first}"
    same("rules", ",".join(counted), audit.document["fail_on"])
    baseline = audit.document.get("baseline")
    same("compared", baseline is not None, any("new" in f for f in audit.findings))
    if baseline:
        same("fixed and known", (baseline["fixed"], sum(not f["new"] for f in audit.findings)), (1, 1))


def test_junit(audit):
    xml = JUnitXml.fromfile(str(audit.folder / "audit.xml"))
    suites = [suite for suite in xml if isinstance(suite, TestSuite)]
    same("suites", sorted(s.name for s in suites), sorted(audit.hosts))
    cases = [(suite, case) for suite in suites for case in suite]
    same("failures", sum(1 for _, c in cases if any(isinstance(r, Failure) for r in c.result)), len(audit.failing))
    named = Counter((suite.name, case.name) for suite, case in cases if case.name != "assessed")
    expected = Counter((f["host"], shown(f["id"])) for f in audit.findings)
    same("cases", named, expected)
    same("looked at", sorted(s.name for s, c in cases if c.name == "assessed"),
         sorted(h["name"] for h in audit.document["hosts"] if h["assessed"]))
    suppressed = sum(1 for _, c in cases for r in c.result if isinstance(r, Skipped) and r.message.startswith("suppressed"))
    same("suppressed", suppressed, len(audit.suppressed))
    # What the heads count is what stands below them.
    declared = (xml.tests, xml.failures, xml.skipped, xml.errors)
    xml.update_statistics()
    same("counts", declared, (xml.tests, xml.failures, xml.skipped, xml.errors))
    clean("JUnit", audit.text("xml"))


def shown(text):
    """A text as `printable` shows it, asked of nobody: control characters in carets or by number."""
    out = []
    for c in text:
        n = ord(c)
        if c in "\n\t":
            out.append(c)
        elif n < 32:
            out.append("^" + chr(n + 64))
        elif n == 0x7F:
            out.append("^?")
        elif 0x80 <= n < 0xA0 or n in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x206A), 0xFEFF, 0x61C):
            out.append(f"\\u{{{n:x}}}")
        elif n in (0xFFFE, 0xFFFF):
            out.append("\ufffd")
        else:
            out.append(c)
    return "".join(out)


def test_sarif_schema(audit, modules):
    file = modules / "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
    rules = json.loads(file.read_text())
    validator = jsonschema.validators.validator_for(rules)(rules, format_checker=jsonschema.FormatChecker())
    log = json.loads(audit.text("sarif"))
    errors = [f"{e.json_path}: {e.message[:200]}" for e in validator.iter_errors(log)]
    assert not errors, "; ".join(errors[:5])
    assert list(validator.iter_errors(log | {"version": "2.0.0"})), "the official schema takes anything"
    (run,) = log["runs"]
    results = run["results"]
    host = lambda result: result["locations"][0]["logicalLocations"][0]["name"]
    same("results", Counter((host(r), r["properties"]["id"], r["ruleId"]) for r in results),
         Counter((f["host"], f["id"], f["kind"]) for f in audit.findings))
    same("failing", sum(r["properties"]["fails"] for r in results), len(audit.failing))
    same("suppressed", sum("suppressions" in r for r in results), len(audit.suppressed))
    same("compared", Counter(r.get("baselineState") for r in results),
         Counter({True: "new", False: "unchanged", None: None}[f.get("new")] for f in audit.findings))
    same("fingerprints", len({json.dumps(r["partialFingerprints"], sort_keys=True) for r in results}), len(results))
    for result in results:
        text = result["message"]["text"]
        clean("a message", text)
        links = [i for i in range(len(text)) if text.startswith("](", i) and not text.startswith("\\", i - 1)]
        assert not links, f"a link in {text[:200]!r}"
    assert all(r["ruleId"] == run["tool"]["driver"]["rules"][r["ruleIndex"]]["id"] for r in results)


def test_sarif_validator(audit, modules):
    tool = modules / "@microsoft/sarif-multitool-linux/Sarif.Multitool"
    with tempfile.TemporaryDirectory() as home:
        said = Path(home) / "said.sarif"
        command = [tool, "validate", audit.folder / "audit.sarif", "--rule-kind", "Sarif;Gh;Ghas", "--output", said]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60,
                             env={"HOME": home, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "DOTNET_BUNDLE_EXTRACT_BASE_DIR": home})
        assert said.exists(), f"it said nothing: {ran.stdout[-500:]} {ran.stderr[-500:]}"
        (run,) = json.loads(said.read_text(encoding="utf-8-sig"))["runs"]
    notes = [n for i in run.get("invocations", []) for n in i.get("toolExecutionNotifications", []) if n.get("level") == "error"]
    left = [(r["ruleId"], r["message"].get("arguments")) for r in run.get("results", []) if r["ruleId"] not in SARIF_LEFT_OUT]
    assert not left and not notes, f"{left[:5]} {notes[:3]}"


def tables(tokens):
    """Each table's rows, a row being the inline tokens of its cells."""
    rows, out = [], []
    for token in tokens:
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(token)
        elif token.type == "table_close":
            out.append(rows)
            rows = []
    return out


def words(cell):
    """The text that a reader sees in a cell."""
    text = lambda t: t.content if t.type in ("text", "code_inline", "text_special") else "\n" if t.content == "<br>" else ""
    return "".join(text(token) for token in cell.children)


def test_markdown(audit):
    text = audit.text("md")
    clean("Markdown", text)
    assert len(text.encode()) < 1 << 20
    # `linkify` would need another package, so what GitHub makes links of is looked for by hand below.
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    same("blocks", {t.type for t in tokens if t.level == 0 and t.nesting > 0}, {"heading_open", "paragraph_open", "table_open"})
    inline = [child for token in tokens if token.type == "inline" for child in token.children]
    allowed = {"text", "text_special", "html_inline", "softbreak", "code_inline", "strong_open", "strong_close"}
    assert {t.type for t in inline} <= allowed, {t.type for t in inline} - allowed
    same("markup", {t.content for t in inline if t.type == "html_inline"} - {"<br>"}, set())
    same("code", [t.content for t in inline if t.type == "code_inline"], [audit.document["run"]])
    hosts, findings = tables(tokens)
    same("hosts", sorted(words(row[0]) for row in hosts[1:]), sorted(audit.hosts))
    same("columns", {len(row) for row in findings}, {6})
    lines = {(f["severity"], *(f[key] for key in ("id", "title", "evidence", "remedy")), "fails" in f, "suppressed" in f, f.get("new"),
              tuple(f.get("references", []))) for f in audit.findings}
    same("lines", len(findings) - 1, len(lines))
    same("failing lines", sum(words(row[0]) == "❌" for row in findings), sum(line[5] for line in lines))
    same("titles", Counter(flat(words(row[2])) for row in findings[1:]), Counter(flat(shown(line[2])) + ("new" if line[7] else "") for line in lines))
    # GitHub looks for these in the source, whatever the parser makes of it.
    source = text.lower()
    for wild in ["://", "www.", "@root", "mailto:", "<script", "<img", "<style", ":tada:"]:
        assert wild not in source, f"{wild} in the source"


def flat(text):
    return "".join(text.split()).translate({0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD})


def test_metrics(audit):
    text = audit.text("prom")
    clean("metrics", text)
    families = list(openmetrics(text))
    # What node_exporter reads: the other of the two formats.
    samples = lambda read: Counter((s.name, tuple(sorted(s.labels.items())), s.value) for f in read for s in f.samples)
    same("both formats", samples(prometheus(text)), samples(families))
    assert all(family.type == "gauge" and family.documentation for family in families)
    values = {family.name: family.samples for family in families}
    one = lambda name: values[name][0].value
    by_host = lambda name: {s.labels["host"]: s.value for s in values[name]}
    same("failed", one("wgops_audit_failed"), int(audit.document["failed"]))
    counted = Counter((f["host"], f["kind"], f["severity"]) for f in audit.findings if "suppressed" not in f)
    same("findings", {(s.labels["host"], s.labels["kind"], s.labels["severity"]): s.value for s in values["wgops_audit_findings"]}, dict(counted))
    failing = Counter(f["host"] for f in audit.failing)
    same("failing", by_host("wgops_audit_failing_findings"), {h: failing[h] for h in audit.hosts})
    same("assessed", by_host("wgops_audit_host_assessed"), {h["name"]: int(h["assessed"]) for h in audit.document["hosts"]})
    reboots = {f["host"] for f in audit.findings if f["kind"] == "reboot-needed"}
    same("reboots", {s.labels["host"] for s in values["node_reboot_required"] if s.value}, reboots)


def test_text(audit):
    plain = audit.text("txt")
    import re
    plain = re.sub(r"\x1b\[[0-9;]*m", "", plain)
    clean("the terminal", plain)
    verdict = [line for line in plain.splitlines() if line.startswith(("PASS", "FAIL"))]
    same("verdicts", len(verdict), 1)
    assert verdict[0].startswith("FAIL" if audit.document["failed"] else "PASS") and plain.rstrip("\n").endswith(verdict[0])
    for host in audit.hosts:
        assert host[:12] in plain, f"{host} is missing"


def main():
    modules, folders = Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]]
    tests = [test_json, test_junit, test_sarif_schema, test_sarif_validator, test_markdown, test_metrics, test_text]
    failed = 0
    for folder in folders:
        audit = Audit(folder)
        for test in tests:
            name = f"{folder.name} {test.__name__.removeprefix('test_')}"
            try:
                test(audit, modules) if "sarif" in test.__name__ else test(audit)
                print(f"ok      {name}")
            except Exception as why:  # a parser's own error counts, too
                failed += 1
                print(f"FAILED  {name}: {type(why).__name__}: {str(why)[:1500]}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
