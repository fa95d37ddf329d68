//! A training that is killed over and over, at any moment, ends with the same bits as one that never was.
//!
//! The program starts itself as the training, kills it by SIGKILL at a random moment, starts it again, and compares
//! weights, history and log with those of a training that was left alone. Some lives end by SIGTERM instead, which the
//! training notes, saves and leaves with a message. `KERAS_KILLS` sets how many kills (200).
//! With `KERAS_KILL_FAULTS=short` writes are short and fail, by a limit on the size of files; with `KERAS_KILL_FULL`, a
//! folder on a small file system, the disk is full at times. `full_disk.sh` makes such a file system.

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
    while done < kills {
        let folder = work.path().join(format!("{trainings}"));
        std::fs::create_dir(&folder).unwrap();
        loop {
            let fault = dice.roll();
            let mut child = Life::start(&folder, fault);
            let ended = child.wait_until(life.mul_f64(dice.roll() * 2.));
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
         ({:.1} s)",
        started.elapsed().as_secs_f64()
    );
}

/// A batch takes long; the first SIGINT waits for its end, the second does not.
fn a_second_signal_leaves_at_once(work: &Path) {
    let folder = work.join("slow");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("slow"), "").unwrap();
    let mut child = Life::start(&folder, 1.);
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
    let mut child = Life::start(folder, 1.);
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
    fn start(folder: &Path, fault: f64) -> Self {
        let program: PathBuf = std::env::current_exe().unwrap();
        let short = std::env::var("KERAS_KILL_FAULTS").is_ok_and(|f| f == "short");
        let mut faulty = short && fault < 0.3;
        let mut command = Command::new(&program);
        if faulty {
            // Files end after so many blocks of 512 bytes: writes are short, then fail.
            let blocks = 1 + (fault * 100.) as usize;
            let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\"");
            command = Command::new("sh");
            command.arg("-c").arg(script).arg(&program);
        }
        if let Some(small) = full().filter(|_| fault < 0.3) {
            fill(&small.join("filler"), (fault * 300_000.) as u64);
            faulty = true;
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
        Self { child, faulty }
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
            || self.text.contains("error: No space left");
        assert!(
            self.faulty && named,
            "it failed (code {:?}):\n{}",
            self.code,
            self.text
        );
    }
}
