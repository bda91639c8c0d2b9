//! The machines that whoever types has spoken to, by their host keys: remembered outside the repository, for whoever can push
//! says there what a host's key and its address are. A host that came to be another gets no secret before somebody said yes.

mod machine;
mod memory;
mod new_key;

pub use new_key::NewKey;

use super::console::shown;
use super::groups::Groups;
use super::who::{Who, state};
use super::{Console, Exit, Failure, ask};
use crate::execute::{Acquaintance, HostAccess};
use crate::ledger::{Anchor, lock};
use crate::model::{ConnectionKind, HostName, nearest};
use crate::report::one_line;
use crate::transport::Settings;
use machine::Machine;
use memory::{Listed, Memory, News, load};
use new_key::{HERE, UNKNOWN};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longest wait for another job that writes the same file.
const LOCK_WAIT: Duration = Duration::from_secs(30);
/// Most hosts that are named one by one.
const NAMES_MAX: usize = 20;

#[derive(Default)]
struct State {
    memory: Memory,
    /// Hosts to which somebody said yes.
    agreed: BTreeSet<HostName>,
    /// What is to be written down.
    news: News,
}

/// In which way a host is not the one that was spoken to.
struct Other {
    /// In words.
    text: String,
    /// Nobody ever spoke to it.
    is_new: bool,
}

impl Other {
    fn new(and: &str) -> Self {
        Self { text: format!("it is new, and {and}"), is_new: true }
    }
}

/// The first of these lines, and how many more there are.
fn some(lines: impl ExactSizeIterator<Item = String>) -> String {
    let more = lines.len().saturating_sub(NAMES_MAX);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    lines.take(NAMES_MAX).collect::<String>() + &more
}

/// The machines that whoever types has spoken to.
pub struct Acquaintances {
    file: PathBuf,
    settings: Settings,
    inventory: String,
    /// Who logs in, where that was typed: then it is no word of somebody else's.
    typed_user: Option<String>,
    given: Vec<NewKey>,
    /// Whether hosts are changed.
    changes: bool,
    /// Whether sealed values may be sent to them.
    has_sealed: bool,
    /// Whether whoever types named this machine themselves.
    typed_here: bool,
    /// Whether no inventory was met as the job began, and no machine but this one.
    is_first: bool,
    state: Mutex<State>,
}

/// What a job is, as far as it matters to whom it speaks.
pub struct About {
    /// The inventories, as they are named.
    pub inventory: String,
    /// `--user`.
    pub typed_user: Option<String>,
    /// `--new-host-key`.
    pub given: Vec<NewKey>,
    /// Whether hosts are changed.
    pub changes: bool,
    /// Whether the group has sealed values, which a run may send to hosts.
    pub has_sealed: bool,
    /// Whether whoever types named this machine themselves: `-i local`, `-c local`.
    pub typed_here: bool,
}

