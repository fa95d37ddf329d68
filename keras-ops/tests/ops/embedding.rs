use keras_ops::optimizer_step::*;
use keras_ops::{
    self as ops, DType, Device, Gradient, GradientTape, Result, RowGradient, Seed, Tensor, Var, random,
};

const CPU: Device = Device::Cpu;

fn table(rows: usize, width: usize, draw: u64, dtype: DType) -> Result<Var> {
    Var::from_tensor(&random::normal(
        (rows, width),
        0.,
        1.,
        dtype,
        &CPU,
        Seed::new(2, draw),
    )?)
}

fn ids(count: usize, below: i64, draw: u64) -> Result<Tensor> {
    random::randint(count, 0, below, DType::U32, &CPU, Seed::new(3, draw))
}

fn rows(gradient: Option<Gradient>) -> RowGradient {
    match gradient {
        Some(Gradient::Rows(rows)) => rows,
        other => panic!("expected rows, got {other:?}"),
    }
}

fn bits(x: &Tensor) -> Result<Vec<u64>> {
    let x = x.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    Ok(x.iter().map(|v| v.to_bits()).collect())
}

#[test]
fn ids_of_every_dtype_and_rank() -> Result<()> {
    let table = Tensor::new(&[[1f32, 2.], [3., 4.], [5., 6.]], &CPU)?;
    let ids = Tensor::new(&[[[2i64, 0, 1]]], &CPU)?;
    for dtype in [DType::U8, DType::U32, DType::I64, DType::I32] {
        let y = ops::embedding(&table, &ids.to_dtype(dtype)?)?;
        assert_eq!(y.dims(), [1, 1, 3, 2]);
        assert_eq!(y.flatten_all()?.to_vec1::<f32>()?, [5., 6., 1., 2., 3., 4.]);
    }
    assert_eq!(
        ops::embedding(&table, &Tensor::new(1u32, &CPU)?)?.to_vec1::<f32>()?,
        [3., 4.]
    );
    for (ids, id) in [
        (Tensor::new(&[0i64, -1], &CPU)?, "-1"),
        (Tensor::new(&[0u32, 3], &CPU)?, "3"),
    ] {
        let error = ops::embedding(&table, &ids).unwrap_err().to_string();
        assert!(
            error.contains("embedding") && error.contains(&format!("id {id} at position 1")),
            "{error}"
        );
        assert!(error.contains("vocabulary of 3"), "{error}");
    }
    assert!(
        ops::embedding(&table, &table)
            .unwrap_err()
            .to_string()
            .contains("embedding")
    );
    Ok(())
}

#[test]
fn the_gradient_has_the_rows_that_occur() -> Result<()> {
    let table = table(1000, 3, 0, DType::F64)?;
    let ids = ids(500, 1000, 0)?;
    let tape = GradientTape::start();
    let y = ops::embedding(table.as_tensor(), &ids)?;
    let seed = random::normal((500, 3), 0., 1., DType::F64, &CPU, Seed::new(4, 0))?;
    let rows = rows(tape.gradients_with(&[(&y, seed.clone())])?.take(&table));
    let mut expected = vec![[0f64; 3]; 1000];
    for (id, grad) in ids.to_vec1::<u32>()?.iter().zip(seed.to_vec2::<f64>()?) {
        expected[*id as usize]
            .iter_mut()
            .zip(grad)
            .for_each(|(sum, g)| *sum += g);
    }
    assert!(rows.rows().windows(2).all(|pair| pair[0] < pair[1]) && rows.rows().len() < 500);
    assert_eq!(rows.dense()?.to_vec2::<f64>()?, expected);
    let of_rows: Vec<_> = rows
        .rows()
        .iter()
        .map(|row| expected[*row as usize].to_vec())
        .collect();
    assert_eq!(rows.values().to_vec2::<f64>()?, of_rows);
    Ok(())
}

#[test]
fn rows_join_other_gradients() -> Result<()> {
    let table = table(6, 2, 1, DType::F64)?;
    let pick = |ids: &[u32]| ops::embedding(table.as_tensor(), &Tensor::new(ids, &CPU)?);
    let sum = |x: &Tensor| ops::sum(x, None, false);
    // Twice the same table: still rows.
    let tape = GradientTape::start();
    let both = ops::add(&sum(&pick(&[1, 4])?)?, &sum(&pick(&[4, 5])?)?)?;
    let rows = rows(tape.gradients(&both)?.take(&table));
    assert_eq!(rows.rows(), [1, 4, 5]);
    assert_eq!(rows.values().to_vec2::<f64>()?, [[1.; 2], [2.; 2], [1.; 2]]);
    // Together with a dense one, in either order, and through an operation before: dense.
    for first in [true, false] {
        let tape = GradientTape::start();
        let parts = match first {
            true => [sum(&pick(&[0, 0])?)?, sum(table.as_tensor())?],
            false => [sum(table.as_tensor())?, sum(&pick(&[0, 0])?)?],
        };
        let mut grads = tape.gradients(&ops::add(&parts[0], &parts[1])?)?;
        assert_eq!(
            grads.get(&table).unwrap().to_vec2::<f64>()?[..2],
            [[3.; 2], [1.; 2]]
        );
        assert!(matches!(grads.take(&table), Some(Gradient::Dense(_))));
    }
    let tape = GradientTape::start();
    let doubled = ops::mul_scalar(table.as_tensor(), 2.)?;
    let y = ops::embedding(&doubled, &Tensor::new(&[3u32], &CPU)?)?;
    assert_eq!(
        tape.gradients(&y)?.remove(&table).unwrap().to_vec2::<f64>()?[2..4],
        [[0.; 2], [2.; 2]]
    );
    Ok(())
}

