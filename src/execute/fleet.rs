//! The dispatcher: owns what all hosts share, and runs plays batch by batch.

mod given;
mod machines;

use super::Interrupt;
use super::acquaintance::Acquaintance;
use super::admission::{Admission, waves};
use super::away::{Away, Elsewhere};
use super::connection::{HostAccess, HostConnection, Line, Machines};
use super::drive::{Left, Road, Stay, drive};
use super::gate::{Gate, StopRule};
use super::lock::Banner;
use super::order::{Order, Outcome};
use super::reach::Reach;
use crate::event::{Counts, Event};
use crate::model::{ConnectionKind, HostName, RunId};
use crate::plan::{Apart, At, Conduct, Ended, HostRun, Layer, Play, Variables, Way, Whose, written};
use crate::template::Binding;
use crate::transport::Settings;
use given::{ground, play_variables};
use machines::machines;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::{Id, JoinSet};

/// The hosts that a run can reach, and their connections, which outlive a play.
pub struct Fleet {
    settings: Arc<Settings>,
    forks: usize,
    access: BTreeMap<HostName, HostAccess>,
    open: BTreeMap<HostName, HostConnection>,
    /// Connections that no play uses any more.
    left_open: Vec<HostConnection>,
    run: RunId,
    banner: Option<Banner>,
    resumes: Resumes,
    numbers: Arc<AtomicU64>,
    /// Hosts that a later play of the order is for too.
    later: BTreeSet<HostName>,
    admission: Option<Admission>,
    acquaintance: Option<Arc<dyn Acquaintance>>,
    /// Where a plan is carried out: for which machines it is.
    machines: Option<Machines>,
    /// How the batch under way ended before its steps did.
    ended: Ended,
    /// Hosts that were begun, by where they were reached: nothing holds them out there any more.
    begun: BTreeSet<(HostName, Place)>,
}

/// Address and port, as far as they were said.
type Place = (Option<String>, Option<u16>);

/// Whether a run goes on that an earlier wgops began.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resumes {
    Yes,
    No,
}

impl Fleet {
    /// A fleet; nothing is connected yet. At most `forks` hosts are connected at once.
    pub fn new(settings: Settings, forks: usize, access: BTreeMap<HostName, HostAccess>, run: RunId) -> Self {
        Self {
            settings: Arc::new(settings),
            forks: forks.max(1),
            access,
            open: BTreeMap::new(),
            left_open: Vec::new(),
            run,
            banner: None,
            resumes: Resumes::No,
            numbers: Arc::default(),
            later: BTreeSet::new(),
            admission: None,
            acquaintance: None,
            machines: None,
            ended: Ended::default(),
            begun: BTreeSet::new(),
        }
    }

    /// Has each host know who changes it: its own log says so before the first change, and nobody else may change it as
    /// long as this run does.
    #[must_use]
    pub fn under(self, banner: Banner) -> Self {
        Self { banner: Some(banner), ..self }
    }

    /// Has each host, before anything else, asked for what an earlier wgops left there for the same run: that is waited
    /// for, reported as [`Event::Collected`], and, but for a dry run, cleared away.
    #[must_use]
    pub fn resuming(self) -> Self {
        Self { resumes: Resumes::Yes, ..self }
    }

    /// Has this asked before a host is begun by a run that changes something.
    #[must_use]
    pub fn admitting(self, admission: Option<Admission>) -> Self {
        Self { admission, ..self }
    }

    /// Has this asked before a host is spoken to.
    #[must_use]
    pub fn knowing(self, acquaintance: Option<Arc<dyn Acquaintance>>) -> Self {
        Self { acquaintance, ..self }
    }

