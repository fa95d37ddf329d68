"""Runs the optimizers of Keras 3.15.1 (JAX) with every shared argument and with arguments of their own, and writes
their variables after nine steps to optimizers.json. Start values and gradients are the formulas of optimizers.rs."""

import json
import os
import pathlib

os.environ["KERAS_BACKEND"] = "jax"
import keras
import numpy as np
from keras import ops
from keras import optimizers as o

SHAPES = {"kernel": (2, 3), "bias": (3,), "table": (3, 1)}
STEPS = 9


def waves(shape, start, wave, scale):
    return (scale * wave(start + 0.61 * np.arange(np.prod(shape)))).reshape(shape).astype("float32")


def schedule():
    return o.schedules.CosineDecay(0.05, 6, alpha=0.1, warmup_target=0.12, warmup_steps=2)


def cases():
    shared = [
        {},
        {"weight_decay": 0.07},
        {"clipnorm": 0.4},
        {"clipvalue": 0.2},
        {"global_clipnorm": 0.5},
        {"use_ema": True, "ema_momentum": 0.7},
        {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 3, "weight_decay": 0.05, "clipnorm": 0.5},
        {"loss_scale_factor": 4.0, "clipvalue": 0.1},
        {"use_ema": True, "ema_momentum": 0.6, "ema_overwrite_frequency": 2, "gradient_accumulation_steps": 2},
    ]
    for make in [
        o.SGD,
        o.Adam,
        o.AdamW,
        o.Adamax,
        o.Nadam,
        o.Adagrad,
        o.Adadelta,
        o.RMSprop,
        o.Ftrl,
        o.Adafactor,
        o.Lion,
        o.Lamb,
        o.Muon,
        o.ScheduleFreeAdamW,
    ]:
        for arguments in shared:
            yield make(0.03, **arguments)
        yield make(schedule(), weight_decay=0.03)
    yield o.SGD(0.03, momentum=0.8)
    yield o.SGD(0.03, momentum=0.8, nesterov=True, weight_decay=0.1)
    yield o.RMSprop(0.03, momentum=0.5)
    yield o.RMSprop(0.03, rho=0.7, epsilon=1e-3, centered=True, momentum=0.3, gradient_accumulation_steps=2)
    for make in (o.Adam, o.AdamW):
        yield make(0.03, beta_1=0.8, beta_2=0.95, epsilon=1e-4, amsgrad=True)
        yield make(schedule(), amsgrad=True, gradient_accumulation_steps=2)
    yield o.Adamax(0.03, beta_1=0.7, beta_2=0.9, epsilon=1e-3)
    yield o.Nadam(0.03, beta_1=0.7, beta_2=0.9, epsilon=1e-3, gradient_accumulation_steps=2)
    yield o.Adagrad(0.03, initial_accumulator_value=0.5, epsilon=1e-2)
    yield o.Ftrl(
        0.03,
        learning_rate_power=-0.3,
        initial_accumulator_value=0.2,
        l1_regularization_strength=0.02,
        l2_regularization_strength=0.03,
        l2_shrinkage_regularization_strength=0.04,
        beta=0.1,
    )
    yield o.Ftrl(0.5, learning_rate_power=0.0)
    yield o.Adafactor(0.03, beta_2_decay=-0.5, epsilon_1=1e-5, epsilon_2=0.1, clip_threshold=0.4, relative_step=False)
    yield o.Adafactor(1.0)
    yield o.Adafactor(1.0, relative_step=False)
    yield o.Lion(0.03, beta_1=1.0, beta_2=0.5)
    yield o.Muon(0.03, exclude_layers=["ker"], rms_rate=None)
    yield o.Muon(0.03, nesterov=False, ns_steps=3, momentum=0.5, adam_lr_ratio=0.3, adam_weight_decay=0.2, weight_decay=None)
    yield o.Muon(0.03, muon_a=3.0, muon_b=-4.0, muon_c=1.9, exclude_layers=["^t.b"], adam_weight_decay=None)
    yield o.Muon(0.03, exclude_embeddings=False)
    yield o.ScheduleFreeAdamW(0.03, beta_1=0.7, beta_2=0.9, epsilon=1e-3, warmup_steps=4)
    scaled = o.LossScaleOptimizer
    yield scaled(o.Adam(0.03), initial_scale=8.0, dynamic_growth_steps=3)
    yield scaled(o.SGD(0.03, momentum=0.9, clipnorm=0.3, loss_scale_factor=2.0))
    yield scaled(o.SGD(0.03, use_ema=True, gradient_accumulation_steps=2), initial_scale=3.0, dynamic_growth_steps=1)
    several = lambda default, of, **kw: o.MultiOptimizer(o.OptimizerMap(default, of), **kw)  # noqa: E731
    yield several(o.SGD(0.03, momentum=0.5), {"k.*": o.Adam(0.02), "bias": o.Lion(0.01, weight_decay=0.1)})
    yield several(
        o.SGD(0.03, loss_scale_factor=9.0),
        {"kernel": o.Adam(0.02, use_ema=True), ".*n.*l": o.Lion(0.01)},
        loss_scale_factor=2.0,
    )
    yield scaled(several(o.SGD(0.03), {"t.*": o.RMSprop(0.02, gradient_accumulation_steps=2)}), initial_scale=16.0)
    for optimizer, names in [
        (o.SGD(0.03, weight_decay=0.3), ["^b", "bl"]),
        (o.AdamW(0.03, weight_decay=0.3), ["kern|xx"]),
        (o.Muon(0.03, weight_decay=0.3), ["e"]),
    ]:
        optimizer.exclude_from_weight_decay(var_names=names)
        optimizer.excluded = names
        yield optimizer


def apply(optimizer, gradients, variables):
    if not isinstance(optimizer, o.LossScaleOptimizer):
        return optimizer.apply(gradients, variables)
    # With JAX its `apply` works only when traced.
    values = [[v.value for v in vs] for vs in (optimizer.variables, variables)]
    trained, own = optimizer.stateless_apply(values[0], gradients, values[1])
    for variable, value in zip(variables + optimizer.variables, trained + own):
        variable.assign(value)


def flat(variables):
    return [float(f"{x:.7g}") for v in variables for x in np.ravel(v.value)]


def run(optimizer):
    variables = [
        keras.Variable(waves(shape, 0.9 * i, np.cos, 1.5), name=name) for i, (name, shape) in enumerate(SHAPES.items())
    ]
    optimizer.build(variables)
    config = optimizer.get_config()
    scaled = isinstance(optimizer, o.LossScaleOptimizer)
    for step in range(STEPS):
        gradients = [waves(shape, 1.3 * step + 0.7 * i, np.sin, 1.0) for i, shape in enumerate(SHAPES.values())]
        if scaled and step in (2, 3):
            gradients[1][1] = np.inf if step == 2 else np.nan
        apply(optimizer, [ops.convert_to_tensor(g) for g in gradients], variables)
    case = {"class_name": type(optimizer).__name__, "config": config, "iterations": int(optimizer.iterations)}
    if hasattr(optimizer, "excluded"):
        case["config"]["exclude_from_weight_decay"] = optimizer.excluded
    if scaled:
        case["scale"] = float(optimizer.dynamic_scale)
    case["values"] = flat(variables)
    optimizer.finalize_variable_values(variables)
    case["final"] = flat(variables)
    return case


lines = ",\n".join(json.dumps(run(optimizer)) for optimizer in cases())
pathlib.Path(__file__).with_name("optimizers.json").write_text(f"[\n{lines}\n]\n")
