//! `mysql_db`: that databases of MySQL or MariaDB are there, or aren't; and taking them into a file and back.

use super::mysql::{
    CA_CERT, CONFIG_FILE, CONNECT_TIMEOUT, IMPLICIT_ADMIN, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT,
    LOGIN_SOCKET, LOGIN_USER, NOT_YET, ask, result, run, told, working_login,
};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::mysql::{Login, name, subject, text, with_mysql};

/// The module.
pub static MODULE: Module = Module {
    name: "mysql_db",
    aliases: &[],
    summary: "Makes, dumps, imports or removes databases of MySQL or MariaDB",
    params: &[
        Param::required("name", Kind::List, "the databases; all: every one, for a dump and an import")
            .or(&["db"]),
        Param::optional(
            "state",
            Kind::Choice(&["absent", "dump", "import", "present"]),
            "what is to be of them; a dump and an import happen each time",
        )
        .default("present"),
        Param::optional("encoding", Kind::Text, "the encoding of a new one"),
        Param::optional("collation", Kind::Text, "the collation of a new one"),
        Param::optional("target", Kind::Path, "the file of the dump; .gz, .bz2 and .xz are compressed"),
        Param::optional("single_transaction", Kind::Bool, "dump what one transaction sees").default("no"),
        Param::optional("quick", Kind::Bool, "dump row by row").default("yes"),
        Param::optional("force", Kind::Bool, "go on behind an error of SQL").default("no"),
        IMPLICIT_ADMIN,
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_PORT,
        LOGIN_SOCKET,
        CONFIG_FILE,
        CA_CERT,
        CONNECT_TIMEOUT,
        NOT_YET,
        Param::not_yet("dump_extra_args").or(&[
            "ignore_tables",
            "hex_blob",
            "master_data",
            "skip_lock_tables",
            "use_shell",
            "sql_log_bin",
            "restrict_config_file",
            "unsafe_login_password",
            "config_overrides_defaults",
            "chdir",
            "pipefail",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A database for the shop
  mysql_db: {name: shop, encoding: utf8mb4, login_unix_socket: /run/mysqld/mysqld.sock}

- name: Keep what is in it
  mysql_db: {name: shop, state: dump, target: /var/backups/shop.sql.gz}
"#,
        returns: &[
            Returned { name: "db", help: "the databases, in one text" },
            Returned { name: "db_list", help: "the databases" },
            Returned { name: "executed_commands", help: "the SQL that is run, or the dump's command line" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Dumps databases into a file that appears when it is whole.
const DUMP: Script = Script {
    name: "dump_mysql",
    text: with_mysql!(
        r#"target=$1
shift
umask 077
pack=cat
case $target in
*.gz) pack='gzip -c' ;;
*.bz2) pack='bzip2 -c' ;;
*.xz) pack='xz -c' ;;
esac
trap 'rm -f "$target.new" "$target.raw"' EXIT
client mariadb-dump mysqldump "$@" >"$target.raw" </dev/null || exit 1
$pack <"$target.raw" >"$target.new" || exit 1
mv "$target.new" "$target""#
    ),
};

/// Takes a dump into a server.
const IMPORT: Script = Script {
    name: "import_mysql",
    text: with_mysql!(
        r#"target=$1
shift
[ -r "$target" ] || { printf '%s is not there\n' "$target" >&2; exit 1; }
unpack=cat
case $target in
*.gz) unpack='gzip -dc' ;;
*.bz2) unpack='bzip2 -dc' ;;
*.xz) unpack='xz -dc' ;;
esac
# What can't be unpacked whole is not begun with.
$unpack <"$target" >/dev/null || exit 1
$unpack <"$target" | client mariadb mysql "$@""#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[DUMP, IMPORT];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let databases: Vec<&str> =
        args.list("name").into_iter().map(str::trim).filter(|name| !name.is_empty()).collect();
    if databases.is_empty() {
        return Err(Stop::refuse("'name' names no database"));
    }
    let login = working_login(args, host)?;
    let state = args.text("state").unwrap_or("present");
    if databases.contains(&"all") && !matches!(state, "dump" | "import") {
        return Err(Stop::refuse("name=all is for a dump and an import alone"));
    }
    let (change, commands) = match state {
        "dump" => dump(args, &login, &databases)?,
        "import" => import(args, &login, &databases)?,
        state => managed(args, host, &login, &databases, state == "present")?,
    };
    let mut result = Map::new();
    result.insert("db".into(), databases.join(" ").into());
    result.insert("db_list".into(), databases.clone().into());
    result.insert("executed_commands".into(), told(&commands));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

fn about(database: &str) -> String {
    format!("database/{database}")
}

fn managed(
    args: &Args,
    host: &Host<'_>,
    login: &Login,
    databases: &[&str],
    present: bool,
) -> Result<(Option<Change>, Vec<String>), Stop> {
    let list = databases.iter().map(|database| text(database)).collect::<Vec<_>>().join(", ");
    let of = |columns: &str, list: &str| {
        format!("SELECT {columns} FROM information_schema.schemata WHERE BINARY schema_name IN ({list})")
    };
    // One question for each, so that the answers stay where another one is made.
    let mut rows = String::new();
    for database in databases {
        rows += &ask(host, login, &about(database), of("schema_name", &text(database)))?;
    }
    let there: Vec<&str> = rows.lines().collect();
    let wrong: Vec<&&str> =
        databases.iter().filter(|database| there.contains(*database) != present).collect();
    let option = |parameter: &str, word: &str| {
        let given = args.text(parameter).filter(|given| !given.is_empty());
        given.map(|given| format!(" {word} {}", text(given))).unwrap_or_default()
    };
    let (encoding, collation) = (option("encoding", "CHARACTER SET"), option("collation", "COLLATE"));
    let statement = |database: &&&str| match present {
        true => format!("CREATE DATABASE {}{encoding}{collation}", name(database)),
        false => format!("DROP DATABASE {}", name(database)),
    };
    let statements: Vec<String> = wrong.iter().map(statement).collect();
    if statements.is_empty() {
        return Ok((None, statements));
    }
    let names = wrong.iter().map(|database| **database).collect::<Vec<_>>().join(", ");
    let summary =
        if present { format!("make the database {names}") } else { format!("remove the database {names}") };
    let check = of(&format!("COUNT(*) = {}", there.len()), &list);
    Ok((
        Some(run(
            summary,
            login,
            &databases.iter().map(|name| about(name)).collect::<Vec<_>>(),
            &check,
            &statements,
        )),
        statements,
    ))
}

fn copied(summary: String, script: Script, login: &Login, target: &str, words: Vec<String>) -> Change {
    let argv = [login.args(), vec![target.to_owned()], words].concat();
    // A dump may name any database.
    Change::event(summary, script, argv, [subject(""), Subject::path(target)])
}

fn dump(args: &Args, login: &Login, databases: &[&str]) -> Result<(Option<Change>, Vec<String>), Stop> {
    let target = args.needed("target")?;
    let mut words = Vec::new();
    words.extend(args.flag("single_transaction").then(|| "--single-transaction=true".to_owned()));
    words.extend(args.flag("quick").then(|| "--quick".to_owned()));
    words.extend(args.flag("force").then(|| "--force".to_owned()));
    match databases {
        ["all"] => words.push("--all-databases".into()),
        // A dump of one names none, so that it can be taken into another.
        [one] => words.extend(["--".to_owned(), (*one).to_owned()]),
        // As the names of databases, never as options.
        several => words.extend(
            std::iter::once("--databases")
                .chain(std::iter::once("--"))
                .chain(several.iter().copied())
                .map(str::to_owned),
        ),
    }
    let told = format!("mysqldump {} > {target}", words.join(" "));
    let summary = format!("dump {} into {target}", databases.join(", "));
    Ok((Some(copied(summary, DUMP, login, target, words)), vec![told]))
}

fn import(args: &Args, login: &Login, databases: &[&str]) -> Result<(Option<Change>, Vec<String>), Stop> {
    let target = args.needed("target")?;
    let mut words: Vec<String> = args.flag("force").then(|| "--force".to_owned()).into_iter().collect();
    match databases {
        ["all"] => {}
        [one] => words.push(format!("--database={one}")),
        _ => return Err(Stop::refuse("an import is into one database, or all")),
    }
    let told = format!("mysql {} < {target}", words.join(" "));
    let summary = format!("import {target} into {}", databases.join(", "));
    Ok((Some(copied(summary, IMPORT, login, target, words)), vec![told]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::harness::{Bench, without_host};
    use serde_json::json;

    /// A client that writes down what it is given, and answers from a file.
    const FAKE: &str = r#"printf '%s\n' "$*" >>"$HOME/argv"
cat /dev/fd/3 >>"$HOME/options"
cat >>"$HOME/sql"
cat "$HOME/answer""#;

    #[test]
    fn how_to_log_in_and_what_to_do_are_no_arguments_of_the_client() {
        for mut bench in Bench::every_shell() {
            // Both names: the machine may have one of its own.
            ["mysql", "mariadb"].iter().for_each(|name| bench.program(name, FAKE));
            let file = |name: &str| std::fs::read_to_string(bench.at("..").join(name)).unwrap();
            let answer = |text: &str| std::fs::write(bench.at("../answer"), text).unwrap();
            answer("");
            let args = json!({"name": ["shop", "o`dd"], "encoding": "utf8mb4", "login_user": "root", "login_password": "hun\"ter2"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            assert_eq!(outcome.result["db_list"], json!(["shop", "o`dd"]));
            let change = &outcome.changes[0];
            answer("0\n");
            assert_eq!(bench.apply(change).status, PRECONDITION_FAILED);
            answer("1\n");
            assert_eq!(bench.apply(change).status, 0);
            let sql = file("sql");
            assert!(sql.ends_with("CREATE DATABASE `shop` CHARACTER SET 'utf8mb4';\nCREATE DATABASE `o``dd` CHARACTER SET 'utf8mb4';\n"), "{sql}");
            assert!(
                file("options").starts_with("[client]\nuser=\"root\"\npassword=\"hun\\\"ter2\"\n"),
                "{}",
                file("options")
            );
            let argv = file("argv");
            assert!(
                argv.starts_with("--defaults-file=/dev/fd/3 -N")
                    && !argv.contains("ter2")
                    && !argv.contains("CREATE"),
                "{argv}"
            );
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (args, why) in [
            (json!({"name": ""}), "names no database"),
            (json!({"name": "all"}), "name=all"),
            (json!({"name": "x", "state": "dump"}), "'target' is needed"),
            (json!({"name": "a,b", "state": "import", "target": "/x"}), "into one database"),
        ] {
            let Err(Stop::Refuse(refusal)) = without_host(&MODULE, &args) else { panic!("{args}") };
            assert!(refusal.message.contains(why), "{}", refusal.message);
        }
    }
}
