//! `wgops access plan` and `sync`: shows who would gain and lose what on each host, and makes it so after a confirmation. It is
//! a run of a playbook like any other, with an intent and an outcome, and only its summary is its own.

use super::super::args::{Cause, Privilege, Reach, Shape, Targets};
use super::super::bound::inventory_source;
use super::super::engine::Engine;
use super::super::errand::{Choice, Errand};
use super::super::job::Job;
use super::super::repository::{Repository, built_in_playbook};
use super::super::show::Show;
use super::super::{Console, Exit, Failure, ask};
use super::gains::Gains;
use super::people::{Account, gone_keys, hosts, operating_keys, revoked_keys, shadow_keys};
use crate::event::{Event, Mode};
use crate::execute::Prepared;
use crate::ledger::{History, Kind, Record, Vouched};
use crate::load;
use crate::model::{HostName, Map, Value};
use crate::people::{Key, PeopleError, Roster, Verb};
use crate::questions::gate;
use crate::report::Subject;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use jiff::civil::Date;
use std::collections::BTreeSet;

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
        is_signed(console, &access, &roster)?;
        let today = jiff::Zoned::now().date();
        let new_ca = self.new_ca.clone();
        let mut errand = self.errand(check.then_some(dry))?;
        let record = Record::read(repository.needed()?, roster.origin)?;
        errand.choice.extra = variables(&access, &roster, &History::of(&record, &roster), today)?;
        let ca = ca_of(&errand.choice.extra);
        let job = Job::open_for(console, errand, repository, who)?;
        if job.mode == Mode::Real {
            stays(&job, &roster, today)?;
        }
        if let Some(ca) = &ca {
            let told = format!("{} certifies who may log in as {}, too.\n", noted(ca), access.account);
            console.tell(&told);
        }
        if let Some(ca) = ca.filter(|ca| job.mode == Mode::Real && new_ca.as_ref() != Some(ca)) {
            was_synced(&job, &roster, &ca)?;
        }
        let ours = hosts(&access, job.inventory());
        let job = job.only_on(ours);
        // What is looked at before the first change does nothing for which somebody has to be asked.
        let real = job.mode == Mode::Real;
        let mut first = if real { job.prepare_preview()? } else { job.prepare(&Map::new())? };
        first.look_at_all();
        if real && !yes {
            ask::somebody_is_there(console)?;
        }
        let mut engine = job.engine(&first)?;
        let mut gains = Gains::new(&roster, History::of(&record, &roster), today);
        let looked = match (real, yes) {
            (true, false) => confirmed(console, &job, (&first, &mut engine), &mut gains),
            (true, true) => looked_at(console, (&first, &mut engine), &mut gains),
            (false, _) => Ok(Looked::GoOn(Exit::Well)),
        };
        let looked = noted_where_it_ends(&job, &first.hosts, looked);
        let done = match looked {
            Ok(Looked::Enough(exit)) => Ok(exit),
            Err(failure) => Err(failure),
            Ok(Looked::GoOn(looked)) => {
                let prepared = what_follows(&job, first, &gains)?;
                gains.begin();
                let show = Show::new(console, Subject::Access, format);
                let mut hear = |event: &Event| gains.event(event);
                let ended = job.carry_out_as(&mut engine, &prepared, show, Map::new(), &mut hear);
                console.tell(&gains.told(job.mode == Mode::Real));
                let refused = if gains.refused.is_empty() { Exit::Well } else { Exit::Refused };
                ended.map(|ended| ended.exit.worst(looked).worst(refused))
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

/// What came of the first look. A host that could not be reached, or on which it can't be done as it is, keeps no other host
/// waiting: whoever left would stay on all of them.
enum Looked {
    /// That is all: nothing is to be done, or nobody wants it, or no host is there for it.
    Enough(Exit),
    /// It goes on with the hosts on which the look came to its end; the code is of the others.
    GoOn(Exit),
}

/// What is carried out behind a look: on the hosts on which that came to its end.
fn what_follows(job: &Job<'_>, first: Prepared, gains: &Gains<'_>) -> Result<Prepared, Failure> {
    if job.mode != Mode::Real {
        return Ok(first);
    }
    let mut prepared = job.prepare(&Map::new())?;
    prepared.keep_only(&gains.reached(&first.hosts));
    Ok(prepared)
}

/// What came of the first look; where that is all, the ledger says who looked.
fn noted_where_it_ends(
    job: &Job<'_>,
    hosts: &[HostName],
    looked: Result<Looked, Failure>,
) -> Result<Looked, Failure> {
    if !matches!(looked, Ok(Looked::GoOn(_))) {
        job.looked_only(hosts);
    }
    looked
}

/// Makes sure that no host refuses it, before the first one is changed.
fn looked_at(
    console: &Console,
    (first, engine): (&Prepared, &mut Engine<'_>),
    gains: &mut Gains<'_>,
) -> Result<Looked, Failure> {
    let (mut stopped, mut exit) = (false, Exit::Well);
    engine.run(&first.order, &mut |event: &Event| {
        gains.event(event);
        if let Event::RunEnds { interrupted, recap, .. } = event {
            stopped = *interrupted;
            for counts in recap.values() {
                exit = exit.worst(match (counts.failed, counts.unreachable) {
                    (0, 0) => Exit::Well,
                    (0, _) => Exit::Unreachable,
                    _ => Exit::Failed,
                });
            }
        }
    });
    if let Some((host, why)) = gains.refused.first() {
        return Err(Failure::new(Exit::Refused, format!("{host}: {why}")));
    }
    if stopped {
        return Ok(Looked::Enough(Exit::Interrupted));
    }
    if gains.reached(&first.hosts).is_empty() {
        console.tell(&gains.told(false));
        return Ok(Looked::Enough(exit));
    }
    Ok(Looked::GoOn(exit))
}

/// Shows what would happen, and asks for the number of hosts.
fn confirmed(
    console: &Console,
    job: &Job<'_>,
    (first, engine): (&Prepared, &mut Engine<'_>),
    gains: &mut Gains<'_>,
) -> Result<Looked, Failure> {
    let mut show = Show::preview(console, Subject::Access);
    let mut changing = BTreeSet::new();
    let mut listen = |event: &Event| {
        gains.event(event);
        show.event(event);
        if let Event::RunEnds { recap, .. } = event {
            let all = recap.iter().filter(|(_, counts)| counts.changed + counts.unknown > 0);
            changing = all.map(|(host, _)| host.clone()).collect();
        }
    };
    listen(&job.begins(&Mode::Dry { why: "this is what would happen".into() }, &first.hosts));
    job.opening(first).iter().for_each(&mut listen);
    engine.run(&first.order, &mut listen);
    let exit = show.finish()?;
    console.tell(&gains.told(false));
    if exit == Exit::Interrupted {
        return Ok(Looked::Enough(exit));
    }
    if !gains.refused.is_empty() {
        return Ok(Looked::Enough(exit.worst(Exit::Refused)));
    }
    let hosts = gains.reached(&first.hosts).intersection(&changing).count();
    if hosts == 0 {
        console.tell("\nNothing to do.\n");
        return Ok(Looked::Enough(exit));
    }
    if ask::number_of_hosts(console, engine, hosts)? {
        return Ok(Looked::GoOn(exit));
    }
    console.tell("Stopped; nothing was changed.\n");
    Ok(Looked::Enough(exit))
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

/// Makes sure that what `wgops.yml` says of access is what the leads signed with the roster: whoever can push can change it.
///
/// # Errors
/// It is something else.
pub fn is_signed(console: &Console, access: &load::Access, roster: &Roster) -> Result<(), Failure> {
    match roster.access {
        Some(signed) if signed == access.digest() => Ok(()),
        Some(_) => Err(Failure::new(
            Exit::Refused,
            format!("'access' in wgops.yml is not what version {} of the roster signed", roster.version),
        )
        .hint(
            "'git log -p wgops.yml' says who changed it; if it is right, a lead types 'wgops operators sign'",
        )),
        None => {
            console.tell(
                "'access' in wgops.yml is signed by nobody yet: a lead binds it to the roster with 'wgops operators sign'.\n",
            );
            Ok(())
        }
    }
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

/// Whoever has a CA's key lets in whom they like, and wgops.yml is signed by nobody: what the last sync of the inventory did
/// not have is compared first.
fn was_synced(job: &Job<'_>, roster: &Roster, ca: &str) -> Result<(), Failure> {
    let record = Record::read(job.repository().needed()?, roster.origin)?;
    let inventory = inventory_source(job.repository(), job.targets())?.map(|source| source.path);
    let is_one = |entry: &Vouched<'_>| {
        let of = entry.details.inventory.as_ref().map(|source| &source.path);
        entry.public.verb == Some(Verb::Access) && of == inventory.as_ref()
    };
    let all = record.vouched(roster, Kind::Intent).into_iter().filter(is_one);
    let last = all.max_by_key(|entry| (entry.public.time, entry.public.run));
    if last.is_some_and(|entry| entry.details.note.as_deref() == Some(noted(ca).as_str())) {
        return Ok(());
    }
    let message = format!(
        "{} was not in the last sync of these hosts: whoever has its key would log in as they like",
        noted(ca)
    );
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
fn variables(access: &load::Access, roster: &Roster, history: &History, today: Date) -> Result<Map, Failure> {
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
    let revoked = Value::Object(Map::from_iter([
        (access.account.clone(), revoked_keys(roster, history, today, Account::Operating).into()),
        (access.shadow.clone(), revoked_keys(roster, history, today, Account::Shadow).into()),
    ]));
    let all: [(&str, Value); 12] = [
        ("access_roster", format!("{} {}", roster.version, roster.digest).into()),
        ("access_account", access.account.clone().into()),
        ("access_keys", keys.into()),
        ("access_gone", gone_keys(roster, today).into()),
        ("access_keep", access.keeps_other_keys.into()),
        ("access_sudo", (access.sudo && access.account != "root").into()),
        ("access_shadow", access.shadow.clone().into()),
        ("access_shadow_keys", shadow_keys(roster, today).into()),
        // A shell's program may look like a template.
        ("access_gate", STANDARD.encode(gate::program()).into()),
        ("access_ca", ca.into()),
        ("access_principals", principals),
        ("access_revoked", revoked),
    ];
    Ok(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::access::gains::{CA_FILE, REFUSALS, SHADOWS_BEFORE, SHADOWS_FILE, SHADOWS_KEYS};
    use crate::people::testing::roster;

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
        let none = tempfile::tempdir().unwrap();
        let history = History::of(&Record::read(none.path(), None).unwrap(), &roster());
        let given = variables(&access, &roster(), &history, day).unwrap();
        let names = [SHADOWS_KEYS, SHADOWS_BEFORE, CA_FILE, "{{ home }}/shadow/.ssh/authorized_keys"]
            .into_iter()
            .chain(REFUSALS);
        for name in given.keys().map(String::as_str).chain(names) {
            assert!(PLAYBOOK.contains(name), "{name}");
        }
        assert!(
            SHADOWS_FILE.starts_with("/usr/local/lib/wgops/shadow")
                && PLAYBOOK.contains("home: /usr/local/lib/wgops")
        );
    }
}
