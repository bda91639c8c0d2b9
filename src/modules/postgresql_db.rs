//! `postgresql_db`: that a database is there as wanted, or isn't; and taking it into a file and back.

use super::postgresql::{
    CA_CERT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER, NOT_YET, SESSION_ROLE,
    SSL_MODE, TRUST_INPUT, ask, login, result, run, there, told,
};
use super::shell_words::split;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::postgresql::{Login, name, subject, text, with_psql};

const STATES: Kind = Kind::Choice(&["absent", "dump", "present", "rename", "restore"]);

/// The module.
pub static MODULE: Module = Module {
    name: "postgresql_db",
    aliases: &[],
    summary: "Makes, changes, dumps, restores or removes a PostgreSQL database",
    params: &[
        Param::required("name", Kind::Text, "the database's name").or(&["db"]),
        Param::optional("state", STATES, "what is to be of it; a dump and a restore happen each time")
            .default("present"),
        Param::optional("owner", Kind::Text, "whose it is"),
        Param::optional("encoding", Kind::Text, "its encoding; that of one that is there can't be changed"),
        Param::optional("lc_collate", Kind::Text, "its collation; as with the encoding"),
        Param::optional("lc_ctype", Kind::Text, "its character classes; as with the encoding"),
        Param::optional("template", Kind::Text, "what a new one is copied from"),
        Param::optional("tablespace", Kind::Text, "where it lies"),
        Param::optional("conn_limit", Kind::Text, "how many connections it takes; -1: any number"),
        Param::optional("comment", Kind::Text, "a description of it"),
        Param::optional("force", Kind::Bool, "end connections to it before it is removed").default("no"),
        Param::optional(
            "target",
            Kind::Text,
            "the file of a dump (its end says the form: .sql, .gz, .bz2, .xz, .tar, .pgc, .dir), or the new name",
        ),
        Param::optional("target_opts", Kind::Text, "more options for pg_dump, pg_restore or psql"),
        Param::optional("dump_extra_args", Kind::Text, "more options for pg_dump"),
        Param::optional("maintenance_db", Kind::Text, "the database to log in to").default("postgres"),
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_SOCKET,
        LOGIN_PORT,
        SSL_MODE,
        CA_CERT,
        SESSION_ROLE,
        TRUST_INPUT,
        NOT_YET,
        Param::not_yet("icu_locale").or(&["locale_provider"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A database for the shop
  become: true
  become_user: postgres
  postgresql_db: {name: shop, owner: shop, encoding: UTF8, template: template0}

- name: Keep what is in it
  become: true
  become_user: postgres
  postgresql_db: {name: shop, state: dump, target: /var/backups/shop.sql.gz}
"#,
        returns: &[
            Returned { name: "db", help: "the database's name" },
            Returned { name: "executed_commands", help: "the SQL that is run, or the dump's command line" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Dumps a database into a file that appears when it is whole.
const DUMP: Script = Script {
    name: "dump_postgresql",
    text: with_psql!(
        r#"target=$1
shift
command -v pg_dump >/dev/null || { echo 'pg_dump is not installed on this host' >&2; exit 1; }
umask 077
form=plain pack=cat
case $target in
*.tar) form=tar ;;
*.pgc) form=custom ;;
*.dir) form=directory ;;
*.gz) pack='gzip -c' ;;
*.bz2) pack='bzip2 -c' ;;
*.xz) pack='xz -c' ;;
esac
rm -rf "$target.new"
trap 'rm -rf "$target.new" "$target.raw"' EXIT
pg_dump -w -U "$user" -p "$port" ${host:+-h "$host"} -F "$form" -f "$target.new" "$@" || exit 1
if [ "$pack" != cat ]; then
    mv "$target.new" "$target.raw" && $pack <"$target.raw" >"$target.new" || exit 1
fi
[ "$form" != directory ] || rm -rf "$target"
mv "$target.new" "$target""#
    ),
};

