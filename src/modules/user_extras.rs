//! What a user may have besides an entry: an SSH key, and days after which a password has to be changed.

use super::group::with_accounts;
use super::nest::nest;
use super::{Args, Change, Host, Nature, Outcome};
use crate::model::{Content, Map, Script, Subject};
use crate::questions::accounts::{PasswordOf, User, subjects};
use crate::questions::system::accounts::SshKeyOf;
use crate::questions::{Output, Stop};

/// Sets the days of a password: the user, then options of chage.
const AGE: Script = Script {
    name: "set_password_aging",
    text: with_accounts!(
        r#"name=$1
shift
needs chage
[ -n "$(entry passwd "$name")" ] || exit 113
chage "$@" -- "$name" || exit 1
entry passwd "$name"
exit 0"#
    ),
};

/// Makes an SSH key: the user, the file, the type, the size or nothing, a comment or nothing, whether one that is there is
/// replaced, whether a passphrase stands on standard input. Prints the file, its fingerprint and the public key.
const MAKE_KEY: Script = Script {
    name: "make_ssh_key",
    text: with_accounts!(
        nest!(),
        r#"name=$1 file=$2 type=$3 bits=$4 comment=$5 replace=$6 guarded=$7
needs ssh-keygen
entry=$(entry passwd "$name")
[ -n "$entry" ] || exit 113
numbers=${entry#*:*:}
uid=${numbers%%:*}
numbers=${numbers#*:}
gid=${numbers%%:*}
home=${entry%:*}
home=${home##*:}
case $file in /*) ;; *) file=$home/$file ;; esac
if [ -e "$file" ]; then
    [ "$replace" = yes ] || exit 113
fi
directory=${file%/*}
if [ ! -d "$directory" ]; then
    mkdir -m 0700 -- "$directory" && chown -h "$uid:$gid" "$directory" || exit 1
fi
# The directory is the user's own.
trap leave EXIT
nest "$file"
[ -n "$comment" ] || comment="ansible-generated on $(uname -n)"
if [ "$guarded" = yes ]; then
    # Without a terminal it takes the passphrase, twice, from standard input.
    needs setsid
    IFS= read -r phrase || [ -n "$phrase" ] || exit 1
    printf '%s\n%s\n' "$phrase" "$phrase" |
        setsid ssh-keygen -q -t "$type" ${bits:+-b "$bits"} -C "$comment" -f ./key >/dev/null || exit 1
    [ -f key ] || exit 1
else
    ssh-keygen -q -t "$type" ${bits:+-b "$bits"} -C "$comment" -f ./key -N '' </dev/null || exit 1
fi
chown "$uid:$gid" key key.pub || exit 1
printf '%s\n' "$file"
ssh-keygen -l -f key
cat key.pub
settle key "$file" && settle key.pub "$file.pub" || exit 1
exit 0"#
    ),
};

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[AGE, MAKE_KEY];

/// The parameters, chage's options, and their places in what the shadow file says.
const AGES: [(&str, &str, usize); 4] = [
    ("password_expire_min", "-m", 0),
    ("password_expire_max", "-M", 1),
    ("password_expire_warn", "-W", 2),
    ("password_expire_account_disable", "-I", 3),
];

/// The change that sets the days of a password.
pub(super) fn aging(
    name: &str,
    user: Option<&User>,
    args: &Args,
    host: &Host<'_>,
) -> Result<Option<Change>, Stop> {
    if AGES.iter().all(|(param, _, _)| args.int(param).is_none()) {
        return Ok(None);
    }
    let shadow = match user {
        Some(_) => host.get(PasswordOf(name.to_owned()))?.as_ref().clone(),
        None => None,
    };
    let there = shadow.map(|shadow| shadow.aging).unwrap_or_default();
    let mut options = Vec::new();
    for (param, option, at) in AGES {
        let now = there.get(at).copied().flatten();
        if let Some(days) = args.int(param).filter(|days| Some(*days) != now && !(*days < 0 && now.is_none()))
        {
            options.extend([option.to_owned(), days.to_string()]);
        }
    }
    let summary = format!("set the days of {name}'s password (chage {})", options.join(" "));
    let argv = [vec![name.to_owned()], options.clone()].concat();
    Ok((!options.is_empty()).then(|| Change::state(summary, AGE, argv, subjects())))
}

/// The change that makes an SSH key.
pub(super) fn ssh_key(
    user: Option<&User>,
    args: &Args,
    host: &Host<'_>,
    result: &mut Map,
) -> Result<Option<Change>, Stop> {
    if !args.flag("generate_ssh_key") {
        return Ok(None);
    }
    let name = args.needed("name")?;
    let kind = args.needed("ssh_key_type")?;
    let file = args.text("ssh_key_file").map_or_else(|| format!(".ssh/id_{kind}"), str::to_owned);
    if kind.starts_with('-') || file.starts_with('-') || file.is_empty() {
        return Err(Stop::refuse("'ssh_key_type' and 'ssh_key_file' can't begin with a dash"));
    }
    let replace = args.flag("force");
    let path = match (user, file.starts_with('/')) {
        (_, true) => Some(file.clone()),
        (Some(user), false) => Some(format!("{}/{file}", user.home)),
        (None, false) => None,
    };
    if let Some(path) = &path {
        let said = host.get(SshKeyOf(vec![path.clone()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
        if !said.starts_with("absent") && !replace {
            describe_lines(result, &format!("{path}\n{said}"));
            return Ok(None);
        }
    }
    let bits = args.int("ssh_key_bits").map(|bits| bits.to_string()).unwrap_or_default();
    let comment = args.text("ssh_key_comment").unwrap_or_default();
    let phrase = args.text("ssh_key_passphrase");
    if phrase.is_some_and(|phrase| phrase.len() < 5 || phrase.contains('\n')) {
        return Err(Stop::refuse("ssh_key_passphrase: expected one line of at least five characters"));
    }
    let word = |flag: bool| if flag { "yes" } else { "no" };
    let argv = [name, &file, kind, &bits, comment, word(replace), word(phrase.is_some())];
    let mut touches = subjects();
    touches.extend(&[Subject::path(path.as_deref().unwrap_or("/home"))].into());
    let change = Change::state(format!("make an SSH key for {name}"), MAKE_KEY, argv, touches);
    let content = phrase.map(|phrase| Content::new(format!("{phrase}\n").into_bytes()));
    Ok(Some(Change { content, nature: if replace { Nature::Event } else { Nature::State }, ..change }))
}

/// What Ansible says of a key: its file, fingerprint and public half.
fn describe_lines(result: &mut Map, text: &str) {
    let mut lines = text.lines();
    for key in ["ssh_key_file", "ssh_fingerprint", "ssh_public_key"] {
        if let Some(line) = lines.next() {
            result.insert(key.into(), line.into());
        }
    }
}

/// Describes a key that was made.
pub(super) fn describe_key(result: &mut Map, outcome: &Outcome, outputs: &[Output]) {
    let made = outcome.changes.iter().zip(outputs).find(|(change, _)| change.script.name == MAKE_KEY.name);
    if let Some((_, output)) = made.filter(|(_, output)| output.status == 0) {
        describe_lines(result, &output.text());
    }
}
