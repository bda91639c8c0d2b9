//! What an account may do: as people write it, as the server says it, and the statements that lead from one to the other.
//!
//! # Source
//! `SHOW GRANTS` of MariaDB 10.11: `GRANT SELECT, INSERT ON `db`.* TO `u`@`h` WITH GRANT OPTION`.

use crate::model::Value;
use crate::modules::Args;
use crate::questions::Stop;
use std::collections::{BTreeMap, BTreeSet};

/// Privileges by what they are on: `db.table`, without quotes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Grants(BTreeMap<String, BTreeSet<String>>);

/// What becomes of privileges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Manner {
    /// These and no others.
    Exactly,
    /// These, too.
    Append,
    /// Not these.
    Subtract,
}

impl Manner {
    pub fn of(args: &Args) -> Self {
        match (args.flag("append_privs"), args.flag("subtract_privs")) {
            (true, _) => Self::Append,
            (_, true) => Self::Subtract,
            _ => Self::Exactly,
        }
    }
}

/// Splits at a separator that stands outside of parentheses and backquotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0_usize, false);
    for c in text.chars() {
        match c {
            '`' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if c == separator && depth == 0 && !quoted {
            parts.push(String::new());
        } else if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts
}

/// A privilege in one form: the word in capitals, columns as they are.
fn privilege(word: &str) -> String {
    let word = word.trim();
    let (word, columns) =
        word.split_once('(').map_or((word, None), |(word, columns)| (word.trim(), Some(columns)));
    let word = match word.to_uppercase().as_str() {
        "ALL PRIVILEGES" => "ALL".to_owned(),
        "WITH GRANT OPTION" | "GRANT OPTION" => "GRANT".to_owned(),
        other => other.to_owned(),
    };
    match columns {
        None => word,
        Some(columns) => {
            let mut names: Vec<String> = columns
                .trim_end_matches(')')
                .split(',')
                .map(|name| name.trim().trim_matches('`').to_owned())
                .collect();
            names.sort();
            format!("{word} ({})", names.join(", "))
        }
    }
}

fn place(text: &str) -> String {
    text.trim().replace('`', "")
}

/// What people write; nothing where they write nothing.
pub(super) fn wanted(value: &Value) -> Result<Option<Grants>, Stop> {
    let wrong = |part: &str| {
        Stop::refuse(format!("invalid privileges: {part} (expected db.table:PRIVILEGE,PRIVILEGE)"))
    };
    let pairs: Vec<(String, String)> = match value {
        Value::Null => return Ok(None),
        Value::Object(map) => map
            .iter()
            .map(|(place, list)| {
                let list = list.as_str().map(str::to_owned).ok_or_else(|| wrong(place))?;
                Ok((place.clone(), list))
            })
            .collect::<Result<_, Stop>>()?,
        Value::String(text) => split(text, '/')
            .iter()
            .filter(|part| !part.trim().is_empty())
            .map(|part| {
                let (place, list) = part.rsplit_once(':').ok_or_else(|| wrong(part))?;
                Ok((place.to_owned(), list.to_owned()))
            })
            .collect::<Result<_, Stop>>()?,
        other => return Err(wrong(&other.to_string())),
    };
    let mut grants = Grants::default();
    for (on, list) in pairs {
        let on = place(&on);
        if on.split_once('.').is_none_or(|(database, table)| database.is_empty() || table.is_empty()) {
            return Err(wrong(&on));
        }
        let words =
            split(&list, ',').iter().map(|word| privilege(word)).filter(|word| !word.is_empty()).collect();
        grants.0.insert(on, words);
    }
    Ok(Some(grants))
}

/// What the server says.
pub(super) fn read(rows: &str) -> Grants {
    let mut grants = Grants::default();
    for line in rows.lines() {
        let Some((list, rest)) = line.strip_prefix("GRANT ").and_then(|rest| rest.split_once(" ON ")) else {
            continue;
        };
        let Some((on, rest)) = rest.split_once(" TO ") else { continue };
        let on = on.strip_prefix("PROCEDURE ").or(on.strip_prefix("FUNCTION ")).unwrap_or(on);
        let words = grants.0.entry(place(on)).or_default();
        words.extend(split(list, ',').iter().map(|word| privilege(word)));
        if rest.ends_with("WITH GRANT OPTION") {
            words.insert("GRANT".into());
        }
    }
    grants
}

/// The statements that lead there.
pub(super) fn steps(now: &Grants, wanted: Option<&Grants>, manner: Manner, account: &str) -> Vec<String> {
    let Some(wanted) = wanted else { return Vec::new() };
    let mut statements = Vec::new();
    let none = BTreeSet::new();
    if manner == Manner::Exactly {
        for (on, has) in now.0.iter().filter(|(on, _)| !wanted.0.contains_key(*on)) {
            statements.extend(revoke(has, on, account));
        }
    }
    for (on, wants) in &wanted.0 {
        let has = now.0.get(on).unwrap_or(&none);
        let plain = |set: &BTreeSet<String>| -> BTreeSet<String> {
            set.iter().filter(|word| *word != "USAGE").cloned().collect()
        };
        let (has, wants) = (plain(has), plain(wants));
        // ALL is every word but GRANT.
        let covers = |word: &String| has.contains(word) || (has.contains("ALL") && word != "GRANT");
        let missing: BTreeSet<String> = wants.iter().filter(|word| !covers(word)).cloned().collect();
        let more: BTreeSet<String> = has.difference(&wants).cloned().collect();
        match manner {
            Manner::Append => statements.extend(grant(&missing, on, account)),
            Manner::Subtract => {
                let taken = if wants.contains("ALL") {
                    has
                } else {
                    wants.into_iter().filter(|word| has.contains(word)).collect()
                };
                statements.extend(revoke(&taken, on, account));
            }
            Manner::Exactly if has == wants => {}
            // Words that ALL stands for can't be told from it once it was granted: begin anew.
            Manner::Exactly if more.contains("ALL") => {
                statements.extend(revoke(&has, on, account));
                statements.extend(grant(&wants, on, account));
            }
            // What ALL brings along need not go first.
            Manner::Exactly if wants.contains("ALL") => {
                statements.extend(grant(&missing, on, account));
                statements.extend(revoke(
                    &more.into_iter().filter(|word| word == "GRANT").collect(),
                    on,
                    account,
                ));
            }
            Manner::Exactly => {
                statements.extend(revoke(&more, on, account));
                statements.extend(grant(&missing, on, account));
            }
        }
    }
    statements
}

/// `db.table` with quotes, but for `*`.
fn quoted(on: &str) -> String {
    let quote = |part: &str| if part == "*" { "*".to_owned() } else { crate::questions::mysql::name(part) };
    let (database, table) = on.split_once('.').unwrap_or((on, "*"));
    format!("{}.{}", quote(database), quote(table))
}

fn words(set: &BTreeSet<String>) -> String {
    set.iter().filter(|word| *word != "GRANT").cloned().collect::<Vec<_>>().join(", ")
}

fn grant(what: &BTreeSet<String>, on: &str, account: &str) -> Option<String> {
    let list = match words(what).as_str() {
        "" if what.is_empty() => return None,
        "" => "USAGE".to_owned(),
        list => list.to_owned(),
    };
    let option = if what.contains("GRANT") { " WITH GRANT OPTION" } else { "" };
    Some(format!("GRANT {list} ON {} TO {account}{option}", quoted(on)))
}

fn revoke(what: &BTreeSet<String>, on: &str, account: &str) -> Vec<String> {
    let list: BTreeSet<String> = what.iter().filter(|word| *word != "USAGE").cloned().collect();
    let mut statements = Vec::new();
    if list.contains("GRANT") {
        statements.push(format!("REVOKE GRANT OPTION ON {} FROM {account}", quoted(on)));
    }
    if !words(&list).is_empty() {
        statements.push(format!("REVOKE {} ON {} FROM {account}", words(&list), quoted(on)));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lead(now: &str, privileges: &str, manner: Manner) -> Vec<String> {
        steps(&read(now), wanted(&json!(privileges)).unwrap().as_ref(), manner, "'u'@'h'")
    }

    const SHOP: &str = "GRANT USAGE ON *.* TO `u`@`h` IDENTIFIED BY PASSWORD '*A'\nGRANT SELECT, INSERT ON `shop`.* TO `u`@`h`\n";

    #[test]
    fn what_is_there_already_takes_no_statement() {
        for same in ["shop.*:SELECT,INSERT", "`shop`.*:insert, select/*.*:USAGE"] {
            assert_eq!(lead(SHOP, same, Manner::Exactly), [""; 0], "{same}");
        }
        let all = "GRANT ALL PRIVILEGES ON *.* TO `u`@`h` WITH GRANT OPTION\n";
        assert_eq!(lead(all, "*.*:ALL,GRANT", Manner::Exactly), [""; 0]);
        assert_eq!(lead(all, "*.*:SELECT", Manner::Append), [""; 0]);
        let columns = "GRANT SELECT (`b`, `a`), UPDATE ON `shop`.`t` TO `u`@`h`\n";
        assert_eq!(lead(columns, "shop.t:UPDATE,SELECT(a, b)", Manner::Exactly), [""; 0]);
    }

    #[test]
    fn statements_lead_from_what_is_to_what_is_wanted() {
        assert_eq!(
            lead(SHOP, "shop.*:SELECT,UPDATE", Manner::Exactly),
            ["REVOKE INSERT ON `shop`.* FROM 'u'@'h'", "GRANT UPDATE ON `shop`.* TO 'u'@'h'"]
        );
        assert_eq!(
            lead(SHOP, "other.t:ALL", Manner::Exactly),
            ["REVOKE INSERT, SELECT ON `shop`.* FROM 'u'@'h'", "GRANT ALL ON `other`.`t` TO 'u'@'h'"]
        );
        assert_eq!(lead(SHOP, "shop.*:UPDATE", Manner::Append), ["GRANT UPDATE ON `shop`.* TO 'u'@'h'"]);
        assert_eq!(
            lead(SHOP, "shop.*:INSERT,UPDATE", Manner::Subtract),
            ["REVOKE INSERT ON `shop`.* FROM 'u'@'h'"]
        );
        assert_eq!(lead(SHOP, "shop.*:ALL", Manner::Exactly), ["GRANT ALL ON `shop`.* TO 'u'@'h'"]);
        let all = "GRANT ALL PRIVILEGES ON `shop`.* TO `u`@`h` WITH GRANT OPTION\n";
        assert_eq!(
            lead(all, "shop.*:SELECT", Manner::Exactly),
            [
                "REVOKE GRANT OPTION ON `shop`.* FROM 'u'@'h'",
                "REVOKE ALL ON `shop`.* FROM 'u'@'h'",
                "GRANT SELECT ON `shop`.* TO 'u'@'h'"
            ]
        );
        assert_eq!(
            lead(SHOP, "*.*:USAGE,GRANT/shop.*:SELECT,INSERT", Manner::Exactly),
            ["GRANT USAGE ON *.* TO 'u'@'h' WITH GRANT OPTION"]
        );
    }

    #[test]
    fn what_is_no_list_of_privileges_is_refused() {
        for wrong in [json!("shop"), json!("shop:ALL"), json!(["x"]), json!({"shop.*": 1}), json!(".*:ALL")] {
            assert!(matches!(wanted(&wrong), Err(Stop::Refuse(_))), "{wrong}");
        }
        assert_eq!(wanted(&json!({"shop.*": "SELECT"})).unwrap(), wanted(&json!("shop.*:select")).unwrap());
    }
}
