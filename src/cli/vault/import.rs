//! `wgops vault import`: takes over what ansible-vault sealed with a password, whole files and single values, and what
//! somebody sealed with age outside.

use super::super::{Console, Exit, Failure, ask};
use super::desk::{Desk, Target, ToSeal};
use super::files::bytes_of;
use crate::ledger::{SealAct, SealedValue};
use crate::load::{Node, NodeValue, Problems, TextFile};
use crate::model::{Digest, Secret, is_sealed, nearest};
use crate::report::one_line;
use crate::vault::{
    AnsibleError, Keys, Readers, Sheet, State, Subject, digest, file_digest, is_ansible, open_ansible,
};
use clap::Args;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Take over what ansible-vault sealed, files and values, and what was sealed with age outside
///
/// A file of variables that ansible-vault sealed as a whole comes back with each of its texts sealed; any other file
/// becomes one age file under the same name. What was sealed with age by hand is opened, and sealed anew for the
/// file's readers. The old password has opened all of it: 'wgops vault set' makes it new. A common word ('root',
/// 'localhost') that is no secret had better stay plain: a task that would show a sealed value is refused.
#[derive(Args)]
pub struct Import {
    /// The files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Read a password of ansible-vault from the first line of this file; several times for several
    #[arg(long, value_name = "FILE")]
    password_file: Vec<PathBuf>,
    /// Leave this value of a file of variables unsealed, for it is no secret; several times for several
    #[arg(long, value_name = "NAME")]
    plain: Vec<String>,
}

/// Open values by name.
type Open = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// What is known of passwords so far.
struct Passwords<'a> {
    console: &'a Console,
    known: Vec<Secret>,
    may_ask: bool,
}

impl Import {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::to_seal(console)?;
        let known = self.password_file.iter().map(|file| ask::secret_file(console, file));
        let known = known.collect::<Result<Vec<_>, _>>()?;
        let may_ask = known.is_empty();
        let mut passwords = Passwords { console, known, may_ask };
        for file in &self.files {
            let target = desk.target(file)?;
            let count = import(&desk, &target, &mut passwords, &self.plain)?;
            console.tell(&match count {
                0 => format!("{}: nothing to take over.\n", target.file),
                1 => format!("{}: one value is sealed now.\n", target.file),
                n => format!("{}: {n} values are sealed now.\n", target.file),
            });
        }
        console.tell("Commit the files with the ledger.\n");
        Ok(Exit::Well)
    }
}

fn import(
    desk: &Desk<'_>,
    target: &Target,
    passwords: &mut Passwords<'_>,
    plain: &[String],
) -> Result<usize, Failure> {
    let readers = desk.readers_with_me(target)?;
    let bytes = bytes_of(&target.path)?;
    let text = String::from_utf8_lossy(&bytes);
    if !plain.is_empty() && !is_ansible(&text) {
        let message = format!("{} is no file of variables that ansible-vault sealed as a whole", target.file);
        return Err(Failure::usage(message).hint("'--plain' is about such files alone"));
    }
    if is_sealed(&bytes) {
        return whole_age(desk, target, &readers, &bytes);
    }
    if is_ansible(&text) {
        return whole_ansible(desk, target, &readers, passwords, (&text, plain));
    }
    let sheet = Sheet::read(&target.path)?;
    let mut plain: Open = BTreeMap::new();
    for found in sheet.of_ansible() {
        plain.insert(
            found.name.clone(),
            passwords.open(&found.text, &format!("{} {}", target.file, found.name))?,
        );
    }
    let mut keys: Option<Keys> = None;
    for found in sheet.sealed() {
        let subject = Subject { file: target.file.clone(), name: Some(found.name.clone()) };
        if matches!(desk.history.state(&subject, digest(&found.text)), State::Newest(_)) {
            continue;
        }
        no_copy(desk, &subject, digest(&found.text))?;
        let keys = match &mut keys {
            Some(keys) => keys,
            empty => empty.insert(desk.keys()?),
        };
        plain.insert(found.name.clone(), desk.holds_unvouched(keys, found.text.as_bytes())?);
        tell_whose(desk, &subject);
    }
    tell_templates(desk, target, &plain);
    seal_values(desk, target, &readers, &sheet, (plain, None))
}

/// What wgops sealed itself is taken over nowhere: a copy under another name would be sealed for that name's readers, and an older
/// value would be the newest again.
fn no_copy(desk: &Desk<'_>, subject: &Subject, digest: Digest) -> Result<(), Failure> {
    let Some((known, seal)) = desk.history.elsewhere(subject, digest) else { return Ok(()) };
    let what = format!("{known}, generation {}, sealed by {}", seal.value.generation, seal.by);
    let message = format!("{subject} is a copy of {what}: it is not taken over");
    Err(Failure::new(Exit::Refused, one_line(&message).into_owned())
        .hint("find out who put it there ('git log'); 'wgops vault set' seals a value of your own"))
}

/// Whoever takes over a value that somebody sealed with age answers for it from now on.
fn tell_whose(desk: &Desk<'_>, subject: &Subject) {
    let (what, file) = (subject.to_string(), one_line(&subject.file));
    desk.console.tell(&format!(
        "{}: sealed outside of wgops, and taken over as yours; 'git log -- {file}' says who put it there.\n",
        one_line(&what)
    ));
}

