//! Downloads from a server on this machine.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use keras::datasets::{Download, breast_cancer, diabetes, digits, iris, wine};
use sha2::{Digest, Sha256};

/// Answers every request with the same bytes; gives its address and the count of requests.
fn serve(answer: Vec<u8>) -> Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/", listener.local_addr()?);
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request: Vec<u8> = Vec::new();
            let mut buffer = [0; 1024];
            while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(n) => request.extend(&buffer[..n]),
                }
            }
            let _ = stream.write_all(&answer);
        }
    });
    Ok((url, count))
}

fn http(status: &str, announced: usize, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\nContent-Length: {announced}\r\nConnection: close\r\n\r\n").into_bytes();
    answer.extend(body);
    answer
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn get(home: &Path, server: &str, hash: &str) -> keras_core::Result<std::path::PathBuf> {
    let download = Download::new().home(home).base_url(server).verbose(false);
    download.file("https://example.com/data/numbers.bin", Some(hash))
}

fn error(home: &Path, server: &str, hash: &str) -> String {
    get(home, server, hash).map_or_else(|e| e.to_string(), |path| format!("no error: {}", path.display()))
}

fn nothing_left(home: &Path) -> Result<bool> {
    Ok(fs::read_dir(home.join("datasets"))?.next().is_none())
}

#[test]
fn a_file_is_downloaded_once_and_then_taken_from_the_folder() -> Result<()> {
    let body: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let (server, count) = serve(http("200 OK", body.len(), &body))?;
    let home = tempfile::tempdir()?;
    for _ in 0..2 {
        let path = get(home.path(), &server, &sha256(&body))?;
        assert_eq!(path, home.path().join("datasets/numbers.bin"));
        assert_eq!(fs::read(path)?, body);
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let ordinary = home.path().join("ordinary");
        fs::write(&ordinary, "")?;
        let mode = |path: &Path| -> Result<u32> { Ok(fs::metadata(path)?.permissions().mode() & 0o777) };
        assert_eq!(mode(&home.path().join("datasets/numbers.bin"))?, mode(&ordinary)?);
    }
    Ok(())
}

#[test]
fn a_damaged_file_is_replaced() -> Result<()> {
    let (server, _) = serve(http("200 OK", 3, b"abc"))?;
    let home = tempfile::tempdir()?;
    fs::create_dir(home.path().join("datasets"))?;
    fs::write(home.path().join("datasets/numbers.bin"), "ab")?;
    // MD5 of abc (RFC 1321).
    assert_eq!(
        fs::read(get(home.path(), &server, "900150983cd24fb0d6963f7d28e17f72")?)?,
        b"abc"
    );
    Ok(())
}

#[test]
fn a_wrong_hash_is_an_error_and_leaves_no_file() -> Result<()> {
    let (server, _) = serve(http("200 OK", 3, b"abc"))?;
    let home = tempfile::tempdir()?;
    let wanted = sha256(b"something else");
    let message = error(home.path(), &server, &wanted);
    assert!(
        message.contains(&wanted) && message.contains(&sha256(b"abc")),
        "{message}"
    );
    assert!(nothing_left(home.path())?);
    Ok(())
}

#[test]
fn a_missing_file_says_what_to_do_offline() -> Result<()> {
    let (server, _) = serve(http("404 Not Found", 0, b""))?;
    let home = tempfile::tempdir()?;
    let message = error(home.path(), &server, &sha256(b""));
    let place = home.path().join("datasets/numbers.bin");
    for part in [
        "404",
        &format!("{server}numbers.bin"),
        &place.display().to_string(),
        "KERAS_HOME",
    ] {
        assert!(message.contains(part), "`{part}` is missing from: {message}");
    }
    assert!(nothing_left(home.path())?);
    Ok(())
}

#[test]
fn a_broken_connection_leaves_no_file_and_a_former_one_is_used() -> Result<()> {
    let (server, _) = serve(http("200 OK", 100_000, &[7; 1000]))?;
    let home = tempfile::tempdir()?;
    let message = error(home.path(), &server, &sha256(&[7; 1000]));
    assert!(message.contains("broke off"), "{message}");
    assert!(nothing_left(home.path())?);
    fs::write(home.path().join("datasets/numbers.bin"), "old")?;
    let former = get(home.path(), &server, &sha256(&[7; 1000]))?;
    assert_eq!(fs::read(former)?, b"old");
    Ok(())
}

#[test]
fn no_server_says_what_to_do_offline() -> Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let home = tempfile::tempdir()?;
    let message = error(home.path(), &format!("http://{address}"), &sha256(b""));
    assert!(
        message.contains("without a connection") && message.contains("KERAS_DATASETS_URL"),
        "{message}"
    );
    Ok(())
}

