//! Copies and the archive.

use std::fs;

use keras_runs::{
    ListRuns, RunInfo, clean_runs, copy_run, copy_run_files, ls_runs, purge_runs, restore_runs,
};

use super::reader;
use super::writing::plain;

#[test]
fn runs_are_copied_with_all_or_without_their_record() {
    let base = tempfile::tempdir().unwrap();
    let runs = base.path().join("runs");
    let run = plain(&runs);
    fs::create_dir(run.path().join("logs")).unwrap();
    fs::create_dir(run.path().join("out")).unwrap();
    fs::write(run.path().join("out/model.txt"), "weights").unwrap();
    run.epoch([("loss", 0.5)]).unwrap();
    let path = run.finish().unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::options()
        .write(true)
        .open(path.join("out/model.txt"))
        .unwrap()
        .set_modified(old)
        .unwrap();

    let copies = copy_run([&path], base.path().join("kept"), None).unwrap();
    assert_eq!(copies, [base.path().join("kept").join(path.file_name().unwrap())]);
    reader::read(&copies[0]).unwrap();
    assert!(copies[0].join("plots/history.png").exists());
    let copied = copies[0].join("out/model.txt");
    assert_eq!(fs::read_to_string(&copied).unwrap(), "weights");
    assert_eq!(
        fs::metadata(&copied).unwrap().modified().unwrap(),
        old,
        "dates are kept"
    );
    // Over what is there.
    fs::write(&copied, "changed").unwrap();
    copy_run([&path], base.path().join("kept"), None).unwrap();
    assert_eq!(fs::read_to_string(&copied).unwrap(), "weights");

    let files = copy_run_files([&path], base.path(), Some(&["best"])).unwrap();
    assert_eq!(files, [base.path().join("best")]);
    let names: Vec<_> = fs::read_dir(&files[0])
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["out"]);

    let error = copy_run([&path], base.path(), Some(&["a", "b"]))
        .unwrap_err()
        .to_string();
    assert!(error.contains("1 runs, 2 names"), "{error}");
    let error = copy_run([&path], &runs, None).unwrap_err().to_string();
    assert!(error.contains("onto itself"), "{error}");
    assert!(copy_run([base.path()], base.path().join("x"), None).is_err());
    // Into itself: no endless descent.
    copy_run([&path], &path, Some(&["within"])).unwrap();
    assert!(path.join("within/out/model.txt").exists() && !path.join("within/within").exists());
}

#[test]
fn the_archive_takes_gives_back_and_forgets() {
    let base = tempfile::tempdir().unwrap();
    let going = plain(base.path());
    let error = clean_runs([going.path()]).unwrap_err().to_string();
    assert!(error.contains("goes on"), "{error}");
    let first = going.finish().unwrap();
    let second = plain(base.path()).finish().unwrap();
    let archived = clean_runs([&first, &second]).unwrap();
    assert!(ls_runs(base.path()).unwrap().is_empty());
    let list = ListRuns::new()
        .runs_dir(base.path())
        .archived(true)
        .list()
        .unwrap();
    assert_eq!(list.len(), 2);

    // A name that is taken by now.
    copy_run([&archived[0]], base.path(), None).unwrap();
    let back = restore_runs([&archived[0]]).unwrap();
    assert_eq!(
        back[0].file_name().unwrap().to_str().unwrap(),
        format!("{}-02", list_name(&first))
    );
    assert_eq!(ls_runs(base.path()).unwrap().len(), 2);
    assert!(restore_runs([&back[0]]).is_err(), "it is in no archive");

    fs::write(base.path().join("archive/mine.txt"), "keep").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&back[0], base.path().join("archive/link")).unwrap();
    let purged = purge_runs(base.path()).unwrap();
    assert_eq!(purged.runs, if cfg!(unix) { 2 } else { 1 });
    assert!(purged.bytes > 0);
    assert!(base.path().join("archive/mine.txt").exists());
    assert!(
        RunInfo::read(&back[0]).is_ok(),
        "a link's target is not in the archive"
    );
    assert_eq!(purge_runs(base.path()).unwrap().runs, 0);
}

fn list_name(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