    /// Runs plays. Events go to `events` as they happen; the second interrupt drops every connection.
    pub async fn run(
        &mut self,
        order: &Order,
        events: mpsc::Sender<Event>,
        interrupt: watch::Receiver<Interrupt>,
    ) -> Outcome {
        let begun = Instant::now();
        let mut outcome = Outcome::default();
        self.begins(order);
        let mut out: BTreeSet<HostName> = BTreeSet::new();
        for (number, (play, targeted)) in order.plays.iter().enumerate() {
            self.later = order.plays.iter().skip(number + 1).flat_map(|(_, hosts)| hosts).cloned().collect();
            let targeted = &self.targets(order, number, targeted, &events).await;
            let hosts: Vec<HostName> = targeted.iter().filter(|h| !out.contains(*h)).cloned().collect();
            let batches = waves(&hosts, &order.canaries, |rest| play.batches(rest));
            for (index, batch) in batches.iter().enumerate() {
                let _ = events
                    .send(Event::BatchBegins {
                        play: play.name.clone(),
                        number: play.number,
                        batch: index + 1,
                        batches: batches.len(),
                        hosts: batch.clone(),
                        tasks: play.tasks().count(),
                    })
                    .await;
                let mut magic = play_variables(play, targeted, (index + 1, &batches), &out, order);
                magic.insert("ansible_forks".into(), Binding::Data(Arc::new(self.forks.into())));
                if let Ok(mut progress) = order.shared.progress.write() {
                    *progress = batch.iter().map(|host| (host.clone(), Way::default())).collect();
                }
                self.ended = Ended::default();
                let stopped = self
                    .batch(order, play, batch, magic, &events, &interrupt, begun, &mut outcome, &mut out)
                    .await;
                let interrupted = *interrupt.borrow() != Interrupt::None;
                outcome.interrupted |= interrupted;
                let reason = if interrupted { Some("interrupted".to_owned()) } else { stopped };
                if let Some(reason) = reason {
                    let not_begun: Vec<HostName> =
                        batches.iter().skip(index + 1).flatten().cloned().collect();
                    outcome.not_begun.extend(not_begun.iter().cloned());
                    let _ = events.send(Event::PlayStops { reason: reason.clone(), not_begun }).await;
                    outcome.stopped = Some(reason);
                    break;
                }
                if self.ended.forgives {
                    out.clear();
                }
                if self.ended.play {
                    break;
                }
            }
            if outcome.stopped.is_some() {
                break;
            }
        }
        let ends = Event::RunEnds {
            recap: outcome.recap.clone(),
            interrupted: outcome.interrupted,
            seconds: begun.elapsed().as_secs_f64(),
        };
        let _ = events.send(ends).await;
        outcome
    }

    /// Forgets what was begun before, and keeps for which machines this is.
    fn begins(&mut self, order: &Order) {
        self.begun.clear();
        self.machines = order.approved.as_ref().map(machines);
    }

    /// Finds out how hosts are reached that were left out of what somebody was shown before.
    fn reach_all(&mut self, order: &Order, play: &Play, targeted: &[HostName]) {
        for host in
            targeted.iter().filter(|host| !self.access.contains_key(*host)).cloned().collect::<Vec<_>>()
        {
            if let Ok(access) = order.reach.host(&host, Some(play)) {
                self.access.insert(host, access);
            }
        }
    }

    /// The hosts of a play, now that its turn has come: tasks before it may have added some.
    async fn targets(
        &mut self,
        order: &Order,
        number: usize,
        known: &[HostName],
        events: &mpsc::Sender<Event>,
    ) -> Vec<HostName> {
        let play = order.plays.get(number).map(|(play, _)| play);
        let (Some(chooser), Some(play)) = (&order.chooser, play) else { return known.to_vec() };
        let targets = chooser.targets(number, known, &order.shared.live.now());
        for host in targets.iter().filter(|host| !known.contains(host)) {
            if self.access.contains_key(host) {
                continue;
            }
            match order.reach.host(host, Some(play)) {
                Ok(access) => {
                    self.access.insert(host.clone(), access);
                }
                Err(problem) => {
                    let message = format!("it can't be reached: {problem}");
                    let _ = events.send(Event::Warning { host: Some(host.clone()), message }).await;
                }
            }
        }
        targets
    }

    /// Closes every connection.
    pub async fn close(&mut self) {
        let mut closing = JoinSet::new();
        let unused = std::mem::take(&mut self.left_open);
        for mut connection in std::mem::take(&mut self.open).into_values().chain(unused) {
            closing.spawn(async move { connection.close().await });
        }
        while closing.join_next().await.is_some() {}
    }

