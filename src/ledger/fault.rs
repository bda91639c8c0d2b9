//! What can be wrong with the ledger, each with the sentence that says so.

use super::Kind;
use crate::model::{Digest, Role, RunId, printable};
use crate::people::{ChainName, VerifyError};
use jiff::civil::Date;
use std::fmt;
use std::path::PathBuf;

/// Something that is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Break {
    /// The file, seen from the root of the ops repository.
    pub file: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a file of the ledger.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It is a link.
    #[error("is a link; the ledger has none")]
    Link,
    /// It has no place in a ledger.
    #[error("does not belong into a ledger")]
    Stray,
    /// It can't be read.
    #[error("can't be read: {0}")]
    Unreadable(String),
    /// It is larger than any entry.
    #[error("is larger than the {0} bytes that an entry, its signature or its private part has at the most")]
    TooLarge(u64),
    /// It is no entry.
    #[error("is no entry: {0}")]
    NoEntry(String),
    /// It was written by a wgops to come.
    #[error("has version {0} of the format, which this wgops does not know: update it")]
    Version(u32),
    /// It says that it belongs elsewhere.
    #[error("does not lie where it belongs: it says {0}")]
    Misplaced(String),
    /// It was written in another group.
    #[error(
        "is of another group, {said}, and here it is {here}: somebody copied it into this ledger, where it counts for nothing"
    )]
    OtherGroup {
        /// The group that it names.
        said: Digest,
        /// The one that it lies in.
        here: Digest,
    },
    /// It has no signature.
    #[error("has no signature")]
    Unsigned,
    /// It has no signature that holds any more, and is the very entry that the next one names, or that this client has verified.
    #[error(
        "was signed: what comes behind it or was verified here before names it, and its signature is gone or another"
    )]
    SignatureGone,
    /// Its signature does not count.
    #[error("{0}")]
    Signature(VerifyError),
    /// Nobody in the roster has the key of this chain.
    #[error("the roster knows no such key of {0}, and does not seal this chain")]
    UnknownKey(String),
    /// The role may not sign such an entry.
    #[error("is of the kind '{kind}', which the role {role} may not sign")]
    Role {
        /// The role in the roster.
        role: Role,
        /// The entry's kind.
        kind: Kind,
    },
    /// The roster under which it was written gives its key to nobody of that name.
    #[error("was signed with a key that roster {roster} does not give to its writer")]
    NotOf {
        /// The roster's version.
        roster: u64,
    },
    /// Its writer lost the right to sign such an entry, and nobody had seen it then.
    #[error(
        "is of the kind '{kind}', which its writer may not sign since roster {roster}; whoever signed that roster had not seen it: written later, whatever its time says, or pushed too late"
    )]
    Lost {
        /// The version that took the right away.
        roster: u64,
        /// The entry's kind.
        kind: Kind,
    },
    /// Its writer's agreement had ended.
    #[error(
        "was written on {day} or later, as what its writer had seen by then tells, whatever its own time says, and their agreement ended on {until}"
    )]
    Ended {
        /// The agreement's last day.
        until: Date,
        /// When it can have been written at the earliest.
        day: Date,
    },
    /// What the public may see of a roster is not what its file says.
    #[error("says something else of roster {0} than the file that it signs")]
    SignsDiffers(u64),
    /// An entry before it is missing.
    #[error("follows {found}, but {missing} is missing: removed, or not yet pulled")]
    Gap {
        /// The entry found before it; 0 for the chain's beginning.
        found: u64,
        /// The entry that should be there.
        missing: u64,
    },
    /// It was taken from its place.
    #[error("was taken from its place in its chain, where entry {0} is missing")]
    Moved(u64),
    /// Its writer signed another one with its number, to which the chain leads.
    #[error("has the same number as {0}, to which its chain leads; to this one nothing does")]
    Beside(String),
    /// Another file has the same number.
    #[error("has the same number as {0}")]
    Twice(String),
    /// Its `previous` is not the entry before.
    #[error(
        "was written after another entry than the one that lies before it: that one was exchanged, or this one"
    )]
    Previous,
    /// The roster's version fell.
    #[error("was written under roster {0}, after an entry under roster {1}")]
    RosterFell(u64, u64),
    /// It knows a later roster.
    #[error(
        "was written under roster {0}, but the roster here has version {1}: pull, or find out who put back an old one"
    )]
    RosterAhead(u64, u64),
    /// The private part is not what was signed.
    #[error("its private part is not the one that was signed")]
    PrivateDiffers,
    /// The private part that was signed is not here.
    #[error("its private part is gone: removed, or not yet pulled")]
    PrivateGone,
    /// There is a private part that nobody signed.
    #[error("has a private part that was not signed")]
    PrivateUnsigned,
    /// The private part names somebody else.
    #[error("its private part names {0} as its writer")]
    PrivateOfAnother(String),
    /// The private part says that its writer was more than they were.
    #[error("says that its writer acted as {said}, and by the roster they were {role}")]
    RoleSaid {
        /// The role that it says.
        said: Role,
        /// The role in the roster.
        role: Role,
    },
    /// Somebody has seen an entry that is gone.
    #[error("has seen {chain} {seq}, which is gone: removed, or not yet pulled")]
    SeenGone {
        /// The chain.
        chain: ChainName,
        /// The entry.
        seq: u64,
    },
    /// Somebody has seen an entry that is another now.
    #[error("has seen another {chain} {seq} than the one that lies here: one of them was exchanged")]
    SeenDiffers {
        /// The chain.
        chain: ChainName,
        /// The entry.
        seq: u64,
    },
    /// This client has verified an entry that is gone.
    #[error("was verified here before, and is gone")]
    Forgotten,
    /// This client has verified another entry.
    #[error("is another than the one that was verified here before")]
    Rewritten,
    /// It comes after the end of a sealed chain.
    #[error("was appended after the chain was sealed at {0}")]
    AfterSeal(u64),
    /// The last entry of a sealed chain is another, or missing.
    #[error("is not the entry at which the roster seals this chain")]
    SealDiffers,
    /// An intent or outcome that belongs to no run.
    #[error("names no run")]
    NoRun,
    /// An outcome without an intent.
    #[error("is the outcome of run {0}, of which there is no intent")]
    NoIntent(RunId),
    /// An intent that picks up another, which is not there.
    #[error("picks up run {0} after an intent that is not here: removed, or not yet pulled")]
    ResumesNothing(RunId),
    /// Two intents of the same run.
    #[error("is a second intent of run {0}")]
    SecondIntent(RunId),
}

