use std::process::Child;

/// Ends a program when the one that watches over it is gone, however that ended: a shell waits for the end of a pipe,
/// which the system closes with the process.
#[derive(Debug)]
pub(super) struct Leash(Option<Child>);

impl Leash {
    pub(super) fn of(child: &Child) -> Self {
        Self(watch(child).ok())
    }
}

#[cfg(unix)]
fn watch(child: &Child) -> std::io::Result<Child> {
    use std::process::{Command, Stdio};
    Command::new("sh")
        .args(["-c", "trap '' INT TERM HUP; read -r _; kill -TERM \"$0\""])
        .arg(child.id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

#[cfg(not(unix))]
fn watch(_: &Child) -> std::io::Result<Child> {
    Err(std::io::ErrorKind::Unsupported.into())
}

impl Drop for Leash {
    fn drop(&mut self) {
        // Before its pipe is closed: the number may be another program's by now.
        if let Some(shell) = &mut self.0 {
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}
