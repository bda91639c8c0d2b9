//! SQL that goes to a server's own command-line client, which looks into it for commands of its own.

/// Whose client it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dialect {
    Postgresql,
    Mysql,
}

/// Whether a backslash stands where the client would take what follows for a command (`\!` starts a program): anywhere but in a
/// text. Where it isn't plain that it stands in one (comments, a quote behind a backslash), it counts as if it did not.
pub(super) fn speaks_to_the_client(sql: &str, dialect: Dialect) -> bool {
    if !sql.contains('\\') {
        return false;
    }
    if ["--", "/*"].iter().any(|comment| sql.contains(comment))
        || (dialect == Dialect::Mysql && sql.contains('#'))
    {
        return true;
    }
    let mut rest = sql;
    while let Some(at) = rest.find(['\\', '\'', '"', '`', '$']) {
        let (mark, behind) = rest.split_at(at).1.split_at(1);
        let end = match mark {
            "\\" => return true,
            "$" if dialect == Dialect::Postgresql => match tagged(behind) {
                Some(after) => Some(after),
                None => Some(behind),
            },
            "$" => Some(behind),
            "'" => text(behind, '\''),
            "\"" if dialect == Dialect::Mysql => text(behind, '"'),
            "`" if dialect == Dialect::Postgresql => Some(behind),
            // Names: a backslash in them is none of the client's, and nobody needs one.
            quote => {
                behind.split_once(quote).filter(|(name, _)| !name.contains('\\')).map(|(_, after)| after)
            }
        };
        match end {
            Some(after) => rest = after,
            // It goes on to the end, or nobody can tell.
            None => return true,
        }
    }
    false
}

/// What stands behind a text that began before `sql`. A quote right behind a backslash ends it or does not, by the server's settings.
fn text(sql: &str, quote: char) -> Option<&str> {
    let mut characters = sql.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if characters.next()?.1 == quote => return None,
            one if one == quote => return sql.get(at + one.len_utf8()..),
            _ => {}
        }
    }
    None
}

/// What stands behind a text in dollars (`$tag$ … $tag$`) whose first one stood before `sql`, if that is one.
fn tagged(sql: &str) -> Option<&str> {
    let (tag, rest) = sql.split_once('$')?;
    let is_tag = tag.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !tag.starts_with(|c: char| c.is_ascii_digit());
    let (_, after) = is_tag.then(|| rest.split_once(&format!("${tag}$"))).flatten()?;
    Some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_is_the_clients_but_in_a_text() {
        use Dialect::{Mysql, Postgresql};
        for (sql, postgresql, mysql) in [
            (r"SELECT 1", false, false),
            (r"SELECT 1 AS a \! id", true, true),
            (r"SELECT 1 \. /tmp/x", true, true),
            (r"SELECT 1 \gexec", true, true),
            (r"SELECT 'a\d+'", false, false),
            (r"SELECT 'it''s \d' || 'x'", false, false),
            (r"SELECT E'a\n', 'b' \! id", true, true),
            (r"SELECT E'a\' \! id '", true, true),
            (r"SELECT 'a\' \! id --'", true, true),
            (r"SELECT 'a\\' \! id", true, true),
            (r"SELECT 'a\\'", false, false),
            ("-- it's\nSELECT 1 \\! id -- '", true, true),
            (r"/* ' */ SELECT 1 \! id /* ' */", true, true),
            (r"# '\n \! id '", false, true),
            (r"DO $$ BEGIN PERFORM 'x' ~ '\d'; END $$", false, false),
            (r"SELECT $a$ ' $a$ \! id '", true, false),
            (r"SELECT $1 \! id $1", true, true),
            (r#"SELECT "a\d""#, true, false),
            (r"SELECT `a\b`", true, true),
            (r#"SELECT " ' " \! id "'"#, true, true),
            (r"SELECT 'open \d", true, true),
        ] {
            assert_eq!(speaks_to_the_client(sql, Postgresql), postgresql, "psql: {sql}");
            assert_eq!(speaks_to_the_client(sql, Mysql), mysql, "mysql: {sql}");
        }
    }
}
