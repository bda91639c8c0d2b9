//! The scripts of detached changes in every shell that is here, and what is made of what they print.

use super::*;
use crate::questions::held::{Others, Stage};
use crate::questions::workbench::Workbench;
use std::time::Instant as Clock;

const RUN: &str = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

fn benches() -> Vec<Workbench> {
    let mut benches = Workbench::every_shell();
    benches.iter_mut().for_each(|bench| bench.program("id", "echo 1000"));
    benches
}

fn begin(bench: &Workbench, number: u8, script: &str) -> Output {
    let about = [&format!("{RUN}-{number}"), "alice (lead)", "600", "Do a thing"].map(str::to_owned);
    let begins =
        Begins { args: vec!["an 'arg\n".into()], script: script.as_bytes().to_vec(), ..Begins::default() };
    let request = begins.request(&Effective::default(), about);
    bench.run(request.script, &request.args, request.content.as_ref())
}

fn look(bench: &Workbench, number: u8, seconds: u64, known: u64) -> Look {
    let request = collect(&format!("{RUN}-{number}"), Duration::from_secs(seconds), known);
    Look::parse(bench.run(request.script, &request.args, None)).unwrap()
}

fn left(bench: &Workbench) -> Vec<(String, Stage)> {
    let output = bench.run(LIST, &Argv(vec![RUN.to_owned()]), None);
    Others::parse(&output.text()).left.into_iter().map(|left| (left.summary, left.stage)).collect()
}

#[test]
fn a_change_ends_apart_and_is_collected_with_its_status() {
    for bench in benches() {
        let started =
            begin(&bench, 1, "printf %s \"$1\"; tr '\\0' ' ' </proc/$$/cmdline; echo trouble >&2; exit 7\n");
        assert_eq!(started.status, 0, "{}: {}", bench.name(), started.error_text());
        let Look::Ended(output) = look(&bench, 1, 10, 0) else { panic!("not ended in {}", bench.name()) };
        // No list of processes has the argument.
        let text = output.text().into_owned();
        let words = text.strip_prefix("an 'arg\n").unwrap_or_else(|| panic!("{text} in {}", bench.name()));
        assert!(output.status == 7 && words.trim_end().ends_with("/script"), "{words} in {}", bench.name());
        assert_eq!(output.error_text(), "trouble\n");
        assert_eq!(left(&bench), [("Do a thing".to_owned(), Stage::Ended)]);
        bench.run(CLEAR, &Argv(vec![format!("{RUN}-1")]), None);
        assert_eq!(look(&bench, 1, 0, 0), Look::Nothing);
        assert!(!bench.at("..").join(".wgops").exists(), "{}", bench.name());
    }
}

#[test]
fn what_is_news_comes_as_it_is_printed_and_no_byte_twice() {
    for bench in benches() {
        let flag = bench.path("go");
        begin(&bench, 1, &format!("echo one; while [ ! -f '{flag}' ]; do sleep 0.05; done; echo two\n"));
        let begun = Clock::now();
        let Look::Going(bytes, text) = look(&bench, 1, 20, 0) else {
            panic!("not going in {}", bench.name())
        };
        assert_eq!((bytes, text.as_str()), (4, "one\n"), "{}", bench.name());
        assert!(begun.elapsed() < Duration::from_secs(5), "it came as news, not at the end of the wait");
        assert_eq!(look(&bench, 1, 0, 4), Look::Going(4, String::new()), "{}", bench.name());
        assert_eq!(left(&bench), [("Do a thing".to_owned(), Stage::Going)]);
        bench.file("go", "");
        assert!(matches!(look(&bench, 1, 10, 4), Look::Ended(output) if output.text() == "one\ntwo\n"));
    }
}

#[test]
fn what_was_killed_on_the_host_neither_goes_on_nor_ended() {
    for bench in benches() {
        begin(&bench, 1, "echo begun; echo $PPID >pid; kill -KILL $PPID; sleep 0.1\n");
        let Look::Cut(output) = look(&bench, 1, 10, 0) else { panic!("not cut in {}", bench.name()) };
        assert_eq!(output.text(), "begun\n", "{}", bench.name());
        assert_eq!(left(&bench), [("Do a thing".to_owned(), Stage::Cut)]);
    }
}

#[test]
fn a_secret_waits_in_memory_or_nowhere() {
    let begin = |bench: &Workbench| {
        let args =
            [&format!("{RUN}-1"), "alice (lead)", "600", "Do a thing", "0", "6", "secret"].map(str::to_owned);
        bench.run(START, &Argv(args.to_vec()), Some(&Content::new(&b"true\n\ncanary"[..])))
    };
    for bench in benches() {
        let refused = begin(&bench);
        assert_eq!(refused.status, 1, "{}", bench.name());
        assert!(refused.error_text().contains("add 'become: true'"), "{}", refused.error_text());
        assert!(!bench.at("..").join(".wgops").exists(), "{}", bench.name());
    }
}

#[test]
fn the_same_change_is_not_started_twice() {
    for bench in benches() {
        assert_eq!(begin(&bench, 1, "sleep 0\n").status, 0);
        let again = begin(&bench, 1, "sleep 0\n");
        assert_eq!(again.status, 1);
        assert!(again.error_text().contains("was started before"), "{}", bench.name());
    }
}

#[test]
fn what_counts_its_steps_is_told_at_each_and_the_rest_now_and_then() {
    fn read(text: &str) -> Option<Progress> {
        let steps = u64::try_from(text.matches("step").count()).ok().filter(|steps| *steps > 0)?;
        Some(Progress { message: "at work".into(), done: Some(steps), of: Some(3) })
    }
    let mut heard = Heard::default();
    let done = |progress: Option<Progress>| progress.and_then(|progress| progress.done);
    assert_eq!(heard.news(5, "hello\n", Some(read)).map(|p| p.message), Some("hello".into()));
    assert_eq!(heard.news(9, "there\n", Some(read)), None, "said a moment ago");
    assert_eq!(done(heard.news(14, "step\n", Some(read))), Some(1));
    assert_eq!(done(heard.news(15, "\n", Some(read))), None, "no news");
    assert_eq!(done(heard.news(25, "step\nstep\n", Some(read))), Some(3));
    assert_eq!(heard.bytes, 25);
}
