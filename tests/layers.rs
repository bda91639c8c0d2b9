//! Holds the rooms apart: the table in `docs/architecture.md` against the paths in `src/`.
//!
//! The source is read as tokens, so comments, doc links and strings cannot be mistaken for imports, and what is
//! compiled for tests alone (`#[cfg(test)]`) may import what it likes. Types are not resolved: a room can still be
//! handed a value whose type it cannot name, and that is the way rooms are meant to be lent to each other.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// The rooms where `async` may be written.
const ASYNC_ROOMS: [&str; 3] = ["transport", "execute", "cli"];

/// For each room, which others it may import.
struct Table(BTreeMap<String, BTreeSet<String>>);

impl Table {
    /// Reads the first table under the heading "Rooms".
    fn parse(page: &str) -> Result<Self, String> {
        let (_, section) = page.split_once("\n## Rooms\n").ok_or("no section `Rooms`")?;
        let rows = section
            .lines()
            .skip_while(|line| !line.starts_with("| `"))
            .take_while(|line| line.starts_with("| `"));
        let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for row in rows {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [room, _, may_import] = cells[..] else { return Err(format!("not three cells: {row}")) };
            let room = room.trim_matches('`').to_owned();
            let above: BTreeSet<String> = rooms.keys().cloned().collect();
            let allowed = match may_import {
                "–" => BTreeSet::new(),
                "all above" | "anything; nobody imports it" => above.clone(),
                list => list.split(", ").map(str::to_owned).collect(),
            };
            // No room may name one below itself: that is what makes a cycle impossible.
            if let Some(below) = allowed.difference(&above).next() {
                return Err(format!("`{room}` may import `{below}`, which does not stand above it"));
            }
            rooms.insert(room, allowed);
        }
        if rooms.is_empty() { Err("no rows".to_owned()) } else { Ok(Self(rooms)) }
    }

    fn of_this_package() -> Self {
        Self::parse(&std::fs::read_to_string(root().join("docs/architecture.md")).unwrap())
            .unwrap_or_else(|error| panic!("docs/architecture.md: {error}"))
    }
}

/// A path or keyword that does not belong where it stands.
#[derive(PartialEq, Eq)]
struct Breach {
    file: PathBuf,
    line: usize,
    what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// What is read out of one source file.
#[derive(Default)]
struct Findings {
    breaches: Vec<Breach>,
    /// Modules declared under `#[cfg(test)]` whose text is in another file.
    test_modules: BTreeSet<String>,
}

struct Reader<'a> {
    table: &'a Table,
    file: &'a Path,
    room: String,
    /// How many `super::` lead from the file's top to the root of the crate.
    depth: usize,
    findings: Findings,
}

/// Reads a file of which `file` is the path below `src`.
fn read(table: &Table, file: &Path, text: &str) -> Findings {
    let mut names: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    names.pop_if(|last| last == "mod");
    let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let mut reader =
        Reader { table, file, room: names[0].clone(), depth: names.len(), findings: Findings::default() };
    reader.walk(tokens, 0);
    reader.findings
}

