//! What `ini_file` does to the lines of a file: pure text in, text out.
//!
//! A section reaches from its heading to the next line that begins with `[`; what stands above the first heading is a
//! section without a name. A line that is commented out (`;x = 1`) may be taken for the option that it was.

/// What is to be in a file, or not.
pub(super) struct Wish<'a> {
    /// The section; empty: what stands above the first one.
    pub section: &'a str,
    /// What the section must hold to be the one that is meant.
    pub section_has: Vec<Condition>,
    /// The option, if one is meant.
    pub option: Option<&'a str>,
    /// Its values, one for each line.
    pub values: Vec<String>,
    /// Whether it is to be there.
    pub is_present: bool,
    /// Whether other lines of the option go.
    pub is_exclusive: bool,
    /// Whether the option may stand without `=` and a value.
    pub allows_no_value: bool,
    /// Whether a line that is commented out counts as the option.
    pub takes_inactive: bool,
    /// Whether only blanks around `=` are no difference.
    pub ignores_spaces: bool,
    /// What stands between an option and its value.
    pub equals: &'static str,
}

/// An option that a section must have.
pub(super) struct Condition {
    /// The option.
    pub option: String,
    /// Values of which it has one; none: any.
    pub values: Vec<String>,
}

/// A file after a wish was granted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// The lines, each with its end.
    pub lines: Vec<String>,
    /// Ansible's words for what was done; `OK`: nothing.
    pub message: &'static str,
    /// Whether anything was done.
    pub changed: bool,
}

/// A line that says something of an option.
struct Entry<'a> {
    is_active: bool,
    value: &'a str,
}

/// Reads a line as one of an option, commented out or not.
fn entry<'a>(option: &str, line: &'a str) -> Option<Entry<'a>> {
    let blanks = [' ', '\t'];
    let line = line.trim_end_matches('\n').trim_start_matches(blanks);
    let (is_active, rest) = match line.strip_prefix(['#', ';']) {
        Some(rest) => (false, rest.trim_start_matches(blanks)),
        None => (true, line),
    };
    let rest = rest.strip_prefix(option)?.trim_start_matches(blanks);
    let value = if rest.is_empty() { rest } else { rest.strip_prefix('=')? };
    Some(Entry { is_active, value: value.trim_start_matches(blanks) })
}

/// Whether a line is a section's heading.
fn is_heading(section: &str, line: &str) -> bool {
    let inner =
        line.strip_prefix('[').map(str::trim_start).and_then(|rest| rest.strip_prefix(section.trim()));
    inner.is_some_and(|rest| rest.trim_start().starts_with(']'))
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim_end_matches('\n').trim_start_matches([' ', '\t']);
    line.is_empty() || line.starts_with(['#', ';'])
}

/// The lines of one section that are being worked on.
struct Section<'a> {
    wish: &'a Wish<'a>,
    lines: Vec<String>,
    /// Which lines are as they should be.
    settled: Vec<bool>,
    message: &'static str,
    changed: bool,
}

