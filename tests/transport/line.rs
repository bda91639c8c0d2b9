//! A line that is slow for a while: what came late because of it is told from what takes too long by itself.

use crate::sshd::Sshd;
use crate::{eval, exited};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wgops::transport::{End, Request, connect};

/// A relay in front of an sshd, which can hold up what the host says.
struct Line {
    port: u16,
    held_until: Arc<Mutex<Instant>>,
}

impl Line {
    fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Self {
            port: listener.local_addr().unwrap().port(),
            held_until: Arc::new(Mutex::new(Instant::now())),
        };
        let held_until = line.held_until.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let (near_too, far_too, held_until) =
                    (near.try_clone().unwrap(), far.try_clone().unwrap(), held_until.clone());
                std::thread::spawn(move || pass(near_too, far_too, || ()));
                std::thread::spawn(move || {
                    pass(far, near, || {
                        let until = *held_until.lock().unwrap();
                        std::thread::sleep(until.saturating_duration_since(Instant::now()));
                    });
                });
            }
        });
        line
    }

    fn hold(&self, seconds: u64) {
        *self.held_until.lock().unwrap() = Instant::now() + Duration::from_secs(seconds);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, before_each: impl Fn()) {
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        before_each();
        if to.write_all(&piece[..length]).is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_reply_that_the_line_held_up_counts_and_what_hangs_is_killed_all_the_same() {
    let Some(sshd) = Sshd::start("") else { return };
    let line = Line::to(sshd.port);
    let key = sshd.host_key();
    sshd.known_hosts(&format!("[127.0.0.1]:{} {key}\n", line.port));
    let mut connection = sshd.connection();
    connection.port = Some(line.port);
    let session = connect(&"web1".parse().unwrap(), &connection, &sshd.settings()).await.unwrap();
    let mut shell = session.shell(None).await.unwrap();
    assert_eq!(shell.exchange(&[eval("echo up")]).await.unwrap(), [exited(0, b"up\n", b"")]);

    let second = Duration::from_secs(1);
    let within = |text| Request { deadline: second, ..eval(text) };
    line.hold(3);
    // The second is under way when the first one's time is over and its reply not here yet.
    let said = shell.exchange(&[within("echo a"), eval("sleep 5; echo b"), within("echo c")]).await.unwrap();
    assert_eq!(said, [exited(0, b"a\n", b""), exited(0, b"b\n", b""), exited(0, b"c\n", b"")]);

    line.hold(3);
    let said = shell.exchange(&[within("echo d"), within("sleep 1000"), within("echo e")]).await.unwrap();
    assert_eq!(said[0], exited(0, b"d\n", b""));
    assert_eq!(said[1].end, End::TimedOut(second));
    assert_eq!(said[2], exited(0, b"e\n", b""));
}
