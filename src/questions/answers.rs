//! The store of answers of one effective user on one host, and what is still wanted.

use super::{Cost, Output, ParseError, Question, Stop, http};
use crate::model::{Argv, Script, Subjects};
use indexmap::IndexMap;
use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What identifies a question to one effective user of one host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// The script's name.
    pub script: &'static str,
    /// Its arguments.
    pub args: Argv,
}

/// A question that is wanted, without its type: all that asking takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The script.
    pub script: Script,
    /// Its arguments.
    pub args: Argv,
    /// What the answer depends on.
    pub reads: Subjects,
    /// What asking costs.
    pub cost: Cost,
    /// Whether the host may go nowhere that it is sent while it finds out.
    pub nearby: bool,
}

impl Asked {
    /// The words that the host gets.
    pub fn words(&self) -> Argv {
        match self.nearby && self.script.name == http::Fetch::SCRIPT.name {
            true => http::nearby(&self.args),
            false => self.args.clone(),
        }
    }

    /// The question's identity.
    pub fn key(&self) -> Key {
        Key { script: self.script.name, args: self.args.clone() }
    }
}

/// What came back: output, or why there is none (a deadline or a limit exceeded).
pub type Raw = Result<Output, String>;

/// What an evaluation has looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    /// Everything that the answers it used depend on.
    pub reads: Subjects,
    /// Names the unapplied change that an answer it used may be stale by.
    pub provisional: Option<String>,
}

struct Stored {
    raw: Raw,
    reads: Subjects,
    /// Whoever asked can't know the answer; why is what `raw` has.
    unseen: bool,
}

/// An answer of any type.
type AnyAnswer = Arc<dyn Any + Send + Sync>;
/// What an answer depends on besides, by its output.
type ReadsToo = fn(&Output) -> Subjects;
type Parsed = Result<AnyAnswer, ParseError>;

/// The answers known so far. Reading it notes what was looked at and what is wanted.
#[derive(Default)]
pub struct Answers {
    stored: HashMap<Key, Stored>,
    parsed: RefCell<HashMap<Key, Parsed>>,
    wanted: RefCell<IndexMap<Key, Asked>>,
    /// How to find out from the output what an answer depends on besides.
    reads_too: RefCell<HashMap<Key, ReadsToo>>,
    looked_at: RefCell<Vec<Subjects>>,
    provisional: RefCell<Option<String>>,
    /// Subjects that a dry run would have touched, each with the name of the task.
    unapplied: Vec<(Subjects, String)>,
}

impl Answers {
    /// Answers one question, or several at once (a tuple or a `Vec`): all that are not known are noted as wanted.
    ///
    /// # Errors
    /// [`Stop::Ask`] when an answer isn't known yet, [`Stop::Refuse`] when the host's answer can't be read.
    pub fn get<A: Ask>(&self, ask: A) -> Result<A::Answers, Stop> {
        ask.ask(self)
    }

    fn one<Q: Question>(&self, question: &Q) -> Result<Arc<Q::Answer>, Stop> {
        let key = Key { script: Q::SCRIPT.name, args: question.args() };
        let Some(stored) = self.stored.get(&key) else {
            let reads = question.reads();
            let (script, args, cost) = (Q::SCRIPT, key.args.clone(), question.cost());
            let asked = Asked { script, args, reads, cost, nearby: false };
            self.reads_too.borrow_mut().insert(key.clone(), Q::reads_too);
            // Who wanted it first may have said how it is asked.
            self.wanted.borrow_mut().entry(key).or_insert(asked);
            return Err(Stop::Ask);
        };
        self.note(&stored.reads);
        if let (true, Err(why)) = (stored.unseen, &stored.raw) {
            return Err(Stop::Unseen(why.clone()));
        }
        let mut parsed = self.parsed.borrow_mut();
        let answer = parsed.entry(key).or_insert_with(|| match &stored.raw {
            Ok(output) => question.parse(output).map(|a| Arc::new(a) as AnyAnswer),
            Err(why) => Err(ParseError(why.clone())),
        });
        match answer {
            Ok(any) => any.clone().downcast::<Q::Answer>().map_err(|_| {
                Stop::refuse(format!("two questions share the script name '{}'", Q::SCRIPT.name))
            }),
            Err(error) => Err(Stop::refuse(format!("{}: {error}", Q::SCRIPT.name))),
        }
    }

    fn note(&self, reads: &Subjects) {
        if let Some((_, cause)) = self.unapplied.iter().find(|(touched, _)| touched.meet(reads)) {
            self.provisional.borrow_mut().get_or_insert_with(|| cause.clone());
        }
        self.looked_at.borrow_mut().push(reads.clone());
    }

