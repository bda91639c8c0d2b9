//! Who gains and who loses access, from what changes in files of keys, and which hosts refuse it.

use super::people::{owner, shadow_keys};
use crate::event::{Compared, Event, Status};
use crate::ledger::History;
use crate::model::{HostName, Value};
use crate::people::Roster;
use crate::questions::access::keys::PublicKey;
use crate::report::one_line;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

/// The task that writes the shadow account's keys, and the file.
pub(super) const SHADOWS_KEYS: &str = "The shadow account's keys";
pub(super) const SHADOWS_FILE: &str = "/usr/local/lib/wgops/shadow/.ssh/authorized_keys";
/// The task that reads what that file has.
pub(super) const SHADOWS_BEFORE: &str = "Keep these at hand";
/// The file of whoever signs certificates.
pub(super) const CA_FILE: &str = "/etc/ssh/wgops-user-ca.pub";
/// Tasks by which a host refuses it: nothing is changed anywhere then.
pub(super) const REFUSALS: [&str; 2] =
    ["Nobody comes back by an older roster", "No account of somebody else becomes theirs"];

/// Who gains and who loses what, from what changes in files of keys.
pub(super) struct Gains<'a> {
    roster: &'a Roster,
    history: History,
    today: Date,
    /// What the shadow account's file will hold.
    shadows: String,
    /// Files before the first change and after the last one; a host that gets all of it back gains nothing.
    /// In a dry run each of several changes begins with what is there now.
    files: BTreeMap<(HostName, String), Vec<(String, String)>>,
    /// What that file has now, where it is there.
    shadows_before: BTreeMap<HostName, String>,
    /// Hosts of which something was not seen: there nothing is guessed.
    unseen: BTreeSet<HostName>,
    /// Hosts that could not be reached, or were left before their end, and why.
    unfinished: BTreeMap<HostName, String>,
    /// The same of the first look: they are left out of what follows.
    left_out: BTreeMap<HostName, String>,
    /// Hosts that were not begun with, since others failed.
    not_begun: Vec<HostName>,
    /// What the task said that failed last on a host.
    failed: BTreeMap<HostName, String>,
    /// Hosts that refuse it, and why.
    pub refused: Vec<(HostName, String)>,
}

