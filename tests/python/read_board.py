"""Reads with real TensorBoard what the test beside this file wrote.

    python read_board.py FOLDER

Prints the version, then for each run a line of JSON: its name, its scalars, and what else TensorBoard finds in it.
"""

import json
import pathlib
import sys

from google.protobuf import text_format
from tensorboard import version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph import keras_util
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig
from tensorboard.util import tensor_util


def value(plugin, tensor):
    """What a tensor of a plugin says, as JSON."""
    if plugin == "scalars":
        return tensor.item()
    if plugin == "histograms":
        return [float(tensor[0][0]), float(tensor[-1][1]), float(tensor[:, 2].sum())]
    if plugin == "images":
        width, height, *images = [bytes(item) for item in tensor]
        assert all(image.startswith(b"\x89PNG") for image in images)
        return [int(width), int(height), len(images)]
    if plugin == "text":
        return tensor.item().decode()
    if plugin == "graph_keras_model":
        graph = keras_util.keras_model_to_graph_def(json.loads(tensor.item()))
        return [[node.name, list(node.input)] for node in graph.node]
    return None


def run(folder):
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    plugins = {}
    for tag in events.Tags()["tensors"]:
        metadata = events.SummaryMetadata(tag)
        plugin = metadata.plugin_data.plugin_name
        if plugin == "hparams":
            data = plugin_data_pb2.HParamsPluginData.FromString(metadata.plugin_data.content)
            found = {"status": data.session_end_info.status}
            for name, given in sorted(data.session_start_info.hparams.items()):
                found[name] = getattr(given, given.WhichOneof("kind"))
        else:
            found = [[e.step, value(plugin, tensor_util.make_ndarray(e.tensor_proto))] for e in events.Tensors(tag)]
        plugins.setdefault(plugin, {})[tag] = found
    if events.Tags()["graph"]:
        plugins["graph"] = {"graph": [[n.name, n.op, list(n.input)] for n in events.Graph().node]}
    return plugins


def main():
    root = pathlib.Path(sys.argv[1])
    print(json.dumps({"version": version.VERSION}), flush=True)
    for folder in sorted({path.parent for path in root.rglob("*tfevents*")}):
        name = folder.relative_to(root).as_posix()
        print(json.dumps({"run": name, "plugins": run(folder)}), flush=True)
    for path in sorted(root.rglob("projector_config.pbtxt")):
        config = text_format.Parse(path.read_text(), ProjectorConfig())
        sizes = [
            [embedding.tensor_name, len((path.parent / embedding.tensor_path).read_text().splitlines())]
            for embedding in config.embeddings
        ]
        print(json.dumps({"run": path.parent.relative_to(root).as_posix(), "projector": sizes}), flush=True)


if __name__ == "__main__":
    main()
