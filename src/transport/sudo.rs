//! Becoming another user, with sudo, su or doas: which command to run, when to give the password, and what sudo's refusals mean.
//!
//! Without a password `sudo -n` can't prompt, so source may follow at once. With one, sudo is given a prompt that
//! nobody can guess; the password is sent when exactly that prompt was seen on stderr, once. A second prompt means
//! that it was wrong. Whatever else looks like a prompt gets nothing.
//!
//! su has a prompt of its own. It counts only behind a mark that nobody can guess, which is printed right before su begins,
//! so that a login's greeting can't ask in su's place. Without a password su is for root alone, who is asked for none. doas
//! asks at a terminal, which there is none, so it is told not to ask.

use super::ShellError;
use super::frame::{Mark, NOISE_BYTES_MAX, Stream};
use crate::model::{Become, BecomeMethod, Excerpt};
use memchr::memmem;

/// How a shell is started: the words of the command. None holds a character that any login shell could misread, but
/// for the last of [`Start::Prompted`], which wants single quotes.
pub(super) enum Start {
    /// Nothing can ask: source may be sent at once.
    Plain(Vec<String>),
    /// sudo or su may ask for a password.
    Prompted(Vec<String>, Box<Gate>),
}

/// Watches for the prompt and for the shell being ready.
pub(super) struct Gate {
    prompt: memmem::Finder<'static>,
    ready: memmem::Finder<'static>,
    /// What comes before the prompt in the stream that brings it; nothing: the prompt is one that nobody can guess, on stderr.
    begin: Option<memmem::Finder<'static>>,
    out: Said,
    err: Said,
    prompts: usize,
}

/// What a stream brought.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    /// Up to where it was searched for prompts.
    searched: usize,
    /// From where on it is of the program that asks; nothing: that has not begun.
    from: Option<usize>,
}

/// What the gate saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum GateEvent {
    /// Our prompt, for the first time.
    Prompt,
    /// Our prompt once more: the password was wrong.
    PromptAgain,
    /// The shell is there.
    Open,
    /// So much was said without a shell that it is time to give up.
    Chatter,
}

/// What is said where somebody else than root would use su.
const SU_NEEDS_ROOT: &str = "su asks whoever is not root for a password, and none was given";
/// What su asks with, by way of PAM or as busybox has it, in the C locale.
const SU_PROMPT: &str = "Password:";

/// How a shell for this user is started.
pub(super) fn start(become_: Option<&Become>) -> Result<Start, ShellError> {
    let Some(wanted) = become_ else { return Ok(Start::Plain(vec!["sh".into()])) };
    let user = checked_user(&wanted.user)?;
    match wanted.method {
        BecomeMethod::Sudo => {}
        BecomeMethod::Su if wanted.password.is_some() => return with_password_of(user),
        BecomeMethod::Su => {
            // What is sent next must not be taken for a password.
            let only_root = format!("[ $(id -u) = 0 ] || {{ echo {SU_NEEDS_ROOT} >&2; exit 1; }}");
            let then = format!("{only_root}; exec su -s /bin/sh -c sh {user}");
            return Ok(Start::Plain(["sh", "-c", &then].map(String::from).into()));
        }
        BecomeMethod::Doas => {
            return Ok(Start::Plain(["doas", "-n", "-u", user, "sh"].map(String::from).into()));
        }
    }
    if wanted.password.is_none() {
        return Ok(Start::Plain(["sudo", "-n", "-H", "-u", user, "sh"].map(String::from).into()));
    }
    let prompt = format!("[wgops-{}]", Mark::random()?.as_str()).replace(['[', ']'], ":");
    let ready = Mark::random()?.as_str().to_owned();
    let then = format!("echo {ready}; exec sh");
    let words = ["sudo", "-H", "-S", "-p", &prompt, "-u", user, "sh", "-c", &then].map(String::from).into();
    Ok(Start::Prompted(words, Box::new(Gate::new(&prompt, &ready, None))))
}

