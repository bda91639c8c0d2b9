//! Text inside XML and HTML. Control characters are made visible first: no escape of XML could carry them.

use crate::model::printable;

/// Text that stands for itself between tags and in quoted attributes, in XML 1.0 and in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no way to write these two.
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The same for an attribute, in which a parser would make line feeds and tabs spaces.
pub(super) fn attribute(text: &str) -> String {
    escaped(text).replace('\n', "&#10;").replace('\t', "&#9;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_parser_obeys_gets_through() {
        assert_eq!(escaped("<a b='c'>&\"]]>"), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;]]&gt;");
        assert_eq!(escaped("\u{0}\u{1b}[2J\u{202e}\u{ffff}"), "^@^[[2J\\u{202e}\u{fffd}");
        assert_eq!(attribute("a\n\tb"), "a&#10;&#9;b");
    }
}
