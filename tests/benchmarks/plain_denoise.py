"""A plain Keras script of the report's denoiser (3x3 convolutions of 32, pooled), for ``denoise.py``.

Usage: ``python plain_denoise.py PICTURES.npz EPOCHS``. Prints JSON: test loss and seconds by epoch, peak memory.
"""

import json
import os
import resource
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
from keras import layers

with np.load(sys.argv[1]) as archive:
    clean, clean_test = (archive[name].astype("float32") / 255 for name in ("x_train", "x_test"))
rng = np.random.default_rng(0)
noisy = np.clip(clean + rng.normal(0, 0.5, clean.shape), 0, 1).astype("float32")
noisy_test = np.clip(clean_test + rng.normal(0, 0.5, clean_test.shape), 0, 1).astype("float32")

model = keras.Sequential([keras.Input((32, 32, 3))])
for _ in range(2):
    model.add(layers.Conv2D(32, 3, activation="relu", padding="same"))
    model.add(layers.MaxPooling2D(2, padding="same"))
for _ in range(2):
    model.add(layers.Conv2D(32, 3, activation="relu", padding="same"))
    model.add(layers.UpSampling2D(2))
model.add(layers.Conv2D(3, 3, activation="sigmoid", padding="same"))
model.compile("adam", "mse")

start, seconds, losses = time.perf_counter(), [], []
for _ in range(int(sys.argv[2])):
    fitted = model.fit(noisy, clean, batch_size=128, verbose=0, validation_data=(noisy_test, clean_test))
    losses.append(fitted.history["val_loss"][0])
    seconds.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"val_loss": losses, "seconds": seconds, "peak_mb": peak}))