    /// Runs one batch; why the play stops after it, if it does.
    #[expect(clippy::too_many_arguments, reason = "they are the run's state, lent for one batch")]
    async fn batch(
        &mut self,
        order: &Order,
        play: &Arc<Play>,
        batch: &[HostName],
        magic: Layer,
        events: &mpsc::Sender<Event>,
        interrupt: &watch::Receiver<Interrupt>,
        begun: Instant,
        outcome: &mut Outcome,
        out: &mut BTreeSet<HostName>,
    ) -> Option<String> {
        let rule = StopRule {
            max_fail_percentage: play.max_fail_percentage,
            any_errors_fatal: play.any_errors_fatal,
        };
        let gate = Arc::new(Gate::new(batch, rule));
        let road = Road {
            turn: None,
            stay: Stay::Goes,
            events: events.clone(),
            gate: gate.clone(),
            forks: Arc::new(Semaphore::new(self.forks)),
            crowded: self.access.len() > self.forks,
            interrupt: interrupt.clone(),
            begun,
            admission: None,
            is_first: false,
            elsewhere: Arc::new(Elsewhere::default()),
            asks: order.asks.clone(),
        };
        let mut drivers = JoinSet::new();
        let mut driven = self.begin(order, play, batch, magic, &road, &mut drivers);
        while let Some(joined) = drivers.join_next_with_id().await {
            match joined {
                Ok((task, left)) => {
                    let Some(host) = driven.remove(&task) else { continue };
                    self.take_back(host, left, outcome, out);
                }
                // A driver can only end like this by a defect of ours; its host must not read as clean, and nobody may
                // wait for it.
                Err(error) => {
                    let Some(host) = driven.remove(&error.id()) else { continue };
                    tracing::error!(%host, %error, "a host's driver ended abnormally");
                    gate.leave(&host, true);
                    out.insert(host.clone());
                    outcome.recap.entry(host).or_default().failed += 1;
                }
            }
        }
        put_out(batch, outcome, out);
        gate.stopped()
    }

    /// Has a driver take each host of a batch through its play; which task drives which host.
    fn begin(
        &mut self,
        order: &Order,
        play: &Arc<Play>,
        batch: &[HostName],
        magic: Layer,
        road: &Road,
        drivers: &mut JoinSet<Left>,
    ) -> HashMap<Id, HostName> {
        self.reach_all(order, play, batch);
        let magic = Arc::new(magic);
        let (vars, files) = (Arc::new(written(&play.vars)), Arc::new(written(&play.file_vars)));
        let turns = self.turns(batch);
        let mut driven = HashMap::new();
        for host in batch {
            let Some(mut connection) = self.connection(host, play, order) else { continue };
            let conduct = self.conduct(order, &connection);
            connection.conduct(conduct);
            connection.machines = self.machines.clone();
            connection.admission = self.admission.clone().filter(|_| conduct != Conduct::Dry);
            let variables = Variables::new(
                host.clone(),
                order.shared.clone(),
                vars.clone(),
                files.clone(),
                magic.clone(),
            )
            .reached_by(play.connection.as_ref())
            .with_roles(play.exported.clone());
            let mut ground = ground(order, play, host, variables);
            ground.is_local = connection.access.connection.kind == ConnectionKind::Local;
            let is_apart = order.reach.side.is_some() || order.reach.only.is_some();
            ground.apart = is_apart.then(|| apart(&order.reach, host));
            let run = HostRun::new(host.clone(), play.clone(), conduct, ground);
            let stay = if self.later.contains(host) { Stay::Comes } else { Stay::Goes };
            let is_first = !self.begun.iter().any(|(known, _)| known == host);
            let reached = &connection.access.connection;
            let is_new = self.begun.insert((host.clone(), (reached.address.clone(), reached.port)));
            let admission = self.admission.clone().filter(|_| is_new && order.conduct == Conduct::Real);
            let turn = turns.get(host).cloned();
            let away = Away::new((host, play), self.line(), order, self.admission.clone(), road);
            let road = Road { turn, stay, admission, is_first, ..road.clone() };
            let task = drivers.spawn(drive(run, connection, away, road));
            driven.insert(task.id(), host.clone());
        }
        driven
    }

