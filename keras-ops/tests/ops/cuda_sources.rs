//! The sources of the CUDA kernels as text: what can be checked of them without a CUDA compiler.

use std::collections::BTreeSet;

use keras_ops::kernels::cuda::{Source, sources};

/// The names of the kernels of a source.
fn kernels(source: &Source) -> Vec<String> {
    let parts = source.text.split("__global__ void ").skip(1);
    parts
        .map(|part| part.split('(').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn every_source_has_kernels_and_balanced_brackets() {
    for source in sources() {
        let name = &source.name;
        assert!(!kernels(&source).is_empty(), "{name}: no kernel");
        assert!(source.text.is_ascii(), "{name}: not ASCII");
        assert!(!source.text.contains('@'), "{name}: a place was not filled in");
        assert!(
            !source.text.contains("#include"),
            "{name}: headers are not there at run time"
        );
        for (open, close) in [('{', '}'), ('(', ')'), ('[', ']')] {
            let count = |c| source.text.chars().filter(|other| *other == c).count();
            assert_eq!(count(open), count(close), "{name}: {open} {close}");
        }
    }
}

#[test]
fn sources_and_kernels_have_names_of_their_own() {
    let (all, names): (Vec<Source>, BTreeSet<String>) =
        (sources(), sources().into_iter().map(|s| s.name).collect());
    assert_eq!(all.len(), names.len());
    let kernels: Vec<String> = all.iter().flat_map(kernels).collect();
    assert_eq!(kernels.len(), kernels.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn every_step_reads_and_writes_its_slots_and_uses_its_gradient() {
    let steps = sources()
        .into_iter()
        .filter(|s| s.text.contains("const float *gradient"));
    let steps: Vec<Source> = steps.filter(|s| s.name.ends_with("_step")).collect();
    assert_eq!(steps.len(), 16, "a rule of one formula has a kernel");
    for step in steps {
        let body = step.text.split_once("gradient[i];").map_or("", |(_, body)| body);
        let pointers = step
            .text
            .split("float *")
            .skip(1)
            .map(|p| p.split([',', 's']).next());
        for slot in pointers.flatten().filter(|name| !name.starts_with("gradient")) {
            assert!(
                body.contains(&format!("float {slot} = {slot}s[i];")),
                "{}: {slot}",
                step.name
            );
            assert!(
                body.contains(&format!(" {slot} = ")),
                "{}: {slot} stays as it was",
                step.name
            );
            assert!(
                body.contains(&format!("{slot}s[i] = {slot};")),
                "{}: {slot}",
                step.name
            );
        }
        assert!(body.contains('g'), "{}", step.name);
    }
}
