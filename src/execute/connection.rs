//! One real host's connection. Only the host's driver uses it, whoever delegates to the host.

mod requests;

use super::acquaintance::Acquaintance;
use super::admission::Admission;
use super::lock::{Banner, Front, Purpose};
use crate::event::{Event, HeldOut};
use crate::model::{Connection, HostName, RunId, Secret};
use crate::modules::Delivery;
use crate::plan::{Conduct, Effective, Exchange, Item, Reply, ShellWork};
use crate::transport::{self, ConnectError, Halter, Request, Session, Settings, Shell};
use requests::{Opening, carry_out, is_apart, is_change, is_job, join_all, purpose, request, sort_out};
pub(super) use requests::{privilege, told};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;

/// Bytes that a question or an attached change may print.
pub(super) const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// What every connection of a run takes.
#[derive(Clone)]
pub struct Line {
    /// How this machine does SSH.
    pub settings: Arc<Settings>,
    /// The run.
    pub run: RunId,
    /// What the run says of itself on a host that it changes.
    pub banner: Option<Banner>,
    /// Numbers of detached changes.
    pub numbers: Arc<AtomicU64>,
    /// Whether the run goes on that an earlier wgops began.
    pub resumes: bool,
    /// What says whether hosts are the machines that were spoken to before.
    pub acquaintance: Option<Arc<dyn Acquaintance>>,
    /// Where a plan is carried out: the host keys of its machines.
    pub machines: Option<Machines>,
}

/// The host keys of a plan's machines; a host that is missing shows none, as this machine here.
pub type Machines = Arc<BTreeMap<HostName, String>>;

impl Line {
    /// A host's connection, not open yet.
    pub fn fresh(&self, host: &HostName, access: HostAccess) -> HostConnection {
        let (settings, banner) = (self.settings.clone(), self.banner.clone());
        let mut fresh = HostConnection::new(host.clone(), access, settings, self.run, banner);
        fresh.numbers = self.numbers.clone();
        fresh.acquaintance = self.acquaintance.clone();
        fresh.machines = self.machines.clone();
        fresh.collected = self.resumes.then(BTreeSet::new);
        fresh
    }
}

/// How a host is reached, and with which password its sudo is answered.
#[derive(Clone)]
pub struct HostAccess {
    /// How it is reached.
    pub connection: Connection,
    /// What sudo may ask for.
    pub become_password: Option<Secret>,
}

/// A host's connection, opened when it is first used.
pub struct HostConnection {
    pub(super) host: HostName,
    pub(super) access: HostAccess,
    pub(super) settings: Arc<Settings>,
    pub(super) run: RunId,
    pub(super) session: Option<Session>,
    /// Fingerprint of the key that the host showed when it was last connected.
    pub(super) host_key: Option<String>,
    shells: BTreeMap<Effective, Shell>,
    /// Numbers of detached changes, shared by all hosts of the run: a host may have two names.
    pub(super) numbers: Arc<AtomicU64>,
    /// Whose leftovers of this run were collected; nothing where the run is no resumed one.
    pub(super) collected: Option<BTreeSet<Effective>>,
    /// Whether the run under way applies changes.
    pub(super) conduct: Conduct,
    /// Where a plan is carried out: for which machines it is.
    pub(super) machines: Option<Machines>,
    /// What may hold the host out once it has shown its key, and by which key it was let in.
    pub(super) admission: Option<Admission>,
    admitted: Option<String>,
    acquaintance: Option<Arc<dyn Acquaintance>>,
    /// Where progress is told, while somebody drives.
    pub(super) events: Option<mpsc::Sender<Event>>,
    /// Halts what the open shells carry.
    halters: Arc<Mutex<Vec<Halter>>>,
    /// What the run says of itself on a host that it changes; nothing: it takes no lock either.
    pub(super) banner: Option<Banner>,
    /// The host's log has said it.
    pub(super) announced: bool,
    /// Whoever only looks asks once who is changing the host; still to be done.
    pub(super) peeks: bool,
    /// That was done, or is about to be.
    pub(super) has_peeked: bool,
    /// Whose shells took the lock.
    pub(super) locked: BTreeSet<Effective>,
    /// What others left on the host and was told of.
    pub(super) told: BTreeSet<String>,
    /// Changes were sent, and nobody knows yet that they ended.
    pub(super) under_way: bool,
    /// Jobs that go on, or whose results wait, and whose they are.
    pub(super) jobs: Vec<(Effective, String)>,
}

