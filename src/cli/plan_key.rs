//! The key under which a plan has digests of changes that hold secrets: whoever may read these secrets opens it, and nobody
//! else finds them by trying.

use super::who::Who;
use super::{Console, Exit, Failure};
use crate::ledger::plan::{Plan, SealedKey, SealedWords};
use crate::model::Nonce;
use crate::people::{Roster, random_bytes};
use crate::vault::{Readers, Subject, seal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// A key that was just drawn.
pub struct PlanKey(Zeroizing<[u8; 32]>);

impl PlanKey {
    /// Draws one.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn draw() -> Result<Self, Failure> {
        Ok(Self(Zeroizing::new(random_bytes()?)))
    }

    /// What digests are made under.
    pub fn nonce(&self) -> Nonce {
        Nonce::from_bytes(*self.0)
    }

    /// The key, and what changes that hold secrets send, for everybody who is cleared and may read all of what was opened; or why
    /// nobody gets it.
    pub fn sealed(
        &self,
        console: &Console,
        roster: Option<&Roster>,
        opened: &[Subject],
        words: &SealedWords,
    ) -> Result<SealedKey, String> {
        let roster = roster.ok_or("there is no roster that says who may read it")?;
        let files: Vec<&str> = opened.iter().map(|subject| subject.file.as_str()).collect();
        let today = jiff::Zoned::now().date();
        let mut plain = Zeroizing::new(self.0.to_vec());
        plain.extend(serde_json::to_vec(words).map_err(|error| error.to_string())?);
        let sealed = Readers::of_all(roster, &files, today)
            .and_then(|readers| seal(&plain, &readers, &console.ring.conversation()));
        let key = STANDARD.encode(sealed.map_err(|error| error.to_string())?);
        Ok(SealedKey { key, values: opened.iter().map(ToString::to_string).collect() })
    }
}

/// Opens the key of a plan for somebody who is cleared, and tells the plan what its changes that hold secrets send.
///
/// # Errors
/// They can't open it, or it is none.
pub fn open(console: &Console, who: &Who, plan: &mut Plan) -> Result<Option<Nonce>, Failure> {
    let Some(sealed) = &plan.secrets else { return Ok(None) };
    let refuse = |why: String| {
        let message = format!("the plan's changes that hold secrets can't be compared: {why}");
        Failure::new(Exit::Refused, message)
            .hint("whoever reads these values applies it, or makes a new plan")
    };
    let person = who.identity.proven().zip(who.roster.as_ref());
    let person = person.and_then(|(proven, roster)| roster.person(&proven.operator));
    let person = person.ok_or_else(|| refuse("nobody knows who you are".into()))?;
    let bytes = STANDARD.decode(&sealed.key).map_err(|_| refuse("its key is damaged".into()))?;
    let plain = console.ring.keys(person).map_err(refuse)?.open(&bytes);
    let plain = plain.map_err(|error| refuse(error.to_string()))?;
    let damaged = || refuse("its key is none".into());
    let (key, words) = plain.split_at_checked(32).ok_or_else(damaged)?;
    let key: [u8; 32] = key.try_into().map_err(|_| damaged())?;
    let words: SealedWords = serde_json::from_slice(words)
        .map_err(|_| refuse("it does not say what they send (an older wgops made it)".into()))?;
    plan.open_words(words);
    Ok(Some(Nonce::from_bytes(key)))
}
