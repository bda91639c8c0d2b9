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
