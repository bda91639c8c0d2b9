//! `rescue` and `always`: where a host goes on when a task failed.
//!
//! A block is opened into the queue with marks around its parts. A failure drops what is left up to the nearest mark of a
//! block that the host is in; marks of blocks that it never entered are counted and passed over.

use super::host_run::{HostRun, Queued, opened};
use super::scope::Layer;
use super::task::{BlockSteps, Step};
use super::unit::{Running, UnitEnd};
use super::way::Way;
use crate::event::{Event, Status};
use crate::model::{Map, Value};
use crate::template::Binding;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;

/// A part of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Main,
    Rescue,
    Always,
}

/// The end of a part of a block that has `rescue` or `always`.
pub(super) struct Mark {
    block: Arc<BlockSteps>,
    way: Way,
    /// What an include gives its tasks.
    given: Arc<Layer>,
    part: Part,
    /// Behind `always`: the block failed, and nothing made it good.
    failed: bool,
    /// What a dry run had left undone when it came to the block.
    undone_before: usize,
}

/// A block as the queue has it.
pub(super) fn block(block: &Arc<BlockSteps>, way: &Way, given: &Arc<Layer>) -> Vec<Queued> {
    let mark = |part| {
        let block = block.clone();
        Queued::End(Box::new(Mark {
            block,
            way: way.clone(),
            given: given.clone(),
            part,
            failed: false,
            undone_before: usize::MAX,
        }))
    };
    let mut queued = vec![Queued::Begin];
    queued.extend(opened(&block.main, way, 0, given));
    queued.push(mark(Part::Main));
    queued.extend(opened(&block.always, way, block.main.len() + block.rescue.len(), given));
    queued.push(mark(Part::Always));
    queued
}

/// The mark of this part of the block that the head of the queue is in.
fn mark_of(queue: &mut VecDeque<Queued>, part: Part) -> Option<&mut Mark> {
    let mut depth = 0_usize;
    let found = queue.iter().position(|queued| match queued {
        Queued::Begin => {
            depth += 1;
            false
        }
        Queued::End(mark) if depth > 0 => {
            depth -= usize::from(mark.part == Part::Always);
            false
        }
        Queued::End(mark) => mark.part == part,
        _ => false,
    });
    match queue.get_mut(found?) {
        Some(Queued::End(mark)) => Some(mark),
        _ => None,
    }
}

impl HostRun {
    /// A block begins.
    pub(super) fn enter_block(&mut self) {
        let undone = self.ground.unapplied.len();
        if let Some(mark) = mark_of(&mut self.queue, Part::Main) {
            mark.undone_before = undone;
        }
    }

    /// A part of a block is through.
    pub(super) fn leave_part(&mut self, mark: &Mark) {
        match mark.part {
            Part::Main if self.ground.unapplied.len() > mark.undone_before => self.only_if(mark),
            Part::Main | Part::Rescue => {}
            Part::Always if mark.failed => self.fail_over(),
            Part::Always => {}
        }
    }

    /// Whether a block that the host is in has a rescue for what fails now.
    pub(super) fn is_rescuing(&self) -> bool {
        let mut depth = 0_usize;
        self.queue.iter().any(|queued| match queued {
            Queued::Begin => {
                depth += 1;
                false
            }
            Queued::End(mark) if depth > 0 => {
                depth -= usize::from(mark.part == Part::Always);
                false
            }
            Queued::End(mark) => mark.part == Part::Main && !mark.block.rescue.is_empty(),
            _ => false,
        })
    }

    /// Goes on where a failure leads: to a rescue, to what is always done, or nowhere.
    pub(super) fn fail_over(&mut self) {
        let mut depth = 0_usize;
        while let Some(queued) = self.queue.pop_front() {
            let mark = match queued {
                Queued::Begin => {
                    depth += 1;
                    continue;
                }
                Queued::End(mark) => mark,
                Queued::Task(running) => {
                    self.notify_again(&running);
                    self.leave_task(*running);
                    continue;
                }
                _ => continue,
            };
            if depth > 0 {
                depth -= usize::from(mark.part == Part::Always);
                continue;
            }
            match mark.part {
                Part::Main if !mark.block.rescue.is_empty() && !self.stopping => return self.rescue(*mark),
                Part::Main | Part::Rescue => {
                    if let Some(end) = mark_of(&mut self.queue, Part::Always) {
                        end.failed = true;
                    }
                    return;
                }
                Part::Always => {}
            }
        }
        self.failed |= !self.stopping;
        if self.failed && self.play.force_handlers {
            self.queue.push_back(Queued::Flush(Way::end()));
        }
    }

    /// A handler that was not come to, because one before it failed, is still notified.
    fn notify_again(&mut self, running: &Running) {
        let is_it = |handler: &Arc<super::task::Task>| Arc::ptr_eq(handler, &running.task);
        if let (true, Some(index)) = (running.begun.is_none(), self.handlers.iter().position(is_it)) {
            self.flushed.remove(&index);
            if !self.notified.iter().any(|(known, _)| *known == index) {
                self.notified.push((index, running.uncertain.clone()));
            }
        }
    }

    fn rescue(&mut self, mark: Mark) {
        let begins = mark.block.main.len();
        let mut rescue = opened(&mark.block.rescue, &mark.way, begins, &mark.given);
        rescue.push(Queued::End(Box::new(Mark { part: Part::Rescue, ..mark })));
        for queued in rescue.into_iter().rev() {
            self.queue.push_front(queued);
        }
    }

    /// What a rescue may look at: the task that failed, and its result.
    pub(super) fn note_failure(&mut self, running: &Running, name: &str, result: &Map, tainted: bool) {
        // Its own name: the role in front of it is for people.
        let role = running.task.name.strip_suffix(running.task.title.as_str()).unwrap_or_default();
        let task = json!({
            "name": name.strip_prefix(role).unwrap_or(name),
            "action": running.task.module.name,
            "args": if self.ground.hides(&running.task, &running.layer) { Value::Null } else { Value::Object(running.task.args.clone()) },
            "ignore_errors": false,
            "register": running.task.register,
        });
        self.ground.variables.set("ansible_failed_task".into(), Binding::Data(Arc::new(task)));
        let result = super::finish::bound(Value::Object(result.clone()), tainted);
        self.ground.variables.set("ansible_failed_result".into(), result);
    }

    /// A dry run: what is done in a block may fail, and then this is done.
    fn only_if(&mut self, mark: &Mark) {
        let mut rescue: VecDeque<&Step> = mark.block.rescue.iter().collect();
        while let Some(step) = rescue.pop_front() {
            match step {
                Step::Task(task) => {
                    let mut running = Running::new(task.clone(), None);
                    running.without_loop();
                    for unit in running.units.iter_mut().flatten() {
                        unit.end(UnitEnd::plain(Status::Skipped, Some("only if the block fails".into())));
                    }
                    let whole = self.whole(&running);
                    self.counts.add(&whole.event);
                    self.events.push(Event::TaskEnds(Box::new(whole.event)));
                }
                Step::Block(block) => {
                    for inner in block.always.iter().rev().chain(block.main.iter().rev()) {
                        rescue.push_front(inner);
                    }
                }
                _ => {}
            }
        }
    }
}
