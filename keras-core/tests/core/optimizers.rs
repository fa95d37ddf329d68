//! Expected numbers are those of Keras 3.15.1 with JAX, in float32.

use keras_core::optimizers::schedules::ExponentialDecay;
use keras_core::optimizers::{Adam, ENTRIES, RMSprop, SGD, ScheduleFreeAdamW};
use keras_core::{Optimizer, Registry, Result, Variable, registry};
use keras_ops::{DType, Device, Tensor};
use serde_json::json;

const CPU: Device = Device::Cpu;
const GRADIENTS: [([f32; 2], f32); 3] = [([3., -4.], 0.5), ([0.2, 0.1], -0.3), ([-1., 2.], 1.)];

fn variables() -> Result<Vec<Variable>> {
    Ok(vec![
        Variable::new("kernel", &Tensor::new(&[1f32, -2.], &CPU)?, true)?,
        Variable::new("bias", &Tensor::new(&[0.5f32], &CPU)?, true)?,
    ])
}

fn values(variables: &[Variable]) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    for variable in variables {
        all.extend(variable.value().flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(all)
}

fn gradients((kernel, bias): ([f32; 2], f32)) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![
        Some(Tensor::new(&kernel, &CPU)?),
        Some(Tensor::new(&[bias], &CPU)?),
    ])
}

fn assert_close(got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!(
            (g - e).abs() < 2e-6 + 1e-5 * e.abs(),
            "{got:?}, expected {expected:?}"
        );
    }
}

/// Runs the three steps; gives back the optimizer and its variables.
fn check(optimizer: impl Optimizer, expected: [[f32; 3]; 3]) -> Result<(Box<dyn Optimizer>, Vec<Variable>)> {
    let variables = variables()?;
    let mut optimizer: Box<dyn Optimizer> = Box::new(optimizer);
    optimizer.build(&variables)?;
    for (step, expected) in GRADIENTS.into_iter().zip(expected) {
        optimizer.apply(&gradients(step)?)?;
        assert_close(&values(&variables)?, &expected);
    }
    Ok((optimizer, variables))
}

fn paths(optimizer: &dyn Optimizer) -> Vec<String> {
    optimizer
        .state_variables()
        .into_iter()
        .map(|(path, _)| path)
        .collect()
}

#[test]
fn sgd_nesterov_weight_decay_clipnorm() -> Result<()> {
    let expected = [
        [0.876, -1.828, 0.4],
        [0.780_64, -1.763_920_1, 0.412_5],
        [0.797_864_2, -1.866_002_1, 0.206_225],
    ];
    let sgd = SGD::new(0.1)
        .momentum(0.9)
        .nesterov(true)
        .weight_decay(0.1)
        .clipnorm(1.);
    let (sgd, _) = check(sgd, expected)?;
    assert_eq!(paths(sgd.as_ref()), ["sgd/kernel_momentum", "sgd/bias_momentum"]);
    Ok(())
}

#[test]
fn global_clipnorm_and_loss_scale() -> Result<()> {
    let expected = [
        [0.940_297_8, -1.920_397, 0.490_049_63],
        [0.930_297_8, -1.925_397, 0.505_049_65],
        [0.971_122_6, -2.007_046_7, 0.464_224_82],
    ];
    check(SGD::new(0.1).global_clipnorm(1.).loss_scale_factor(2.), expected)?;
    Ok(())
}

#[test]
fn averages_overwrite_and_finish() -> Result<()> {
    let expected = [[0.7, -1.6, 0.45], [0.69, -1.605, 0.465], [0.79, -1.805, 0.365]];
    let (mut sgd, variables) = check(SGD::new(0.1).use_ema(0.5).ema_overwrite_frequency(2), expected)?;
    sgd.finalize_variable_values()?;
    assert_close(&values(&variables)?, &[0.74, -1.705, 0.415]);
    assert_eq!(paths(sgd.as_ref()), ["sgd/kernel_average", "sgd/bias_average"]);
    Ok(())
}