/// Why an exchange has no replies, or not all of them.
pub struct Broken {
    /// What went wrong, with what to do about it.
    pub reason: String,
    /// Replies that came before, in the exchange's arrangement.
    pub replies: Vec<Vec<Reply>>,
    /// Nothing was sent at all.
    pub nothing_sent: bool,
}

impl Broken {
    fn before_anything(reason: String) -> Self {
        Self { reason, replies: Vec::new(), nothing_sent: true }
    }
}

impl HostConnection {
    /// A connection that is not open yet.
    pub fn new(
        host: HostName,
        access: HostAccess,
        settings: Arc<Settings>,
        run: RunId,
        banner: Option<Banner>,
    ) -> Self {
        let shells = BTreeMap::new();
        Self {
            host,
            access,
            settings,
            run,
            session: None,
            host_key: None,
            shells,
            numbers: Arc::default(),
            collected: None,
            conduct: Conduct::Dry,
            machines: None,
            admission: None,
            admitted: None,
            acquaintance: None,
            events: None,
            halters: Arc::default(),
            banner,
            announced: false,
            peeks: false,
            has_peeked: false,
            locked: BTreeSet::new(),
            told: BTreeSet::new(),
            under_way: false,
            jobs: Vec::new(),
        }
    }

    /// Prepares it for a play: a dry run looks once who is changing the host, and leaves what it finds where it is.
    pub(super) fn conduct(&mut self, conduct: Conduct) {
        self.peeks = conduct != Conduct::Real && !self.has_peeked;
        self.has_peeked |= self.peeks;
        if let (Some(collected), true) = (&mut self.collected, conduct != self.conduct) {
            collected.clear();
        }
        self.conduct = conduct;
    }

    /// Has every shell begin nothing more of the exchange under way; to be used while somebody waits for that.
    pub fn halting(&self) -> impl Future<Output = ()> + use<> {
        let (halters, host) = (self.halters.clone(), self.host.clone());
        async move {
            let halters = halters.lock().map(|halters| halters.clone()).unwrap_or_default();
            for halter in halters {
                if let Err(error) = halter.halt().await {
                    tracing::warn!(%host, %error, "could not halt what is under way; it goes on to its end");
                }
            }
        }
    }

    /// Closes it; it opens again when it is used.
    pub async fn close(&mut self) {
        self.shells.clear();
        if let Ok(mut halters) = self.halters.lock() {
            halters.clear();
        }
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    /// Connects, if the host is the machine that it was.
    async fn connect(&mut self) -> Result<Session, ConnectError> {
        let known = self.acquaintance.clone();
        if let Some((reason, advice)) =
            known.as_ref().and_then(|known| known.stranger(&self.host, &self.access))
        {
            return Err(ConnectError::Option { host: self.host.clone(), reason, advice });
        }
        let session = transport::connect(&self.host, &self.access.connection, &self.settings).await?;
        if let Some(known) = known {
            known.met(&self.host, &self.access);
        }
        Ok(session)
    }

    pub(super) async fn open(&mut self) -> Result<&Session, ConnectError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        self.host_key = session.host_key();
        Ok(self.session.insert(session))
    }