impl Reader<'_> {
    /// `inside` counts the inline modules around these tokens.
    fn walk(&mut self, tokens: TokenStream, inside: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((first, after)) = rest.split_first() {
            if is_cfg_test(rest) {
                let end = end_of_item(rest);
                self.note_test_module(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            rest = after;
            match first {
                TokenTree::Group(group) => self.walk(group.stream(), inside),
                TokenTree::Ident(ident) if ident == "mod" => {
                    if let [TokenTree::Ident(_), TokenTree::Group(body), after @ ..] = rest {
                        self.walk(body.stream(), inside + 1);
                        rest = after;
                    }
                }
                TokenTree::Ident(ident) if ident == "crate" => self.follow(rest, ident.span()),
                TokenTree::Ident(ident) if ident == "super" => {
                    let (supers, after) = count_supers(rest);
                    if supers == self.depth + inside {
                        self.follow(after, ident.span());
                    }
                    rest = after;
                }
                TokenTree::Ident(ident) if ident == "async" && !ASYNC_ROOMS.contains(&self.room.as_str()) => {
                    self.breach(ident.span(), format!("`async` in `{}`", self.room));
                }
                _ => {}
            }
        }
    }

    /// `after` is what follows the root of the crate: `::room…`, `::{room…, room…}`, or a bracket (`pub(crate)`).
    fn follow(&mut self, after: &[TokenTree], at: Span) {
        match after {
            [TokenTree::Punct(a), TokenTree::Punct(b), next, ..]
                if a.as_char() == ':' && b.as_char() == ':' =>
            {
                match next {
                    TokenTree::Ident(room) => self.import(room),
                    TokenTree::Group(list) => first_names(list).iter().for_each(|room| self.import(room)),
                    _ => self.breach(at, "everything at once".to_owned()),
                }
            }
            [TokenTree::Ident(word), ..] if word == "as" => self.breach(at, "the crate renamed".to_owned()),
            _ => {}
        }
    }

    fn import(&mut self, room: &Ident) {
        let name = room.to_string();
        if name == self.room || self.table.0.get(&self.room).is_some_and(|allowed| allowed.contains(&name)) {
            return;
        }
        let what = if self.table.0.contains_key(&name) {
            format!("`{}` imports `{name}`, which it may not", self.room)
        } else {
            format!("`{name}` is no room of docs/architecture.md")
        };
        self.breach(room.span(), what);
    }

    fn breach(&mut self, at: Span, what: String) {
        self.findings.breaches.push(Breach {
            file: Path::new("src").join(self.file),
            line: at.start().line,
            what,
        });
    }

    fn note_test_module(&mut self, item: &[TokenTree]) {
        if let [.., TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(end)] = item
            && keyword == "mod"
            && end.as_char() == ';'
        {
            self.findings.test_modules.insert(name.to_string());
        }
    }
}

/// Whether an item begins here with `#[cfg(test)]`.
fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = tokens else { return false };
    hash.as_char() == '#'
        && attribute.delimiter() == Delimiter::Bracket
        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// How many tokens the item has that begins here: up to a `;` or a block. One expression (`const X: T = T { … };`)
/// ends early and leaves `;`, which does no harm.
fn end_of_item(tokens: &[TokenTree]) -> usize {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    });
    // `use crate::{a, b};` has its block before the semicolon.
    match end {
        Some(at) if matches!(tokens.get(at + 1), Some(TokenTree::Punct(p)) if p.as_char() == ';') => at + 2,
        Some(at) => at + 1,
        None => tokens.len(),
    }
}

/// After one `super`: how many there are in all, and what follows the last.
fn count_supers(mut rest: &[TokenTree]) -> (usize, &[TokenTree]) {
    let mut count = 1;
    while let [TokenTree::Punct(_), TokenTree::Punct(_), TokenTree::Ident(word), after @ ..] = rest
        && word == "super"
    {
        count += 1;
        rest = after;
    }
    (count, rest)
}