#[test]
fn accumulation_with_averages() -> Result<()> {
    let expected = [[1., -2., 0.5], [0.84, -1.805, 0.49], [0.84, -1.805, 0.49]];
    let (mut sgd, variables) = check(
        SGD::new(0.1).use_ema(0.5).gradient_accumulation_steps(2),
        expected,
    )?;
    assert_eq!((sgd.iterations(), sgd.base().iterations), (1, 3));
    sgd.finalize_variable_values()?;
    assert_close(&values(&variables)?, &[0.84, -1.805, 0.49]);
    let names = [
        "kernel_average",
        "bias_average",
        "kernel_gradient_accumulator",
        "bias_gradient_accumulator",
    ];
    assert_eq!(paths(sgd.as_ref()), names.map(|name| format!("sgd/{name}")));
    Ok(())
}

#[test]
fn weight_decay_leaves_out_by_name() -> Result<()> {
    let expected = [
        [0.65, -1.5, 0.45],
        [0.597_499_97, -1.435, 0.48],
        [0.667_625, -1.563_25, 0.38],
    ];
    check(
        SGD::new(0.1)
            .weight_decay(0.5)
            .exclude_from_weight_decay(["bias"]),
        expected,
    )?;
    Ok(())
}

#[test]
fn adam_amsgrad_clipvalue() -> Result<()> {
    let expected = [
        [0.900_001_3, -1.900_001_3, 0.400_001_32],
        [0.810_145_2, -1.848_899_5, 0.380_851_8],
        [0.802_752_4, -1.865_456_2, 0.328_015_12],
    ];
    let (adam, _) = check(Adam::new(0.1).amsgrad(true).clipvalue(0.5), expected)?;
    let names = [
        "kernel_momentum",
        "kernel_velocity",
        "bias_momentum",
        "bias_velocity",
        "kernel_velocity_hat",
        "bias_velocity_hat",
    ];
    assert_eq!(paths(adam.as_ref()), names.map(|name| format!("adam/{name}")));
    Ok(())
}

#[test]
fn adam_accumulation_counts_steps() -> Result<()> {
    let expected = [
        [1., -2., 0.5],
        [0.900_000_9, -1.900_000_8, 0.400_003_82],
        [0.900_000_9, -1.900_000_8, 0.400_003_82],
    ];
    check(Adam::new(0.1).gradient_accumulation_steps(2), expected)?;
    Ok(())
}

#[test]
fn adam_follows_a_schedule() -> Result<()> {
    let expected = [
        [0.900_000_75, -1.900_000_8, 0.400_001_32],
        [0.849_224_2, -1.853_951_6, 0.386_460_57],
        [0.832_980_3, -1.845_733_6, 0.355_136_33],
    ];
    let (mut adam, _) = check(Adam::new(ExponentialDecay::new(0.1, 2., 0.5)), expected)?;
    assert!((adam.learning_rate()? - 0.035_355_34).abs() < 1e-7);
    let error = adam.set_learning_rate(0.1).unwrap_err().to_string();
    assert!(error.contains("ExponentialDecay"), "{error}");
    Ok(())
}

#[test]
fn rmsprop_momentum_centered() -> Result<()> {
    let expected = [
        [0.666_666_7, -1.666_666_7, 0.166_667_4],
        [0.476_590_22, -1.508_709, 0.169_638_62],
        [0.492_891_55, -1.583_864_9, -0.123_161_69],
    ];
    let (rmsprop, _) = check(RMSprop::new(0.1).momentum(0.5).centered(true), expected)?;
    assert_eq!(paths(rmsprop.as_ref())[4], "rm_sprop/kernel_average_gradient");
    Ok(())
}

#[test]
fn missing_gradients() -> Result<()> {
    let variables = variables()?;
    let mut adam: Box<dyn Optimizer> = Box::new(Adam::new(0.1));
    assert!(adam.apply(&gradients(GRADIENTS[0])?).is_err(), "not built");
    adam.build(&variables)?;
    adam.apply(&[None, Some(Tensor::new(&[1f32], &CPU)?)])?;
    assert_close(&values(&variables)?, &[1., -2., 0.4]);
    let error = adam.apply(&[None, None]).unwrap_err().to_string();
    assert!(error.contains("no gradient"), "{error}");
    let wrong = adam.apply(&[None, Some(Tensor::new(&[1f32, 2.], &CPU)?)]);
    assert!(wrong.unwrap_err().to_string().contains("[1]"));
    Ok(())
}

