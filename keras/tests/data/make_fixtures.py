"""Makes small files in the formats of CIFAR-10 (Python 2 pickles in a tar), IMDB (arrays of lists, pickled by
Python 2 and 3), Fashion-MNIST and reviews as texts, and prints what Keras reads from them. Needs keras and numpy."""

import gzip
import io
import os
import pickle
import struct
import tarfile
import zipfile

os.environ["KERAS_BACKEND"] = "jax"
import numpy as np
from keras.src.datasets import cifar, imdb


class Python2(pickle._Pickler):
    dispatch = dict(pickle._Pickler.dispatch)

    def save_bytes(self, obj):
        if len(obj) < 256:
            self.write(b"U" + bytes([len(obj)]) + obj)
        else:
            self.write(b"T" + struct.pack("<i", len(obj)) + obj)
        self.memoize(obj)

    dispatch[bytes] = save_bytes


rng = np.random.default_rng(0)


def batch(n, file):
    out = io.BytesIO()
    data = (np.arange(n * 3072) * 7 // 3 + len(file)).astype("uint8").reshape(n, 3072)
    labels = [int(v) for v in rng.integers(0, 10, n)]
    names = [b"image_%d.png" % i for i in range(n)]
    Python2(out, 2).dump({b"batch_label": b"some", b"labels": labels, b"data": data, b"filenames": names})
    open(file, "wb").write(out.getvalue())
    x, y = cifar.load_batch(file)
    x = x.transpose(0, 2, 3, 1).astype(int)
    print(file, "labels", y, "x[-1, 3, 5]", x[-1, 3, 5], "sum", x.sum())


with tarfile.open("cifar.tar.gz", "w:gz") as tar:
    for name in ["data_batch_1", "data_batch_2", "readme.html", "test_batch"]:
        batch(2 if name != "test_batch" else 1, name)
        tar.add(name, "cifar-10-batches-py/" + name)
        os.remove(name)


def reviews(n):
    x = np.empty(n, dtype=object)
    for i in range(n):
        x[i] = [int(v) for v in rng.integers(1, 400 if i % 2 else 90000, 2 + i)]
    return x


def npy(array, protocol):
    out = io.BytesIO()
    if array.dtype == object:
        header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(out, header)
        out.write(pickle.dumps(array, protocol=protocol, fix_imports=True))
    else:
        np.lib.format.write_array(out, array)
    return out.getvalue()


parts = {"x_train": reviews(6), "y_train": np.array([0, 1, 0, 1, 1, 0]), "x_test": reviews(3), "y_test": np.array([1, 0, 1])}
for protocol in (2, 4):
    with zipfile.ZipFile(f"imdb{protocol}.npz", "w") as file:
        for name, array in parts.items():
            file.writestr(name + ".npy", npy(array, protocol))
imdb.get_file = lambda fname, origin, file_hash: "imdb4.npz"
for options in ({}, {"num_words": 300, "skip_top": 50, "maxlen": 8}, {"oov_char": None, "start_char": None, "num_words": 400, "index_from": 0, "seed": 5}):
    (x, y), (xt, yt) = imdb.load_data(**options)
    print(options, x.tolist(), y, xt.tolist(), yt)

pixels = np.arange(2 * 3 * 4, dtype="uint8")
open("images-idx3.gz", "wb").write(gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, 2, 3, 4) + pixels.tobytes(), mtime=0))

texts = {
    "train/neg/0_2.txt": "Dull.",
    "train/neg/1_1.txt": "A bore.<br /><br />Café scenes!",
    "train/pos/0_9.txt": "Lovely.",
    "train/pos/1_10.txt": "So good.",
    "train/unsup/0_0.txt": "No label.",
    "test/neg/0_3.txt": "Awful.",
    "test/pos/0_8.txt": "A joy.",
    "README": "About these files.",
}
with tarfile.open("reviews.tar.gz", "w:gz", format=tarfile.USTAR_FORMAT) as tar:
    for name, text in texts.items():
        info = tarfile.TarInfo("aclImdb/" + name)
        info.size = len(text.encode())
        tar.addfile(info, io.BytesIO(text.encode()))
