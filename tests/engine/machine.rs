//! The machine alone: questions are asked for real, but what becomes of changes is made up, for what no real host can be
//! made to show.

use crate::stage::{Played, Stage};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wgops::event::{Event, Status};
use wgops::model::Connection;
use wgops::model::{ConnectionKind, Environment};
use wgops::modules::Change;
use wgops::plan::{Conduct, Ground, HostRun, Item, Next, Reply, Variables};
use wgops::questions::Output;
use wgops::transport::{End, OnFailure, Request, Settings, Shell, connect};

/// What is made up of a change: a reply, or a lost connection.
enum Fate {
    Reply(Reply),
    Lost,
    /// It ends well, and somebody interrupts meanwhile.
    Interrupted,
}

/// Plays tasks on a host whose changes meet the fate that `fate` says.
fn play(stage: &Stage, tasks: &str, mut fate: impl FnMut(&Change) -> Fate) -> Vec<Event> {
    let indented: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("- hosts: all\n  gather_facts: no\n  tasks:\n{indented}");
    let prepared = stage.prepare(&text).unwrap_or_else(|problems| panic!("{problems}"));
    let order = prepared.order;
    let (play, hosts) = order.plays.into_iter().next().unwrap();
    let ground = Ground {
        approved: None,
        conduct: Conduct::Real,
        as_real: false,
        goes: Vec::new(),
        templates: order.templates,
        library: play.foundation.library.clone(),
        advisories: None,
        show_diff: false,
        verbosity: 0,
        explain: false,
        starts_nothing: false,
        forgetful: false,
        privilege: order.privilege,
        variables: Variables::new(
            hosts[0].clone(),
            order.shared,
            Arc::default(),
            Arc::default(),
            Arc::default(),
        ),
        stores: BTreeMap::new(),
        unapplied: Vec::new(),
        is_local: true,
        apart: None,
        quiet: None,
        looked_at_secret: false,
        looked_at: None,
        carries_plan: false,
    };
    let run = HostRun::new(hosts[0].clone(), play, stage.conduct, ground);
    tokio::runtime::Runtime::new().unwrap().block_on(drive(run, &mut fate))
}

async fn drive(mut run: HostRun, fate: &mut dyn FnMut(&Change) -> Fate) -> Vec<Event> {
    let connection = Connection {
        kind: ConnectionKind::Local,
        address: None,
        port: None,
        user: None,
        private_key: None,
        ssh_args: Vec::new(),
        connect_timeout: Duration::from_secs(10),
    };
    let session = connect(&run.host, &connection, &Settings::new("/", "nobody")).await.unwrap();
    let mut shell = session.shell(None).await.unwrap();
    while let Next::Exchange(exchange) = run.next(Duration::ZERO) {
        let (mut replies, mut lost, mut halted, mut interrupted) = (Vec::new(), false, false, false);
        for item in &exchange.shells[0].items {
            match item {
                Item::Ask(asked) => replies.push(ask(&mut shell, asked).await),
                Item::Apply(_) if halted => replies.push(Reply::NotRun),
                Item::Apply(change) => match fate(change) {
                    Fate::Reply(reply) => {
                        halted = !reply.is_success();
                        replies.push(reply);
                    }
                    Fate::Lost => {
                        lost = true;
                        break;
                    }
                    Fate::Interrupted => {
                        interrupted = true;
                        replies.push(Reply::Done(Output::ok("")));
                    }
                },
            }
        }
        if lost {
            run.lose("the cable was cut", vec![replies], false);
        } else {
            run.take(vec![replies]);
        }
        if interrupted {
            run.abandon();
        }
    }
    drop(shell);
    session.close().await;
    run.take_events()
}

