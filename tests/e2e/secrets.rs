//! A secret on its way from the ops repository to a host: sampled on both sides while a play uses it in every way that a
//! play can, and looked for afterwards in everything that was written. It may be where the play put it, and nowhere else.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CANARY: &str = "Kanari-5b1f-Vogel";
const CODED: &str = "S2FuYXJpLTViMWYtVm9nZWw=";

const TASKS: &str = "- copy: {content: '{{ canary }}', dest: /root/destination, mode: '0600'}
- template: {src: conf.j2, dest: /root/destination-template, mode: '0600'}
- lineinfile: {path: /root/destination-lines, line: 'a={{ canary }}', create: true, mode: '0600'}
- blockinfile: {path: /root/destination-lines, block: 'b={{ canary }}'}
- replace: {path: /root/destination-lines, regexp: '^b=.*$', replace: 'c={{ canary }}'}
- ini_file: {path: /root/destination-ini, section: s, option: o, value: '{{ canary }}', mode: '0600'}
- copy: {src: tls.key.age, dest: /root/destination-file, mode: '0600'}
- shell: {cmd: 'cat >/root/destination-stdin; sleep 0.5', stdin: '{{ canary }}'}
- user: {name: canary, password: \"{{ canary | password_hash('sha512', 'saltsalt') }}\"}
- set_fact: {derived: '<{{ canary }}>', coded: '{{ canary | b64encode }}', cacheable: true}
- debug: {var: derived}
- debug: {msg: '{{ coded }}'}
- debug: {msg: '{{ item }}'}
  loop: ['{{ canary }}']
- slurp: {src: /root/destination}
  register: slurped
- debug: {var: slurped}
- command: 'echo {{ canary }}'
  ignore_errors: true
- command: echo
  environment: {CANARY: '{{ canary }}'}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:9/{{ canary }}', dest: /root/nothing}
  ignore_errors: true
- uri: {url: 'http://127.0.0.1:9/', url_username: a, url_password: '{{ canary }}', force_basic_auth: true}
  ignore_errors: true
- file: {path: '/root/nothing-{{ canary }}', state: touch}
  ignore_errors: true
# Cron's own log has what it runs: not while this lasts.
- cron: {name: canary, special_time: reboot, job: 'true {{ canary }}'}
- fail: {msg: 'it was {{ canary }}'}
  ignore_errors: true
- include_vars: {file: more.yml}
- debug: {var: inner}
- debug: {var: 'hostvars[inventory_hostname].inner'}
- assert: {that: canary == 'x', fail_msg: 'not {{ canary }}'}
  ignore_errors: true
- command: 'true'
  register: tried
  until: canary == tried.stdout
  retries: 1
  delay: 0
  ignore_errors: true
- debug: {var: tried}
- copy: {content: '{{ inner }}', dest: /root/destination-delegated, mode: '0600'}
  delegate_to: '{{ inventory_hostname }}'
- uri: {url: 'http://127.0.0.1:9/', method: POST, body: 'it is {{ canary }}'}
  ignore_errors: true
- uri: {url: 'http://127.0.0.1:9/', headers: {Authorization: 'Bearer {{ canary }}'}}
  register: asked
  ignore_errors: true
- debug: {var: asked}
";

/// Seals something as alice.
pub fn seals(ops: &Ops<'_>, words: &[&str], plain: &str) {
    let mut command = assert_cmd::Command::cargo_bin("wgops").unwrap();
    let command = command.current_dir(ops.root()).env("WGOPS_IDENTITY", ops.key("alice"));
    let command =
        command.env("HOME", ops.elsewhere().join("home")).env("WGOPS_ROSTER_PIN", ops.pin().unwrap());
    let output = command.args(words).write_stdin(plain.to_owned()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Looks at every process of this machine until told to stop: command lines and environments.
fn watch(stop: &AtomicBool) -> Vec<String> {
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            if !path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit)) {
                continue;
            }
            for what in ["cmdline", "environ"] {
                let bytes = std::fs::read(path.join(what)).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                if text.contains(CANARY) || text.contains(CODED) {
                    seen.push(format!("{} {what}", path.display()));
                }
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    seen
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            below(&path, found);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            if text.contains(CANARY) || text.contains(CODED) {
                found.push(path);
            }
        }
    }
}