#[test]
fn a_hash_of_no_known_kind_is_an_error() -> Result<()> {
    let (server, count) = serve(http("200 OK", 3, b"abc"))?;
    let home = tempfile::tempdir()?;
    assert!(error(home.path(), &server, "abc").contains("SHA-256"));
    assert_eq!(count.load(Ordering::SeqCst), 0);
    Ok(())
}

fn sum(x: &keras_ops::Tensor) -> Result<f64> {
    let values = x.to_dtype(keras_ops::DType::F64)?.flatten_all()?;
    Ok(values.to_vec1::<f64>()?.iter().sum())
}

#[test]
fn tables_are_what_scikit_learn_has() -> Result<()> {
    // The sums of all numbers and of all targets there, in float32.
    let table = [
        (
            breast_cancer()?,
            1_056_474.460_155_547_4,
            357.,
            [0., 1., 1., 1., 0.],
        ),
        (iris()?, 2_078.699_996_404_35, 150., [1., 1., 0., 2., 0.]),
        (wine()?, 159_975.295_995_026_83, 167., [1., 2., 2., 0., 1.]),
        (
            diabetes()?,
            276_404.233_563_661_6,
            67_243.,
            [198., 283., 40., 277., 128.],
        ),
    ];
    for (split, numbers, targets, first) in table {
        let both = |a, b| Ok::<f64, anyhow::Error>(sum(a)? + sum(b)?);
        assert!((both(&split.train.0, &split.test.0)? - numbers).abs() < 1e-3);
        assert_eq!(both(&split.train.1, &split.test.1)?, targets);
        let y = split.test.1.to_dtype(keras_ops::DType::F32)?;
        assert_eq!(y.to_vec1::<f32>()?[..5], first);
    }
    assert_eq!(iris()?.train.0.get(0)?.to_vec1::<f32>()?, [5.2, 3.5, 1.5, 0.2]);
    Ok(())
}

#[test]
fn standardized_columns_have_the_scale_of_the_training_part() -> Result<()> {
    let split = wine()?.standardized()?;
    for (x, exact) in [(&split.train.0, true), (&split.test.0, false)] {
        let rows = x.dim(0)? as f64;
        let (mean, square) = (sum(x)? / rows / 13., sum(&x.sqr()?)? / rows / 13.);
        assert!(mean.abs() < if exact { 1e-6 } else { 0.3 }, "{mean}");
        assert!((square - 1.).abs() < if exact { 1e-5 } else { 0.5 }, "{square}");
    }
    let error = digits()?.standardized().unwrap_err().to_string();
    assert!(
        error.contains("table") && error.contains("[1437, 8, 8, 1]"),
        "{error}"
    );
    Ok(())
}

#[test]
fn digits_are_the_same_every_time() -> Result<()> {
    let digits = digits()?;
    let (x, y) = (&digits.train.0, digits.train.1.to_vec1::<u8>()?);
    assert_eq!(y[..5], [2, 8, 7, 9, 5]);
    assert_eq!(digits.test.1.to_vec1::<u8>()?[..5], [3, 0, 8, 6, 2]);
    let first: Vec<f32> = x.get(0)?.get(0)?.flatten_all()?.to_vec1()?;
    assert_eq!(first, [0., 1., 13., 16., 15., 5., 0., 0.]);
    // The sum of all pixels of the source.
    assert_eq!(sum(x)? + sum(&digits.test.0)?, 561_718.);
    let scaled = digits.scaled(16.)?.flattened()?;
    assert_eq!(scaled.train.0.get(0)?.to_vec1::<f32>()?[3], 1.);
    assert!(scaled.scaled(0.).is_err());
    Ok(())
}
