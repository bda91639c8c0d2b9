//! What is under way right now, for whoever redraws it: a heading, and a line for each host that is at work.
//!
//! This only keeps count; it knows no terminal and no clock. Text from hosts is made printable here.

use super::line::one_line;
use crate::event::{Event, TaskEnd};
use crate::model::HostName;
use indexmap::IndexMap;

/// What hosts are doing, gathered from events.
#[derive(Default)]
pub struct Progress {
    /// The play that runs, and its batch where it has several.
    play: String,
    tasks: usize,
    hosts: IndexMap<HostName, At>,
}

/// Where one host of the batch is.
#[derive(Default)]
struct At {
    /// The task that ended last, or how far a long one is.
    task: String,
    /// The same, and what the host is busy with since.
    text: String,
    left: bool,
}

impl Progress {
    /// Takes the next event; says whether anything changed that is worth a look.
    pub fn event(&mut self, event: &Event) -> bool {
        match event {
            Event::BatchBegins { play, batch, batches, hosts, tasks, .. } => {
                self.play = one_line(play).into_owned();
                if *batches > 1 {
                    self.play.push_str(&format!(", batch {batch} of {batches}"));
                }
                self.tasks = *tasks;
                self.hosts = hosts.iter().map(|host| (host.clone(), At::default())).collect();
            }
            Event::TaskEnds(end) => self.task(end),
            Event::Progress { host, message, done, of } => {
                let counted = counted(*done, *of).map(|counted| format!("{counted}: ")).unwrap_or_default();
                self.at(host, format!("{counted}{}", one_line(message)));
            }
            Event::Works { host, questions, changes } => {
                let what = match changes {
                    0 => format!("{} asked", super::line::counted(*questions, "question")),
                    _ => format!("{} under way", super::line::counted(*changes, "change")),
                };
                self.works(host, what);
            }
            Event::HostLeaves { host, .. } => {
                if let Some(at) = self.hosts.get_mut(host) {
                    at.left = true;
                }
            }
            Event::PlayStops { .. } | Event::RunEnds { .. } => self.hosts.clear(),
            _ => return false,
        }
        true
    }

    fn task(&mut self, end: &TaskEnd) {
        let number = u64::try_from(end.number).unwrap_or_default() + 1;
        // Handlers come after all tasks, and have no part in their number.
        let of = u64::try_from(self.tasks).ok().filter(|of| number <= *of);
        let counted = counted(Some(number), of).unwrap_or_default();
        self.at(&end.host, format!("task {counted} done: {}", one_line(&end.task)));
    }

    fn at(&mut self, host: &HostName, text: String) {
        if let Some(at) = self.hosts.get_mut(host) {
            at.text.clone_from(&text);
            at.task = text;
        }
    }

    fn works(&mut self, host: &HostName, what: String) {
        if let Some(at) = self.hosts.get_mut(host) {
            at.text = if at.task.is_empty() { what } else { format!("{}; {what}", at.task) };
        }
    }

    /// The heading: the play, and how many of its hosts are through.
    pub fn heading(&self) -> String {
        let through = self.hosts.values().filter(|at| at.left).count();
        let (play, hosts) = (&self.play, super::line::counted(self.hosts.len(), "host"));
        format!("{play}: {through} of {hosts} through")
    }

    /// The first hosts that are still at work, and what is known of each.
    pub fn at_work(&self, hosts_max: usize) -> Vec<(&HostName, &str)> {
        let working = self.hosts.iter().filter(|(_, at)| !at.left).take(hosts_max);
        working
            .map(|(host, at)| (host, if at.text.is_empty() { "begins" } else { at.text.as_str() }))
            .collect()
    }

    /// How many hosts are at work.
    pub fn hosts_at_work(&self) -> usize {
        self.hosts.values().filter(|at| !at.left).count()
    }
}

/// `3 of 12`, or what is known of it.
fn counted(done: Option<u64>, of: Option<u64>) -> Option<String> {
    match (done, of) {
        (Some(done), Some(of)) => Some(format!("{done} of {of}")),
        (Some(done), None) => Some(done.to_string()),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::human::cases::{end, hosts};
    use super::*;

    fn batch(names: &str) -> Event {
        let play = "Patch".to_owned();
        Event::BatchBegins { play, number: 0, batch: 2, batches: 3, hosts: hosts(names), tasks: 12 }
    }

    #[test]
    fn hosts_at_work_say_where_they_are_and_leave() {
        let mut progress = Progress::default();
        let web2: HostName = "web2".parse().unwrap();
        let message = "Setting up \u{1b}[2J\nlibfoo".to_owned();
        for event in [
            batch("web1 web2 web3"),
            Event::TaskEnds(Box::new(end("web1", 2))),
            Event::Works { host: "web1".parse().unwrap(), questions: 4, changes: 2 },
            Event::Progress { host: web2.clone(), message, done: Some(4), of: Some(30) },
        ] {
            assert!(progress.event(&event));
        }
        let shown: Vec<(&str, &str)> =
            progress.at_work(9).into_iter().map(|(host, text)| (host.as_str(), text)).collect();
        assert_eq!(
            shown,
            [
                ("web1", "task 3 of 12 done: Task 2; 2 changes under way"),
                ("web2", "4 of 30: Setting up ^[[2J↵libfoo"),
                ("web3", "begins")
            ]
        );
        progress.event(&Event::HostLeaves { host: web2, reason: None });
        assert_eq!(progress.heading(), "Patch, batch 2 of 3: 1 of 3 hosts through");
        assert_eq!((progress.hosts_at_work(), progress.at_work(1).len()), (2, 1));
        progress.event(&Event::RunEnds { recap: Default::default(), interrupted: false, seconds: 0.0 });
        assert_eq!(progress.hosts_at_work(), 0);
    }

    #[test]
    fn a_handler_is_no_part_of_the_number_of_tasks() {
        let mut progress = Progress::default();
        progress.event(&batch("web1"));
        progress.event(&Event::TaskEnds(Box::new(end("web1", 12))));
        assert_eq!(progress.at_work(1)[0].1, "task 13 done: Task 12");
    }
}