/// The first name of each path in `{a::b, c::{d, e}}`.
fn first_names(list: &Group) -> Vec<Ident> {
    let mut at_start = true;
    let mut names = Vec::new();
    for token in list.stream() {
        match token {
            TokenTree::Ident(name) if at_start => {
                names.push(name);
                at_start = false;
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => at_start = true,
            _ => {}
        }
    }
    names
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file below `dir`, relative to it, in order.
fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Where the modules that a file declares have their text: `a/mod.rs` and `a.rs` both keep theirs in `a/`.
fn children(file: &Path) -> PathBuf {
    if file.ends_with("mod.rs") { file.parent().unwrap().to_owned() } else { file.with_extension("") }
}

#[test]
fn no_room_imports_what_the_table_does_not_allow() {
    let table = Table::of_this_package();
    let src = root().join("src");
    let mut breaches = Vec::new();
    let mut test_files: Vec<PathBuf> = Vec::new();
    for file in sources(&src) {
        // The roots of the library and of the binary belong to no room.
        if file == Path::new("lib.rs") || file == Path::new("main.rs") {
            continue;
        }
        let findings = read(&table, &file, &std::fs::read_to_string(src.join(&file)).unwrap());
        test_files.extend(findings.test_modules.iter().map(|name| children(&file).join(name)));
        breaches.extend(findings.breaches.into_iter().map(|breach| (file.clone(), breach)));
    }
    // `#[cfg(test)] mod tests;` may be declared after, or before, its file is read.
    breaches.retain(|(file, _)| {
        !test_files.iter().any(|module| file.starts_with(module) || file == &module.with_extension("rs"))
    });
    let breaches: Vec<String> = breaches.iter().map(|(_, breach)| breach.to_string()).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn every_directory_of_src_is_a_room_and_every_room_a_module_of_the_library() {
    let rooms: BTreeSet<String> = Table::of_this_package().0.into_keys().collect();
    let there: BTreeSet<String> = sources(&root().join("src"))
        .iter()
        .map(|file| file.with_extension("").iter().next().unwrap().to_string_lossy().into_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    assert_eq!(there, rooms);
}

#[test]
fn an_upward_import_is_caught_however_it_is_written() {
    let table = Table::parse(
        "\n## Rooms\n\n| room | holds | may import |\n|---|---|---|\n| `low` | a | – |\n| `high` | b | low |\n",
    )
    .unwrap();
    let caught = |file: &str, text: &str| -> Vec<String> {
        read(&table, Path::new(file), text).breaches.iter().map(Breach::to_string).collect()
    };
    let cases = [
        ("low/a.rs", "\nuse crate::high::Thing;", "src/low/a.rs:2: `low` imports `high`, which it may not"),
        (
            "low/a.rs",
            "use crate::{low::a,\n high::{b, c}};",
            "src/low/a.rs:2: `low` imports `high`, which it may not",
        ),
        (
            "low/mod.rs",
            "fn f() { g(\"crate::x\", vec![crate::high::h()]) }",
            "src/low/mod.rs:1: `low` imports `high`, which it may not",
        ),
        ("low/mod.rs", "use super::high;", "src/low/mod.rs:1: `low` imports `high`, which it may not"),
        (
            "low/a.rs",
            "mod b { use super::super::super::high::X; }",
            "src/low/a.rs:1: `low` imports `high`, which it may not",
        ),
        ("low.rs", "pub use crate::high as inner;", "src/low.rs:1: `low` imports `high`, which it may not"),
        ("low/a.rs", "use crate::*;", "src/low/a.rs:1: everything at once"),
        ("low/a.rs", "use crate as all;", "src/low/a.rs:1: the crate renamed"),
        ("low/a.rs", "use crate::cellar::X;", "src/low/a.rs:1: `cellar` is no room of docs/architecture.md"),
        (
            "low/a.rs",
            "#[cfg(test)] use crate::{high::a};\nuse crate::high::b;",
            "src/low/a.rs:2: `low` imports `high`, which it may not",
        ),
        ("high/a.rs", "async fn f() {}", "src/high/a.rs:1: `async` in `high`"),
    ];
    for (file, text, expected) in cases {
        assert_eq!(caught(file, text), [expected], "{text}");
    }
    let allowed = [
        ("high/a.rs", "use crate::low::Thing; use crate::high::Other; pub(in crate::high) fn f() {}"),
        (
            "low/a.rs",
            "//! See [`crate::high`].\n/* crate::high */ const X: &str = \"crate::high\"; pub(crate) fn f() {}",
        ),
        ("low/a.rs", "#[cfg(test)]\nmod tests { use crate::high::Thing; }"),
        ("low/a.rs", "use super::high; mod b { use super::super::high; }"),
    ];
    for (file, text) in allowed {
        assert_eq!(caught(file, text), [] as [&str; 0], "{text}");
    }
    assert_eq!(
        read(&table, Path::new("low/a.rs"), "#[cfg(test)]\nmod tests;").test_modules,
        ["tests".to_owned()].into()
    );
}

#[test]
fn a_table_that_allows_a_cycle_is_refused() {
    let page = "\n## Rooms\n\n| `low` | a | high |\n| `high` | b | low |\n";
    assert_eq!(Table::parse(page).err().unwrap(), "`low` may import `high`, which does not stand above it");
}
