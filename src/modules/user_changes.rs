//! What is missing to make a user as described, as options of the host's own tools.

use super::user_scripts::{ADD, LOCK, MAKE_HOME, MODIFY, REMOVE, SET_PASSWORD};
use super::{Args, Change, Host};
use crate::model::{Content, Digest, Subject, Subjects, printable};
use crate::questions::Stop;
use crate::questions::accounts::{Group, GroupEntry, Password, PasswordOf, User, subjects};
use crate::questions::files::Inspect;

const SECONDS_PER_DAY: i64 = 86_400;

/// What the arguments say beyond texts.
pub(super) struct Wanted<'a> {
    password: Option<&'a str>,
    /// The last day, as days since 1970; none: never ends.
    expires: Option<Option<i64>>,
}

impl<'a> Wanted<'a> {
    /// Reads the arguments.
    ///
    /// # Errors
    /// Refuses a password that is no hash, and a time that is none.
    pub fn read(args: &'a Args) -> Result<Self, Stop> {
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

    /// What the user should know.
    pub fn warnings(&self) -> Vec<String> {
        let looks_hashed =
            |hash: &str| hash.starts_with(['$', '!', '*', '_']) || hash.len() == 13 || hash.is_empty();
        match self.password {
            Some(password) if !looks_hashed(password) => vec![
                "the password appears not to be a hash; nobody will be able to log in with it".to_owned(),
            ],
            _ => Vec::new(),
        }
    }

    /// The changes that add a user.
    pub fn additions(&self, name: &str, groups: &Groups, args: &Args) -> Vec<Change> {
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
        for (parameter, key) in [("umask", "UMASK"), ("uid_min", "UID_MIN"), ("uid_max", "UID_MAX")] {
            let value =
                args.text(parameter).map(str::to_owned).or(args.int(parameter).map(|n| n.to_string()));
            options.extend(value.into_iter().flat_map(|value| ["-K".to_owned(), format!("{key}={value}")]));
        }
        let argv = [vec![name.to_owned()], options].concat();
        let touches = touching(args.text("home"));
        let add = Change::state(format!("add the user {name}"), ADD, argv, touches);
        let password = self.password.map(|hash| set_password(name, hash));
        let lock = args.maybe_flag("password_lock").filter(|lock| *lock).map(|_| lock(name, Lock::Lock));
        [Some(add), password, lock].into_iter().flatten().collect()
    }

    /// The changes that make a user who is there as described.
    ///
    /// # Errors
    /// Asks about the password and the home directory where they matter.
    pub fn modifications(
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
pub(super) struct Groups {
    primary: Option<u32>,
    others: Option<Vec<u32>>,
    /// Whether there is a group with the user's name.
    namesake: bool,
}

impl Groups {
    /// Asks for the groups' numbers.
    ///
    /// # Errors
    /// Refuses a group that isn't there.
    pub fn ask(args: &Args, host: &Host<'_>) -> Result<Self, Stop> {
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

/// The change that removes a user.
pub(super) fn removal(user: &User, args: &Args) -> Change {
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
