"""Makes NAME.bin.gz from tables of numbers, a row a sample, what is to be found last.

    python make_tables.py FOLDER

FOLDER holds scikit-learn's `sklearn/datasets/data`: breast_cancer.csv, iris.csv, wine_data.csv,
diabetes_data_raw.csv.gz and diabetes_target.csv.gz. The sources stand in ../src/datasets/tables.rs.

The rows are shuffled once, here, so that the first four in five are the training part. A file is gzip of
little-endian float32: all rows, then all targets.
"""

import gzip
import pathlib
import random
import struct
import sys

folder = pathlib.Path(sys.argv[1])


def with_header(name):
    lines = (folder / name).read_text().split("\n")[1:]
    rows = [[float(cell) for cell in line.split(",")] for line in lines if line.strip()]
    return [(row[:-1], row[-1]) for row in rows]


def diabetes():
    def rows(name):
        return [[float(cell) for cell in line.split()] for line in gzip.open(folder / name, "rt") if line.strip()]

    data, target = rows("diabetes_data_raw.csv.gz"), rows("diabetes_target.csv.gz")
    return [(row, value) for row, [value] in zip(data, target, strict=True)]


TABLES = {
    "breast_cancer": (with_header("breast_cancer.csv"), 569, 30),
    "iris": (with_header("iris.csv"), 150, 4),
    "wine": (with_header("wine_data.csv"), 178, 13),
    "diabetes": (diabetes(), 442, 10),
}

for name, (rows, count, width) in TABLES.items():
    assert len(rows) == count and all(len(row) == width for row, _ in rows), name
    random.Random(0).shuffle(rows)
    numbers = [cell for row, _ in rows for cell in row] + [target for _, target in rows]
    content = struct.pack(f"<{len(numbers)}f", *numbers)
    pathlib.Path(f"{name}.bin.gz").write_bytes(gzip.compress(content, 9, mtime=0))
