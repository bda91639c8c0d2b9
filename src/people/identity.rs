//! Who is typing: proven by a signature over a fresh challenge, verified with a key of the roster.
//!
//! Only keys that the roster names are tried, so that no agent asks its owner for a key that could prove nothing. Keys
//! that need no passphrase come first.

use super::key_file::{AskPassphrase, KeyFile, KeyFileError, read_bounded};
use super::{IDENTITY_NAMESPACE, Key, PeopleError, Person, Roster, Standing};
use crate::model::{OperatorName, Role, Signer};
use jiff::civil::Date;
use std::path::{Path, PathBuf};

/// Most files of a key directory that are looked at.
const KEY_FILES_MAX: usize = 256;

/// Where keys are looked for, in this order.
#[derive(Default)]
pub struct Seek<'a> {
    /// `--identity`: this key and no other. A `.pub` file means the agent's key.
    pub identity_file: Option<&'a Path>,
    /// The keys of an ssh-agent.
    pub agent: Vec<Box<dyn Signer>>,
    /// `~/.ssh`.
    pub directory: Option<&'a Path>,
    /// How a passphrase is asked for; `None` without a terminal.
    pub ask: Option<AskPassphrase<'a>>,
}

/// Who is typing.
pub enum Identity {
    /// Somebody whom the roster knows, and who proved it.
    Proven(Box<Proven>),
    /// Somebody without a key in the roster.
    Anonymous(Anonymous),
}

/// Somebody whom the roster knows, and who proved it.
pub struct Proven {
    /// The name in the roster.
    pub operator: OperatorName,
    /// The role in the roster; what it allows today, [`Identity::standing`] says.
    pub role: Role,
    /// The key that proved it.
    pub key: Key,
    /// Signs with that key.
    pub signer: Box<dyn Signer>,
}

/// Why somebody stays anonymous.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anonymous {
    /// There is no roster.
    NoRoster,
    /// None of the keys found is in the roster.
    NoKey,
}

/// Keys of the roster were found, and none of them signed.
#[derive(Debug, thiserror::Error)]
#[error("could not prove who is typing: {}", .tried.join("; "))]
pub struct NoProof {
    /// Each key that was tried, and why it did not serve.
    pub tried: Vec<String>,
}

impl Identity {
    /// How this person stands on a day.
    pub fn standing(&self, roster: Option<&Roster>, today: Date) -> Standing {
        match (self, roster) {
            (Self::Proven(proven), Some(roster)) => roster.standing(&proven.operator, today),
            (Self::Anonymous(Anonymous::NoKey), _) => Standing::Stranger,
            (_, None) | (Self::Anonymous(Anonymous::NoRoster), _) => Standing::NoRoster,
        }
    }

    /// Whether it is the key of a job of CI.
    pub fn is_auditor(&self) -> bool {
        self.proven().is_some_and(|proven| proven.role == Role::Auditor)
    }

    /// The one who proved it, if anybody did.
    pub fn proven(&self) -> Option<&Proven> {
        match self {
            Self::Proven(proven) => Some(proven),
            Self::Anonymous(_) => None,
        }
    }
}

/// Finds out who is typing. The challenge must be fresh randomness.
///
/// # Errors
/// The key named by `--identity` can't be used or is in no roster, or keys of the roster were found and none signed.
pub fn identify(
    roster: Option<&Roster>,
    seek: Seek<'_>,
    challenge: &[u8; 32],
) -> Result<Identity, PeopleError> {
    let Some(roster) = roster else { return Ok(Identity::Anonymous(Anonymous::NoRoster)) };
    let mut search = Search { roster, challenge, ask: seek.ask, tried: Vec::new() };
    if let Some(file) = seek.identity_file {
        return search.named(file, seek.agent);
    }
    let found = search.agent(seek.agent).or_else(|| search.directory(seek.directory?));
    match found {
        Some(proven) => Ok(Identity::Proven(Box::new(proven))),
        None if search.tried.is_empty() => match seek.directory.and_then(|place| alone(place, roster)) {
            Some(why) => Err(NoProof { tried: vec![why] }.into()),
            None => Ok(Identity::Anonymous(Anonymous::NoKey)),
        },
        None => Err(NoProof { tried: search.tried }.into()),
    }
}

