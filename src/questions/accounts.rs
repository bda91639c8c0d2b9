//! Questions about users and groups.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for a user's entry in the user database. Names that can't be in it are answered with nothing.
#[derive(Clone, Debug)]
pub struct UserEntry(pub String);

/// Asks for a group's entry in the group database.
#[derive(Clone, Debug)]
pub struct GroupEntry(pub String);

/// Asks for the numbers of all groups that a user is in.
#[derive(Clone, Debug)]
pub struct GroupsOf(pub String);

/// Asks about a user's password without bringing it here: root only.
#[derive(Clone, Debug)]
pub struct PasswordOf(pub String);

/// A user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Number.
    pub uid: u32,
    /// Number of the primary group.
    pub gid: u32,
    /// Full name, or what stands in its place.
    pub comment: String,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Number.
    pub gid: u32,
}

/// What is known about a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Password {
    /// Whether the account's password is locked.
    pub locked: bool,
    /// SHA-256, in hexadecimal, of the hash without the marks of a lock.
    pub digest: String,
    /// When the account expires, in days since 1970.
    pub expires: Option<i64>,
    /// How many days have to pass between changes, after how many one is due, how many before that the user is warned, and
    /// after how many more the account is off; none where that isn't set.
    pub aging: [Option<i64>; 4],
}

/// What accounts are kept in: their files, too, may be edited.
pub fn subjects() -> Subjects {
    let files = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"];
    Subjects::These(std::iter::once(Subject::Users).chain(files.map(Subject::path)).collect())
}

/// Whether a name could be in a database: what else would be taken for an option, a number or two fields.
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('-')
        && !name.bytes().all(|b| b.is_ascii_digit())
        && !name.contains([':', '\n', '/'])
}

/// The name as an argument; `-` for one that can't be in a database.
fn argument(name: &str) -> String {
    if is_name(name) { name.to_owned() } else { "-".to_owned() }
}

impl User {
    /// Reads a line of the user database.
    pub fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, comment, home, shell] = fields[..] else { return None };
        Some(Self {
            name: name.to_owned(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            comment: comment.to_owned(),
            home: home.to_owned(),
            shell: shell.to_owned(),
        })
    }
}

impl Group {
    /// Reads a line of the group database.
    pub fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, _] = fields[..] else { return None };
        Some(Self { name: name.to_owned(), gid: gid.parse().ok()? })
    }
}

/// Looks in a database: where there is no `getent`, in its file.
const LOOK_UP: &str = r#"[ "$2" != - ] || exit 0
if command -v getent >/dev/null; then
    getent "$1" "$2"
    found=$?
    [ $found = 2 ] || exit $found
    exit 0
fi
while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$2":*) printf '%s\n' "$line"; exit 0 ;; esac
done <"/etc/$1""#;

