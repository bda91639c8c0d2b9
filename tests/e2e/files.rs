//! Modules for files on real hosts that have neither curl nor Python: a dry run, a run, and a second run that changes
//! nothing. One playbook has them all, so that this costs one host and a few seconds.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use std::io::{Read, Write};
use std::net::TcpListener;

/// Each module of files at least once; `URL` is that of a server that the host can reach.
const FILES: &str = r##"
- file: {path: /srv/files/parts, state: directory, mode: '0755'}
- file: {path: /srv/files/dated, state: touch, modification_time: '202001020304.05', access_time: preserve, attributes: +d}
- copy: {src: tree/, dest: /srv/files/tree, mode: '0640', directory_mode: '0750'}
- copy: {src: /srv/files/tree, dest: /srv/files/again, remote_src: true}
- copy: {dest: ~/from-home, content: "{{ {'a': 1} }}"}
- template: {src: marked.j2, dest: /srv/files/marked, variable_start_string: '[%', variable_end_string: '%]', newline_sequence: '\r\n'}
- blockinfile: {path: /srv/files/block, create: true, mode: '0644', block: "one\ntwo"}
- lineinfile: {path: /srv/files/block, line: top, insertbefore: BOF}
- replace: {path: /etc/login.defs, regexp: '^(UMASK\s+)022$', replace: '\g<1>027'}
- ini_file: {path: /srv/files/app.ini, section: main, option: workers, value: '4', mode: '0644'}
- copy: {dest: /srv/files/parts/10, content: "ten\n"}
- copy: {dest: /srv/files/parts/20, content: "twenty\n"}
- assemble: {src: /srv/files/parts, dest: /srv/files/whole, delimiter: '# next'}
- authorized_key: {user: audit, key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7pY2DV5F3vVnRyLGcxQ9B8GmJXkBZ0hB0c0yQm6vXv me", key_options: no-pty}
- known_hosts: {name: forge.example.org, key: forge.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ7p, path: /etc/ssh/ssh_known_hosts}
- command: tar -czf /srv/files/tree.tar.gz -C /srv/files tree
  args: {creates: /srv/files/tree.tar.gz}
- file: {path: /srv/files/out, state: directory}
- unarchive: {src: /srv/files/tree.tar.gz, dest: /srv/files/out, remote_src: true, owner: audit, extra_opts: [--strip-components=1]}
- get_url: {url: URL/page, dest: /srv/files/page, mode: '0600', checksum: 'sha256:SUM'}
- script: setup.sh one 'two three'
  args: {creates: /srv/files/set-up}
- fetch: {src: /srv/files/whole, dest: fetched}
- apt_key: {keyserver: HKP, id: '0x79C73AE3C034A70C', keyring: /etc/apt/keyrings/from-server.gpg}
"##;

/// A key that the server has, as keyservers have them.
const KEY: &str = include_str!("../../src/modules/apt_keyring/key_gpg_2.2.40.asc");
/// How it is asked for: HKP is HTTP.
const LOOKUP: &str = "/pks/lookup?op=get&options=mr&search=0x";

/// What looks, or happens each time.
const LOOKS: &str = r##"
- find: {paths: /srv/files/tree, recurse: true, patterns: '*.conf'}
  register: found
- slurp: {src: /srv/files/whole}
  register: whole
- uri: {url: URL/page, return_content: true}
  register: page
- uri: {url: URL/made, method: POST, body_format: json, body: {a: [1, é]}, status_code: 201}
  register: made
- raw: echo raw
  register: raw
- tempfile: {state: directory, suffix: .x}
  register: place
- file: {path: "{{ place.path }}", state: absent}
- assert:
    that:
      - found.files | map(attribute='path') | list == ['/srv/files/tree/sub dir/b.conf']
      - (whole.content | b64decode) == "ten\n# next\ntwenty\n"
      - page.content == "a page\n"
      - made.status == 201 and (made.json.got | from_json).a == [1, 'é']
      - raw.stdout == "raw\n"
      - place.path is match('/tmp/ansible.*\.x$')
"##;

/// Answers every request, on whatever address the lab's hosts reach.
fn server(of: &str) -> String {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            let body = loop {
                let text = String::from_utf8_lossy(&request).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head
                        .to_lowercase()
                        .lines()
                        .find_map(|l| l.strip_prefix("content-length: ")?.parse().ok());
                    if body.len() >= length.unwrap_or(0) {
                        break body.to_owned();
                    }
                }
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break String::new(),
                    Ok(count) => request.extend(&buffer[..count]),
                }
            };
            let text = String::from_utf8_lossy(&request).into_owned();
            let got = serde_json::to_string(&serde_json::json!({"got": body})).unwrap();
            let (status, kind, body) = match text.split(' ').nth(1) {
                Some(path) if path.starts_with(LOOKUP) => ("200 OK", "application/pgp-keys", KEY.to_owned()),
                Some("/page") => ("200 OK", "text/plain", "a page\n".to_owned()),
                Some("/made") if text.starts_with("POST") => ("201 Created", "application/json", got),
                _ => ("404 Not Found", "text/plain", String::new()),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close"
            );
            let _ = write!(stream, "{head}\r\n\r\n{body}");
        }
    });
    let (network, _) = of.rsplit_once('.').unwrap();
    format!("http://{network}.1:{port}")
}