struct Search<'a> {
    roster: &'a Roster,
    challenge: &'a [u8; 32],
    ask: Option<AskPassphrase<'a>>,
    tried: Vec<String>,
}

impl<'a> Search<'a> {
    /// `--identity FILE`: that key, through the agent where it has it, or nobody.
    fn named(&mut self, file: &Path, agent: Vec<Box<dyn Signer>>) -> Result<Identity, PeopleError> {
        let locked = PublicOrPrivate::read(file)?;
        if let Some(key) = locked.public()
            && self.roster.owner(&key).is_none()
        {
            return Err(PeopleError::NotInRoster { file: file.to_owned(), fingerprint: key.fingerprint() });
        }
        let held =
            agent.into_iter().filter(|signer| locked.public().is_some_and(|key| holds(&**signer, &key)));
        if let Some(proven) = self.agent(held.collect()) {
            return Ok(Identity::Proven(Box::new(proven)));
        }
        let PublicOrPrivate::Private(private) = locked else {
            let reason = "it is a public key, and the agent did not sign with it".to_owned();
            return Err(KeyFileError::NotAKey { file: file.to_owned(), reason }.into());
        };
        let signer = private.into_signer(self.ask)?;
        let Some(person) = self.roster.owner(signer.key()) else {
            let fingerprint = signer.key().fingerprint();
            return Err(PeopleError::NotInRoster { file: file.to_owned(), fingerprint });
        };
        let key = signer.key().clone();
        match self.prove(person, key, Box::new(signer), &file.display().to_string()) {
            Some(proven) => Ok(Identity::Proven(Box::new(proven))),
            None => Err(NoProof { tried: std::mem::take(&mut self.tried) }.into()),
        }
    }

    fn agent(&mut self, signers: Vec<Box<dyn Signer>>) -> Option<Proven> {
        signers.into_iter().find_map(|signer| {
            let key: Key = signer.public_key().parse().ok()?;
            let person = self.roster.owner(&key)?;
            self.prove(person, key, signer, "the agent's key")
        })
    }

    fn directory(&mut self, directory: &Path) -> Option<Proven> {
        let mut found: Vec<(PathBuf, KeyFile)> = key_files(directory, self.roster);
        found.sort_by_cached_key(|(path, file)| (file.is_locked(), path.clone()));
        found.into_iter().find_map(|(path, file)| match file.into_signer(self.ask) {
            Ok(signer) => {
                let key = signer.key().clone();
                let person = self.roster.owner(&key)?;
                self.prove(person, key, Box::new(signer), &path.display().to_string())
            }
            Err(error) => {
                self.tried.push(error.to_string());
                None
            }
        })
    }

    fn prove(&mut self, person: &Person, key: Key, signer: Box<dyn Signer>, name: &str) -> Option<Proven> {
        let signed = signer.sign(IDENTITY_NAMESPACE, self.challenge).map_err(|error| error.to_string());
        let proof = signed.and_then(|signature| {
            key.verify(IDENTITY_NAMESPACE, self.challenge, &signature).map_err(|error| error.to_string())
        });
        match proof {
            Ok(()) => Some(Proven { operator: person.name.clone(), role: person.role, key, signer }),
            Err(reason) => {
                self.tried.push(format!("{name} ({}): {reason}", key.fingerprint()));
                None
            }
        }
    }
}

/// What `--identity` names.
enum PublicOrPrivate {
    Public(Key),
    Private(KeyFile),
}

impl PublicOrPrivate {
    fn read(file: &Path) -> Result<Self, KeyFileError> {
        let text = read_bounded(file)?;
        match text.expose().parse() {
            Ok(key) => Ok(Self::Public(key)),
            Err(_) => KeyFile::read(file).map(Self::Private),
        }
    }

    /// The public half, where it can be read without unlocking.
    fn public(&self) -> Option<Key> {
        match self {
            Self::Public(key) => Some(key.clone()),
            Self::Private(file) => file.public(),
        }
    }
}

fn holds(signer: &dyn Signer, key: &Key) -> bool {
    signer.public_key().parse::<Key>().is_ok_and(|held| held == *key)
}