impl<'a> Gains<'a> {
    pub fn new(roster: &'a Roster, history: History, today: Date) -> Self {
        let shadows = shadow_keys(roster, today);
        let (shadows_before, unseen, unfinished) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let (files, left_out, failed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (not_begun, refused) = (Vec::new(), Vec::new());
        Self {
            roster,
            history,
            today,
            shadows,
            files,
            shadows_before,
            unseen,
            unfinished,
            left_out,
            not_begun,
            failed,
            refused,
        }
    }

    /// Forgets what would have been, but for the hosts of which nobody knows.
    pub fn begin(&mut self) {
        self.files.clear();
        self.left_out.append(&mut self.unfinished);
        self.not_begun.clear();
        self.refused.clear();
    }

    /// Those of these hosts on which the look came to its end.
    pub fn reached(&self, hosts: &[HostName]) -> BTreeSet<HostName> {
        hosts.iter().filter(|host| !self.unfinished.contains_key(*host)).cloned().collect()
    }

    pub fn event(&mut self, event: &Event) {
        if let Event::RunEnds { recap, .. } = event {
            let lost = recap.iter().filter(|(_, counts)| counts.unreachable > 0);
            for (host, _) in lost {
                self.unfinished.entry(host.clone()).or_default();
            }
        }
        if let Event::HostLeaves { host, reason: Some(reason) } = event {
            let why = self.failed.remove(host).unwrap_or_else(|| reason.clone());
            self.unfinished.insert(host.clone(), why);
        }
        if let Event::PlayStops { not_begun, .. } = event {
            self.not_begun.extend(not_begun.iter().cloned());
        }
        let Event::TaskEnds(end) = event else { return };
        if end.status == Status::Failed && !end.ignored {
            self.failed.insert(end.host.clone(), end.message.clone().unwrap_or_default());
        }
        if end.status == Status::Failed && REFUSALS.contains(&end.task.as_str()) {
            self.refused.push((end.host.clone(), end.message.clone().unwrap_or_default()));
        }
        let of_items = end.items.iter().flat_map(|item| &item.changes);
        for diff in end.changes.iter().chain(of_items).filter_map(|change| change.diff.as_ref()) {
            self.file(&end.host, &diff.header, &diff.before, &diff.after);
        }
        if matches!(end.status, Status::Unseen { .. }) {
            self.unseen.insert(end.host.clone());
        }
        if end.task == SHADOWS_BEFORE && end.status == Status::Ok {
            let content = end.result.get("content").and_then(Value::as_str).unwrap_or_default();
            let text = STANDARD.decode(content).unwrap_or_default();
            self.shadows_before.insert(end.host.clone(), String::from_utf8_lossy(&text).into_owned());
        }
        // Behind something that is yet to be made, a dry run has compared nothing.
        let is_left = end.changes.is_empty() && matches!(end.status, Status::Provisional { .. });
        if is_left && end.task == SHADOWS_KEYS && !self.unseen.contains(&end.host) {
            let before = self.shadows_before.get(&end.host).cloned().unwrap_or_default();
            let shadows = self.shadows.clone();
            self.file(&end.host, SHADOWS_FILE, &before, &shadows);
        }
    }

    fn file(&mut self, host: &HostName, header: &str, before: &str, after: &str) {
        let keys = ["/authorized_keys", "/authorized_keys2"].iter().any(|end| header.ends_with(end));
        if !keys && header != CA_FILE {
            return;
        }
        let known = self.files.entry((host.clone(), header.to_owned())).or_default();
        match known.last_mut().filter(|last| last.1 == before) {
            Some(last) => last.1 = after.to_owned(),
            None => known.push((before.to_owned(), after.to_owned())),
        }
    }

    pub fn told(&self, done: bool) -> String {
        let mut hosts: BTreeMap<&HostName, Vec<String>> = BTreeMap::new();
        let all = self.files.iter().flat_map(|(of, changes)| changes.iter().map(move |change| (of, change)));
        for ((host, header), (before, after)) in all {
            let diff = Compared { header: header.clone(), before: before.clone(), after: after.clone() };
            let lines = match header.as_str() {
                CA_FILE => certified(&diff),
                _ => compared((self.roster, self.today), &self.history, &diff),
            };
            if !lines.is_empty() {
                hosts.entry(host).or_default().extend(lines);
            }
        }
        for host in &self.unseen {
            hosts
                .entry(host)
                .or_default()
                .push("who else gains and loses what needs an operator to see".into());
        }
        for (host, why) in self.left_out.iter().chain(&self.unfinished) {
            let lines = hosts.entry(host).or_default();
            lines.push(
                "was not reached, or not done: whoever could log in there still can. Sync it again".into(),
            );
            if !why.is_empty() {
                lines.push(format!("  {}", one_line(&why.trim().replace('\n', "; "))));
            }
        }
        for host in &self.not_begun {
            let line = "was not begun: whoever could log in there still can. Sync it again";
            hosts.entry(host).or_default().push(line.into());
        }
        if hosts.is_empty() {
            return if done {
                String::new()
            } else {
                "\nNobody gains or loses a key on these hosts.\n".into()
            };
        }
        let mut text = String::from(if done {
            "\nWho gained and lost access:\n"
        } else {
            "\nWho would gain and lose access:\n"
        });
        for (host, lines) in hosts {
            text.push_str(&format!("  {host}\n"));
            lines.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
        if !self.not_begun.is_empty() && !self.unfinished.is_empty() {
            let out: Vec<String> = self.unfinished.keys().map(|host| format!("!{host}")).collect();
            text.push_str(&format!(
                "The others are begun without what failed: --limit '{}'\n",
                out.join(":")
            ));
        }
        text
    }
}

/// The keys of a file that come and go, by whose they are.
fn compared(by: (&Roster, Date), history: &History, diff: &Compared) -> Vec<String> {
    let blobs = |text: &str| -> BTreeSet<String> {
        let word = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| word.starts_with("AAAA"))?;
            words.get(at).map(|blob| (*blob).to_owned())
        };
        text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(word).collect()
    };
    let (before, after) = (blobs(&diff.before), blobs(&diff.after));
    let line = |sign: char, blob: &String, text: &str| {
        let comment = text.lines().find(|line| line.contains(blob.as_str()));
        let comment =
            comment.and_then(|line| line.split_once(blob.as_str())).map_or("", |(_, rest)| rest.trim());
        let owner = owner(by, history, blob);
        let beside = if owner.starts_with("nobody") && !comment.is_empty() {
            format!(", '{}'", one_line(comment))
        } else {
            String::new()
        };
        format!("{sign} {owner}{beside}  in {}", one_line(&diff.header))
    };
    let gone = before.difference(&after).map(|blob| line('-', blob, &diff.before));
    let come = after.difference(&before).map(|blob| line('+', blob, &diff.after));
    gone.chain(come).collect()
}

