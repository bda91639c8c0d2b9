//! What goes out of a run: a dry run asks nobody elsewhere, and a log that takes orders gets none from a host.

use crate::group::{Group, said};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

fn play(group: &Group, tasks: &str) {
    let text = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(group.root().join("playbooks/touch.yml"), text).unwrap();
}

#[test]
fn a_dry_run_looks_up_no_url_and_the_real_one_does() {
    let group = Group::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/?{{{{ 'what is known' | urlencode }}}}", listener.local_addr().unwrap());
    let dest = group.made().display().to_string();
    let content =
        format!("{{{{ lookup('url', \"{url}\") }}}}").replace("{{ 'what is known' | urlencode }}", "known");
    play(&group, &format!("    - copy: {{dest: {dest}, content: '{}'}}\n", content.replace('\'', "''")));
    listener.set_nonblocking(true).unwrap();
    let dry = group.says("alice", "run playbooks/touch.yml -i local --check");
    assert_eq!(dry.code, Some(0), "{}", dry.text);
    assert!(listener.accept().is_err(), "a dry run asked elsewhere: {}", dry.text);
    listener.set_nonblocking(false).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut asks, _) = listener.accept().unwrap();
        let mut bytes = [0; 1024];
        let read = asks.read(&mut bytes).unwrap();
        asks.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    });
    group.run("alice").expect(0, &["changed=1"]);
    assert!(answers.join().unwrap().starts_with("GET /?known "));
    assert!(fs::read_to_string(group.made()).unwrap().contains("hello"));
}

