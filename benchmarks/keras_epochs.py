"""Print the seconds of each training epoch of a network as one writes it with `model.fit`; run by epoch_time.py.

Under Python 3.6 with Keras 2.0.0, as the original, and with Keras 3. Arguments: network, frames, clips, batch size,
epochs. One epoch goes before and is not counted.
"""

import sys
import time

import keras
import numpy as np
from keras.layers import Activation, Concatenate, Conv3D, Dense, Dropout, Flatten, Input, MaxPooling3D
from keras.models import Model

network = sys.argv[1]
frames, clips, batch_size, epochs = map(int, sys.argv[2:])
is_original = keras.__version__.startswith("2.0")
if is_original:  # whose clips are channels first, which Keras 3 cannot train on a CPU
    keras.backend.set_image_data_format("channels_first")


def stream(region):
    x = MaxPooling3D((3, 3, 3))(Conv3D(32, (3, 3, 15), activation="relu")(region))
    return Flatten()(Dropout(0.5)(x))


def dense(x, units, activation=None):
    return Dropout(0.5)(Dense(units, activation=activation)(x))


size = 64 if network == "stcnn" else 32
shape = (1, size, size, frames) if is_original else (size, size, frames, 1)
inputs = [Input(shape) for _ in range(1 if network == "stcnn" else 2)]
if network == "stcnn":
    x = dense(stream(inputs[0]), 128, "relu")
elif network == "intermediate":
    x = dense(dense(Concatenate()([stream(region) for region in inputs]), 1024), 128)
else:
    x = Concatenate()([dense(dense(stream(region), 1024), 128) for region in inputs])
model = Model(inputs, Activation("softmax")(Dense(3)(x)))
model.compile("SGD", "categorical_crossentropy", metrics=["accuracy"])
images = [np.random.normal(size=(clips, *shape)).astype("float32") for _ in inputs]
labels = np.eye(3, dtype="float32")[np.random.randint(0, 3, clips)]
for epoch in range(epochs + 1):
    start = time.time()
    model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
    if epoch:
        print(time.time() - start)
