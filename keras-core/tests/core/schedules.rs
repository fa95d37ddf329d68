//! Expected numbers are those of Keras 3.15.1 with JAX.

use keras_core::optimizers::schedules::*;
use keras_core::{Result, Schedule, registry};
use serde_json::json;

const STEPS: [u64; 9] = [0, 1, 3, 5, 6, 7, 11, 20, 65];

fn check(schedule: impl Schedule, expected: [f64; 9]) -> Result<()> {
    for (step, expected) in STEPS.into_iter().zip(expected) {
        let got = schedule.call(step)?;
        assert!(
            (got - expected).abs() < 2e-6,
            "{schedule:?} at {step}: {got}, expected {expected}"
        );
    }
    Ok(())
}

#[test]
fn cosine_restarts() -> Result<()> {
    let schedule = CosineDecayRestarts {
        t_mul: 3.,
        m_mul: 0.7,
        alpha: 0.1,
        ..CosineDecayRestarts::new(1., 5.)
    };
    check(
        schedule,
        [
            1., 0.914058, 0.410942, 0.73, 0.723116, 0.702767, 0.51234, 0.541, 0.4087,
        ],
    )?;
    let schedule = CosineDecayRestarts {
        t_mul: 1.5,
        ..CosineDecayRestarts::new(1., 7.)
    };
    check(
        schedule,
        [
            1., 0.950484, 0.61126, 0.188255, 0.049516, 1., 0.682671, 0.939111, 0.875806,
        ],
    )?;
    let schedule = CosineDecayRestarts {
        t_mul: 1.,
        m_mul: 0.5,
        ..CosineDecayRestarts::new(1., 4.)
    };
    check(
        schedule,
        [
            1., 0.853553, 0.146447, 0.426777, 0.25, 0.073223, 0.036612, 0.03125, 0.000013,
        ],
    )
}

#[test]
fn polynomial_cycles() -> Result<()> {
    let schedule = PolynomialDecay {
        cycle: true,
        power: 2.,
        ..PolynomialDecay::new(1., 3.)
    };
    check(
        schedule,
        [
            1., 0.4445, 0.0001, 0.027875, 0.0001, 0.049478, 0.007044, 0.002367, 0.00033,
        ],
    )
}

#[test]
fn cosine_warms_up() -> Result<()> {
    let schedule = CosineDecay {
        alpha: 0.2,
        warmup_target: Some(1.),
        warmup_steps: 3.,
        ..CosineDecay::new(0.1, 6.)
    };
    check(schedule, [0.1, 0.4, 1., 0.8, 0.6, 0.4, 0.2, 0.2, 0.2])
}

#[test]
fn staircases() -> Result<()> {
    let stairs = InverseTimeDecay {
        staircase: true,
        ..InverseTimeDecay::new(1., 5., 1.)
    };
    check(stairs, [1., 1., 1., 0.5, 0.5, 0.5, 1. / 3., 0.2, 1. / 14.])?;
    let stairs = ExponentialDecay {
        staircase: true,
        ..ExponentialDecay::new(1., 5., 0.5)
    };
    check(stairs, [1., 1., 1., 0.5, 0.5, 0.5, 0.25, 0.0625, 0.5f64.powi(13)])
}

#[test]
fn configurations() -> Result<()> {
    let registry = registry::core();
    for (class_name, config) in [
        (
            "ExponentialDecay",
            json!({"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
        ),
        (
            "InverseTimeDecay",
            json!({"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}),
        ),
        (
            "PiecewiseConstantDecay",
            json!({"boundaries": [1, 2], "values": [1.0, 0.5, 0.1]}),
        ),
        (
            "PolynomialDecay",
            json!({"initial_learning_rate": 0.1, "decay_steps": 10, "power": 0.5}),
        ),
        (
            "CosineDecay",
            json!({"initial_learning_rate": 0.1, "decay_steps": 10, "warmup_target": 1.0}),
        ),
        (
            "CosineDecayRestarts",
            json!({"initial_learning_rate": 0.1, "first_decay_steps": 10}),
        ),
    ] {
        let schedule = registry
            .schedules
            .from_value(&json!({"class_name": class_name, "config": config}), registry)?;
        let saved = schedule.config();
        for (key, value) in config.as_object().into_iter().flatten() {
            assert_eq!(saved.get(key), Some(value), "{class_name}");
        }
        let again = (registry.schedules.find(class_name)?.build)(&saved, registry)?;
        assert_eq!(again.config(), saved);
    }
    for wrong in [
        json!({"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1, "decay_steps": 0}}),
        json!({"class_name": "PiecewiseConstantDecay", "config": {"boundaries": [1], "values": [1.0]}}),
        json!({"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.1}}),
    ] {
        assert!(
            registry.schedules.from_value(&wrong, registry).is_err(),
            "{wrong}"
        );
    }
    Ok(())
}