    /// Carries an exchange out; its shells work side by side.
    ///
    /// # Errors
    /// The host can't be reached, or was lost on the way.
    pub async fn exchange(&mut self, exchange: &Exchange) -> Result<Vec<Vec<Reply>>, Broken> {
        self.open().await.map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?;
        if self.only_asks() {
            return self.ask_all(exchange).await;
        }
        let changes = exchange.shells.iter().flat_map(|work| &work.items).any(is_change);
        if let Some(why) = changes.then(|| self.held()).flatten() {
            return Ok(refused(exchange, &why));
        }
        self.collect_left(exchange.shells.iter().map(|work| &work.user)).await?;
        // An exchange that is given up half-way leaves this set.
        self.under_way = changes;
        let done = self.carried_out(exchange).await;
        self.under_way = false;
        done
    }

    /// Why nothing may be changed on whoever showed this key.
    fn held(&mut self) -> Option<String> {
        if let Some(why) = self.is_another() {
            return Some(why);
        }
        let (admission, key) = (self.admission.as_ref()?, self.host_key.as_ref()?);
        if self.admitted.as_ref() == Some(key) {
            return None;
        }
        let held = admission(&self.host, &self.access.connection, Some(key));
        if held.is_none() {
            self.admitted = Some(key.clone());
        }
        held.map(|held| held_out(&self.host, &held))
    }

    /// Why a plan's changes are not for whoever showed this key.
    fn is_another(&self) -> Option<String> {
        let planned = self.machines.as_ref()?.get(&self.host);
        let none = "none".to_owned();
        (planned != self.host_key.as_ref()).then(|| {
            format!(
                "the plan is for another machine: host key {}, and it shows {}; nothing was sent.\nFor this one make a new plan with --plan-out",
                planned.unwrap_or(&none),
                self.host_key.as_ref().unwrap_or(&none)
            )
        })
    }

    async fn carried_out(&mut self, exchange: &Exchange) -> Result<Vec<Vec<Reply>>, Broken> {
        match exchange.shells.as_slice() {
            [work] if work.items.iter().any(is_apart) => match self.in_parts(work).await {
                Ok(replies) => Ok(vec![replies]),
                Err((before, broken)) => {
                    let nothing_sent = broken.nothing_sent && before.is_empty();
                    let mut replies = before;
                    replies.extend(broken.replies.into_iter().flatten());
                    Err(Broken { replies: vec![replies], nothing_sent, reason: broken.reason })
                }
            },
            shells => self.side_by_side(shells).await,
        }
    }

    /// Carries out changes of which some must not be done in the shell itself, one part after the other, stopping at
    /// the first failure.
    async fn in_parts(&mut self, work: &ShellWork) -> Result<Vec<Reply>, (Vec<Reply>, Broken)> {
        let mut replies: Vec<Reply> = Vec::new();
        for part in
            work.items.chunk_by(|a, b| is_job(a) == is_job(b) && (is_job(a) || !is_apart(a) && !is_apart(b)))
        {
            if replies.iter().any(|reply| !reply.is_success()) {
                replies.extend(part.iter().map(|_| Reply::NotRun));
                continue;
            }
            let result = match part {
                [Item::Apply(change)] if change.delivery == Delivery::Detached => {
                    self.detached(&work.user, change).await.map(|reply| vec![reply])
                }
                [Item::Apply(change)] if change.delivery == Delivery::Login => {
                    self.log_in_again(&work.user, change).await.map(|reply| vec![reply])
                }
                [Item::Apply(first), ..] if matches!(first.delivery, Delivery::Job { .. }) => {
                    self.job(&work.user, first, part).await
                }
                [Item::Apply(change)] if matches!(change.delivery, Delivery::Here(_)) => {
                    Ok(vec![super::keep::write(change)])
                }
                [Item::Apply(change)] if change.delivery != Delivery::Attached => {
                    self.reboot(&work.user, change).await.map(|reply| vec![reply])
                }
                attached => {
                    let requests: Vec<Request> =
                        attached.iter().map(|item| request(item, &work.user)).collect();
                    self.requests(&work.user, requests, purpose(attached)).await
                }
            };
            match result {
                Ok(more) => replies.extend(more),
                Err(broken) => return Err((replies, broken)),
            }
        }
        Ok(replies)
    }

