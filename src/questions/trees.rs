//! How two directories of a host differ.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use std::time::Duration;

/// Asks what of one directory is missing or different in another.
#[derive(Clone, Debug)]
pub struct Unlike {
    /// The directory that is to be copied.
    pub source: String,
    /// Where it is to be.
    pub dest: String,
    /// Owner's and group's number that everything is to have; `-`: any.
    pub owners: [String; 2],
    /// Modes in octal of the place that was named, and of directories below; `-`: any.
    pub modes: [String; 2],
    /// The place that was named.
    pub named: String,
}

/// What differs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Differing {
    /// How many files and directories.
    pub count: u64,
    /// The first few of their names.
    pub names: Vec<String>,
}

/// How many names are told.
const NAMES_MAX: usize = 3;

impl Question for Unlike {
    type Answer = Differing;
    const SCRIPT: Script = Script {
        name: "unlike_trees",
        text: r#"dest=$2 uid=$3 gid=$4 mode=$5 directory_mode=$6 named=$7
cd -- "$1" || exit 1
export dest uid gid directory_mode
if [ "$mode" != - ] && [ -e "$named" ]; then
    bits=$(stat -c %a -- "$named") || exit 1
    [ "$((0$bits))" -eq "$((mode))" ] || printf '%s\0' .
fi
find . -exec sh -c 'unlike() { printf "%s\0" "$path"; }
for path; do
    to=$dest/${path#./}
    [ "$path" != . ] || to=$dest
    wanted=-
    if [ -L "$path" ]; then
        [ "$(readlink -- "$path")" = "$(readlink -- "$to" 2>/dev/null)" ] || { unlike; continue; }
    elif [ -d "$path" ]; then
        [ -d "$to" ] || { unlike; continue; }
        [ "$path" = . ] || wanted=$directory_mode
    elif [ -f "$path" ]; then
        [ ! -L "$to" ] && cmp -s -- "$path" "$to" || { unlike; continue; }
    else
        continue
    fi
    if [ "$uid$gid$wanted" != --- ]; then
        set -f
        there=$(stat -c "%u %g %a" -- "$to") || exit 1
        # The words are numbers.
        owner=${there%% *} rest=${there#* }
        group=${rest% *} bits=${rest#* }
        [ "$uid" = - ] || [ "$uid" = "$owner" ] || { unlike; continue; }
        [ "$gid" = - ] || [ "$gid" = "$group" ] || { unlike; continue; }
        [ "$wanted" = - ] || [ "$((0$bits))" -eq "$((wanted))" ] || { unlike; continue; }
    fi
done' sh {} +"#,
    };

    fn args(&self) -> Argv {
        let [uid, gid] = self.owners.clone();
        let [mode, directory_mode] = self.modes.clone();
        [self.source.clone(), self.dest.clone(), uid, gid, mode, directory_mode, self.named.clone()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.source), Subject::path(&self.dest)].into()
    }

    fn parse(&self, output: &Output) -> Result<Differing, ParseError> {
        if output.status != 0 || !output.stderr.is_empty() {
            return Err(ParseError::new("how two directories differ", output));
        }
        let text = output.text();
        let names = || text.split_terminator('\0');
        let first = names().take(NAMES_MAX).map(str::to_owned).collect();
        Ok(Differing { count: names().count() as u64, names: first })
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: Duration::from_secs(600) }
    }
}
