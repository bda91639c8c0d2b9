//! Lines that are cut, lose, or crawl.

use super::{has, here, in_the_middle, is_whole, packages, version};
use crate::lab::Lab;
use crate::ops::Ops;
use crate::typed::wait_until;
use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_line_that_is_cut_before_leaves_the_host_as_it_was() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        let cut = lab.cut(host);
        let said = ops.types("alice", "patch -i ops --yes --timeout 2").within(20).says();
        said.expect(3, &[host.name(), "2 s", "unreachable"]);
        assert_eq!(packages(lab, host), before);
        drop(cut);
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_line_that_is_cut_in_the_middle_loses_nothing() {
    here(|lab, host, ops| {
        has(lab, host, "slowpost");
        let run = ops.types("alice", "patch -i ops --yes").within(60).starts();
        in_the_middle(lab, host);
        let cut = lab.cut(host);
        wait_until("the host has finished alone", 30, || version(lab, host, "slowpost") == "1.1 ii");
        drop(cut);
        run.says().expect(0, &["slowpost", "patched", "unreachable=0"]);
        assert!(ops.newest().contains("1 changed"), "{}", ops.newest());
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn of_100_packets_30_may_be_lost() {
    here(|lab, host, ops| {
        let _lossy = lab.lossy(host, 30);
        let said = ops.types("alice", "patch -i ops --yes --timeout 600").within(900).says();
        said.expect(0, &["libfoo", "patched"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_answers_one_byte_a_second_holds_up_no_other() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                for byte in b"SSH-2.0-OpenSSH_9.2p1\r\n".iter().cycle() {
                    std::thread::sleep(Duration::from_secs(1));
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let ops = Ops::of(&lab, &[&host]);
    let drip = format!("    drip: {{ansible_host: 127.0.0.1, ansible_port: {port}}}\n");
    ops.keep("inventory/both.yml", format!("{}{drip}", ops.inventory("ops", &[&host])));
    let begin = Instant::now();
    let said = ops.types("alice", "audit -i both --timeout 4").within(30).says();
    assert!(begin.elapsed() < Duration::from_secs(12), "{:?} {said}", begin.elapsed());
    said.expect(3, &["drip", "not-assessed", "libfoo"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_line_that_crawls_comes_to_its_deadline_and_holds_up_no_other() {
    let lab = Lab::open();
    let (crawls, other) = lab.two_hosts();
    for host in [&crawls, &other] {
        lab.reset(host);
    }
    let ops = Ops::of(&lab, &[&crawls, &other]);
    let _slow = lab.slow(&crawls, 100);
    let said = ops.types("alice", "audit -i ops --timeout 4").within(30).says();
    said.expect(3, &[crawls.name(), "not-assessed", other.name(), "libfoo", "1 of 2 hosts looked at"]);
}