#[test]
fn gradients_are_never_written_to() -> Result<()> {
    let variables = [variables()?.remove(0), variables()?.remove(0)];
    let shared = Tensor::new(&[3f32, 4.], &CPU)?;
    for optimizer in [
        SGD::new(0.1).clipnorm(1.),
        SGD::new(0.1).clipvalue(1.),
        SGD::new(0.1).loss_scale_factor(2.),
    ] {
        let mut optimizer: Box<dyn Optimizer> = Box::new(optimizer);
        optimizer.build(&variables)?;
        for _ in 0..2 {
            optimizer.apply(&[Some(shared.clone()), Some(shared.clone())])?;
        }
        assert_eq!(shared.to_vec1::<f32>()?, [3., 4.]);
    }
    assert_eq!(values(&variables[..1])?, values(&variables[1..])?);
    Ok(())
}

#[test]
fn wrong_arguments() -> Result<()> {
    let variables = variables()?;
    let fails: Vec<Box<dyn Optimizer>> = vec![
        Box::new(SGD::new(0.1).clipnorm(1.).clipvalue(1.)),
        Box::new(SGD::new(0.1).gradient_accumulation_steps(1)),
        Box::new(SGD::new(0.1).use_ema(1.5)),
        Box::new(SGD::new(0.1).momentum(1.5)),
    ];
    for mut optimizer in fails {
        assert!(optimizer.build(&variables).is_err(), "{optimizer:?}");
    }
    let registry = registry::core();
    let unknown = json!({"class_name": "Adam", "config": {"beta_3": 0.5}});
    assert!(registry.optimizers.from_value(&unknown, registry).is_err());
    Ok(())
}

#[test]
fn configurations_round_trip() -> Result<()> {
    let registry = Registry::core();
    for entry in ENTRIES {
        let needed = match entry.class_name {
            "LossScaleOptimizer" => json!({"inner_optimizer": "adam"}),
            "MultiOptimizer" => json!({"optimizer_map": {"class_name": "OptimizerMap", "config": {
                "default_optimizer": "sgd", "optimizer_map": {"encoder/.*": "adam"},
            }}}),
            _ => json!({}),
        };
        let value = json!({"class_name": entry.aliases[0], "config": needed});
        let plain = registry.optimizers.from_value(&value, &registry)?;
        let again = (entry.build)(&plain.full_config(), &registry)?;
        assert_eq!(again.full_config(), plain.full_config());
        assert_eq!(again.class_name(), entry.class_name);
    }
    let adam: Box<dyn Optimizer> = Box::new(
        Adam::new(ExponentialDecay::new(0.1, 2., 0.5))
            .weight_decay(0.1)
            .name("mine")
            .use_ema(0.9),
    );
    let expected = json!({
        "name": "mine",
        "learning_rate": {
            "module": "keras.optimizers.schedules",
            "class_name": "ExponentialDecay",
            "config": {
                "initial_learning_rate": 0.1,
                "decay_steps": 2,
                "decay_rate": 0.5,
                "staircase": false,
                "name": "ExponentialDecay"
            },
            "registered_name": null
        },
        "weight_decay": 0.1,
        "clipnorm": null,
        "global_clipnorm": null,
        "clipvalue": null,
        "use_ema": true,
        "ema_momentum": 0.9,
        "ema_overwrite_frequency": null,
        "loss_scale_factor": null,
        "gradient_accumulation_steps": null,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-7,
        "amsgrad": false
    });
    let config = adam.full_config();
    assert_eq!(
        serde_json::to_string(&config.0)?,
        serde_json::to_string(&expected)?
    );
    let again = registry
        .optimizers
        .from_value(&json!({"class_name": "Adam", "config": config.0}), &registry)?;
    assert_eq!(again.full_config(), config);
    Ok(())
}