/// That somebody's own public key lies here without its private part: it is in an agent that is not reached.
fn alone(directory: &Path, roster: &Roster) -> Option<String> {
    own_public_files(directory).into_iter().find_map(|(path, key)| {
        let owner = roster.owner(&key)?;
        let is_whole = path.with_extension("").symlink_metadata().is_ok();
        (!is_whole).then(|| {
            let (path, name) = (path.display(), &owner.name);
            format!("{path} is {name}'s, and its private part is neither beside it nor in an ssh-agent that answers")
        })
    })
}

/// Public keys that lie where one's own do, by the names that OpenSSH gives them.
fn own_public_files(directory: &Path) -> Vec<(PathBuf, Key)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().take(KEY_FILES_MAX);
    let mut found: Vec<(PathBuf, Key)> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("id_") && name.ends_with(".pub")
        })
        .filter_map(|path| Some((path.clone(), read_bounded(&path).ok()?.expose().parse().ok()?)))
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// The public halves of what somebody would prove who they are with: the named key, or those of a directory.
pub fn own_keys(named: Option<&Path>, directory: Option<&Path>) -> Vec<Key> {
    if let Some(file) = named {
        return PublicOrPrivate::read(file).ok().and_then(|file| file.public()).into_iter().collect();
    }
    let found = directory.map(own_public_files).unwrap_or_default();
    found.into_iter().map(|(_, key)| key).collect()
}

/// The files in which one of these keys lies whole: the named file, or those of a directory. Open ones come first.
pub fn files_of(keys: &[Key], named: Option<&Path>, directory: Option<&Path>) -> Vec<PathBuf> {
    let known = |key: Key| keys.contains(&key);
    let named = named.and_then(|path| {
        let file = KeyFile::read(path).ok()?;
        file.public().is_none_or(known).then(|| (path.to_owned(), file))
    });
    let mut found: Vec<(PathBuf, KeyFile)> = named.into_iter().collect();
    if found.is_empty() {
        found = directory.map(|directory| key_files_of(directory, &known)).unwrap_or_default();
    }
    found.sort_by_cached_key(|(path, file)| (file.is_locked(), path.clone()));
    found.into_iter().map(|(path, _)| path).collect()
}

/// The private keys of a directory whose public halves are in the roster: `id_*`, and whatever has a `.pub` beside it.
fn key_files(directory: &Path, roster: &Roster) -> Vec<(PathBuf, KeyFile)> {
    key_files_of(directory, &|key| roster.owner(&key).is_some())
}

fn key_files_of(directory: &Path, known: &dyn Fn(Key) -> bool) -> Vec<(PathBuf, KeyFile)> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<PathBuf> =
        entries.flatten().take(KEY_FILES_MAX).filter_map(|entry| private_path(&entry.path())).collect();
    paths.sort();
    paths.dedup();
    let usable = |path: PathBuf| {
        let beside = path.with_added_extension("pub");
        let beside: Option<Key> = read_bounded(&beside).ok().and_then(|text| text.expose().parse().ok());
        if beside.as_ref().is_some_and(|key| !known(key.clone())) {
            return None;
        }
        let file = KeyFile::read(&path).ok()?;
        file.public().or(beside).is_some_and(known).then_some((path, file))
    };
    paths.into_iter().filter_map(usable).collect()
}

