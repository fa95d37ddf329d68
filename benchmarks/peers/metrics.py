"""Updates of metrics a second in Keras (JAX, TensorFlow) and torchmetrics, the same rows as src/metrics.rs.

usage: python metrics.py jax|jax.jit|tf|tf.function|torchmetrics THREADS BATCHES [FILTER]
prints: class, batch, updates a second, separated by tabs

`jax` and `tf` call `update_state`, as a program does; `jax.jit` and `tf.function` compile the update.
"""
import os
import sys
import time

COLUMN, THREADS = sys.argv[1], int(sys.argv[2])
BATCHES = [int(batch) for batch in sys.argv[3].split(",")]
FILTER = sys.argv[4] if len(sys.argv) > 4 else ""
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = str(THREADS)
if THREADS == 1:
    # JAX's own pool is as large as the set of processors that the process may use.
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
os.environ["KERAS_BACKEND"] = "tensorflow" if COLUMN.startswith("tf") else "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402

# Class, data, arguments in Keras, torchmetrics's counterpart.
AT = "task='binary', thresholds=200, validate_args=False"
MANY = "num_classes=10, validate_args=False"
ROWS = [
    ("Mean", "values", "", "MeanMetric()"),
    ("Sum", "values", "", "SumMetric()"),
    ("Accuracy", "ids", "", f"classification.MulticlassAccuracy({MANY}, average='micro')"),
    ("BinaryAccuracy", "binary", "", "classification.BinaryAccuracy(validate_args=False)"),
    ("CategoricalAccuracy", "onehot", "", None),
    ("SparseCategoricalAccuracy", "sparse", "", f"classification.MulticlassAccuracy({MANY}, average='micro')"),
    ("TopKCategoricalAccuracy", "onehot", "", None),
    ("SparseTopKCategoricalAccuracy", "sparse", "", f"classification.MulticlassAccuracy({MANY}, average='micro', top_k=5)"),
    ("BalancedAccuracy", "sparse", None, f"classification.MulticlassAccuracy({MANY}, average='macro')"),
    ("MeanSquaredError", "numbers", "", "MeanSquaredError()"),
    ("RootMeanSquaredError", "numbers", "", "MeanSquaredError(squared=False)"),
    ("MeanAbsoluteError", "numbers", "", "MeanAbsoluteError()"),
    ("MeanAbsolutePercentageError", "numbers", "", "MeanAbsolutePercentageError()"),
    ("MeanSquaredLogarithmicError", "numbers", "", "MeanSquaredLogError()"),
    ("CosineSimilarity", "onehot", "", "CosineSimilarity(reduction='mean')"),
    ("LogCoshError", "numbers", "", "LogCoshError()"),
    ("Huber", "numbers", None, None),
    ("Poisson", "numbers", "", None),
    ("KLDivergence", "onehot", "", "KLDivergence()"),
    ("Hinge", "binary", "", "classification.BinaryHingeLoss(validate_args=False)"),
    ("SquaredHinge", "binary", "", "classification.BinaryHingeLoss(squared=True, validate_args=False)"),
    ("CategoricalHinge", "onehot", "", None),
    ("BinaryCrossentropy", "binary", "", None),
    ("BinaryFocalCrossentropy", "binary", None, None),
    ("CategoricalCrossentropy", "onehot", "", None),
    ("CategoricalFocalCrossentropy", "onehot", None, None),
    ("SparseCategoricalCrossentropy", "sparse", "", None),
    ("Perplexity", "sparse", None, "text.Perplexity()"),
    ("AUC", "binary", "", f"AUROC({AT})"),
    ("AveragePrecision", "binary", None, f"AveragePrecision({AT})"),
    ("TruePositives", "binary", "", "classification.BinaryStatScores(validate_args=False)"),
    ("FalsePositives", "binary", "", "classification.BinaryStatScores(validate_args=False)"),
    ("TrueNegatives", "binary", "", "classification.BinaryStatScores(validate_args=False)"),
    ("FalseNegatives", "binary", "", "classification.BinaryStatScores(validate_args=False)"),
    ("Precision", "binary", "", "classification.BinaryPrecision(validate_args=False)"),
    ("Recall", "binary", "", "classification.BinaryRecall(validate_args=False)"),
    ("Specificity", "binary", None, "classification.BinarySpecificity(validate_args=False)"),
    ("SensitivityAtSpecificity", "binary", "0.5", f"SensitivityAtSpecificity({AT}, min_specificity=0.5)"),
    ("SpecificityAtSensitivity", "binary", "0.5", f"SpecificityAtSensitivity({AT}, min_sensitivity=0.5)"),
    ("PrecisionAtRecall", "binary", "0.5", f"PrecisionAtFixedRecall({AT}, min_recall=0.5)"),
    ("RecallAtPrecision", "binary", "0.5", f"RecallAtFixedPrecision({AT}, min_precision=0.5)"),
    ("F1Score", "onehot", "average='macro'", f"classification.MulticlassF1Score({MANY})"),
    ("FBetaScore", "onehot", "average='macro', beta=2.0", f"classification.MulticlassFBetaScore(2.0, {MANY})"),
    ("ConfusionMatrix", "sparse", None, f"classification.MulticlassConfusionMatrix({MANY})"),
    ("ClassificationReport", "sparse", None, None),
    ("MatthewsCorrelation", "sparse", None, f"classification.MulticlassMatthewsCorrCoef({MANY})"),
    ("CohenKappa", "sparse", None, f"classification.MulticlassCohenKappa({MANY})"),
    ("CalibrationError", "sparse", None, f"classification.MulticlassCalibrationError({MANY})"),
    ("IoU", "ids", "num_classes=10, target_class_ids=[0, 3]", f"classification.MulticlassJaccardIndex({MANY})"),
    ("BinaryIoU", "binary", "target_class_ids=[0, 1]", "classification.BinaryJaccardIndex(validate_args=False)"),
    ("MeanIoU", "ids", "num_classes=10", f"classification.MulticlassJaccardIndex({MANY})"),
    ("OneHotIoU", "onehot", "num_classes=10, target_class_ids=[0, 3]", None),
    ("OneHotMeanIoU", "onehot", "num_classes=10", None),
    ("PearsonCorrelation", "numbers", "axis=0", "PearsonCorrCoef()"),
    ("ConcordanceCorrelation", "numbers", "axis=0", "ConcordanceCorrCoef()"),
    ("R2Score", "numbers", "", "R2Score()"),
]
# What torchmetrics takes as class numbers where Keras takes rows, and as rows without an axis of 1.
FLAT = ("binary", "numbers")


