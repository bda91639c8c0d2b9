//! How runs and audits are shown: what is redrawn on a terminal, and an audit in every format at once.

use crate::lab::{Host, Lab};
use crate::ops::Ops;

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_a_host_does_is_redrawn_on_a_terminal_and_nowhere_else() {
    here(|_, host, ops| {
        let file = ops.play("slow", "", "- {name: Slow, shell: sleep 1}\n- {name: Says, shell: echo hello}");
        let line = format!("run {file} -i ops");
        let on_terminal = || ops.types("alice", &line).at_a_terminal("");
        let drawn = on_terminal().env("TERM", "xterm").says();
        drawn.expect(0, &["0 of 1 host through", &format!("{}: ", host.name()), "2 changes under way"]);
        let (_, after) = drawn.out.split_once("PLAY RECAP").unwrap();
        assert!(
            !after.contains("through") && !after.contains("\u{1b}[2K"),
            "nothing is left behind: {drawn}"
        );
        for plain in
            [on_terminal().env("TERM", "dumb"), on_terminal().env("TERM", "xterm").env("NO_COLOR", "1")]
        {
            plain.says().expect(0, &["PLAY RECAP"]).without(&["through", "\u{1b}["]);
        }
        ops.alice(&line).expect(0, &["PLAY RECAP"]).without(&["through"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn one_audit_is_written_in_every_format_and_stdout_stays_human() {
    here(|lab, host, ops| {
        lab.reset(host);
        let folder = ops.elsewhere().join("reports");
        std::fs::create_dir(&folder).unwrap();
        let ends = ["txt", "json", "xml", "sarif", "md", "prom", "html"];
        let outputs: String = ends
            .iter()
            .map(|end| format!(" --output {}", folder.join(format!("audit.{end}")).display()))
            .collect();
        ops.alice(&format!("audit -i ops{outputs}")).expect(5, &["HOST", "SECURITY", "FAIL: "]);
        for end in ends {
            let text = std::fs::read_to_string(folder.join(format!("audit.{end}"))).unwrap();
            assert!(text.contains(host.name()) && !text.contains('\u{1b}'), "{end}: {text}");
            assert!(end == "prom" || text.contains("libfoo"), "{end}: {text}");
        }
        let metrics = std::fs::read_to_string(folder.join("audit.prom")).unwrap();
        let pending =
            format!("apt_upgrades_pending{{host=\"{}\",origin=\"Debian bookworm-security\"", host.name());
        assert!(metrics.contains(&pending) && metrics.ends_with("# EOF\n"), "{metrics}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_format_that_does_not_fit_is_refused_with_those_that_do() {
    here(|_, _, ops| {
        ops.alice("ping -i ops --format junit").expect(2, &["a format of audits", "human, json"]);
        ops.alice("audit -i ops --format sarfi").expect(2, &["did you mean 'sarif'?"]);
        ops.alice("audit -i ops --output report").expect(2, &["FORMAT=report", ".sarif"]);
        ops.alice("audit -i ops --output a.json --output json=./a.json").expect(2, &["named twice"]);
        assert_eq!(ops.entries(), 0);
    });
}
