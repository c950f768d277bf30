"""Print the seconds of each training epoch of MicroExpSTCNN in Keras 2.0.0; run by epoch_time.py under Python 3.6.

Arguments: frames, clips, batch size, epochs. One epoch goes before and is not counted.
"""

import sys
import time

import numpy as np
from keras import backend
from keras.layers import Conv3D, Dense, Dropout, Flatten, MaxPooling3D
from keras.models import Sequential

frames, clips, batch_size, epochs = map(int, sys.argv[1:])
backend.set_image_data_format("channels_first")  # as the original
model = Sequential(
    [
        Conv3D(32, (3, 3, 15), activation="relu", input_shape=(1, 64, 64, frames)),
        MaxPooling3D((3, 3, 3)),
        Dropout(0.5),
        Flatten(),
        Dense(128, activation="relu"),
        Dropout(0.5),
        Dense(3, activation="softmax"),
    ]
)
model.compile("SGD", "categorical_crossentropy", metrics=["accuracy"])
images = np.random.normal(size=(clips, 1, 64, 64, frames)).astype("float32")
labels = np.eye(3, dtype="float32")[np.random.randint(0, 3, clips)]
for epoch in range(epochs + 1):
    start = time.time()
    model.fit(images, labels, batch_size=batch_size, epochs=1, verbose=0)
    if epoch:
        print(time.time() - start)
