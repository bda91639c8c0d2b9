//! `wgops init`: begins an ops repository. It overwrites nothing, and where it fails it leaves nothing behind.

use super::console::shown;
use super::{Console, Exit, Failure};
use crate::ledger::RosterFile;
use crate::model::{OperatorName, printable};
use crate::people::{Key, Nda, Roster};
use clap::Args;
use jiff::civil::Date;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;

/// Longest file that is read as a public key.
const KEY_BYTES_MAX: u64 = 64 << 10;

const EXAMPLES: &str = "\
Examples:
  wgops init --group \"Example infrastructure working group\" ops
  wgops init --group \"Example infrastructure working group\" \\
    --operator alice --key ~/.ssh/id_ed25519.pub --nda 2026-11-01 ops";

/// Begin an ops repository: the group's inventories, roster, playbooks and ledger
///
/// With --operator the roster is written too, with that person as its first lead; without a roster everybody gets a dry
/// run. Existing files are never overwritten.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Init {
    /// The working group's name, as people say it
    #[arg(long, value_name = "NAME")]
    group: GroupName,
    /// The first lead's name: lower case letters, digits, '_' and '-'
    #[arg(long, value_name = "NAME", requires_all = ["key", "nda"])]
    operator: Option<OperatorName>,
    /// The lead's public SSH key
    #[arg(long, value_name = "FILE.pub", requires = "operator")]
    key: Option<PathBuf>,
    /// The day on which the lead signed the non-disclosure agreement, YYYY-MM-DD
    #[arg(long, value_name = "YYYY-MM-DD", requires = "operator", value_parser = day)]
    nda: Option<Date>,
    /// Don't make it a git repository
    #[arg(long)]
    no_git: bool,
    /// Where; made if it isn't there
    #[arg(default_value = ".")]
    directory: PathBuf,
}

/// A working group's name: one line, not empty.
#[derive(Clone)]
struct GroupName(String);

impl FromStr for GroupName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 200 || text.contains('\n') || printable(text) != text {
            return Err("expected a name on one line, at most 200 characters".into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// A file to write, by its path in the repository.
type NewFile = (&'static str, String);

impl Init {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let files = self.files()?;
        let new_git = !self.no_git && !lies_in_git(&self.directory);
        write_all(&self.directory, &files)?;
        if let Some((_, text)) = files.iter().find(|(path, _)| *path == super::trust::ROSTER) {
            let file = RosterFile::parse(Path::new(super::trust::ROSTER), text.clone())?;
            super::trust::remember(&self.directory, &file);
        }
        let git = if new_git { git_init(&self.directory) } else { Git::Left };
        console.result(&self.told(&files, git))?;
        Ok(Exit::Well)
    }

    fn files(&self) -> Result<Vec<NewFile>, Failure> {
        let group =
            serde_yaml::to_string(&self.group.0).map_err(|error| Failure::usage(error.to_string()))?;
        let group = group.trim();
        let mut files = vec![
            ("wgops.yml", include_str!("init/wgops.yml").replace("@GROUP@", group)),
            ("README.md", include_str!("init/README.md").replace("@GROUP@", &self.group.0)),
            (".gitattributes", include_str!("init/gitattributes").to_owned()),
            (".gitignore", include_str!("init/gitignore").to_owned()),
            ("inventory/prod.yml.example", include_str!("../../inventory/prod.yml.example").to_owned()),
            ("inventory/known_hosts", include_str!("../../inventory/known_hosts").to_owned()),
            ("playbooks/patch.yml", super::patch::PLAYBOOK.to_owned()),
            ("playbooks/site.yml", include_str!("../../playbooks/site.yml").to_owned()),
        ];
        files.extend(super::audit_playbooks::SHIPPED.map(|(_, path, text)| (path, text.to_owned())));
        files.extend(self.roster()?.map(|roster| ("inventory/operators.yml", roster)));
        Ok(files)
    }

    fn roster(&self) -> Result<Option<String>, Failure> {
        let (Some(operator), Some(key), Some(signed)) = (&self.operator, &self.key, self.nda) else {
            return Ok(None);
        };
        signed_already(signed)?;
        let key = public_key(key)?;
        let nda = Nda { signed, until: None, reference: None };
        let text = Roster::first(&self.group.0, operator, &key, &nda)?;
        // A group is known by the digest of its first roster, so no two begin alike.
        let [a, b, c, d, ..] = crate::people::random_bytes()?;
        let text = format!("{text}# This group's own number: {:08x}\n", u32::from_be_bytes([a, b, c, d]));
        Roster::parse(Path::new("inventory/operators.yml"), text.as_bytes())?;
        Ok(Some(text))
    }

    fn told(&self, files: &[NewFile], git: Git) -> String {
        let list: String = files.iter().map(|(path, _)| format!("  {path}\n")).collect();
        let git = match git {
            Git::Made => "It is a git repository; nothing is committed yet.\n",
            Git::Missing => "git isn't there: keep the repository in git as soon as it is.\n",
            Git::Left => "",
        };
        let roster = match &self.operator {
            Some(_) => "",
            None => "There is no roster yet, so everybody gets a dry run: see README.md.\n",
        };
        format!(
            "An ops repository for {} in {}:\n{list}{git}{roster}{NEXT}",
            self.group.0,
            shown(&self.directory)
        )
    }
}

const NEXT: &str = "
Next:
  wgops audit -i local                                      a first try; changes nothing
  cp inventory/prod.yml.example inventory/prod.yml          then name your servers in it
  wgops inventory -i prod
";

/// Makes sure that the day of an agreement has come: with a typo in the year it would clear nobody for long, and say nothing.
///
/// # Errors
/// It lies ahead.
/// A day as it is typed.
///
/// # Errors
/// It is none.
pub fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| "expected YYYY-MM-DD, such as 2026-11-01".to_owned())
}

