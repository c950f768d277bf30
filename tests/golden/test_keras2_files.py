"""Weights that Keras 2.0.0 wrote predict and train here as they did there; what is exported equals its files.

The files are described in `README.md`. With MICROEXP_GOLDEN set to a folder that holds them all, every one is used.
"""

import json

import h5py
import numpy as np
import pytest
from helpers import GOLDEN
from keras import layers

from microexp_keras import training, weights

CASES = [pytest.param(path, id=f"{path.parts[-3]}-{path.stem}") for f in GOLDEN for path in f.glob("keras2/*.npz")]
FILES = [
    pytest.param(path, path.parent / (path.name.split(".")[0] + ".npz"), id=f"{path.parts[-3]}-{path.name}")
    for folder in GOLDEN
    for path in sorted(folder.glob("keras2/*.hdf5")) + sorted(folder.glob("checkpoint/*.hdf5"))
]


def arrays_beside(path):
    """Give (inputs channels last, arrays) of a golden .npz; a checkpoint's inputs lie in another folder."""
    if path.parent.name == "checkpoint":
        arrays = dict(np.load(path.parent / "predictions.npz"))
        arrays["inputs"] = np.load(path.parents[1] / "arrays" / "smic_stcnn_images.npz")["array"]
    else:
        arrays = dict(np.load(path))
    names = ["inputs"] if "inputs" in arrays else ["eye_inputs", "mouth_inputs"]
    inputs = [np.moveaxis(arrays[name], 1, -1) for name in names]
    return (inputs if len(inputs) > 1 else inputs[0]), arrays


@pytest.mark.parametrize(("path", "arrays"), FILES)
def test_predicts_what_keras_2_predicted(path, arrays):
    inputs, arrays = arrays_beside(arrays)
    model = weights.load_model(path.parent / path.name.replace(".weights_only", ""))
    found = weights.load_weights(model, path)
    assert found.keras_version == "2.0.0" and found.dense_row_order == "channels_first"
    assert found.kind == ("Keras 2 whole model" if found.exact else "Keras 2 weights")
    assert found.exact == ("weights_only" not in path.name)
    assert found.parameters == model.count_params()
    np.testing.assert_allclose(model.predict(inputs, verbose=0), arrays["predictions"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("path", CASES)
def test_trains_as_keras_2_trained(path):
    inputs, arrays = arrays_beside(path)
    model = weights.load_model(path.with_suffix(".hdf5"))
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            layer.rate = 0  # the golden losses are without dropout
    training.compile_model(model, 0.01)
    history = model.fit(inputs, arrays["labels"], batch_size=8, epochs=5, shuffle=False, verbose=0)
    tolerance = 2e-4 if "fusenet" in path.name else 1e-4
    np.testing.assert_allclose(history.history["loss"], arrays["history_loss"], rtol=tolerance)
    after = model.predict(inputs, verbose=0)
    np.testing.assert_allclose(after, arrays["predictions_after_5_epochs"], rtol=0, atol=5 * tolerance)


@pytest.mark.parametrize("path", CASES)
@pytest.mark.parametrize("suffix", [".hdf5", ".weights_only.hdf5"])
def test_writes_what_keras_2_wrote(tmp_path, path, suffix):
    """Groups, attributes, model_config and every byte of the arrays; but for initialisers."""
    model = weights.load_model(path.with_suffix(".hdf5"))
    weights.save_keras2_hdf5(model, tmp_path / "x.hdf5", whole_model="only" not in suffix)

    def attributes(item):
        found = {}
        for name, value in item.attrs.items():
            kind = item.attrs.get_id(name)
            if name == "model_config":
                value = json.loads(value)
                for step in value["config"] if isinstance(value["config"], list) else value["config"]["layers"]:
                    step["config"].pop("bias_initializer", None)
            elif name == "training_config":
                value = json.loads(value)
                value["optimizer_config"]["config"]["lr"] = round(value["optimizer_config"]["config"]["lr"], 6)
            value = value.tolist() if isinstance(value, np.ndarray) else value
            found[name] = kind.shape, h5py.h5t.check_string_dtype(kind.dtype), value
        return found

    def contents(path):
        found = {}

        def visit(name, item):
            found[name] = attributes(item), item[()].tobytes() if isinstance(item, h5py.Dataset) else None

        with h5py.File(path) as file:
            visit("/", file)
            file.visititems(visit)
        return found

    assert contents(tmp_path / "x.hdf5") == contents(path.parent / (path.stem + suffix))