/// Whose certificates begin and end to count.
fn certified(diff: &Compared) -> Vec<String> {
    let prints = |text: &str| -> BTreeSet<String> {
        text.lines().filter_map(PublicKey::read).map(|key| key.fingerprint).collect()
    };
    let (before, after) = (prints(&diff.before), prints(&diff.after));
    let line = |sign: char, print: &String| format!("{sign} whoever the CA {print} certifies  in {CA_FILE}");
    let gone = before.difference(&after).map(|print| line('-', print));
    gone.chain(after.difference(&before).map(|print| line('+', print))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Record;
    use crate::people::testing::{key, roster};

    fn history() -> History {
        let none = tempfile::tempdir().unwrap();
        History::of(&Record::read(none.path(), None).unwrap(), &roster())
    }

    #[test]
    fn who_gains_and_loses_is_told_by_name_and_a_stranger_s_key_by_its_comment() {
        let diff = Compared {
            header: "/home/ops/.ssh/authorized_keys".into(),
            before: format!("# old\nssh-rsa AAAAold bob@laptop\n{} alice\n", key(1).text()),
            after: format!("{} alice (lead)\n{} oscar (operator)\n", key(1).text(), key(2).text()),
        };
        let lines = compared((&roster(), jiff::civil::date(2026, 6, 1)), &history(), &diff);
        let file = "in /home/ops/.ssh/authorized_keys";
        assert_eq!(
            lines,
            [format!("- nobody in the roster, 'bob@laptop'  {file}"), format!("+ oscar (operator)  {file}")]
        );
    }

    #[test]
    fn a_ca_is_told_by_its_fingerprint() {
        let (before, after) = (format!("{}\n", key(3).text()), format!("{}\n", key(4).text()));
        let lines = certified(&Compared { header: CA_FILE.into(), before, after });
        let told = |sign: char, number| {
            format!("{sign} whoever the CA {} certifies  in {CA_FILE}", key(number).fingerprint())
        };
        assert_eq!(lines, [told('-', 3), told('+', 4)]);
    }

    #[test]
    fn where_nothing_was_compared_what_is_there_counts_and_what_was_not_seen_is_not_guessed() {
        let people = roster();
        let task = |task: &str, status: Status, result: Value| {
            Event::TaskEnds(Box::new(crate::event::TaskEnd {
                host: "web1".parse().unwrap(),
                number: 0,
                task: task.into(),
                module: "copy".into(),
                place: String::new(),
                handler: false,
                status,
                ignored: false,
                rescued: false,
                message: None,
                changes: Vec::new(),
                items: Vec::new(),
                result,
                seconds: 0.0,
                kept: Default::default(),
                asks_out: Vec::new(),
            }))
        };
        let left = || Status::Provisional { cause: "x".into() };
        let told = |events: &[Event]| {
            let mut gains = Gains::new(&people, history(), jiff::civil::date(2026, 6, 1));
            events.iter().for_each(|event| gains.event(event));
            gains.told(false)
        };
        let there = STANDARD.encode(shadow_keys(&people, jiff::civil::date(2026, 6, 1)));
        let before = task(SHADOWS_BEFORE, Status::Ok, serde_json::json!({ "content": there }));
        assert!(told(&[before, task(SHADOWS_KEYS, left(), Value::Null)]).contains("Nobody gains or loses"));
        assert!(told(&[task(SHADOWS_KEYS, left(), Value::Null)]).contains("  + "));
        let unseen = task("x", Status::Unseen { why: "w".into() }, Value::Null);
        let text = told(&[unseen, task(SHADOWS_KEYS, left(), Value::Null)]);
        assert!(text.contains("needs an operator to see") && !text.contains("  + "), "{text}");
    }

    #[test]
    fn a_host_that_gets_everything_back_gains_and_loses_nothing() {
        let (people, host) = (roster(), "web1".parse().unwrap());
        let mut gains = Gains::new(&people, history(), jiff::civil::date(2026, 6, 1));
        let file = "/home/ops/.ssh/authorized_keys";
        let (before, after) = (format!("{} x\n", key(9).text()), format!("{} oscar\n", key(2).text()));
        gains.file(&host, file, &before, &after);
        assert!(gains.told(true).contains("+ oscar (operator)"));
        gains.file(&host, file, &after, &before);
        assert_eq!(gains.told(true), "");
        gains.file(&host, "/etc/motd", "a", &after);
        assert_eq!(gains.told(true), "");
    }
}
