"""What scikit-learn says about predictions on real tables.

    pip install scikit-learn
    python tests/sklearn/make.py TABLES > tests/sklearn/figures.json

TABLES is a folder with breast_cancer.csv, wine_data.csv, iris.csv, digits.csv.gz and diabetes_data_raw.csv.gz,
diabetes_target.csv.gz, as scikit-learn ships them. Simple models predict the part of each table that they were not
fitted to; the figures hold targets, predictions, weights and what scikit-learn's metrics find. The predictions are
rounded to float32 first, so that both sides see the same numbers.
"""

import json
import pathlib
import sys

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def counted_csv(path):
    """The form of scikit-learn's own tables: a first line of counts and names, targets last."""
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1].astype(int)


def split(x, y, size, seed=0, stratify=True):
    return train_test_split(x, y, test_size=size, random_state=seed, stratify=y if stratify else None)


def classifier(x, y, size, features=None, c=1.0):
    x = x if features is None else x[:, :features]
    x_train, x_test, y_train, y_test = split(x, y, size)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=2000)).fit(x_train, y_train)
    return y_test, model.predict_proba(x_test).astype("float32").astype(float)


def weights(n):
    """Quarters, so that sums are exact."""
    return np.random.default_rng(n).integers(1, 9, n) / 4


def binary(table, y, p):
    w, decided = weights(len(y)), (p > 0.5).astype(int)
    found = {}
    for name, weight in (("plain", None), ("weighted", w)):
        one = {"sample_weight": weight}
        found[name] = {
            "roc_auc": metrics.roc_auc_score(y, p, **one),
            "average_precision": metrics.average_precision_score(y, p, **one),
            "log_loss": metrics.log_loss(y, p, **one),
            "accuracy": metrics.accuracy_score(y, decided, **one),
            "precision": metrics.precision_score(y, decided, **one),
            "recall": metrics.recall_score(y, decided, **one),
            "specificity": metrics.recall_score(1 - y, 1 - decided, **one),
            "f1": metrics.f1_score(y, decided, **one),
            "f2": metrics.fbeta_score(y, decided, beta=2, **one),
            "iou": metrics.jaccard_score(y, decided, **one),
            "brier": metrics.brier_score_loss(y, p, **one),
            **decisions(y, decided, one),
        }
    share, confidence = calibration_curve(y, p, n_bins=10)
    bins = np.histogram(p, bins=10, range=(0, 1))[0]
    bins = bins[bins > 0] / len(p)
    found["plain"]["calibration_error"] = float(np.sum(bins * np.abs(share - confidence)))
    return {"table": table, "targets": y.tolist(), "predictions": p.tolist(), "weights": w.tolist(), **found}


def decisions(y, decided, one):
    return {
        "mcc": metrics.matthews_corrcoef(y, decided, **one),
        "kappa": metrics.cohen_kappa_score(y, decided, **one),
        "kappa_linear": metrics.cohen_kappa_score(y, decided, weights="linear", **one),
        "kappa_quadratic": metrics.cohen_kappa_score(y, decided, weights="quadratic", **one),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, decided, **one),
        "balanced_accuracy_adjusted": metrics.balanced_accuracy_score(y, decided, adjusted=True, **one),
        "confusion_matrix": metrics.confusion_matrix(y, decided, **one).tolist(),
        "confusion_matrix_true": metrics.confusion_matrix(y, decided, normalize="true", **one).tolist(),
        "confusion_matrix_pred": metrics.confusion_matrix(y, decided, normalize="pred", **one).tolist(),
        "confusion_matrix_all": metrics.confusion_matrix(y, decided, normalize="all", **one).tolist(),
        "report": metrics.classification_report(y, decided, zero_division=0, **one),
        "report_4_digits": metrics.classification_report(y, decided, digits=4, zero_division=0, **one),
    }