/// Takes a dump into a database.
const RESTORE: Script = Script {
    name: "restore_postgresql",
    text: with_psql!(
        r#"target=$1
shift
[ -e "$target" ] || { printf '%s is not there\n' "$target" >&2; exit 1; }
feed() { psql -X -q -w -v ON_ERROR_STOP=1 -U "$user" -p "$port" ${host:+-h "$host"} "$@" >/dev/null; }
case $target in
*.tar | *.pgc | *.dir)
    command -v pg_restore >/dev/null || { echo 'pg_restore is not installed on this host' >&2; exit 1; }
    pg_restore -w -U "$user" -p "$port" ${host:+-h "$host"} -d "$PGDATABASE" "$@" "$target"
    exit $? ;;
*.gz) unpack='gzip -dc' ;;
*.bz2) unpack='bzip2 -dc' ;;
*.xz) unpack='xz -dc' ;;
*) feed "$@" <"$target"; exit $? ;;
esac
# What can't be unpacked whole is not begun with.
$unpack <"$target" >/dev/null || exit 1
$unpack <"$target" | feed "$@""#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[DUMP, RESTORE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let database = args.needed("name")?;
    let login = login(args, args.text("maintenance_db").unwrap_or("postgres"));
    match args.text("state") {
        Some("dump") => into_file(args, &login.to(database), host, &login),
        Some("restore") => from_file(args, &login.to(database)),
        Some("rename") => renamed(args, host, &login),
        Some("absent") => {
            let force = if args.flag("force") { " WITH (FORCE)" } else { "" };
            let statement = format!("DROP DATABASE {}{force}", name(database));
            let statements =
                if found(args, host, &login, database)?.is_null() { vec![] } else { vec![statement] };
            let check = there("pg_database", "datname", database, true);
            Ok(outcome(database, format!("remove the database {database}"), &login, &check, statements))
        }
        _ => present(args, host, &login),
    }
}

/// What the server says of a database; null where there is none.
fn found(args: &Args, host: &Host<'_>, login: &Login, database: &str) -> Result<Value, Stop> {
    let encoding = match args.text("encoding").unwrap_or_default() {
        "" => "true".to_owned(),
        encoding => format!("d.encoding = pg_char_to_encoding({})", text(encoding)),
    };
    let select = format!(
        "SELECT coalesce((SELECT json_build_object('owner', pg_get_userbyid(datdba), 'encoding', \
         pg_encoding_to_char(d.encoding), 'same_encoding', {encoding}, 'lc_collate', datcollate, 'lc_ctype', datctype, \
         'conn_limit', datconnlimit::text, 'tablespace', spcname, 'comment', coalesce(shobj_description(d.oid, \
         'pg_database'), '')) FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE datname = {}), \
         'null'::json)",
        text(database)
    );
    ask(host, login, &about(database), select)
}

fn about(database: &str) -> String {
    format!("database/{database}")
}

fn outcome(database: &str, summary: String, login: &Login, check: &str, statements: Vec<String>) -> Outcome {
    let mut result = Map::new();
    result.insert("db".into(), database.into());
    result.insert("executed_commands".into(), told(&statements));
    let change = (!statements.is_empty()).then(|| run(summary, login, &about(database), check, &statements));
    Outcome::change(result, change.into_iter().collect())
}

fn present(args: &Args, host: &Host<'_>, login: &Login) -> Result<Outcome, Stop> {
    let database = args.needed("name")?;
    let wanted = |name: &str| args.text(name).filter(|text| !text.is_empty());
    let is = found(args, host, login, database)?;
    let comment =
        |text_wanted: &str| format!("COMMENT ON DATABASE {} IS {}", name(database), text(text_wanted));
    if is.is_null() {
        let mut create = format!("CREATE DATABASE {}", name(database));
        let options = [
            ("OWNER", wanted("owner").map(name)),
            ("TEMPLATE", wanted("template").map(name)),
            ("ENCODING", wanted("encoding").map(text)),
            ("LC_COLLATE", wanted("lc_collate").map(text)),
            ("LC_CTYPE", wanted("lc_ctype").map(text)),
            ("TABLESPACE", wanted("tablespace").map(name)),
            ("CONNECTION LIMIT", limit(args)?),
        ];
        for (word, value) in options {
            create.extend(value.map(|value| format!(" {word} {value}")));
        }
        let statements = std::iter::once(create).chain(wanted("comment").map(comment)).collect();
        let check = there("pg_database", "datname", database, false);
        return Ok(outcome(database, format!("make the database {database}"), login, &check, statements));
    }
    let fixed = [("encoding", "encoding"), ("lc_collate", "LC_COLLATE"), ("lc_ctype", "LC_CTYPE")];
    for (parameter, word) in fixed {
        let same = match parameter {
            "encoding" => is["same_encoding"] == true,
            _ => wanted(parameter).is_none_or(|wanted| is[parameter] == wanted),
        };
        if !same {
            let now = is[parameter].as_str().unwrap_or_default();
            let what = if parameter == "encoding" { "database encoding" } else { word };
            return Err(Stop::refuse(format!("Changing {what} is not supported. Current {word}: {now}")));
        }
    }
    let alter = |what: String| format!("ALTER DATABASE {} {what}", name(database));
    let mut statements = Vec::new();
    statements.extend(
        wanted("owner")
            .filter(|owner| is["owner"] != *owner)
            .map(|owner| alter(format!("OWNER TO {}", name(owner)))),
    );
    let limit = limit(args)?.filter(|limit| is["conn_limit"] != limit.as_str());
    statements.extend(limit.map(|limit| alter(format!("CONNECTION LIMIT {limit}"))));
    let place = wanted("tablespace").filter(|place| is["tablespace"] != *place);
    statements.extend(place.map(|place| alter(format!("SET TABLESPACE {}", name(place)))));
    statements.extend(args.text("comment").filter(|wanted| is["comment"] != *wanted).map(comment));
    let check = there("pg_database", "datname", database, true);
    Ok(outcome(database, format!("change the database {database}"), login, &check, statements))
}

