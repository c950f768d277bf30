"""On PyTorch and on JAX the commands work, and networks learn as on TensorFlow: `make test-backends`."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers import best_weights, python, read_json, read_rows

WEIGHTS = Path(__file__).parents[2] / "weights" / "microexp-stcnn_synthetic-smic_upstream_seed0.weights.h5"

LOSSES = """
import json, sys
import numpy as np
from microexp_keras import training, weights
from microexp_keras.backend import keras
from microexp_keras.models.networks import NETWORKS

name, initial = sys.argv[1:]
model = NETWORKS[name].build(size=23, conv_initializer="glorot_uniform", seed=0)
if keras.backend.backend() == "tensorflow":
    weights.save_weights(model, initial)
else:
    weights.load_weights(model, initial)
for layer in model.layers:
    if isinstance(layer, keras.layers.Dropout):
        layer.rate = 0.0
training.compile_model(model, 0.002, 0.5)
random = np.random.default_rng(0)
inputs = {one.name: random.normal(size=(40, *one.shape[1:])).astype("float32") for one in model.inputs}
targets = np.eye(3, dtype="float32")[random.integers(0, 3, 40)]
batches = training.Batches(inputs, targets, np.arange(40), 16, seed=0)
print(json.dumps([training.train_epoch(model, batches, epoch)["loss"] for epoch in range(5)]))
"""


def run(backend, *command):
    """Standard output of Python on that backend, which must succeed."""
    done = python(*command, KERAS_BACKEND=backend)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_networks_train_score_and_predict_and_learn_as_on_tensorflow(backend, small_faces, tmp_path):
    data = ["--dataset", "smic", "--data", small_faces]
    for model in ("stcnn", "intermediate", "late"):
        out = tmp_path / model
        short = ["--model", model, "--epochs", 2, "--protocol", "paper", "--out", out]
        run(backend, "-m", "microexp_keras.train", *data, *short)
        devices = read_json(out / "config.json")["machine"]["devices"]
        assert devices and all(device.startswith(backend) for device in devices)
        scored = ["--weights", best_weights(out), "--out", tmp_path / f"{model}-scored"]
        run(backend, "-m", "microexp_keras.evaluate", *data, *scored)
        tables = [read_rows(tmp_path / name / "predictions.csv") for name in (f"{model}-scored", model)]
        np.testing.assert_allclose(*([float(row["p_surprise"]) for row in rows] for rows in tables), atol=1e-4)

        initial = tmp_path / f"{model}.weights.h5"
        losses = [json.loads(run(one, "-c", LOSSES, model, initial)) for one in ("tensorflow", backend)]
        assert losses[0][-1] < losses[0][0]
        np.testing.assert_allclose(losses[1], losses[0], rtol=2e-4)

    clip = next(small_faces.rglob("s1_*"))
    run(backend, "-m", "microexp_keras.predict", clip, "--weights", WEIGHTS, "--out", tmp_path / "predicted")
    assert (tmp_path / "predicted" / "report.html").exists()
