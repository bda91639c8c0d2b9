//! `--start-at-task`: nothing comes before the task of that name but gathering facts in its play.

use super::task::{BlockSteps, Play, Step, Task};
use crate::modules::{Effect, Facts};
use std::sync::Arc;

/// Leaves out what stands before the first task of this name, over plays in order; whether there is one.
pub fn start_at(plays: &mut [&mut Arc<Play>], name: &str) -> bool {
    let mut found = false;
    for play in plays {
        if found {
            break;
        }
        let Some(play) = Arc::get_mut(play) else { continue };
        let steps = std::mem::take(&mut play.steps);
        let facts = steps.iter().take(1).filter(|step| is_gathering(step)).cloned().collect::<Vec<_>>();
        let rest = from(steps, name, &mut found);
        play.steps = if found { facts.into_iter().chain(rest).collect() } else { Vec::new() };
    }
    found
}

fn is_gathering(step: &Step) -> bool {
    matches!(step, Step::Task(task) if task.module.effect == Effect::Facts(Facts::Gathered) && task.title == "Gathering Facts")
}

/// The steps from the task of this name on.
fn from(steps: Vec<Step>, name: &str, found: &mut bool) -> Vec<Step> {
    let mut kept = Vec::new();
    for step in steps {
        match step {
            step if *found => kept.push(step),
            Step::Task(task) => {
                if is_called(&task, name) {
                    *found = true;
                    kept.push(Step::Task(task));
                }
            }
            Step::Block(block) => {
                let main = from(block.main.clone(), name, found);
                if *found {
                    let (rescue, always) = (block.rescue.clone(), block.always.clone());
                    kept.push(Step::Block(Arc::new(BlockSteps { main, rescue, always })));
                }
            }
            // What is around tasks belongs to those that are kept.
            Step::RoleBegins(_) | Step::RoleEnds(_) => kept.push(step),
            Step::FlushHandlers | Step::Barrier => {}
        }
    }
    kept
}

/// Whether a task goes by a name, or by a pattern of names.
fn is_called(task: &Task, name: &str) -> bool {
    let is_like = |known: &str| known == name || matches(known, name);
    is_like(&task.name) || is_like(&task.title)
}

/// Whether a pattern with `*` and `?` matches the whole of a name.
fn matches(name: &str, pattern: &str) -> bool {
    let mut chars = pattern.chars();
    let rest = |text: &str| text.chars().next().map(|c| text.split_at(c.len_utf8()).1.to_owned());
    match chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let behind = chars.as_str();
            let places = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            places.into_iter().any(|at| name.get(at..).is_some_and(|end| matches(end, behind)))
        }
        Some('?') => rest(name).is_some_and(|end| matches(&end, chars.as_str())),
        Some(c) => name.strip_prefix(c).is_some_and(|end| matches(end, chars.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_whole_names() {
        for (name, pattern) in
            [("start nginx", "start*"), ("start nginx", "*nginx"), ("aé", "a?"), ("a", "*"), ("abc", "a*c")]
        {
            assert!(matches(name, pattern), "{name} {pattern}");
        }
        for (name, pattern) in [("restart", "start*"), ("ab", "a"), ("", "?"), ("abd", "a*c")] {
            assert!(!matches(name, pattern), "{name} {pattern}");
        }
    }
}
