//! The pen that writes YAML: columns, indentation, folding of long texts and the three ways to quote one.

/// Text under way.
pub(super) struct Pen {
    pub out: String,
    /// The column after which long texts are folded.
    width: usize,
    pub column: usize,
    /// Whether what was written last separates already.
    pub whitespace: bool,
    /// Whether only indentation and `-` stand on the line so far.
    pub indention: bool,
    pub indent: Option<usize>,
}

impl Pen {
    pub fn new(width: usize) -> Self {
        Self { out: String::new(), width, column: 0, whitespace: true, indention: true, indent: None }
    }

    /// Whether the line is long enough to be folded.
    pub fn is_past_width(&self) -> bool {
        self.column > self.width
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    pub fn indicator(&mut self, text: &str, needs_space: bool) {
        if needs_space && !self.whitespace {
            self.write(" ");
        }
        self.write(text);
        self.whitespace = false;
        self.indention = false;
    }

    /// `-`, `?` or `:` that opens a line, after which more may be nested on the same line.
    pub fn indicator_opening(&mut self, text: &str) {
        let indention = self.indention;
        self.indicator(text, true);
        self.indention = indention;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    pub fn line_to_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            self.write(&" ".repeat(indent - self.column));
        }
    }

    /// A space between words, or a new line in its stead where the line is long enough.
    fn fold(&mut self, spaces: usize, may_fold: bool) {
        if spaces == 1 && self.is_past_width() && may_fold {
            self.line_to_indent();
            self.whitespace = false;
            self.indention = false;
        } else {
            self.write(&" ".repeat(spaces));
        }
    }

    pub fn plain(&mut self, text: &str, splits: bool) {
        if !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = false;
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(' ').unwrap_or(rest.len());
            self.write(rest.get(..word).unwrap_or_default());
            rest = rest.get(word..).unwrap_or_default();
            let after = rest.trim_start_matches(' ');
            if rest.len() > after.len() {
                self.fold(rest.len() - after.len(), splits);
            }
            rest = after;
        }
    }

    pub fn single_quoted(&mut self, text: &str, splits: bool) {
        self.indicator("'", true);
        let (mut rest, mut first) = (text, true);
        while let Some(c) = rest.chars().next() {
            let end = rest.find(|other: char| class(other) != class(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            match class(c) {
                Class::Space => self.fold(run.len(), splits && !first && !after.is_empty()),
                Class::Break => {
                    (0..=run.len()).for_each(|_| self.line_break());
                    self.line_to_indent();
                }
                Class::Other => self.write(&run.replace('\'', "''")),
            }
            rest = after;
            first = false;
        }
        self.indicator("'", false);
    }

    pub fn double_quoted(&mut self, text: &str, splits: bool) {
        self.indicator("\"", true);
        let chars: Vec<char> = text.chars().collect();
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(is_escaped) {
                self.write_chars(&chars, &mut start, end);
                if let Some(c) = c {
                    self.write(&escape(c));
                    start = end + 1;
                }
            }
            let inside = end > 0 && end + 1 < chars.len();
            if inside && (c == Some(' ') || start >= end) && self.column + end > self.width + start && splits
            {
                self.write_chars(&chars, &mut start, end);
                self.write("\\");
                self.line_to_indent();
                self.whitespace = false;
                self.indention = false;
                if chars.get(start) == Some(&' ') {
                    self.write("\\");
                }
            }
        }
        self.indicator("\"", false);
    }

    fn write_chars(&mut self, chars: &[char], start: &mut usize, end: usize) {
        if *start < end {
            let text: String = chars.get(*start..end).into_iter().flatten().collect();
            self.write(&text);
            *start = end;
        }
    }
}

#[derive(PartialEq, Eq)]
enum Class {
    Space,
    Break,
    Other,
}

fn class(c: char) -> Class {
    match c {
        ' ' => Class::Space,
        '\n' => Class::Break,
        _ => Class::Other,
    }
}

fn is_escaped(c: char) -> bool {
    !matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        || matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
}
