//! The number of threads changes nothing.

use std::process::Command;

fn digest(threads: usize) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_train_digest"))
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .expect("invariant: cargo built this binary for the test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn one_and_several_threads_give_equal_bits() {
    let one = digest(1);
    assert!(one.lines().count() >= 3, "{one}");
    assert_eq!(one, digest(2));
    assert_eq!(one, digest(4));
}