impl Wish<'_> {
    /// Grants the wish.
    pub fn grant(&self, text: &str) -> Granted {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        // Ansible begins what it makes with an empty line.
        if lines.is_empty() {
            lines.push("\n".into());
        }
        let mut changed = false;
        if let Some(last) = lines.last_mut().filter(|last| !last.ends_with('\n')) {
            last.push('\n');
            changed = true;
        }
        let Some((start, end)) = self.place(&lines) else {
            if !self.is_present {
                return Granted { lines, message: "OK", changed };
            }
            let message = if self.option.is_some() && (!self.values.is_empty() || self.allows_no_value) {
                "section and option added"
            } else {
                "only section added"
            };
            lines.extend(self.new_section());
            return Granted { lines, message, changed: true };
        };
        let inner = lines.get(start..end).unwrap_or_default().to_vec();
        let settled = vec![false; inner.len()];
        let mut section = Section { wish: self, lines: inner, settled, message: "OK", changed };
        match (self.is_present, self.option) {
            (true, Some(option)) => section.put(option),
            (true, None) => {}
            (false, Some(option)) => section.remove(option),
            (false, None) => section.remove_all(),
        }
        let (message, changed) = (section.message, section.changed);
        lines.splice(start..end, section.lines);
        Granted { lines, message, changed }
    }

    /// Where the section that is meant begins and ends; the one without a name begins above everything.
    fn place(&self, lines: &[String]) -> Option<(usize, usize)> {
        let mut starts: Vec<usize> = Vec::new();
        if self.section.trim().is_empty() {
            starts.push(0);
        } else {
            starts.extend(
                lines.iter().enumerate().filter(|(_, line)| is_heading(self.section, line)).map(|(at, _)| at),
            );
        }
        starts.into_iter().find_map(|start| {
            let skipped = usize::from(!self.section.trim().is_empty());
            let behind = lines.get(start + skipped..)?;
            let length = behind.iter().position(|line| line.starts_with('[')).unwrap_or(behind.len());
            let end = start + skipped + length;
            self.is_meant(lines.get(start..end)?).then_some((start, end))
        })
    }

    fn is_meant(&self, lines: &[String]) -> bool {
        self.section_has.iter().all(|condition| {
            lines.iter().filter_map(|line| entry(&condition.option, line)).any(|entry| {
                condition.values.is_empty() || condition.values.iter().any(|value| value == entry.value)
            })
        })
    }

    fn line(&self, option: &str, value: &str) -> String {
        format!("{option}{}{value}\n", self.equals)
    }

    /// The lines of a section that isn't there yet.
    fn new_section(&self) -> Vec<String> {
        let mut lines = vec![format!("[{}]\n", self.section)];
        let mut values = self.values.clone();
        for condition in &self.section_has {
            if Some(condition.option.as_str()) != self.option {
                match condition.values.is_empty() {
                    true if self.allows_no_value => lines.push(format!("{}\n", condition.option)),
                    true => {}
                    false => {
                        lines.extend(condition.values.iter().map(|value| self.line(&condition.option, value)))
                    }
                }
            } else if !self.is_exclusive {
                let more = condition.values.iter().filter(|value| !self.values.contains(value));
                values.extend(more.cloned());
            }
        }
        if let Some(option) = self.option {
            match values.is_empty() {
                true if self.allows_no_value => lines.push(format!("{option}\n")),
                true => {}
                false => lines.extend(values.iter().map(|value| self.line(option, value))),
            }
        }
        lines
    }
}

