//! `user`: that a user is there and as described, or isn't there.
//!
//! `user_scripts` has the scripts that do it. Passwords travel as hashes, on stdin; the host's own is never brought here.

use super::user_scripts::{ADD, LOCK, MAKE_HOME, MODIFY, REMOVE, SET_PASSWORD};
use super::{Args, Change, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Content, Digest, Map, Subject, Subjects, Value, printable};
use crate::questions::accounts::{
    Group, GroupEntry, GroupsOf, Password, PasswordOf, User, UserEntry, is_name, subjects,
};
use crate::questions::files::Inspect;
use crate::questions::{Output, Stop};

const SECONDS_PER_DAY: i64 = 86_400;

/// The module.
pub static MODULE: Module = Module {
    name: "user",
    aliases: &[],
    summary: "Makes, changes or removes a user",
    params: &[
        Param::required("name", Kind::Text, "the login name").or(&["user"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("uid", Kind::Int, "the number"),
        Param::optional("non_unique", Kind::Bool, "take the number even if another user has it")
            .default("no"),
        Param::optional("group", Kind::Text, "the primary group's name or number"),
        Param::optional("groups", Kind::List, "the other groups; empty: none"),
        Param::optional("append", Kind::Bool, "only add to the groups").default("no"),
        Param::optional("comment", Kind::Text, "the full name"),
        Param::optional("home", Kind::Path, "the home directory"),
        Param::optional("shell", Kind::Text, "the login shell"),
        Param::optional("create_home", Kind::Bool, "make the home directory")
            .or(&["createhome"])
            .default("yes"),
        Param::optional("move_home", Kind::Bool, "move the home directory to its new place").default("no"),
        Param::optional("skeleton", Kind::Path, "what a new home directory is a copy of"),
        Param::optional("system", Kind::Bool, "number it among the system's users").default("no"),
        Param::optional("password", Kind::Text, "the password's hash, as in the shadow file"),
        Param::optional(
            "update_password",
            Kind::Choice(&["always", "on_create"]),
            "whether a user who is there gets it too",
        )
        .default("always"),
        Param::optional("password_lock", Kind::Bool, "lock or unlock the password"),
        Param::optional(
            "expires",
            Kind::Any,
            "when the account ends, in seconds since 1970; negative: never",
        ),
        Param::optional("remove", Kind::Bool, "with absent: remove the home directory too").default("no"),
        Param::optional("force", Kind::Bool, "with absent: even if the user is logged in").default("no"),
        Param::optional("generate_ssh_key", Kind::Bool, "only 'no' is supported").default("no"),
        Param::not_yet("ssh_key_bits").or(&[
            "ssh_key_type",
            "ssh_key_file",
            "ssh_key_comment",
            "ssh_key_passphrase",
        ]),
        Param::not_yet("local").or(&[
            "seuser",
            "hidden",
            "login_class",
            "profile",
            "authorization",
            "role",
            "umask",
            "uid_min",
            "uid_max",
            "password_expire_max",
            "password_expire_min",
            "password_expire_warn",
            "password_expire_account_disable",
        ]),
    ],
    free_form: FreeForm::No,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if !is_name(name) {
        return Err(Stop::refuse(format!("'{}' can't be a user's name", printable(name))));
    }
    if args.flag("generate_ssh_key") {
        return Err(Stop::refuse("'generate_ssh_key: yes' is not supported yet"));
    }
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), args.needed("state")?.into());
    if args.text("state") == Some("absent") {
        let user = host.get(UserEntry(name.to_owned()))?;
        for key in ["force", "remove"] {
            result.insert(key.into(), args.flag(key).into());
        }
        let removal = user.as_ref().as_ref().map(|user| removal(user, args));
        return Ok(Outcome::change(result, removal.into_iter().collect()));
    }
    let wanted = Wanted::read(args)?;
    let groups = Groups::ask(args, host);
    let (user, member) = host.get((UserEntry(name.to_owned()), GroupsOf(name.to_owned())))?;
    let groups = groups?;
    let changes = match user.as_ref() {
        None => wanted.additions(name, &groups, args),
        Some(user) => {
            describe(&mut result, user);
            wanted.modifications(user, &member, &groups, args, host)?
        }
    };
    registered(&mut result, args);
    Ok(Outcome { warnings: wanted.warnings(), ..Outcome::change(result, changes) })
}

