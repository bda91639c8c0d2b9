//! Services: the state of one, and which still run on files that were replaced.

mod units;

pub use units::{FailedUnit, FailedUnits, Failures, Unit, Units};

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for the state of one service.
pub struct Service {
    /// Its name, with or without `.service`.
    pub name: String,
    /// Whose it is.
    pub scope: Scope,
}

/// Whose units are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// The host's.
    #[default]
    System,
    /// Those of the user that asks.
    User,
    /// Those that every user gets.
    Global,
}

impl Scope {
    /// The word for scripts; nothing for the host's own.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "",
            Self::User => "user",
            Self::Global => "global",
        }
    }
}

/// Asks which programs still run on files that a package operation has replaced.
pub struct OutdatedPrograms;

/// Asks whether unit files changed after systemd last read them.
pub struct ReloadNeed;

/// Whether systemd should read its unit files again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UnitFiles {
    /// It knows them as they are.
    Current,
    /// This one, or something in this directory, changed since.
    Changed(String),
    /// This systemd doesn't say when it last read them.
    Unknown,
    /// There is no systemd.
    NoSystemd,
}

/// A service as its manager sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServiceState {
    /// Who looks after services on the host.
    pub manager: ServiceManager,
    /// Whether there is such a service.
    pub found: bool,
    /// Whether it may not be started at all.
    pub masked: bool,
    /// systemd's word for its state: `active`, `inactive`, `activating`, `failed` …
    pub active: String,
    /// Whether it starts at boot; none where it has no such setting (`static`, `indirect`).
    pub enabled: Option<bool>,
    /// Whether it ends by itself, so that it is not expected to stay active.
    pub oneshot: bool,
    /// Whether systemd, when it was last told to start it, found a condition of the unit not met and did nothing.
    pub held_back: bool,
    /// What systemd says of it, by property.
    pub properties: Vec<(String, String)>,
}

/// Who looks after services.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ServiceManager {
    /// systemd, running.
    Systemd,
    /// Scripts in `/etc/init.d`.
    InitScripts,
    /// Nobody that is known.
    #[default]
    None,
}

/// Programs that run on replaced files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outdated {
    /// What should be restarted, each once, in the order of names.
    pub programs: Vec<OutdatedProgram>,
    /// Whether programs of other users could be looked at.
    pub sees_all: bool,
}

/// A service, or a program outside of any, that runs on replaced files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutdatedProgram {
    /// The service's name without `.service`; none for a user's session and the like.
    pub service: Option<String>,
    /// The program's name.
    pub program: String,
    /// Its processes, by number.
    pub pids: Vec<u32>,
    /// The replaced files.
    pub files: Vec<String>,
}

impl Question for Service {
    type Answer = ServiceState;
    const SCRIPT: Script = Script { name: "service", text: include_str!("services/service.sh") };

    fn args(&self) -> Argv {
        match self.scope {
            Scope::System => [self.name.clone()].into(),
            scope => [self.name.clone(), scope.word().to_owned()].into(),
        }
    }

    fn reads(&self) -> Subjects {
        let mut reads = vec![Subject::Service(plain_name(&self.name).to_owned()), Subject::Packages];
        if self.scope != Scope::System {
            // A user's own units lie in the home directory.
            reads.extend(["/home", "/root"].map(Subject::path));
        }
        reads.extend(UNIT_PLACES.map(Subject::path));
        Subjects::These(reads)
    }

    fn parse(&self, output: &Output) -> Result<ServiceState, ParseError> {
        let text = output.text();
        let mut lines = text.lines();
        match lines.next() {
            Some("manager systemd") => Ok(systemd_state(lines)),
            Some("manager init") => Ok(init_state(lines)),
            Some("manager none") => Ok(ServiceState::default()),
            _ => Err(ParseError::new("a line 'manager NAME'", output)),
        }
    }
}