#[test]
fn state_continues() -> Result<()> {
    let make = || -> Result<(Box<dyn Optimizer>, Vec<Variable>)> {
        let mut adam: Box<dyn Optimizer> = Box::new(Adam::new(0.1).gradient_accumulation_steps(2));
        let variables = variables()?;
        adam.build(&variables)?;
        Ok((adam, variables))
    };
    let (mut first, first_variables) = make()?;
    for step in [0, 1, 2] {
        first.apply(&gradients(GRADIENTS[step])?)?;
    }
    first.set_learning_rate(0.05)?;
    let (mut second, second_variables) = make()?;
    for (from, to) in first_variables.iter().zip(&second_variables) {
        to.assign(&from.snapshot()?)?;
    }
    for ((from_path, from), (to_path, to)) in first.state_variables().iter().zip(second.state_variables()) {
        assert_eq!(*from_path, to_path);
        to.assign(&from.snapshot()?)?;
    }
    second.load_state(&first.state())?;
    for optimizer in [&mut first, &mut second] {
        optimizer.apply(&gradients(GRADIENTS[0])?)?;
    }
    assert_eq!(values(&first_variables)?, values(&second_variables)?);
    assert!(
        second
            .load_state(&json!({"class_name": "SGD", "iterations": 1}))
            .is_err()
    );
    Ok(())
}

/// A model is compiled, then its weights are loaded, then it is trained.
#[test]
fn weights_set_after_build_are_where_schedule_free_starts() -> Result<()> {
    for late in [false, true] {
        let variables = variables()?;
        let mut optimizer = ScheduleFreeAdamW::new(0.1);
        if late {
            optimizer.build(&variables)?;
        }
        variables[0].assign(&Tensor::new(&[5f32, 6.], &CPU)?)?;
        variables[1].assign(&Tensor::new(&[7f32], &CPU)?)?;
        optimizer.build(&variables)?;
        optimizer.apply(&gradients(GRADIENTS[0])?)?;
        assert_close(&values(&variables)?, &[4.9, 6.1, 6.9]);
    }
    // What a constraint does between two calls that are one step changes nothing of the start.
    let variables = variables()?;
    let mut optimizer = ScheduleFreeAdamW::new(0.1).gradient_accumulation_steps(2);
    optimizer.build(&variables)?;
    optimizer.apply(&gradients(GRADIENTS[0])?)?;
    variables[0].assign(&Tensor::new(&[5f32, 6.], &CPU)?)?;
    optimizer.apply(&gradients(GRADIENTS[0])?)?;
    assert_close(&values(&variables)?, &[0.9, -1.9, 0.4]);
    Ok(())
}

#[test]
fn half_precision_variables() -> Result<()> {
    let w = Variable::new("w", &Tensor::new(&[1f32, 2.], &CPU)?.to_dtype(DType::BF16)?, true)?;
    let mut sgd: Box<dyn Optimizer> = Box::new(SGD::new(0.5).momentum(0.5).clipnorm(100.));
    sgd.build(std::slice::from_ref(&w))?;
    sgd.apply(&[Some(Tensor::new(&[1f32, 1.], &CPU)?)])?;
    assert_eq!(w.value().to_dtype(DType::F32)?.to_vec1::<f32>()?, [0.5, 1.5]);
    Ok(())
}

/// A gradient of rows must give the numbers of the dense one, whatever happens before the step.
#[test]
fn gradients_of_rows_are_those_of_the_table() -> Result<()> {
    use keras_ops::{Gradient, RowGradient};
    let make: [fn() -> Box<dyn Optimizer>; 8] = [
        || Box::new(Adam::new(0.1)),
        || Box::new(Adam::new(0.1).amsgrad(true).clipnorm(0.5)),
        || Box::new(SGD::new(0.1)),
        || Box::new(SGD::new(0.1).momentum(0.9).global_clipnorm(0.5)),
        || Box::new(SGD::new(0.1).weight_decay(0.1).clipvalue(0.3)),
        || Box::new(RMSprop::new(0.1)),
        || Box::new(RMSprop::new(0.1).gradient_accumulation_steps(2)),
        || Box::new(Adam::new(0.1).loss_scale_factor(8.).use_ema(0.9)),
    ];
    for make in make {
        let table = || Variable::new("table", &Tensor::arange(0f32, 8., &CPU)?.reshape((4, 2))?, true);
        let (by_rows, by_all) = (table()?, table()?);
        let (mut sparse, mut dense) = (make(), make());
        sparse.build(std::slice::from_ref(&by_rows))?;
        dense.build(std::slice::from_ref(&by_all))?;
        for rows in [[0u32, 3], [1, 2], [0, 1], [2, 3]] {
            let values = Tensor::new(&[[1f32, -2.], [0.5, 3.]], &CPU)?;
            let gradient = RowGradient::new(rows.to_vec(), values, (4, 2))?;
            dense.apply(&[Some(gradient.dense()?)])?;
            sparse.apply_gradients(&[Some(Gradient::Rows(gradient))])?;
            assert_eq!(values_of(&by_rows)?, values_of(&by_all)?, "{sparse:?}");
        }
    }
    Ok(())
}