/// What the arguments say beyond texts.
struct Wanted<'a> {
    password: Option<&'a str>,
    /// The last day, as days since 1970; none: never ends.
    expires: Option<Option<i64>>,
}

impl<'a> Wanted<'a> {
    fn read(args: &'a Args) -> Result<Self, Stop> {
        let password = args.text("password");
        if password.is_some_and(|hash| hash.contains([':', '\n'])) {
            return Err(Stop::refuse("'password' is no hash: it holds a colon or a line feed"));
        }
        let expires = args.value("expires").map(|value| {
            let seconds = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
            let seconds = seconds.filter(|seconds: &f64| seconds.is_finite() && seconds.abs() < 1e14);
            seconds.ok_or_else(|| Stop::refuse("'expires' is no number of seconds since 1970"))
        });
        let days = |seconds: f64| (seconds >= 0.0).then_some(seconds as i64 / SECONDS_PER_DAY);
        Ok(Self { password, expires: expires.transpose()?.map(days) })
    }

    fn warnings(&self) -> Vec<String> {
        let looks_hashed =
            |hash: &str| hash.starts_with(['$', '!', '*', '_']) || hash.len() == 13 || hash.is_empty();
        match self.password {
            Some(password) if !looks_hashed(password) => vec![
                "the password appears not to be a hash; nobody will be able to log in with it".to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    fn additions(&self, name: &str, groups: &Groups, args: &Args) -> Vec<Change> {
        let mut options = self.common_options(args);
        match (&groups.primary, groups.namesake) {
            (Some(primary), _) => options.extend(["-g".into(), primary.to_string()]),
            // Else useradd would try to make a group of that name.
            (None, true) => options.push("-N".into()),
            (None, false) => {}
        }
        if let Some(others) = groups.others.as_ref().filter(|others| !others.is_empty()) {
            options.extend(["-G".into(), joined(others)]);
        }
        for (parameter, option) in [("comment", "-c"), ("home", "-d"), ("shell", "-s")] {
            if let Some(text) = args.text(parameter) {
                options.extend([option.to_owned(), text.to_owned()]);
            }
        }
        if let Some(Some(days)) = self.expires {
            options.extend(["-e".into(), date(days)]);
        }
        match (args.flag("create_home"), args.text("skeleton")) {
            (true, None) => options.push("-m".into()),
            (true, Some(skeleton)) => options.extend(["-m".into(), "-k".into(), skeleton.to_owned()]),
            (false, _) => options.push("-M".into()),
        }
        if args.flag("system") {
            options.push("-r".into());
        }
        let argv = [vec![name.to_owned()], options].concat();
        let touches = touching(args.text("home"));
        let add = Change::state(format!("add the user {name}"), ADD, argv, touches);
        let password = self.password.map(|hash| set_password(name, hash));
        let lock = args.maybe_flag("password_lock").filter(|lock| *lock).map(|_| lock(name, Lock::Lock));
        [Some(add), password, lock].into_iter().flatten().collect()
    }

    fn modifications(
        &self,
        user: &User,
        member: &[u32],
        groups: &Groups,
        args: &Args,
        host: &Host<'_>,
    ) -> Result<Vec<Change>, Stop> {
        let always = args.text("update_password") != Some("on_create");
        let hash = self.password.filter(|_| always);
        let needs_shadow = hash.is_some() || args.value("password_lock").is_some() || self.expires.is_some();
        let shadow = match needs_shadow {
            true => host.get(PasswordOf(user.name.clone()))?.as_ref().clone(),
            false => None,
        };
        let home = args.text("home").unwrap_or(&user.home);
        let moves = args.flag("move_home") && home != user.home;
        let home_missing = match args.flag("create_home") && !moves && home.starts_with('/') {
            true => host.get(Inspect::path(home))?.followed().is_none(),
            false => false,
        };
        let mut options = self.changed_options(user, shadow.as_ref(), args);
        options.extend(groups.changed_options(user, member, args.flag("append")));
        let mut changes = Vec::new();
        if !options.is_empty() {
            changes.push(modify(user, options, home));
        }
        if home_missing {
            let skeleton = args.text("skeleton").unwrap_or("/etc/skel");
            let summary = format!("make the home directory {home} of {}", user.name);
            let argv = [user.name.as_str(), home, skeleton];
            changes.push(Change::state(summary, MAKE_HOME, argv, touching(Some(home))));
        }
        changes.extend(password_changes(&user.name, hash, shadow.as_ref(), args));
        Ok(changes)
    }

    fn common_options(&self, args: &Args) -> Vec<String> {
        let Some(uid) = args.int("uid") else { return Vec::new() };
        let mut options = vec!["-u".to_owned(), uid.to_string()];
        if args.flag("non_unique") {
            options.push("-o".to_owned());
        }
        options
    }

    fn changed_options(&self, user: &User, shadow: Option<&Password>, args: &Args) -> Vec<String> {
        let mut options = Vec::new();
        if args.int("uid").is_some_and(|uid| uid != i64::from(user.uid)) {
            options.extend(self.common_options(args));
        }
        for (parameter, option, old) in
            [("comment", "-c", &user.comment), ("home", "-d", &user.home), ("shell", "-s", &user.shell)]
        {
            if let Some(text) = args.text(parameter).filter(|text| text != old) {
                options.extend([option.to_owned(), text.to_owned()]);
                if parameter == "home" && args.flag("move_home") {
                    options.push("-m".to_owned());
                }
            }
        }
        if let (Some(expires), Some(shadow)) = (self.expires, shadow)
            && expires != shadow.expires
        {
            options.extend(["-e".into(), expires.map(date).unwrap_or_default()]);
        }
        options
    }
}

/// The groups that are asked for, by number.
struct Groups {
    primary: Option<u32>,
    others: Option<Vec<u32>>,
    /// Whether there is a group with the user's name.
    namesake: bool,
}

impl Groups {
    fn ask(args: &Args, host: &Host<'_>) -> Result<Self, Stop> {
        let namesake = host.get(GroupEntry(args.needed("name")?.to_owned()));
        let primary = args.text("group").map(|name| number_of(name, host)).transpose();
        let others: Vec<Result<u32, Stop>> =
            args.list("groups").into_iter().map(|name| number_of(name, host)).collect();
        let others = match args.value("groups") {
            Some(_) => Some(others.into_iter().collect::<Result<Vec<_>, _>>()?),
            None => None,
        };
        Ok(Self { primary: primary?, others, namesake: namesake?.is_some() })
    }

    fn changed_options(&self, user: &User, member: &[u32], append: bool) -> Vec<String> {
        let mut options = Vec::new();
        let primary = self.primary.unwrap_or(user.gid);
        if primary != user.gid {
            options.extend(["-g".to_owned(), primary.to_string()]);
        }
        let Some(others) = &self.others else { return options };
        let missing: Vec<u32> = others.iter().copied().filter(|gid| !member.contains(gid)).collect();
        let surplus = member.iter().any(|gid| !others.contains(gid) && *gid != user.gid);
        match append {
            true if !missing.is_empty() => options.extend(["-a".into(), "-G".into(), joined(&missing)]),
            false if surplus || !missing.is_empty() => options.extend(["-G".into(), joined(others)]),
            _ => {}
        }
        options
    }
}

fn number_of(name: &str, host: &Host<'_>) -> Result<u32, Stop> {
    if let Ok(gid) = name.parse() {
        return Ok(gid);
    }
    let group = host.get(GroupEntry(name.to_owned()))?;
    let gid = group.as_ref().as_ref().map(|group: &Group| group.gid);
    gid.ok_or_else(|| Stop::refuse(format!("Group {name} does not exist")))
}

fn joined(gids: &[u32]) -> String {
    gids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// A day as the tools write it.
fn date(days: i64) -> String {
    let seconds = days.saturating_mul(SECONDS_PER_DAY);
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%Y-%m-%d").to_string())
        .unwrap_or_default()
}

fn touching(home: Option<&str>) -> Subjects {
    let mut touches = subjects();
    // A home directory that isn't named lies where the host's settings say.
    touches.extend(&[Subject::path(home.unwrap_or("/home")), Subject::path("/var/mail")].into());
    touches
}

fn modify(user: &User, options: Vec<String>, home: &str) -> Change {
    let entry = format!("{}:{}:{}:{}:{}", user.uid, user.gid, user.comment, user.home, user.shell);
    let summary = format!("change the user {} (usermod {})", user.name, printable(&options.join(" ")));
    let mut touches = touching(Some(home));
    touches.extend(&[Subject::path(&user.home)].into());
    Change::state(summary, MODIFY, [vec![user.name.clone(), entry], options].concat(), touches)
}

fn removal(user: &User, args: &Args) -> Change {
    let mut argv = vec![user.name.clone(), user.uid.to_string()];
    for (parameter, option) in [("force", "-f"), ("remove", "-r")] {
        if args.flag(parameter) {
            argv.push(option.to_owned());
        }
    }
    let with = if args.flag("remove") { " and the home directory" } else { "" };
    let summary = format!("remove the user {}{with}", user.name);
    Change::state(summary, REMOVE, argv, touching(Some(&user.home)))
}

#[derive(Clone, Copy)]
enum Lock {
    Lock,
    Unlock,
}

fn lock(name: &str, how: Lock) -> Change {
    let (verb, option) = match how {
        Lock::Lock => ("lock", "-L"),
        Lock::Unlock => ("unlock", "-U"),
    };
    Change::state(format!("{verb} the password of {name}"), LOCK, [name, option], subjects())
}

fn set_password(name: &str, hash: &str) -> Change {
    let content = Content::new(format!("{name}:{hash}\n").into_bytes());
    Change::state(format!("set the password of {name}"), SET_PASSWORD, [name], subjects())
        .with_content(content)
}

fn password_changes(name: &str, hash: Option<&str>, shadow: Option<&Password>, args: &Args) -> Vec<Change> {
    let Some(shadow) = shadow else { return Vec::new() };
    let bare = |hash: &str| Digest::of(hash.trim_start_matches('!')).hex();
    let set = hash.filter(|hash| bare(hash) != shadow.digest).map(|hash| set_password(name, hash));
    let locked = match &set {
        Some(_) => hash.is_some_and(|hash| hash.starts_with('!')),
        None => shadow.locked,
    };
    let has_password = set.is_some() || shadow.digest != Digest::of("").hex();
    let lock = match args.maybe_flag("password_lock") {
        Some(true) if !locked => Some(lock(name, Lock::Lock)),
        Some(false) if locked && has_password => Some(lock(name, Lock::Unlock)),
        _ => None,
    };
    set.into_iter().chain(lock).collect()
}

fn describe(result: &mut Map, user: &User) {
    result.insert("uid".into(), user.uid.into());
    result.insert("group".into(), user.gid.into());
    result.insert("comment".into(), user.comment.clone().into());
    result.insert("home".into(), user.home.clone().into());
    result.insert("shell".into(), user.shell.clone().into());
}

/// What Ansible repeats of the arguments.
fn registered(result: &mut Map, args: &Args) {
    for (key, parameter) in [
        ("append", "append"),
        ("move_home", "move_home"),
        ("create_home", "create_home"),
        ("system", "system"),
    ] {
        result.insert(key.into(), args.flag(parameter).into());
    }
    if let Some(groups) = args.value("groups").and_then(Value::as_array) {
        let names: Vec<&str> = groups.iter().filter_map(Value::as_str).collect();
        result.insert("groups".into(), names.join(",").into());
    }
    if args.value("password").is_some() {
        result.insert("password".into(), "NOT_LOGGING_PASSWORD".into());
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let last = outputs.iter().rev().find(|output| output.status == 0);
    if let Some(user) = last.and_then(|output| User::read(output.text().trim_end())) {
        describe(&mut result, &user);
    }
    result
}