fn limit(args: &Args) -> Result<Option<String>, Stop> {
    let number = |text: &str| text.parse::<i64>().map(|number| number.to_string());
    let given = args.text("conn_limit").filter(|text| !text.is_empty()).map(number).transpose();
    given.map_err(|_| Stop::refuse("'conn_limit' is no number of connections"))
}

fn renamed(args: &Args, host: &Host<'_>, login: &Login) -> Result<Outcome, Stop> {
    let (old, new) = (args.needed("name")?, args.needed("target")?);
    let (was, is) = (found(args, host, login, old)?, found(args, host, login, new)?);
    let statement = match (was.is_null(), is.is_null()) {
        (true, true) => return Err(Stop::refuse(format!("neither the database {old} nor {new} is there"))),
        (false, false) => return Err(Stop::refuse(format!("both databases are there, {old} and {new}"))),
        (true, false) => vec![],
        (false, true) => vec![format!("ALTER DATABASE {} RENAME TO {}", name(old), name(new))],
    };
    let check = there("pg_database", "datname", old, true);
    let mut outcome = outcome(old, format!("rename the database {old} to {new}"), login, &check, statement);
    outcome.changes.iter_mut().for_each(|change| change.touches.extend(&[subject(&about(new))].into()));
    Ok(outcome)
}

fn options(args: &Args, names: &[&str]) -> Result<Vec<String>, Stop> {
    let mut words = Vec::new();
    for given in names.iter().filter_map(|name| args.text(name)) {
        words.extend(split(given).map_err(|error| Stop::refuse(error.to_string()))?);
    }
    Ok(words)
}

fn copied(
    args: &Args,
    summary: String,
    script: Script,
    login: &Login,
    words: Vec<String>,
) -> Result<Outcome, Stop> {
    let target = args.needed("target")?;
    if !target.starts_with('/') {
        return Err(Stop::refuse(format!("'target' is {target}: expected an absolute path")));
    }
    let mut result = Map::new();
    result.insert("db".into(), login.database.as_str().into());
    let program = if script.name == DUMP.name { "pg_dump" } else { "pg_restore" };
    let shown = format!("{program} {} {target}", login.database);
    result.insert("executed_commands".into(), told(&[shown]));
    let mut argv = login.args();
    argv.push(target.to_owned());
    argv.extend(words);
    let touches = [subject(&about(&login.database)), Subject::path(target)];
    let change = Change::event(summary, script, argv, touches);
    Ok(Outcome::change(result, vec![change]))
}

fn into_file(args: &Args, of: &Login, host: &Host<'_>, login: &Login) -> Result<Outcome, Stop> {
    if found(args, host, login, &of.database)?.is_null() {
        return Err(Stop::refuse(format!(
            "the database {} is not there, so it can't be dumped",
            of.database
        )));
    }
    let summary = format!("dump the database {} into {}", of.database, args.needed("target")?);
    copied(args, summary, DUMP, of, options(args, &["target_opts", "dump_extra_args"])?)
}

