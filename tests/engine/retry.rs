//! `until`: tasks that are done again until their result is as wished.

use crate::stage::Stage;

/// Appends a line each time, and says how many there are.
const COUNTS: &str = "- name: counts\n  shell: echo x >> DIR/log; wc -l < DIR/log\n  register: r\n";

fn lines(stage: &Stage) -> usize {
    stage.read("log").unwrap_or_default().lines().count()
}

#[test]
fn a_task_is_done_again_until_its_result_is_as_wished() {
    let stage = Stage::new();
    let tasks = format!(
        "{COUNTS}  until: r.stdout | int >= 3\n  delay: 0\n- name: tells\n  debug: {{msg: 'after {{{{ r.attempts }}}}, {{{{ r.stdout }}}}'}}\n"
    );
    let played = stage.tasks(&tasks);
    assert_eq!(played.story(), ["counts changed", "tells ok: after 3, 3"]);
    assert_eq!(lines(&stage), 3);
}

#[test]
fn who_is_never_as_wished_fails_after_the_last_attempt_and_says_why() {
    for (keywords, tries) in [("", 4), ("  retries: '{{ 1 + 1 }}'\n", 3), ("  retries: 0\n", 1)] {
        let stage = Stage::new();
        let tasks = format!(
            "{COUNTS}  until: r.stdout == 'never'\n  delay: 0\n{keywords}- name: after\n  command: touch DIR/after\n"
        );
        let story = stage.tasks(&tasks).story();
        let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
        let told = format!("counts failed: tried {times}, and not as wished: until: r.stdout == 'never'");
        assert_eq!((story, lines(&stage)), (vec![told], tries), "{keywords}");
        assert_eq!(stage.read("after"), None);
    }
}

#[test]
fn retries_alone_go_on_until_it_does_not_fail() {
    let stage = Stage::new();
    let tasks = "- name: fails first\n  shell: echo x >> DIR/log; test $(wc -l < DIR/log) = 2\n  retries: 5\n  delay: 0\n\
                 - name: hopeless\n  command: sh -c 'echo no way >&2; exit 3'\n  retries: 1\n  delay: 0\n  ignore_errors: yes\n";
    let story = stage.tasks(tasks).story();
    assert_eq!(story[0], "fails first changed");
    assert!(
        story[1].starts_with("hopeless failed (ignored): tried 2 times, and not as wished: it still fails"),
        "{story:?}"
    );
    assert!(story[1].contains("it says: "), "{story:?}");
}

#[test]
fn each_attempt_asks_the_host_anew() {
    let stage = Stage::new();
    let tasks = "- shell: (sleep 0.3; touch DIR/there) >/dev/null 2>&1 &\n\
                 - name: waits\n  stat: {path: DIR/there}\n  register: s\n  until: s.stat.exists\n  delay: 0.1\n  retries: 100\n\
                 - name: tells\n  debug: {msg: '{{ s.attempts > 1 }}'}\n";
    assert_eq!(stage.tasks(tasks).story()[1..], ["waits ok", "tells ok: true"]);
}

#[test]
fn each_item_of_a_loop_has_its_own_attempts() {
    let stage = Stage::new();
    let tasks = "- name: loops\n  shell: echo {{ item }} >> DIR/log; grep -c {{ item }} DIR/log\n  loop: [a, b]\n  register: r\n  \
                 until: r.stdout == '2'\n  delay: 0\n";
    assert_eq!(stage.tasks(tasks).story(), ["loops changed"]);
    assert_eq!(stage.read("log").unwrap(), "a\na\nb\nb\n");
}

#[test]
fn a_dry_run_looks_again_but_does_nothing_again() {
    let stage = Stage::dry();
    let tasks = format!(
        "{COUNTS}  until: r.stdout == '3'\n  delay: 0\n- name: looks\n  stat: {{path: DIR/none}}\n  register: s\n  \
         until: s.stat.exists\n  retries: 1\n  delay: 0\n"
    );
    let story = stage.tasks(&tasks).story();
    assert_eq!(lines(&stage), 0);
    assert!(story[0].starts_with("counts would_run"), "{story:?}");
    assert!(story[1].starts_with("looks provisional") || story[1].starts_with("looks failed"), "{story:?}");
}

#[test]
fn what_is_no_number_or_no_condition_is_said() {
    let stage = Stage::new();
    let tasks = "- command: 'false'\n  retries: '{{ \"often\" }}'\n  ignore_errors: yes\n- command: 'true'\n  register: r\n  until: r.nothing.there\n  delay: 0\n";
    let story = stage.tasks(tasks).story();
    assert!(story[0].contains("retries: expected a number, got 'often'"), "{story:?}");
    assert!(story[1].starts_with("command failed: until: "), "{story:?}");
}

#[test]
fn an_interrupt_ends_the_wait_and_what_was_done_is_told() {
    let stage = Stage { interrupt_at: Some("log".into()), ..Stage::new() };
    let begun = std::time::Instant::now();
    let played = stage.tasks(&format!("{COUNTS}  until: r.stdout == 'never'\n  delay: 600\n"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(30));
    assert!(played.outcome.interrupted);
    assert_eq!((played.story(), lines(&stage)), (vec!["counts changed".to_owned()], 1));
}

#[test]
fn who_is_never_as_wished_goes_on_where_failed_when_lets_it() {
    let stage = Stage::new();
    let tasks = format!(
        "{COUNTS}  until: r.stdout == 'never'\n  retries: 2\n  delay: 0\n  failed_when: false\n\
         - name: after\n  debug: {{msg: '{{{{ r is failed }}}} {{{{ r is changed }}}} {{{{ r.stdout }}}}'}}\n"
    );
    let played = stage.tasks(&tasks);
    assert_eq!((played.counts().failed, lines(&stage)), (0, 3));
    assert!(played.end("counts").message.as_deref().unwrap().contains("failed_when lets that pass"));
    assert_eq!(played.end("after").message.as_deref(), Some("True True 3"));
}

#[test]
fn what_never_came_out_as_wished_was_done_again_so_many_times() {
    let tasks = "- command: 'false'\n  register: r\n  until: r.rc == 0\n  retries: 2\n  delay: 0\n  ignore_errors: true\n\
                 - name: tells\n  debug: {msg: '{{ r.attempts }}'}\n";
    assert_eq!(Stage::new().tasks(tasks).story()[1..], ["tells ok: 2"]);
}