impl Acquaintances {
    /// Reads what is remembered of an ops repository's hosts; nothing where there is no place for that.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn of(root: &Path, who: &Who, settings: Settings, about: About) -> Result<Option<Self>, Failure> {
        let of_group =
            who.roster.as_ref().and_then(|roster| Groups::here()?.place(Anchor::of(roster), "machines"));
        let Some(file) = of_group.or_else(|| state(root, "machines")) else { return Ok(None) };
        Ok(Some(Self::remembering(load(&file)?, file, settings, about)))
    }

    fn remembering(memory: Memory, file: PathBuf, settings: Settings, about: About) -> Self {
        // Whoever tried it out on this machine (`-i local`) has met nobody yet.
        let is_first = memory.inventories.keys().all(String::is_empty)
            && memory.machines.values().flat_map(BTreeMap::values).flatten().all(Machine::is_here);
        let state = Mutex::new(State { memory, ..State::default() });
        let About { inventory, typed_user, given, changes, has_sealed, typed_here } = about;
        Self {
            file,
            settings,
            inventory,
            typed_user,
            given,
            changes,
            has_sealed,
            typed_here,
            is_first,
            state,
        }
    }

    /// Makes sure that whatever was said of a host by `--new-host-key` is said of one that there is: with a typo it would say
    /// nothing, and nobody would hear of it.
    ///
    /// # Errors
    /// No host is called so.
    pub fn check_given<'a>(&self, hosts: impl Iterator<Item = &'a HostName>) -> Result<(), Failure> {
        if self.given.is_empty() {
            return Ok(());
        }
        // One that a task adds is in no inventory, and may have been met.
        let met: Vec<String> =
            self.state().memory.machines.values().flat_map(BTreeMap::keys).cloned().collect();
        let known: BTreeSet<String> = hosts.map(ToString::to_string).chain(met).collect();
        match self.given.iter().find(|one| !known.contains(&one.host)) {
            None => Ok(()),
            Some(one) => {
                let failure =
                    Failure::usage(format!("--new-host-key: no host is called '{}'", one_line(&one.host)));
                Err(match nearest(&one.host, known.iter().map(String::as_str)) {
                    Some(near) => failure.hint(format!("did you mean '{}'?", one_line(near))),
                    None => failure.hint("look with 'wgops inventory'"),
                })
            }
        }
    }

    /// Makes sure that hosts are those that were spoken to before, or that somebody says yes.
    ///
    /// # Errors
    /// One is another, and nobody is there or says yes.
    pub fn compare<'a>(
        &self,
        console: &Console,
        hosts: impl Iterator<Item = (&'a HostName, &'a HostAccess)>,
    ) -> Result<(), Failure> {
        let mut others = BTreeMap::new();
        for (host, access) in hosts {
            let Some(why) = self.other(host, access) else { continue };
            match self.is_given(host, access) {
                true => drop(self.state().agreed.insert(host.clone())),
                false => drop(others.insert(host.clone(), (why, self.wanted(host, access)))),
            }
        }
        if others.is_empty() {
            return Ok(());
        }
        let lines = others.iter().map(|(host, (why, _))| format!("  {host}: {}\n", one_line(&why.text)));
        console.tell(&format!("Not the machines that you spoke to before:\n{}", some(lines)));
        if console.is_interactive() {
            let prompt =
                "Compare with whoever runs them. Type 'yes' to go on with these, or nothing to stop: ";
            if ask::types(console, prompt)? == "yes" {
                self.state().agreed.extend(others.into_keys());
                return Ok(());
            }
        }
        if !self.changes {
            return Ok(());
        }
        let flags: Vec<String> = others.values().take(NAMES_MAX).map(|(_, flag)| flag.clone()).collect();
        let names: Vec<&str> = others.keys().take(NAMES_MAX).map(HostName::as_str).collect();
        let message = match others.values().all(|(why, _)| why.is_new) {
            true => format!("nobody said yes to {} yet, which you never spoke to", names.join(", ")),
            false => format!("{} came to be another machine since you spoke to it last", names.join(", ")),
        };
        Err(Failure::new(Exit::Refused, message)
            .hint(format!("compare with whoever runs it; if it is right: {}", flags.join(" "))))
    }

    /// Tells which hosts are new that are about to be changed.
    pub fn tell_new<'a>(
        &self,
        console: &Console,
        hosts: impl Iterator<Item = (&'a HostName, &'a HostAccess)>,
    ) {
        if self.is_first || !self.changes {
            return;
        }
        let state = self.state();
        let new: Vec<String> = hosts
            .filter(|(host, _)| !state.memory.knows(&self.inventory, host))
            .map(|(host, access)| {
                let address = access.connection.address.as_deref();
                let address = address.filter(|address| *address != host.as_str());
                let at = address.map(|address| format!(" at {address}")).unwrap_or_default();
                let here = if access.connection.kind == ConnectionKind::Local {
                    ", which is this machine"
                } else {
                    ""
                };
                format!("  {host}{}{here}\n", one_line(&at))
            })
            .collect();
        drop(state);
        if !new.is_empty() {
            console
                .tell(&format!("New since your last run, and never spoken to:\n{}", some(new.into_iter())));
        }
    }

    /// Remembers which hosts an inventory has, and whether they are this machine: all of them where nothing was known before; and where
    /// hosts are changed, those that a run is about, which were told. Who changes some hosts has heard nothing of the others.
    /// That an inventory has another name says nothing: whoever can push can rename it.
    pub fn meet<'a>(&self, hosts: impl Iterator<Item = (&'a HostName, (bool, bool))>) {
        if !self.is_first && !self.changes {
            return;
        }
        let mut state = self.state();
        let is_met = |name: &HostName, is_ordered: bool| {
            is_ordered || self.is_first || state.memory.knows(&self.inventory, name)
        };
        let all: Vec<(String, bool)> = hosts
            .filter(|(name, (_, is_ordered))| is_met(name, *is_ordered))
            .map(|(name, (is_here, _))| (name.to_string(), is_here))
            .collect();
        let here = all.iter().filter(|(_, is_here)| *is_here).map(|(name, _)| name.clone()).collect();
        let listed = Listed { names: all.into_iter().map(|(name, _)| name).collect(), here };
        if state.memory.list(&self.inventory, &listed) {
            state.news.listed = Some(listed);
        }
    }

    /// Writes down what is new, besides what others wrote down meanwhile.
    pub fn keep(&self) {
        let news = std::mem::take(&mut self.state().news);
        if news.listed.is_none() && news.met.is_empty() {
            return;
        }
        if let Err(failure) = self.written(&news) {
            tracing::warn!("can't remember which machines were spoken to: {}", failure.message());
        }
    }

    fn written(&self, news: &News) -> Result<(), Failure> {
        let refused =
            |error: std::io::Error| Failure::usage(format!("can't write {}: {error}", shown(&self.file)));
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder).map_err(refused)?;
        let _held = lock(&self.file.with_extension("lock"), LOCK_WAIT)?;
        let mut memory = Memory { version: 1, ..load(&self.file)? };
        if let Some(listed) = &news.listed {
            memory.list(&self.inventory, listed);
        }
        for (host, machine) in &news.met {
            memory.learn(&self.inventory, host, machine);
        }
        let saved = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer(&mut file, &memory)?;
            file.flush()?;
            file.persist(&self.file).map(drop).map_err(|error| error.error)
        };
        saved().map_err(refused)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why a host is another one than before, where that matters: hosts are changed, a password would be sent, or this machine be
    /// looked at, of which a playbook can read whatever its owner can.
    fn other(&self, host: &HostName, access: &HostAccess) -> Option<Other> {
        let sends = access.become_password.is_some();
        let is_here = access.connection.kind == ConnectionKind::Local && !self.typed_here;
        let matters = (self.changes || sends || is_here) && access.connection.kind != ConnectionKind::Gate;
        if !matters || self.state().agreed.contains(host) {
            return None;
        }
        let typed = self.typed_user.is_some() && self.typed_user == access.connection.user;
        let now = Machine::of(&self.settings, host, access);
        let state = self.state();
        let known = state.memory.known(&self.inventory, host.as_str());
        if !known.is_empty() {
            let is_one = |known: &&[Machine]| known.iter().any(|known| now.is(known, sends && !typed));
            let other = known.iter().find(|known| !is_one(known));
            let last = other.and_then(|known| known.last());
            return last.map(|known| Other { text: now.differs(known), is_new: false });
        }
        match () {
            () if self.is_first => None,
            () if is_here && !self.changes => {
                let here = state.memory.here.get(&self.inventory);
                let is_known = here.is_some_and(|names| names.contains(host.as_str()));
                (!is_known).then(|| Other::new("it is this machine"))
            }
            () if state.memory.knows(&self.inventory, host) => None,
            // Who runs something on a new host is told of it. What is secret is another matter.
            () if sends => Some(Other::new("a password would be sent there")),
            () if self.changes && self.has_sealed && !now.is_here() => {
                Some(Other::new("sealed values may be sent there"))
            }
            () => None,
        }
    }

    fn is_given(&self, host: &HostName, access: &HostAccess) -> bool {
        let now = Machine::of(&self.settings, host, access);
        let given = |key: &str| self.given.iter().any(|one| one.host == host.as_str() && one.key == key);
        match now.keys.is_empty() {
            true => given(if now.is_here() { HERE } else { UNKNOWN }),
            // What is known already needs no word.
            false => {
                let state = self.state();
                let known = state.memory.keys(&self.inventory, host.as_str());
                let new: Vec<&String> = now.keys.iter().filter(|key| !known.contains(key)).collect();
                let asked: Vec<&String> =
                    if new.is_empty() { now.keys.iter().take(1).collect() } else { new };
                asked.into_iter().all(|key| given(key))
            }
        }
    }

    /// The flag that says yes to a host.
    fn wanted(&self, host: &HostName, access: &HostAccess) -> String {
        let now = Machine::of(&self.settings, host, access);
        let known: BTreeSet<String> = {
            let state = self.state();
            state.memory.keys(&self.inventory, host.as_str()).into_iter().cloned().collect()
        };
        let unlisted = if now.is_here() { HERE } else { UNKNOWN };
        let new: Vec<String> = now.keys.difference(&known).cloned().collect();
        let keys = if new.is_empty() { now.keys.into_iter().take(1).collect() } else { new };
        match keys.is_empty() {
            true => format!("--new-host-key {host}={unlisted}"),
            false => {
                keys.iter().map(|key| format!("--new-host-key {host}={key}")).collect::<Vec<_>>().join(" ")
            }
        }
    }

    fn remember(&self, host: &HostName, access: &HostAccess) {
        let now = Machine::of(&self.settings, host, access);
        let mut state = self.state();
        if state.memory.learn(&self.inventory, host.as_str(), &now) {
            state.news.met.push((host.to_string(), now));
        }
    }
}