fn values_of(variable: &Variable) -> Result<Vec<f32>> {
    values(std::slice::from_ref(variable))
}

/// `scale wave(start + 0.61 i)`, as in keras/make_optimizers.py.
fn waves(shape: &[usize], start: f64, wave: fn(f64) -> f64, scale: f64) -> Result<Tensor> {
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|i| (scale * wave(start + 0.61 * i as f64)) as f32)
        .collect();
    Ok(Tensor::from_vec(values, shape, &CPU)?)
}

fn numbers(value: &serde_json::Value) -> Vec<f32> {
    let list = value.as_array().into_iter().flatten();
    list.map(|v| v.as_f64().unwrap_or(f64::NAN) as f32).collect()
}

#[test]
fn all_arguments_as_in_keras() -> Result<()> {
    const SHAPES: [(&str, &[usize]); 3] = [("kernel", &[2, 3]), ("bias", &[3]), ("table", &[3, 1])];
    let registry = registry::core();
    let cases: Vec<serde_json::Value> = serde_json::from_str(include_str!("keras/optimizers.json"))?;
    assert!(cases.len() > 180, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let make = || registry.optimizers.from_value(case, registry);
        let optimizer = make()?;
        let again =
            (registry.optimizers.find(optimizer.class_name())?.build)(&optimizer.full_config(), registry)?;
        assert_eq!(again.full_config(), optimizer.full_config());
        // Keras's arguments, all of them.
        for (argument, value) in case["config"].as_object().into_iter().flatten() {
            let config = optimizer.full_config();
            let own = config.get(argument);
            let same = own == Some(value) || own.and_then(|v| v.as_f64()) == value.as_f64();
            assert!(
                same || value.is_object(),
                "{}: {argument} {own:?} {value}",
                case["class_name"]
            );
        }
        // Straight through, and with a pause after each step in which everything is saved and loaded.
        for pauses in [false, true] {
            let (mut optimizer, variables) = (make()?, make_variables(&SHAPES)?);
            optimizer.build(&variables)?;
            for step in 0..9 {
                if pauses {
                    let (state, slots) = (optimizer.state(), optimizer.state_variables());
                    optimizer = make()?;
                    optimizer.build(&variables)?;
                    for ((path, to), (saved, from)) in optimizer.state_variables().iter().zip(&slots) {
                        assert_eq!(path, saved);
                        to.assign(&from.snapshot()?)?;
                    }
                    optimizer.load_state(&serde_json::from_str(&state.to_string())?)?;
                }
                let gradients = SHAPES.iter().enumerate().map(|(i, (_, shape))| {
                    let gradient = waves(shape, 1.3 * f64::from(step) + 0.7 * i as f64, f64::sin, 1.)?;
                    match (case.get("scale").is_some() && i == 1, step) {
                        (true, 2) => Ok(Some(broken(&gradient, f32::INFINITY)?)),
                        (true, 3) => Ok(Some(broken(&gradient, f32::NAN)?)),
                        _ => Ok(Some(gradient)),
                    }
                });
                optimizer.apply(&gradients.collect::<Result<Vec<_>>>()?)?;
            }
            let mut check = |what: &str, got: Vec<f32>, expected: Vec<f32>| {
                let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5 + 2e-4 * b.abs();
                if got.len() != expected.len() || !got.iter().zip(&expected).all(near) {
                    wrong.push(format!("{what} {case}: {got:?}"));
                }
            };
            check("steps", values(&variables)?, numbers(&case["values"]));
            optimizer.finalize_variable_values()?;
            check("end", values(&variables)?, numbers(&case["final"]));
            assert_eq!(optimizer.iterations(), case["iterations"].as_u64().unwrap_or(99));
            if let Some(scale) = case.get("scale") {
                assert_eq!(optimizer.state()["dynamic_scale"].as_f64(), scale.as_f64());
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn make_variables(shapes: &[(&str, &[usize])]) -> Result<Vec<Variable>> {
    let start = |(i, (name, shape)): (usize, &(&str, &[usize]))| {
        Variable::new(name, &waves(shape, 0.9 * i as f64, f64::cos, 1.5)?, true)
    };
    shapes.iter().enumerate().map(start).collect()
}

/// With `value` as its second element.
fn broken(gradient: &Tensor, value: f32) -> Result<Tensor> {
    let mut values = gradient.flatten_all()?.to_vec1::<f32>()?;
    values[1] = value;
    Ok(Tensor::from_vec(values, gradient.shape(), &CPU)?)
}

#[test]
fn misuse() -> Result<()> {
    use keras_core::optimizers::*;
    use keras_core::schedule_fn;
    let cases: Vec<(Box<dyn Optimizer>, &str)> = vec![
        (
            Box::new(SGD::new(f64::NAN)),
            "`learning_rate` must be a finite number, 0 or more, got NaN",
        ),
        (
            Box::new(SGD::new(0.1).weight_decay(f64::INFINITY)),
            "SGD: `weight_decay` must be a finite number, 0 or more, got inf",
        ),
        (
            Box::new(SGD::new(0.1).loss_scale_factor(0.)),
            "SGD: `loss_scale_factor` must be a finite number above 0, got 0",
        ),
        (
            Box::new(SGD::new(0.1).use_ema(0.9).ema_overwrite_frequency(0)),
            "ema_overwrite_frequency",
        ),
        (
            Box::new(SGD::new(0.1).exclude_from_weight_decay(["("])),
            "`(` is no regular expression",
        ),
        (
            Box::new(SGD::new(0.1).learning_rate_multiplier("kernl", 2.)),
            "Did you mean `kernel`?",
        ),
        (
            Box::new(SGD::new(0.1).learning_rate_multiplier("kernel", f64::NAN)),
            "finite",
        ),
        (
            Box::new(Adam::new(0.1).beta_1(1.)),
            "Adam: `beta_1` must be in [0, 1), got 1",
        ),
        (
            Box::new(RMSprop::new(0.1).rho(-0.5)),
            "RMSprop: `rho` must be in [0, 1)",
        ),
        (
            Box::new(Lion::new(0.1).beta_1(0.)),
            "Lion: `beta_1` must be in (0, 1]",
        ),
        (
            Box::new(Ftrl::new(0.1).learning_rate_power(0.5)),
            "Ftrl: `learning_rate_power`",
        ),
        (
            Box::new(Ftrl::new(0.1).l1_regularization_strength(-1.)),
            "`l1_regularization_strength`",
        ),
        (
            Box::new(Adafactor::new(0.1).clip_threshold(0.)),
            "`clip_threshold` must be a finite number above 0, got 0",
        ),
        (
            Box::new(ScheduleFreeAdamW::new(0.1).beta_1(0.)),
            "`beta_1` must be in (0, 1)",
        ),
        (
            Box::new(Muon::new(0.1).exclude_layers(["["])),
            "no regular expression",
        ),
        (
            Box::new(LossScaleOptimizer::new(SGD::new(0.1)).initial_scale(0.)),
            "`initial_scale`",
        ),
        (
            Box::new(LossScaleOptimizer::new(SGD::new(0.1)).dynamic_growth_steps(0)),
            "`dynamic_growth_steps`",
        ),
        (
            Box::new(LossScaleOptimizer::new(LossScaleOptimizer::new(SGD::new(0.1)))),
            "wrap it once",
        ),
        (
            Box::new(MultiOptimizer::new(
                OptimizerMap::new("sgd").with("k.*", "adam").with(".*l", "adam"),
            )),
            "both `k.*` and `.*l` match the variable `kernel`",
        ),
        (
            Box::new(MultiOptimizer::new(
                OptimizerMap::new("sgd").with("a", "adam").with("a", "sgd"),
            )),
            "`a` is given twice",
        ),
        (
            Box::new(MultiOptimizer::new(OptimizerMap::new("sdg"))),
            "Did you mean `sgd`?",
        ),
        (
            Box::new(MultiOptimizer::new(OptimizerMap::new(LossScaleOptimizer::new(
                SGD::new(0.1),
            )))),
            "cannot be used inside",
        ),
        (
            Box::new(MultiOptimizer::select(|_| 1, vec![Box::new(SGD::new(0.1))])),
            "chose optimizer 1 for `kernel`, but there are 1",
        ),
    ];
    for (mut optimizer, words) in cases {
        let built = optimizer.build(&variables()?).map_err(|e| e.to_string());
        let error = built.expect_err(words);
        assert!(error.contains(words), "expected `{words}` in: {error}");
    }
    let mut sgd = SGD::new(schedule_fn("lost", |step| if step > 0 { f64::NAN } else { 0.1 }));
    sgd.build(&variables()?)?;
    sgd.apply(&gradients(GRADIENTS[0])?)?;
    let error = sgd.apply(&gradients(GRADIENTS[1])?).unwrap_err().to_string();
    assert!(
        error.contains("schedule `lost`: the learning rate of step 1"),
        "{error}"
    );
    let mut several = MultiOptimizer::new(OptimizerMap::new("sgd"));
    assert!(
        several
            .set_learning_rate(0.1)
            .unwrap_err()
            .to_string()
            .contains("optimizers_mut")
    );
    Ok(())
}

#[test]
fn configurations_that_are_refused() {
    let registry = registry::core();
    let cases = [
        (
            json!({"class_name": "AdamW", "config": {"weight_decay": null}}),
            "`weight_decay` must be a number",
        ),
        (
            json!({"class_name": "SGD", "config": {"learning_rate": "fast"}}),
            "unknown learning-rate schedule `fast`",
        ),
        (
            json!({"class_name": "SGD", "config": {"learning_rate": {"class_name": "ExponentialDecay"}}}),
            "initial_learning_rate",
        ),
        (
            json!({"class_name": "SGD", "config": {"gradient_accumulation_steps": -2}}),
            "gradient_accumulation_steps",
        ),
        (
            json!({"class_name": "LossScaleOptimizer", "config": {}}),
            "inner_optimizer",
        ),
        (
            json!({"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": "sgd", "clipnorm": 1.0}}),
            "set it on the `inner_optimizer`",
        ),
        (
            json!({"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": "sgd", "dynamic": false}}),
            "`dynamic=false`",
        ),
        (
            json!({"class_name": "MultiOptimizer", "config": {"optimizer_map": "sgd"}}),
            "class_name",
        ),
        (
            json!({"class_name": "MultiOptimizer", "config": {"optimizer_map": {"class_name": "function", "config": {}}}}),
            "a closure is not saved",
        ),
    ];
    for (value, words) in cases {
        let error = registry
            .optimizers
            .from_value(&value, registry)
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "expected `{words}` in: {error}");
    }
    // What older versions of Keras wrote.
    let older = json!({"class_name": "LossScaleOptimizer", "config": {
        "inner_optimizer": "sgd", "weight_decay": null, "use_ema": false, "ema_momentum": 0.99, "dynamic": true,
    }});
    assert!(registry.optimizers.from_value(&older, registry).is_ok());
}

#[test]
fn rates_by_path_and_schedules_set_later() -> Result<()> {
    let variables = variables()?;
    let mut sgd = SGD::new(1.)
        .learning_rate_multiplier("k.*", 0.5)
        .learning_rate_multiplier("bias", 0.)
        .weight_decay(0.25);
    sgd.build(&variables)?;
    sgd.apply(&gradients(([1., 1.], 1.))?)?;
    // 1 - 0.25 * 0.5 - 0.5, -2 + 2 * 0.25 * 0.5 - 0.5; the bias neither decays nor steps.
    assert_close(&values(&variables)?, &[0.375, -2.25, 0.5]);
    sgd.set_schedule(std::sync::Arc::new(ExponentialDecay::new(2., 1., 0.5)))?;
    assert_eq!(sgd.learning_rate()?, 1.);
    Ok(())
}
