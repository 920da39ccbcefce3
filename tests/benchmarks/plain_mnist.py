"""What a user would otherwise write: Keras's MNIST examples of 2018, one run.

Usage: ``python tests/benchmarks/plain_mnist.py mlp|cnn EPOCHS MNIST.npz``. Prints one JSON line.
"""

import json
import resource
import sys
import time

import keras
import numpy as np
from keras import layers

net, epochs, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
data = np.load(path)
x_train = data["x_train"].astype("float32") / 255
x_test = data["x_test"].astype("float32") / 255
y_train, y_test = keras.utils.to_categorical(data["y_train"]), keras.utils.to_categorical(data["y_test"])
if net == "mlp":
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.RMSprop()
else:
    x_train, x_test = x_train[..., None], x_test[..., None]
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adadelta(1.0, rho=0.95)
model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"])
start = time.perf_counter()
history = model.fit(x_train, y_train, batch_size=128, epochs=epochs, verbose=0, validation_data=(x_test, y_test))
print(
    json.dumps(
        {
            "seconds": time.perf_counter() - start,
            "test_accuracy": history.history["val_accuracy"][-1],
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
    )
)