fn written(ops: &Ops, url: &str) -> (String, String) {
    // What is fetched is none of the repository's.
    ops.write(".gitignore", "fetched/\n");
    ops.write("playbooks/files/tree/a", "a\n");
    ops.write("playbooks/files/tree/sub dir/b.conf", "b\n");
    ops.write("playbooks/files/setup.sh", "#!/bin/sh\necho \"$#\" >/srv/files/set-up\n");
    ops.write("playbooks/templates/marked.j2", "{{ stays }} [% 1 + 1 %]\n");
    let sum = wgops::model::Digest::of("a page\n").hex();
    let keyserver = url.replace("http:", "hkp:");
    let filled = |text: &str| text.replace("URL", url).replace("SUM", &sum).replace("HKP", &keyserver);
    (filled(FILES), filled(LOOKS))
}

fn world(lab: &Lab, host: &Host) -> String {
    let places = "/srv/files /home/audit/.ssh /etc/ssh /root/from-home";
    lab.exec(host, &format!("find {places} -printf '%p %m %u %s %T@\\n' 2>/dev/null | sort"))
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn files_are_as_asked_for_after_one_run_and_a_second_changes_nothing() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let (files, looks) = written(&ops, &server(&lab.address(&host)));
    let playbook = ops.play("files", "  become: true\n", &files);
    let run = |more: &str| {
        let line = format!("run {playbook} -i ops -v {more}");
        ops.types("alice", &line).says().expect(0, &[]).recap(host.name())
    };
    let before = world(&lab, &host);
    let foreseen = run("--check");
    assert_eq!(world(&lab, &host), before, "a dry run changes nothing");
    let done = run("");
    assert_eq!((done["changed"], done["failed"]), (22, 0), "{done:?}");
    assert_eq!(foreseen["changed"] + foreseen["unknown"], 22, "{foreseen:?}");
    assert_eq!(lab.exec(&host, "cat /srv/files/block | head -n 2"), "top\n# BEGIN ANSIBLE MANAGED BLOCK");
    assert_eq!(
        lab.exec(&host, "stat -c '%a %U' /srv/files/out/a /srv/files/page /home/audit/.ssh"),
        "640 audit\n600 root\n700 audit"
    );
    assert_eq!(
        lab.exec(
            &host,
            "cat /srv/files/set-up; od -c /srv/files/marked | head -n 2 | tail -c 30 | tr -d ' '"
        )
        .lines()
        .next(),
        Some("2")
    );
    assert_eq!(
        lab.exec(&host, "cat ~/from-home; stat -c %Y /srv/files/dated; ls -A ~ | grep -c wgops || true"),
        "{\"a\": 1}1577934245\n0"
    );
    let kept = ops.root().join("playbooks/fetched").join(host.name()).join("srv/files/whole");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "ten\n# next\ntwenty\n");
    let settled = world(&lab, &host);
    let again = run("");
    assert_eq!((again["changed"], again["failed"]), (0, 0), "{again:?}");
    assert_eq!(world(&lab, &host), settled);

    let looking = ops.play("looking", "  become: true\n", &looks);
    ops.types("alice", &format!("run {looking} -i ops")).says().expect(0, &[]);
    assert_eq!(lab.exec(&host, "ls -d /tmp/ansible.* /tmp/.wgops* 2>/dev/null | wc -l"), "0");
}
