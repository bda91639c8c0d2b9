//! `slurp`: a file of the host, in base64.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::contents::{Content, Read};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest file that is brought here.
const BYTES_MAX: u64 = 32 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "slurp",
    aliases: &[],
    summary: "Brings a file of the host here, in base64",
    params: &[Param::required("src", Kind::Path, "the file").or(&["path"])],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "
- name: Read the key
  slurp: {src: /etc/app/key.pub}
  register: key
- name: Show it
  debug: {msg: \"{{ key.content | b64decode }}\"}
",
        returns: &[
            Returned { name: "content", help: "the file's bytes in base64" },
            Returned { name: "encoding", help: "`base64`" },
            Returned { name: "source", help: "the file" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("src")?;
    let content = host.get(Read { path: path.to_owned(), bytes_max: BYTES_MAX })?;
    let bytes = match content.as_ref() {
        Content::Whole(bytes) => bytes,
        Content::Absent => return Err(Stop::refuse(format!("file not found: {path}"))),
        Content::NoFile => {
            return Err(Stop::refuse(format!("source is a directory and must be a file: {path}")));
        }
        Content::TooLarge => {
            return Err(Stop::refuse(format!("{path} is larger than {} MiB: use fetch", BYTES_MAX >> 20)));
        }
    };
    let mut result = Map::new();
    result.insert("content".into(), STANDARD.encode(bytes).into());
    result.insert("encoding".into(), "base64".into());
    result.insert("source".into(), path.into());
    Ok(Outcome::in_order(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn bytes_come_whole_and_what_is_no_file_is_refused() {
        for bench in Bench::every_shell() {
            std::fs::write(bench.at("a b"), b"\xff\0\n\n").unwrap();
            let result = bench.in_order(&MODULE, &json!({"src": bench.path("a b")}));
            assert_eq!((&result["content"], &result["encoding"]), (&json!("/wAKCg=="), &json!("base64")));
            assert!(
                bench.refusal(&MODULE, &json!({"src": bench.path("none")})).starts_with("file not found")
            );
            assert!(bench.refusal(&MODULE, &json!({"src": bench.path(".")})).contains("is a directory"));
        }
    }
}
