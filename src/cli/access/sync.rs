//! `wgops access plan` and `sync`: shows who would gain and lose what on each host, and makes it so after a confirmation. It is
//! a run of a playbook like any other, with an intent and an outcome, and only its summary is its own.

use super::super::args::{Cause, Privilege, Reach, Shape, Targets};
use super::super::engine::Engine;
use super::super::errand::{Choice, Errand};
use super::super::job::Job;
use super::super::repository::{Repository, built_in_playbook};
use super::super::show::Show;
use super::super::{Console, Exit, Failure, ask};
use super::people::{hosts, operating_keys, owner, shadow_keys};
use crate::event::{Compared, Event, Mode, Status};
use crate::ledger::{History, Kind, Record, Vouched};
use crate::load;
use crate::model::{HostName, Map, Value};
use crate::people::{Key, PeopleError, Roster, Verb};
use crate::questions::gate;
use crate::report::{Subject, one_line};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The task that writes the shadow account's keys, and the file.
const SHADOWS_KEYS: &str = "The shadow account's keys";
const SHADOWS_FILE: &str = "/usr/local/lib/wgops/shadow/.ssh/authorized_keys";

/// What is run. No copy in an ops repository is looked for.
pub const PLAYBOOK: &str = include_str!("../../../playbooks/access.yml");

/// Show who would gain and lose access on each host, and which files would change
#[derive(Args)]
pub struct Plan {
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    privilege: Privilege,
    #[command(flatten)]
    shape: Shape,
}

/// Make access on the servers what the roster says, asking first
///
/// Shows what changes, asks for the number of hosts, and begins with one. On each host a second login is tried before the
/// first one ends; where it fails, keys and sshd's settings are put back. sudoers and sshd's files are checked before they
/// take effect.
#[derive(Args)]
pub struct Sync {
    /// Dry run: say what would happen, change nothing
    #[arg(short = 'C', long)]
    check: bool,
    /// Don't ask for a confirmation
    #[arg(short, long)]
    yes: bool,
    /// That wgops.yml names another CA than before is right: its fingerprint, as whoever runs it says
    #[arg(long, value_name = "SHA256:…")]
    new_ca: Option<String>,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    reach: Reach,
    #[command(flatten)]
    privilege: Privilege,
    #[command(flatten)]
    cause: Cause,
    #[command(flatten)]
    shape: Shape,
}

impl Plan {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let Self { targets, reach, privilege, shape } = self;
        let cause = Cause { reason: None, ticket: None, allow_dirty: true, break_glass: None };
        let sync = Sync { check: true, yes: false, new_ca: None, targets, reach, privilege, cause, shape };
        sync.run(console, "plan")
    }
}

impl Sync {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        self.run(console, "--check")
    }

    fn run(self, console: &Console, dry: &'static str) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let access = settings(&repository)?;
        let (yes, check, format) = (self.yes, self.check, self.shape.format);
        let who = super::super::who::Who::find(console, &repository)?;
        let Some(roster) = who.roster.clone() else {
            return Err(Failure::usage("there is no roster, so nobody's access follows from one").hint(
                "the README.md that 'wgops init' writes shows one: write it, then 'wgops operators sign'",
            ));
        };
        let today = jiff::Zoned::now().date();
        let new_ca = self.new_ca.clone();
        let mut errand = self.errand(check.then_some(dry))?;
        errand.choice.extra = variables(&access, &roster, today)?;
        let ca = ca_of(&errand.choice.extra);
        let job = Job::open_for(console, errand, repository, who)?;
        if job.mode == Mode::Real {
            stays(&job, &roster, today)?;
        }
        if let Some(ca) = &ca {
            let told = format!("{} certifies who may log in as {}, too.\n", noted(ca), access.account);
            console.tell(&told);
            if job.mode == Mode::Real && new_ca.as_ref() != Some(ca) {
                was_synced(job.repository().needed()?, &roster, ca)?;
            }
        }
        let ours = hosts(&access, job.inventory());
        let job = job.only_on(ours);
        let asks = job.mode == Mode::Real && !yes;
        if asks {
            ask::somebody_is_there(console)?;
        }
        let prepared = job.prepare(&Map::new())?;
        let mut engine = job.engine(&prepared)?;
        let record = Record::read(job.repository().needed()?)?;
        let mut gains = Gains::new(&roster, History::of(&record, &roster), today);
        let done = match asks.then(|| confirmed(console, &job, &mut engine, &mut gains)) {
            Some(Ok(Some(exit))) => Ok(exit),
            Some(Err(failure)) => Err(failure),
            Some(Ok(None)) | None => {
                gains.files.clear();
                let show = Show::new(console, Subject::Run, format);
                let mut hear = |event: &Event| gains.event(event);
                let ended = job.carry_out_as(&mut engine, &prepared, show, Map::new(), &mut hear);
                console.tell(&gains.told(job.mode == Mode::Real));
                ended.map(|ended| ended.exit)
            }
        };
        engine.close();
        done
    }

    fn errand(self, dry: Option<&'static str>) -> Result<Errand, Failure> {
        Ok(Errand {
            verb: Verb::Access,
            targets: self.targets,
            reach: self.reach,
            playbooks: vec![built_in_playbook("playbooks/access.yml", PLAYBOOK)?],
            privilege: Some(self.privilege),
            cause: Some(self.cause),
            dry,
            choice: Choice { show_diff: true, ..Choice::default() },
        })
    }
}