def data(kind, n):
    rng = np.random.default_rng(0)
    floats = lambda *shape: rng.random(shape, dtype="float32")  # noqa: E731
    ids = lambda: rng.integers(0, 10, (n,))  # noqa: E731

    def softmax():
        e = np.exp(floats(n, 10))
        return e / e.sum(-1, keepdims=True)

    return {
        "values": lambda: [floats(n)],
        "numbers": lambda: [floats(n, 1), floats(n, 1)],
        "binary": lambda: [rng.integers(0, 2, (n, 1)).astype("float32"), floats(n, 1)],
        "onehot": lambda: [np.eye(10, dtype="float32")[ids()], softmax()],
        "sparse": lambda: [ids(), softmax()],
        "ids": lambda: [ids(), ids()],
    }[kind]()


def rate(update, between=lambda: None):
    """Updates a second in the fastest stretch of at least 2 ms. `between` waits, or empties lists."""

    def stretch(count):
        start = time.perf_counter()
        for _ in range(count):
            update()
        between()
        return time.perf_counter() - start

    update(), between()
    count = 1
    while stretch(count) < 2e-3:
        count *= 2
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < 0.16:
        times.append(stretch(count))
    return count / min(times)


def time_jax(metric, given, compiled):
    import jax

    given = [jax.numpy.asarray(x) for x in given]
    metric.update_state(*given)
    if not compiled:
        wait = lambda: jax.block_until_ready([v.value for v in metric.variables])  # noqa: E731
        return rate(lambda: metric.update_state(*given), wait)
    step = jax.jit(metric.stateless_update_state)
    state = [[v.value for v in metric.variables]]

    def update():
        state[0] = step(state[0], *given)

    return rate(update, lambda: jax.block_until_ready(state[0]))


def time_tensorflow(metric, given, compiled):
    import tensorflow as tf

    given = [tf.convert_to_tensor(x) for x in given]
    metric.update_state(*given)

    def update(*given):
        metric.update_state(*given)

    step = tf.function(update) if compiled else update
    return rate(lambda: step(*given))


def time_torch(kind, made, given):
    import torch

    torch.set_num_threads(THREADS)
    given = [torch.tensor(x.squeeze(-1) if kind in FLAT else x) for x in given]
    if kind == "onehot" and "Multiclass" in type(made).__name__:
        given[0] = given[0].argmax(-1)
    if kind == "binary":
        given[0] = given[0].long()
    given.reverse()  # predictions first
    if type(made).__name__ == "Perplexity":
        given = [given[0].log().unsqueeze(0), given[1].unsqueeze(0)]
    # Those that only keep their batches do the work when they are asked: once a stretch.
    keeps = any(isinstance(state, list) for state in made._defaults.values())

    def between():
        if keeps:
            made.compute()
        made.reset()

    with torch.no_grad():
        return rate(lambda: made.update(*given), between)


def main():
    if COLUMN == "torchmetrics":
        import torchmetrics
        from torchmetrics import classification, text  # noqa: F401
    else:
        import keras
    for name, kind, arguments, counterpart in ROWS:
        if FILTER not in name or (counterpart if COLUMN == "torchmetrics" else arguments) is None:
            continue
        for batch in BATCHES:
            try:
                if COLUMN == "torchmetrics":
                    found = time_torch(kind, eval(f"torchmetrics.{counterpart}"), data(kind, batch))
                else:
                    metric = eval(f"keras.metrics.{name}({arguments})")
                    time_it = time_jax if COLUMN.startswith("jax") else time_tensorflow
                    found = time_it(metric, data(kind, batch), COLUMN in ("jax.jit", "tf.function"))
                print(f"{name}\t{batch}\t{found}", flush=True)
            except Exception as error:  # a metric that the peer cannot do has no figure
                print(f"{COLUMN} {name} {batch}: {type(error).__name__}: {error}", file=sys.stderr)


main()
