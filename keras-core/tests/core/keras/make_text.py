"""Computes what Keras gives for texts, vocabularies and hashes, for the tests beside this folder.

    pip install keras==3.15.1 tensorflow
    python keras-core/tests/core/keras/make_text.py

Writes text.json: cases of a class with its configuration, data to adapt to, inputs, and what came out.
"""

import json
import os
import pathlib
import random

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers  # noqa: E402

FOLDER = pathlib.Path(__file__).parent
rng = random.Random(7)

WORDS = """the cat sat on a mat dog ran Dog THE naïve café Café ÉCOLE straße 東京 東 京都 🙂 ½ don't it's e-mail
C++ a.b.c (x) [y] {z} <br /> 100% #tag @home under_score back\\slash tick` tilde~ caret^ pipe| dash–dash “quoted”
… ¿qué? o\u0301 İ ß ǅ \u00a0nbsp\u00a0 zero\u200bwidth \u3000wide""".split(" ")
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\x0b", "\x0c", " \t "]


def text(longest=9):
    words = rng.choices(WORDS, k=rng.randint(0, longest))
    return rng.choice(["", " "]) + "".join(w + rng.choice(SPACES) for w in words)


def words(count):
    return [rng.choice(WORDS) for _ in range(count)]


def rows(count, width):
    return [words(width) for _ in range(count)]


def array(y):
    if isinstance(y, tf.Tensor):
        y = y.numpy()
    y = np.asarray(y)
    values = [v.decode() if isinstance(v, bytes) else v for v in y.reshape(-1).tolist()]
    return {"shape": list(y.shape), "values": values}


CASES = []


def case(layer, inputs, adapt=None):
    config = layer.get_config()
    config.pop("name")
    if adapt is not None:
        config["vocabulary_size"] = None
        layer.adapt(adapt)
    vocabulary = None
    if hasattr(layer, "get_vocabulary"):
        vocabulary = [v.item() if isinstance(v, np.generic) else v for v in layer.get_vocabulary()]
    CASES.append(
        {
            "class_name": type(layer).__name__,
            "config": config,
            "adapt": adapt,
            "vocabulary": vocabulary,
            "inputs": inputs,
            "output": array(layer(np.array(inputs) if isinstance(inputs, list) and inputs and isinstance(inputs[0], (int, float)) else inputs)),
        }
    )


def text_vectorization():
    corpus = [text(7) for _ in range(24)]
    probe = [text() for _ in range(12)] + ["", " ", "the", "¡the!"]
    for standardize in ("lower_and_strip_punctuation", "lower", "strip_punctuation", None):
        for split in ("whitespace", "character"):
            case(layers.TextVectorization(standardize=standardize, split=split), probe, corpus)
    make = layers.TextVectorization
    case(make(max_tokens=12), probe, corpus)
    case(make(output_sequence_length=4), probe, corpus)
    case(make(ngrams=2), probe, corpus)
    case(make(ngrams=(2, 3), max_tokens=40, output_sequence_length=6), probe, corpus)
    case(make(ngrams=(3, 1)), probe, corpus)
    for mode in ("multi_hot", "count", "tf_idf"):
        case(make(output_mode=mode), probe, corpus)
        case(make(output_mode=mode, ngrams=2, max_tokens=30), probe, corpus)
        case(make(output_mode=mode, max_tokens=120, pad_to_max_tokens=True), probe, corpus)
    case(make(vocabulary=["the", "cat", "東京"]), [[t] for t in probe])
    case(make(vocabulary=["[UNK]", "the", "cat"], output_mode="count"), probe)
    case(make(vocabulary=["the", "cat"], output_mode="tf_idf", idf_weights=[0.5, 1.5]), probe)
    case(make(vocabulary=["the", "cat"]), "the cat ran")
    case(make(vocabulary=["the", "cat"], output_sequence_length=5), "the cat ran")
    case(make(vocabulary=["the", "cat"], output_mode="count"), "the cat the")
    tokens = rows(5, 3)
    case(make(split=None, output_sequence_length=5), tokens, rows(20, 3))
    case(make(split=None, ngrams=2), tokens, rows(20, 3))
    case(make(split=None, output_mode="multi_hot"), tokens, words(30))
    case(make(split=None, output_mode="one_hot"), tokens, words(30))
    case(make(split=None, vocabulary=["the", "cat"]), ["the", "dog", "cat"])
    case(make(split=None, vocabulary=["the", "cat"], output_mode="count"), ["the", "dog", "cat"])


