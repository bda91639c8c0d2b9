//! `docker_image_pull`, `docker_image_build` and `docker_image`: that an image of Docker is there, or isn't.

use super::docker::{NOT_YET, Thing, pairs, result_as};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::{Output, Stop};

const NAME: Param = Param::required("name", Kind::Text, "the image, with or without a tag or digest");
const TAG: Param = Param::optional("tag", Kind::Text, "its tag, where the name has none").default("latest");
const RETURNS: &[Returned] =
    &[Returned { name: "image", help: "what Docker says of it; empty where it is not there" }];

/// `docker_image_pull`.
pub static PULL: Module = Module {
    name: "docker_image_pull",
    aliases: &[],
    summary: "Pulls an image of Docker from its registry",
    params: &[
        NAME,
        TAG,
        Param::optional(
            "pull",
            Kind::Choice(&["always", "not_present"]),
            "whether one that is there is asked for again",
        )
        .default("always"),
        Param::optional("platform", Kind::Text, "for which platform, as linux/arm64"),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The proxy's image\n  docker_image_pull: {name: 'traefik:v3.1', pull: not_present}\n",
        returns: RETURNS,
    },
    effect: Effect::OnHost,
    diff: pull,
    result,
};

/// `docker_image_build`.
pub static BUILD: Module = Module {
    name: "docker_image_build",
    aliases: &[],
    summary: "Builds an image of Docker from a directory of the host",
    params: &[
        NAME,
        TAG,
        Param::required("path", Kind::Path, "the directory with what goes into it"),
        Param::optional(
            "dockerfile",
            Kind::Text,
            "the file that says how; below `path`, or an absolute path",
        ),
        Param::optional(
            "rebuild",
            Kind::Choice(&["never", "always"]),
            "whether one that is there is built again",
        )
        .default("never"),
        Param::optional("pull", Kind::Bool, "ask for newer images that it begins with").default("no"),
        Param::optional("nocache", Kind::Bool, "take no step from the cache").default("no"),
        Param::optional("args", Kind::Map, "what the file's ARGs are"),
        Param::optional("labels", Kind::Map, "labels that it gets"),
        Param::optional("target", Kind::Text, "the stage that is built"),
        Param::optional("network", Kind::Text, "the network of its steps"),
        Param::optional("etc_hosts", Kind::Map, "names of hosts and their addresses, for its steps"),
        Param::optional("cache_from", Kind::List, "images whose layers may be taken"),
        Param::optional("shm_size", Kind::Text, "the size of its steps' /dev/shm"),
        Param::not_yet("platform").or(&["secrets", "outputs"]),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Our own image\n  docker_image_build: {name: shop, tag: '7', path: /srv/shop}\n",
        returns: RETURNS,
    },
    effect: Effect::OnHost,
    diff: build,
    result,
};

/// `docker_image`.
pub static MODULE: Module = Module {
    name: "docker_image",
    aliases: &[],
    summary: "Pulls, builds, loads or removes an image of Docker",
    params: &[
        NAME,
        TAG,
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "source",
            Kind::Choice(&["pull", "build", "load", "local"]),
            "where it comes from; needed with `state: present`",
        ),
        Param::optional("build", Kind::Map, "how it is built: as docker_image_build has it"),
        Param::optional("load_path", Kind::Path, "the archive on the host that it is loaded from"),
        Param::optional("pull", Kind::Map, "how it is pulled: platform"),
        Param::optional("force_source", Kind::Bool, "get it again though it is there").default("no"),
        Param::optional("force_absent", Kind::Bool, "remove it with all its tags").default("no"),
        Param::not_yet("archive_path").or(&["repository", "push", "force_tag"]),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "\
- name: The database's image
  docker_image: {name: 'postgres:16', source: pull}
- name: Not the old one
  docker_image: {name: 'postgres:13', state: absent}
",
        returns: RETURNS,
    },
    effect: Effect::OnHost,
    diff: image,
    result,
};

/// A name with its tag or digest.
fn reference(args: &Args) -> Result<String, Stop> {
    let name = args.needed("name")?;
    let last = name.rsplit('/').next().unwrap_or(name);
    Ok(match last.contains([':', '@']) {
        true => name.to_owned(),
        false => format!("{name}:{}", args.needed("tag")?),
    })
}

/// What is registered of an image that was there or was not.
fn seen_result(seen: Option<&Value>) -> Map {
    Map::from_iter([("image".to_owned(), seen.cloned().unwrap_or_else(|| Map::new().into()))])
}

