//! Which hosts come when, and which are held out when their turn comes.

use crate::stage::{Played, Stage};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wgops::event::{Event, HeldOut, HoldCause};
use wgops::model::{Connection, HostName};
use wgops::plan::Conduct;

fn stage() -> Stage {
    let hosts = ["one", "two", "three", "four"].map(|host| format!("{host} ansible_connection=local\n"));
    Stage { hosts: hosts.concat(), ..Stage::new() }
}

/// The waves that were begun, each with its hosts.
fn waves(played: &Played) -> Vec<Vec<String>> {
    let wave = |event: &Event| match event {
        Event::BatchBegins { hosts, .. } => Some(hosts.iter().map(ToString::to_string).collect()),
        _ => None,
    };
    played.events.iter().filter_map(wave).collect()
}

const PLAY: &str =
    "- hosts: all\n  gather_facts: no\n  serial: \"{{ waves | default([1, '100%']) }}\"\n  tasks:\n";

#[test]
fn canaries_come_first_and_the_others_as_the_variable_says() {
    let mut stage = stage();
    stage.canary = Some("three".into());
    stage.extra.insert("waves".into(), serde_json::json!(["2", "100%"]));
    let played = stage.play(&format!("{PLAY}  - shell: echo {{{{ inventory_hostname }}}} >> DIR/log\n"));
    assert_eq!(waves(&played), [vec!["three"], vec!["one", "two"], vec!["four"]]);
    assert_eq!(stage.read("log").unwrap().lines().next(), Some("three"));
}

#[test]
fn a_canary_that_is_no_host_of_the_run_is_refused() {
    let mut stage = stage();
    stage.canary = Some("three".into());
    let error = stage.prepare("- hosts: one\n  gather_facts: no\n  tasks: []\n").err().unwrap().to_string();
    assert!(error.contains("no host of this run is a canary: 'three'"), "{error}");
}

#[test]
fn a_play_knows_its_wave_and_its_hosts() {
    let stage = stage();
    let tasks = "  - shell: echo {{ wgops_wave }}/{{ wgops_waves }} {{ ansible_play_batch | join(',') }}\
                 \x20 {{ ansible_play_hosts | length }} {{ ansible_play_hosts_all | join(',') }}\
                 \x20 {{ inventory_hostname }} >> DIR/log\n  - fail: {msg: no}\n    when: inventory_hostname == 'one'\n";
    let play = PLAY.replace("  tasks:", "  max_fail_percentage: 100\n  tasks:");
    // A wave of which nobody is left ends the play, so two go first.
    let play = play.replace("[1, '100%']", "[2, '100%']");
    let played = stage.play(&format!("{play}{tasks}"));
    let log = stage.read("log").unwrap();
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "1/2 one,two 4 one,two,three,four one",
            "1/2 one,two 4 one,two,three,four two",
            "2/2 three,four 3 one,two,three,four four",
            "2/2 three,four 3 one,two,three,four three",
        ],
        "{:?}",
        played.story()
    );
}

/// Holds a host out once so many hosts were begun.
fn only(stage: &mut Stage, most: usize) {
    let begun = AtomicUsize::new(0);
    stage.admission = Some(Arc::new(move |host: &HostName, _: &Connection, _: Option<&str>| {
        let message = "its window has ended".to_owned();
        let held = HeldOut { host: host.clone(), cause: HoldCause::Window, message, until: None };
        (begun.fetch_add(1, Ordering::SeqCst) >= most).then_some(held)
    }));
}

#[test]
fn a_host_is_asked_about_when_its_turn_comes_and_not_touched_if_it_is_held_out() {
    let mut stage = stage();
    only(&mut stage, 2);
    let play =
        format!("{PLAY}  - shell: echo {{{{ inventory_hostname }}}} >> DIR/log\n").replace("100%", "1");
    let again = play.replace("DIR/log", "DIR/again");
    let played = stage.play(&format!("{play}{again}"));
    assert_eq!(stage.read("log").unwrap(), "one\ntwo\n");
    assert_eq!(stage.read("again").unwrap(), "one\ntwo\n", "hosts that were begun go on into later plays");
    let held: Vec<String> = played.outcome.held_out.iter().map(ToString::to_string).collect();
    assert_eq!(held, ["three", "four"]);
    assert!(!played.outcome.recap.contains_key(&"three".parse::<HostName>().unwrap()));
    let begins = played.events.iter().filter(|event| matches!(event, Event::HostBegins { .. })).count();
    assert_eq!(begins, 2);
    assert_eq!(played.outcome.stopped, None, "to be held out is no failure");
}

#[test]
fn a_dry_run_is_held_out_of_nothing() {
    let mut stage = Stage { conduct: Conduct::Dry, ..stage() };
    only(&mut stage, 0);
    let played = stage.tasks("- command: 'true'");
    assert!(played.outcome.held_out.is_empty());
    assert_eq!(played.ends().len(), 4);
}
