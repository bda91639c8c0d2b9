//! Modules for other people's software on a host that has Debian's own packages: firewalls, web servers, keys and certificates,
//! databases. Each play is foretold, makes what it says, and finds it in order the second time.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::Said;

const PACKAGES: &str = "\
- apt:
    name: [patch, attr, libcap2-bin, iptables, ufw, make, apache2, openssl, acl, git, parted, e2fsprogs, ruby, opendoas]
    update_cache: true
    install_recommends: false
";

/// What had no real host to be seen on before: each task changes something.
const TOOLS: &str = r#"
- iptables: {chain: INPUT, protocol: tcp, destination_port: "22", jump: ACCEPT, comment: ssh}
- iptables: {chain: INPUT, ctstate: [ESTABLISHED, RELATED], jump: ACCEPT}
- iptables: {chain: E2E, chain_management: true}
- iptables: {chain: INPUT, source: 192.0.2.0/24, jump: E2E, action: insert, rule_num: "1"}
- iptables: {chain: FORWARD, policy: DROP}
- ufw: {rule: allow, port: "22", proto: tcp, comment: ssh for all}
- ufw: {rule: deny, from_ip: 192.0.2.7}
- ufw: {rule: limit, name: OpenSSH}
- copy: {dest: /srv/Makefile, content: "it:\n\techo made >it\n"}
- make: {chdir: /srv, target: it}
- copy:
    dest: /srv/hello.gemspec
    content: 'Gem::Specification.new { |s| s.name = "hello"; s.version = "1.0"; s.summary = "hello"; s.authors = ["e2e"] }'
- command: {cmd: gem build hello.gemspec, chdir: /srv, creates: /srv/hello-1.0.gem}
- gem: {name: hello, gem_source: /srv/hello-1.0.gem, user_install: false}
- apache2_module: {name: rewrite}
- apache2_module: {name: autoindex, state: absent, force: true}
- command: {cmd: truncate -s 20M /srv/disk, creates: /srv/disk}
- filesystem: {dev: /srv/disk, fstype: ext4}
- file: {path: /srv/acl, state: directory}
- acl: {path: /srv/acl, entity: ops, etype: user, permissions: rwx, state: present}
- acl: {path: /srv/acl, entry: "default:group:audit:r-x", state: present}
- git_config: {name: pull.rebase, value: 'true', scope: system}
- pamd:
    name: su
    type: auth
    control: sufficient
    module_path: pam_rootok.so
    new_type: auth
    new_control: required
    new_module_path: pam_wheel.so
    module_arguments: use_uid
    state: after
- openssh_keypair: {path: /root/.ssh/backup, type: ed25519, comment: backup}
- synchronize: {src: tree/, dest: /srv/tree, delete: true}
- shell: {cmd: echo before >/srv/greeting, creates: /srv/greeting}
- patch: {src: greeting.patch, basedir: /srv, strip: 1}
- copy: {src: /bin/true, dest: /srv/true, remote_src: true, mode: "0755"}
- capabilities: {path: /srv/true, capability: cap_net_raw+ep}
- copy: {dest: /srv/people.csv, content: "name,age\njo,3\n"}
- xattr: {path: /srv/people.csv, key: audience, value: staff, state: present}
- command: {cmd: truncate -s 50M /srv/parts, creates: /srv/parts}
- parted: {device: /srv/parts, number: 1, label: gpt, name: data, part_end: 20MiB, flags: lvm, state: present}
- htpasswd: {path: /srv/web.users, name: jo, password: "it's $ecret", mode: "0640"}
- htpasswd: {path: /srv/web.users, name: al, password: other, hash_scheme: bcrypt}
- openssl_privatekey: {path: /etc/ssl/private/ca.pem, type: ECC, curve: secp256r1, passphrase: "it's $ecret"}
- openssl_csr:
    path: /etc/ssl/ca.csr
    privatekey_path: /etc/ssl/private/ca.pem
    privatekey_passphrase: "it's $ecret"
    common_name: Our own CA
    use_common_name_for_san: false
    basic_constraints: ["CA:TRUE"]
    key_usage: keyCertSign
- x509_certificate:
    path: /etc/ssl/ca.crt
    provider: selfsigned
    csr_path: /etc/ssl/ca.csr
    privatekey_path: /etc/ssl/private/ca.pem
    privatekey_passphrase: "it's $ecret"
- openssl_privatekey: {path: /etc/ssl/private/www.pem, size: 2048}
- openssl_publickey: {path: /etc/ssl/www.pub, privatekey_path: /etc/ssl/private/www.pem}
- openssl_csr:
    path: /etc/ssl/www.csr
    privatekey_path: /etc/ssl/private/www.pem
    common_name: www.example.org
    organization_name: Ops
    extended_key_usage: serverAuth