/// An image that was asked for again and is the same was not changed.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = result_as("image", outcome, outputs);
    let again = outcome.changes.iter().any(|change| change.nature == Nature::Event);
    let id = |of: &Map| of.get("image").map(|image| image["Id"].clone());
    if again && !outputs.is_empty() && result.get("failed").is_none() && id(&result) == id(&outcome.result) {
        result.insert("changed".into(), false.into());
    }
    result
}

/// A change that gets an image; one that is there already may be the newest, which nobody knows before.
fn get(thing: Thing<'_>, verb: &str, seen: Option<&Value>, words: &[String]) -> Change {
    let again = if seen.is_some() { " again" } else { "" };
    let mut change = thing.run(format!("{verb} Docker's image {}{again}", thing.name), seen, false, words);
    if seen.is_some() {
        change.nature = Nature::Event;
    }
    change
}

fn pull(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = reference(args)?;
    let thing = Thing { kind: "image", name: &name };
    let seen = thing.inspect(host)?;
    if seen.is_some() && args.text("pull") == Some("not_present") {
        return Ok(Outcome::in_order(seen_result(seen.as_ref())));
    }
    let change = get(thing, "pull", seen.as_ref(), &pulled(&name, args.text("platform")));
    Ok(Outcome::change(seen_result(seen.as_ref()), vec![change]))
}

fn pulled(name: &str, platform: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = ["pull", "--quiet"].map(str::to_owned).into();
    words.extend(platform.map(|platform| format!("--platform={platform}")));
    words.extend(["--".to_owned(), name.to_owned()]);
    words
}

fn build(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = reference(args)?;
    let thing = Thing { kind: "image", name: &name };
    let seen = thing.inspect(host)?;
    if seen.is_some() && args.text("rebuild") != Some("always") {
        return Ok(Outcome::in_order(seen_result(seen.as_ref())));
    }
    let change = get(thing, "build", seen.as_ref(), &built(&name, args)?);
    Ok(Outcome::change(seen_result(seen.as_ref()), vec![change]))
}

/// What docker is told to build an image.
fn built(name: &str, args: &Args) -> Result<Vec<String>, Stop> {
    let path = args.needed("path")?;
    let mut words: Vec<String> = ["build", "--tag", name].map(str::to_owned).into();
    if let Some(file) = args.text("dockerfile") {
        let file = if file.starts_with('/') { file.to_owned() } else { format!("{path}/{file}") };
        words.extend(["--file".to_owned(), file]);
    }
    let flags = [("pull", "--pull"), ("nocache", "--no-cache")];
    words.extend(flags.iter().filter(|(param, _)| args.flag(param)).map(|(_, option)| (*option).to_owned()));
    for (param, option) in [("target", "--target"), ("network", "--network"), ("shm_size", "--shm-size")] {
        words.extend(args.text(param).into_iter().flat_map(|text| [option.to_owned(), text.to_owned()]));
    }
    words.extend(pairs("--build-arg", args.value("args")));
    words.extend(pairs("--label", args.value("labels")));
    let hosts = pairs("--add-host", args.value("etc_hosts"));
    words.extend(hosts.iter().map(|word| word.replacen('=', ":", 1)));
    words.extend(
        args.list("cache_from").into_iter().flat_map(|from| ["--cache-from".to_owned(), from.to_owned()]),
    );
    words.extend(["--".to_owned(), path.to_owned()]);
    Ok(words)
}

