//! A file with its sealed values open, for an editor, and the way back: what was not touched keeps its seal to the byte.

use super::spot::block;
use super::{Found, Keys, Sheet, VaultError};
use crate::load::TextFile;
use crate::model::Secret;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A file with its sealed values open.
pub struct Editable {
    sheet: Sheet,
    open: BTreeMap<String, Secret>,
}

impl Editable {
    /// Opens every sealed value of a file.
    ///
    /// # Errors
    /// One of them can't be opened.
    pub fn open(sheet: Sheet, keys: &Keys) -> Result<Self, VaultError> {
        let opened = |found: &Found| Ok((found.name.clone(), keys.open_text(&found.text)?));
        let open = sheet.sealed().map(opened).collect::<Result<BTreeMap<_, _>, VaultError>>()?;
        Ok(Self { sheet, open })
    }

    /// The text for the editor: as the file, with what each sealed value holds in its place.
    pub fn text(&self) -> Zeroizing<String> {
        let blocks = Zeroizing::new(self.shown(plain));
        let read = self.read_back(&blocks);
        let same = read.is_ok_and(|read| {
            read.len() == self.open.len()
                && read.iter().all(|(name, text)| {
                    self.open.get(name).is_some_and(|open| open.expose() == text.expose())
                })
        });
        if same { blocks } else { Zeroizing::new(self.shown(|_, text| format!("!age {}", json(text)))) }
    }

    fn shown(&self, show: impl Fn(&Found, &str) -> String) -> String {
        self.sheet.shown(|found| {
            let open = self.open.get(&found.name)?;
            let text = show(found, open.expose());
            // A value that was a block stays alone on its lines.
            Some(if text.ends_with('\n') { text } else { format!("{text}{}\n", found.behind_of()) })
        })
    }

    fn read_back(&self, text: &str) -> Result<BTreeMap<String, Secret>, VaultError> {
        let file = TextFile { file: self.sheet.file.file.clone(), text: text.to_owned() };
        let sheet = Sheet::parse(file)?;
        Ok(sheet.sealed().map(|found| (found.name.clone(), Secret::new(found.text.clone()))).collect())
    }

    /// What an edited text comes to: the values that hold something else than before, or are new.
    ///
    /// # Errors
    /// It is no YAML, or a value stands there in a way that can't be sealed.
    pub fn changed(&self, edited: &str) -> Result<BTreeMap<String, Secret>, VaultError> {
        let mut values = self.read_back(edited)?;
        values.retain(|name, text| self.open.get(name).is_none_or(|open| open.expose() != text.expose()));
        Ok(values)
    }

    /// The file's new text: these values as they are sealed now, the others with the seal that they had.
    ///
    /// # Errors
    /// As [`Editable::changed`].
    pub fn sealed_again(
        &self,
        edited: &str,
        sealed: &BTreeMap<String, String>,
    ) -> Result<String, VaultError> {
        let path: &Path = &self.sheet.file.file;
        let sheet = Sheet::parse(TextFile { file: Arc::new(path.to_owned()), text: edited.to_owned() })?;
        let before: BTreeMap<&str, &Found> =
            self.sheet.sealed().map(|found| (found.name.as_str(), found)).collect();
        let mut all = BTreeMap::new();
        for found in sheet.sealed() {
            let armor = sealed.get(&found.name).map(String::as_str);
            let armor = armor.or_else(|| before.get(found.name.as_str()).map(|found| found.text.as_str()));
            all.extend(armor.map(|armor| (found.name.clone(), armor.to_owned())));
        }
        sheet.with(&all)
    }
}

/// What a value holds, as a block where that shows it as it is.
fn plain(found: &Found, text: &str) -> String {
    let printable = |c: char| c == '\n' || c == '\t' || !c.is_control();
    let clean = text.chars().all(printable)
        && !text.is_empty()
        && !text.ends_with("\n\n")
        && text.lines().all(|line| line.trim_end() == line)
        && !text.starts_with([' ', '\t', '\n']);
    match clean {
        true => {
            let head = if text.ends_with('\n') { "!age |" } else { "!age |-" };
            block(head, found.behind_of(), found.column_of(), text)
        }
        false => format!("!age {}", json(text)),
    }
}

/// A text in double quotes, as JSON and YAML both read it.
fn json(text: &str) -> String {
    crate::model::Value::String(text.to_owned()).to_string()
}