pub fn signed_already(day: Date) -> Result<(), Failure> {
    let today = jiff::Zoned::now().date();
    if day <= today {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--nda is the day on which the agreement was signed, and {day} has not come yet"
    ))
    .hint(format!(
        "today is {today} by this machine's clock; an agreement counts from the day on which it was signed"
    )))
}

/// Reads somebody's public key.
///
/// # Errors
/// The file can't be read, or is no public key.
pub fn public_key(file: &Path) -> Result<Key, Failure> {
    let hint = "name the .pub file of an SSH key; 'ssh-keygen -t ed25519' makes a pair";
    let unreadable =
        |error: io::Error| Failure::usage(format!("can't read the key {}: {error}", shown(file))).hint(hint);
    let size = fs::metadata(file).map_err(unreadable)?.len();
    if size > KEY_BYTES_MAX {
        return Err(Failure::usage(format!("{} has {size} bytes, more than any public key", shown(file))));
    }
    let text = String::from_utf8_lossy(&fs::read(file).map_err(unreadable)?).into_owned();
    text.parse().map_err(|error| Failure::usage(format!("{}: {error}", shown(file))).hint(hint))
}

/// Writes all of the files or none.
fn write_all(root: &Path, files: &[NewFile]) -> Result<(), Failure> {
    let taken: Vec<String> = files
        .iter()
        .map(|(path, _)| root.join(path))
        .filter(|path| fs::symlink_metadata(path).is_ok())
        .map(|path| shown(&path))
        .collect();
    if !taken.is_empty() {
        let failure =
            Failure::usage(format!("already there, and nothing is overwritten: {}", taken.join(", ")));
        return Err(failure.hint("name another directory, or move these files away"));
    }
    let mut made = Made::default();
    for (path, text) in files {
        if let Err(error) = made.file(&root.join(path), text) {
            made.undo();
            return Err(Failure::usage(format!("can't write {}: {error}", shown(&root.join(path)))));
        }
    }
    Ok(())
}

/// What was made, so that it can be taken back.
#[derive(Default)]
struct Made(Vec<PathBuf>);

impl Made {
    fn file(&mut self, path: &Path, text: &str) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        self.0.push(path.to_owned());
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        fs::create_dir(path)?;
        self.0.push(path.to_owned());
        Ok(())
    }

    fn undo(self) {
        for path in self.0.iter().rev() {
            let _gone_already = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
    }
}

/// What became of git.
#[derive(Clone, Copy)]
enum Git {
    Made,
    Missing,
    Left,
}

fn lies_in_git(directory: &Path) -> bool {
    let whole = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    whole.ancestors().any(|parent| parent.join(".git").exists())
}

/// Makes a git repository without anybody's template, so that no hook comes with it.
fn git_init(directory: &Path) -> Git {
    let mut git = Command::new("git");
    git.args(["init", "--quiet", "--template=", "--initial-branch=main"]).arg(directory);
    let done = git.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if done.is_ok_and(|status| status.success()) { Git::Made } else { Git::Missing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("blocked"), "a file where a directory should be").unwrap();
        let files = [("a/b/one", "1".to_owned()), ("blocked/two", "2".to_owned())];
        let failure = write_all(home.path(), &files).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let left: Vec<_> =
            fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["blocked"]);
    }

    #[test]
    fn a_group_needs_a_name_on_one_line() {
        for bad in ["", "  ", "a\nb", "a\u{1b}[2J", &"x".repeat(201)] {
            assert!(bad.parse::<GroupName>().is_err(), "{bad:?}");
        }
        assert!("Example: 'infra' #1".parse::<GroupName>().is_ok());
    }
}