def string_lookup():
    make = layers.StringLookup
    corpus, probe = words(80), words(15) + ["", "never", "[UNK]"]
    case(make(), probe, corpus)
    case(make(max_tokens=7), probe, corpus)
    case(make(mask_token=""), probe, corpus + ["", ""])
    case(make(mask_token="the", num_oov_indices=3, oov_token="?"), probe, corpus)
    case(make(num_oov_indices=4), probe, corpus[:8])
    case(make(num_oov_indices=4, salt=9), probe, corpus[:8])
    case(make(num_oov_indices=4, salt=[1, 2]), probe, corpus[:8])
    case(make(num_oov_indices=0, vocabulary=["a", "b"]), ["b", "a", "b"])
    case(make(vocabulary=["", "[UNK]", "a", "b"], mask_token=""), ["a", "b", "", "c"])
    two = rows(6, 4)
    for mode in ("one_hot", "multi_hot", "count", "tf_idf"):
        case(make(output_mode=mode, mask_token="the"), two, rows(20, 3))
        case(make(output_mode=mode, max_tokens=30, pad_to_max_tokens=True, num_oov_indices=2), two, rows(8, 2))
        case(make(output_mode=mode), words(4), words(20))
    case(make(output_mode="one_hot"), [[w] for w in words(4)], words(20))
    case(make(invert=True, vocabulary=["a", "b"], mask_token="m"), [0, 1, 2, 3, 4, -1])
    case(make(invert=True, vocabulary=["a", "b"], num_oov_indices=0), [0, 1, 2])


def integer_lookup():
    make = layers.IntegerLookup
    corpus = [rng.randint(-20, 20) for _ in range(90)]
    probe = [rng.randint(-60, 60) for _ in range(20)]
    case(make(), probe, corpus)
    case(make(max_tokens=6, mask_token=0), probe, corpus)
    case(make(num_oov_indices=3), probe, corpus[:9])
    case(make(num_oov_indices=3, oov_method="farmhash"), probe, corpus[:9])
    case(make(num_oov_indices=3, oov_method="farmhash", salt=[3, 4]), probe, corpus[:9])
    case(make(invert=True, vocabulary=[5, -7, 9]), [0, 1, 2, 3, 4, -1])
    table = [[rng.randint(0, 9) for _ in range(4)] for _ in range(5)]
    for mode in ("one_hot", "multi_hot", "count", "tf_idf"):
        case(make(output_mode=mode, mask_token=3), table, table[:3])
    case(make(output_mode="tf_idf", vocabulary=[-1, 2, 3], idf_weights=[0.9, 0.25, 0.75]), table)
    case(make(output_mode="tf_idf", vocabulary=[2, 3], idf_weights=[0.25, 0.75], max_tokens=6, pad_to_max_tokens=True), table)


def hashing():
    make = layers.Hashing
    strings = [""] + ["x" * n for n in range(1, 140, 3)] + [text(30) for _ in range(40)] + WORDS
    numbers = [0, 1, -1, 10, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63)] + list(range(-8, 9))
    for salt in (None, 5, [2**62 + 3, 7]):
        case(make(1000003, salt=salt), strings)
        case(make(1000003, salt=salt), numbers)
        case(make(5, salt=salt, mask_value="the"), strings)
        case(make(5, salt=salt, mask_value=3), numbers)
    case(make(1, mask_value=3), numbers)
    case(make(7), [3.7, -5.9, 0.0, 1e9])
    case(make(7, mask_value=3), [3.0, 3.5, 4.0])
    for mode in ("one_hot", "multi_hot", "count"):
        case(make(4, output_mode=mode), rows(3, 5))
        case(make(4, output_mode=mode), words(5))
    case(make(4, output_mode="one_hot"), [[w] for w in words(5)])


def crossing():
    names, ages = words(30), [rng.randint(-5, 99) for _ in range(30)]
    for bins, mode in ((1000003, "int"), (6, "one_hot")):
        for parts in ([names, ages], [ages, names], [names, names[::-1], ages], [ages, ages[::-1]]):
            layer = layers.HashedCrossing(bins, output_mode=mode)
            config = layer.get_config()
            config.pop("name")
            CASES.append(
                {
                    "class_name": "HashedCrossing",
                    "config": config,
                    "inputs": parts,
                    "output": array(layer([np.array(p) for p in parts])),
                }
            )


def main():
    for make in (text_vectorization, string_lookup, integer_lookup, hashing, crossing):
        make()
    lines = ",\n".join(json.dumps(c, ensure_ascii=False) for c in CASES)
    (FOLDER / "text.json").write_text(f"[\n{lines}\n]\n")
    print(len(CASES), "cases")


main()
