"""Opens the HTML page of audits in headless Chromium, as a reader would: filters, sorts, and looks at what it does.

    page.py PICTURES TWELVE HOSTILE

The folders hold one audit in every format; `twelve` and `hostile` of `made.py`. Speaks WebDriver to chromedriver.
Screenshots go to PICTURES. Prints one line for each test; see `check`.
"""

import base64
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-dev-shm-usage"]


class Driver:
    """A running chromedriver."""

    def __init__(self, home):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while not self.ready():
            assert time.monotonic() < until and self.process.poll() is None, "chromedriver did not come up"
            time.sleep(0.05)
        self.home = home

    def ready(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"][:800]) from None

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class Page:
    """One page in a browser of its own."""

    def __init__(self, driver, file, scripts=True):
        self.driver = driver
        self.profile = tempfile.mkdtemp(dir=driver.home)
        options = {"args": [*FLAGS, f"--user-data-dir={self.profile}"]}
        if not scripts:
            options["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        answer = driver.call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.at = f"/session/{answer['sessionId']}"
        self.url = file.as_uri()
        # A browser begins with a page of its own: only what comes after it counts.
        self.do("POST", "/url", {"url": "about:blank"})
        self.requests()
        self.do("POST", "/url", {"url": self.url})

    def do(self, method, path, body=None):
        return self.driver.call(method, self.at + path, body)

    def js(self, script, *args):
        return self.do("POST", "/execute/sync", {"script": script, "args": list(args)})

    def devtools(self, command, **params):
        return self.do("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def scheme(self, value):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": value}])

    def size(self, width, height):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, file):
        file.write_bytes(base64.b64decode(self.do("GET", "/screenshot")))

    def find(self, selector):
        return next(iter(self.do("POST", "/element", {"using": "css selector", "value": selector}).values()))

    def click(self, selector):
        self.do("POST", f"/element/{self.find(selector)}/click")

    def type(self, selector, text):
        self.do("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def choose(self, name, value):
        self.click(f"select[name={name}] option[value=\"{value}\"]")

    def shown(self):
        """Host, kind and title of each finding that a reader can see, in order."""
        return [tuple(row) for row in self.js(
            "return [...document.querySelectorAll('#findings tbody tr')].filter(r => r.checkVisibility())"
            ".map(r => [r.dataset.host, r.dataset.kind, r.querySelector('.title').textContent])")]

    def requests(self):
        """What the page asked of anybody, its own file left out."""
        urls = {}
        for entry in self.do("POST", "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            what, more = message["method"], message["params"]
            if what == "Network.requestWillBeSent":
                urls[more["requestId"]] = more["request"]["url"]
            elif what == "Network.loadingFailed" and more.get("blockedReason") == "csp":
                urls.pop(more["requestId"], None)  # thought of, and not sent
        own = [url for url in urls.values() if url == self.url]
        return [url for url in urls.values() if url != self.url], len(own)

    def complaints(self):
        return [entry["message"] for entry in self.do("POST", "/se/log", {"type": "browser"})]

    def close(self):
        self.do("DELETE", "")
        shutil.rmtree(self.profile, ignore_errors=True)


def same(what, got, expected):
    assert got == expected, f"{what}: got {got!r}, expected {expected!r}"


def audit(folder):
    return json.loads((folder / "audit.json").read_text())["findings"]


def rows(findings):
    return sorted((f["host"], f["kind"], f["title"]) for f in findings)


RANK = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}


def filters(page, findings):
    def check(what, keep):
        expected = rows(f for f in findings if keep(f))
        until = time.monotonic() + 5
        while sorted(page.shown()) != expected and time.monotonic() < until:
            time.sleep(0.02)
        same(what, sorted(page.shown()), expected)

    check("everything", lambda f: True)
    page.choose("host", "web2.example.org")
    check("a host", lambda f: f["host"] == "web2.example.org")
    page.choose("kind", "update")
    check("a host and a kind", lambda f: f["host"] == "web2.example.org" and f["kind"] == "update")
    page.click("button[type=reset]")
    check("all again", lambda f: True)
    page.choose("severity", "3")
    check("high and worse", lambda f: RANK[f["severity"]] >= 3)
    page.click("button[type=reset]")
    page.type("input[name=text]", "OPENSSL cve-2025-9230")
    check("a text", lambda f: "openssl" in f["title"] and "CVE-2025-9230" in f.get("references", []))
    said = page.js("return document.getElementById('count').textContent")
    same("the count", said, f"{len(page.shown())} of {len(findings)} findings shown")
    page.click("button[type=reset]")
    page.click("input[name=fails]")
    check("what fails", lambda f: "fails" in f)
    page.click("button[type=reset]")


def sorts(page, findings):
    page.click("#findings thead th:nth-child(2) button")
    hosts = [host for host, _, _ in page.shown()]
    same("sorted by host", hosts, sorted(hosts))
    page.click("#findings thead th:nth-child(2) button")
    same("the other way", [host for host, _, _ in page.shown()], sorted(hosts, reverse=True))
    same("and it says so", page.js("return document.querySelector('#findings thead th:nth-child(2)').ariaSort"), "descending")
    page.click("#findings thead th:nth-child(5) button")
    since = {(f["host"], f["kind"], f["title"]): f.get("since", "9") for f in findings}
    ages = [since[row] for row in page.shown()]
    same("the oldest first", ages, sorted(ages))
    # By keyboard, too: the heading is a button that can be reached and pressed.
    page.type("#findings thead th:nth-child(1) button", "\ue007")
    severity = {(f["host"], f["kind"], f["title"]): -RANK[f["severity"]] for f in findings}
    order = [severity[row] for row in page.shown()]
    same("the worst first", order, sorted(order))


CONTRAST = """
const parts = c => c.match(/[\\d.]+/g).map(Number);
const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                     return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                      if (parts(c)[3] !== 0) return c; } return 'rgb(255,255,255)'; };
const bad = [];
for (const e of document.querySelectorAll('body *')) {
  if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
  const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.tagName + '.' + e.className + ' ' + ((a + 0.05) / (b + 0.05)).toFixed(2));
}
return [...new Set(bad)];
"""


def looks(page, pictures):
    background = {}
    for scheme in ("light", "dark"):
        page.scheme(scheme)
        for name, width in (("wide", 1360), ("narrow", 420)):
            page.size(width, 1500)
            page.js("scrollTo(0, 0)")
            page.picture(pictures / f"{name}-{scheme}.png")
            over = page.js("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, f"{name}: {over} pixels to the side"
            same(f"{scheme}, {name}: too faint", page.js(CONTRAST), [])
        background[scheme] = page.js("return getComputedStyle(document.body).backgroundColor")
    assert background["light"] != background["dark"], background
    page.size(1360, 1500)


def labels(page):
    bare = page.js("return [...document.querySelectorAll('input,select')].filter(e => !e.labels.length).map(e => e.name)")
    same("fields without a label", bare, [])
    same("language", page.js("return document.documentElement.lang"), "en")


def quiet(page):
    foreign, own = page.requests()
    same("requests", foreign, [])
    assert own >= 1, "the log of requests is empty, so it says nothing"
    same("complaints", page.complaints(), [])


def without_scripts(page, findings):
    # chromedriver's own scripts run all the same; those of the page don't.
    same("the form", page.js("return document.getElementById('filter').hidden"), True)
    same("findings", sorted(page.shown()), rows(findings))


def hostile(page, findings):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        tempted(page, findings, f"http://127.0.0.1:{listener.getsockname()[1]}/x")
        try:
            listener.accept()
        except TimeoutError:
            return
    raise AssertionError("the page called somebody")


def tempted(page, findings, url):
    time.sleep(0.5)  # there is nothing to observe where nothing happens
    same("owned", page.js("return window.owned ?? null"), None)
    counts = page.js("const n = s => document.querySelectorAll(s).length; return [n('script'), n('style'), n('img,svg,link,iframe,a,object'),"
                     "n('*[onload],*[onerror],*[onmouseover]'), n('#findings tbody tr')]")
    same("elements", counts, [1, 1, 0, 0, len(findings)])
    same("cells", page.js("return [...new Set([...document.querySelectorAll('#findings tbody tr')].map(r => r.cells.length))]"), [6])
    texts = page.js("return [...document.querySelectorAll('#findings .title')].map(e => e.textContent)")
    assert "<script>window.owned=1</script>" in texts, "hostile text is shown as it is"
    # The policy is there for the day on which an escape is forgotten.
    page.js("document.body.insertAdjacentHTML('beforeend', `<img src='${arguments[0]}' onmouseover='0' onerror='window.owned=9'>`)", url)
    page.js("const s = document.createElement('script'); s.textContent = 'window.owned=8'; document.body.append(s)")
    until = time.monotonic() + 10
    said = []
    while sum("Content Security Policy" in line for line in said) < 2 and time.monotonic() < until:
        said += page.complaints()
        time.sleep(0.05)
    assert sum("Content Security Policy" in line for line in said) >= 2, f"the policy said nothing: {said}"
    same("owned in spite of the policy", page.js("return window.owned ?? null"), None)
    same("requests in spite of the policy", page.requests()[0], [])


def main():
    pictures, twelve, wild = (Path(arg).resolve() for arg in sys.argv[1:4])
    made, evil = audit(twelve), audit(wild)
    tests = [
        (twelve, True, "colours and widths", lambda page: looks(page, pictures)),
        (twelve, True, "filter", lambda page: filters(page, made)),
        (twelve, True, "sort", lambda page: sorts(page, made)),
        (twelve, True, "labels", labels),
        (twelve, True, "no request", quiet),
        (twelve, False, "without scripts", lambda page: without_scripts(page, made)),
        (wild, True, "hostile texts", lambda page: hostile(page, evil)),
    ]
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        driver = Driver(home)
        pages = {}
        try:
            for folder, scripts, name, test in tests:
                try:
                    if (folder, scripts) not in pages:
                        pages[folder, scripts] = Page(driver, folder / "audit.html", scripts)
                    test(pages[folder, scripts])
                    print(f"ok      page: {name}")
                except (AssertionError, OSError, KeyError) as why:
                    failed += 1
                    print(f"FAILED  page: {name}: {str(why)[:1500]}")
            for page in pages.values():
                page.close()
        finally:
            driver.stop()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