fn first_line<T>(
    output: &Output,
    read: fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, ParseError> {
    if output.status != 0 {
        return Err(ParseError::new(expected, output));
    }
    match output.text().lines().next() {
        None => Ok(None),
        Some(line) => read(line).map(Some).ok_or_else(|| ParseError::new(expected, output)),
    }
}

impl Question for UserEntry {
    type Answer = Option<User>;
    const SCRIPT: Script = Script { name: "look_up_account", text: LOOK_UP };

    fn args(&self) -> Argv {
        ["passwd".to_owned(), argument(&self.0)].into()
    }

    fn reads(&self) -> Subjects {
        subjects()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        first_line(output, User::read, "a line of the user database")
    }
}

impl Question for GroupEntry {
    type Answer = Option<Group>;
    const SCRIPT: Script = UserEntry::SCRIPT;

    fn args(&self) -> Argv {
        ["group".to_owned(), argument(&self.0)].into()
    }

    fn reads(&self) -> Subjects {
        subjects()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        first_line(output, Group::read, "a line of the group database")
    }
}

impl Question for GroupsOf {
    type Answer = Vec<u32>;
    const SCRIPT: Script = Script {
        name: "groups_of",
        text: r#"[ "$1" != - ] && id -u "$1" >/dev/null 2>&1 || exit 0
id -G "$1""#,
    };

    fn args(&self) -> Argv {
        [argument(&self.0)].into()
    }

    fn reads(&self) -> Subjects {
        subjects()
    }

    fn parse(&self, output: &Output) -> Result<Vec<u32>, ParseError> {
        let text = output.text();
        let numbers: Result<Vec<u32>, _> = text.split_whitespace().map(str::parse).collect();
        match numbers {
            Ok(numbers) if output.status == 0 => Ok(numbers),
            _ => Err(ParseError::new("the numbers of a user's groups", output)),
        }
    }
}

impl Question for PasswordOf {
    type Answer = Option<Password>;
    const SCRIPT: Script = Script {
        name: "password_of",
        text: r#"[ -r /etc/shadow ] || { echo 'only root may read /etc/shadow' >&2; exit 1; }
entry=
while IFS= read -r line || [ -n "$line" ]; do
    case $line in "$1":*) entry=$line ;; esac
done </etc/shadow
[ -n "$entry" ] || exit 0
set -f
IFS=:
set -- $entry
hash=$2 locked=no
case $hash in '!'*) locked=yes ;; esac
while :; do case $hash in '!'*) hash=${hash#?} ;; *) break ;; esac; done
digest=$(printf '%s' "$hash" | sha256sum) || exit 1
printf '%s:%s:%s:%s:%s:%s:%s\n' "$locked" "${digest%% *}" "${8-}" "${4-}" "${5-}" "${6-}" "${7-}"
exit 0"#,
    };

    fn args(&self) -> Argv {
        [argument(&self.0)].into()
    }

    fn reads(&self) -> Subjects {
        subjects()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        first_line(output, Password::read, "what is known about a password")
    }
}

impl Password {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(':').collect();
        let [locked, digest, expires, ref days @ ..] = fields[..] else { return None };
        let expires = if expires.is_empty() { None } else { Some(expires.parse().ok()?) };
        let aging = [0, 1, 2, 3].map(|at| days.get(at).and_then(|days| days.parse().ok()));
        Some(Self { locked: locked == "yes", digest: digest.to_owned(), expires, aging })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    fn ask<Q: Question>(bench: &Workbench, question: &Q) -> Q::Answer {
        let output = bench.run(Q::SCRIPT, &question.args(), None);
        question.parse(&output).unwrap_or_else(|e| panic!("{}: {e}", bench.name()))
    }

    #[test]
    fn root_is_found_by_every_shell_with_and_without_getent() {
        for bench in Workbench::every_shell() {
            let root = ask(&bench, &UserEntry("root".into())).unwrap();
            assert_eq!((root.uid, root.gid, root.home.as_str()), (0, 0, "/root"));
            assert_eq!(ask(&bench, &GroupEntry("root".into())).unwrap().gid, 0);
            assert!(ask(&bench, &GroupsOf("root".into())).contains(&0));
        }
    }

    #[test]
    fn names_that_are_in_no_database_are_answered_with_nothing() {
        for bench in Workbench::every_shell() {
            for name in ["no-such-user", "", "0", "--help", "a:b", "a b", "*", "root\n"] {
                assert_eq!(ask(&bench, &UserEntry(name.into())), None, "{name}");
                assert_eq!(ask(&bench, &GroupEntry(name.into())), None, "{name}");
                assert_eq!(ask(&bench, &GroupsOf(name.into())), Vec::<u32>::new(), "{name}");
            }
        }
    }

    #[test]
    fn a_password_answers_with_a_digest_or_says_that_it_takes_root() {
        for bench in Workbench::every_shell() {
            let question = PasswordOf("root".into());
            let output = bench.run(PasswordOf::SCRIPT, &question.args(), None);
            match question.parse(&output) {
                Ok(found) => assert_eq!(found.unwrap().digest.len(), 64),
                Err(error) => assert!(error.0.contains("only root"), "{error}"),
            }
        }
    }

    #[test]
    fn lines_with_missing_fields_are_refused() {
        let question = UserEntry("x".into());
        assert!(question.parse(&Output::ok("x:*:1")).is_err());
        assert!(question.parse(&Output::ok("x:*:one:1:::")).is_err());
        assert!(question.parse(&Output { status: 1, ..Output::default() }).is_err());
    }
}