fn private_path(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    match name.strip_suffix(".pub") {
        Some(private) => Some(path.with_file_name(private)),
        None => name.starts_with("id_").then(|| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{AgentKey, key, private_key, roster, signer};
    use super::*;
    use crate::model::{Secret, SignError};
    use jiff::civil::date;
    use russh::keys::ssh_key::LineEnding;
    use std::sync::atomic::Ordering;

    const CHALLENGE: [u8; 32] = [7; 32];

    fn who(seek: Seek<'_>) -> Result<Option<String>, String> {
        let identity = identify(Some(&roster()), seek, &CHALLENGE).map_err(|error| error.to_string())?;
        Ok(identity.proven().map(|proven| proven.operator.to_string()))
    }

    fn write_key(directory: &Path, name: &str, number: u8) -> PathBuf {
        let path = directory.join(name);
        std::fs::write(&path, private_key(number).to_openssh(LineEnding::LF).unwrap()).unwrap();
        path
    }

    /// Writes a key file that a passphrase locks, as `ssh-keygen` does it.
    fn lock(path: &Path, passphrase: &str) {
        let mut command = std::process::Command::new("ssh-keygen");
        let status = command.args(["-q", "-p", "-N", passphrase, "-P", "", "-f"]).arg(path);
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert!(status.stdout(std::process::Stdio::null()).status().unwrap().success());
    }

    #[test]
    fn without_a_roster_everybody_is_anonymous_and_no_key_is_asked() {
        let agent = AgentKey::new(1);
        let asked = agent.asked.clone();
        let identity =
            identify(None, Seek { agent: vec![Box::new(agent)], ..Seek::default() }, &CHALLENGE).unwrap();
        assert!(matches!(identity, Identity::Anonymous(Anonymous::NoRoster)));
        assert_eq!(identity.standing(None, date(2026, 6, 1)), Standing::NoRoster);
        assert_eq!(asked.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn only_keys_of_the_roster_are_asked_to_sign() {
        let (stranger, oscar, alice) = (AgentKey::new(99), AgentKey::new(2), AgentKey::new(1));
        let counts = [stranger.asked.clone(), oscar.asked.clone(), alice.asked.clone()];
        let agent: Vec<Box<dyn Signer>> = vec![Box::new(stranger), Box::new(oscar), Box::new(alice)];
        assert_eq!(who(Seek { agent, ..Seek::default() }), Ok(Some("oscar".into())));
        assert_eq!(counts.map(|count| count.load(Ordering::SeqCst)), [0, 1, 0]);
    }

    #[test]
    fn a_key_outside_the_roster_leaves_its_owner_a_stranger() {
        let seek = Seek { agent: vec![Box::new(AgentKey::new(99))], ..Seek::default() };
        let identity = identify(Some(&roster()), seek, &CHALLENGE).unwrap();
        assert_eq!(identity.standing(Some(&roster()), date(2026, 6, 1)), Standing::Stranger);
    }

    #[test]
    fn an_agent_that_signs_with_another_key_or_another_challenge_proves_nothing() {
        struct Liar(FileLiar);
        type FileLiar = super::super::FileSigner;
        impl Signer for Liar {
            fn public_key(&self) -> &'static str {
                Box::leak(key(1).text().to_owned().into_boxed_str())
            }
            fn sign(&self, namespace: &str, _: &[u8]) -> Result<String, SignError> {
                self.0.sign(namespace, b"an old challenge")
            }
        }
        for number in [1, 2] {
            let seek = Seek { agent: vec![Box::new(Liar(signer(number)))], ..Seek::default() };
            assert!(who(seek).unwrap_err().contains("could not prove"));
        }
    }

    #[test]
    fn a_declined_key_is_named_and_the_next_one_tried() {
        let declined = || -> Box<dyn Signer> { Box::new(AgentKey::declining(1, "agent refused operation")) };
        let error = who(Seek { agent: vec![declined()], ..Seek::default() }).unwrap_err();
        assert!(
            error.contains("agent refused operation") && error.contains(&key(1).fingerprint()),
            "{error}"
        );
        let agent = vec![declined(), Box::new(AgentKey::new(2))];
        assert_eq!(who(Seek { agent, ..Seek::default() }), Ok(Some("oscar".into())));
    }

    #[test]
    fn the_named_key_must_be_in_the_roster_and_no_other_is_tried() {
        let home = tempfile::tempdir().unwrap();
        let stranger = write_key(home.path(), "work", 99);
        let agent: Vec<Box<dyn Signer>> = vec![Box::new(AgentKey::new(1))];
        let error = who(Seek { identity_file: Some(&stranger), agent, ..Seek::default() }).unwrap_err();
        assert!(error.contains("work") && error.contains(&key(99).fingerprint()), "{error}");
        let oscar = write_key(home.path(), "oscar", 2);
        let agent: Vec<Box<dyn Signer>> = vec![Box::new(AgentKey::new(1))];
        assert_eq!(
            who(Seek { identity_file: Some(&oscar), agent, ..Seek::default() }),
            Ok(Some("oscar".into()))
        );
    }

    #[test]
    fn a_named_public_key_signs_through_the_agent() {
        let home = tempfile::tempdir().unwrap();
        let public = home.path().join("id.pub");
        std::fs::write(&public, key(2).text()).unwrap();
        let agent: Vec<Box<dyn Signer>> = vec![Box::new(AgentKey::new(1)), Box::new(AgentKey::new(2))];
        assert_eq!(
            who(Seek { identity_file: Some(&public), agent, ..Seek::default() }),
            Ok(Some("oscar".into()))
        );
        assert!(who(Seek { identity_file: Some(&public), ..Seek::default() }).unwrap_err().contains("agent"));
    }

    #[test]
    fn key_files_of_the_roster_are_found_by_name_or_by_their_public_half() {
        let home = tempfile::tempdir().unwrap();
        write_key(home.path(), "id_ed25519", 99);
        std::fs::write(home.path().join("config"), "Host *").unwrap();
        let seek = || Seek { directory: Some(home.path()), ..Seek::default() };
        assert_eq!(who(seek()), Ok(None));
        write_key(home.path(), "group", 3);
        assert_eq!(who(seek()), Ok(None));
        std::fs::write(home.path().join("group.pub"), key(3).text()).unwrap();
        assert_eq!(who(seek()), Ok(Some("sam".into())));
        write_key(home.path(), "id_rsa", 1);
        assert_eq!(who(seek()), Ok(Some("sam".into())));
    }

    #[test]
    fn a_locked_key_asks_three_times_and_without_a_terminal_names_ssh_add() {
        let home = tempfile::tempdir().unwrap();
        let path = write_key(home.path(), "id_ed25519", 2);
        lock(&path, "right horse");
        let said = |ask: Option<AskPassphrase<'_>>| {
            who(Seek { directory: Some(home.path()), ask, ..Seek::default() })
        };
        assert!(said(None).unwrap_err().contains("ssh-add"));
        let asked = std::cell::Cell::new(0);
        let answer = |right_at: u32| {
            let asked = &asked;
            move |_: &Path| {
                asked.set(asked.get() + 1);
                let word = if asked.get() == right_at { "right horse" } else { "wrong" };
                Some(Secret::new(word.into()))
            }
        };
        assert_eq!(said(Some(&answer(3))), Ok(Some("oscar".into())));
        assert_eq!(asked.replace(0), 3);
        assert!(said(Some(&answer(4))).unwrap_err().contains("locked"));
        assert_eq!(asked.get(), 3);
        assert!(said(Some(&|_: &Path| None)).unwrap_err().contains("locked"));
    }

    #[test]
    fn a_public_key_whose_private_part_is_in_no_agent_is_named() {
        let home = tempfile::tempdir().unwrap();
        let seek = || Seek { directory: Some(home.path()), ..Seek::default() };
        // Somebody else's key, kept to add them.
        std::fs::write(home.path().join("oscar.pub"), key(2).text()).unwrap();
        assert_eq!(who(seek()), Ok(None));
        std::fs::write(home.path().join("id_ed25519.pub"), key(1).text()).unwrap();
        let error = who(seek()).unwrap_err();
        assert!(error.contains("id_ed25519.pub is alice's") && error.contains("agent"), "{error}");
        let agent: Vec<Box<dyn Signer>> = vec![Box::new(AgentKey::new(1))];
        assert_eq!(who(Seek { agent, ..seek() }), Ok(Some("alice".into())));
        assert_eq!(own_keys(None, Some(home.path())), [key(1)]);
        assert_eq!(own_keys(Some(&home.path().join("oscar.pub")), Some(home.path())), [key(2)]);
    }

    #[test]
    fn nobody_is_asked_for_a_passphrase_while_an_open_key_serves() {
        let home = tempfile::tempdir().unwrap();
        lock(&write_key(home.path(), "id_a", 1), "x12345");
        write_key(home.path(), "id_b", 2);
        let ask = |_: &Path| -> Option<Secret> { panic!("asked") };
        assert_eq!(
            who(Seek { directory: Some(home.path()), ask: Some(&ask), ..Seek::default() }),
            Ok(Some("oscar".into()))
        );
    }
}
