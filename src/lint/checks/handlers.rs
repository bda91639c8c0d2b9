//! Handlers: notified and not there, there and never notified, lists without any.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::{self, Task};
use crate::lint::tree::Kind;
use crate::load::Node;
use crate::model::nearest;

pub(super) fn document(desk: &mut Desk<'_>) {
    let document = desk.document;
    for play in document.plays() {
        if let Some(handlers) = play.get("handlers").filter(|node| is_empty(node)) {
            desk.say(&rules::EMPTY_HANDLERS, &handlers.place, "the play has no handlers", None);
        }
        play.get("notify").into_iter().for_each(|node| notified(desk, node));
    }
    if document.kind == Kind::Handlers && document.node.as_ref().is_some_and(is_empty) {
        let place = document.file.place(1, 1);
        desk.say(&rules::EMPTY_HANDLERS, &place, "the file holds no handlers", Some("remove it".into()));
    }
    document.each_block(&mut |block| {
        block.get("notify").into_iter().for_each(|node| notified(desk, node));
        rescue(desk, block);
    });
}

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    task.own("notify").into_iter().for_each(|node| notified(desk, node));
    if !task.is_handler {
        return;
    }
    let topics = task.own("listen").into_iter().flat_map(Node::items);
    let names: Vec<String> = topics.chain(task.own("name")).filter_map(|name| name.word().ok()).collect();
    let includes = task.call.as_ref().is_some_and(|call| task::is_action(&call.name));
    if let Some(name) =
        names.last().filter(|_| !includes && !names.iter().any(|name| desk.index.is_notified(name)))
    {
        let message = format!("nothing notifies '{name}'");
        desk.say(&rules::UNUSED_HANDLER, &task.node.place, message, None);
    }
}

fn is_empty(node: &Node) -> bool {
    node.is_null() || node.list().is_ok_and(<[Node]>::is_empty)
}

fn notified(desk: &mut Desk<'_>, node: &Node) {
    for name in node.items() {
        let Ok(word) = name.word() else { continue };
        if word.contains("{{") || desk.index.has_handler(&word) {
            continue;
        }
        let help = nearest(&word, desk.index.handlers()).map(|near| format!("did you mean '{near}'?"));
        if help.is_none() && desk.index.has_unknown_handlers() {
            continue;
        }
        let message = format!("no handler is called '{word}' or listens to it");
        desk.say(&rules::UNDEFINED_HANDLER, &name.place, message, help);
    }
}

/// A `rescue` where every task of the block ignores its failures, or cannot fail.
fn rescue(desk: &mut Desk<'_>, block: &Node) {
    let (Some(rescue), Some(tasks)) = (block.get("rescue"), block.get("block")) else { return };
    let mut can_fail = false;
    let ignored = block.get("ignore_errors").is_some_and(task::is_yes);
    task::each_task(tasks, false, &[], &mut |task| {
        let never = task.own("failed_when").is_some_and(|node| node.bool() == Ok(false));
        // A template can fail, and people rescue just that.
        let is_plain = |call: &task::Call| !call.args.iter().any(|(_, value)| value.is_template());
        let says = task.call.as_ref().is_some_and(|call| call.name == "debug" && is_plain(call));
        can_fail |= !(task.is_set("ignore_errors") || never || says);
    });
    if ignored || !can_fail {
        let help = "let a task of the block fail, or leave 'rescue' out".to_owned();
        desk.say(&rules::UNREACHABLE_RESCUE, &rescue.place, "nothing in the block can fail", Some(help));
    }
}