/// Shows what would happen, and asks for the number of hosts. An exit code: that is all.
fn confirmed(
    console: &Console,
    job: &Job<'_>,
    engine: &mut Engine<'_>,
    gains: &mut Gains<'_>,
) -> Result<Option<Exit>, Failure> {
    let prepared = job.prepare_preview()?;
    let (mut show, mut hosts) = (Show::preview(console, Subject::Run), 0);
    let mut listen = |event: &Event| {
        gains.event(event);
        show.event(event);
        if let Event::RunEnds { recap, .. } = event {
            hosts = recap.values().filter(|counts| counts.changed + counts.unknown > 0).count();
        }
    };
    listen(&job.begins(&Mode::Dry { why: "this is what would happen".into() }, &prepared.hosts));
    job.opening(&prepared).iter().for_each(&mut listen);
    engine.run(&prepared.order, &mut listen);
    let exit = show.finish()?;
    console.tell(&gains.told(false));
    if exit == Exit::Interrupted {
        return Ok(Some(exit));
    }
    if hosts == 0 {
        console.tell("\nNothing to do.\n");
        return Ok(Some(exit));
    }
    if ask::number_of_hosts(console, engine, hosts)? {
        return Ok(None);
    }
    console.tell("Stopped; nothing was changed.\n");
    Ok(Some(exit))
}

/// What `wgops.yml` says under `access`.
///
/// # Errors
/// Nothing.
pub fn settings(repository: &Repository) -> Result<load::Access, Failure> {
    repository.settings().access.ok_or_else(|| {
        Failure::usage("wgops.yml has no 'access', so the accounts on the servers are not wgops' business")
            .hint("say there which account operators log in to:\n  access:\n    account: ops")
    })
}

/// The fingerprint of the CA among what the playbook is told.
pub fn ca_of(variables: &Map) -> Option<String> {
    let text = variables.get("access_ca").and_then(Value::as_str).filter(|text| !text.is_empty())?;
    text.parse::<Key>().ok().map(|key| key.fingerprint())
}

/// A CA as the ledger notes it.
pub fn noted(ca: &str) -> String {
    format!("the CA {ca}")
}

/// Whoever has a CA's key lets in whom they like, and wgops.yml is signed by nobody: what no sync had before is compared first.
fn was_synced(root: &Path, roster: &Roster, ca: &str) -> Result<(), Failure> {
    let record = Record::read(root)?;
    let before = record.vouched(roster, Kind::Intent);
    let had = |entry: &Vouched<'_>| {
        entry.public.verb == Some(Verb::Access) && entry.details.note.as_deref() == Some(noted(ca).as_str())
    };
    if before.iter().any(had) {
        return Ok(());
    }
    let message =
        format!("{} was in no sync before: whoever has its key would log in as they like", noted(ca));
    Err(Failure::new(Exit::Refused, message).hint(format!(
        "compare its fingerprint with whoever runs it, then add --new-ca {ca}; if it is news to them, find out who changed wgops.yml"
    )))
}

/// Whoever changes keys keeps their own.
fn stays(job: &Job<'_>, roster: &Roster, today: Date) -> Result<(), Failure> {
    let Some(proven) = job.who().identity.proven() else { return Ok(()) };
    let mine = roster.person(&proven.operator).map(|person| person.keys.as_slice()).unwrap_or_default();
    let kept = operating_keys(roster, today);
    if mine.iter().any(|key| kept.contains(key.text())) {
        return Ok(());
    }
    let message = "your own keys are not among those that would let in, so this would lock you out";
    Err(Failure::new(Exit::Refused, message))
}