/// su, which asks for the password of whoever is become.
fn with_password_of(user: &str) -> Result<Start, ShellError> {
    let (begin, ready) = (Mark::random()?.as_str().to_owned(), Mark::random()?.as_str().to_owned());
    let inside = format!("unset LC_ALL; echo {ready}; exec sh");
    let then =
        format!(r#"echo {begin}; echo {begin} >&2; exec env LC_ALL=C su -s /bin/sh -c "{inside}" {user}"#);
    let words = ["sh", "-c", &then].map(String::from).into();
    Ok(Start::Prompted(words, Box::new(Gate::new(SU_PROMPT, &ready, Some(&begin)))))
}

fn checked_user(user: &str) -> Result<&str, ShellError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-+@".contains(c);
    let good = !user.is_empty() && user.len() <= 64 && !user.starts_with('-') && user.chars().all(allowed);
    good.then_some(user)
        .ok_or_else(|| ShellError::BadUser { user: crate::model::printable(user).into_owned() })
}

/// The command line for a login shell, whichever it is: single quotes mean the same to sh, csh and fish for words
/// without quotes, backslashes and exclamation marks, as ours are.
pub(super) fn command_line(words: &[String]) -> String {
    let quoted =
        words.iter().map(|word| if word.contains([' ', ';']) { format!("'{word}'") } else { word.clone() });
    quoted.collect::<Vec<_>>().join(" ")
}

impl Gate {
    fn new(prompt: &str, ready: &str, begin: Option<&str>) -> Self {
        let finder = |text: &str| memmem::Finder::new(text).into_owned();
        Self {
            prompt: finder(prompt),
            ready: finder(ready),
            begin: begin.map(finder),
            out: Said::default(),
            err: Said::default(),
            prompts: 0,
        }
    }

    /// Takes in what a stream brought.
    pub fn feed(&mut self, stream: Stream, bytes: &[u8]) -> Vec<GateEvent> {
        let said = match stream {
            Stream::Out => &mut self.out,
            Stream::Err => &mut self.err,
        };
        said.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        if stream == Stream::Err || self.begin.is_some() {
            for _ in 0..said.prompts(&self.prompt, self.begin.as_ref()) {
                self.prompts += 1;
                events.push(if self.prompts == 1 { GateEvent::Prompt } else { GateEvent::PromptAgain });
            }
        }
        if stream == Stream::Out && self.ready.find(&said.bytes).is_some() {
            events.push(GateEvent::Open);
        }
        let most = self.out.bytes.len().max(self.err.bytes.len());
        if events.is_empty() && most > 16 * NOISE_BYTES_MAX {
            events.push(GateEvent::Chatter);
        }
        events
    }

    /// What was said so far; once the program that asks has begun, what it said.
    pub fn noise(&self) -> (Vec<u8>, Vec<u8>) {
        (self.out.noise(), self.err.noise())
    }
}

impl Said {
    /// How many prompts came since it was last asked.
    fn prompts(&mut self, prompt: &memmem::Finder<'_>, begin: Option<&memmem::Finder<'_>>) -> usize {
        if let (None, Some(begin)) = (self.from, begin) {
            let Some(at) = begin.find(&self.bytes) else { return 0 };
            self.searched = at + begin.needle().len();
            self.from = Some(self.searched);
        }
        let mut count = 0;
        while let Some(at) = self.bytes.get(self.searched..).and_then(|rest| prompt.find(rest)) {
            self.searched += at + prompt.needle().len();
            count += 1;
        }
        count
    }

    fn noise(&self) -> Vec<u8> {
        self.bytes.get(self.from.unwrap_or_default()..).unwrap_or_default().to_vec()
    }
}

