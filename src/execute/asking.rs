//! A host that is asked through the gate: one account answers in everybody's place, nothing is ever changed, and what it
//! isn't shown is said to be unseen. All that an exchange asks still travels at once.

use super::connection::{Broken, HostConnection, OUTPUT_BYTES_MAX};
use crate::model::{Argv, ConnectionKind, Environment, Script};
use crate::plan::{Effective, Exchange, Item, Reply, ShellWork};
use crate::questions::gate::{SEE, Sight, sees_all, sight};
use crate::questions::{Asked, Cost};
use crate::transport::{OnFailure, Request};
use std::time::Duration;

/// How a reply is made of those that the gate sends.
enum Way {
    /// It is the next one.
    Next,
    /// It is the next but one, where the next says that these places can be looked at.
    Behind(Vec<String>),
    /// None was asked for.
    Said(Reply),
}

impl HostConnection {
    /// Whether it ends at the gate.
    pub(super) fn only_asks(&self) -> bool {
        self.access.connection.kind == ConnectionKind::Gate
    }

    /// Asks all that an exchange asks, whoever was to ask it.
    ///
    /// # Errors
    /// The host was lost on the way.
    pub(super) async fn ask_all(&mut self, exchange: &Exchange) -> Result<Vec<Vec<Reply>>, Broken> {
        let (mut requests, mut ways) = (Vec::new(), Vec::new());
        for work in &exchange.shells {
            ways.push(work.items.iter().map(|item| way(item, work, &mut requests)).collect::<Vec<_>>());
        }
        let told = match requests.is_empty() {
            true => Vec::new(),
            false => self.through_gate(requests).await?,
        };
        let mut told = told.into_iter();
        Ok(ways.into_iter().map(|ways| ways.into_iter().map(|way| read(way, &mut told)).collect()).collect())
    }

    async fn through_gate(&mut self, requests: Vec<Request>) -> Result<Vec<Reply>, Broken> {
        let (nobody_else, count) = (Effective::default(), requests.len());
        let mut replies = self.requests(&nobody_else, requests, super::lock::Purpose::Look).await?;
        replies.resize_with(count, || Reply::NotRun);
        Ok(replies)
    }
}

fn way(item: &Item, work: &ShellWork, requests: &mut Vec<Request>) -> Way {
    let Item::Ask(asked) = item else {
        return Way::Said(Reply::Refused("this connection carries questions and no changes".into()));
    };
    if !work.user.environment.is_empty() {
        return unseen(asked, "is asked with variables in its environment, which a shadow can't set");
    }
    match sight(asked) {
        Sight::Unseen => unseen(asked, "is not answered to a shadow"),
        Sight::Same => {
            requests.push(request(asked.script, asked.args.clone(), asked.cost));
            Way::Next
        }
        Sight::Places(places) => {
            requests.push(request(SEE, Argv(places.clone()), Cost::Cheap));
            requests.push(request(asked.script, asked.args.clone(), asked.cost));
            Way::Behind(places)
        }
    }
}

fn unseen(asked: &Asked, why: &str) -> Way {
    Way::Said(Reply::Unseen(format!("{} {why}", asked.script.name)))
}

fn read(way: Way, told: &mut impl Iterator<Item = Reply>) -> Reply {
    let mut next = || told.next().unwrap_or(Reply::NotRun);
    match way {
        Way::Said(reply) => reply,
        Way::Next => known(next()),
        Way::Behind(places) => {
            let (seen, answer) = (next(), next());
            match seen {
                Reply::Done(output) if sees_all(&output, places.len()) => known(answer),
                Reply::Done(_) => Reply::Unseen(format!("root alone sees {}", named(&places))),
                other => known(other),
            }
        }
    }
}

/// Places as people write them.
fn named(places: &[String]) -> String {
    let paths = places.iter().map(|place| place.split_once(':').map_or(place.as_str(), |(_, path)| path));
    paths.collect::<Vec<_>>().join(", ")
}

/// What the gate doesn't know is as unseen as what it doesn't show.
fn known(reply: Reply) -> Reply {
    match reply {
        Reply::Failed(why) if why.starts_with("wgops: ") => Reply::Unseen(
            "the host's gate is of another wgops: an operator types 'wgops access sync'".to_owned(),
        ),
        reply => reply,
    }
}

fn request(script: Script, args: Argv, cost: Cost) -> Request {
    let deadline: Duration = match cost {
        Cost::Cheap => Cost::CHEAP_DEADLINE,
        Cost::Slow { deadline } | Cost::Costly { deadline } => deadline,
    };
    Request {
        script,
        environment: Environment::default(),
        args,
        content: None,
        deadline,
        output_bytes_max: OUTPUT_BYTES_MAX,
        on_failure: OnFailure::Continue,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subjects;
    use crate::modules::Change;
    use crate::questions::{Output, Question, boot::BootId, cron::Crontab, files::Inspect};

    fn asked<Q: Question>(question: &Q) -> Item {
        let (script, args, reads, cost) = (Q::SCRIPT, question.args(), question.reads(), question.cost());
        Item::Ask(Asked { script, args, reads, cost, nearby: false })
    }

    /// What is sent for items, and what comes of these replies.
    fn through(items: Vec<Item>, user: Effective, replies: Vec<Reply>) -> (Vec<&'static str>, Vec<Reply>) {
        let work = ShellWork { user, items };
        let mut requests = Vec::new();
        let ways: Vec<Way> = work.items.iter().map(|item| way(item, &work, &mut requests)).collect();
        let mut replies = replies.into_iter();
        let read = ways.into_iter().map(|way| read(way, &mut replies)).collect();
        (requests.iter().map(|request| request.script.name).collect(), read)
    }

    fn done(text: &str) -> Reply {
        Reply::Done(Output::ok(text))
    }

    #[test]
    fn what_can_be_seen_is_answered_and_what_can_t_is_told() {
        let inspect = || asked(&Inspect::path("/root/x"));
        let crontab = asked(&Crontab { user: "root".into() });
        let items = vec![asked(&BootId), inspect(), crontab, inspect()];
        let replies = vec![done("id"), done("no\n"), done("nothing"), done("yes\n"), done("there")];
        let (sent, read) = through(items, Effective::user("root"), replies);
        assert_eq!(sent, ["boot_id", "see", "inspect", "see", "inspect"]);
        assert_eq!(read[0], done("id"));
        assert_eq!(read[1], Reply::Unseen("root alone sees /root/x".into()));
        assert_eq!(read[2], Reply::Unseen("list_crontab is not answered to a shadow".into()));
        assert_eq!(read[3], done("there"));
    }

    #[test]
    fn a_question_that_the_gate_doesn_t_know_is_unseen_and_a_change_is_refused() {
        let unknown = Reply::Failed("wgops: this gate does not know the question".into());
        let script = Script { name: "x", text: "touch /x" };
        let change = Change::state("touch it", script, [""; 0], Subjects::Undeclared);
        let items = vec![asked(&BootId), Item::Apply(Box::new(change))];
        let (sent, read) = through(items, Effective::default(), vec![unknown]);
        assert_eq!(sent, ["boot_id"]);
        assert!(matches!(&read[0], Reply::Unseen(why) if why.contains("wgops access sync")), "{read:?}");
        assert!(matches!(&read[1], Reply::Refused(_)));
    }
}