/// Steps two copies, one by rows and one by the same gradient made dense.
fn same(
    shape: (usize, usize),
    dtype: DType,
    slots: usize,
    dense: impl Fn(&Tensor, &Tensor, &[Var]) -> Result<()>,
    sparse: impl Fn(&Tensor, &RowGradient, &[Var]) -> Result<()>,
) -> Result<()> {
    let vars = [
        table(shape.0, shape.1, 7, dtype)?,
        table(shape.0, shape.1, 7, dtype)?,
    ];
    let slots = [(); 2].map(|_| {
        (0..slots)
            .map(|_| Var::zeros(shape, dtype, &CPU))
            .collect::<Result<Vec<_>>>()
    });
    let [slots, others] = slots;
    let (slots, others) = (slots?, others?);
    for step in 0..3 {
        let ids = ids(shape.0 / 3 + 1, shape.0 as i64, step)?;
        let tape = GradientTape::start();
        let y = ops::embedding(vars[0].as_tensor(), &ids)?;
        let grad = rows(tape.gradients_with(&[(&y, y.detach())])?.take(&vars[0]));
        dense(vars[1].as_tensor(), &grad.dense()?, &others)?;
        sparse(vars[0].as_tensor(), &grad, &slots)?;
        assert_eq!(
            bits(&vars[0])?,
            bits(&vars[1])?,
            "{shape:?} {dtype:?} step {step}"
        );
        for (a, b) in slots.iter().zip(&others) {
            assert_eq!(bits(a)?, bits(b)?, "{shape:?} {dtype:?} step {step}");
        }
    }
    Ok(())
}

#[test]
fn steps_by_rows_are_the_dense_steps() -> Result<()> {
    for (shape, dtype) in [
        ((7, 3), DType::F32),
        ((3001, 40), DType::F32),
        ((2500, 40), DType::F64),
        ((9, 5), DType::BF16),
    ] {
        for (momentum, nesterov) in [(0., false), (0.9, false), (0.9, true)] {
            let rule = SgdRule {
                learning_rate: 0.1,
                momentum,
                nesterov,
            };
            same(
                shape,
                dtype,
                usize::from(momentum > 0.),
                |w, g, s| sgd_step(&rule, w, g, s.first().map(|v| v.as_tensor())),
                |w, g, s| sgd_step_rows(&rule, w, g, s.first().map(|v| v.as_tensor())),
            )?;
        }
        for amsgrad in [2, 3] {
            let rule = AdamRule {
                learning_rate: 0.1,
                beta_1: 0.9,
                beta_2: 0.99,
                epsilon: 1e-4,
                step: 3,
            };
            let hat = |s: &[Var]| s.get(2).map(|v| v.as_detached_tensor());
            same(
                shape,
                dtype,
                amsgrad,
                |w, g, s| adam_step(&rule, w, g, &s[0], &s[1], hat(s).as_ref()),
                |w, g, s| adam_step_rows(&rule, w, g, &s[0], &s[1], hat(s).as_ref()),
            )?;
        }
        let rule = RmspropRule {
            learning_rate: 0.1,
            rho: 0.9,
            momentum: 0.5,
            epsilon: 1e-3,
        };
        same(
            shape,
            dtype,
            3,
            |w, g, s| rmsprop_step(&rule, w, g, &s[0], Some(&s[1]), Some(&s[2])),
            |w, g, s| rmsprop_step_rows(&rule, w, g, &s[0], Some(&s[1]), Some(&s[2])),
        )?;
    }
    Ok(())
}

#[test]
fn rows_that_do_not_fit_are_errors() -> Result<()> {
    let values = Tensor::zeros((2, 3), DType::F32, &CPU)?;
    assert!(RowGradient::new(vec![0, 4], values.clone(), (5, 3)).is_ok());
    for (rows, shape) in [
        (vec![4, 0], (5, 3)),
        (vec![0, 5], (5, 3)),
        (vec![0], (5, 3)),
        (vec![0, 1], (5, 2)),
    ] {
        assert!(RowGradient::new(rows, values.clone(), shape).is_err());
    }
    let w = Var::zeros((6, 3), DType::F32, &CPU)?;
    let rule = SgdRule {
        learning_rate: 1.,
        momentum: 0.,
        nesterov: false,
    };
    let grad = RowGradient::new(vec![0, 4], values, (5, 3))?;
    let error = sgd_step_rows(&rule, &w, &grad, None).unwrap_err().to_string();
    assert!(
        error.contains("sgd_step_rows") && error.contains("[5, 3]"),
        "{error}"
    );
    Ok(())
}