impl Question for ReloadNeed {
    type Answer = UnitFiles;
    const SCRIPT: Script =
        Script { name: "systemd_reload_need", text: include_str!("services/reload_need.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        let mut reads = vec![Subject::Service("*".into()), Subject::Packages];
        reads.extend(UNIT_PLACES.map(Subject::path));
        reads.extend(["/etc/fstab", "/etc/crypttab"].map(Subject::path));
        Subjects::These(reads)
    }

    fn parse(&self, output: &Output) -> Result<UnitFiles, ParseError> {
        match output.text().trim() {
            "current" => Ok(UnitFiles::Current),
            "unknown" => Ok(UnitFiles::Unknown),
            "none" => Ok(UnitFiles::NoSystemd),
            text => match text.strip_prefix("changed ") {
                Some(place) => Ok(UnitFiles::Changed(place.to_owned())),
                None => Err(ParseError::new("'current', 'changed PLACE', 'unknown' or 'none'", output)),
            },
        }
    }
}

/// Where unit files lie.
const UNIT_PLACES: [&str; 6] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/etc/init.d",
];

/// A unit's name as subjects know it.
pub fn plain_name(name: &str) -> &str {
    name.strip_suffix(".service").unwrap_or(name)
}

fn systemd_state<'a>(lines: impl Iterator<Item = &'a str>) -> ServiceState {
    let properties: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let property = |name: &str| {
        properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let load = property("LoadState");
    let enabled = match property("UnitFileState") {
        "enabled" | "alias" => Some(true),
        // 'enabled-runtime' is so until the next boot: a generator or somebody made the links in /run.
        "disabled" | "enabled-runtime" | "masked" | "masked-runtime" | "linked" | "linked-runtime" => {
            Some(false)
        }
        // Made from an init script: what counts are the links of the run levels.
        "generated" => Some(property("RunLevelLinks") == "yes"),
        _ => None,
    };
    ServiceState {
        manager: ServiceManager::Systemd,
        found: !matches!(load, "not-found" | ""),
        masked: load == "masked",
        active: property("ActiveState").to_owned(),
        enabled,
        held_back: property("ConditionResult") == "no" && !property("ConditionTimestamp").is_empty(),
        oneshot: property("Type") == "oneshot" && property("RemainAfterExit") != "yes",
        properties,
    }
}

fn init_state<'a>(lines: impl Iterator<Item = &'a str>) -> ServiceState {
    let mut state = ServiceState { manager: ServiceManager::InitScripts, ..ServiceState::default() };
    for line in lines {
        match line {
            "found" => state.found = true,
            "running yes" => state.active = "active".into(),
            "running no" => state.active = "inactive".into(),
            "enabled yes" => state.enabled = Some(true),
            "enabled no" => state.enabled = Some(false),
            _ => {}
        }
    }
    state
}

impl Question for OutdatedPrograms {
    type Answer = Outdated;
    const SCRIPT: Script = Script { name: "outdated_programs", text: include_str!("services/outdated.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages, Subject::Service("*".into()), Subject::Machine].into()
    }

    fn parse(&self, output: &Output) -> Result<Outdated, ParseError> {
        let text = output.text();
        let mut outdated = Outdated::default();
        let mut known: Vec<bool> = Vec::new();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("seen", who)) => outdated.sees_all = who == "all",
                Some(("process", process)) => {
                    let (process, group) = process.split_once('|').unwrap_or((process, ""));
                    let (pid, name) = process.split_once(' ').unwrap_or((process, ""));
                    known.push(!in_container(group));
                    let service = service_of(group).map(str::to_owned);
                    outdated.programs.push(OutdatedProgram {
                        service,
                        program: name.into(),
                        pids: pid.parse().into_iter().collect(),
                        files: Vec::new(),
                    });
                }
                Some(("file", file)) => match outdated.programs.last_mut() {
                    Some(program) => program.files.push(file.to_owned()),
                    None => return Err(ParseError::new("'process' before 'file'", output)),
                },
                _ => return Err(ParseError::new("lines 'seen', 'process', 'file'", output)),
            }
        }
        let mut here = known.into_iter();
        outdated.programs.retain(|_| here.next().unwrap_or(true));
        outdated.programs = merged(outdated.programs);
        Ok(outdated)
    }
}

