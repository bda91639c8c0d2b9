//! One task on all hosts of a batch: a heading, a line for each host where something is worth saying, and a count of
//! the others. A task where nothing is worth saying is one line.

use super::super::View;
use super::super::line::{self, one_line, painted};
use super::{HEADING_COLUMNS_MAX, Shape, heading};
use crate::event::{ChangeMade, Compared, ItemEnd, Status, TaskEnd};
use crate::model::{Excerpt, Value};
use owo_colors::Style;
use similar::TextDiff;
use std::time::Duration;

/// What is shown of a failure's message without `-v`.
const MESSAGE: Excerpt = Excerpt { lines_max: 20, columns_max: 400 };
/// The same with `-v`.
const MESSAGE_VERBOSE: Excerpt = Excerpt { lines_max: 1000, columns_max: 4000 };
/// What is shown of a result with `-v`; it is one line.
const RESULT: Excerpt = Excerpt { lines_max: 1, columns_max: 2000 };
/// What is shown of what a failed command printed: its end.
const LAST_WORDS: Excerpt = Excerpt { lines_max: 10, columns_max: 400 };
/// What is shown of one change's diff.
const DIFF: Excerpt = Excerpt { lines_max: 400, columns_max: 400 };
/// Longest wait for a diff to be small; after it, it is right and longer.
const DIFF_TIME_MAX: Duration = Duration::from_millis(300);

/// What a host, or an item on it, has to say.
struct Said<'a> {
    status: &'a Status,
    message: Option<&'a str>,
    changes: &'a [ChangeMade],
}

impl<'a> From<&'a TaskEnd> for Said<'a> {
    fn from(end: &'a TaskEnd) -> Self {
        Self { status: &end.status, message: end.message.as_deref(), changes: &end.changes }
    }
}

impl<'a> From<&'a ItemEnd> for Said<'a> {
    fn from(item: &'a ItemEnd) -> Self {
        Self { status: &item.status, message: item.message.as_deref(), changes: &item.changes }
    }
}

impl Said<'_> {
    fn is_worth_a_line(&self) -> bool {
        match self.status {
            Status::Ok => self.message.is_some() || !self.changes.is_empty(),
            Status::Skipped => false,
            _ => true,
        }
    }

    fn changes_any(&self) -> bool {
        match self.status {
            Status::Ok | Status::Provisional { .. } => self.message.is_some() || !self.changes.is_empty(),
            Status::Skipped | Status::KnownAfterApply { .. } => false,
            _ => true,
        }
    }
}

fn is_worth_a_line(end: &TaskEnd, view: View) -> bool {
    view.verbosity > 0
        || Said::from(end).is_worth_a_line()
        || end.items.iter().any(|item| Said::from(item).is_worth_a_line())
}

/// Whether a task says of any host what changes or went wrong, and not only that it was or will be looked at.
pub(super) fn changes_any(group: &[TaskEnd]) -> bool {
    group.iter().any(|end| {
        Said::from(end).changes_any() || end.items.iter().any(|item| Said::from(item).changes_any())
    })
}

pub(super) fn shape(group: &[TaskEnd], view: View) -> Shape {
    if group.iter().any(|end| is_worth_a_line(end, view)) { Shape::Block } else { Shape::OneLine }
}

pub(super) fn text(group: &[TaskEnd], view: View) -> String {
    let Some(first) = group.first() else { return String::new() };
    let word = if first.handler { "RUNNING HANDLER" } else { "TASK" };
    let (loud, quiet): (Vec<_>, Vec<_>) = group.iter().partition(|end| is_worth_a_line(end, view));
    if loud.is_empty() {
        return one_line_task(word, &first.task, &counts(&quiet), view);
    }
    let mut out = format!("{}\n", heading(word, &first.task, view));
    if view.verbosity > 1 || group.iter().any(|end| end.status == Status::Failed && !end.ignored) {
        let place = format!("task path: {}", one_line(&first.place));
        out.push_str(&format!("{}\n", painted(place, line::FAINT)));
    }
    loud.iter().for_each(|end| out.push_str(&host(end, view)));
    for (text, style) in counts(&quiet) {
        out.push_str(&format!("{}\n", painted(text, style)));
    }
    out
}

fn one_line_task(word: &str, name: &str, counts: &[(String, Style)], view: View) -> String {
    let tail = counts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(", ");
    let columns = view.drawn_columns().min(HEADING_COLUMNS_MAX).saturating_sub(line::width(&tail) + 1);
    let head = heading(word, name, View { columns: Some(columns.max(12)), ..view });
    let painted_tail: Vec<_> = counts.iter().map(|(text, style)| painted(text, *style)).collect();
    format!("{head} {}\n", painted_tail.join(", "))
}