impl Fault {
    /// Whether it may hide what an entry says: what is decided by entries can't be decided then.
    pub fn hides(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::NoEntry(_)
                | Self::Unsigned
                | Self::Signature(_)
                | Self::PrivateDiffers
                | Self::PrivateGone
                | Self::Moved(_)
                | Self::Twice(_)
        )
    }

    /// Whether something else belongs into this file's place, whatever lies there.
    pub fn is_of_the_place(&self) -> bool {
        matches!(self, Self::Forgotten | Self::Rewritten | Self::SealDiffers)
    }

    /// Whether it is this machine's memory that the ledger contradicts.
    pub fn is_remembered(&self) -> bool {
        matches!(self, Self::Forgotten | Self::Rewritten)
    }

    /// Whether an entry is missing, or another, that somebody has seen.
    pub fn misses(&self) -> bool {
        matches!(
            self,
            Self::Gap { .. }
                | Self::Moved(_)
                | Self::Previous
                | Self::SeenGone { .. }
                | Self::SeenDiffers { .. }
                | Self::Forgotten
                | Self::Rewritten
                | Self::SealDiffers
        )
    }

    /// Whether an entry that was here is gone or exchanged, by what this client verified or somebody says to have seen. What is
    /// put into a ledger makes no such break.
    pub fn is_gone(&self) -> bool {
        matches!(
            self,
            Self::SeenGone { .. }
                | Self::SeenDiffers { .. }
                | Self::Forgotten
                | Self::Rewritten
                | Self::SignatureGone
                | Self::Moved(_)
        )
    }

    /// Whether nobody answers for the entry.
    pub fn is_nobodys_word(&self) -> bool {
        matches!(
            self,
            Self::Link
                | Self::Stray
                | Self::Unreadable(_)
                | Self::TooLarge(_)
                | Self::NoEntry(_)
                | Self::Version(_)
                | Self::Misplaced(_)
                | Self::OtherGroup { .. }
                | Self::Unsigned
                | Self::Signature(_)
                | Self::UnknownKey(_)
        )
    }

    /// Whether it is another entry that is missing or was exchanged; this one says so.
    pub fn is_of_another(&self) -> bool {
        matches!(self, Self::SeenGone { .. } | Self::SeenDiffers { .. })
    }

    /// Whether nobody can tell where its chain ends as long as it is there.
    pub fn blurs_the_end(&self) -> bool {
        matches!(
            self,
            Self::Unreadable(_)
                | Self::TooLarge(_)
                | Self::NoEntry(_)
                | Self::Version(_)
                | Self::Misplaced(_)
                | Self::OtherGroup { .. }
                | Self::Unsigned
                | Self::Signature(_)
                | Self::Gap { .. }
                | Self::Twice(_)
                | Self::Beside(_)
                | Self::Moved(_)
                | Self::Previous
                | Self::Forgotten
                | Self::Rewritten
        )
    }
}