fn from_file(args: &Args, into: &Login) -> Result<Outcome, Stop> {
    let summary = format!("restore the database {} from {}", into.database, args.needed("target")?);
    copied(args, summary, RESTORE, into, options(args, &["target_opts"])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    /// What is run where the server says this of the database.
    fn statements(args: Value, is: &str) -> Result<Vec<String>, String> {
        let outcome = answer_with(&MODULE, &args, &mut |asked| {
            assert!(asked.args.0.last().unwrap().starts_with("BEGIN READ ONLY;"));
            Ok(Output::ok(is))
        });
        match outcome {
            Ok(outcome) => Ok(outcome.result["executed_commands"]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s.as_str().unwrap().to_owned())
                .collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(other) => panic!("{other:?}"),
        }
    }

    const THERE: &str = r#"{"owner": "shop", "encoding": "UTF8", "same_encoding": true, "lc_collate": "C", "lc_ctype": "C", "conn_limit": "-1", "tablespace": "pg_default", "comment": ""}"#;

    #[test]
    fn a_database_is_made_changed_and_removed_by_quoted_names() {
        let made = statements(
            json!({"name": "a\"b", "owner": "o", "encoding": "UTF8", "template": "template0", "conn_limit": 5, "comment": "it's"}),
            "null",
        );
        assert_eq!(
            made.unwrap(),
            [
                "CREATE DATABASE \"a\"\"b\" OWNER \"o\" TEMPLATE \"template0\" ENCODING E'UTF8' CONNECTION LIMIT 5",
                "COMMENT ON DATABASE \"a\"\"b\" IS E'it''s'"
            ]
        );
        let same =
            json!({"name": "x", "owner": "shop", "encoding": "utf-8", "lc_collate": "C", "conn_limit": -1});
        assert_eq!(statements(same, THERE).unwrap(), [""; 0]);
        let other = json!({"name": "x", "owner": "o", "conn_limit": "7"});
        assert_eq!(
            statements(other, THERE).unwrap(),
            ["ALTER DATABASE \"x\" OWNER TO \"o\"", "ALTER DATABASE \"x\" CONNECTION LIMIT 7"]
        );
        let gone = json!({"name": "x", "state": "absent", "force": true});
        assert_eq!(statements(gone.clone(), THERE).unwrap(), ["DROP DATABASE \"x\" WITH (FORCE)"]);
        assert_eq!(statements(gone, "null").unwrap(), [""; 0]);
    }

    #[test]
    fn what_can_not_be_changed_is_refused() {
        let collation = json!({"name": "x", "lc_collate": "de_DE.UTF-8"});
        assert_eq!(
            statements(collation, THERE).unwrap_err(),
            "Changing LC_COLLATE is not supported. Current LC_COLLATE: C"
        );
        let encoding = THERE.replace("true", "false");
        let wanted = json!({"name": "x", "encoding": "LATIN1"});
        assert!(
            statements(wanted, &encoding)
                .unwrap_err()
                .starts_with("Changing database encoding is not supported.")
        );
        for wrong in [
            json!({"name": "x", "conn_limit": "many"}),
            json!({"name": "x", "state": "dump", "target": "here.sql"}),
            json!({"name": "x", "state": "dump"}),
        ] {
            assert!(statements(wrong, THERE).is_err());
        }
        assert!(
            statements(json!({"name": "x", "state": "dump", "target": "/x.sql"}), "null")
                .unwrap_err()
                .contains("can't be dumped")
        );
    }

    /// A `psql` that writes down what it is given, and answers from a file.
    const FAKE: &str = r#"printf '%s\n' "$*" >>"$HOME/argv"
printf '%s [%s] %s\n' "$PGDATABASE" "${PGPASSWORD-}" "$(cat "$PGPASSFILE")" >>"$HOME/environment"
stat -L -c '%a %h' "$PGPASSFILE" >>"$HOME/file"
cat >>"$HOME/sql"
cat "$HOME/answer""#;

    #[test]
    fn sql_and_passwords_are_no_arguments_of_psql_and_a_changed_server_stops_the_change() {
        for mut bench in Bench::every_shell() {
            bench.program("psql", FAKE);
            let file = |name: &str| std::fs::read_to_string(bench.at("..").join(name)).unwrap();
            std::fs::write(bench.at("../answer"), "null\n").unwrap();
            let args = json!({"name": "host=evil x", "login_password": "hun:ter\\2", "login_host": "db.example.org"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            let change = &outcome.changes[0];
            std::fs::write(bench.at("../answer"), "f\n").unwrap();
            assert_eq!(bench.apply(change).status, crate::modules::PRECONDITION_FAILED);
            assert!(!file("sql").contains("CREATE"));
            std::fs::write(bench.at("../answer"), "t\n").unwrap();
            assert_eq!(bench.apply(change).status, 0);
            assert!(file("sql").ends_with("CREATE DATABASE \"host=evil x\";\n"), "{}", file("sql"));
            let argv = file("argv");
            assert!(argv.contains("-U postgres -p 5432 -h db.example.org"), "{argv}");
            assert!(!argv.contains("ter") && !argv.contains("evil") && !argv.contains("SELECT"), "{argv}");
            // libpq undoes the backslashes. The file is its reader's alone, and has no name.
            let environment = file("environment");
            assert!(environment.starts_with("postgres [] *:*:*:*:hun\\:ter\\\\2\n"), "{environment}");
            assert!(file("file").lines().all(|line| line == "600 0"), "{}", file("file"));
        }
    }
}