- x509_certificate:
    path: /etc/ssl/www.crt
    provider: ownca
    csr_path: /etc/ssl/www.csr
    ownca_path: /etc/ssl/ca.crt
    ownca_privatekey_path: /etc/ssl/private/ca.pem
    ownca_privatekey_passphrase: "it's $ecret"
    ownca_not_after: +90d
- openssl_dhparam: {path: /etc/ssl/dh.pem, size: 512}
- copy: {dest: /etc/doas.conf, content: "permit nopass ops as root\npermit ops as audit\n", mode: "0400"}
"#;

/// By doas, which asks for no password, and then for one.
const DOAS: &str = r#"
- command: id -un
  register: who
- command: id -un
  become_user: audit
  register: asked
  ignore_errors: true
- assert: {that: [who.stdout == 'root', asked is failed, "'let doas ask for none' in asked.msg"]}
"#;

/// What only looks, behind it.
const LOOKS: &str = r#"
- shell: openssl s_server -accept 8443 -cert /etc/ssl/www.crt -key /etc/ssl/private/www.pem -www -naccept 3 >/dev/null 2>&1 &
- wait_for: {port: 8443, timeout: 10}
- get_certificate: {host: localhost, port: 8443, ca_cert: /etc/ssl/ca.crt}
  register: shown
- x509_certificate_info: {path: /etc/ssl/www.crt, valid_at: {now: +1d, late: +91d}}
  register: info
- read_csv: {path: /srv/people.csv, key: name}
  register: people
- parted: {device: /srv/parts, unit: MiB}
  register: parts
- assert:
    that:
      - shown.subject.CN == 'www.example.org'
      - shown.issuer.CN == 'Our own CA'
      - info.valid_at.now and not info.valid_at.late
      - info.subject_alt_name == ['DNS:www.example.org']
      - people.dict.jo.age == '3'
      - parts.partitions[0].name == 'data' and parts.partitions[0].flags == ['lvm']
- synchronize: {mode: pull, src: /srv/tree/, dest: PULLED}
"#;

/// The lab keeps a host's network, and with it the rules of its packet filter, over a fresh disk.
const WITHOUT_RULES: &str = "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT; iptables -F; iptables -X";

const PATCH: &str = "--- a/greeting\n+++ b/greeting\n@@ -1 +1 @@\n-before\n+after\n";

fn run(ops: &Ops<'_>, file: &str, more: &str) -> Said {
    ops.types("alice", &format!("run {file} -i ops --become {more}")).within(400).says()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn firewalls_servers_keys_and_certificates_are_as_asked_after_one_run() {
    let lab = Lab::open();
    let Some(host) = lab.host_of("mirror") else { return };
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.write("playbooks/files/tree/a/f", "f\n");
    ops.write("playbooks/files/tree/g", "before\n");
    ops.write("playbooks/files/greeting.patch", PATCH);
    let pulled = ops.root().join("pulled");
    let looks = ops.play("looks", "", &LOOKS.replace("PULLED", &pulled.to_string_lossy()));
    let (packages, tools) = (ops.play("packages", "", PACKAGES), ops.play("tools", "", TOOLS));
    let all = u32::try_from(TOOLS.lines().filter(|line| line.starts_with("- ")).count()).unwrap();
    run(&ops, &packages, "").expect(0, &["changed=1"]);
    lab.exec(&host, WITHOUT_RULES);
    let foreseen = run(&ops, &tools, "--check").expect(0, &[]).without(&["$ecret"]).recap(host.name());
    assert!(foreseen["changed"] + foreseen["unknown"] >= all, "{foreseen:?}");
    let done = run(&ops, &tools, "").expect(0, &[]).without(&["$ecret"]).recap(host.name());
    assert_eq!((done["changed"], done["failed"]), (all, 0), "{done:?}");
    let again = run(&ops, &tools, "").expect(0, &[]).recap(host.name());
    assert_eq!((again["changed"], again["failed"]), (0, 0), "{again:?}");
    run(&ops, &looks, "").expect(0, &[]);
    let by_doas = ops.play("by-doas", "  become_method: doas\n", DOAS);
    run(&ops, &by_doas, "").expect(0, &["ignored=1"]);
    let verified = lab.exec(&host, "openssl verify -CAfile /etc/ssl/ca.crt /etc/ssl/www.crt");
    assert_eq!(verified, "/etc/ssl/www.crt: OK");
    assert_eq!(lab.exec(&host, "cat /srv/greeting; getcap /srv/true"), "after\n/srv/true cap_net_raw=ep");
    assert_eq!(std::fs::read_to_string(pulled.join("a/f")).unwrap(), "f\n");
    nothing_is_left(&lab, &host);
    lab.exec(&host, WITHOUT_RULES);
}

fn nothing_is_left(lab: &Lab, host: &Host) {
    let left = "ls -A /tmp /etc/ssl /etc/ssl/private /srv | grep -i wgops";
    assert!(!lab.holds(host, left), "something is left on the host");
}