    /// Keeps an answer.
    pub fn store(&mut self, asked: &Asked, raw: Raw) {
        let key = asked.key();
        self.parsed.borrow_mut().remove(&key);
        let mut reads = asked.reads.clone();
        if let (Ok(output), Some(reads_too)) = (&raw, self.reads_too.borrow().get(&key)) {
            reads.extend(&reads_too(output));
        }
        self.stored.insert(key, Stored { raw, reads, unseen: false });
    }

    /// Keeps that the answer is nothing that whoever asks can know, and why.
    pub fn store_unseen(&mut self, asked: &Asked, why: String) {
        let key = asked.key();
        self.parsed.borrow_mut().remove(&key);
        self.stored.insert(key, Stored { raw: Err(why), reads: asked.reads.clone(), unseen: true });
    }

    /// Drops every answer that a change of these subjects may have made stale.
    pub fn forget(&mut self, touched: &Subjects) {
        let mut parsed = self.parsed.borrow_mut();
        self.stored.retain(|key, stored| {
            let keep = !stored.reads.meet(touched);
            if !keep {
                parsed.remove(key);
            }
            keep
        });
    }

    /// Drops every answer that depends on anything and isn't to be kept.
    pub fn keep(&mut self, keep: impl Fn(&Key) -> bool) {
        let mut parsed = self.parsed.borrow_mut();
        self.stored.retain(|key, stored| {
            let kept = keep(key) || !stored.reads.meet(&Subjects::Undeclared);
            if !kept {
                parsed.remove(key);
            }
            kept
        });
    }

    /// Drops one answer, which was good for one task only.
    pub fn drop_one(&mut self, key: &Key) {
        self.stored.remove(key);
        self.parsed.borrow_mut().remove(key);
    }

    /// Notes what a dry run would have touched: answers about it are provisional from now on.
    pub fn would_touch(&mut self, touched: Subjects, task: String) {
        self.unapplied.push((touched, task));
    }

    /// How many questions are wanted by now.
    pub fn wanted_count(&self) -> usize {
        self.wanted.borrow().len()
    }

    /// Forgets questions that must not be asked, of those that are wanted besides the first `known`, and says which the first
    /// one is.
    pub fn refuse_wanted(&self, known: usize, refused: impl Fn(&Asked) -> bool) -> Option<&'static str> {
        let mut wanted = self.wanted.borrow_mut();
        let first = wanted.values().skip(known).find(|asked| refused(asked)).map(|asked| asked.script.name);
        let mut number = 0;
        wanted.retain(|_, asked| {
            number += 1;
            number <= known || !refused(asked)
        });
        first
    }

    /// Has what is wanted besides the first `known` asked so that the host goes nowhere that it is sent.
    pub fn keep_nearby(&self, known: usize) {
        for asked in self.wanted.borrow_mut().values_mut().skip(known) {
            asked.nearby = true;
        }
    }

    /// What is wanted.
    pub fn wanted(&self) -> Vec<Asked> {
        self.wanted.borrow().values().cloned().collect()
    }

    /// Takes what is wanted, each question once, in the order in which it was first wanted.
    pub fn take_wanted(&self) -> Vec<Asked> {
        self.wanted.take().into_values().collect()
    }

    /// Takes what has been looked at since the last call.
    pub fn take_reading(&self) -> Reading {
        let mut reads = Subjects::NONE;
        for seen in self.looked_at.take() {
            reads.extend(&seen);
        }
        Reading { reads, provisional: self.provisional.take() }
    }
}

/// What [`Answers::get`] can be asked: one question, a tuple, or a `Vec` of one kind.
pub trait Ask {
    /// The answers, in the same arrangement.
    type Answers;
    /// Looks the answers up; asks for every one that is missing before it stops.
    ///
    /// # Errors
    /// As [`Answers::get`].
    fn ask(self, answers: &Answers) -> Result<Self::Answers, Stop>;
}

impl<Q: Question> Ask for Q {
    type Answers = Arc<Q::Answer>;
    fn ask(self, answers: &Answers) -> Result<Self::Answers, Stop> {
        answers.one(&self)
    }
}

impl<A: Ask, B: Ask> Ask for (A, B) {
    type Answers = (A::Answers, B::Answers);
    fn ask(self, answers: &Answers) -> Result<Self::Answers, Stop> {
        let (a, b) = (self.0.ask(answers), self.1.ask(answers));
        Ok((a?, b?))
    }
}

impl<A: Ask, B: Ask, C: Ask> Ask for (A, B, C) {
    type Answers = (A::Answers, B::Answers, C::Answers);
    fn ask(self, answers: &Answers) -> Result<Self::Answers, Stop> {
        let (a, b, c) = (self.0.ask(answers), self.1.ask(answers), self.2.ask(answers));
        Ok((a?, b?, c?))
    }
}

