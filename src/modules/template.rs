//! `template`: a template of the controller, rendered for the host, to a place on the host.

use super::attributes::{self, GROUP, MODE, NOT_YET, OWNER};
use super::copy::{FOLLOW, FORCE, base_name, of_controller, put};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "template",
    aliases: &[],
    summary: "Renders a template and puts it in a place on the host",
    params: &[
        Param::required("src", Kind::Source, "a template beside the playbook"),
        Param::required("dest", Kind::Path, "where to; a directory takes the file under its own name"),
        FORCE,
        FOLLOW,
        BACKUP,
        VALIDATE,
        OWNER,
        GROUP,
        MODE,
        NOT_YET,
        Param::not_yet("block_start_string").or(&[
            "block_end_string",
            "variable_start_string",
            "variable_end_string",
            "comment_start_string",
            "comment_end_string",
            "trim_blocks",
            "lstrip_blocks",
            "newline_sequence",
            "output_encoding",
        ]),
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
    put(of_controller(host.controller.template(src)?, base_name(src), mode), args, host)
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
    fn a_template_that_is_not_there_is_refused() {
        let bench = Bench::new();
        let message = bench.refusal(&MODULE, &json!({"src": "none.j2", "dest": "/x"}));
        assert!(message.contains("none.j2"), "{message}");
    }
}
