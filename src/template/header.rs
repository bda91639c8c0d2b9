//! How a template file is to be read: the `#jinja2:` line that may open it, and what holds without one.
//!
//! ```text
//! #jinja2: lstrip_blocks: True, trim_blocks: False
//! ```

use super::error::{TemplateError, TemplateErrorKind as Kind};
use crate::model::nearest;
use minijinja::syntax::SyntaxConfig;

/// The options that a `#jinja2:` line may set.
const KEYS: [&str; 10] = [
    "block_start_string",
    "block_end_string",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
    "lstrip_blocks",
    "keep_trailing_newline",
    "newline_sequence",
];

/// How a template is to be read.
pub(super) struct Header {
    trim_blocks: bool,
    lstrip_blocks: bool,
    keep_trailing_newline: bool,
    blocks: [String; 2],
    variables: [String; 2],
    comments: [String; 2],
}

impl Default for Header {
    fn default() -> Self {
        let pair = |start: &str, end: &str| [start.to_owned(), end.to_owned()];
        Self {
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
            blocks: pair("{%", "%}"),
            variables: pair("{{", "}}"),
            comments: pair("{#", "#}"),
        }
    }
}

impl Header {
    /// Splits a file into its header and the template proper.
    pub fn split(text: &str) -> Result<(Self, &str), TemplateError> {
        let Some(rest) = text.strip_prefix("#jinja2:") else { return Ok((Self::default(), text)) };
        let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
        let mut header = Self::default();
        for pair in line.trim().split(',').filter(|pair| !pair.trim().is_empty()) {
            let (key, value) = pair.split_once(':').ok_or_else(|| {
                TemplateError::new(
                    Kind::Syntax,
                    format!("'{}' in the #jinja2 line is not 'option: value'", pair.trim()),
                )
            })?;
            header.set(key.trim(), value.trim())?;
        }
        Ok((header, body))
    }

    /// Sets one option.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), TemplateError> {
        let text = || value.trim_matches(['\'', '"']).to_owned();
        match key {
            "trim_blocks" => self.trim_blocks = switch(key, value)?,
            "lstrip_blocks" => self.lstrip_blocks = switch(key, value)?,
            "keep_trailing_newline" => self.keep_trailing_newline = switch(key, value)?,
            "block_start_string" => self.blocks[0] = text(),
            "block_end_string" => self.blocks[1] = text(),
            "variable_start_string" => self.variables[0] = text(),
            "variable_end_string" => self.variables[1] = text(),
            "comment_start_string" => self.comments[0] = text(),
            "comment_end_string" => self.comments[1] = text(),
            "newline_sequence" if text() == "\\n" => {}
            "newline_sequence" => {
                let message = format!("newline_sequence {value} is not supported yet");
                return Err(TemplateError::new(Kind::Unsupported, message));
            }
            _ => {
                return Err(TemplateError::new(
                    Kind::UnknownName,
                    format!("there is no #jinja2 option '{key}'"),
                )
                .hint(nearest(key, KEYS).map(|near| format!("did you mean '{near}'?"))));
            }
        }
        Ok(())
    }
}

fn switch(key: &str, value: &str) -> Result<bool, TemplateError> {
    match value {
        "True" | "true" => Ok(true),
        "False" | "false" => Ok(false),
        // A text that holds anything is true to Python, whatever it says.
        text if text.len() > 2 && text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) => Ok(true),
        _ => Err(TemplateError::new(
            Kind::Syntax,
            format!("the #jinja2 option {key} is True or False, not '{value}'"),
        )),
    }
}

/// The engine's settings for a header. Delimiters that the engine can't tell apart leave the usual ones.
pub(super) fn syntax(header: &Header) -> SyntaxConfig {
    let [block, block_end] = header.blocks.clone();
    let [variable, variable_end] = header.variables.clone();
    let [comment, comment_end] = header.comments.clone();
    SyntaxConfig::builder()
        .block_delimiters(block, block_end)
        .variable_delimiters(variable, variable_end)
        .comment_delimiters(comment, comment_end)
        .trim_blocks(header.trim_blocks)
        .lstrip_blocks(header.lstrip_blocks)
        .keep_trailing_newline(header.keep_trailing_newline)
        .build()
        .unwrap_or_default()
}