impl<A: Ask> Ask for Vec<A> {
    type Answers = Vec<A::Answers>;
    fn ask(self, answers: &Answers) -> Result<Self::Answers, Stop> {
        let all: Vec<_> = self.into_iter().map(|one| one.ask(answers)).collect();
        all.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Subject;

    struct Size(&'static str);
    impl Question for Size {
        type Answer = u64;
        const SCRIPT: Script = Script { name: "test_size", text: "wc -c < \"$1\"" };
        fn args(&self) -> Argv {
            [self.0].into()
        }
        fn reads(&self) -> Subjects {
            [Subject::path(self.0)].into()
        }
        fn parse(&self, output: &Output) -> Result<u64, ParseError> {
            output.text().trim().parse().map_err(|_| ParseError::new("a number", output))
        }
    }

    fn answered(pairs: &[(&'static str, &str)]) -> Answers {
        let mut answers = Answers::default();
        for (path, size) in pairs {
            assert_eq!(answers.get(Size(path)), Err(Stop::Ask));
            let asked = answers.take_wanted().remove(0);
            answers.store(&asked, Ok(Output::ok(*size)));
        }
        answers
    }

    #[test]
    fn a_question_wanted_twice_is_asked_once_and_all_of_a_group_are_asked_together() {
        let answers = Answers::default();
        assert_eq!(answers.get((Size("/a"), Size("/b"))), Err(Stop::Ask));
        assert_eq!(answers.get(Size("/a")), Err(Stop::Ask));
        assert_eq!(answers.take_wanted().len(), 2);
        assert!(answers.take_wanted().is_empty());
    }

    #[test]
    fn a_change_drops_the_answers_it_touches_and_no_others() {
        let mut answers = answered(&[("/etc/a", "1"), ("/srv/b", "2")]);
        answers.forget(&[Subject::path("/etc")].into());
        assert_eq!(answers.get(Size("/etc/a")), Err(Stop::Ask));
        assert_eq!(*answers.get(Size("/srv/b")).unwrap(), 2);
        answers.forget(&Subjects::Undeclared);
        assert_eq!(answers.get(Size("/srv/b")), Err(Stop::Ask));
    }

    struct Followed;
    impl Question for Followed {
        type Answer = String;
        const SCRIPT: Script = Script { name: "test_followed", text: "readlink /etc/link" };
        fn args(&self) -> Argv {
            Argv::default()
        }
        fn reads(&self) -> Subjects {
            [Subject::path("/etc/link")].into()
        }
        fn reads_too(output: &Output) -> Subjects {
            [Subject::path(&output.text())].into()
        }
        fn parse(&self, output: &Output) -> Result<String, ParseError> {
            Ok(output.text().into_owned())
        }
    }

    #[test]
    fn a_change_to_what_a_link_led_to_drops_the_answer_about_the_link() {
        let mut answers = Answers::default();
        assert_eq!(answers.get(Followed), Err(Stop::Ask));
        let asked = answers.take_wanted().remove(0);
        answers.store(&asked, Ok(Output::ok("/srv/file")));
        answers.forget(&[Subject::path("/srv/other")].into());
        assert!(answers.get(Followed).is_ok());
        answers.forget(&[Subject::path("/srv/file")].into());
        assert_eq!(answers.get(Followed), Err(Stop::Ask));
    }

    #[test]
    fn an_answer_that_an_unapplied_change_touches_is_provisional_and_names_it() {
        let mut answers = answered(&[("/etc/a", "1"), ("/srv/b", "2")]);
        answers.would_touch([Subject::path("/etc")].into(), "write the config".into());
        assert!(answers.get(Size("/srv/b")).is_ok());
        assert_eq!(answers.take_reading().provisional, None);
        assert!(answers.get(Size("/etc/a")).is_ok());
        assert_eq!(answers.take_reading().provisional.as_deref(), Some("write the config"));
    }

    #[test]
    fn what_nobody_can_know_is_no_failure_and_what_it_would_have_read_is_noted() {
        let mut answers = Answers::default();
        assert_eq!(answers.get(Size("/a")), Err(Stop::Ask));
        let asked = answers.take_wanted().remove(0);
        answers.store_unseen(&asked, "only root reads /a".into());
        assert_eq!(answers.get(Size("/a")), Err(Stop::Unseen("only root reads /a".into())));
        assert_eq!(answers.take_reading().reads, [Subject::path("/a")].into());
        answers.forget(&[Subject::path("/a")].into());
        assert_eq!(answers.get(Size("/a")), Err(Stop::Ask));
    }

    #[test]
    fn an_unreadable_answer_is_kept_and_refused_when_it_is_needed() {
        let answers = answered(&[("/a", "nonsense")]);
        let Err(Stop::Refuse(refusal)) = answers.get(Size("/a")) else { panic!("expected a refusal") };
        assert!(refusal.message.contains("expected a number"), "{}", refusal.message);
    }
}
