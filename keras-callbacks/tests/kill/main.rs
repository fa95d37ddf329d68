//! A training that is killed over and over, at any moment, ends with the same bits as one that never was.
//!
//! The program starts itself as the training, kills it by SIGKILL at a random moment, starts it again, and compares
//! weights, history and log with those of a training that was left alone. Some lives end by SIGTERM instead, which the
//! training notes, saves and leaves with a message. `KERAS_KILLS` sets how many kills (200).
//!
//! With `KERAS_KILL_FAULTS=1` a part of the lives have faults as well. In some, files end after so many bytes: the write
//! that comes there is short, the next fails. In some, all writes fail from a random moment on. Both are limits on the
//! size of files, one from the start, one set in the midst (`prlimit`). In some, with `KERAS_KILL_FULL`, a folder on a
//! small file system, the disk is all but full. `torture.sh` makes such a file system.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod training;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// What the program is told by.
const FOLDER: &str = "KERAS_KILL_FOLDER";

fn main() -> ExitCode {
    if let Ok(folder) = std::env::var(FOLDER) {
        return training::run(Path::new(&folder));
    }
    // `cargo test` lists tests and filters them by name.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list")
        || arguments
            .iter()
            .any(|a| !a.starts_with('-') && !"kill".contains(a.as_str()))
    {
        return ExitCode::SUCCESS;
    }
    let kills = std::env::var("KERAS_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(200);
    torture(kills);
    ExitCode::SUCCESS
}

/// Numbers that look random; the same in every run.
struct Dice(u64);

impl Dice {
    /// In `0..1`.
    fn roll(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn torture(kills: usize) {
    let started = Instant::now();
    let work = match full() {
        Some(folder) => tempfile::tempdir_in(folder).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let alone = work.path().join("alone");
    let expected = uninterrupted(&alone);
    // Short enough to need many lives, long enough to get on.
    let life = expected.took.mul_f64(0.2).max(Duration::from_millis(25));
    let (mut dice, mut done, mut trainings, mut interrupted) = (Dice(20261128), 0, 0, 0);
    let mut faults = Faults::default();
    while done < kills {
        let folder = work.path().join(format!("{trainings}"));
        std::fs::create_dir(&folder).unwrap();
        loop {
            let fault = Fault::roll(dice.roll());
            let mut child = Life::start(&folder, fault);
            let mut time = life.mul_f64(dice.roll() * 2.);
            let mut ended = None;
            if fault == Fault::Failing {
                let sound = time.mul_f64(dice.roll());
                ended = child.wait_until(sound);
                time -= sound;
                if ended.is_none() {
                    child.fail_writes();
                }
            }
            if ended.is_none() {
                ended = child.wait_until(time);
            }
            faults.count(fault, ended.as_ref());
            match ended {
                None if dice.roll() < 0.1 => {
                    let output = child.interrupt("TERM");
                    interrupted += usize::from(output.text.contains("interrupted by SIGTERM after"));
                }
                None => {
                    child.kill();
                    done += 1;
                }
                Some(output) if output.failed() => output.check(),
                Some(_) => break,
            }
            if let Some(small) = full() {
                // Gone already where this life had room.
                let _ = std::fs::remove_file(small.join("filler"));
            }
        }
        assert_eq!(
            read(&folder, "final.txt"),
            expected.last,
            "training {trainings} ended otherwise"
        );
        assert_eq!(
            read(&folder, "log.csv"),
            expected.log,
            "the log of training {trainings} is another"
        );
        assert!(
            !folder.join("backup").exists(),
            "the backups of training {trainings} are still there"
        );
        std::fs::remove_dir_all(&folder).unwrap();
        trainings += 1;
    }
    a_second_signal_leaves_at_once(work.path());
    assert!(interrupted > 0 || kills < 50, "no training left with a message");
    println!(
        "test kill ... ok: {done} kills and {interrupted} signals in {trainings} trainings, all the same to the last bit \
         ({:.1} s){faults}",
        started.elapsed().as_secs_f64()
    );
    for (what, [_, ended]) in faults.all() {
        assert!(*ended > 0 || kills < 500, "no training was ended by {what}");
    }
}

/// What goes wrong in a life beside its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Files end after so many blocks of 512 bytes.
    Short(usize),
    /// Every write fails from some moment on.
    Failing,
    /// So many bytes are free.
    Full(u64),
}

impl Fault {
    /// By a number in `0..1`: none for most, and where they are not asked for.
    fn roll(number: f64) -> Self {
        let asked = std::env::var_os("KERAS_KILL_FAULTS").is_some();
        match number {
            n if n < 0.1 && asked => Self::Short(1 + (n * 300.) as usize),
            n if n < 0.2 && asked => Self::Failing,
            n if n < 0.3 && full().is_some() => Self::Full(((n - 0.2) * 900_000.) as u64),
            _ => Self::None,
        }
    }
}

/// The lives with each fault, and those that it ended.
#[derive(Default)]
struct Faults([[usize; 2]; 3]);

impl Faults {
    fn count(&mut self, fault: Fault, ended: Option<&Output>) {
        let at = match fault {
            Fault::None => return,
            Fault::Short(_) => 0,
            Fault::Failing => 1,
            Fault::Full(_) => 2,
        };
        self.0[at][0] += 1;
        self.0[at][1] += usize::from(ended.is_some_and(Output::failed));
    }

    fn all(&self) -> impl Iterator<Item = (&str, &[usize; 2])> {
        let names = ["short writes", "writes that fail", "a full disk"];
        names
            .into_iter()
            .zip(&self.0)
            .filter(|(_, [lives, _])| *lives > 0)
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut each = self.all();
        each.try_for_each(|(what, [lives, ended])| {
            write!(f, "; {what} in {lives} lives, which ended {ended}")
        })
    }
}

/// A batch takes long; the first SIGINT waits for its end, the second does not.
fn a_second_signal_leaves_at_once(work: &Path) {
    let folder = work.join("slow");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("slow"), "").unwrap();
    let mut child = Life::start(&folder, Fault::None);
    while !folder.join("asleep").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.signal("INT");
    assert!(
        child.wait_until(Duration::from_millis(300)).is_none(),
        "the first signal waits"
    );
    let output = child.interrupt("INT");
    assert_eq!(output.code, None, "a signal ended it: {}", output.text);
}

fn read(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The folder of a small file system that is to run full.
fn full() -> Option<PathBuf> {
    std::env::var_os("KERAS_KILL_FULL").map(PathBuf::from)
}

/// Leaves so many bytes of the small file system free.
fn fill(filler: &Path, free: u64) {
    let mut file = std::fs::File::create(filler).unwrap();
    let block = [7u8; 4096];
    let mut written = 0u64;
    while file.write_all(&block).is_ok() {
        written += block.len() as u64;
        assert!(
            written < 64 << 20,
            "KERAS_KILL_FULL must be a folder on a small file system"
        );
    }
    file.set_len(written.saturating_sub(free)).unwrap();
}

struct Expected {
    last: String,
    log: String,
    /// From the first line to the end.
    took: Duration,
}

fn uninterrupted(folder: &Path) -> Expected {
    std::fs::create_dir(folder).unwrap();
    let mut child = Life::start(folder, Fault::None);
    let began = Instant::now();
    let output = child
        .wait_until(Duration::from_secs(300))
        .expect("it takes too long");
    assert!(!output.failed(), "{}", output.text);
    Expected {
        last: read(folder, "final.txt"),
        log: read(folder, "log.csv"),
        took: began.elapsed(),
    }
}

/// A process that trains.
struct Life {
    child: Child,
    faulty: bool,
}

struct Output {
    code: Option<i32>,
    text: String,
    faulty: bool,
}

impl Life {
    /// Starts it, and returns when it is about to train.
    fn start(folder: &Path, fault: Fault) -> Self {
        let program: PathBuf = std::env::current_exe().unwrap();
        let mut command = Command::new(&program);
        let limit = match fault {
            Fault::Short(blocks) => Some(blocks.to_string()),
            Fault::Failing => Some("unlimited".to_owned()),
            _ => None,
        };
        if let Some(limit) = limit {
            // A write beyond the limit is an error, not the end of the process.
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$0\"");
            command = Command::new("sh");
            command.arg("-c").arg(script).arg(&program);
        }
        if let (Fault::Full(free), Some(small)) = (fault, full()) {
            fill(&small.join("filler"), free);
        }
        let mut child = command
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            faulty: fault != Fault::None,
        }
    }

    /// No file may have a byte more from now on.
    fn fail_writes(&mut self) {
        let pid = self.child.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=0:0"])
            .output()
            .expect("prlimit must be installed");
        // It may just have ended.
        assert!(
            limited.status.success() || self.child.try_wait().unwrap().is_some(),
            "{}",
            String::from_utf8_lossy(&limited.stderr)
        );
    }

    /// What it said, if it ends by itself in this time.
    fn wait_until(&mut self, time: Duration) -> Option<Output> {
        let until = Instant::now() + time;
        while self.child.try_wait().unwrap().is_none() {
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        let mut text = String::new();
        self.child
            .stderr
            .as_mut()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        Some(Output {
            code: self.child.wait().unwrap().code(),
            text,
            faulty: self.faulty,
        })
    }

    fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.child.id().to_string()];
        assert!(Command::new("kill").args(arguments).status().unwrap().success());
    }

    /// What it says when a signal comes, unless it has ended before.
    fn interrupt(&mut self, name: &str) -> Output {
        self.signal(name);
        self.wait_until(Duration::from_secs(30))
            .expect("it does not leave")
    }

    fn kill(&mut self) {
        // It may just have ended.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

impl Output {
    fn failed(&self) -> bool {
        self.code != Some(0)
    }

    /// An error is fine where writes were made to fail and it names the file.
    fn check(&self) {
        // What the training itself writes at its end has no name in its error.
        let named = self.text.contains("cannot") && self.text.contains('/')
            || self.text.starts_with("error: No space left")
            || self.text.starts_with("error: File too large");
        assert!(
            self.faulty && named && !self.text.contains("not used"),
            "it failed (code {:?}):\n{}",
            self.code,
            self.text
        );
    }
}
