//! Questions to a MySQL or MariaDB server, through the host's own client.
//!
//! SQL goes to the client on standard input, and how to log in as an option file in a pipe: neither a statement nor a password
//! stands in a list of processes, in an environment or in a file. Questions are asked in a transaction that may only read.
//!
//! # Source
//! mariadb(1) of MariaDB 10.11; "Using Option Files" in MySQL's reference manual 8.0.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Puts what every script needs before it: `sql`, which runs what is on its standard input, and `client PROGRAM …`, which
/// starts one of the client programs with the login.
macro_rules! with_mysql {
    ($script:literal) => {
        concat!(
            r#"login=$1 config=$2
shift 2
case $config in '~/'*) config=$HOME/${config#??} ;; esac
options() {
    [ ! -r "$config" ] || printf '!include %s\n' "$config"
    printf '[client]\n%s\n' "$login"
}
client() {
    one=$1 other=$2
    shift 2
    command -v "$one" >/dev/null || one=$other
    command -v "$one" >/dev/null || { printf '%s is not installed on this host\n' "$other" >&2; return 1; }
    { options | "$one" --defaults-file=/dev/fd/3 "$@" 3<&0 <&4 4<&-; } 4<&0
}
sql() { client mariadb mysql -N -B -r --default-character-set=utf8mb4 --connect-timeout=15; }
"#,
            $script
        )
    };
}
pub(crate) use with_mysql;

/// How a server is reached.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Login {
    /// Lines of an option file.
    pub options: String,
    /// An option file of the host that is read first, if it is there.
    pub config: String,
    /// Who logs in, where that is said.
    pub user: String,
}

impl Login {
    /// One more option; nothing where the value is empty.
    #[must_use]
    pub fn with(mut self, option: &str, value: &str) -> Self {
        if option == "user" {
            value.clone_into(&mut self.user);
        }
        if !value.is_empty() {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            self.options.push_str(&format!("{option}=\"{escaped}\"\n"));
        }
        self
    }

    /// The arguments with which every script begins.
    pub fn args(&self) -> Vec<String> {
        vec![self.options.clone(), self.config.clone()]
    }
}

/// What comes before every statement, so that texts end where they end.
pub const PRELUDE: &str = "SET SESSION sql_mode = '';\n";

/// Asks a server.
pub struct Query {
    /// How it is reached.
    pub login: Login,
    /// What it is about, as [`subject`] has it.
    pub about: String,
    /// A `SELECT` or `SHOW`.
    pub select: String,
}

/// What `database/NAME` and the like are known by: as if each had its place among the server's files.
pub fn subject(about: &str) -> Subject {
    Subject::path(&format!("/var/lib/mysql/{about}"))
}

/// What is said of something depends on it, and on the server as a whole.
pub fn reads(about: &str) -> Subjects {
    [
        subject(about),
        Subject::path("/etc/mysql"),
        Subject::path("/root/.my.cnf"),
        Subject::Service("mysql".into()),
        Subject::Service("mariadb".into()),
        Subject::Packages,
    ]
    .into()
}

impl Question for Query {
    /// The rows' lines, or what the server or the client had to say.
    type Answer = Result<String, String>;
    const SCRIPT: Script = Script { name: "ask_mysql", text: with_mysql!(r#"printf '%s' "$1" | sql"#) };

    fn args(&self) -> Argv {
        let mut args = self.login.args();
        args.push(format!("{PRELUDE}START TRANSACTION READ ONLY;\n{};\n", self.select));
        args.into()
    }

    /// A refusal depends on the account that logs in, too: its password may be changed.
    fn reads(&self) -> Subjects {
        let user = if self.login.user.is_empty() { "root" } else { &self.login.user };
        let mut all = reads(&self.about);
        all.extend(&[subject(&format!("account/{user}"))].into());
        all
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        Ok(match output.status {
            0 => Ok(output.text().into_owned()),
            _ => Err(complaint(&output.error_text())),
        })
    }
}

/// Asks a server for rows with the names of their columns.
pub struct Rows {
    /// How it is reached.
    pub login: Login,
    /// The database; empty: none.
    pub database: String,
    /// A statement that only looks.
    pub select: String,
}

impl Question for Rows {
    /// The client's XML, or what the server or the client had to say.
    type Answer = Result<String, String>;
    const SCRIPT: Script = Script {
        name: "ask_mysql_rows",
        text: with_mysql!(
            r#"printf '%s' "$1" | client mariadb mysql --xml --default-character-set=utf8mb4 --connect-timeout=15"#
        ),
    };

    fn args(&self) -> Argv {
        let mut args = self.login.args();
        let database =
            if self.database.is_empty() { String::new() } else { format!("USE {};\n", name(&self.database)) };
        args.push(format!("{PRELUDE}{database}START TRANSACTION READ ONLY;\n{};\n", self.select));
        args.into()
    }

    /// What a query is about is its own affair: any change to the server's data makes it stale.
    fn reads(&self) -> Subjects {
        [
            Subject::path("/var/lib/mysql"),
            Subject::path("/etc/mysql"),
            Subject::Service("mysql".into()),
            Subject::Service("mariadb".into()),
            Subject::Packages,
        ]
        .into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        Ok(match output.status {
            0 => Ok(output.text().into_owned()),
            _ => Err(complaint(&output.error_text())),
        })
    }
}

/// What the client said, without the place in what it was given.
pub fn complaint(said: &str) -> String {
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("---"));
    lines.collect::<Vec<_>>().join("; ")
}

/// A name as SQL takes it, whatever is in it.
pub fn name(text: &str) -> String {
    format!("`{}`", text.replace('`', "``").replace('\0', ""))
}

/// A text as SQL takes it, whatever is in it.
pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_depends_on_who_logs_in() {
        let query = |login: Login| Query { login, about: "database/shop".into(), select: "SELECT 1".into() };
        let touched = |name: &str| Subjects::from([subject(&format!("account/{name}"))]);
        assert!(query(Login::default().with("user", "admin")).reads().meet(&touched("admin")));
        assert!(!query(Login::default().with("user", "admin")).reads().meet(&touched("root")));
        assert!(query(Login::default()).reads().meet(&touched("root")));
    }

    #[test]
    fn names_texts_and_options_end_where_they_end() {
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(text(r"it's \' here"), r"'it''s \\'' here'");
        let login = Login::default().with("user", "root").with("host", "").with("password", "a\"b\\c");
        assert_eq!(login.options, "user=\"root\"\npassword=\"a\\\"b\\\\c\"\n");
    }
}