    async fn side_by_side(&mut self, shells: &[ShellWork]) -> Result<Vec<Vec<Reply>>, Broken> {
        let mut lent = Vec::new();
        for work in shells {
            let mut requests: Vec<Request> =
                work.items.iter().map(|item| request(item, &work.user)).collect();
            let front = self.put_in_front(&work.user, purpose(&work.items), &mut requests);
            let first = work.items.iter().position(is_change);
            let user = work.user.shell();
            let shell = self.shells.remove(&user);
            lent.push(((user, front, first), shell, requests));
        }
        let Some(session) = &self.session else {
            return Err(Broken::before_anything("the connection is closed".into()));
        };
        let password = self.access.become_password.as_ref();
        let halters = &self.halters;
        let work = lent.into_iter().map(|(about, shell, requests)| async move {
            let opening = Opening { session, user: &about.0, password, halters };
            let done = carry_out(opening, shell, &requests).await;
            (about, requests.len(), done)
        });
        let mut all = Vec::new();
        let mut broken = None;
        for ((user, front, first), count, (shell, result)) in join_all(work).await {
            let replies = match sort_out(result, count) {
                Ok(replies) => {
                    self.shells.extend(shell.map(|shell| (user, shell)));
                    replies
                }
                Err((replies, why)) => {
                    broken.get_or_insert(why);
                    replies
                }
            };
            all.push(self.behind_front(front, first, replies).await);
        }
        let Some(reason) = broken else { return Ok(all) };
        self.close().await;
        Err(Broken { reason, replies: all, nothing_sent: false })
    }

    /// The replies without the one to what travelled in front. Where that was refused, the first change gets its reason.
    async fn behind_front(
        &mut self,
        front: Front,
        first_change: Option<usize>,
        mut replies: Vec<Reply>,
    ) -> Vec<Reply> {
        if front == Front::Nothing {
            return replies;
        }
        let leading = if replies.is_empty() { None } else { Some(replies.remove(0)) };
        let refused = self.take_front(front, leading).await;
        let place = first_change.and_then(|first| replies.get_mut(first));
        if let (Some(refused), Some(reply)) = (refused, place) {
            *reply = refused;
        }
        replies
    }

    /// Sends requests to one user's shell.
    pub(super) async fn requests(
        &mut self,
        user: &Effective,
        mut requests: Vec<Request>,
        purpose: Purpose,
    ) -> Result<Vec<Reply>, Broken> {
        self.open().await.map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?;
        let front = self.put_in_front(user, purpose, &mut requests);
        let known = self.shells.remove(&user.shell());
        let Some(session) = &self.session else {
            return Err(Broken::before_anything("the connection is closed".into()));
        };
        let password = self.access.become_password.as_ref();
        let opening = Opening { session, user, password, halters: &self.halters };
        let (shell, result) = carry_out(opening, known, &requests).await;
        match sort_out(result, requests.len()) {
            Ok(replies) => {
                self.shells.extend(shell.map(|shell| (user.shell(), shell)));
                Ok(self.behind_front(front, Some(0), replies).await)
            }
            Err((replies, reason)) => {
                self.close().await;
                let replies = vec![self.behind_front(front, Some(0), replies).await];
                Err(Broken { reason, replies, nothing_sent: false })
            }
        }
    }
}

/// That a host is held out, where a task would change it.
pub(super) fn held_out(host: &HostName, held: &HeldOut) -> String {
    format!("{host} is held out: {}", held.message)
}

/// An exchange of which nothing was sent, because something in it may not be done.
pub(super) fn refused(exchange: &Exchange, why: &str) -> Vec<Vec<Reply>> {
    let all = |work: &ShellWork| work.items.iter().map(|_| Reply::Refused(why.to_owned())).collect();
    exchange.shells.iter().map(all).collect()
}