/// What a host saw in its processes meanwhile.
const SAMPLER: &str = "cat >/run/sampler <<'END'
while [ ! -e /run/sampled ]; do
  for p in /proc/[0-9]*; do cat $p/cmdline $p/environ 2>/dev/null | tr '\\0' ' '; done | grep -a -c -e CANARY -e CODED >>/run/samples
done
END
rm -f /run/sampled /run/samples; setsid sh /run/sampler >/dev/null 2>&1 &";

fn with(lab: &Lab, host: &Host, ops: &Ops<'_>, line: &str) -> crate::typed::Said {
    // The pattern itself must not be in a command line.
    let sampler =
        SAMPLER.replace("CANARY", "Kanari-5b1f-Voge[l]").replace("CODED", "S2FuYXJpLTViMWYtVm9nZW[w]");
    lab.exec(host, &sampler);
    let stop = AtomicBool::new(false);
    let (said, seen) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&stop));
        let said = ops.types("alice", line).says();
        stop.store(true, Ordering::Relaxed);
        (said, watcher.join().unwrap())
    });
    lab.exec(host, "touch /run/sampled; sleep 1");
    assert_eq!(seen, Vec::<String>::new(), "{line}");
    let samples = lab.exec(host, "wc -l </run/samples; grep -v -x 0 /run/samples | wc -l");
    let mut samples = samples.lines();
    assert!(samples.next().unwrap().trim().parse::<u32>().unwrap() > 3, "too few samples: {line}");
    assert_eq!(samples.next().unwrap().trim(), "0", "{line}");
    said
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_canary_is_found_at_its_destination_and_nowhere_else() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.write("playbooks/templates/conf.j2", "it={{ canary }}\n");
    seals(&ops, &["vault", "set", "inventory/group_vars/all/vault.yml", "canary"], CANARY);
    seals(&ops, &["vault", "set", "playbooks/files/tls.key.age"], &format!("key\n{CANARY}\n"));
    seals(&ops, &["vault", "set", "playbooks/vars/more.yml", "inner"], CANARY);
    std::fs::create_dir_all(ops.root().join("plans")).unwrap();
    let file = ops.play("canary", "  become: true\n", TASKS);
    let places = "grep -r -l -a -e 'Kanari-5b1f-Voge[l]' -e 'S2FuYXJpLTViMWYtVm9nZW[w]' /root /home /tmp /var /etc /run /dev/shm 2>/dev/null | grep -v '^/run/s' | sort";
    for line in [
        format!("run {file} -i ops --check --diff -vvv"),
        format!("run {file} -i ops --check --explain -vvv"),
        format!("run {file} -i ops --plan-out plans/canary.json -vvvv"),
        format!("run {file} -i ops --diff -vvv"),
        format!("run {file} -i ops --diff -vvv --format json"),
    ] {
        let said = with(&lab, &host, &ops, &line);
        assert_eq!(said.code, Some(0), "{line}: {said}");
        for text in [&said.out, &said.err] {
            assert!(!text.contains(CANARY) && !text.contains(CODED), "{line}: {said}");
        }
        let mut found = Vec::new();
        below(ops.elsewhere(), &mut found);
        assert_eq!(found, Vec::<PathBuf>::new(), "{line}");
        if line.contains("--check") || line.contains("--plan-out") {
            assert_eq!(lab.exec(&host, places), "", "{line}");
        }
    }
    let ends = ["", "-delegated", "-file", "-ini", "-lines", "-stdin", "-template"];
    let expected = ends.map(|end| format!("/root/destination{end}")).join("\n");
    assert_eq!(lab.exec(&host, places), format!("{expected}\n/var/spool/cron/crontabs/root"));
    assert!(!lab.holds(&host, "journalctl --no-pager | grep -e 'Kanari-5b1f-Voge[l]'"));
    assert!(lab.exec(&host, "grep ^canary: /etc/shadow").contains("saltsalt$"));
    assert!(ops.newest().contains("alice"));
}