/// The service that a control group belongs to: the innermost part of the path that is one.
fn service_of(group: &str) -> Option<&str> {
    // Below a user's slice are that user's own services, and a systemd of that user's own.
    if group.contains("/user.slice/") || group.starts_with("/user.slice") {
        return None;
    }
    if group.ends_with("/init.scope") {
        return Some("systemd");
    }
    group.rsplit('/').find_map(|part| part.strip_suffix(".service"))
}

/// Whether a control group is a container's: its files are not this host's.
fn in_container(group: &str) -> bool {
    let marks = ["docker", "libpod", "lxc", "kubepods", "machine.slice", "payload", "containerd", "crio"];
    group
        .split('/')
        .any(|part| marks.iter().any(|mark| part == *mark || part.starts_with(&format!("{mark}-"))))
}

fn merged(programs: Vec<OutdatedProgram>) -> Vec<OutdatedProgram> {
    let mut merged: Vec<OutdatedProgram> = Vec::new();
    for program in programs {
        let same = |m: &&mut OutdatedProgram| match &program.service {
            Some(service) => m.service.as_ref() == Some(service),
            None => m.service.is_none() && m.program == program.program,
        };
        match merged.iter_mut().find(same) {
            Some(known) => {
                known.files.extend(program.files);
                known.pids.extend(program.pids);
            }
            None => merged.push(program),
        }
    }
    for program in &mut merged {
        program.files.sort();
        program.files.dedup();
    }
    merged.sort_by(|a, b| (&a.service, &a.program).cmp(&(&b.service, &b.program)));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outdated(text: &str) -> Outdated {
        OutdatedPrograms.parse(&Output::ok(text)).unwrap()
    }

    #[test]
    fn processes_of_one_service_are_one_and_containers_are_none_of_ours() {
        let answer = outdated(
            "seen all\nprocess 32 svcd|/system.slice/svcd.service\nfile /usr/lib/libfoo.so.1\n\
             process 33 svcd|/system.slice/svcd.service\nfile /usr/lib/libfoo.so.1\nfile /usr/sbin/svcd\n\
             process 40 bash|/user.slice/user-1000.slice/session-3.scope\nfile /usr/lib/libc.so.6\n\
             process 50 nginx|/system.slice/docker-0a1b.scope\nfile /usr/sbin/nginx\n\
             process 1 systemd|/init.scope\nfile /usr/lib/systemd/libsystemd-shared.so\n",
        );
        let seen: Vec<_> =
            answer.programs.iter().map(|p| (p.service.as_deref(), &*p.program, p.files.len())).collect();
        assert_eq!(seen, [(None, "bash", 1), (Some("svcd"), "svcd", 2), (Some("systemd"), "systemd", 1)]);
        assert!(answer.sees_all);
    }

    #[test]
    fn an_account_that_sees_only_its_own_programs_says_so() {
        assert!(!outdated("seen own\n").sees_all);
    }

    #[test]
    fn systemds_words_become_states() {
        let service = || Service { name: "x".into(), scope: Scope::System };
        let parse = |text: &str| service().parse(&Output::ok(text)).unwrap();
        let running = parse("manager systemd\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n");
        assert!(running.found && running.enabled == Some(true) && running.active == "active");
        assert!(!parse("manager systemd\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n").found);
        let masked = parse("manager systemd\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\n");
        assert!(masked.found && masked.masked);
        assert_eq!(parse("manager none\n"), ServiceState::default());
        assert!(service().parse(&Output::ok("?")).is_err());
    }
}