    /// Whether changes are applied on a host: a dry run that runs some tasks all the same runs none where it is held out.
    fn conduct(&self, order: &Order, connection: &HostConnection) -> Conduct {
        let held = |admission: &Admission| {
            admission(&connection.host, &connection.access.connection, None).is_some()
        };
        match order.conduct {
            Conduct::DryButForced if self.admission.as_ref().is_some_and(held) => Conduct::Dry,
            conduct => conduct,
        }
    }

    /// A turn for each host of which the batch has several names.
    fn turns(&self, batch: &[HostName]) -> BTreeMap<HostName, Arc<Mutex<()>>> {
        let mut names: BTreeMap<_, Vec<&HostName>> = BTreeMap::new();
        for host in batch {
            let Some(access) = self.access.get(host) else { continue };
            let connection = &access.connection;
            let address = connection.address.as_deref().unwrap_or(host.as_str());
            let real = match connection.kind {
                ConnectionKind::Local => (None, None),
                ConnectionKind::Ssh | ConnectionKind::Gate => (Some(address), connection.port),
            };
            names.entry(real).or_default().push(host);
        }
        let shared = names.into_values().filter(|names| names.len() > 1);
        shared
            .flat_map(|names| {
                let turn = Arc::new(Mutex::new(()));
                names.into_iter().map(move |host| (host.clone(), turn.clone()))
            })
            .collect()
    }

    /// A host's connection, the one from the play before where this play reaches it in the same way.
    fn connection(&mut self, host: &HostName, play: &Play, order: &Order) -> Option<HostConnection> {
        let known = self.access.get(host)?.clone();
        let access = match Reach::differs(play) {
            true => match order.reach.host(host, Some(play)) {
                Ok(access) => access,
                Err(_) if order.reach.side.is_some() || order.reach.only.is_some() => return None,
                Err(_) => known,
            },
            false => known,
        };
        match self.open.remove(host) {
            Some(open) if open.access.connection == access.connection => Some(open),
            other => {
                self.left_open.extend(other);
                Some(self.line().fresh(host, access))
            }
        }
    }

    /// What a connection takes besides its host.
    fn line(&self) -> Line {
        Line {
            settings: self.settings.clone(),
            run: self.run,
            banner: self.banner.clone(),
            numbers: self.numbers.clone(),
            resumes: self.resumes == Resumes::Yes,
            acquaintance: self.acquaintance.clone(),
            machines: self.machines.clone(),
        }
    }

    fn take_back(&mut self, host: HostName, left: Left, outcome: &mut Outcome, out: &mut BTreeSet<HostName>) {
        if left.held_out {
            out.insert(host.clone());
            outcome.held_out.push(host.clone());
            self.open.insert(host, left.connection);
            return;
        }
        self.ended.play |= left.ended.play;
        self.ended.forgives |= left.ended.forgives;
        let total = outcome.recap.entry(host.clone()).or_default();
        total.ok += left.counts.ok;
        total.changed += left.counts.changed;
        total.unreachable |= left.counts.unreachable;
        total.failed += left.counts.failed;
        total.skipped += left.counts.skipped;
        total.rescued += left.counts.rescued;
        total.ignored += left.counts.ignored;
        total.unknown += left.counts.unknown;
        total.exchanges += left.counts.exchanges;
        if left.failed {
            out.insert(host.clone());
        }
        self.open.insert(host, left.connection);
    }
}

/// What says why a task of this host is not carried out at a place, where this machine and others are kept apart.
fn apart(reach: &Arc<Reach>, host: &HostName) -> Apart {
    let (reach, own) = (reach.clone(), host.clone());
    Arc::new(move |at| {
        let access = match At::whose(Some(at)) {
            Whose::This => reach.here(&own),
            Whose::Of(other) => reach.host(other, None),
            Whose::Own => reach.host(&own, None),
        };
        access.err().map(|problem| problem.message)
    })
}

/// Puts hosts out of which nothing is known.
fn put_out(batch: &[HostName], outcome: &mut Outcome, out: &mut BTreeSet<HostName>) {
    for host in batch.iter().filter(|host| !outcome.held_out.contains(host)) {
        if !outcome.recap.contains_key(host) {
            outcome.recap.insert(host.clone(), Counts { failed: 1, ..Counts::default() });
            out.insert(host.clone());
        }
    }
}