/// What it means that a shell ended before it was ready.
pub(super) fn refusal(
    become_: Option<&Become>,
    noise: &(Vec<u8>, Vec<u8>),
    status: Option<u32>,
) -> ShellError {
    let said = format!("{}\n{}", String::from_utf8_lossy(&noise.1), String::from_utf8_lossy(&noise.0));
    let words = words(&said, status);
    let Some(wanted) = become_ else { return ShellError::NoShell { words } };
    let user = crate::model::printable(&wanted.user).into_owned();
    let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    if says(&["unknown user", "does not exist or the user entry"]) {
        ShellError::NoUser { user }
    } else if wanted.method == BecomeMethod::Su
        && wanted.password.is_some()
        && says(&["Authentication failure", "incorrect password"])
    {
        wrong_password(become_)
    } else if wanted.method != BecomeMethod::Sudo {
        ShellError::NotBecome { user, words }
    } else if says(&["a password is required", "no password was provided"]) && wanted.password.is_none() {
        ShellError::SudoPasswordRequired { user }
    } else if says(&["incorrect password", "Authentication failed", "try again"]) {
        wrong_password(become_)
    } else {
        ShellError::SudoNotAllowed { user, words }
    }
}

/// The password was not the right one.
pub(super) fn wrong_password(become_: Option<&Become>) -> ShellError {
    let user = become_.map(|wanted| crate::model::printable(&wanted.user).into_owned()).unwrap_or_default();
    match become_.map(|wanted| wanted.method) {
        Some(BecomeMethod::Su) => ShellError::SuPasswordWrong { user },
        _ => ShellError::SudoPasswordWrong { user },
    }
}

