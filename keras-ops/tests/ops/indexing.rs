//! Indexing and ordering against Keras 3.15.1 (JAX); `keras/make_indexing.py` writes the values.

use std::collections::HashMap;

use keras_ops::{self as ops, DType, Device, Reduction, Result, Tensor};

const CPU: Device = Device::Cpu;

struct Table(HashMap<String, Tensor>);

impl Table {
    fn read() -> Self {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/ops/keras/indexing.safetensors"
        );
        Self(ops::candle::safetensors::load(path, &CPU).unwrap())
    }

    fn input(&self, name: &str) -> Tensor {
        self.0[&format!("in.{name}")].clone()
    }

    /// Whether `got` are the outputs of a case, NaN being equal to NaN.
    fn check(&mut self, name: &str, got: &[Tensor]) -> Result<()> {
        for (i, got) in got.iter().enumerate() {
            let Some(expected) = self.0.remove(&format!("{name}.{i}")) else {
                panic!("{name}: no output {i} in the table");
            };
            assert_eq!(got.dims(), expected.dims(), "{name}, output {i}");
            let flat = |x: &Tensor| x.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
            let (got, expected) = (flat(got)?, flat(&expected)?);
            let same =
                |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-6 * b.abs();
            assert!(
                got.iter().zip(&expected).all(same),
                "{name}, output {i}: {got:?}\nexpected {expected:?}"
            );
        }
        Ok(())
    }
}

#[test]
fn as_keras() -> Result<()> {
    let mut table = Table::read();
    let [f, ties, ints, v, ids, rows, bins, pairs] =
        ["f", "ties", "ints", "v", "ids", "rows", "bins", "pairs"].map(|name| table.input(name));
    for (name, x) in [("f", &f), ("ties", &ties), ("ints", &ints)] {
        for axis in [-1, 0] {
            table.check(&format!("sort {name} {axis}"), &[ops::sort(x, axis)?])?;
            table.check(&format!("argsort {name} {axis}"), &[ops::argsort(x, axis)?])?;
        }
    }
    for (name, x, k) in [("f", &f, 3), ("ties", &ties, 4), ("ints", &ints, 2)] {
        table.check(&format!("top_k {name}"), &<[Tensor; 2]>::from(ops::top_k(x, k)?))?;
    }
    let targets = Tensor::new(&[1u32, 2, 6], &CPU)?;
    table.check("in_top_k", &[ops::in_top_k(&targets, &ties, 3)?])?;
    segments(&mut table, &rows, &ints, &ids)?;
    counts(&mut table, &f, &ints)?;
    scatters(&mut table, &f, &v, &rows, &pairs)?;
    table.check("nonzero", &ops::nonzero(&ints)?)?;
    let both = |values: &Tensor| -> Result<_> {
        Ok([
            ops::searchsorted(&bins, values, false)?,
            ops::searchsorted(&bins, values, true)?,
        ])
    };
    table.check("searchsorted", &both(&v)?)?;
    table.check("searchsorted ties", &both(&ties)?)?;
    table.check("digitize", &[ops::digitize(&v, &bins)?])?;
    table.check("digitize down", &[ops::digitize(&v, &ops::flip(&bins, None)?)?])?;
    let elements = Tensor::new(&[2i64, -1, 7], &CPU)?;
    table.check(
        "isin",
        &[
            ops::isin(&ints, &elements, false)?,
            ops::isin(&ints, &elements, true)?,
        ],
    )?;
    let elements = Tensor::new(&[0f32, f32::NAN, 3.], &CPU)?;
    table.check("isin floats", &[ops::isin(&ties, &elements, false)?])?;
    let flat = Tensor::new(&[0i64, 5, 13, 23], &CPU)?;
    table.check("unravel_index", &ops::unravel_index(&flat, &[2, 3, 4])?)?;
    uniques(&mut table, &ints, &ties)?;
    table.0.retain(|name, _| !name.starts_with("in."));
    assert!(table.0.is_empty(), "not compared: {:?}", table.0.keys());
    Ok(())
}

fn segments(table: &mut Table, rows: &Tensor, ints: &Tensor, ids: &Tensor) -> Result<()> {
    let ints = ints.flatten_all()?.narrow(0, 0, 9)?.to_dtype(DType::I32)?;
    type Segment = fn(&Tensor, &Tensor, Option<usize>, bool) -> Result<Tensor>;
    let all: [(&str, Segment); 4] = [
        ("segment_sum", ops::segment_sum),
        ("segment_max", ops::segment_max),
        ("segment_min", ops::segment_min),
        ("segment_prod", ops::segment_prod),
    ];
    for (name, segment) in all {
        table.check(name, &[segment(rows, ids, Some(7), false)?])?;
        let mut got = segment(&ints, ids, Some(7), false)?;
        if name.ends_with("max") || name.ends_with("min") {
            assert_eq!(got.dtype(), DType::I32);
            got = got.to_dtype(DType::I64)?;
        }
        table.check(&format!("{name} ints"), &[got])?;
    }
    let error = ops::segment_sum(rows, ids, None, true).unwrap_err().to_string();
    assert!(
        error.contains("segment_sum: expected ascending segment numbers, got 0 after 3"),
        "{error}"
    );
    Ok(())
}

