"""Print the seconds of each training epoch of a network in Keras 2.0.0; run by epoch_time.py under Python 3.6.

Arguments: network, frames, clips, batch size, epochs. One epoch goes before and is not counted.
"""

import sys
import time

import numpy as np
from keras import backend
from keras.layers import Activation, Concatenate, Conv3D, Dense, Dropout, Flatten, Input, MaxPooling3D
from keras.models import Model

network = sys.argv[1]
frames, clips, batch_size, epochs = map(int, sys.argv[2:])
backend.set_image_data_format("channels_first")  # as the original


def stream(region):
    x = MaxPooling3D((3, 3, 3))(Conv3D(32, (3, 3, 15), activation="relu")(region))
    return Flatten()(Dropout(0.5)(x))


def dense(x, units, activation=None):
    return Dropout(0.5)(Dense(units, activation=activation)(x))


if network == "stcnn":
    inputs = [Input((1, 64, 64, frames))]
    x = dense(stream(inputs[0]), 128, "relu")
else:
    inputs = [Input((1, 32, 32, frames)) for _ in range(2)]
    if network == "intermediate":
        x = dense(dense(Concatenate()([stream(region) for region in inputs]), 1024), 128)
    else:
        x = Concatenate()([dense(dense(stream(region), 1024), 128) for region in inputs])
model = Model(inputs, Activation("softmax")(Dense(3)(x)))
model.compile("SGD", "categorical_crossentropy", metrics=["accuracy"])
images = [np.random.normal(size=(clips, *backend.int_shape(region)[1:])).astype("float32") for region in inputs]
labels = np.eye(3, dtype="float32")[np.random.randint(0, 3, clips)]
for epoch in range(epochs + 1):
    start = time.time()
    model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
    if epoch:
        print(time.time() - start)