impl Acquaintance for Acquaintances {
    fn stranger(&self, host: &HostName, access: &HostAccess) -> Option<(String, String)> {
        let why = self.other(host, access)?;
        if self.is_given(host, access) {
            return None;
        }
        let flag = self.wanted(host, access);
        Some((
            format!("not the machine that you spoke to before: {}", one_line(&why.text)),
            format!("nothing was sent; compare with whoever runs it, and if it is right: {flag}"),
        ))
    }

    fn met(&self, host: &HostName, access: &HostAccess) {
        if access.connection.kind == ConnectionKind::Gate {
            return;
        }
        let given = self.is_given(host, access);
        let (is_known, agreed) = {
            let state = self.state();
            let known = state.memory.known(&self.inventory, host.as_str());
            (!known.is_empty(), state.agreed.contains(host))
        };
        // Where it is changed, it was compared. Who only looks makes no new host known.
        if !is_known && self.is_first || agreed || given || self.changes {
            self.remember(host, access);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Connection, Secret};
    use crate::people::testing::key;

    fn access(address: &str, user: &str) -> HostAccess {
        let connection = Connection {
            kind: ConnectionKind::Ssh,
            address: Some(address.to_owned()),
            port: None,
            user: Some(user.to_owned()),
            private_key: None,
            ssh_args: Vec::new(),
            connect_timeout: Duration::from_secs(1),
        };
        HostAccess { connection, become_password: None }
    }

    /// Somebody who types in a home with these known hosts.
    fn somebody(home: &Path, known: &str, changes: bool, given: &[&str]) -> Acquaintances {
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        std::fs::write(home.join(".ssh/known_hosts"), known).unwrap();
        let file = home.join("machines.json");
        let about = About {
            inventory: "prod".into(),
            typed_user: None,
            given: given.iter().map(|text| text.parse().unwrap()).collect(),
            changes,
            has_sealed: false,
            typed_here: false,
        };
        Acquaintances::remembering(load(&file).unwrap(), file, Settings::new(home, "me"), about)
    }

    #[test]
    fn who_renames_an_inventory_makes_no_host_known_and_this_machine_is_looked_at_where_it_was_before() {
        let home = tempfile::tempdir().unwrap();
        let known = format!("10.0.0.1 {0}\n10.0.0.2 {0}\n", key(1).text());
        let (web1, new): (HostName, HostName) = ("web1".parse().unwrap(), "new".parse().unwrap());
        let first = somebody(home.path(), &known, false, &[]);
        first.meet([(&web1, (false, true))].into_iter());
        first.met(&web1, &access("10.0.0.1", "ops"));
        first.keep();
        let looks =
            || Acquaintances { inventory: "prod.ini".into(), ..somebody(home.path(), &known, false, &[]) };
        let password =
            HostAccess { become_password: Some(Secret::new("x".to_owned())), ..access("10.0.0.2", "opspw") };
        let renamed = looks();
        assert!(renamed.stranger(&new, &access("10.0.0.2", "opspw")).is_none(), "nothing is sent there");
        assert!(renamed.stranger(&new, &password).unwrap().0.contains("it is new, and a password"));
        // That somebody looked without a password makes it known to nobody.
        renamed.meet([(&web1, (false, true)), (&new, (true, true))].into_iter());
        renamed.keep();
        assert!(looks().stranger(&new, &password).is_some());
        let mut here = access("10.0.0.2", "ops");
        here.connection.kind = ConnectionKind::Local;
        assert!(looks().stranger(&new, &here).unwrap().0.contains("it is this machine"));
        assert!(looks().stranger(&web1, &here).unwrap().0.contains("it is this machine now"));
        // Who types it, and who changes it, means it; from then on it is known.
        assert!(Acquaintances { typed_here: true, ..looks() }.stranger(&new, &here).is_none());
        let changes = somebody(home.path(), &known, true, &[]);
        assert!(changes.stranger(&new, &here).is_none());
        changes.met(&new, &here);
        changes.keep();
        assert!(looks().stranger(&new, &here).is_none());
    }

    #[test]
    fn a_host_that_came_to_be_another_gets_nothing_before_somebody_said_yes() {
        let home = tempfile::tempdir().unwrap();
        let line = |name: &str, number: u8| format!("{name} {}\n", key(number).text());
        let (web1, new): (HostName, HostName) = ("web1".parse().unwrap(), "new".parse().unwrap());
        let before = line("10.0.0.1", 1);
        let first = somebody(home.path(), &before, true, &[]);
        let known = access("10.0.0.1", "ops");
        assert!(first.stranger(&web1, &known).is_none(), "nothing is known in the beginning");
        first.meet([(&web1, (false, true))].into_iter());
        first.met(&web1, &known);
        first.keep();

        let print = |number| key(number).fingerprint();
        let other = access("10.0.0.2", "ops");
        let password = |mut access: HostAccess| {
            access.become_password = Some(Secret::new("x".to_owned()));
            access
        };
        let after = before.clone() + &line("10.0.0.2", 2);
        let now = somebody(home.path(), &after, true, &[]);
        assert!(now.stranger(&web1, &known).is_none());
        let (why, hint) = now.stranger(&web1, &other).unwrap();
        assert!(why.contains(&format!("its host key is {}, and was {}", print(2), print(1))), "{why}");
        assert!(hint.contains(&format!("--new-host-key web1={}", print(2))), "{hint}");
        let local = HostAccess {
            connection: Connection { kind: ConnectionKind::Local, ..known.connection.clone() },
            ..known.clone()
        };
        assert!(now.stranger(&web1, &local).unwrap().0.contains("this machine now"));
        let mut led = known.clone();
        led.connection.ssh_args = vec!["-oHostName=10.0.0.2".into()];
        assert!(now.stranger(&web1, &led).unwrap().0.contains("HostName"));
        // The same key at another address is the same machine; so it is for another user, who gets no password.
        let moved = somebody(home.path(), &(before.clone() + &line("10.0.0.9", 1)), true, &[]);
        assert!(moved.stranger(&web1, &access("10.0.0.9", "ops")).is_none());
        assert!(moved.stranger(&web1, &access("10.0.0.9", "sam")).is_none());
        assert!(moved.stranger(&web1, &password(access("10.0.0.9", "sam"))).unwrap().0.contains("as sam"));
        // Who vouches for it counts as a key.
        let vouched = before.clone() + &format!("@cert-authority 10.0.0.1 {}\n", key(3).text());
        assert!(somebody(home.path(), &vouched, true, &[]).stranger(&web1, &known).is_some());
        // Who only looks sends nothing secret but a password.
        let looks = somebody(home.path(), &after, false, &[]);
        assert!(looks.stranger(&web1, &other).is_none());
        assert!(looks.stranger(&web1, &password(other.clone())).is_some());
        assert!(looks.stranger(&new, &password(other.clone())).unwrap().0.contains("it is new"));
        looks.met(&web1, &other);
        looks.keep();
        assert!(somebody(home.path(), &after, true, &[]).stranger(&web1, &other).is_some());
        // Somebody said yes: it is known from then on.
        let flag = format!("web1={}", print(2));
        let wrong = format!("web1={}", print(1));
        assert!(somebody(home.path(), &after, true, &[&wrong]).stranger(&web1, &other).is_some());
        let yes = somebody(home.path(), &after, true, &[&flag]);
        assert!(yes.stranger(&web1, &other).is_none());
        yes.met(&web1, &other);
        yes.keep();
        assert!(somebody(home.path(), &after, true, &[]).stranger(&web1, &other).is_none());
    }

    #[test]
    fn the_same_name_in_two_inventories_is_two_machines_and_neither_gets_what_the_other_may() {
        let home = tempfile::tempdir().unwrap();
        let known = format!("10.0.0.1 {}\n10.0.0.2 {}\n", key(1).text(), key(2).text());
        let web1: HostName = "web1".parse().unwrap();
        let by = |inventory: &str, changes| Acquaintances {
            inventory: inventory.into(),
            ..somebody(home.path(), &known, changes, &[])
        };
        let password = |address: &str| HostAccess {
            become_password: Some(Secret::new("x".to_owned())),
            ..access(address, "ops")
        };
        let print = |number: u8, inventory: &str| Acquaintances {
            given: vec![format!("web1={}", key(number).fingerprint()).parse().unwrap()],
            ..by(inventory, true)
        };
        for (job, address) in [(by("prod", true), "10.0.0.1"), (print(2, "test"), "10.0.0.2")] {
            assert!(job.stranger(&web1, &access(address, "ops")).is_none(), "{address}");
            job.meet([(&web1, (false, true))].into_iter());
            job.met(&web1, &access(address, "ops"));
            job.keep();
        }
        // Each is where it was; whoever can push puts the one in the other's place in vain.
        for (inventory, own, other) in [("prod", "10.0.0.1", "10.0.0.2"), ("test", "10.0.0.2", "10.0.0.1")] {
            assert!(by(inventory, true).stranger(&web1, &access(own, "ops")).is_none(), "{inventory}");
            assert!(by(inventory, false).stranger(&web1, &password(own)).is_none(), "{inventory}");
            let why = by(inventory, true).stranger(&web1, &access(other, "ops")).unwrap().0;
            assert!(why.contains("its host key is"), "{why}");
            assert!(by(inventory, false).stranger(&web1, &password(other)).is_some(), "{inventory}");
        }
        // Under a new name of the inventory it would have to be both.
        for address in ["10.0.0.1", "10.0.0.2"] {
            assert!(by("prod2", true).stranger(&web1, &access(address, "ops")).is_some(), "{address}");
        }
    }

    #[test]
    fn a_new_host_gets_nothing_sealed_before_somebody_said_yes_whichever_hosts_were_changed_meanwhile() {
        let home = tempfile::tempdir().unwrap();
        let known = format!("10.0.0.1 {}\n10.0.0.2 {}\n", key(1).text(), key(2).text());
        let (web1, new): (HostName, HostName) = ("web1".parse().unwrap(), "new".parse().unwrap());
        let run =
            |given: &[&str]| Acquaintances { has_sealed: true, ..somebody(home.path(), &known, true, given) };
        let there = access("10.0.0.2", "ops");
        let first = run(&[]);
        assert!(first.stranger(&new, &there).is_none(), "nothing is known in the beginning");
        first.meet([(&web1, (false, true))].into_iter());
        first.met(&web1, &access("10.0.0.1", "ops"));
        first.keep();
        // Somebody adds a host, and a run on others goes by.
        let others = run(&[]);
        others.meet([(&web1, (false, true)), (&new, (false, false))].into_iter());
        others.keep();
        let (why, hint) = run(&[]).stranger(&new, &there).unwrap();
        assert!(why.contains("it is new, and sealed values may be sent there"), "{why}");
        let flag = format!("new={}", key(2).fingerprint());
        assert!(hint.contains(&format!("--new-host-key {flag}")), "{hint}");
        // Where nothing is sealed, there is nothing to send; this machine has it all.
        assert!(somebody(home.path(), &known, true, &[]).stranger(&new, &there).is_none());
        let mut here = there.clone();
        here.connection.kind = ConnectionKind::Local;
        assert!(run(&[]).stranger(&new, &here).is_none());
        let yes = run(&[&flag]);
        assert!(yes.stranger(&new, &there).is_none());
        yes.met(&new, &there);
        yes.keep();
        assert!(run(&[]).stranger(&new, &there).is_none());
    }

    #[test]
    fn two_jobs_at_once_remember_what_both_met() {
        let home = tempfile::tempdir().unwrap();
        let known = format!("10.0.0.1 {0}\n10.0.0.2 {0}\n", key(1).text());
        let (web1, db1): (HostName, HostName) = ("web1".parse().unwrap(), "db1".parse().unwrap());
        let one = somebody(home.path(), &known, true, &[]);
        let other = Acquaintances { inventory: "test".into(), ..somebody(home.path(), &known, true, &[]) };
        for (job, host, address) in [(&one, &web1, "10.0.0.1"), (&other, &db1, "10.0.0.2")] {
            job.meet([(host, (false, true))].into_iter());
            job.met(host, &access(address, "ops"));
        }
        one.keep();
        other.keep();
        let memory = load(&home.path().join("machines.json")).unwrap();
        let met = |inventory: &str| memory.machines[inventory].keys().map(String::as_str).collect::<Vec<_>>();
        assert_eq!((met("prod"), met("test")), (vec!["web1"], vec!["db1"]));
        assert_eq!(memory.inventories.keys().collect::<Vec<_>>(), ["prod", "test"]);
    }

    #[test]
    fn a_new_key_is_a_whole_fingerprint_of_a_host_that_there_is() {
        let print = key(1).fingerprint();
        for good in [format!("web1={print}"), "web1=local".into(), "web1=unknown".into()] {
            assert!(good.parse::<NewKey>().is_ok(), "{good}");
        }
        let cut = print.get(..20).unwrap();
        for bad in [
            "web1",
            "=SHA256:x",
            "web1=SHA256:",
            "web1=MD5:aa:bb",
            &format!("web1={cut}"),
            &format!("web1={print}="),
        ] {
            assert!(bad.parse::<NewKey>().is_err(), "{bad}");
        }
        assert!(
            format!("web1={cut}")
                .parse::<NewKey>()
                .unwrap_err()
                .contains("is no fingerprint: expected SHA256:")
        );
        let home = tempfile::tempdir().unwrap();
        let (web1, db1): (HostName, HostName) = ("web1".parse().unwrap(), "db1".parse().unwrap());
        let given = |name: &str| {
            let one = somebody(home.path(), "", true, &[&format!("{name}={print}")]);
            one.check_given([&web1, &db1].into_iter()).err().map(|failure| format!("{failure:?}"))
        };
        assert_eq!(given("web1"), None);
        let said = given("wbe1").unwrap();
        assert!(said.contains("no host is called 'wbe1'") && said.contains("did you mean 'web1'?"), "{said}");
    }
}
