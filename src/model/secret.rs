//! A text that can't be printed by accident: it has no `Debug`, `Display` or `Serialize`.

use std::sync::Arc;
use zeroize::Zeroizing;

/// A secret text, overwritten in memory when the last copy is dropped.
///
/// ```compile_fail
/// println!("{:?}", wgops::model::Secret::new("x".into()));
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// Shows the text to code that must have it: the wire, and nothing that writes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
