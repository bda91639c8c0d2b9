//! What is new in the ops repository since the last run, as far as it decides what a job may do: it is told before hosts are changed,
//! and a dry run carries nothing out that is new before somebody said yes to it.

use super::Job;
use crate::cli::forced::Forced;
use crate::cli::ledger::{Verified, verified_of};
use crate::cli::news::{self, Close, News};
use crate::cli::{Exit, Failure, ask};
use crate::execute::{Order, Prepared};
use crate::ledger::Kind;
use crate::plan::{Conduct, foresee};
use std::path::Path;

/// What of the ledger a job minds before it begins.
struct Found {
    verified: Verified,
    news: News,
}

impl Job<'_> {
    /// What is new in the ops repository, where somebody is about to change hosts by it; and a clock that is wrong.
    pub(super) fn tell_news(&self, prepared: &Prepared) -> Result<(), Failure> {
        let changes = self.is_about_to_change();
        let Some(root) = self.repository.root().filter(|_| changes) else { return Ok(()) };
        let Some(Found { verified, news }) = self.news(root, &prepared.order)? else { return Ok(()) };
        news::tell_clock(self.console, &verified.record);
        news::tell_set_aside(self.console, &verified.report);
        // Claims are asked of the record alone, and who takes an entry out of it takes its claim out. What somebody without a key
        // puts into it says nothing, and stops nobody.
        if let Some(found) = verified.report.gone().filter(|_| self.break_glass().is_none()) {
            let message = format!("whether somebody claimed these hosts can't be told: {found}");
            return Err(Failure::new(Exit::Refused, message).hint(found.way_out()));
        }
        if self.minds_the_hour()
            && self.break_glass().is_none()
            && let Some(roster) = &self.who.roster
        {
            let now = jiff::Zoned::now();
            if let Some(found) = verified.record.unclear_claim(roster, now.timestamp(), now.date()) {
                let message = format!("whose hosts are claimed can't be told: {found}");
                return Err(Failure::new(Exit::Refused, message).hint(found.way_out()));
            }
        }
        let is_vault = |public: &crate::ledger::Public| public.kind == Kind::Vault;
        let any = verified.record.entries().any(|(_, entry)| entry.public.as_ref().is_ok_and(is_vault));
        self.has_sealed.set(any);
        if !news.said.is_empty() {
            self.console.tell(&news.said);
        }
        match news.no_history {
            Some(why) if !self.allows_dirty() => {
                Err(Failure::new(Exit::Refused, format!("what changed can't be told: {why}")).hint(
                    "'git fetch --unshallow', or pull; or go on with --allow-dirty as if all of it were new",
                ))
            }
            _ => Ok(()),
        }
    }

    fn news(&self, root: &Path, order: &Order) -> Result<Option<Found>, Failure> {
        let Some(roster) = &self.who.roster else { return Ok(None) };
        let verified = verified_of(root, roster, &news::KINDS)?;
        let me = self.who.identity.proven().map(|proven| &proven.operator);
        let close = self.close(order);
        let news = News::gather(root, (&verified.record, &verified.report), me, &close);
        Ok(Some(Found { verified, news }))
    }

    /// The files that are about to be run.
    fn close(&self, order: &Order) -> Close {
        let plays = order.plays.iter().map(|(play, _)| foresee(play, &order.templates).0);
        let files = plays.flatten().map(|seen| self.repository.named(Path::new(seen.task.file())));
        let playbooks = self.errand.playbooks.iter().map(|playbook| self.repository.named(&playbook.file));
        Close { playbooks: playbooks.collect(), files: files.collect() }
    }

    /// Has a dry run of somebody cleared foretell tasks with `check_mode: false` like all others, unless nothing is new since the last
    /// run, or they say yes to what is: whoever can push would otherwise have a task done that nobody has seen.
    pub(super) fn foretell_what_is_new(&self, prepared: &mut Prepared) -> Result<(), Failure> {
        let order = &prepared.order;
        if order.conduct != Conduct::DryButForced || !Forced::of(order).any() {
            return Ok(());
        }
        let Some(root) = self.repository.root() else { return Ok(()) };
        let Some(Found { verified, news }) = self.news(root, order)? else { return Ok(()) };
        let is_whole = verified.report.gone().is_none();
        let flag = self.allows_dirty() && news.is_allowed_by_flag();
        if is_whole && (news.said.is_empty() || flag) || self.says_yes(&news)? {
            return Ok(());
        }
        prepared.order.conduct = Conduct::Dry;
        let way = match (news.is_allowed_by_flag(), is_whole) {
            (_, false) => "see 'wgops ledger verify'",
            (true, _) => "commit it and run it once, type 'yes' at a terminal, or give --allow-dirty",
            (false, _) => "look at it, then type 'yes' at a terminal",
        };
        drop(self.held_back.set(format!(
            "tasks with 'check_mode: false' are foretold, too, for nobody said yes to what is new in the ops repository: {way}"
        )));
        Ok(())
    }

    fn says_yes(&self, news: &News) -> Result<bool, Failure> {
        self.console.tell(&news.said);
        if !self.console.is_interactive() {
            return Ok(false);
        }
        let prompt = "Tasks with 'check_mode: false' are carried out in a dry run, too. Type 'yes' to have that done with what is new, \
                      or nothing to have it foretold: ";
        Ok(ask::types(self.console, prompt)? == "yes")
    }

    /// Whether what is not committed was allowed.
    pub(super) fn allows_dirty(&self) -> bool {
        self.errand.cause.as_ref().is_some_and(|cause| cause.allow_dirty)
    }
}
