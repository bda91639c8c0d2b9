//! `xml`: elements, attributes and texts of an XML file, found by a path. Only what is meant is written anew: the file keeps
//! its blanks, comments and declarations.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::BACKUP;
use super::xml_edit::{self, edited as with_edits};
use super::xml_path::{Item, Namespaces, Path, document};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use roxmltree::Node;
use serde_json::json;

/// What can be asked; one of them at a time.
const TASKS: [&str; 6] = ["add_children", "content", "count", "print_match", "set_children", "value"];

/// The module.
pub static MODULE: Module = Module {
    name: "xml",
    aliases: &[],
    summary: "Changes or looks up parts of an XML file",
    params: &[
        Param::optional("path", Kind::Path, "the file").or(&["dest", "file"]),
        Param::optional(
            "xmlstring",
            Kind::Text,
            "a text in place of a file; what becomes of it is registered",
        ),
        Param::optional("xpath", Kind::Text, "the path to what is meant, as in XPath 1.0"),
        Param::optional("namespaces", Kind::Map, "which namespaces the prefixes in xpath stand for"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .or(&["ensure"])
            .default("present"),
        Param::optional("value", Kind::Any, "the text of what is found, or of its attribute"),
        Param::optional("attribute", Kind::Text, "the attribute that gets the value"),
        Param::optional("add_children", Kind::Any, "elements that are added to it, in each run"),
        Param::optional("set_children", Kind::Any, "the elements that it has"),
        Param::optional("input_type", Kind::Choice(&["xml", "yaml"]), "how children are written")
            .default("yaml"),
        Param::optional("insertbefore", Kind::Bool, "whether children are put before it").default("no"),
        Param::optional("insertafter", Kind::Bool, "whether children are put behind it").default("no"),
        Param::optional("count", Kind::Bool, "whether it is counted").default("no"),
        Param::optional("print_match", Kind::Bool, "whether it is told where it stands").default("no"),
        Param::optional("content", Kind::Choice(&["attribute", "text"]), "what of it is looked up"),
        Param::optional("create_if_missing", Kind::Bool, "whether what gets a value is made").default("yes"),
        Param::optional(
            "pretty_print",
            Kind::Bool,
            "without meaning beside a change: it gets lines of its own",
        )
        .default("no"),
        Param::optional("strip_cdata_tags", Kind::Bool, "without meaning: what is left alone keeps them")
            .default("no"),
        Param::optional("huge_tree", Kind::Bool, "without meaning").default("no"),
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
        examples: r#"
- name: Tomcat listens on another port
  xml:
    path: /etc/tomcat10/server.xml
    xpath: "/Server/Service/Connector[@protocol='HTTP/1.1']"
    attribute: port
    value: "8081"

- name: No example is left in the list
  xml: {path: /etc/app/hosts.xml, xpath: "/hosts/host[@example='yes']", state: absent}
"#,
        returns: &[
            Returned { name: "actions", help: "what was asked: 'xpath', 'namespaces' and 'state'" },
            Returned { name: "count", help: "when something was looked up: how many there are" },
            Returned { name: "matches", help: "when something was looked up: what was found" },
            Returned { name: "xmlstring", help: "when a text was given: what became of it" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wanted = Wanted::of(args)?;
    let Some(text) = args.text("xmlstring") else {
        let file = Edited::look(args, host, Missing::Refused("The target XML source"))?;
        let old = file.text();
        let (new, said) = wanted.done(&old.text)?;
        let message = said.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned();
        let settles = wanted.done(&new)?.0 == new;
        let outcome = file.finish(Ending { new: old.encode(&new), message, result: said }, host)?;
        return Ok(if settles { outcome } else { edited::unsettled(outcome) });
    };
    let (new, mut said) = wanted.done(text)?;
    said.insert("changed".into(), (new != text).into());
    said.insert("xmlstring".into(), new.into());
    Ok(Outcome::in_order(said))
}

/// What is asked for.
struct Wanted<'a> {
    args: &'a Args,
    xpath: &'a str,
    namespaces: Namespaces,
}

impl<'a> Wanted<'a> {
    fn of(args: &'a Args) -> Result<Self, Stop> {
        let is_set = |name: &&str| match *name {
            "count" | "print_match" => args.flag(name),
            name => args.value(name).is_some_and(|value| !value.is_null()),
        };
        let given: Vec<&str> = TASKS.iter().filter(|name| is_set(name)).copied().collect();
        if given.len() > 1 {
            return Err(Stop::refuse(format!("parameters are mutually exclusive: {}", given.join("|"))));
        }
        if args.has("path") == args.has("xmlstring") {
            return Err(Stop::refuse("one of 'path' and 'xmlstring' is needed"));
        }
        if args.flag("insertbefore") && args.flag("insertafter") {
            return Err(Stop::refuse("parameters are mutually exclusive: insertbefore|insertafter"));
        }
        let xpath = args.text("xpath").unwrap_or_default().trim();
        if xpath.is_empty() {
            return Err(Stop::refuse("'xpath' is needed: to lay a whole file out anew is not supported yet"));
        }
        let namespaces = args.value("namespaces").and_then(Value::as_object);
        let namespaces = namespaces
            .into_iter()
            .flatten()
            .filter_map(|(prefix, uri)| Some((prefix.clone(), uri.as_str()?.to_owned())))
            .collect();
        Ok(Self { args, xpath, namespaces })
    }

    /// The text as it is to be, and what `register` gets.
    fn done(&self, text: &str) -> Result<(String, Map), Stop> {
        let mut said = Map::new();
        let actions = json!({
            "xpath": self.xpath, "namespaces": self.namespaces, "state": self.args.text("state"),
        });
        said.insert("actions".into(), actions);
        let content = self.args.text("content");
        if content.is_some() || self.args.flag("count") || self.args.flag("print_match") {
            self.look_up(text, content, &mut said)?;
            return Ok((text.to_owned(), said));
        }
        let new = match self.args.text("state") {
            Some("absent") => {
                let document = document(text)?;
                let edits =
                    self.find(document.root())?.iter().map(|item| xml_edit::delete(text, item)).collect();
                with_edits(text, edits)
            }
            _ => self.present(text)?,
        };
        // What was put in may use a prefix that nobody declared.
        document(&new)?;
        Ok((new, said))
    }

    fn find<'d>(&self, from: Node<'d, 'd>) -> Result<Vec<Item<'d>>, Stop> {
        Path::parse(self.xpath, &self.namespaces)?.items(from)
    }

    fn present(&self, text: &str) -> Result<String, Stop> {
        if let Some(children) = self.children("set_children")? {
            return self.with_children(text, &children, true);
        }
        if let Some(children) = self.children("add_children")? {
            return self.with_children(text, &children, false);
        }
        let value = self.args.value("value").filter(|value| !value.is_null());
        let is_there = !self.find(document(text)?.root())?.is_empty();
        if !is_there && value.is_some() && !self.args.flag("create_if_missing") {
            return Ok(text.to_owned());
        }
        let made =
            if is_there { text.to_owned() } else { xml_edit::made(text, self.xpath, &self.namespaces)? };
        let Some(value) = value else { return Ok(made) };
        let Some(value) = value.as_str() else {
            return Err(Stop::refuse(format!(
                "'value' is {value}, and a text is needed: put quotes around it"
            )));
        };
        let document = document(&made)?;
        let mut edits = Vec::new();
        for item in self.find(document.root())? {
            edits.extend(match (&item, self.args.text("attribute")) {
                (Item::Node(node), Some(name)) => {
                    let uri = match name.split_once(':') {
                        None => None,
                        Some((prefix, _)) => Some(self.namespaces.get(prefix).ok_or_else(|| {
                            Stop::refuse(format!("'namespaces' says nothing of '{prefix}'"))
                        })?),
                    };
                    xml_edit::set_attribute(&made, node, name, uri.map(String::as_str), value)
                }
                (Item::Node(node), None) if node.is_element() => xml_edit::set_text(&made, node, value),
                (Item::Node(_), None) => {
                    return Err(Stop::refuse(format!("Xpath {} does not reference a node!", self.xpath)));
                }
                (Item::Attribute(_, attribute), _) => xml_edit::set_value(&made, attribute, value),
            });
        }
        Ok(with_edits(&made, edits))
    }

    /// Children that a task gives, as XML.
    fn children(&self, name: &str) -> Result<Option<Vec<String>>, Stop> {
        let Some(given) = self.args.value(name).filter(|value| !value.is_null()) else { return Ok(None) };
        let list = match given {
            Value::Array(list) => list.clone(),
            one => vec![one.clone()],
        };
        let as_xml = self.args.text("input_type") == Some("xml");
        let one = |given: &Value| match given.as_str() {
            Some(text) if as_xml => Ok(text.trim().to_owned()),
            _ => xml_edit::child(given),
        };
        list.iter().map(one).collect::<Result<_, _>>().map(Some)
    }

    fn with_children(&self, text: &str, children: &[String], sets: bool) -> Result<String, Stop> {
        let document = document(text)?;
        let found = self.find(document.root())?;
        let nodes: Vec<Node<'_, '_>> = found
            .iter()
            .filter_map(|item| match item {
                Item::Node(node) if node.is_element() => Some(*node),
                _ => None,
            })
            .collect();
        let (before, after) = (self.args.flag("insertbefore"), self.args.flag("insertafter"));
        let edits = match (nodes.first(), nodes.last()) {
            _ if sets => {
                let edits = nodes.iter().map(|node| xml_edit::set_children(text, node, children));
                edits.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
            }
            (Some(first), _) if before => vec![xml_edit::insert(text, first, children, true)],
            (_, Some(last)) if after => vec![xml_edit::insert(text, last, children, false)],
            _ => nodes.iter().map(|node| xml_edit::append(text, node, children)).collect(),
        };
        Ok(with_edits(text, edits))
    }

    fn look_up(&self, text: &str, content: Option<&str>, said: &mut Map) -> Result<(), Stop> {
        let document = document(text)?;
        let found = self.find(document.root())?;
        if self.args.flag("count") {
            said.insert("count".into(), found.len().into());
            said.insert("msg".into(), format!("found {} nodes", found.len()).into());
            return Ok(());
        }
        let Some(content) = content else {
            let places: Vec<String> = found.iter().map(place).collect();
            let message = match places.is_empty() {
                true => format!("selector '{}' does not match anything", self.xpath),
                false => format!("selector '{}' match: {}", self.xpath, places.join(", ")),
            };
            said.insert("msg".into(), message.into());
            said.insert("matches".into(), places.into());
            return Ok(());
        };
        let nodes: Vec<&Node<'_, '_>> = found
            .iter()
            .filter_map(|item| match item {
                Item::Node(node) if node.is_element() => Some(node),
                _ => None,
            })
            .collect();
        if nodes.is_empty() {
            return Err(Stop::refuse(format!("Xpath {} does not reference a node!", self.xpath)));
        }
        let matches: Vec<Value> = nodes
            .iter()
            .map(|node| {
                let value = match content {
                    "text" => text_or_nothing(node),
                    _ => Value::Object(
                        node.attributes()
                            .map(|known| (clark(known.namespace(), known.name()), known.value().into()))
                            .collect(),
                    ),
                };
                let tag = node.tag_name();
                Value::Object(Map::from_iter([(clark(tag.namespace(), tag.name()), value)]))
            })
            .collect();
        said.insert("count".into(), matches.len().into());
        said.insert("msg".into(), matches.len().into());
        said.insert("matches".into(), matches.into());
        Ok(())
    }
}

/// A name with its namespace, as Ansible's users know it.
fn clark(uri: Option<&str>, name: &str) -> String {
    uri.map_or_else(|| name.to_owned(), |uri| format!("{{{uri}}}{name}"))
}

fn text_or_nothing(node: &Node<'_, '_>) -> Value {
    match xml_edit::own_text(node) {
        text if text.is_empty() => Value::Null,
        text => text.into(),
    }
}

/// The path to an item by numbers.
fn place(item: &Item<'_>) -> String {
    let (node, end) = match item {
        Item::Node(node) => (*node, String::new()),
        Item::Attribute(node, attribute) => (*node, format!("/@{}", attribute.name())),
    };
    let mut parts: Vec<String> = node
        .ancestors()
        .filter(Node::is_element)
        .map(|element| {
            let name = element.tag_name().name();
            let same = |other: &Node<'_, '_>| other.is_element() && other.tag_name() == element.tag_name();
            let before = element.prev_siblings().skip(1).filter(same).count();
            let is_alone = before == 0 && !element.next_siblings().skip(1).any(|other| same(&other));
            if is_alone { format!("/{name}") } else { format!("/{name}[{}]", before + 1) }
        })
        .collect();
    parts.reverse();
    parts.concat() + &end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;

    const SHOP: &str = "<?xml version=\"1.0\"?>\n<!-- ours -->\n<shop type='bar'>\n  <name>Tasty</name>\n  <beers>\n    <beer>A</beer>\n    <beer>B</beer>\n  </beers>\n  <empty/>\n</shop>\n";

    fn edited(args: Value) -> String {
        let mut args = args;
        args["xmlstring"] = SHOP.into();
        match without_host(&MODULE, &args) {
            Ok(outcome) => {
                let after = outcome.result["xmlstring"].as_str().unwrap().to_owned();
                assert_eq!(outcome.result["changed"], Value::Bool(after != SHOP), "{args}");
                after
            }
            Err(Stop::Refuse(why)) => format!("!{}", why.message),
            Err(_) => "!".into(),
        }
    }

    /// What the text is with these lines in place of those.
    fn with(old: &str, new: &str) -> String {
        assert!(SHOP.contains(old), "{old}");
        SHOP.replacen(old, new, 1)
    }

    #[test]
    fn texts_and_attributes_are_set_and_all_else_stays() {
        for (args, old, new) in [
            (json!({"xpath": "/shop/name", "value": "A & B"}), "Tasty", "A &amp; B"),
            (json!({"xpath": "/shop/name", "value": "Tasty"}), "Tasty", "Tasty"),
            (json!({"xpath": "/shop/empty", "value": "x"}), "<empty/>", "<empty>x</empty>"),
            (
                json!({"xpath": "/shop", "attribute": "type", "value": "\"x\""}),
                "type='bar'",
                "type=\"&quot;x&quot;\"",
            ),
            (json!({"xpath": "/shop/@type", "value": "pub"}), "type='bar'", "type=\"pub\""),
            (json!({"xpath": "//beer[.='B']", "attribute": "n", "value": "2"}), "<beer>B", "<beer n=\"2\">B"),
            (json!({"xpath": "/shop/empty", "attribute": "n", "value": "2"}), "<empty/>", "<empty n=\"2\"/>"),
            (json!({"xpath": "/shop/none", "value": "x", "create_if_missing": false}), "Tasty", "Tasty"),
        ] {
            assert_eq!(edited(args), with(old, new));
        }
        assert!(edited(json!({"xpath": "/shop/name", "value": 5})).contains("put quotes around it"));
    }

    #[test]
    fn what_is_not_there_is_made_from_the_path() {
        for (args, old, new) in [
            (
                json!({"xpath": "/shop/rating", "value": "10"}),
                "  <empty/>\n",
                "  <empty/>\n  <rating>10</rating>\n",
            ),
            (
                json!({"xpath": "/shop/web/url"}),
                "  <empty/>\n",
                "  <empty/>\n  <web>\n    <url/>\n  </web>\n",
            ),
            (
                json!({"xpath": "/shop/beers/beer[@type='x' and note='y']"}),
                "<beer>B</beer>\n",
                "<beer>B</beer>\n    <beer type=\"x\"><note>y</note></beer>\n",
            ),
            (json!({"xpath": "/shop/empty/@on"}), "<empty/>", "<empty on=\"\"/>"),
            (
                json!({"xpath": "/shop/empty/in", "value": "1"}),
                "<empty/>",
                "<empty>\n    <in>1</in>\n  </empty>",
            ),
            (json!({"xpath": "/shop/name"}), "Tasty", "Tasty"),
        ] {
            assert_eq!(edited(args), with(old, new));
        }
        assert!(edited(json!({"xpath": "/shop/beers/beer[7]"})).contains("does not say what is to be made"));
        assert!(edited(json!({"xpath": "//nowhere"})).contains("does not say what is to be made"));
    }

    #[test]
    fn elements_and_attributes_go_with_their_lines() {
        for (args, old, new) in [
            (json!({"xpath": "//beer", "state": "absent"}), "\n    <beer>A</beer>\n    <beer>B</beer>", ""),
            (json!({"xpath": "/shop/@type", "state": "absent"}), " type='bar'", ""),
            (json!({"xpath": "/shop/none", "state": "absent"}), "Tasty", "Tasty"),
        ] {
            assert_eq!(edited(args), with(old, new));
        }
    }

    #[test]
    fn children_are_added_and_set() {
        for (args, old, new) in [
            (
                json!({"xpath": "/shop/beers", "add_children": [{"beer": "C"}, "none", {"x": {"a": 1, "+value": "t", "_": ["y"]}}]}),
                "<beer>B</beer>\n",
                "<beer>B</beer>\n    <beer>C</beer>\n    <none/>\n    <x a=\"1\">t<y/></x>\n",
            ),
            (
                json!({"xpath": "//beer[1]", "add_children": ["z"], "insertbefore": true}),
                "    <beer>A",
                "    <z/>\n    <beer>A",
            ),
            (
                json!({"xpath": "//beer", "add_children": "<z q='1'/>", "input_type": "xml", "insertafter": true}),
                "B</beer>\n",
                "B</beer>\n    <z q='1'/>\n",
            ),
            (
                json!({"xpath": "/shop/beers", "set_children": [{"beer": "A"}, {"beer": "B"}]}),
                "Tasty",
                "Tasty",
            ),
            (
                json!({"xpath": "/shop/beers", "set_children": [{"beer": "X"}]}),
                "    <beer>A</beer>\n    <beer>B</beer>\n",
                "    <beer>X</beer>\n",
            ),
            (
                json!({"xpath": "/shop/empty", "set_children": ["a"]}),
                "<empty/>",
                "<empty>\n    <a/>\n  </empty>",
            ),
        ] {
            assert_eq!(edited(args), with(old, new));
        }
    }

    #[test]
    fn namespaces_are_written_as_the_file_has_them() {
        let text = "<a xmlns=\"urn:d\" xmlns:p=\"urn:p\">\n  <b p:k=\"1\">t</b>\n</a>\n";
        let run = |args: Value| {
            let mut args = args;
            args["xmlstring"] = text.into();
            args["namespaces"] = json!({"d": "urn:d", "q": "urn:p"});
            without_host(&MODULE, &args).map(|outcome| outcome.result).map_err(|_| ())
        };
        let becomes = |args: Value| run(args).unwrap()["xmlstring"].as_str().unwrap().to_owned();
        let set = becomes(json!({"xpath": "/d:a/d:b/@q:k", "value": "2"}));
        assert_eq!(set, text.replace("p:k=\"1\"", "p:k=\"2\""));
        let made = becomes(json!({"xpath": "/d:a/q:c", "value": "x"}));
        assert_eq!(made, text.replace("</b>\n", "</b>\n  <p:c>x</p:c>\n"));
        let plain = becomes(json!({"xpath": "/d:a/d:c"}));
        assert_eq!(plain, text.replace("</b>\n", "</b>\n  <c/>\n"));
        let found = run(json!({"xpath": "/d:a/d:b", "content": "attribute"})).unwrap();
        assert_eq!(found["matches"], json!([{"{urn:d}b": {"{urn:p}k": "1"}}]));
    }

    #[test]
    fn what_is_found_is_counted_shown_and_told() {
        let run = |args: Value| {
            let mut args = args;
            args["xmlstring"] = SHOP.into();
            without_host(&MODULE, &args).map(|outcome| outcome.result).map_err(|_| ())
        };
        assert_eq!(run(json!({"xpath": "//beer", "count": true})).unwrap()["count"], 2);
        let shown = run(json!({"xpath": "//beer | /shop/name", "print_match": true})).unwrap();
        assert_eq!(shown["matches"], json!(["/shop/name", "/shop/beers/beer[1]", "/shop/beers/beer[2]"]));
        let texts = run(json!({"xpath": "//beer|//empty", "content": "text"})).unwrap();
        assert_eq!(texts["matches"], json!([{"beer": "A"}, {"beer": "B"}, {"empty": null}]));
        assert!(run(json!({"xpath": "//none", "content": "text"})).is_err());
        assert!(run(json!({"xpath": "//beer", "content": "text", "count": true})).is_err());
        assert!(run(json!({"pretty_print": true})).is_err());
    }
}