def several(table, y, p, names):
    w, decided = weights(len(y)), p.argmax(-1)
    one_hot = np.eye(p.shape[1])[y]
    found = {}
    for name, weight in (("plain", None), ("weighted", w)):
        one = {"sample_weight": weight}
        found[name] = {
            "log_loss": metrics.log_loss(y, p, **one),
            "accuracy": metrics.accuracy_score(y, decided, **one),
            "top_2_accuracy": metrics.top_k_accuracy_score(y, p, k=2, **one),
            "roc_auc": metrics.roc_auc_score(one_hot, p, average="macro", **one),
            "average_precision": {
                str(a): np.asarray(metrics.average_precision_score(one_hot, p, average=a, **one)).tolist()
                for a in (None, "micro", "macro", "weighted")
            },
            "f1": {
                str(a): np.asarray(metrics.f1_score(y, decided, average=a, **one)).tolist()
                for a in (None, "micro", "macro", "weighted")
            },
            "iou": metrics.jaccard_score(y, decided, average="macro", **one),
            **decisions(y, decided, one),
            "report_names": metrics.classification_report(y, decided, target_names=names, zero_division=0, **one),
            "report_labels": metrics.classification_report(y, decided, labels=[2, 0], zero_division=0, **one),
        }
    return {
        "table": table,
        "names": names,
        "targets": y.tolist(),
        "predictions": p.tolist(),
        "weights": w.tolist(),
        **found,
    }


def regression(table, x, y):
    x_train, x_test, y_train, y_test = split(x, y, 0.4, stratify=False)
    p = LinearRegression().fit(x_train, y_train).predict(x_test).astype("float32").astype(float)
    w = weights(len(y_test))
    found = {}
    for name, weight in (("plain", None), ("weighted", w)):
        one = {"sample_weight": weight}
        found[name] = {
            "r2": metrics.r2_score(y_test, p, **one),
            "mse": metrics.mean_squared_error(y_test, p, **one),
            "rmse": metrics.root_mean_squared_error(y_test, p, **one),
            "mae": metrics.mean_absolute_error(y_test, p, **one),
            "mape": 100 * metrics.mean_absolute_percentage_error(y_test, p, **one),
            "msle": metrics.mean_squared_log_error(y_test, p, **one),
        }
    found["plain"]["pearson"] = float(np.corrcoef(y_test, p)[0, 1])
    return {"table": table, "targets": y_test.tolist(), "predictions": p.tolist(), "weights": w.tolist(), **found}


def main():
    tables = pathlib.Path(sys.argv[1])
    x, y = counted_csv(tables / "breast_cancer.csv")
    cancer = binary("breast_cancer", *(lambda y, p: (y, p[:, 1]))(*classifier(x, y, 0.5, features=4)))
    x, y = counted_csv(tables / "wine_data.csv")
    wine = several("wine", *classifier(x, y, 0.6, features=3), ["barolo", "grignolino", "barbera of Piedmont"])
    x, y = counted_csv(tables / "iris.csv")
    iris = several("iris", *classifier(x, y, 0.6, features=2), ["setosa", "versicolor", "virginica"])
    rows = np.loadtxt(tables / "digits.csv.gz", delimiter=",")
    digits = classifier(rows[:, :-1], rows[:, -1].astype(int), 0.15, features=24, c=0.01)
    digits = several("digits", *digits, [f"the digit {i}" for i in range(10)])
    x = np.loadtxt(tables / "diabetes_data_raw.csv.gz")
    diabetes = regression("diabetes", x, np.loadtxt(tables / "diabetes_target.csv.gz"))
    figures = {"scikit-learn": __import__("sklearn").__version__, "cases": [cancer, wine, iris, digits, diabetes]}
    figures = json.loads(json.dumps(figures), parse_float=lambda s: float(s))
    print("{")
    print(f' "scikit-learn": {json.dumps(figures["scikit-learn"])},')
    print(' "cases": [')
    print(",\n".join(json.dumps(case) for case in figures["cases"]))
    print(" ]\n}")


if __name__ == "__main__":
    main()
