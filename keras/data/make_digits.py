"""Makes digits.bin.gz from a CSV of the handwritten digits: 64 pixels (0 to 16), then the label, a row an image.

    python make_digits.py digits.csv.gz

The CSV is scikit-learn's `sklearn/datasets/data/digits.csv.gz`, which is the test part of "Optical Recognition
of Handwritten Digits" (E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
doi:10.24432/C50P49), licensed CC BY 4.0: https://creativecommons.org/licenses/by/4.0/

The rows are shuffled once, here, so that the first 1,437 are the training part and the last 360 the test part.
The file is gzip of 1,797 labels, then 1,797 x 64 pixels, one byte each.
"""

import gzip
import random
import sys

rows = [[int(float(cell)) for cell in line.split(b",")] for line in gzip.open(sys.argv[1]) if line.strip()]
assert len(rows) == 1797 and all(len(row) == 65 and max(row[:64]) <= 16 for row in rows)
random.Random(0).shuffle(rows)
content = bytes(row[64] for row in rows) + bytes(pixel for row in rows for pixel in row[:64])
with open("digits.bin.gz", "wb") as out:
    out.write(gzip.compress(content, 9, mtime=0))
