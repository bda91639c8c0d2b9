//! `template`: a template of the controller, rendered for the host, to a place on the host.

use super::attributes::{self, GROUP, MODE, OWNER};
use super::copy::{FOLLOW, FORCE, base_name, of_controller, put};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Content;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "template",
    aliases: &[],
    summary: "Renders a template and puts it in a place on the host",
    params: &[
        Param::required("src", Kind::Template, "a template beside the playbook"),
        Param::required("dest", Kind::Path, "where to; a directory takes the file under its own name"),
        FORCE,
        FOLLOW,
        BACKUP,
        VALIDATE,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
        Param::optional("block_start_string", Kind::Text, "what a statement begins with ({%)"),
        Param::optional("block_end_string", Kind::Text, "what a statement ends with (%})"),
        Param::optional("variable_start_string", Kind::Text, "what an expression begins with ({{)"),
        Param::optional("variable_end_string", Kind::Text, "what an expression ends with (}})"),
        Param::optional("comment_start_string", Kind::Text, "what a comment begins with ({#)"),
        Param::optional("comment_end_string", Kind::Text, "what a comment ends with (#})"),
        Param::optional("trim_blocks", Kind::Bool, "drop the line feed behind a statement").default("yes"),
        Param::optional("lstrip_blocks", Kind::Bool, "drop the blanks before a statement").default("no"),
        Param::optional("newline_sequence", Kind::Text, r"how lines end: \n, \r or \r\n").default(r"\n"),
        Param::optional("output_encoding", Kind::Text, "utf-8, ascii, latin-1, utf-16 …").default("utf-8"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Write the site
  template:
    src: app.conf.j2
    dest: /etc/nginx/sites-available/app
    owner: root
    mode: "0644"
    validate: /usr/local/bin/check-site %s
"#,
        returns: &[
            Returned { name: "dest", help: "where it is" },
            Returned { name: "src", help: "the template" },
            Returned { name: "checksum", help: "the SHA-1 of what is there now" },
            Returned { name: "md5sum", help: "the same as MD5, where the content came from here" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
            Returned { name: "mode", help: "the permissions, as four octal digits" },
            Returned { name: "uid", help: "the owner's number" },
            Returned { name: "gid", help: "the group's number" },
            Returned { name: "owner", help: "the owner's name" },
            Returned { name: "group", help: "the group's name" },
            Returned { name: "size", help: "the size in bytes" },
            Returned { name: "state", help: "`file`, `directory`, `link`, `hard` or `absent`" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: attributes::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let src = args.needed("src")?;
    let mode = match args.text("mode") {
        Some("preserve") => Some(host.controller.mode(src)?),
        _ => None,
    };
    let rendered =
        host.controller.template_with(src, args.text("dest").unwrap_or_default(), &options(args))?;
    let content =
        encoded(ended(rendered, args.needed("newline_sequence")?)?, args.needed("output_encoding")?)?;
    put(of_controller(content, base_name(src), mode), args, host)
}

/// Those options of the task that are not as usual.
fn options(args: &Args) -> Vec<(&'static str, String)> {
    const TEXTS: [&str; 6] = [
        "block_start_string",
        "block_end_string",
        "variable_start_string",
        "variable_end_string",
        "comment_start_string",
        "comment_end_string",
    ];
    let texts = TEXTS.into_iter().filter_map(|name| Some((name, args.text(name)?.to_owned())));
    let switches =
        [("trim_blocks", true), ("lstrip_blocks", false)].into_iter().filter_map(|(name, usual)| {
            let set = args.flag(name);
            (set != usual).then(|| (name, if set { "True" } else { "False" }.to_owned()))
        });
    texts.chain(switches).collect()
}

/// With the line ends that are asked for.
fn ended(content: Content, end: &str) -> Result<Content, Stop> {
    let end: &[u8] = match end {
        "\n" | r"\n" => return Ok(content),
        "\r" | r"\r" => b"\r",
        "\r\n" | r"\r\n" => b"\r\n",
        other => {
            let other = other.escape_default();
            return Err(Stop::refuse(format!(r"'newline_sequence' is {other}: expected \n, \r or \r\n")));
        }
    };
    let lines: Vec<&[u8]> = content.bytes().split(|byte| *byte == b'\n').collect();
    Ok(Content::new(lines.join(end)))
}

/// In the encoding that is asked for.
fn encoded(content: Content, encoding: &str) -> Result<Content, Stop> {
    let name = encoding.to_lowercase().replace(['_', ' '], "-");
    let (most, what) = match name.as_str() {
        "utf-8" | "utf8" => return Ok(content),
        "ascii" | "us-ascii" => (0x7f, "ascii"),
        "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" => (0xff, "latin-1"),
        "utf-16" | "utf16" | "utf-16-le" | "utf-16le" | "utf-16-be" | "utf-16be" => (u32::MAX, "utf-16"),
        _ => {
            return Err(Stop::refuse(format!(
                "'output_encoding' is {encoding}: expected utf-8, ascii, latin-1 or utf-16"
            )));
        }
    };
    let text = String::from_utf8_lossy(content.bytes()).into_owned();
    if let Some(odd) = text.chars().find(|c| u32::from(*c) > most) {
        return Err(Stop::refuse(format!("'{odd}' can't be written in {what}")));
    }
    if what != "utf-16" {
        return Ok(Content::new(
            text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect::<Vec<u8>>(),
        ));
    }
    let is_big = name.ends_with("be");
    let mark = (!name.ends_with("le") && !is_big).then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    let bytes: Vec<u8> =
        units.flat_map(|unit| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
    Ok(Content::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn what_the_controller_renders_ends_in_place() {
        for mut bench in Bench::every_shell() {
            bench.source("motd.j2", "rendered\n");
            let args = json!({"src": "motd.j2", "dest": bench.path("motd"), "mode": "0600"});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("motd"), "rendered\n");
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn line_ends_and_encoding_are_as_asked_for() {
        let mut bench = Bench::new();
        bench.source("t", "é\nb\n");
        let mut args = json!({"src": "t", "dest": bench.path("f"), "newline_sequence": "\\r\\n", "output_encoding": "latin-1"});
        bench.changes(&MODULE, &args);
        assert_eq!(std::fs::read(bench.at("f")).unwrap(), b"\xe9\r\nb\r\n");
        args["newline_sequence"] = json!("\n");
        args["output_encoding"] = json!("utf-16-be");
        bench.changes(&MODULE, &args);
        assert_eq!(std::fs::read(bench.at("f")).unwrap(), b"\0\xe9\0\n\0b\0\n");
        args["output_encoding"] = json!("ascii");
        assert_eq!(bench.refusal(&MODULE, &args), "'é' can't be written in ascii");
        args["output_encoding"] = json!("klingon");
        assert!(bench.refusal(&MODULE, &args).contains("klingon"));
    }

    #[test]
    fn what_is_as_usual_is_no_option() {
        let options_of = |given: serde_json::Value| {
            let mut given = given;
            given["src"] = json!("t");
            given["dest"] = json!("/x");
            options(&Args::parse(MODULE.params, MODULE.free_form, given.as_object().unwrap()).unwrap())
        };
        assert_eq!(options_of(json!({})), []);
        let set =
            options_of(json!({"trim_blocks": false, "lstrip_blocks": true, "block_start_string": "<%"}));
        let expected = [("block_start_string", "<%"), ("trim_blocks", "False"), ("lstrip_blocks", "True")];
        assert_eq!(set, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_template_that_is_not_there_is_refused() {
        let bench = Bench::new();
        let message = bench.refusal(&MODULE, &json!({"src": "none.j2", "dest": "/x"}));
        assert!(message.contains("none.j2"), "{message}");
    }
}
