//! What is typed before a question is shown answers none.

use crate::group::Group;
use std::fs;
use std::io::{Read as _, Write as _};
use std::time::Duration;

#[test]
fn what_was_typed_before_a_question_was_shown_agrees_to_nothing() {
    let group = Group::new();
    let before = fs::read_to_string(group.roster()).unwrap();
    let add = format!("operators add bob --key {}", group.public("bob"));
    // The answer, and a paste of more lines, are there before anybody is asked.
    let mut child = group.terminal("alice", &add).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    input.write_all(b"2\n2\nyes\n").unwrap();
    let (mut text, mut piece) = (String::new(), [0; 1024]);
    while !text.contains("Type 2 to sign this") {
        let length = output.read(&mut piece).unwrap();
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "nobody answered:\n{text}");
    assert_eq!(fs::read_to_string(group.roster()).unwrap(), before);
    // What is typed now does.
    input.write_all(b"2\n").unwrap();
    output.read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    assert!(text.contains("in force"), "{text}");
}
