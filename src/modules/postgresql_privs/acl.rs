//! From arguments to SQL: the condition under which nothing is to be done, and the statements that make it so.
//!
//! # Source
//! `aclexplode`, `acldefault` and `pg_default_acl` of PostgreSQL 15.

use crate::model::Value;
use crate::modules::Args;
use crate::questions::Stop;
use crate::questions::postgresql::{name, text};

/// What roles are to have, or not.
pub(super) struct Wish {
    kind: String,
    roles: Vec<String>,
    objects: Vec<String>,
    schema: String,
    privileges: Vec<String>,
    present: bool,
    grantable: Option<bool>,
    makers: Vec<String>,
}

/// Every privilege that `ALL` stands for, by what the objects are.
fn all_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "database" => &["CREATE", "CONNECT", "TEMPORARY"],
        "schema" => &["CREATE", "USAGE"],
        "sequence" => &["SELECT", "UPDATE", "USAGE"],
        "function" | "procedure" => &["EXECUTE"],
        _ => &["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"],
    }
}

/// What default privileges are about: the word of SQL, the letter in the catalog, and the kind.
const MADE: [(&str, char, &str); 4] = [
    ("TABLES", 'r', "table"),
    ("SEQUENCES", 'S', "sequence"),
    ("FUNCTIONS", 'f', "function"),
    ("SCHEMAS", 'n', "schema"),
];

impl Wish {
    pub fn of(args: &Args, database: &str) -> Result<Self, Stop> {
        let owned = |list: Vec<&str>| -> Vec<String> {
            list.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
        };
        let kind = args.text("type").unwrap_or("table").to_owned();
        let mut objects = owned(args.list("objs"));
        if objects.is_empty() && kind == "database" {
            objects.push(database.to_owned());
        }
        if objects.is_empty() {
            return Err(Stop::refuse("the parameter 'objs' is needed here"));
        }
        let privileges: Vec<String> =
            owned(args.list("privs")).iter().map(|word| word.to_uppercase()).collect();
        let wish = Self {
            objects,
            roles: owned(args.list("roles")),
            schema: args.text("schema").unwrap_or("public").to_owned(),
            privileges,
            present: args.text("state") != Some("absent"),
            grantable: args.maybe_flag("grant_option"),
            makers: owned(args.list("target_roles")),
            kind,
        };
        wish.checked()
    }

    /// The query for those of the roles that there are.
    pub fn roles_there(&self) -> String {
        let names = self.roles.iter().map(|role| text(role)).collect::<Vec<_>>().join(", ");
        format!("SELECT coalesce(json_agg(rolname), '[]') FROM pg_roles WHERE rolname IN ({names})")
    }

    /// Leaves the other roles out; whether any is left.
    pub fn keep_roles(&mut self, there: &Value) -> bool {
        self.roles.retain(|role| {
            is_public(role) || there.as_array().is_some_and(|there| there.iter().any(|known| known == role))
        });
        !self.roles.is_empty()
    }

    fn checked(self) -> Result<Self, Stop> {
        if self.kind == "group" {
            return Ok(self);
        }
        if self.privileges.is_empty() {
            return Err(Stop::refuse("the parameter 'privs' is needed here"));
        }
        for kind in self.kinds()? {
            let known = all_of(kind);
            let fits = |word: &&String| is_all(word) || known.contains(&plain(word));
            if let Some(wrong) = self.privileges.iter().find(|word| !fits(word)) {
                return Err(Stop::refuse(format!(
                    "Invalid privs specified for {kind}: {wrong} (expected {} or ALL)",
                    known.join(", ")
                )));
            }
        }
        Ok(self)
    }

