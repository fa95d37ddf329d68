//! Pages: whole, small, and harmless.

use std::fs;
use std::path::Path;

use keras_cli::view::{compare_page, list_page, run_data, run_page};
use keras_runs::{Metadata, Metrics, RunInfo};

use super::{options, printed, three_runs};

/// What the issue and the docs promise.
const MOST: usize = 200_000;
const EVIL: &str =
    "</script><script>alert(1)</script>\u{1b}[31m\u{202e}\u{9b}\0'\"&<img src=x onerror=alert(2)>";

#[track_caller]
fn check(what: &str, page: &str) {
    assert!(page.len() < MOST, "{what}: {} bytes", page.len());
    assert!(page.ends_with("</html>\n"), "{what}");
    assert_eq!(page.matches("<script").count(), 2, "{what}");
    assert_eq!(page.matches("</script").count(), 2, "{what}");
    for harm in [
        "<img src=x",
        "\u{1b}",
        "\u{202e}",
        "\u{9b}",
        "src=\"http",
        "href=\"http",
        "url(",
        "@import",
    ] {
        assert!(!page.contains(harm), "{what} has {harm:?}");
    }
}

/// A run with as much of everything as `text` can make, repeated `times` times.
fn huge(folder: &Path, name: &str, text: &str, times: usize) -> RunInfo {
    let run = options(&folder.join("runs").join(name))
        .script("main.py")
        .start()
        .unwrap();
    let long = text.repeat(times).replace('\0', "");
    let source = folder.join(format!("source-{name}"));
    fs::create_dir_all(&source).unwrap();
    for file in ["main.py", "other.py", "third.py"] {
        // Sources of more than 1 MiB are left out of the record.
        let part: String = long.chars().take(200_000).collect();
        fs::write(source.join(file), format!("{name}{file}\n{part}")).unwrap();
    }
    run.write(Metadata::source(&source)).unwrap();
    let flag: String = long.chars().take(20_000).collect();
    run.flags((0..300).map(|at| (format!("{at}{text}"), flag.clone())))
        .unwrap();
    run.property("model", &long).unwrap();
    run.property("note", &long).unwrap();
    run.evaluation((0..200).map(|at| (format!("{at}{text}"), 1. / f64::from(at + 1))))
        .unwrap();
    let mut metrics = Metrics::new();
    for (at, metric) in ["loss", "val_loss", "constructor", "__proto__", text]
        .iter()
        .enumerate()
    {
        for epoch in 0..10_000 {
            let value = match epoch % 997 {
                3 => f64::NAN,
                4 => f64::INFINITY,
                _ => (epoch + at) as f64 / 3.,
            };
            metrics.set(epoch, metric, value);
        }
    }
    for at in 0..100 {
        metrics.set(0, &format!("{text}{at}"), 1e-300 / 3.);
    }
    run.write(Metadata::Metrics(metrics)).unwrap();
    fs::write(run.data_dir().join("properties/output"), long.as_bytes()).unwrap();
    for at in 0..300 {
        fs::write(run.path().join(format!("file-{at}-'<b>'")), "").unwrap();
    }
    for at in 0..20 {
        fs::write(run.plot_path(&format!("<{at}>.png")).unwrap(), vec![0; at * 3000]).unwrap();
    }
    let path = run.fail(&keras_core::Error::invalid(&long)).unwrap();
    RunInfo::read(path).unwrap()
}

#[test]
fn no_run_makes_a_page_of_200_kb() {
    let cases = [
        ("newlines", "\n", 60_000),
        ("markup", "<&>'\"", 40_000),
        ("one line", "é", 100_000),
        ("evil", EVIL, 2000),
        ("lines", "a\n<b\t\u{1b}[1m\n", 20_000),
        ("short", "x", 1),
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for (name, text, times) in cases {
        let run = huge(folder.path(), name, text, times);
        let page = run_page(&run).unwrap();
        check(name, &page);
        assert!(
            page.contains("left out here; all in tfruns.d/metrics.json"),
            "{name}"
        );
        assert!(
            page.contains("left out here; all in tfruns.d/flags.json"),
            "{name}"
        );
        // What is one line ends in `…`.
        let notes: &[&str] = match name {
            "newlines" => &["source.tar.gz"],
            "lines" => &["source.tar.gz", "properties/output", "properties/model"],
            _ => &[],
        };
        for whole in notes {
            let note = format!("left out here; all in tfruns.d/{whole}");
            assert!(page.contains(&note), "{name}: {whole}");
        }
        assert!(run_data(&run).to_string().len() < MOST / 2);
        runs.push(run);
    }
    check("comparison", &compare_page(&runs).unwrap());
    for pair in runs.windows(2) {
        check("pair", &compare_page(pair).unwrap());
    }
    // As many as nobody looks at, with fewer epochs: memory has to hold them.
    let few: Vec<RunInfo> = runs[4..]
        .iter()
        .map(|run| {
            let mut run = run.clone();
            run.metrics.truncate(20);
            run
        })
        .collect();
    let many: Vec<RunInfo> = (0..500)
        .map(|at| {
            let mut run = few[at % 2].clone();
            run.run_dir.set_file_name(format!("run-{at}-{}", "'".repeat(200)));
            run
        })
        .collect();
    let page = compare_page(&many).unwrap();
    check("500 runs", &page);
    assert!(page.contains("450 runs left out here; all in `keras runs compare --json`"));
    let first = list_page(&many, 0, EVIL);
    check("list", &first);
    let from = first
        .split("/?from=")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let from: usize = from.unwrap().parse().unwrap();
    assert!((1..500).contains(&from));
    let next = list_page(&many, from, "runs");
    check("older", &next);
    assert!(first.contains(&format!("run-{}-", from - 1)) && next.contains(&format!("run-{from}-")));
    check("none", &list_page(&many, 10_000, "runs"));
}

#[test]
fn pages_have_their_parts() {
    let (folder, _) = three_runs();
    printed(folder.path(), &["runs", "view", "a1", "-o", "view.html"]);
    printed(
        folder.path(),
        &["runs", "compare", "a1", "a2", "b", "--html", "all.html"],
    );
    for (file, parts) in [
        (
            "view.html",
            vec![
                "<h2>History",
                "<h2>Run<",
                "<h2>Metrics",
                "<h2>Evaluation",
                "<h2>Flags",
            ],
        ),
        (
            "all.html",
            vec![
                "<h2>What differs",
                "<h2>What they gave",
                "<h2>Noise of the seed",
                "<h2>Flags and results",
                "±",
                // What is not as in the first run, and the best of a row.
                "<td>16</td><td>16</td><td class=\"other\">64</td>",
                "<td class=\"best\">0.12500 (-0.3750)</td>",
            ],
        ),
    ] {
        let page = fs::read_to_string(folder.path().join(file)).unwrap();
        check(file, &page);
        for part in parts {
            assert!(page.contains(part), "{file} lacks {part}");
        }
        assert!(!page.contains("class=\"note\""), "{file} leaves something out");
    }
}
