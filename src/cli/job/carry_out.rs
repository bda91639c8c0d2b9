//! A job is carried out between the ledger's intent and outcome.

use super::Job;
use crate::cli::bound;
use crate::cli::chronicle::Chronicle;
use crate::cli::engine::Engine;
use crate::cli::forced::Forced;
use crate::cli::record::{About, Record};
use crate::cli::show::Show;
use crate::cli::{Exit, Failure, access};
use crate::event::{Event, Mode, VERSION};
use crate::execute::{Company, Prepared};
use crate::ledger::{Details, Kind, Typed};
use crate::model::{HostName, Map, Nonce, Value};
use crate::people::{Verb, random_bytes};
use crate::plan::Conduct;
use crate::vault::Subject;
use std::borrow::Cow;

/// How a job ends: what happened, and the exit code as far as hosts decide it.
pub struct Ended {
    /// What happened.
    pub chronicle: Chronicle,
    /// The exit code.
    pub exit: Exit,
}

impl Job<'_> {
    /// The event with which a run begins.
    pub fn begins(&self, mode: &Mode, hosts: &[HostName]) -> Event {
        Event::RunBegins {
            version: VERSION,
            run: self.run,
            verb: self.errand.verb.to_string(),
            mode: mode.clone(),
            hosts: hosts.to_vec(),
        }
    }

    /// Carries out an order: intent, run, outcome.
    ///
    /// # Errors
    /// The intent can't be recorded, so nothing was begun; or the outcome or the report can't be written.
    pub fn carry_out(
        &self,
        engine: &mut Engine<'_>,
        prepared: &Prepared,
        show: Show,
    ) -> Result<Ended, Failure> {
        self.carry_out_as(engine, prepared, show, Map::new(), &mut |_| {})
    }

    /// The same bound to what was `approved`, which is recorded; `also` hears every event.
    ///
    /// # Errors
    /// As [`Job::carry_out`].
    pub fn carry_out_as(
        &self,
        engine: &mut Engine<'_>,
        prepared: &Prepared,
        mut show: Show,
        approved: Map,
        also: &mut dyn FnMut(&Event),
    ) -> Result<Ended, Failure> {
        let forced = (prepared.order.conduct == Conduct::DryButForced).then(|| Forced::of(&prepared.order));
        let forced = forced.filter(Forced::any);
        let changes = prepared.order.conduct == Conduct::Real || forced.is_some();
        let record = self.record(prepared, changes, approved)?;
        let _held = match record.as_ref().filter(|_| changes) {
            Some(record) => Some(record.intent()?),
            None => None,
        };
        let chronicle = Chronicle::of(self.repository.root()).keyed_by(Nonce::from_bytes(random_bytes()?));
        let mut chronicle = match prepared.order.company {
            Company::Mixed => chronicle,
            Company::Apart => chronicle.sparing(planned(prepared)),
        };
        let mut listen = |event: &Event| {
            let event = self.judge.as_ref().map_or(Cow::Borrowed(event), |judge| judge.look(event));
            let event = self.without_secrets(event);
            chronicle.event(&event);
            show.event(&event);
            also(&event);
        };
        listen(&self.begins(&self.mode_with(forced.as_ref()), &prepared.hosts));
        self.opening(prepared).iter().for_each(&mut listen);
        self.judge.iter().for_each(|judge| listen(&judge.event()));
        engine.run(&prepared.order, &mut listen);
        let record = record.map(|record| record.having_taken(self.withheld.was_taken()));
        let recorded = match &record {
            Some(record) if changes => record.outcome(&chronicle),
            Some(record) => self.record_dry(record, &chronicle),
            None => Ok(()),
        };
        // Behind how it ended: a run's first entry is what its line in the log is made of.
        let read = record.as_ref().map_or(Ok(()), |record| self.record_opened(record));
        let exit = show.finish()?;
        recorded.and(read).map(|()| Ended { chronicle, exit })
    }

    /// Writes down that somebody looked at hosts and changed nothing: their logs have the logins, and somebody will ask whose they were.
    pub fn looked_only(&self, hosts: &[HostName]) {
        let may = self.who.identity.proven().is_some_and(|me| Kind::Note.may_be_signed_by(me.role));
        if !may || hosts.is_empty() {
            return;
        }
        let note = Some("looked, and changed nothing".to_owned());
        let details = Details { hosts: hosts.to_vec(), note, ..Details::default() };
        let about = About { run: self.run, verb: self.errand.verb, details };
        let record = Record::open(self.console, self.repository.root(), &self.who, about);
        let said = record.and_then(|record| record.map_or(Ok(()), |record| record.say(Kind::Note)));
        if let Err(failure) = said {
            self.console.tell(&format!("This is not in the ledger, because:\n{}", failure.text()));
        }
    }

    /// Sealed values that were opened so far.
    pub fn opened(&self) -> Vec<Subject> {
        self.vault.used()
    }

    /// Which sealed values were opened stands in the ledger, too.
    fn record_opened(&self, record: &Record<'_>) -> Result<(), Failure> {
        let names: Vec<String> = self.vault.used().iter().map(ToString::to_string).collect();
        if names.is_empty() { Ok(()) } else { record.opened(names) }
    }

    /// The second net under secrets, which never enter an event: what was opened is masked in whatever it is spelt.
    fn without_secrets<'e>(&self, event: Cow<'e, Event>) -> Cow<'e, Event> {
        if self.vault.used().is_empty() {
            return event;
        }
        let Ok(value) = serde_json::to_value(&*event) else { return event };
        let masked = masked(&value, &|text| self.console.masks.masked(text).into_owned());
        if masked == value {
            return event;
        }
        tracing::warn!("a secret was masked in what is told of a task");
        let host = value.get("host").and_then(|host| host.as_str()?.parse().ok());
        let hidden = || Event::Warning { host, message: "something is not shown: a secret is in it".into() };
        let mut told = serde_json::from_value(masked).unwrap_or_else(|_| hidden());
        carried_over(&event, &mut told);
        Cow::Owned(told)
    }

    /// The mode as people should see it: a dry run that runs some tasks all the same says so.
    fn mode_with(&self, forced: Option<&Forced>) -> Mode {
        match (&self.mode, forced) {
            (Mode::Dry { why }, Some(forced)) => {
                let named = forced.named();
                Mode::Dry { why: format!("{why}; but for tasks with 'check_mode: false', which run{named}") }
            }
            (Mode::Dry { why }, None) => match self.held_back.get() {
                Some(held_back) => Mode::Dry { why: format!("{why}; {held_back}") },
                None => self.mode.clone(),
            },
            (Mode::Real, _) => Mode::Real,
        }
    }

    /// A dry run or an audit that can't be recorded is one all the same.
    fn record_dry(&self, record: &Record<'_>, chronicle: &Chronicle) -> Result<(), Failure> {
        let done = match self.errand.verb {
            // A job of CI works in a clone that is thrown away: its reports are signed instead.
            Verb::Audit if self.who.identity.is_auditor() => Ok(()),
            Verb::Audit => record.audit(chronicle),
            Verb::Run | Verb::Patch => record.dry_run(chronicle),
            Verb::Access => {
                self.looked_only(&chronicle.results().into_keys().collect::<Vec<_>>());
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err(failure) = done {
            self.console.tell(&format!("This is not in the ledger, because:\n{}", failure.text()));
        }
        Ok(())
    }

    fn record(
        &self,
        prepared: &Prepared,
        changes: bool,
        approved: Map,
    ) -> Result<Option<Record<'_>>, Failure> {
        let mut details = self.details(prepared, changes)?;
        details.approved = Some(approved).filter(|approved| !approved.is_empty()).or(details.approved);
        let about = About { run: self.run, verb: self.errand.verb, details };
        Record::open(self.console, self.repository.root(), &self.who, about)
    }

    /// What was typed, for whoever goes on with it.
    pub fn typed(&self) -> Typed {
        let masks = &self.console.masks;
        bound::typed(&self.errand, &self.repository, &|text| masks.masked(text) != text)
    }

    fn details(&self, prepared: &Prepared, changes: bool) -> Result<Details, Failure> {
        let cause = self.errand.cause.as_ref();
        let allow_dirty = !changes || self.allows_dirty();
        let commit = self.commit(allow_dirty)?.map(|commit| self.as_taken(commit));
        Ok(Details {
            reason: cause.and_then(|cause| cause.reason.clone()),
            ticket: cause.and_then(|cause| cause.ticket.clone()),
            break_glass: self.break_glass().map(str::to_owned),
            note: access::ca_of(&self.errand.choice.extra).map(|ca| access::noted(&ca)),
            remark: match &self.mode {
                Mode::Dry { why } => Some(why.clone()),
                Mode::Real => None,
            },
            hosts: prepared.hosts.clone(),
            playbook: self
                .errand
                .playbooks
                .first()
                .and_then(|playbook| bound::source(&self.repository, &playbook.file)),
            inventory: bound::inventory_source(&self.repository, &self.errand.targets)?,
            commit,
            arguments: std::env::args().skip(1).collect(),
            typed: changes.then(|| self.typed()),
            approved: self.bound.approved.clone(),
            resumes: self.bound.resumes,
            differs: self.bound.differs.clone(),
            plan: self.bound.plan.clone(),
            ..Details::default()
        })
    }
}

/// What a plan says of the changes that may be made.
fn planned(prepared: &Prepared) -> Vec<String> {
    let approved = prepared.order.approved.iter().flat_map(|hosts| hosts.values());
    approved.flat_map(|of_host| of_host.steps.iter().map(|step| step.summary.clone())).collect()
}

/// What is not written down of an event, in the masked one.
fn carried_over(from: &Event, to: &mut Event) {
    match (from, to) {
        (Event::TaskEnds(from), Event::TaskEnds(to)) => to.kept.clone_from(&from.kept),
        (Event::Found { finding: from, .. }, Event::Found { finding: to, .. }) => to.is_read = from.is_read,
        _ => {}
    }
}

fn masked(value: &Value, mask: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(mask(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked(item, mask)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, member)| (mask(key), masked(member, mask))).collect())
        }
        other => other.clone(),
    }
}