/// A file that age sealed outside.
fn whole_age(desk: &Desk<'_>, target: &Target, readers: &Readers, bytes: &[u8]) -> Result<usize, Failure> {
    let subject = Subject { file: target.file.clone(), name: None };
    if matches!(desk.history.state(&subject, file_digest(bytes)), State::Newest(_)) {
        return Ok(0);
    }
    no_copy(desk, &subject, file_digest(bytes))?;
    let plain = desk.holds_unvouched(&desk.keys()?, bytes)?;
    tell_whose(desk, &subject);
    seal_whole(desk, target, readers, plain)
}

fn seal_whole(
    desk: &Desk<'_>,
    target: &Target,
    readers: &Readers,
    plain: Zeroizing<Vec<u8>>,
) -> Result<usize, Failure> {
    let subject = Subject { file: target.file.clone(), name: None };
    let (armor, entry) = desk.seal(&ToSeal { subject, plain, act: SealAct::Adopted }, readers)?;
    desk.commit(target, armor.as_bytes(), vec![entry])?;
    Ok(1)
}

/// A file that ansible-vault sealed: variables come back as such, with their texts sealed.
fn whole_ansible(
    desk: &Desk<'_>,
    target: &Target,
    readers: &Readers,
    passwords: &mut Passwords<'_>,
    (text, stays): (&str, &[String]),
) -> Result<usize, Failure> {
    let plain = passwords.open(text, &target.file)?;
    let sheet = std::str::from_utf8(&plain).ok().and_then(|text| variables(target, text));
    let Some((sheet, mut values)) = sheet else { return seal_whole(desk, target, readers, plain) };
    for name in stays {
        if values.remove(name).is_none() {
            let failure = Failure::usage(format!("{} has no text '{name}'", target.file));
            return Err(match nearest(name, values.keys().map(String::as_str)) {
                Some(near) => failure.hint(format!("did you mean '{near}'?")),
                None => failure,
            });
        }
    }
    tell_templates(desk, target, &values);
    let way_out = format!("'ansible-vault edit {}' opens it", target.file);
    seal_values(desk, target, readers, &sheet, (values, Some(&way_out)))
}

/// What is sealed is used as it stands, so that nothing in it is ever rendered; ansible-vault's files hold templates, too.
fn tell_templates(desk: &Desk<'_>, target: &Target, values: &Open) {
    let is_template = |plain: &[u8]| plain.windows(2).any(|two| two == b"{{" || two == b"{%");
    for (name, _) in values.iter().filter(|(_, plain)| is_template(plain)) {
        let (file, name) = (one_line(&target.file), one_line(name));
        desk.console.tell(&format!(
            "warning: {file} {name} holds a template. What is sealed is used as it stands, with its braces: put it beside the \
             sealed values in plain text, as '{{{{ … }}}}' of their names, if nothing in it is secret ('--plain {name}' does when a file is imported)\n"
        ));
    }
}

/// The texts and numbers of a file of variables; nothing if it is none.
fn variables(target: &Target, text: &str) -> Option<(Sheet, Open)> {
    let file = TextFile { file: Arc::new(PathBuf::from(&target.file)), text: text.to_owned() };
    let node = Node::parse(&file).map_err(|_: Problems| ()).ok()?;
    if !matches!(&node.value, NodeValue::Map(entries) if !entries.is_empty()) {
        return None;
    }
    let sheet = Sheet::parse(file).ok()?;
    let text = |value: crate::model::Value| match value {
        crate::model::Value::String(text) => Some(text),
        crate::model::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values = sheet.plain().into_iter();
    let values = values.filter_map(|(name, value)| Some((name, Zeroizing::new(text(value)?.into_bytes()))));
    let values = values.collect();
    Some((sheet, values))
}

fn seal_values(
    desk: &Desk<'_>,
    target: &Target,
    readers: &Readers,
    sheet: &Sheet,
    (plain, way_out): (Open, Option<&str>),
) -> Result<usize, Failure> {
    let (mut armors, mut entries): (BTreeMap<String, String>, Vec<SealedValue>) = Default::default();
    for (name, plain) in plain {
        if std::str::from_utf8(&plain).is_err() {
            let message = format!("{} {name} holds no text", target.file);
            return Err(Failure::usage(message).hint("seal it as a file: 'wgops vault set FILE.age'"));
        }
        let subject = Subject { file: target.file.clone(), name: Some(name.clone()) };
        let (armor, entry) = desk.seal(&ToSeal { subject, plain, act: SealAct::Adopted }, readers)?;
        armors.insert(name, armor);
        entries.push(entry);
    }
    let count = entries.len();
    if count > 0 {
        let text = sheet.with(&armors).map_err(|error| {
            let failure = Failure::from(error);
            match way_out {
                Some(way_out) => failure.hint(way_out),
                None => failure,
            }
        })?;
        desk.commit(target, text.as_bytes(), entries)?;
    }
    Ok(count)
}

impl Passwords<'_> {
    fn open(&mut self, text: &str, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let wrong = |error: &AnsibleError| matches!(error, AnsibleError::Password(_));
        let mut last = AnsibleError::Password(None);
        for password in &self.known {
            match open_ansible(text, password) {
                Ok(plain) => return Ok(plain),
                Err(error) if wrong(&error) => last = error,
                Err(error) => return Err(refused(what, &error)),
            }
        }
        if self.may_ask {
            let prompt = format!("Password of ansible-vault for {}", one_line(what));
            let password = ask::secret(self.console, &prompt, "--password-file FILE")?;
            match open_ansible(text, &password) {
                Ok(plain) => {
                    self.known.push(password);
                    return Ok(plain);
                }
                Err(error) => last = error,
            }
        }
        Err(refused(what, &last))
    }
}

fn refused(what: &str, error: &AnsibleError) -> Failure {
    Failure::new(Exit::Refused, format!("{}: {error}", one_line(what)))
}