/// `ok: 8 hosts`, or `ok: [web1]` where it is one.
fn counts(quiet: &[&TaskEnd]) -> Vec<(String, Style)> {
    let of = |word: &str, style: Style, ends: Vec<&&TaskEnd>| match ends.as_slice() {
        [] => None,
        [one] => Some((format!("{word}: [{}]", one_line(one.host.as_str())), style)),
        many => Some((format!("{word}: {}", line::counted(many.len(), "host")), style)),
    };
    let (skipped, ok) = quiet.iter().partition(|end| end.status == Status::Skipped);
    [of("ok", line::OK, ok), of("skipped", line::SKIPPED, skipped)].into_iter().flatten().collect()
}

fn host(end: &TaskEnd, view: View) -> String {
    let worth: Vec<_> =
        end.items.iter().filter(|item| view.verbosity > 0 || Said::from(*item).is_worth_a_line()).collect();
    let items: String =
        worth.iter().map(|item| said(end, Some(&item.label), &(*item).into(), view)).collect();
    let own = Said::from(end);
    let repeats = !worth.is_empty() && own.message.is_none() && own.changes.is_empty();
    let own = if repeats { String::new() } else { said(end, None, &own, view) };
    format!("{items}{own}{}{}", last_words(end, view), result(end, view))
}

/// Why a failed command failed, as it said itself: its exit status, and the end of what it printed.
fn last_words(end: &TaskEnd, view: View) -> String {
    let printed_any = end.result.get("stdout").is_some() || end.result.get("stderr").is_some();
    let asked = end.status == Status::Failed && view.verbosity == 0 && printed_any;
    let Some(status) = end.result.get("rc").filter(|_| asked) else { return String::new() };
    let printed = |stream: &str| end.result.get(stream).and_then(Value::as_str).unwrap_or_default().trim();
    // Many programs say on one what went wrong and on the other where.
    let streams = ["stderr", "stdout"].map(|stream| (stream, printed(stream)));
    let told: Vec<String> = streams
        .iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(stream, words)| format!("{stream}:\n{}", end_of(words).trim_end()))
        .collect();
    let told = if told.is_empty() { "nothing printed".to_owned() } else { told.join("\n") };
    line::indented(&format!("exit status {status}, {told}"), "    ")
}

/// The last lines of what a command printed.
fn end_of(words: &str) -> String {
    let first = words.lines().count().saturating_sub(LAST_WORDS.lines_max);
    let words = words.lines().skip(first).collect::<Vec<_>>().join("\n");
    line::indented(&LAST_WORDS.of(&words), "  ")
}

fn said(end: &TaskEnd, item: Option<&str>, said: &Said<'_>, view: View) -> String {
    let (label, style) = label(said.status, end);
    let item = item.map(|item| format!(" (item={})", one_line(item))).unwrap_or_default();
    let head = painted(format!("{label}: [{}]{item}", one_line(end.host.as_str())), style);
    let mut out = head;
    match (said.message, said.changes) {
        (None, [only]) => out.push_str(&format!(" => {}\n{}", one_line(&only.summary), diff(only))),
        (None, changes) => out.push_str(&format!("\n{}", changes_below(changes))),
        (Some(text), changes) => {
            out.push_str(&format!(" => {}\n{}", message(text, view).trim_start(), changes_below(changes)));
        }
    }
    out
}

fn changes_below(changes: &[ChangeMade]) -> String {
    changes.iter().map(|change| format!("  {}\n{}", one_line(&change.summary), diff(change))).collect()
}

fn label(status: &Status, end: &TaskEnd) -> (String, Style) {
    let runs = if end.handler { "may run" } else { "may change" };
    match status {
        Status::Ok => ("ok".into(), line::OK),
        Status::Changed => ("changed".into(), line::CHANGED),
        Status::Failed if end.ignored => ("failed, ignored".into(), line::WARNING),
        Status::Failed => ("failed".into(), line::FAILED),
        Status::Skipped => ("skipped".into(), line::SKIPPED),
        Status::Unknown => ("unknown".into(), line::FAILED),
        Status::WouldChange => ("would change".into(), line::CHANGED),
        Status::WouldRun => ("would run".into(), line::CHANGED),
        Status::Provisional { cause } => (format!("{runs} (after '{}')", one_line(cause)), line::WARNING),
        Status::KnownAfterApply { cause } => {
            (format!("known after apply ({})", one_line(cause)), line::WARNING)
        }
        Status::Unseen { why } => (format!("unknown, needs an operator ({})", one_line(why)), line::WARNING),
    }
}

