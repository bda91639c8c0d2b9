//! systemd's units: several at once, and those that failed. Which of them to restart, and whether a failure is news, is
//! decided in `crate::modules`.

use super::UNIT_PLACES;
use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Cost, Output, ParseError, Question};
use std::time::Duration;

/// Asks for the state of several units at once. `None` where there is no systemd.
pub struct Units {
    /// Their whole names: `ssh.service`.
    pub names: Vec<String>,
}

/// Asks which units have failed. `None` where there is no systemd.
pub struct FailedUnits {
    /// For how long to wait where the system is still starting, or units have yet to start.
    pub settle: Duration,
}

/// Units that failed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Failures {
    /// systemd's word for the system: `running`, `degraded`, `starting` …
    pub system: String,
    /// Each of them, in the order of names.
    pub units: Vec<FailedUnit>,
}

/// A unit that failed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FailedUnit {
    /// Its whole name.
    pub name: String,
    /// systemd's word: `failed`, or `auto-restart` where it is started again and again.
    pub state: String,
    /// The last lines of its journal, where this account may read it.
    pub log: Vec<String>,
}

/// A unit as systemd sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unit {
    /// Its whole name.
    pub name: String,
    /// `loaded`, `not-found`, `masked` …
    pub load: String,
    /// `active`, `inactive`, `failed` …
    pub active: String,
    /// `simple`, `notify`, `oneshot` …
    pub kind: String,
    /// Which of its processes a stop ends: `control-group`, `process`, `none` …
    pub kill_mode: String,
    /// Its main process; 0 where it has none.
    pub main_pid: u32,
    /// It was made by a command and has no file: once stopped it is gone.
    pub transient: bool,
    /// systemd refuses to restart it when somebody asks.
    pub refuses: bool,
}

impl Question for Units {
    type Answer = Option<Vec<Unit>>;
    const SCRIPT: Script = Script { name: "units", text: include_str!("units.sh") };

    fn args(&self) -> Argv {
        self.names.clone().into()
    }

    fn reads(&self) -> Subjects {
        let mut reads = vec![Subject::Service("*".into()), Subject::Packages, Subject::Machine];
        reads.extend(UNIT_PLACES.map(Subject::path));
        Subjects::These(reads)
    }

    fn parse(&self, output: &Output) -> Result<Option<Vec<Unit>>, ParseError> {
        let text = output.text();
        match text.split_once('\n').unwrap_or((&text, "")) {
            ("none", _) => Ok(None),
            ("systemd", rest) => Ok(Some(rest.split("\n\n").filter_map(unit).collect())),
            _ => Err(ParseError::new("a line 'systemd' or 'none'", output)),
        }
    }
}

/// Reads what `systemctl show` says of one unit; nothing where it has no name.
fn unit(block: &str) -> Option<Unit> {
    let mut unit = Unit::default();
    for (key, value) in block.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "Id" => unit.name = value.into(),
            "LoadState" => unit.load = value.into(),
            "ActiveState" => unit.active = value.into(),
            "Type" => unit.kind = value.into(),
            "KillMode" => unit.kill_mode = value.into(),
            "MainPID" => unit.main_pid = value.parse().unwrap_or(0),
            "Transient" => unit.transient = value == "yes",
            "RefuseManualStart" | "RefuseManualStop" => unit.refuses |= value == "yes",
            _ => {}
        }
    }
    (!unit.name.is_empty()).then_some(unit)
}

impl Question for FailedUnits {
    type Answer = Option<Failures>;
    const SCRIPT: Script = Script { name: "failed_units", text: include_str!("failed.sh") };

    fn args(&self) -> Argv {
        [self.settle.as_secs().to_string()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::Service("*".into()), Subject::Packages, Subject::Machine].into()
    }

    fn cost(&self) -> Cost {
        match self.settle {
            Duration::ZERO => Cost::Cheap,
            settle => Cost::Costly { deadline: settle + Cost::CHEAP_DEADLINE },
        }
    }

    fn parse(&self, output: &Output) -> Result<Option<Failures>, ParseError> {
        let text = output.text();
        let mut failures = Failures::default();
        for line in text.lines() {
            match line.split_once(' ') {
                None if line == "none" => return Ok(None),
                None if line == "system" || line == "log" => {}
                Some(("system", state)) => failures.system = state.into(),
                Some(("unit", unit)) => {
                    let (name, state) = unit.split_once(' ').unwrap_or((unit, ""));
                    let (name, state) = (name.to_owned(), state.to_owned());
                    failures.units.push(FailedUnit { name, state, log: Vec::new() });
                }
                Some(("log", said)) => match failures.units.last_mut() {
                    Some(unit) => unit.log.push(said.to_owned()),
                    None => return Err(ParseError::new("'unit' before 'log'", output)),
                },
                _ => return Err(ParseError::new("lines 'system', 'unit', 'log'", output)),
            }
        }
        if failures.system.is_empty() {
            return Err(ParseError::new("a line 'system STATE', or 'none'", output));
        }
        failures.units.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Some(failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_units_come_with_what_they_said_last() {
        let failures = FailedUnits { settle: Duration::ZERO }
            .parse(&Output::ok(
                "system degraded\nunit web.service auto-restart\nlog cannot bind: in use\nlog \nunit bad.service failed\n",
            ))
            .unwrap()
            .unwrap();
        assert_eq!(failures.system, "degraded");
        let seen: Vec<_> =
            failures.units.iter().map(|u| (u.name.as_str(), u.state.as_str(), u.log.len())).collect();
        assert_eq!(seen, [("bad.service", "failed", 0), ("web.service", "auto-restart", 2)]);
    }

    #[test]
    fn a_host_without_systemd_has_no_answer_and_never_an_empty_list() {
        let parse = |text: &str| FailedUnits { settle: Duration::ZERO }.parse(&Output::ok(text));
        assert_eq!(parse("none\n"), Ok(None));
        assert!(parse("").is_err());
        assert_eq!(Units { names: Vec::new() }.parse(&Output::ok("none\n")), Ok(None));
    }

    #[test]
    fn several_units_are_read_from_one_answer() {
        let units = Units { names: Vec::new() }
            .parse(&Output::ok(
                "systemd\nId=ssh.service\nType=notify\nKillMode=process\nMainPID=35\nLoadState=loaded\n\
                 ActiveState=active\nTransient=no\nRefuseManualStart=no\n\nId=dbus.service\nRefuseManualStop=yes\n",
            ))
            .unwrap()
            .unwrap();
        assert_eq!((units[0].name.as_str(), units[0].main_pid, units[0].refuses), ("ssh.service", 35, false));
        assert_eq!((units[1].name.as_str(), units[1].refuses), ("dbus.service", true));
    }
}