impl Section<'_> {
    fn matches(&self, option: &str, line: &str) -> bool {
        entry(option, line).is_some_and(|entry| entry.is_active || self.wish.takes_inactive)
    }

    fn set(&mut self, at: usize, option: &str, new: String) {
        let Some(line) = self.lines.get_mut(at) else { return };
        let is_same = match (entry(option, line), entry(option, &new)) {
            (Some(old), Some(new)) if self.wish.ignores_spaces && old.is_active => old.value == new.value,
            _ => *line == new,
        };
        if !is_same {
            *line = new;
            self.changed = true;
            self.message = "option changed";
        }
        if let Some(settled) = self.settled.get_mut(at) {
            *settled = true;
        }
    }

    fn put(&mut self, option: &str) {
        let mut values = self.wish.values.clone();
        let has_bare = self.keep_those_there(option, &mut values);
        if self.wish.is_exclusive && !self.wish.allows_no_value {
            self.turn_others_round(option, &mut values);
            self.drop_others(option);
        }
        self.add_missing(option, &values, has_bare);
    }

    /// Lines that have one of the values already, or none where that is wanted; says whether one without a value is there.
    fn keep_those_there(&mut self, option: &str, values: &mut Vec<String>) -> bool {
        let mut has_bare = false;
        let wants_bare = values.is_empty() && self.wish.allows_no_value;
        for at in 0..self.lines.len() {
            let line = self.lines.get(at).cloned().unwrap_or_default();
            if !self.matches(option, &line) {
                continue;
            }
            let value = entry(option, &line).map(|entry| entry.value).unwrap_or_default();
            if let Some(index) = values.iter().position(|wanted| wanted == value) {
                let is_bare = value.is_empty() && self.wish.allows_no_value;
                has_bare |= is_bare;
                let new = if is_bare { format!("{option}\n") } else { self.wish.line(option, value) };
                self.set(at, option, new);
                values.remove(index);
            } else if wants_bare {
                self.set(at, option, format!("{option}\n"));
                return true;
            }
        }
        has_bare
    }

    /// Other lines of the option take the values that are left.
    fn turn_others_round(&mut self, option: &str, values: &mut Vec<String>) {
        for at in 0..self.lines.len() {
            if values.is_empty() {
                return;
            }
            let line = self.lines.get(at).cloned().unwrap_or_default();
            if self.settled.get(at) == Some(&false) && self.matches(option, &line) {
                let new = self.wish.line(option, &values.remove(0));
                self.set(at, option, new);
            }
        }
    }

    fn drop_others(&mut self, option: &str) {
        for at in (0..self.lines.len()).rev() {
            let goes = self.settled.get(at) == Some(&false)
                && self
                    .lines
                    .get(at)
                    .and_then(|line| entry(option, line))
                    .is_some_and(|entry| entry.is_active);
            if goes {
                self.lines.remove(at);
                self.settled.remove(at);
                self.changed = true;
                self.message = "option changed";
            }
        }
    }

    /// What is still missing goes behind the last line that says something.
    fn add_missing(&mut self, option: &str, values: &[String], has_bare: bool) {
        let last = self.lines.iter().rposition(|line| !is_blank_or_comment(line));
        let at = last.map_or(0, |at| at + 1);
        let new: Vec<String> = match values.is_empty() {
            true if self.wish.allows_no_value && self.wish.values.is_empty() && !has_bare => {
                vec![format!("{option}\n")]
            }
            true => return,
            false => values.iter().map(|value| self.wish.line(option, value)).collect(),
        };
        if !new.is_empty() {
            self.lines.splice(at..at, new);
            self.changed = true;
            self.message = "option added";
        }
    }

    fn remove(&mut self, option: &str) {
        let wish = self.wish;
        let before = self.lines.len();
        self.lines.retain(|line| {
            let entry = entry(option, line).filter(|entry| entry.is_active);
            !entry.is_some_and(|entry| {
                wish.is_exclusive || wish.values.iter().any(|value| value == entry.value)
            })
        });
        if self.lines.len() != before {
            self.changed = true;
            self.message = "option changed";
        }
    }

    fn remove_all(&mut self) {
        if !self.lines.is_empty() {
            self.lines.clear();
            self.changed = true;
            self.message = "section removed";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish<'a>(section: &'a str, option: Option<&'a str>, values: &[&str]) -> Wish<'a> {
        Wish {
            section,
            section_has: Vec::new(),
            option,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            is_present: true,
            is_exclusive: true,
            allows_no_value: false,
            takes_inactive: true,
            ignores_spaces: false,
            equals: " = ",
        }
    }

    fn granted(wish: &Wish<'_>, text: &str) -> (String, &'static str) {
        let granted = wish.grant(text);
        let after = granted.lines.concat();
        let again = wish.grant(&after);
        assert!(!again.changed && again.lines.concat() == after, "{after:?} is changed again: {again:?}");
        (after, if granted.changed { granted.message } else { "OK" })
    }

    #[test]
    fn an_option_is_added_changed_and_left_as_ansible_does() {
        let there = "[a]\nx = 1\n\n[b]\nx=2\n# x = 3\n";
        for (section, values, text, after, message) in [
            ("a", "1", there, there, "OK"),
            ("a", "2", there, "[a]\nx = 2\n\n[b]\nx=2\n# x = 3\n", "option changed"),
            // Written otherwise is another line.
            ("b", "2", there, "[a]\nx = 1\n\n[b]\nx = 2\n# x = 3\n", "option changed"),
            // A line that is commented out comes first where it has the value.
            ("b", "3", there, "[a]\nx = 1\n\n[b]\nx = 3\n", "option changed"),
            ("c", "1", there, "[a]\nx = 1\n\n[b]\nx=2\n# x = 3\n[c]\nx = 1\n", "section and option added"),
            ("c", "1", "", "\n[c]\nx = 1\n", "section and option added"),
            ("a", "1", "[a]\n\n[b]\n", "[a]\nx = 1\n\n[b]\n", "option added"),
            ("a", "1", "[a]\ny = 1\n# end\n\n", "[a]\ny = 1\nx = 1\n# end\n\n", "option added"),
            ("a", "1", "[a]\n;x = 0\n", "[a]\nx = 1\n", "option changed"),
            ("", "1", "y = 0\n[a]\n", "y = 0\nx = 1\n[a]\n", "option added"),
            ("a", "1", "[ a ]\nxy = 0\n", "[ a ]\nxy = 0\nx = 1\n", "option added"),
        ] {
            let (got, said) = granted(&wish(section, Some("x"), &[values]), text);
            assert_eq!((got.as_str(), said), (after, message), "{section} {values} {text:?}");
        }
    }

    #[test]
    fn several_values_take_a_line_each_and_others_go_only_where_it_is_exclusive() {
        let text = "[a]\nx = 1\nx = 2\nx = 3\n";
        let mut both = wish("a", Some("x"), &["3", "4"]);
        assert_eq!(granted(&both, text).0, "[a]\nx = 4\nx = 3\n");
        both.is_exclusive = false;
        assert_eq!(granted(&both, text).0, "[a]\nx = 1\nx = 2\nx = 3\nx = 4\n");
        both.is_present = false;
        assert_eq!(granted(&both, text).0, "[a]\nx = 1\nx = 2\n");
        both.is_exclusive = true;
        assert_eq!(granted(&both, text).0, "[a]\n");
        let all = Wish { is_present: false, ..wish("a", None, &[]) };
        assert_eq!(granted(&all, "[a]\nx\n[b]\ny\n"), ("[b]\ny\n".into(), "section removed"));
        assert_eq!(granted(&all, "[b]\ny\n").0, "[b]\ny\n");
    }

    #[test]
    fn an_option_may_stand_alone_and_blanks_may_not_count() {
        let bare = Wish { allows_no_value: true, ..wish("a", Some("x"), &[]) };
        assert_eq!(granted(&bare, "[a]\nx = 1\n").0, "[a]\nx\n");
        assert_eq!(granted(&bare, "[a]\ny\n").0, "[a]\ny\nx\n");
        assert_eq!(granted(&bare, "").0, "\n[a]\nx\n");
        let spaces = Wish { ignores_spaces: true, ..wish("a", Some("x"), &["1"]) };
        assert_eq!(granted(&spaces, "[a]\nx=1\n"), ("[a]\nx=1\n".into(), "OK"));
        let tight = Wish { equals: "=", ..wish("a", Some("x"), &["1"]) };
        assert_eq!(granted(&tight, "[a]\nx = 1\n").0, "[a]\nx=1\n");
        let active = Wish { takes_inactive: false, ..wish("a", Some("x"), &["1"]) };
        assert_eq!(granted(&active, "[a]\n;x = 1\ny = 2\n").0, "[a]\n;x = 1\ny = 2\nx = 1\n");
    }

    #[test]
    fn of_several_sections_of_a_name_the_one_that_has_something_is_meant() {
        let peer = |values: &[&str]| Condition {
            option: "key".into(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let mut second = wish("peer", Some("ip"), &["2"]);
        second.section_has = vec![peer(&["b"])];
        let text = "[peer]\nkey = a\n[peer]\nkey = b\n";
        assert_eq!(granted(&second, text).0, "[peer]\nkey = a\n[peer]\nkey = b\nip = 2\n");
        second.section_has = vec![peer(&["c"])];
        let after = "[peer]\nkey = a\n[peer]\nkey = b\n[peer]\nkey = c\nip = 2\n";
        assert_eq!(granted(&second, text).0, after);
    }
}
