//! `interfaces_file`: an option of an interface in `/etc/network/interfaces`.
//!
//! # Source
//! interfaces(5) of ifupdown 0.8: stanzas begin with `iface`, `auto`, `mapping` and the like; what is behind `iface` are its options.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::BACKUP;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "interfaces_file",
    aliases: &[],
    summary: "Sets or removes an option of a network interface of ifupdown, or says what is set",
    params: &[
        Param::optional("dest", Kind::Path, "the file").default("/etc/network/interfaces"),
        Param::optional("iface", Kind::Text, "the interface"),
        Param::optional("address_family", Kind::Text, "only its stanza for inet or inet6"),
        Param::optional(
            "option",
            Kind::Text,
            "the option; method is what stands behind the interface's family",
        ),
        Param::optional("value", Kind::Text, "its value"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        BACKUP,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Jumbo frames\n  interfaces_file: {iface: eth1, option: mtu, value: 9000, backup: true}\n",
        returns: &[
            Returned { name: "dest", help: "the file" },
            Returned {
                name: "ifaces",
                help: "interfaces by their names: address_family, method, and their options",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

/// Options of which there may be several.
const SEVERAL: [&str; 4] = ["pre-up", "up", "down", "post-up"];

/// What a line is.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Line {
    /// Nothing that is edited.
    Other,
    /// The beginning of an interface: its name, family and method.
    Iface(String, String, String),
    /// An option of the interface above it: name and value, and the interface's name and family.
    Set(String, String, String, String),
}

/// Reads lines.
fn read(lines: &[String]) -> Result<Vec<Line>, Stop> {
    let mut current: Option<(String, String)> = None;
    let mut begun = false;
    let mut all = Vec::with_capacity(lines.len());
    for (number, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |at: usize| words.get(at).copied().unwrap_or_default().to_owned();
        all.push(match words.first().copied() {
            None => Line::Other,
            Some(first) if first.starts_with('#') => Line::Other,
            Some("iface") => {
                begun = true;
                current = Some((word(1), word(2)));
                Line::Iface(word(1), word(2), word(3))
            }
            Some(
                "mapping" | "source" | "source-dir" | "source-directory" | "auto" | "no-auto-down"
                | "no-scripts",
            ) => {
                (begun, current) = (true, None);
                Line::Other
            }
            Some(first) if first.starts_with("allow-") => {
                (begun, current) = (true, None);
                Line::Other
            }
            Some(option) => match &current {
                Some((name, family)) => {
                    let value = line.trim().strip_prefix(option).unwrap_or_default().trim().to_owned();
                    Line::Set(option.to_owned(), value, name.clone(), family.clone())
                }
                None if begun => Line::Other,
                None => {
                    return Err(Stop::refuse(format!(
                        "misplaced option {} in line {}",
                        line.trim_end(),
                        number + 1
                    )));
                }
            },
        });
    }
    Ok(all)
}

/// What is set, as Ansible tells it.
fn told(lines: &[Line]) -> Map {
    let mut all = Map::new();
    for line in lines {
        match line {
            Line::Other => {}
            Line::Iface(name, family, method) => {
                let mut one: Map =
                    SEVERAL.into_iter().map(|key| (key.to_owned(), Value::Array(Vec::new()))).collect();
                let text = |text: &String| if text.is_empty() { Value::Null } else { text.clone().into() };
                one.insert("address_family".into(), text(family));
                one.insert("method".into(), text(method));
                all.insert(name.clone(), one.into());
            }
            Line::Set(option, value, name, _) => {
                let Some(Value::Object(one)) = all.get_mut(name) else { continue };
                match one.get_mut(option) {
                    Some(Value::Array(several)) => several.push(value.clone().into()),
                    _ => {
                        one.insert(option.clone(), value.clone().into());
                    }
                }
            }
        }
    }
    all
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (iface, option) = (args.text("iface"), args.text("option"));
    let present = args.text("state") != Some("absent");
    if option.is_some() && iface.is_none() {
        return Err(Stop::refuse("missing parameter(s) required by 'option': iface"));
    }
    if option.is_some() && present && !args.has("value") {
        return Err(Stop::refuse("Value must be set if option is defined and state is 'present'"));
    }
    for param in ["iface", "option", "value", "address_family"] {
        if args.text(param).is_some_and(|text| text.contains(['\n', '\r'])) {
            return Err(Stop::refuse(format!("'{param}' holds a line feed")));
        }
    }
    let dest = args.needed("dest")?;
    let file = Edited::look_at(dest, args, host, Missing::Refused("the file"))?;
    let text = file.text();
    let mut lines = text.lines();
    if let (Some(iface), Some(option)) = (iface, option) {
        let known = read(&lines)?;
        let edit = Edit { iface, option, value: args.text("value"), family: args.text("address_family") };
        lines = if present { edit.put(lines, &known)? } else { edit.remove(lines, &known)? };
    }
    let mut result = Map::new();
    result.insert("dest".into(), dest.into());
    result.insert("ifaces".into(), told(&read(&lines)?).into());
    let message = if lines == text.lines() { "" } else { "changed" };
    file.finish(Ending { new: text.encode(&lines.concat()), message: message.into(), result }, host)
}

/// An option that is to be set or removed.
struct Edit<'a> {
    iface: &'a str,
    option: &'a str,
    value: Option<&'a str>,
    family: Option<&'a str>,
}

impl Edit<'_> {
    fn is_mine(&self, line: &Line) -> bool {
        match line {
            Line::Iface(name, family, _) | Line::Set(_, _, name, family) => {
                name == self.iface && self.family.is_none_or(|wanted| wanted == family)
            }
            Line::Other => false,
        }
    }

    /// Where the interface's lines are.
    fn mine(&self, known: &[Line]) -> Result<Vec<usize>, Stop> {
        let mine: Vec<usize> =
            known.iter().enumerate().filter(|(_, line)| self.is_mine(line)).map(|(at, _)| at).collect();
        if mine.is_empty() {
            return Err(Stop::refuse(format!("Error: interface {} not found", self.iface)));
        }
        Ok(mine)
    }

    /// Those of them that set the option, with what they set it to.
    fn set<'k>(&self, mine: &[usize], known: &'k [Line]) -> Vec<(usize, &'k str)> {
        mine.iter()
            .filter_map(|at| match known.get(*at) {
                Some(Line::Set(option, value, ..)) if option == self.option => Some((*at, value.as_str())),
                _ => None,
            })
            .collect()
    }

    fn put(&self, mut lines: Vec<String>, known: &[Line]) -> Result<Vec<String>, Stop> {
        let mine = self.mine(known)?;
        let value = self.value.unwrap_or_default();
        if self.option == "method" {
            for at in mine {
                if let (Some(Line::Iface(_, _, method)), Some(line)) = (known.get(at), lines.get_mut(at)) {
                    let head =
                        line.trim_end().strip_suffix(method.as_str()).unwrap_or(line.trim_end()).to_owned();
                    let blank = if method.is_empty() { " " } else { "" };
                    *line = format!("{head}{blank}{value}{}", ending(line));
                }
            }
            return Ok(lines);
        }
        let set = self.set(&mine, known);
        let several = SEVERAL.contains(&self.option);
        match set.last() {
            Some((at, now)) if !several => {
                if *now != value
                    && let Some(line) = lines.get_mut(*at)
                {
                    let begin = line.find(self.option).unwrap_or(0) + self.option.len();
                    let (head, rest) = line.split_at(begin);
                    let blanks: String =
                        rest.chars().take_while(|c| c.is_whitespace() && *c != '\n').collect();
                    let blanks = if blanks.is_empty() { " ".to_owned() } else { blanks };
                    *line = format!("{head}{blanks}{value}{}", ending(line));
                }
            }
            Some(_) if set.iter().any(|(_, now)| *now == value) => {}
            last => {
                let behind = last.map(|(at, _)| *at).or(mine.last().copied()).unwrap_or(0);
                let indented = mine.iter().any(|at| matches!(known.get(*at), Some(Line::Set(..))));
                let model = lines.get(behind).cloned().unwrap_or_default();
                let begin: String = model.chars().take_while(|c| c.is_whitespace()).collect();
                let more = if indented { "" } else { "    " };
                if let Some(line) = lines.get_mut(behind).filter(|line| !line.ends_with('\n')) {
                    line.push('\n');
                }
                lines.insert(behind + 1, format!("{begin}{more}{} {value}\n", self.option));
            }
        }
        Ok(lines)
    }

    fn remove(&self, lines: Vec<String>, known: &[Line]) -> Result<Vec<String>, Stop> {
        let set = self.set(&self.mine(known)?, known);
        let one = self.value.filter(|_| SEVERAL.contains(&self.option));
        let gone: Vec<usize> = set
            .into_iter()
            .filter(|(_, now)| one.is_none_or(|value| value == *now))
            .map(|(at, _)| at)
            .collect();
        Ok(lines.into_iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, line)| line).collect())
    }
}

