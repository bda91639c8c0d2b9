//! Questions to a PostgreSQL server, through the host's own `psql`.
//!
//! SQL goes to psql on standard input, so that no statement stands in a list of processes. A password for the login itself is
//! read by libpq from an open descriptor of a file without a name. Questions are asked in a transaction that may only read.
//!
//! # Source
//! psql(1) and the system catalogs of PostgreSQL 15.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects, Value};

/// Puts what every script needs before it: how the server is reached, and `sql`, which runs what is on its standard input.
macro_rules! with_psql {
    ($script:literal) => {
        concat!(
            r#"user=$1 host=$2 port=$3 password=$4 PGSSLMODE=$5 rootcert=$6 PGDATABASE=$7
shift 7
command -v psql >/dev/null || { echo 'psql is not installed on this host' >&2; exit 1; }
PGCONNECT_TIMEOUT=15 PGCLIENTENCODING=UTF8
export PGSSLMODE PGDATABASE PGCONNECT_TIMEOUT PGCLIENTENCODING
# libpq takes a password from its environment, which others of this user can read, or from a plain file: from one that has lost
# its name before the password is written into it, in memory where there is such a place. It is gone with the descriptor.
if [ -n "$password" ]; then
    place=/dev/shm
    [ -d "$place" ] && [ -w "$place" ] || place=${TMPDIR:-/tmp}
    passfile=$(umask 077; mktemp "$place/.wgops.XXXXXXXXXX") || exit 1
    exec 8>"$passfile" 9<"$passfile" || exit 1
    rm -f -- "$passfile"
    printf '*:*:*:*:%s\n' "$(printf '%s' "$password" | sed 's/[\\:]/\\&/g')" >&8
    exec 8>&-
    unset PGPASSWORD
    PGPASSFILE=/dev/fd/9 && export PGPASSFILE
fi
[ -z "$rootcert" ] || { PGSSLROOTCERT=$rootcert && export PGSSLROOTCERT; }
# psql complains of a directory that its user may not enter.
cd /
sql() { psql -X -q -A -t -w -v ON_ERROR_STOP=1 -U "$user" -p "$port" ${host:+-h "$host"}; }
"#,
            $script
        )
    };
}
pub(crate) use with_psql;

/// How a server is reached, and which of its databases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Login {
    /// The role.
    pub user: String,
    /// A host, or the directory of a socket; empty: the usual socket.
    pub host: String,
    /// The port.
    pub port: String,
    /// The role's password; empty: none.
    pub password: String,
    /// libpq's `sslmode`.
    pub ssl_mode: String,
    /// A file with certificates of authorities; empty: none.
    pub ca_cert: String,
    /// The role that is become after the login; empty: none.
    pub session_role: String,
    /// The database.
    pub database: String,
}

impl Login {
    /// The arguments with which every script begins.
    pub fn args(&self) -> Vec<String> {
        let all = [
            &self.user,
            &self.host,
            &self.port,
            &self.password,
            &self.ssl_mode,
            &self.ca_cert,
            &self.database,
        ];
        all.into_iter().cloned().collect()
    }

    /// The same to another database.
    #[must_use]
    pub fn to(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// What comes before every statement.
    pub fn prelude(&self) -> String {
        match self.session_role.as_str() {
            "" => String::new(),
            role => format!("SET ROLE {};\n", name(role)),
        }
    }
}

/// Asks a server for one value, as JSON.
pub struct Query {
    /// How it is reached.
    pub login: Login,
    /// What it is about, as [`subject`] has it.
    pub about: String,
    /// A `SELECT` that gives one row of one column of JSON.
    pub select: String,
}

/// What `database/NAME` and the like are known by: as if each had its place among the server's files.
pub fn subject(about: &str) -> Subject {
    Subject::path(&format!("/var/lib/postgresql/{about}"))
}

/// What is said of something depends on it, and on the server as a whole.
pub fn reads(about: &str) -> Subjects {
    [
        subject(about),
        Subject::path("/etc/postgresql"),
        Subject::Service("postgresql".into()),
        Subject::Packages,
    ]
    .into()
}

impl Question for Query {
    /// The value, or what the server or psql had to say.
    type Answer = Result<Value, String>;
    const SCRIPT: Script = Script { name: "ask_postgresql", text: with_psql!(r#"printf '%s' "$1" | sql"#) };

    fn args(&self) -> Argv {
        let prelude = self.login.prelude();
        let text = format!("BEGIN READ ONLY;\n{prelude}{};\nCOMMIT;\n", self.select);
        let mut args = self.login.args();
        args.push(text);
        args.into()
    }

    /// A refusal depends on the database that is logged into, too: it may be made.
    fn reads(&self) -> Subjects {
        let mut all = reads(&self.about);
        all.extend(&[subject(&format!("database/{}", self.login.database))].into());
        all
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        if output.status != 0 {
            return Ok(Err(complaint(&output.error_text())));
        }
        serde_json::from_slice(&output.stdout).map(Ok).map_err(|_| ParseError::new("JSON", output))
    }
}

/// The rows of a query that a playbook wrote. Whether that only looks is for its functions to say, so whoever decides what is asked
/// when has to tell it from questions of wgops' own.
pub struct Written(pub Query);

impl Question for Written {
    type Answer = Result<Value, String>;
    const SCRIPT: Script = Script { name: "postgresql_rows", ..Query::SCRIPT };

    fn args(&self) -> Argv {
        self.0.args()
    }

    fn reads(&self) -> Subjects {
        self.0.reads()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        self.0.parse(output)
    }
}

/// What psql said, without its own name and the place in what it was given.
pub fn complaint(said: &str) -> String {
    let lines = said.lines().filter(|line| !line.starts_with("LINE ") && !line.trim().starts_with('^'));
    let lines: Vec<&str> =
        lines.map(|line| line.rsplit_once("<stdin>:").map_or(line, |(_, rest)| rest)).collect();
    let text = lines.join("; ");
    let text = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' ');
    text.strip_prefix("psql: ").unwrap_or(text).to_owned()
}

/// A name as SQL takes it, whatever is in it.
pub fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\"").replace('\0', ""))
}

/// A text as SQL takes it, whatever is in it.
pub fn text(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''").replace('\0', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_depends_on_the_database_that_is_asked() {
        let login = Login {
            user: "postgres".into(),
            host: String::new(),
            port: "5432".into(),
            password: String::new(),
            ssl_mode: "prefer".into(),
            ca_cert: String::new(),
            session_role: String::new(),
            database: "shop".into(),
        };
        let query = Query { login, about: "role/shop".into(), select: "SELECT 1".into() };
        let touched = |about: &str| Subjects::from([subject(about)]);
        assert!(query.reads().meet(&touched("database/shop")) && query.reads().meet(&touched("role/shop")));
        assert!(!query.reads().meet(&touched("database/other")));
    }

    #[test]
    fn names_and_texts_end_where_they_end() {
        assert_eq!(name("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
        assert_eq!(text(r"it's \' here"), r"E'it''s \\'' here'");
    }

    #[test]
    fn complaints_are_told_without_psqls_own_words() {
        let said = "psql:<stdin>:3: ERROR:  role \"x\" does not exist\nLINE 1: SELECT x\n               ^\n";
        assert_eq!(complaint(said), "ERROR:  role \"x\" does not exist");
        let lost = "psql: error: connection to server on socket \"/s\" failed: No such file or directory\n\tIs it running?\n";
        assert!(complaint(lost).starts_with("error: connection to server"), "{}", complaint(lost));
    }
}