/// `ledger/CHAIN`, below which the years lie.
const FOLDERS_ABOVE_YEAR: usize = 2;
/// Where an entry may be that nobody took away.
const ELSEWHERE: &str =
    "it may lie in another clone of its writer's, perhaps one of yours: push there and pull here";

impl Break {
    /// What to do about it: a file that somebody put there is taken out, one that was changed or removed is restored.
    pub fn way_out(&self) -> String {
        let folder = self.chain_folder();
        match &self.fault {
            Fault::SeenGone { chain, seq } | Fault::SeenDiffers { chain, seq } => {
                let all = format!("'ledger/{chain}/*/{seq:08}.*'");
                format!(
                    "{ELSEWHERE}; git log --oneline -- {all} names the commit that removed or changed it, and git checkout COMMIT~1 -- {all} \
                     brings it back; where nobody ever had it, {} says to have seen what never was, and a lead ends that: 'wgops operators demote' or 'leave'",
                    self.writer()
                )
            }
            Fault::Gap { missing, .. } => {
                let all = format!("'{folder}/*/{missing:08}.*'");
                format!(
                    "{ELSEWHERE}; git log --oneline -- {all} names the commit that removed it, and git checkout COMMIT~1 -- {all} brings it back"
                )
            }
            Fault::Forgotten | Fault::Rewritten | Fault::SealDiffers => {
                let all = self.all();
                let forget = match self.fault.is_remembered() {
                    true => format!(
                        "; where it is lost for good (a clone is gone whose entries nobody pushed): 'wgops ledger verify --forget {}'",
                        folder.rsplit('/').next().unwrap_or_default()
                    ),
                    false => String::new(),
                };
                format!(
                    "pull; {ELSEWHERE}; git log --oneline -- {all} names the commit that removed or changed it, if one did, and git \
                     checkout COMMIT~1 -- {all} brings it back{forget}"
                )
            }
            Fault::AfterSeal(_) | Fault::Lost { .. } => {
                let all = self.all();
                format!(
                    "it counts for nothing, and was perhaps written before its writer had pulled: git rm {all} takes it out; whoever had it \
                     then types 'wgops ledger verify --forget {}' once. Where it was honest, 'wgops ledger note' says again what it was",
                    folder.rsplit('/').next().unwrap_or_default()
                )
            }
            Fault::UnknownKey(_) => format!(
                "'git log --oneline -- {folder}' names who brought it; it decides nothing, and 'git rm -r {folder}' takes it out"
            ),
            _ => self.put_right(),
        }
    }

    /// A file that somebody put there is taken out, one that was changed or removed is restored.
    fn put_right(&self) -> String {
        let all = self.all();
        format!(
            "'git log --oneline -- {all}' names the commit that did it: what it added, 'git rm {all}' takes out; what it \
             changed or removed, 'git checkout COMMIT~1 -- {all}' brings back"
        )
    }
}

impl Break {
    /// The three files of the entry, for git and a shell; in whichever year, where that is not known.
    fn all(&self) -> String {
        let file = self.file.to_string_lossy();
        let name = file.strip_suffix(".json").unwrap_or(&file);
        let is_missed = matches!(self.fault, Fault::Forgotten | Fault::Rewritten | Fault::SealDiffers);
        let is_without_year = is_missed && self.file.components().count() == FOLDERS_ABOVE_YEAR + 1;
        match name.rsplit_once('/').filter(|_| is_without_year) {
            Some((folder, number)) => format!("'{}/*/{}.*'", printable(folder), printable(number)),
            None => format!("{}.*", printable(name)),
        }
    }

    /// `ledger/CHAIN`.
    fn chain_folder(&self) -> String {
        let parts: PathBuf = self.file.components().take(FOLDERS_ABOVE_YEAR).collect();
        printable(&parts.to_string_lossy()).into_owned()
    }

    /// Whose chain the file lies in.
    fn writer(&self) -> String {
        let chain = self.file.components().nth(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let chain: Option<ChainName> = chain.and_then(|name| name.parse().ok());
        chain.map_or("its writer".to_owned(), |chain| chain.operator().to_string())
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.to_string_lossy();
        write!(f, "{}: {}", printable(&file), printable(&self.fault.to_string()))
    }
}