#[test]
fn what_a_host_says_gives_the_log_of_a_ci_no_orders() {
    let group = Group::new();
    play(
        &group,
        "    - command:\n        cmd: |\n          printf 'one\\n   ::stop-commands::x\\n::add-mask::e\\nx ##[error]forged\\n'\n      \
         register: r\n    - fail: {msg: '{{ r.stdout }}'}\n",
    );
    let orders = |text: &str| {
        let begins = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        text.lines().filter(|line| begins(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    let line = ["run", "playbooks/touch.yml", "-i", "local", "--allow-dirty", "-v"];
    let plain = said(group.command("alice").args(line));
    plain.expect(1, &["add-mask"]);
    assert!(!orders(&plain.text).is_empty(), "nothing is shown that could be an order: {}", plain.text);
    let logged = said(group.command("alice").env("GITHUB_ACTIONS", "true").args(line));
    logged.expect(1, &["add-mask"]);
    assert_eq!(orders(&logged.text), [""; 0]);
}

/// Whether somebody asks that listener within a moment.
fn is_asked(listener: &TcpListener) -> Option<String> {
    listener.set_nonblocking(true).unwrap();
    let (mut asks, _) = listener.accept().ok()?;
    asks.set_nonblocking(false).unwrap();
    let mut bytes = [0; 1024];
    let read = asks.read(&mut bytes).unwrap();
    asks.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
    Some(String::from_utf8_lossy(&bytes[..read]).into_owned())
}

#[test]
fn a_plan_asks_other_machines_what_it_names_and_nothing_else() {
    let group = Group::new();
    group.adds("sam");
    group.pinned("sam", "operators list").expect(0, &[]);
    fs::create_dir_all(group.root().join("plans")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let ask = |when: &str| {
        format!(
            "    - command: touch {}\n    - name: Ask\n      uri: {{url: 'http://{at}/out', timeout: 2, status_code: [-1, 204]}}\n      when: {when}\n",
            group.made().display()
        )
    };
    // Whoever makes the plan is another one than who applies it, and a playbook can tell.
    play(&group, &ask("lookup('env', 'USER') != 'sam'"));
    let maker = |line: &str| {
        let mut command = group.command("sam");
        said(command.env("USER", "sam").args(line.split_whitespace()))
    };
    maker("run playbooks/touch.yml -i local --plan-out plans/a.json").expect(0, &["Plan for 1 host"]);
    let applied = group.says("alice", "apply plans/a.json --yes --allow-changed");
    applied.expect(4, &["is refused", "Ask (uri)", "the plan does not name that"]);
    assert_eq!(is_asked(&listener), None, "{}", applied.text);
    assert!(!group.made().exists());
}

#[test]
fn a_dry_run_sends_no_sealed_value_to_another_machine() {
    let group = Group::new();
    group.has_hosts();
    let vars = group.root().join("inventory/group_vars/all");
    fs::create_dir_all(&vars).unwrap();
    let mut seal = group.command("alice");
    said(seal.args(["vault", "set", "inventory/group_vars/all/vault.yml", "tok"]).write_stdin("Zq7CANARYx9"))
        .expect(0, &["Sealed"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    for with in
        ["headers: {X: '{{ tok }}'}", "url_password: '{{ tok }}', url_username: x, force_basic_auth: true"]
    {
        let uri = format!("    - uri: {{url: 'http://{at}/out', timeout: 2, {with}}}\n");
        play(&group, &format!("{uri}    - debug: {{msg: goes on}}\n"));
        let dry = group.says("alice", "run playbooks/touch.yml -i prod -l web --check");
        dry.expect(0, &["a dry run sends none", "goes on"]);
        assert_eq!(is_asked(&listener), None, "{}", dry.text);
    }
}

#[test]
fn no_proxy_and_no_service_of_the_host_s_own_hears_what_was_read() {
    let group = Group::new();
    let secret = group.folder.path().join("secret");
    fs::write(&secret, "canary-5c1e").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let reads = format!("    - {{slurp: {{src: '{}'}}, register: r}}\n", secret.display());
    let proxy = format!("http://{{{{ r.content }}}}:x@{at}");
    let lists = format!(
        "{reads}    - pending_updates: {{refresh: true, cache_valid_time: 0}}\n      environment: {{http_proxy: \"{proxy}\"}}\n"
    );
    let told = format!("{reads}    - uri: {{url: 'http://{at}/{{{{ r.content }}}}', timeout: 2}}\n");
    for tasks in [&lists, &told] {
        play(&group, tasks);
        fs::copy(group.root().join("playbooks/touch.yml"), group.root().join("playbooks/audit.yml")).unwrap();
        for line in ["run playbooks/touch.yml -i local --check", "audit -i local"] {
            let said = group.says("alice", line);
            let is_said = ["gets from another machine", "would speak to another machine"];
            assert!(is_said.iter().any(|why| said.text.contains(why)), "{line}: {}", said.text);
            assert_eq!(is_asked(&listener), None, "{line}: {}", said.text);
        }
    }
    // What people wrote may be asked of it.
    play(&group, &format!("    - uri: {{url: 'http://{at}/health', timeout: 5, status_code: 204}}\n"));
    listener.set_nonblocking(false).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut asks, _) = listener.accept().unwrap();
        let mut bytes = [0; 1024];
        let read = asks.read(&mut bytes).unwrap();
        asks.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    });
    group.says("alice", "run playbooks/touch.yml -i local --check").expect(0, &["ok=1"]);
    assert!(answers.join().unwrap().starts_with("GET /health "));
}

/// A service on loopback that sends whoever asks it on: `/a` to itself, and from there to an address that is none of loopback's
/// by its name. What it hears.
fn sends_on() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (says, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut bytes = [0; 2048];
            let read = stream.read(&mut bytes).unwrap_or(0);
            let path =
                String::from_utf8_lossy(&bytes[..read]).split(' ').nth(1).unwrap_or_default().to_owned();
            let place = match path.as_str() {
                "/a" => format!("Location: http://127.0.0.1:{port}/b\r\n"),
                "/near" => "Location: /well\r\n".to_owned(),
                "/b" => format!("Location: http://0.0.0.0:{port}/out\r\n"),
                _ => String::new(),
            };
            let status = if place.is_empty() { "200 OK" } else { "307 Temporary Redirect" };
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\n{place}Content-Length: 2\r\nConnection: close\r\n\r\nok"
            );
            let _ = says.send(path);
        }
    });
    (format!("http://127.0.0.1:{port}"), heard)
}

