//! Containers: what Docker knows of an image, a network, a volume or a container, through its own tool on the host.
//!
//! # Source
//! docker-inspect(1) of Docker 20.10 and 28; podman's `docker` says the same of what there is.

use super::questions;
use crate::model::Subject;

/// Something that Docker keeps, by its kind and name.
pub fn kept(kind: &str, name: &str) -> Subject {
    Subject::path(&format!("/var/lib/docker/{kind}/{name}"))
}

fn asked(words: &[String]) -> Vec<Subject> {
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    vec![kept(word(0), word(1)), Subject::Service("docker".into()), Subject::Packages]
}

questions! {
    /// Asks what is known of something: `image`, `network`, `volume` or `container`, and its name. A list in JSON, empty where
    /// there is no such thing.
    DockerInspect {
        script: "docker_inspect",
        reads: asked,
        text: r#"command -v docker >/dev/null 2>&1 || { echo 'this host has no docker' >&2; exit 3; }
said=$(docker "$1" inspect -- "$2" 2>&1 </dev/null) && { printf '%s\n' "$said"; exit 0; }
case $said in
*onnect*ocker*daemon*|*denied*) ;;
*[Nn]'o such '*|*'not found'*) echo '[]'; exit 0 ;;
esac
printf '%s\n' "$said" >&2
exit 3"#,
    }
}