/// What the playbook is told.
fn variables(access: &load::Access, roster: &Roster, today: Date) -> Result<Map, Failure> {
    let keys = operating_keys(roster, today);
    if keys.is_empty() {
        return Err(Failure::new(
            Exit::Refused,
            "nobody in the roster is cleared today: nobody could log in",
        ));
    }
    let ca = match &access.ca {
        None => String::new(),
        Some(line) => line.parse::<Key>().map_err(PeopleError::from)?.text().to_owned(),
    };
    let principals = Value::Object(Map::from_iter([
        (access.account.clone(), super::issue::OPERATING.into()),
        (access.shadow.clone(), super::issue::SHADOW.into()),
    ]));
    let all: [(&str, Value); 10] = [
        ("access_roster", format!("{} {}", roster.version, roster.digest).into()),
        ("access_account", access.account.clone().into()),
        ("access_keys", keys.into()),
        ("access_keep", access.keeps_other_keys.into()),
        ("access_sudo", (access.sudo && access.account != "root").into()),
        ("access_shadow", access.shadow.clone().into()),
        ("access_shadow_keys", shadow_keys(roster, today).into()),
        // A shell's program may look like a template.
        ("access_gate", STANDARD.encode(gate::program()).into()),
        ("access_ca", ca.into()),
        ("access_principals", principals),
    ];
    Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Who gains and who loses what, from what changes in files of keys.
struct Gains<'a> {
    roster: &'a Roster,
    history: History,
    /// What the shadow account's file will hold.
    shadows: String,
    /// Files before the first change and after the last one; a host that gets all of it back gains nothing.
    files: BTreeMap<(HostName, String), (String, String)>,
}

impl<'a> Gains<'a> {
    fn new(roster: &'a Roster, history: History, today: Date) -> Self {
        Self { roster, history, shadows: shadow_keys(roster, today), files: BTreeMap::new() }
    }

    fn event(&mut self, event: &Event) {
        let Event::TaskEnds(end) = event else { return };
        for diff in end.changes.iter().filter_map(|change| change.diff.as_ref()) {
            self.file(&end.host, &diff.header, &diff.before, &diff.after);
        }
        // Where its directory is yet to be made, a dry run has nothing to compare.
        let is_new = end.changes.is_empty() && matches!(end.status, Status::Provisional { .. });
        if is_new && end.task == SHADOWS_KEYS {
            let shadows = self.shadows.clone();
            self.file(&end.host, SHADOWS_FILE, "", &shadows);
        }
    }

    fn file(&mut self, host: &HostName, header: &str, before: &str, after: &str) {
        if !header.ends_with("/authorized_keys") && !header.ends_with("/authorized_keys2") {
            return;
        }
        let first = || (before.to_owned(), String::new());
        let known = self.files.entry((host.clone(), header.to_owned())).or_insert_with(first);
        known.1 = after.to_owned();
    }

    fn told(&self, done: bool) -> String {
        let mut hosts: BTreeMap<&HostName, Vec<String>> = BTreeMap::new();
        for ((host, header), (before, after)) in &self.files {
            let diff = Compared { header: header.clone(), before: before.clone(), after: after.clone() };
            let lines = compared(self.roster, &self.history, &diff);
            if !lines.is_empty() {
                hosts.entry(host).or_default().extend(lines);
            }
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
        text
    }
}

/// The keys of a file that come and go, by whose they are.
fn compared(roster: &Roster, history: &History, diff: &Compared) -> Vec<String> {
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
        let owner = owner(roster, history, blob);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::testing::{key, roster};

    fn history() -> History {
        let none = tempfile::tempdir().unwrap();
        History::of(&Record::read(none.path()).unwrap(), &roster())
    }

    #[test]
    fn who_gains_and_loses_is_told_by_name_and_a_stranger_s_key_by_its_comment() {
        let diff = Compared {
            header: "/home/ops/.ssh/authorized_keys".into(),
            before: format!("# old\nssh-rsa AAAAold bob@laptop\n{} alice\n", key(1).text()),
            after: format!("{} alice (lead)\n{} oscar (operator)\n", key(1).text(), key(2).text()),
        };
        let lines = compared(&roster(), &history(), &diff);
        let file = "in /home/ops/.ssh/authorized_keys";
        assert_eq!(
            lines,
            [format!("- nobody in the roster, 'bob@laptop'  {file}"), format!("+ oscar (operator)  {file}")]
        );
    }

    #[test]
    fn the_playbook_is_sound_and_its_variables_are_all_given() {
        let playbook = built_in_playbook("playbooks/access.yml", PLAYBOOK).unwrap();
        assert_eq!(playbook.plays.len(), 1);
        let access = load::Access {
            account: "ops".into(),
            shadow: "wgops-shadow".into(),
            hosts: None,
            keeps_other_keys: false,
            sudo: false,
            ca: None,
        };
        let day = jiff::civil::date(2026, 6, 1);
        let given = variables(&access, &roster(), day).unwrap();
        for name in
            given.keys().map(String::as_str).chain([SHADOWS_KEYS, "{{ home }}/shadow/.ssh/authorized_keys"])
        {
            assert!(PLAYBOOK.contains(name), "{name}");
        }
        assert!(
            SHADOWS_FILE.starts_with("/usr/local/lib/wgops/shadow")
                && PLAYBOOK.contains("home: /usr/local/lib/wgops")
        );
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
