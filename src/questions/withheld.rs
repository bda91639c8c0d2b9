//! Which arguments of which scripts no program gets as a word: the shell keeps them to itself, or hands them on by a pipe.
//! Only there may a secret stand. Everything else is seen by whoever lists processes.

use super::http;
use crate::model::Script;

/// How scripts begin that log in to MySQL; the first argument is an option file, which goes through a pipe.
const MYSQL: &str = "login=$1 config=$2\n";
/// How scripts begin that log in to PostgreSQL; the fourth argument is the password, which libpq takes from the
/// environment of its own process alone, or from a file.
const POSTGRESQL: &str = "user=$1 host=$2 port=$3 password=$4 ";

/// Scripts with a password or a passphrase that the shell's own `printf` writes into a pipe, and nothing else sees; and
/// which argument that is. What makes a file has seven before its own.
const PIPED: [(&str, usize); 5] = [
    ("password_hash", 2),
    ("private_key", 1),
    ("make_certificate_request", 8),
    ("sign_certificate", 8),
    ("rabbitmq_password", 2),
];

/// Whether no program gets this argument as a word.
pub fn is_withheld(script: &Script, position: usize, argument: &str) -> bool {
    let asks_a_url = script.text.starts_with(http::REQUEST);
    (script.text.starts_with(MYSQL) && position == 0)
        || (script.text.starts_with(POSTGRESQL) && position == 3)
        || PIPED.contains(&(script.name, position))
        // Headers go to curl as its settings; where to, some programs are told in a word.
        || (asks_a_url && !argument.contains("://"))
}

#[cfg(test)]
mod tests {
    use super::super::system::brokers::RabbitmqPassword;
    use super::super::system::keys::PrivateKey;
    use super::super::system::labels::PasswordHash;
    use super::super::{Question as _, http, mysql, postgresql};
    use super::*;

    #[test]
    fn logins_headers_and_what_is_piped_are_withheld_and_nothing_else() {
        let all = [
            (mysql::Query::SCRIPT, 0),
            (postgresql::Query::SCRIPT, 3),
            (PasswordHash::SCRIPT, 2),
            (PrivateKey::SCRIPT, 1),
            (RabbitmqPassword::SCRIPT, 2),
        ];
        for (script, withheld) in all {
            let found: Vec<usize> = (0..9).filter(|at| is_withheld(&script, *at, "x")).collect();
            assert_eq!(found, [withheld], "{}", script.name);
        }
        // What goes into a pipe goes nowhere else.
        for (script, at) in all.into_iter().filter(|(script, at)| PIPED.contains(&(script.name, *at))) {
            let piped = format!("printf '%s\\n' \"${}\" | ", at + 1);
            let uses = script.text.matches(&format!("${}", at + 1)).count();
            assert!(uses > 0 && uses == script.text.matches(&piped).count(), "{}", script.name);
            assert!(!script.text.contains("$@") && !script.text.contains("shift"), "{}", script.name);
        }
        let fetch = http::Fetch::SCRIPT;
        assert!(
            is_withheld(&fetch, 13, "Authorization: Bearer x")
                && !is_withheld(&fetch, 2, "http://h/?token=x")
        );
        let other = Script { name: "other", text: "cat -- \"$1\"" };
        assert!((0..6).all(|at| !is_withheld(&other, at, "x")));
    }
}