#[test]
fn a_service_of_the_host_s_own_sends_no_question_on_to_another_machine_before_somebody_said_yes() {
    let group = Group::new();
    let (url, heard) = sends_on();
    let all = || heard.try_iter().collect::<Vec<_>>().join(" ");
    let uri = |path: &str| format!("    - uri: {{url: '{url}{path}', timeout: 5, headers: {{X-A: b}}}}\n");
    let dest = group.made().display().to_string();
    let others = [
        format!("    - get_url: {{url: 'http://192.0.2.1/x', dest: {dest}, checksum: 'sha256:{url}/b'}}\n"),
        format!("    - apt_key: {{url: '{url}/b', id: ABCDEF01}}\n"),
        format!("    - rpm_key: {{key: '{url}/b'}}\n"),
        format!(
            "    - deb822_repository: {{name: q, uris: 'http://192.0.2.1/', suites: x, signed_by: '{url}/b'}}\n"
        ),
        format!("    - apt: {{deb: '{url}/b'}}\n"),
        format!("    - unarchive: {{src: '{url}/b', dest: /tmp, remote_src: true}}\n"),
    ];
    for tasks in [uri("/b"), uri("/a")].iter().chain(&others) {
        play(&group, tasks);
        fs::copy(group.root().join("playbooks/touch.yml"), group.root().join("playbooks/audit.yml")).unwrap();
        for line in [
            "run playbooks/touch.yml -i local --check",
            "audit -i local",
            "run playbooks/touch.yml -i local --plan-out p.json",
        ] {
            let said = group.says("alice", line);
            assert!(
                !said.text.contains("failed=1") || tasks.contains("rpm_key"),
                "{line} {tasks}: {}",
                said.text
            );
            let heard = all();
            assert!(!heard.contains("out"), "{line} {tasks}: {heard}");
        }
    }
    // What goes no further than the host is asked, and the real run goes wherever it is sent.
    play(&group, &uri("/near"));
    group.says("alice", "run playbooks/touch.yml -i local --check").expect(0, &["ok=1"]);
    assert_eq!(all(), "/near /well");
    play(&group, &uri("/a"));
    group.says("alice", "run playbooks/touch.yml -i local --check").expect(0, &["gets from another machine"]);
    assert_eq!(all(), "/a /b");
    group.run("alice").expect(0, &["ok=1"]);
    assert_eq!(all(), "/a /b /out");
}

#[test]
fn a_proxy_out_of_a_file_of_variables_is_nobodys_word() {
    let group = Group::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let asks = format!(
        "    - uri: {{url: 'http://127.0.0.1:9/health', timeout: 2, status_code: [-1, 204]}}\n      environment: {{http_proxy: \"{proxy}\"}}\n"
    );
    play(&group, &asks);
    fs::write(group.root().join("vars.yml"), format!("whatever: {proxy}\n")).unwrap();
    let line = "run playbooks/touch.yml -i local --check";
    for more in ["", " -e @vars.yml", " -e a=b -e @vars.yml"] {
        group.says("alice", &format!("{line}{more}")).expect(0, &["gets from another machine"]);
        assert_eq!(is_asked(&listener), None, "{more}");
    }
    listener.set_nonblocking(false).unwrap();
    let answers = std::thread::spawn(move || {
        let (mut asks, _) = listener.accept().unwrap();
        let mut bytes = [0; 1024];
        let read = asks.read(&mut bytes).unwrap();
        asks.write_all(b"HTTP/1.0 204 No Content\r\n\r\n").unwrap();
        String::from_utf8_lossy(&bytes[..read]).into_owned()
    });
    group.says("alice", &format!("{line} -e proxy={proxy}")).expect(0, &["ok=1"]);
    assert!(answers.join().unwrap().starts_with("GET http://127.0.0.1:9/health "));
}