fn counts(table: &mut Table, f: &Tensor, ints: &Tensor) -> Result<()> {
    let x = ints.abs()?;
    table.check("bincount", &[ops::bincount(&x.flatten_all()?, None, 6)?])?;
    let weights = f.get(0)?.narrow(0, 0, 4)?;
    table.check(
        "bincount weights",
        &[ops::bincount(&x.get(0)?, Some(&weights), 0)?],
    )?;
    table.check("bincount batch", &[ops::bincount(&x, None, 2)?])?;
    table.check("multi_hot", &[ops::multi_hot(&x, 3, DType::F32)?])?;
    table.check("multi_hot vector", &[ops::multi_hot(&x.get(1)?, 6, DType::F32)?])?;
    assert!(
        ops::bincount(ints, None, 0)
            .unwrap_err()
            .to_string()
            .contains("negative")
    );
    Ok(())
}

fn scatters(table: &mut Table, f: &Tensor, v: &Tensor, rows: &Tensor, pairs: &Tensor) -> Result<()> {
    let few = |n| v.narrow(0, 0, n);
    table.check("scatter", &[ops::scatter(pairs, &few(3)?, &[4, 6])?])?;
    let at = Tensor::new(&[[1u32], [3], [1]], &CPU)?;
    table.check(
        "scatter rows",
        &[ops::scatter(&at, &rows.narrow(0, 0, 3)?, &[5, 2])?],
    )?;
    table.check(
        "scatter_update",
        &[ops::scatter_update(f, pairs, &few(3)?, Reduction::Set)?],
    )?;
    let twice = Tensor::cat(&[pairs, &pairs.narrow(0, 0, 1)?], 0)?;
    for (name, reduction) in [
        ("add", Reduction::Add),
        ("max", Reduction::Max),
        ("min", Reduction::Min),
        ("mul", Reduction::Mul),
    ] {
        let got = ops::scatter_update(f, &twice, &few(4)?, reduction)?;
        table.check(&format!("scatter_update {name}"), &[got])?;
    }
    let block = rows.narrow(0, 0, 2)?.t()?;
    table.check("slice_update", &[ops::slice_update(f, &[1, 2], &block)?])?;
    let error = ops::slice_update(f, &[3, 2], &block).unwrap_err().to_string();
    assert!(
        error.contains("slice_update") && error.contains("[4, 6]"),
        "{error}"
    );
    let error = ops::scatter(&pairs.affine(2., 0.)?, &few(3)?, &[4, 6])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("scatter: index [6, 10] at position 1 is out of range"),
        "{error}"
    );
    Ok(())
}

fn uniques(table: &mut Table, ints: &Tensor, ties: &Tensor) -> Result<()> {
    // The remainders, as Python's are never negative.
    let odd = |x: &Tensor| -> Result<Tensor> {
        let values: Vec<i64> = x
            .flatten_all()?
            .to_vec1::<i64>()?
            .iter()
            .map(|v| v.rem_euclid(2))
            .collect();
        Tensor::from_vec(values, x.dims(), &CPU)
    };
    for (name, x, axis) in [
        ("unique", ints.clone(), None),
        ("unique rows", odd(ints)?, Some(0)),
        ("unique columns", odd(ints)?, Some(1)),
        ("unique floats", ties.abs()?, None),
    ] {
        let found = ops::unique(&x, axis)?;
        table.check(name, &[found.values, found.indices, found.inverse, found.counts])?;
    }
    Ok(())
}