/// The host's words on one line, safe to print; the exit status where it said nothing.
pub(super) fn words(said: &str, status: Option<u32>) -> String {
    let lines = Excerpt { lines_max: 3, columns_max: 200 }.of(said.trim());
    let line = lines.split('\n').map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" / ");
    match (line.is_empty(), status) {
        (false, _) => line.replace('\t', " "),
        (true, Some(status)) => format!("it ended with exit status {status}"),
        (true, None) => "it ended without a word".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    fn root(password: Option<&str>) -> Become {
        Become {
            method: BecomeMethod::Sudo,
            user: "root".into(),
            password: password.map(|p| Secret::new(p.into())),
        }
    }

    fn gate() -> Gate {
        Gate::new(":wgops-1234:", "abcd", None)
    }

    #[test]
    fn only_our_own_prompt_counts_and_only_on_stderr() {
        let mut gate = gate();
        assert_eq!(
            gate.feed(Stream::Err, b"We trust you have received the usual lecture\n[sudo] password for x: "),
            []
        );
        assert_eq!(gate.feed(Stream::Err, b"Password:"), []);
        assert_eq!(gate.feed(Stream::Out, b":wgops-1234:"), []);
        assert_eq!(gate.feed(Stream::Err, b":wgops-12"), []);
        assert_eq!(gate.feed(Stream::Err, b"34:"), [GateEvent::Prompt]);
        assert_eq!(gate.feed(Stream::Err, b"Sorry, try again.\n:wgops-1234:"), [GateEvent::PromptAgain]);
    }

    #[test]
    fn the_prompt_of_su_counts_only_once_su_has_begun() {
        let mut gate = Gate::new(SU_PROMPT, "abcd", Some("su-1234"));
        assert_eq!(gate.feed(Stream::Err, b"Password: type it here\n"), []);
        assert_eq!(gate.feed(Stream::Out, b"Password: or here\nsu-12"), []);
        assert_eq!(gate.feed(Stream::Err, b"su-1234\nPass"), []);
        assert_eq!(gate.feed(Stream::Err, b"word: "), [GateEvent::Prompt]);
        assert_eq!(gate.feed(Stream::Err, b"\nsu: Authentication failure\n"), []);
        assert_eq!(gate.noise().1, b"\nPassword: \nsu: Authentication failure\n");
        assert_eq!(gate.feed(Stream::Out, b"34\nPassword: "), [GateEvent::PromptAgain]);
        assert_eq!(gate.feed(Stream::Out, b"abcd\n"), [GateEvent::Open]);
    }

    #[test]
    fn su_is_given_no_password_in_its_command() {
        let wanted = Become { method: BecomeMethod::Su, ..root(Some("hunter2")) };
        let Ok(Start::Prompted(words, _)) = start(Some(&wanted)) else { unreachable!() };
        let line = command_line(&words);
        assert!(line.starts_with("sh -c 'echo ") && line.ends_with("exec sh\" root'"), "{line}");
        assert!(!line.contains("hunter2"));
        let refused = refusal(
            Some(&wanted),
            &(Vec::new(), b"Password: \nsu: Authentication failure\n".to_vec()),
            Some(1),
        );
        assert_eq!(refused, ShellError::SuPasswordWrong { user: "root".into() });
    }

    #[test]
    fn the_gate_opens_without_a_prompt_too() {
        let mut gate = gate();
        assert_eq!(gate.feed(Stream::Out, b"welcome ab"), []);
        assert_eq!(gate.feed(Stream::Out, b"\nab"), []);
        assert_eq!(gate.feed(Stream::Out, b"cd\n"), [GateEvent::Open]);
    }

    #[test]
    fn endless_chatter_is_given_up() {
        let mut gate = gate();
        assert_eq!(gate.feed(Stream::Out, &[b'y'; 100_000]), [GateEvent::Chatter]);
    }

    #[test]
    fn a_password_is_never_part_of_the_command_and_the_prompt_is_new_each_time() {
        let line = || match start(Some(&root(Some("hunter2")))) {
            Ok(Start::Prompted(words, _)) => command_line(&words),
            _ => String::new(),
        };
        let (a, b) = (line(), line());
        assert!(
            a.starts_with("sudo -H -S -p :wgops-") && a.ends_with("; exec sh'") && !a.contains("hunter2")
        );
        assert_ne!(a, b);
    }

    #[test]
    fn without_a_password_sudo_can_not_prompt() {
        let Ok(Start::Plain(words)) = start(Some(&root(None))) else { unreachable!() };
        assert_eq!(command_line(&words), "sudo -n -H -u root sh");
    }

    #[test]
    fn a_user_that_a_shell_could_misread_is_refused() {
        for user in ["", "-u", "a b", "x;id", "$(id)", "a'b", "a!b", "é"] {
            let become_ = Become { user: user.into(), ..root(None) };
            assert!(matches!(start(Some(&become_)), Err(ShellError::BadUser { .. })), "{user}");
        }
        assert!(start(Some(&Become { user: "www-data".into(), ..root(None) })).is_ok());
    }

    #[test]
    fn what_sudo_says_is_told_apart() {
        let said = |text: &str, become_: &Become| refusal(Some(become_), &(Vec::new(), text.into()), Some(1));
        let user = || "root".to_owned();
        assert_eq!(
            said("sudo: a password is required\n", &root(None)),
            ShellError::SudoPasswordRequired { user: user() }
        );
        assert_eq!(
            said("Sorry, try again.\nsudo: 1 incorrect password attempt\n", &root(Some("x"))),
            ShellError::SudoPasswordWrong { user: user() }
        );
        assert_eq!(
            said("bob is not in the sudoers file.\x1b[2J\n", &root(Some("x"))),
            ShellError::SudoNotAllowed { user: user(), words: "bob is not in the sudoers file.^[[2J".into() }
        );
        assert_eq!(
            said(
                "sudo: unknown user root\nsudo: error initializing audit plugin sudoers_audit\n",
                &root(None)
            ),
            ShellError::NoUser { user: user() }
        );
        assert_eq!(
            refusal(None, &(b"This account is currently not available.\n".to_vec(), Vec::new()), Some(1)),
            ShellError::NoShell { words: "This account is currently not available.".into() }
        );
        assert_eq!(
            refusal(None, &(Vec::new(), Vec::new()), Some(1)),
            ShellError::NoShell { words: "it ended with exit status 1".into() }
        );
    }
}
