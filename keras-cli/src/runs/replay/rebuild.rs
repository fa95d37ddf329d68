//! The sources as they were.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use keras_core::{Error, Result};
use keras_runs::RunInfo;
use serde_json::Value;

/// Where a program is run again.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    folder: PathBuf,
    sources: bool,
    /// Removed in the end.
    _tree: Option<Tree>,
    _temporary: Option<tempfile::TempDir>,
}

/// A work tree of git beside the repository.
#[derive(Debug)]
struct Tree {
    repository: PathBuf,
    path: PathBuf,
}

impl Drop for Tree {
    fn drop(&mut self) {
        let path = self.path.to_string_lossy().into_owned();
        let _ = git(&self.repository, &["worktree", "remove", "--force", &path], None);
    }
}

impl Place {
    /// Rebuilds the sources in `to`, or in a folder that goes when this is dropped: the commit that git knew, what had
    /// changed since, and over it the files that the run kept. `here` takes the folder as it is now.
    pub(super) fn of(run: &RunInfo, to: Option<&Path>, here: bool) -> Result<Self> {
        let recorded = folder(run)?;
        let kept = !run.sources()?.is_empty();
        if here || !kept {
            let folder = recorded.ok_or_else(|| {
                Error::file(
                    &run.run_dir,
                    "this run has no record of its folder; replay it from a run that `keras run` recorded",
                )
            })?;
            return Ok(Self {
                root: folder.clone(),
                folder,
                sources: false,
                _tree: None,
                _temporary: None,
            });
        }
        let temporary = match to {
            Some(_) => None,
            None => Some(
                tempfile::tempdir()
                    .map_err(|e| Error::io(std::env::temp_dir(), "cannot make a folder", e))?,
            ),
        };
        let to = match (&temporary, to) {
            (Some(folder), _) => folder.path().join("source"),
            (None, to) => std::path::absolute(to.unwrap_or(Path::new(".")))
                .map_err(|e| Error::io(".", "cannot find the folder", e))?,
        };
        if to.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::file(
                to,
                "--folder: this folder is not empty; name one that is, or none",
            ));
        }
        let package = source_root(run)?;
        let (tree, root) = match tree(run, package.as_deref(), &to)? {
            Some((tree, root)) => (Some(tree), root),
            None => (None, to),
        };
        run.unpack_sources(&root)?;
        // The same place within the sources, or the top.
        let inside = recorded
            .as_deref()
            .zip(package.as_deref())
            .and_then(|(folder, package)| Some(root.join(folder.strip_prefix(package).ok()?)));
        let folder = inside
            .filter(|folder| folder.is_dir())
            .unwrap_or_else(|| root.clone());
        Ok(Self {
            // Kept where somebody asked for it.
            _tree: tree.filter(|_| temporary.is_some()),
            root,
            folder,
            sources: true,
            _temporary: temporary,
        })
    }

    /// Of the sources.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where to start the program.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn has_sources(&self) -> bool {
        self.sources
    }
}

/// What `keras run` wrote of the command; null where it did not.
pub(super) fn command(run: &RunInfo) -> Result<Value> {
    json(run, "command.json")
}

fn json(run: &RunInfo, name: &str) -> Result<Value> {
    let path = run.run_dir.join("tfruns.d").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::file(&path, format!("damaged: {e}"))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Value::Null),
        Err(e) => Err(Error::io(&path, "cannot read", e)),
    }
}

/// Where the program was started.
fn folder(run: &RunInfo) -> Result<Option<PathBuf>> {
    let of = |value: &Value| value["folder"].as_str().map(PathBuf::from);
    Ok(match of(&command(run)?) {
        Some(folder) => Some(folder),
        None => of(&run.environment()?),
    })
}

/// The folder that the sources were kept of.
fn source_root(run: &RunInfo) -> Result<Option<PathBuf>> {
    let source = json(run, "source.json")?;
    let root = source["root"].as_str().map(PathBuf::from);
    Ok(root.filter(|root| root.is_absolute()))
}

/// The commit that the run was of, in a work tree at `to`, and the place of the sources in it; none where git does not
/// know any.
fn tree(run: &RunInfo, package: Option<&Path>, to: &Path) -> Result<Option<(Tree, PathBuf)>> {
    let state = run.git()?;
    let (Some(repository), Some(commit), Some(package)) =
        (state["root"].as_str(), state["commit"].as_str(), package)
    else {
        return Ok(None);
    };
    let repository = PathBuf::from(repository);
    let Ok(inside) = package.strip_prefix(&repository).map(Path::to_owned) else {
        return Ok(None);
    };
    let path = to.to_string_lossy().into_owned();
    // The word of somebody else: it is no option.
    let is_commit = commit.len() >= 7 && commit.chars().all(|c| c.is_ascii_hexdigit());
    if !is_commit
        || git(
            &repository,
            &["worktree", "add", "--quiet", "--detach", &path, commit],
            None,
        )
        .is_none()
    {
        return Ok(None);
    }
    let tree = Tree {
        repository,
        path: to.to_owned(),
    };
    if let Some(diff) = run.git_diff()?.filter(|diff| !diff.is_empty()) {
        // What does not apply may be in the files that were kept.
        let _ = git(to, &["apply", "--whitespace=nowarn", "-"], Some(&diff));
    }
    Ok(Some((tree, to.join(inside))))
}

fn git(folder: &Path, arguments: &[&str], input: Option<&str>) -> Option<()> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    }
    child.wait().ok()?.success().then_some(())
}
