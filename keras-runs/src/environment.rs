//! Where a run ran: machine, program, versions, the state of git, sources. Recorded beside training, not before it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use keras_core::Result;
use serde_json::{Map, Value, json};

use crate::pulse::host_name;
use crate::{RunHandle, Source, source};

/// The most of `git diff` that is kept.
const DIFF: usize = 1 << 20;
/// What is said of the environment variables: those that change how a training computes.
const VARIABLES: [&str; 4] = ["KERAS_", "RAYON_", "CUDA_", "OMP_"];

/// Starts recording; wait for the thread before the run ends.
pub(crate) fn record(run: RunHandle, source: Option<Source>) -> Option<JoinHandle<Result<()>>> {
    let folder = match &source {
        Some(source) => source.root.clone(),
        None => std::env::current_dir().ok()?,
    };
    let work = move || {
        let data = run.inner().data.clone();
        let write = || -> Result<()> {
            data.json("environment", &environment(source.as_ref()))?;
            if let Some(source) = &source {
                source::archive(&source.root, Some(&source.script))?.write(&data)?;
            }
            if let Some((state, diff)) = git(&folder) {
                for (property, key) in [
                    ("git_commit", "commit"),
                    ("git_branch", "branch"),
                    ("git_dirty", "dirty"),
                ] {
                    match &state[key] {
                        Value::Null => {}
                        Value::Bool(yes) => data.property(property, if *yes { "TRUE" } else { "FALSE" })?,
                        Value::String(text) => data.property(property, text)?,
                        other => data.property(property, &other.to_string())?,
                    }
                }
                data.json("git", &state)?;
                if !diff.is_empty() {
                    data.write("git.diff", &diff)?;
                }
            }
            Ok(())
        };
        run.settle(write())
    };
    let thread = std::thread::Builder::new().name("keras-run-environment".to_owned());
    thread.spawn(work).ok()
}

fn environment(source: Option<&Source>) -> Value {
    let variables: Map<String, Value> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| VARIABLES.iter().any(|v| name.starts_with(v)))
        .filter(|(name, _)| !name.contains("KEY") && !name.contains("TOKEN") && !name.contains("SECRET"))
        .map(|(name, value)| (name, value.into()))
        .collect();
    let text = |path: Option<std::path::PathBuf>| path.map(|path| path.to_string_lossy().into_owned());
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    json!({
        "host": host_name(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "cpu": cpu_model(),
        "cpus": std::thread::available_parallelism().map(usize::from).ok(),
        "memory_mb": memory_mb(),
        "pid": std::process::id(),
        "folder": text(std::env::current_dir().ok()),
        "executable": text(std::env::current_exe().ok()),
        "arguments": arguments,
        "variables": variables,
        "keras": env!("CARGO_PKG_VERSION"),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        "package": source.map(|source| source.root.to_string_lossy().into_owned()),
        "script": source.map(|source| source.script.to_string_lossy().into_owned()),
    })
}

fn cpu_model() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_mb() -> Option<u64> {
    let info = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes / 1024)
}

/// Commit, branch and changes of the repository around `folder`, and the changes themselves.
fn git(folder: &Path) -> Option<(Value, Vec<u8>)> {
    let run = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output.status.success().then_some(output.stdout)
    };
    let status = run(&["status", "--porcelain=v2", "--branch"])?;
    let status = String::from_utf8_lossy(&status);
    let head = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(&format!("# branch.{name} ")))?;
        Some(line.trim().to_owned()).filter(|value| !value.starts_with('('))
    };
    let changed = status.lines().filter(|line| !line.starts_with('#')).count();
    // As git looks for it; a process less while a training begins.
    let inside = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let root = inside.ancestors().find(|folder| folder.join(".git").exists());
    let state = json!({
        "commit": head("oid"),
        "branch": head("head"),
        "dirty": changed > 0,
        "changed_files": changed,
        "root": root.map(|root| root.to_string_lossy().into_owned()),
    });
    let mut diff = match changed {
        0 => Vec::new(),
        _ => run(&["diff", "HEAD", "--no-color", "--no-ext-diff"]).unwrap_or_default(),
    };
    diff.truncate(DIFF);
    Some((state, diff))
}
