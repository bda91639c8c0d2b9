//! Who is changing a host: what the lock of a run under way says, and what runs left going on there, apart from any
//! connection. Asked beside other questions by those who only look; who changes a host takes the lock, and asks with it
//! (see `crate::execute`).

use crate::model::Script;
use std::fmt;

/// Says who is changing the host. It has no arguments.
pub const PEEK: Script = Script {
    name: "who_changes_it",
    text: concat!(include_str!("held/holders.sh"), include_str!("held/peek.sh")),
};

/// A run that has, or had, something on a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// The run, as the host says it.
    pub run: String,
    /// Who it is.
    pub by: String,
    /// When it began, in seconds since 1970 by the host's clock; 0 where nobody knows.
    pub since: i64,
    /// When it ends at the latest, likewise.
    pub until: i64,
    /// What the host's clock says.
    pub now: i64,
}

/// A change that a run left on a host, apart from any connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Left {
    /// Its directory: the run and a number.
    pub name: String,
    /// The run.
    pub holder: Holder,
    /// What it does.
    pub summary: String,
    /// How far it is.
    pub stage: Stage,
}

/// How far a change is that was left on a host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It goes on.
    Going,
    /// It ended, and its result waits.
    Ended,
    /// It neither goes on nor ended: a kill or a power loss.
    Cut,
}

/// What is known of other runs on a host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Others {
    /// Who has the lock, or is about to.
    pub holders: Vec<Holder>,
    /// Whose lock was left behind: its shell is gone, or its time was over.
    pub dead: Vec<Holder>,
    /// What they left.
    pub left: Vec<Left>,
}

impl Others {
    /// Reads what the scripts print; a line that makes no sense is left out.
    pub fn parse(text: &str) -> Self {
        let mut others = Self::default();
        for line in text.lines() {
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            if kind == "doing" {
                if let Some(left) = others.left.last_mut() {
                    rest.clone_into(&mut left.summary);
                }
                continue;
            }
            let Some((name, holder)) = holder(rest) else { continue };
            let mut leave = |stage| {
                let run = name.rsplit_once('-').map_or(name, |(run, _)| run).to_owned();
                let holder = Holder { run, ..holder.clone() };
                let left = Left { name: name.to_owned(), holder, summary: String::new(), stage };
                others.left.push(left);
            };
            match kind {
                "held" | "claim" => others.holders.push(holder),
                "dead" => others.dead.push(holder),
                "going" => leave(Stage::Going),
                "ended" => leave(Stage::Ended),
                "cut" => leave(Stage::Cut),
                _ => {}
            }
        }
        others
    }

    /// Changes in this stage.
    pub fn in_stage(&self, stage: Stage) -> impl Iterator<Item = &Left> {
        self.left.iter().filter(move |left| left.stage == stage)
    }

    /// One sentence on who is changing the host now, if anybody is.
    pub fn who_now(&self) -> Option<String> {
        if let Some(holder) = self.holders.first() {
            return Some(format!("is being changed by {holder}"));
        }
        let left = self.in_stage(Stage::Going).next()?;
        Some(format!("is being changed: {left} still goes on there, though nobody waits for it"))
    }
}

fn holder(rest: &str) -> Option<(&str, Holder)> {
    let mut words = rest.splitn(5, ' ');
    let name = words.next().filter(|name| !name.is_empty())?;
    let mut number = || words.next()?.parse().ok();
    let (since, until, now) = (number()?, number()?, number()?);
    let by = words.next().filter(|by| !by.is_empty()).unwrap_or("somebody").to_owned();
    let run = name.split_once('.').map_or(name, |(run, _)| run).to_owned();
    Some((name, Holder { run, by, since, until, now }))
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (run {})", self.by, self.run)?;
        if self.since > 0 {
            let ago = span(self.now.saturating_sub(self.since));
            write!(f, " since {}, {ago} ago", moment(self.since, self.now))?;
        }
        if self.until > self.now {
            write!(f, ", until {} at the latest", moment(self.until, self.now))?;
        }
        Ok(())
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = if self.summary.is_empty() { "a change" } else { &self.summary };
        write!(f, "'{summary}' by {}", self.holder)
    }
}

/// A time of day, with its date where that is another than now.
fn moment(seconds: i64, now: i64) -> String {
    let (Ok(then), Ok(now)) = (jiff::Timestamp::from_second(seconds), jiff::Timestamp::from_second(now))
    else {
        return format!("second {seconds}");
    };
    let date = |moment: jiff::Timestamp| moment.strftime("%Y-%m-%d").to_string();
    let time = then.strftime("%H:%M UTC");
    if date(then) == date(now) { time.to_string() } else { format!("{} {time}", date(then)) }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{} s", seconds.max(0)),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