/// Long lanes go through another sort, wide rows through another selection.
#[test]
fn long_and_many_lanes() -> Result<()> {
    let x = ops::random::normal((3, 9001), 0., 1., DType::F32, &CPU, ops::Seed::new(1, 2))?;
    let rounded = x.affine(50., 0.)?.round()?;
    let order = ops::argsort(&rounded, -1)?.to_vec2::<u32>()?;
    let sorted = ops::sort(&rounded, -1)?.to_vec2::<f32>()?;
    for ((row, order), sorted) in rounded.to_vec2::<f32>()?.iter().zip(&order).zip(&sorted) {
        let mut expected: Vec<u32> = (0..9001).collect();
        expected.sort_by(|a, b| row[*a as usize].partial_cmp(&row[*b as usize]).unwrap());
        let values: Vec<f32> = expected.iter().map(|i| row[*i as usize]).collect();
        assert!(values == *sorted);
        assert!(
            order
                .windows(2)
                .all(|w| row[w[0] as usize] < row[w[1] as usize] || w[0] < w[1])
        );
    }
    for k in [0, 1, 10, 40, 9001] {
        let (values, places) = ops::top_k(&rounded, k)?;
        let all: Vec<Vec<f32>> = sorted
            .iter()
            .map(|row| row.iter().rev().take(k).copied().collect())
            .collect();
        assert!(values.to_vec2::<f32>()? == all);
        assert_eq!(places.dims(), [3, k]);
    }
    let split = ops::argpartition(&x, 17, -1)?;
    let parted = ops::take_along_axis(&x, &split, -1)?.to_vec2::<f32>()?;
    let sorted = ops::sort(&x, -1)?.to_vec2::<f32>()?;
    for (parted, sorted) in parted.iter().zip(&sorted) {
        assert_eq!(parted[17], sorted[17]);
        assert!(
            parted[..17].iter().all(|v| *v <= parted[17]) && parted[18..].iter().all(|v| *v >= parted[17])
        );
    }
    Ok(())
}

/// Blocks without a larger element are passed over; NaN, ties and infinities must not get lost in them.
#[test]
fn the_largest_of_any_length() -> Result<()> {
    let palette = [
        0f32,
        -0.,
        1.,
        -1.,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        2.,
        2.,
        0.5,
    ];
    for seed in 0..40u64 {
        let len = 1 + (seed as usize * 7) % 90;
        let draws = ops::random::randint(len, 0, 10, DType::I64, &CPU, ops::Seed::new(seed, 3))?;
        let row: Vec<f32> = draws
            .to_vec1::<i64>()?
            .iter()
            .map(|i| palette[*i as usize])
            .collect();
        let x = Tensor::new(&row[..], &CPU)?;
        let mut order: Vec<u32> = (0..len as u32).collect();
        let rank = |place: &u32| {
            let v = row[*place as usize];
            if v.is_nan() { (1, 0.) } else { (0, v) }
        };
        order.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap());
        for k in [1, 2, 5, 32] {
            let k = k.min(len);
            let (_, places) = ops::top_k(&x, k)?;
            assert_eq!(places.to_vec1::<u32>()?, order[..k], "{k} of {row:?}");
        }
    }
    Ok(())
}

#[test]
fn sorts_are_the_same_for_any_number_of_threads() -> Result<()> {
    let x = ops::random::normal((700, 300), 0., 1., DType::F32, &CPU, ops::Seed::new(4, 2))?;
    let pool = |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
    let all = || -> Result<_> {
        Ok((
            ops::sort(&x, -1)?.to_vec2::<f32>()?,
            ops::top_k(&x, 7)?.1.to_vec2::<u32>()?,
        ))
    };
    let one = pool(1).install(all)?;
    for threads in [2, 3] {
        assert!(one == pool(threads).install(all)?);
    }
    Ok(())
}

#[test]
fn items_as_in_python() -> Result<()> {
    use ops::Index::{At, Ellipsis, NewAxis, Slice};
    let x = Tensor::arange(0f32, 24., &CPU)?.reshape((2, 3, 4))?;
    let flat = |index: &[ops::Index]| ops::get_item(&x, index)?.flatten_all()?.to_vec1::<f32>();
    assert_eq!(flat(&[At(1), At(-1)])?, [20., 21., 22., 23.]);
    assert_eq!(flat(&[Ellipsis, At(0)])?, [0., 4., 8., 12., 16., 20.]);
    let slice = |start, stop, step| Slice { start, stop, step };
    assert_eq!(flat(&[At(0), At(0), slice(Some(-1), None, -2)])?, [3., 1.]);
    assert_eq!(flat(&[At(0), At(0), slice(Some(-9), Some(9), 3)])?, [0., 3.]);
    assert_eq!(flat(&[At(0), At(0), slice(Some(3), Some(1), 1)])?, [0f32; 0]);
    assert_eq!(
        ops::get_item(&x, &[NewAxis, Ellipsis, NewAxis])?.dims(),
        [1, 2, 3, 4, 1]
    );
    for (index, part) in [
        (vec![At(2)], "position"),
        (vec![At(0); 4], "at most 3"),
        (vec![slice(None, None, 0)], "step"),
    ] {
        let error = ops::get_item(&x, &index).unwrap_err().to_string();
        assert!(error.contains("get_item") && error.contains(part), "{error}");
    }
    Ok(())
}
