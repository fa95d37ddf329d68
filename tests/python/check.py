"""Loads models that the test beside this file wrote into real Keras, and compares predictions.

    python check.py FOLDER

FOLDER holds `manifest.json` (a list of models: their JSON, and where their weights, inputs and outputs lie in
`data.bin`). Prints the version of Keras, then for each model a line of JSON: its name and "same", or what is wrong.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")


def tensors(data, places):
    """The arrays that lie at these places."""
    for place in places:
        shape = place["shape"]
        count = int(np.prod(shape))
        yield np.frombuffer(data, place["dtype"], count, place["offset"]).reshape(shape)


def weights(model, item, data):
    """Gives the model our weights in our order; says what does not fit."""
    ours = list(tensors(data, item["weights"]))
    shapes = [list(w.shape) for w in model.weights]
    if shapes != [list(w.shape) for w in ours]:
        paths = [f"{place['path']} {place['shape']}" for place in item["weights"]]
        theirs = [f"{w.path} {list(w.shape)}" for w in model.weights]
        return f"weights {', '.join(paths)}; Keras {', '.join(theirs)}"
    for weight, place in zip(model.weights, item["weights"]):
        if weight.path.split("/")[-1] != place["path"].split("/")[-1]:
            return f"weight `{place['path']}` stands where Keras has `{weight.path}`"
    model.set_weights(ours)
    return None


def check(item, data):
    model = keras.models.model_from_json(item["json"])
    wrong = weights(model, item, data)
    if wrong:
        return wrong
    inputs = list(tensors(data, item["inputs"]))
    found = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    found = keras.tree.flatten(found)
    ours = list(tensors(data, item["outputs"]))
    if len(found) != len(ours):
        return f"{len(ours)} outputs, Keras {len(found)}"
    for index, (a, b) in enumerate(zip(ours, found)):
        if a.shape != b.shape:
            return f"output {index}: shape {list(a.shape)}, Keras {list(b.shape)}"
        far = np.abs(a.astype("float64") - b.astype("float64"))
        if not np.all(far <= 2e-5 + 5e-4 * np.abs(b.astype("float64"))):
            return f"output {index}: largest difference {np.nanmax(far):.1e}"
    return "same"


def main():
    folder = pathlib.Path(sys.argv[1])
    data = (folder / "data.bin").read_bytes()
    print(json.dumps({"keras": keras.__version__, "backend": keras.backend.backend()}), flush=True)
    for item in json.loads((folder / "manifest.json").read_text()):
        try:
            outcome = check(item, data)
        except Exception as error:  # noqa: BLE001
            outcome = f"{type(error).__name__}: {error}".split("\n")[0]
        keras.utils.clear_session()
        print(json.dumps({"name": item["name"], "outcome": outcome}), flush=True)


if __name__ == "__main__":
    main()