/// A message, its further lines indented so that none of them can pass for one of ours.
pub(super) fn message(text: &str, view: View) -> String {
    let excerpt = if view.verbosity > 0 { MESSAGE_VERBOSE } else { MESSAGE };
    line::indented(&excerpt.of(text.trim()), "    ").trim_end().to_owned()
}

fn result(end: &TaskEnd, view: View) -> String {
    if view.verbosity == 0 || end.result.is_null() {
        return String::new();
    }
    let text = painted(RESULT.of(&end.result.to_string()), line::FAINT);
    format!("    {text}\n")
}

fn diff(change: &ChangeMade) -> String {
    let Some(compared) = &change.diff else { return String::new() };
    DIFF.of(&unified(compared)).lines().map(|text| format!("    {}\n", coloured(text))).collect()
}

fn unified(compared: &Compared) -> String {
    let diff = TextDiff::configure().timeout(DIFF_TIME_MAX).diff_lines(&*compared.before, &*compared.after);
    let header = one_line(&compared.header);
    diff.unified_diff()
        .context_radius(3)
        .header(&format!("before: {header}"), &format!("after: {header}"))
        .to_string()
}

fn coloured(text: &str) -> String {
    match text.as_bytes().first() {
        Some(b'+') => painted(text, line::OK),
        Some(b'-') => painted(text, line::FAILED),
        Some(b'@') => painted(text, line::SKIPPED),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{change, end, plain};
    use super::*;
    use serde_json::json;

    fn told(group: &[TaskEnd], view: View) -> String {
        plain(text(group, view).as_bytes())
    }

    fn with(status: Status, message: Option<&str>) -> TaskEnd {
        TaskEnd { status, message: message.map(str::to_owned), ..end("web1", 0) }
    }

    const NARROW: View = View { columns: Some(50), verbosity: 0 };

    #[test]
    fn a_task_with_nothing_to_say_is_one_line() {
        let skipped = TaskEnd { host: "db1".parse().unwrap(), ..with(Status::Skipped, Some("condition")) };
        let text = told(&[end("a", 0), end("b", 0), skipped], NARROW);
        assert_eq!(text, "TASK [Task 0] ******** ok: 2 hosts, skipped: [db1]\n");
    }

    #[test]
    fn every_status_has_its_words() {
        let cause = || "Install nginx".to_owned();
        let one = [change("restart nginx")];
        let say =
            |status, message| told(&[TaskEnd { changes: one.to_vec(), ..with(status, message) }], NARROW);
        let all = [
            say(Status::Changed, None),
            say(Status::WouldChange, None),
            say(Status::WouldRun, None),
            say(Status::Provisional { cause: cause() }, None),
            told(&[with(Status::KnownAfterApply { cause: cause() }, None)], NARROW),
            told(&[with(Status::Unknown, None)], NARROW),
            told(&[with(Status::Ok, Some("hello"))], NARROW),
            told(&[with(Status::Failed, Some("no"))], NARROW),
            told(&[TaskEnd { ignored: true, ..with(Status::Failed, Some("no")) }], NARROW),
            told(&[TaskEnd { handler: true, ..with(Status::Provisional { cause: cause() }, None) }], NARROW),
        ];
        let told = |text: &&str| !text.starts_with("task path");
        let lines: Vec<_> = all.iter().map(|text| text.lines().skip(1).find(told).unwrap()).collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        changed: [web1] => restart nginx
        would change: [web1] => restart nginx
        would run: [web1] => restart nginx
        may change (after 'Install nginx'): [web1] => restart nginx
        known after apply (Install nginx): [web1]
        unknown: [web1]
        ok: [web1] => hello
        failed: [web1] => no
        failed, ignored: [web1] => no
        may run (after 'Install nginx'): [web1]
        ");
    }

    #[test]
    fn items_worth_a_line_get_one() {
        let item = |label: &str, status, message: Option<&str>| ItemEnd {
            label: label.into(),
            status,
            message: message.map(str::to_owned),
            changes: vec![],
        };
        let items = vec![
            item("curl", Status::Ok, None),
            ItemEnd { changes: vec![change("install htop 3.2")], ..item("htop", Status::Changed, None) },
            item("nosuch", Status::Failed, Some("no such package")),
        ];
        let text = told(&[TaskEnd { items, ..with(Status::Failed, Some("1 of 3 items failed")) }], NARROW);
        insta::assert_snapshot!(text, @r"
        TASK [Task 0] ************************************
        task path: site.yml:3:7
        changed: [web1] (item=htop) => install htop 3.2
        failed: [web1] (item=nosuch) => no such package
        failed: [web1] => 1 of 3 items failed
        ");
    }

    #[test]
    fn a_failed_command_says_its_status_and_the_end_of_what_it_printed() {
        let failed = |result| TaskEnd { result, ..with(Status::Failed, Some("non-zero return code")) };
        let words = |result| told(&[failed(result)], NARROW).lines().skip(3).collect::<Vec<_>>().join("\n");
        let long = "line\n".repeat(30) + "the disk is on fire\u{1b}[2J\n";
        let said = words(json!({"rc": 3, "stdout": "", "stderr": long}));
        assert!(said.starts_with("    exit status 3, stderr:\n      line\n"), "{said}");
        assert!(said.ends_with("\n      the disk is on fire^[[2J"), "{said}");
        assert_eq!(said.lines().count(), 11);
        let both = words(json!({"rc": 2, "stdout": "at 7\n", "stderr": "bad\n"}));
        assert_eq!(both, "    exit status 2, stderr:\n      bad\n    stdout:\n      at 7");
        let stdout = words(json!({"rc": 1, "stdout": "no\n", "stderr": ""}));
        assert_eq!(stdout, "    exit status 1, stdout:\n      no");
        assert_eq!(words(json!({"rc": 1, "stdout": "", "stderr": ""})), "    exit status 1, nothing printed");
        assert_eq!(words(json!({"rc": 1})), "", "no command");
        assert_eq!(words(Value::Null), "", "nobody may see it");
    }

    #[test]
    fn diffs_are_unified_and_their_content_is_only_shown() {
        let compared = Compared {
            header: "/etc/motd".into(),
            before: "one\ntwo\n".into(),
            after: "one\nTWO \u{1b}[2J\u{202e}\n".into(),
        };
        let changed = ChangeMade { diff: Some(compared), ..change("write /etc/motd") };
        let text = told(&[TaskEnd { changes: vec![changed], ..with(Status::Changed, None) }], NARROW);
        insta::assert_snapshot!(text, @r"
        TASK [Task 0] ************************************
        changed: [web1] => write /etc/motd
            --- before: /etc/motd
            +++ after: /etc/motd
            @@ -1,2 +1,2 @@
             one
            -two
            +TWO ^[[2J\u{202e}
        ");
    }

    #[test]
    fn verbose_shows_every_host_and_its_result() {
        let result = serde_json::json!({"rc": 0, "stdout": "a\u{9b}2Jb"});
        let text = told(&[TaskEnd { result, ..end("web1", 0) }], View { verbosity: 1, ..NARROW });
        insta::assert_snapshot!(text, @r#"
        TASK [Task 0] ************************************
        ok: [web1]
            {"rc":0,"stdout":"a\u{9b}2Jb"}
        "#);
    }

    #[test]
    fn no_text_from_a_host_reaches_the_terminal_as_it_is() {
        let evil = "x\u{1b}]0;t\u{7}\u{9b}31m\u{202e}\nPLAY RECAP ****\r";
        let changed = ChangeMade {
            summary: evil.into(),
            diff: Some(Compared { header: evil.into(), before: evil.into(), after: "y".into() }),
            ..change("")
        };
        let item = ItemEnd {
            label: evil.into(),
            status: Status::Failed,
            message: Some(evil.into()),
            changes: vec![changed.clone()],
        };
        let nasty = TaskEnd {
            task: evil.into(),
            place: evil.into(),
            message: Some(evil.into()),
            changes: vec![changed],
            items: vec![item],
            result: serde_json::Value::String(evil.into()),
            ..with(Status::Provisional { cause: evil.into() }, None)
        };
        for verbosity in 0..3 {
            let shown = told(std::slice::from_ref(&nasty), View { verbosity, ..NARROW });
            assert_eq!(shown, crate::model::printable(&shown));
            assert!(!shown.lines().any(|line| line.starts_with("PLAY RECAP")), "{shown}");
        }
    }

    #[test]
    fn a_long_message_is_cut_and_says_so() {
        let text = told(&[with(Status::Failed, Some(&"line\n".repeat(50)))], NARROW);
        assert!(text.ends_with("… 30 more lines\n"), "{text}");
    }
}