    fn kinds(&self) -> Result<Vec<&'static str>, Stop> {
        Ok(match self.kind.as_str() {
            "default_privs" => self.made()?.iter().map(|(.., kind)| *kind).collect(),
            "database" => vec!["database"],
            "schema" => vec!["schema"],
            "sequence" => vec!["sequence"],
            "function" | "procedure" => vec!["function"],
            _ => vec!["table"],
        })
    }

    fn made(&self) -> Result<Vec<(&'static str, char, &'static str)>, Stop> {
        let mut all = Vec::new();
        for object in &self.objects {
            let word = object.to_uppercase();
            match MADE.iter().find(|(known, ..)| *known == word) {
                Some(found) => all.push(*found),
                None if word == "ALL_DEFAULT" => all.extend(MADE.iter().take(3)),
                None => {
                    return Err(Stop::refuse(format!(
                        "default privileges are about TABLES, SEQUENCES, FUNCTIONS, SCHEMAS or ALL_DEFAULT, not {object}"
                    )));
                }
            }
        }
        Ok(all)
    }

    /// The privileges by name, for a kind.
    fn wanted(&self, kind: &str) -> Vec<&str> {
        if self.privileges.iter().any(|word| is_all(word)) {
            return all_of(kind).to_vec();
        }
        self.privileges.iter().map(|word| plain(word)).collect()
    }

    /// The condition under which nothing is to be done.
    pub fn holds(&self) -> String {
        let each = match self.kind.as_str() {
            "group" => self.memberships(),
            "default_privs" => self.defaults(),
            _ => self.objects.iter().flat_map(|object| self.on(object)).collect(),
        };
        if each.is_empty() { "true".into() } else { each.join(" AND ") }
    }

    fn memberships(&self) -> Vec<String> {
        let pairs = self.objects.iter().flat_map(|group| self.roles.iter().map(move |role| (group, role)));
        let option = self
            .grantable
            .filter(|_| self.present)
            .map(|is| format!(" AND m.admin_option = {is}"))
            .unwrap_or_default();
        let is = |(group, role): (&String, &String)| {
            format!(
                "{}EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.roleid = {} AND m.member = {}{option})",
                if self.present { "" } else { "NOT " },
                oid(group),
                oid(role)
            )
        };
        pairs.map(is).collect()
    }

    /// What has to hold of one list of privileges: `granted` is a query of its rows, `kind` what it is about.
    fn of_list(&self, granted: &str, kind: &str) -> Vec<String> {
        let wanted = self.wanted(kind);
        let list = wanted.iter().map(|word| text(word)).collect::<Vec<_>>().join(", ");
        let option = match self.grantable {
            Some(is) => format!(" AND a.is_grantable = {is}"),
            None => String::new(),
        };
        let of = |role: &String| {
            let has = format!(
                "FROM ({granted}) a WHERE a.grantee = {} AND a.privilege_type IN ({list})",
                oid(role)
            );
            match (self.present, self.grantable) {
                (true, _) => {
                    format!("(SELECT count(DISTINCT a.privilege_type) {has}{option}) = {}", wanted.len())
                }
                // Only the right to pass it on is taken away.
                (false, Some(true)) => format!("NOT EXISTS (SELECT 1 {has} AND a.is_grantable)"),
                (false, _) => format!("NOT EXISTS (SELECT 1 {has})"),
            }
        };
        self.roles.iter().map(of).collect()
    }

    fn on(&self, object: &str) -> Vec<String> {
        let relation = |kinds: &str, letter: &str, of: &str| {
            format!(
                "SELECT (aclexplode(coalesce(relacl, acldefault('{letter}', relowner)))).* FROM pg_class WHERE relkind IN ({kinds}) AND {of}"
            )
        };
        let (kinds, letter) =
            if self.kind == "sequence" { ("'S'", "s") } else { ("'r', 'p', 'v', 'm', 'f'", "r") };
        match self.kind.as_str() {
            "database" => self.of_list(&format!("SELECT (aclexplode(coalesce(datacl, acldefault('d', datdba)))).* FROM pg_database WHERE datname = {}", text(object)), "database"),
            "schema" => self.of_list(&format!("SELECT (aclexplode(coalesce(nspacl, acldefault('n', nspowner)))).* FROM pg_namespace WHERE nspname = {}", text(object)), "schema"),
            "function" | "procedure" if object == ALL => self.each("pg_proc", "pronamespace", "true", "proacl", "f", "proowner", "function"),
            "function" | "procedure" => {
                let signature = text(&self.function(object));
                self.of_list(&format!("SELECT (aclexplode(coalesce(proacl, acldefault('f', proowner)))).* FROM pg_proc WHERE oid = {signature}::regprocedure"), "function")
            }
            _ if object == ALL => self.each("pg_class", "relnamespace", &format!("relkind IN ({kinds})"), "relacl", letter, "relowner", &self.kind),
            _ => {
                let named = format!("oid = {}::regclass", text(&self.qualified(object)));
                self.of_list(&relation(kinds, letter, &named), &self.kind)
            }
        }
    }

    /// What has to hold of every object of a catalog in the schema.
    #[expect(
        clippy::too_many_arguments,
        reason = "these are names of columns, told apart where it is called"
    )]
    fn each(
        &self,
        catalog: &str,
        space: &str,
        of: &str,
        list: &str,
        letter: &str,
        owner: &str,
        kind: &str,
    ) -> Vec<String> {
        let granted = format!("SELECT (aclexplode(coalesce(o.{list}, acldefault('{letter}', o.{owner})))).*");
        let conditions = self.of_list(&granted, kind);
        let schema = text(&self.schema);
        conditions
            .into_iter()
            .map(|holds| format!("NOT EXISTS (SELECT 1 FROM {catalog} o WHERE {of} AND o.{space} = {schema}::regnamespace AND NOT ({holds}))"))
            .collect()
    }

    fn defaults(&self) -> Vec<String> {
        let schema = match self.schema.as_str() {
            schema if self.has_schema() => format!("{}::regnamespace", text(schema)),
            _ => "0".to_owned(),
        };
        let makers = self.makers();
        let mut all = Vec::new();
        for (_, letter, kind) in self.made().unwrap_or_default() {
            for maker in &makers {
                let granted = format!(
                    "SELECT (aclexplode(defaclacl)).* FROM pg_default_acl WHERE defaclobjtype = '{letter}' AND defaclrole = {maker} AND defaclnamespace = {schema}"
                );
                all.extend(self.of_list(&granted, kind));
            }
        }
        all
    }

    fn has_schema(&self) -> bool {
        !self.schema.is_empty() && self.schema != "not-specified"
    }

    /// The roles whose new objects this is about, as numbers.
    fn makers(&self) -> Vec<String> {
        match self.makers.as_slice() {
            [] => vec!["(SELECT oid FROM pg_roles WHERE rolname = current_user)".to_owned()],
            makers => makers.iter().map(|maker| oid(maker)).collect(),
        }
    }

    /// The statements that make it so.
    pub fn statements(&self) -> Vec<String> {
        let roles = self.roles.iter().map(|role| role_name(role)).collect::<Vec<_>>().join(", ");
        if self.kind == "group" {
            let groups = self.objects.iter().map(|group| name(group)).collect::<Vec<_>>().join(", ");
            return vec![match (self.present, self.grantable) {
                (true, Some(true)) => format!("GRANT {groups} TO {roles} WITH ADMIN OPTION"),
                (true, _) => format!("GRANT {groups} TO {roles}"),
                (false, Some(true)) => format!("REVOKE ADMIN OPTION FOR {groups} FROM {roles}"),
                (false, _) => format!("REVOKE {groups} FROM {roles}"),
            }];
        }
        let privileges = if self.privileges.iter().any(|word| is_all(word)) {
            "ALL".to_owned()
        } else {
            self.privileges.join(", ")
        };
        if self.kind == "default_privs" {
            return self.default_statements(&privileges, &roles);
        }
        let (all, some): (Vec<&String>, Vec<&String>) =
            self.objects.iter().partition(|object| *object == ALL);
        let word = self.kind.to_uppercase();
        let mut statements = Vec::new();
        if !some.is_empty() {
            let objects = some.iter().map(|object| self.object(object)).collect::<Vec<_>>().join(", ");
            statements.push(self.statement(&privileges, &format!("{word} {objects}"), &roles));
        }
        if !all.is_empty() {
            statements.push(self.statement(
                &privileges,
                &format!("ALL {word}S IN SCHEMA {}", name(&self.schema)),
                &roles,
            ));
        }
        statements
    }

    fn statement(&self, privileges: &str, on: &str, roles: &str) -> String {
        match (self.present, self.grantable) {
            (true, Some(true)) => format!("GRANT {privileges} ON {on} TO {roles} WITH GRANT OPTION"),
            (true, Some(false)) => format!(
                "GRANT {privileges} ON {on} TO {roles}; REVOKE GRANT OPTION FOR {privileges} ON {on} FROM {roles}"
            ),
            (true, None) => format!("GRANT {privileges} ON {on} TO {roles}"),
            (false, Some(true)) => format!("REVOKE GRANT OPTION FOR {privileges} ON {on} FROM {roles}"),
            (false, _) => format!("REVOKE {privileges} ON {on} FROM {roles}"),
        }
    }

    fn default_statements(&self, privileges: &str, roles: &str) -> Vec<String> {
        let makers: Vec<String> = match self.makers.as_slice() {
            [] => vec![String::new()],
            makers => makers.iter().map(|maker| format!(" FOR ROLE {}", name(maker))).collect(),
        };
        let schema =
            if self.has_schema() { format!(" IN SCHEMA {}", name(&self.schema)) } else { String::new() };
        let mut statements = Vec::new();
        for (word, ..) in self.made().unwrap_or_default() {
            for maker in &makers {
                let change = self.statement(privileges, word, roles);
                let each =
                    change.split("; ").map(|one| format!("ALTER DEFAULT PRIVILEGES{maker}{schema} {one}"));
                statements.extend(each);
            }
        }
        statements
    }

    /// An object as statements name it.
    fn object(&self, object: &str) -> String {
        match self.kind.as_str() {
            "database" | "schema" => name(object),
            "function" | "procedure" => self.function(object),
            _ => self.qualified(object),
        }
    }

    fn qualified(&self, object: &str) -> String {
        match object.split_once('.') {
            Some((schema, object)) => format!("{}.{}", name(schema), name(object)),
            None => format!("{}.{}", name(&self.schema), name(object)),
        }
    }

    /// `add(integer:integer)` is `public.add(integer, integer)`: a list of objects has commas of its own.
    fn function(&self, object: &str) -> String {
        let (function, types) = object.split_once('(').unwrap_or((object, ")"));
        let plain = |c: char| c.is_alphanumeric() || "_ .[]\"".contains(c);
        let types: String = types
            .trim_end_matches(')')
            .replace(':', ", ")
            .chars()
            .filter(|c| plain(*c) || *c == ',')
            .collect();
        format!("{}({types})", self.qualified(function))
    }

    /// What is done, for people.
    pub fn summary(&self) -> String {
        let (verb, preposition) = if self.present { ("grant", "to") } else { ("take", "from") };
        let what = if self.kind == "group" { "membership".to_owned() } else { self.privileges.join(", ") };
        format!(
            "{verb} {what} on {} {} {preposition} {}",
            self.kind,
            self.objects.join(", "),
            self.roles.join(", ")
        )
    }
}

/// All objects of the schema.
const ALL: &str = "ALL_IN_SCHEMA";

fn is_all(word: &str) -> bool {
    matches!(word, "ALL" | "ALL PRIVILEGES")
}

/// The name that the catalog has for a privilege.
fn plain(word: &str) -> &str {
    if word == "TEMP" { "TEMPORARY" } else { word }
}

fn is_public(role: &str) -> bool {
    role.eq_ignore_ascii_case("public")
}

fn role_name(role: &str) -> String {
    if is_public(role) { "PUBLIC".into() } else { name(role) }
}

/// A role's number; that it is there is the server's business to say.
fn oid(role: &str) -> String {
    if is_public(role) { "0".into() } else { format!("{}::regrole", text(&name(role))) }
}
