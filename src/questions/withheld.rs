//! Which arguments of which scripts no program gets as a word: the shell keeps them to itself, or hands them on by a pipe.
//! Only there may a secret stand. Everything else is seen by whoever lists processes.

use super::http;
use crate::model::Script;

/// How scripts begin that log in to MySQL; the first argument is an option file, which goes through a pipe.
const MYSQL: &str = "login=$1 config=$2\n";
/// How scripts begin that log in to PostgreSQL; the fourth argument is the password, which libpq takes from the
/// environment of its own process alone, or from a file.
const POSTGRESQL: &str = "user=$1 host=$2 port=$3 password=$4 ";

/// Whether no program gets this argument as a word.
pub fn is_withheld(script: &Script, position: usize, argument: &str) -> bool {
    let asks_a_url = script.text.starts_with(http::REQUEST);
    (script.text.starts_with(MYSQL) && position == 0)
        || (script.text.starts_with(POSTGRESQL) && position == 3)
        // Headers go to curl as its settings; where to, some programs are told in a word.
        || (asks_a_url && !argument.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::super::{Question as _, http, mysql, postgresql};
    use super::*;

    #[test]
    fn logins_and_headers_are_withheld_and_nothing_else() {
        let sql = [mysql::Query::SCRIPT, postgresql::Query::SCRIPT];
        assert_eq!(
            sql.map(|script| (0..6).filter(|at| is_withheld(&script, *at, "x")).collect::<Vec<_>>()),
            [vec![0], vec![3]]
        );
        let fetch = http::Fetch::SCRIPT;
        assert!(
            is_withheld(&fetch, 13, "Authorization: Bearer x")
                && !is_withheld(&fetch, 2, "http://h/?token=x")
        );
        let other = Script { name: "other", text: "cat -- \"$1\"" };
        assert!((0..6).all(|at| !is_withheld(&other, at, "x")));
    }
}
