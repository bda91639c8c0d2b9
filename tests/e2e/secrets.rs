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
- shell: {cmd: 'cat >/root/destination-job; sleep 1; cat /root/destination-job', stdin: '{{ canary }}'}
  async: 30
  poll: 0
  register: job
- uri: {url: 'http://SILENT/', method: POST, headers: {Authorization: 'Bearer {{ canary }}'}, body: '{{ canary }}', timeout: 2}
  async: 30
  poll: 0
- async_status: {jid: '{{ job.ansible_job_id }}'}
  register: ended
  until: ended is finished
  retries: 9
  delay: 1
- debug: {var: ended}
- authorized_key: {user: root, path: /root/destination-keys, manage_dir: false, key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINjB3h6ye5J8kMRg64gcZoaxdt1vcC7AI743R8TU7c9p {{ canary }}'}
- cronvar: {name: TOKEN, value: '{{ canary }}', user: root}
- htpasswd: {path: /root/hashed, name: jo, password: '{{ canary }}', hash_scheme: ldap_sha1, mode: '0600'}
- debconf: {name: bar, question: bar/password, vtype: password, value: '{{ canary }}'}
- mysql_user: {name: a, password: '{{ canary }}', login_password: '{{ canary }}'}
  ignore_errors: true
- postgresql_user: {name: a, password: '{{ canary }}', login_password: '{{ canary }}'}
  ignore_errors: true
- get_url: {url: 'http://127.0.0.1:9/', dest: /root/nothing, headers: {A: '{{ canary }}'}, url_username: a, url_password: '{{ canary }}'}
  ignore_errors: true
- script: {cmd: 'some.sh {{ canary }}'}
  ignore_errors: true
- raw: 'echo {{ canary }}'
  ignore_errors: true
- debug: {msg: \"{{ lookup('pipe', 'echo ' ~ canary) }}\"}
  ignore_errors: true
- debug: {msg: \"{{ lookup('pipe', 'echo ' ~ canary | reverse) }}\"}
  when: false
- debug: {msg: \"{{ lookup('url', 'http://127.0.0.1:9/', headers={'A': canary}) }}\"}
  ignore_errors: true
- debug: {msg: \"{{ lookup('template', 'conf.j2') }}\"}
- debug: {msg: '{{ canary | from_json }}'}
  ignore_errors: true
- debug: {msg: x}
  loop: [{it: '{{ canary }}'}]
  loop_control: {label: 'it is {{ item.it }}'}
- file: {path: /root/destination-parts, state: directory, mode: '0700'}
- copy: {content: '{{ canary }}', dest: /root/destination-parts/a, mode: '0600'}
- assemble: {src: /root/destination-parts, dest: /root/destination-whole, mode: '0600'}
- archive: {path: /root/destination-parts, dest: /root/destination-tar, format: tar, mode: '0600'}
- file: {path: /root/destination-unpacked, state: directory, mode: '0700'}
- unarchive: {src: /root/destination-tar, dest: /root/destination-unpacked, remote_src: true}
- shell: 'cat /root/destination-whole | tee /dev/stderr; exit 3'
  register: shown
  ignore_errors: true
- debug: {var: shown}
- copy: {content: '{{ canary }}', dest: /root/destination-quiet, mode: '0600'}
  no_log: true
- include_tasks: {file: given.yml}
  vars: {given: '{{ canary }}'}
- command: 'true'
  notify: Tell
- block:
  - fail: {msg: '{{ canary }}'}
  rescue:
  - debug: {var: ansible_failed_result}
- fail: {msg: 'in the end {{ canary }}'}
  when: last is defined
";

const HANDLERS: &str = "  become: true
  handlers:
    - name: Tell
      copy: {content: '{{ canary }}', dest: /root/destination-told, mode: '0600'}
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

/// Whether a process that is wgops would leave a picture of its memory behind if it crashed.
fn would_dump(process: &Path) -> bool {
    let is_ours = std::fs::read_link(process.join("exe")).is_ok_and(|exe| exe.ends_with("wgops"));
    let limits = std::fs::read_to_string(process.join("limits")).unwrap_or_default();
    let cores = limits.lines().find(|line| line.starts_with("Max core file size"));
    is_ours && cores.is_some_and(|line| line.split_whitespace().nth(4) != Some("0"))
}

/// Looks at every process of this machine until told to stop: command lines and environments.
fn watch(stop: &AtomicBool) -> Vec<String> {
    let mut seen = Vec::new();
    let mut dumping = std::collections::BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            if !path.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit)) {
                continue;
            }
            if would_dump(&path) {
                *dumping.entry(path.clone()).or_insert(0) += 1;
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
    // It says so first of all; who looks at it in that moment sees what it was given.
    let dumping = dumping.into_iter().filter(|(_, times)| *times > 2);
    seen.extend(dumping.map(|(process, _)| format!("{} would dump its memory", process.display())));
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
    ops.write("playbooks/given.yml", "- debug: {msg: '{{ given }}'}\n");
    ops.write("playbooks/files/some.sh", "true\n");
    // Takes connections and says nothing: a job goes on for as long as somebody may look at it.
    let silent = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let address = lab.address(&host);
    let here = format!("{}.1", address.rsplit_once('.').unwrap().0);
    let address = format!("{here}:{}", silent.local_addr().unwrap().port());
    let file = ops.play("canary", HANDLERS, &TASKS.replace("SILENT", &address));
    let places = "grep -r -l -a -e 'Kanari-5b1f-Voge[l]' -e 'S2FuYXJpLTViMWYtVm9nZW[w]' /root /home /tmp /var /etc /run /dev/shm 2>/dev/null | grep -v '^/run/s' | sort";
    for line in [
        format!("run {file} -i ops --check --diff -vvv"),
        format!("run {file} -i ops --check --explain -vvv"),
        format!("run {file} -i ops --plan-out plans/canary.json -vvvv"),
        format!("run {file} -i ops --diff -vvv"),
        format!("run {file} -i ops --diff -vvv --format json -e last=1"),
    ] {
        let said = with(&lab, &host, &ops, &line);
        let failed: Vec<&str> = said.out.lines().filter(|line| line.starts_with("failed")).collect();
        assert_eq!(said.code, Some(i32::from(line.contains("last"))), "{line}: {failed:#?}");
        for text in [&said.out, &said.err] {
            let shown = text.lines().find(|line| line.contains(CANARY) || line.contains(CODED));
            assert_eq!(shown, None, "{line}");
        }
        let mut found = Vec::new();
        below(ops.elsewhere(), &mut found);
        assert_eq!(found, Vec::<PathBuf>::new(), "{line}");
        if line.contains("--check") || line.contains("--plan-out") {
            assert_eq!(lab.exec(&host, places), "", "{line}");
        }
    }
    silent.set_nonblocking(true).unwrap();
    assert!(silent.accept().is_ok(), "the job asked nobody");
    let ends = "  -delegated -file -ini -job -keys -lines -parts/a -quiet -stdin -tar -template -told \
                -unpacked/destination-parts/a -whole";
    let expected: String = ends.split(' ').skip(1).map(|end| format!("/root/destination{end}\n")).collect();
    let more = "/var/cache/debconf/passwords.dat\n/var/spool/cron/crontabs/root";
    assert_eq!(lab.exec(&host, places), format!("{expected}{more}"));
    assert!(lab.exec(&host, "cat /root/hashed").starts_with("jo:{SHA}"));
    assert_eq!(lab.exec(&host, "ls -A /run/wgops /home/ops/.wgops 2>/dev/null || true"), "");
    assert!(!lab.holds(&host, "journalctl --no-pager | grep -e 'Kanari-5b1f-Voge[l]'"));
    assert!(lab.exec(&host, "grep ^canary: /etc/shadow").contains("saltsalt$"));
    assert!(ops.newest().contains("alice"));
}
