//! Which of YAML's quotes a text needs, decided as PyYAML decides: a text that would be read back as something else
//! (`yes`, `0644`, `2026-01-02`) is quoted, one with characters that a quote can't hold is escaped.

use regex::Regex;
use std::sync::LazyLock;

/// How a scalar is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
}

/// A scalar, and what its text allows.
pub(super) struct Scalar<'t> {
    pub text: &'t str,
    multi_line: bool,
    plain_in_flow: bool,
    plain_in_block: bool,
    single: bool,
}

/// Longer keys are written after a `?`.
const SIMPLE_KEY_CHARS_MAX: usize = 122;

/// What YAML 1.1 reads as something else than a text.
static OTHER_TYPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let boolean = "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF";
    let float = r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)";
    let integer = r"[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+";
    let time = r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?";
    Regex::new(&format!("^(?:{boolean}|{float}|{integer}|{time}|~|null|Null|NULL||<<|=)$")).ok()
});

/// What the characters of a text do to a YAML reader.
#[derive(Default)]
struct Traits {
    block_indicators: bool,
    flow_indicators: bool,
    line_breaks: bool,
    special: bool,
    edge_space: bool,
    break_space: bool,
    space_break: bool,
}

impl<'t> Scalar<'t> {
    /// A number, a boolean or null.
    pub fn token(text: &'t str) -> Self {
        Self { text, multi_line: false, plain_in_flow: true, plain_in_block: true, single: true }
    }

    /// A text.
    pub fn text(text: &'t str) -> Self {
        if text.is_empty() || OTHER_TYPES.as_ref().is_some_and(|other| other.is_match(text)) {
            return Self {
                text,
                multi_line: false,
                plain_in_flow: false,
                plain_in_block: false,
                single: true,
            };
        }
        let traits = Traits::of(text);
        let quoted = traits.edge_space
            || traits.break_space
            || traits.space_break
            || traits.special
            || traits.line_breaks;
        Self {
            text,
            multi_line: traits.line_breaks,
            plain_in_flow: !quoted && !traits.flow_indicators,
            plain_in_block: !quoted && !traits.block_indicators,
            single: !traits.break_space && !traits.space_break && !traits.special,
        }
    }

    /// Whether it can be a key before a `:` on the same line.
    pub fn is_simple_key(&self) -> bool {
        !self.text.is_empty() && !self.multi_line && self.text.chars().count() <= SIMPLE_KEY_CHARS_MAX
    }

    /// How it is written.
    pub fn style(&self, in_flow: bool, as_key: bool) -> Style {
        let plain = if in_flow { self.plain_in_flow } else { self.plain_in_block };
        match (plain, self.single, self.multi_line && as_key) {
            (true, _, false) => Style::Plain,
            (_, true, false) => Style::Single,
            _ => Style::Double,
        }
    }
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    is_break(c) || matches!(c, '\0' | ' ' | '\t' | '\r')
}

/// Whether the character is written in double quotes only. PyYAML writes the rare line ends U+0085, U+2028 and U+2029 in
/// single quotes too, where readers of YAML 1.2 take them for something else; here they are escaped.
fn is_special(c: char) -> bool {
    !matches!(c, '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

impl Traits {
    fn of(text: &str) -> Self {
        let mut traits = Self::default();
        if text.starts_with("---") || text.starts_with("...") {
            (traits.block_indicators, traits.flow_indicators) = (true, true);
        }
        let chars: Vec<char> = text.chars().collect();
        let last = chars.len() - 1;
        let mut previous = None;
        for (at, &c) in chars.iter().enumerate() {
            let blank_follows = chars.get(at + 1).is_none_or(|next| is_blank(*next));
            traits.indicator(c, at == 0, previous.is_none_or(is_blank), blank_follows);
            traits.line_breaks |= is_break(c);
            traits.special |= is_special(c);
            traits.edge_space |= (at == 0 || at == last) && (c == ' ' || is_break(c));
            traits.break_space |= c == ' ' && previous.is_some_and(is_break);
            traits.space_break |= is_break(c) && previous == Some(' ');
            previous = Some(c);
        }
        traits
    }

    fn indicator(&mut self, c: char, first: bool, blank_before: bool, blank_follows: bool) {
        let (flow, block) = match (c, first) {
            (
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
                | '`',
                true,
            ) => (true, true),
            ('?' | ':', true) => (true, blank_follows),
            ('-', true) => (blank_follows, blank_follows),
            (',' | '?' | '[' | ']' | '{' | '}', false) => (true, false),
            (':', false) => (true, blank_follows),
            ('#', false) => (blank_before, blank_before),
            _ => (false, false),
        };
        self.flow_indicators |= flow;
        self.block_indicators |= block;
    }
}