async fn ask(shell: &mut Shell, asked: &wgops::questions::Asked) -> Reply {
    let request = Request {
        script: asked.script,
        environment: Environment::default(),
        args: asked.args.clone(),
        content: None,
        deadline: Duration::from_secs(30),
        output_bytes_max: 1 << 20,
        on_failure: OnFailure::Continue,
    };
    let reply = shell.exchange(&[request]).await.unwrap().remove(0);
    let End::Exited(status) = reply.end else { panic!("{:?}", reply.end) };
    Reply::Done(Output { status, stdout: reply.stdout, stderr: reply.stderr })
}

fn story(events: Vec<Event>) -> Vec<String> {
    Played { events, outcome: Default::default() }.story()
}

fn ended(status: u8) -> Fate {
    Fate::Reply(Reply::Done(Output { status, ..Output::default() }))
}

const COPY: &str =
    "- {name: copy, copy: {dest: DIR/x, content: new}}\n- {name: later, copy: {dest: DIR/y, content: new}}\n";

#[test]
fn a_state_that_does_not_hold_did_not_converge_and_says_what_is_left() {
    let stage = Stage::new();
    let told = story(play(&stage, COPY, |_| ended(0)));
    assert!(told[0].starts_with("copy failed: did not converge; still to do: create"), "{told:?}");
    assert_eq!(told[1..], ["later changed"], "it travelled along, so it is reported");
    let command = "- {name: copy, copy: {dest: DIR/x, content: new}}\n- {name: later, command: echo}\n";
    let told = story(play(&stage, command, |_| ended(0)));
    assert_eq!(told.len(), 1, "a command waits until the state before it holds: {told:?}");
}

#[test]
fn a_precondition_that_fails_is_tried_once_more_and_then_given_up() {
    let stage = Stage::new();
    let mut tries = 0;
    let told = story(play(&stage, COPY, |_| {
        tries += 1;
        ended(113)
    }));
    assert_eq!(tries, 2);
    assert_eq!(told, ["copy failed: the host changed between look and change, twice"]);
}

#[test]
fn what_travelled_when_the_line_was_cut_is_unknown_neither_failed_nor_done() {
    let stage = Stage::new();
    let events = play(&stage, COPY, |_| Fate::Lost);
    let ends: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::TaskEnds(end) => Some((end.task.as_str(), end.status.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [("copy", Status::Unknown), ("later", Status::Unknown)]);
}

#[test]
fn what_was_answered_before_the_line_was_cut_counts() {
    let stage = Stage::new();
    let mut calls = 0;
    let told = story(play(&stage, "- {name: a, command: echo}\n- {name: b, command: echo}\n", |_| {
        calls += 1;
        if calls == 1 { ended(0) } else { Fate::Lost }
    }));
    assert_eq!(told[0], "a changed");
    assert!(told[1].starts_with("b unknown: the connection was lost while this was under way"), "{told:?}");
}

/// Unfolds into two changes: a directory in a directory.
const TWO: &str = "- {name: two, file: {path: DIR/a/b, state: directory}}\n";

#[test]
fn a_task_cut_between_its_changes_is_unknown_and_names_those_that_may_have_begun() {
    let stage = Stage::new();
    let mut calls = 0;
    let events = play(&stage, TWO, |_| {
        calls += 1;
        if calls == 1 { ended(0) } else { Fate::Lost }
    });
    let [Event::TaskEnds(end)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((end.status.clone(), end.changes.len()), (Status::Unknown, 2));
}

#[test]
fn a_precondition_that_fails_behind_a_change_of_the_same_task_forgets_nothing() {
    let stage = Stage::new();
    let mut calls = 0;
    let events = play(&stage, TWO, |_| {
        calls += 1;
        if calls == 1 { ended(0) } else { ended(113) }
    });
    let [Event::TaskEnds(end)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((calls, end.status.clone(), end.changes.len()), (2, Status::Failed, 1));
}

#[test]
fn what_ran_before_an_interrupt_is_reported_though_nobody_looks_again() {
    let stage = Stage::new();
    assert_eq!(story(play(&stage, COPY, |_| Fate::Interrupted)), ["copy changed", "later changed"]);
}