fn image(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = reference(args)?;
    let thing = Thing { kind: "image", name: &name };
    if args.text("state") == Some("absent") {
        let seen = thing.inspect(host)?;
        let force = args.flag("force_absent").then_some("--force");
        let words: Vec<String> =
            ["image", "rm"].into_iter().chain(force).chain(["--", &name]).map(str::to_owned).collect();
        let gone = seen
            .as_ref()
            .map(|now| thing.run(format!("remove Docker's image {name}"), Some(now), false, &words));
        return Ok(Outcome::change(seen_result(seen.as_ref()), gone.into_iter().collect()));
    }
    let source = args
        .text("source")
        .ok_or_else(|| Stop::refuse("state is present but all of the following are missing: source"))?;
    let words = match source {
        "pull" => {
            let how = args.value("pull").and_then(|how| how["platform"].as_str());
            pulled(&name, how)
        }
        "build" => {
            let how = args.value("build").and_then(Value::as_object).cloned().unwrap_or_default();
            let mut how: Map = how.into_iter().filter(|(key, _)| key != "rm" && key != "rebuild").collect();
            how.insert("name".into(), name.clone().into());
            let how = Args::parse(BUILD.params, FreeForm::No, &how)
                .map_err(|problem| Stop::refuse(format!("build: {problem}")))?;
            built(&name, &how)?
        }
        "load" => ["load", "--quiet", "--input", args.needed("load_path")?].map(str::to_owned).into(),
        _ => Vec::new(),
    };
    let seen = thing.inspect(host)?;
    if seen.is_some() && (!args.flag("force_source") || source == "local") {
        return Ok(Outcome::in_order(seen_result(seen.as_ref())));
    }
    if source == "local" {
        return Err(Stop::refuse(format!("Cannot find the image {name} locally.")));
    }
    let change = get(thing, source, seen.as_ref(), &words);
    Ok(Outcome::change(seen_result(seen.as_ref()), vec![change]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    const SAID: &str = r#"[{"Id": "sha256:1", "RepoTags": ["nginx:latest"]}]"#;

    fn run(module: &Module, said: &'static str, args: &Value) -> Vec<String> {
        let outcome = answer_with(module, args, &mut |_| Ok(Output::ok(said))).unwrap();
        outcome.changes.into_iter().map(|c| c.args.0.get(1..).unwrap().join(" ")).collect()
    }

    #[test]
    fn an_image_is_pulled_where_it_is_not_there_or_may_be_an_old_one() {
        let args = json!({"name": "nginx", "pull": "not_present"});
        assert_eq!(run(&PULL, "[]", &args), ["nginx:latest  no pull --quiet -- nginx:latest"]);
        assert!(run(&PULL, SAID, &args).is_empty());
        let args = json!({"name": "example.org:5000/shop", "tag": "7", "platform": "linux/arm64"});
        let expected = "example.org:5000/shop:7 sha256:1 no pull --quiet --platform=linux/arm64 -- example.org:5000/shop:7";
        assert_eq!(run(&PULL, SAID, &args), [expected]);
        let outcome = answer_with(&PULL, &args, &mut |_| Ok(Output::ok(SAID))).unwrap();
        assert_eq!((PULL.result)(&outcome, &[Output::ok(SAID)])["changed"], json!(false));
        let newer = (PULL.result)(&outcome, &[Output::ok(r#"[{"Id": "sha256:2"}]"#)]);
        assert_eq!((newer.get("changed"), &newer["image"]["Id"]), (None, &json!("sha256:2")));
    }

    #[test]
    fn an_image_is_built_from_a_directory_of_the_host() {
        let args = json!({"name": "shop:7", "path": "/srv/shop", "dockerfile": "Dockerfile.prod", "pull": true,
            "args": {"V": 1}, "etc_hosts": {"db": "10.0.0.1"}, "rebuild": "always"});
        let expected = "shop:7  no build --tag shop:7 --file /srv/shop/Dockerfile.prod --pull --build-arg V=1 --add-host db:10.0.0.1 -- /srv/shop";
        assert_eq!(run(&BUILD, "[]", &args), [expected]);
        assert_eq!(run(&BUILD, SAID, &args).len(), 1);
        assert!(run(&BUILD, SAID, &json!({"name": "shop:7", "path": "/srv/shop"})).is_empty());
    }

    #[test]
    fn an_image_comes_from_where_it_is_said() {
        let args = json!({"name": "shop", "source": "build", "build": {"path": "/srv/shop", "rm": true}});
        assert_eq!(run(&MODULE, "[]", &args), ["shop:latest  no build --tag shop:latest -- /srv/shop"]);
        let args = json!({"name": "shop", "source": "load", "load_path": "/srv/shop.tar"});
        assert_eq!(run(&MODULE, "[]", &args), ["shop:latest  no load --quiet --input /srv/shop.tar"]);
        assert!(run(&MODULE, SAID, &args).is_empty());
        let gone = json!({"name": "shop", "state": "absent", "force_absent": true});
        assert_eq!(run(&MODULE, SAID, &gone), ["shop:latest sha256:1 no image rm --force -- shop:latest"]);
        assert!(run(&MODULE, "[]", &gone).is_empty());
        let wrong = [
            json!({"name": "shop"}),
            json!({"name": "shop", "source": "local"}),
            json!({"name": "shop", "source": "build", "build": {"paths": "/x"}}),
        ];
        for args in wrong {
            assert!(answer_with(&MODULE, &args, &mut |_| Ok(Output::ok("[]"))).is_err(), "{args}");
        }
    }
}