/// The line feed at a line's end, if it has one.
fn ending(line: &str) -> &'static str {
    if line.ends_with('\n') { "\n" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    const FILE: &str = "# the network\nauto lo eth0\niface lo inet loopback\n\niface eth0 inet static\n    address  192.0.2.1/24\n    up route add a\n\
        iface eth0 inet6 auto\nauto eth1\niface eth1 inet dhcp";

    #[test]
    fn options_are_changed_added_and_removed_where_they_belong() {
        for bench in Bench::every_shell() {
            let path = bench.file("interfaces", FILE);
            let put = |option: &str, value: &str, more: Value| {
                let mut args = json!({"dest": path, "iface": "eth0", "option": option, "value": value});
                args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                bench.changes(&MODULE, &args);
                bench.in_order(&MODULE, &args)
            };
            put("address", "192.0.2.9/24", json!({}));
            put("up", "route add b", json!({"address_family": "inet"}));
            put("up", "route add a", json!({"state": "absent"}));
            put("mtu", "9000", json!({"iface": "eth1"}));
            put("method", "manual", json!({"address_family": "inet6"}));
            let told = put("privext", "2", json!({"address_family": "inet6"}));
            assert_eq!(
                bench.read("interfaces"),
                "# the network\nauto lo eth0\niface lo inet loopback\n\niface eth0 inet static\n    address  192.0.2.9/24\n    up route add b\n\
                iface eth0 inet6 manual\n    privext 2\nauto eth1\niface eth1 inet dhcp\n    mtu 9000\n"
            );
            assert_eq!(told["ifaces"]["eth1"]["mtu"], json!("9000"));
            assert_eq!(told["ifaces"]["eth0"]["privext"], json!("2"));
        }
    }

    #[test]
    fn what_is_not_there_is_told_or_refused() {
        let bench = Bench::new();
        let path = bench.file("interfaces", FILE);
        let all = bench.in_order(&MODULE, &json!({"dest": path}));
        assert_eq!(all["ifaces"]["lo"]["method"], json!("loopback"));
        let unknown = json!({"dest": path, "iface": "eth7", "option": "mtu", "value": "1"});
        assert_eq!(bench.refusal(&MODULE, &unknown), "Error: interface eth7 not found");
        assert!(bench.refusal(&MODULE, &json!({"dest": path, "option": "mtu"})).contains("iface"));
        assert!(
            bench
                .refusal(&MODULE, &json!({"dest": path, "iface": "lo", "option": "mtu"}))
                .contains("Value must be set")
        );
        let odd = bench.file("odd", "mtu 9000\n");
        assert!(
            bench.refusal(&MODULE, &json!({"dest": odd})).contains("misplaced option mtu 9000 in line 1")
        );
    }
}
