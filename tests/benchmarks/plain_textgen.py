"""The published text generator as a plain Keras script, without anything of nnlab.

``python plain_textgen.py TEXT EPOCHS``: one LSTM of 128 over one-hot windows of 40 characters, RMSprop
0.01, batch 128, as Keras's tutorial of 2018 has it, on what nnlab trains on by default, the first 85 hundredths of
the text; after each epoch its loss on the windows of the twentieth after that (validation) and of the last tenth
(test), and at the end the speed of its writing loop. Prints JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import keras
import numpy as np


def one_hot(ids, maxlen, starts, count):
    x = np.zeros((len(starts), maxlen, count), "bool")
    for row, start in enumerate(starts):
        x[row, np.arange(maxlen), ids[start : start + maxlen]] = 1
    y = np.zeros((len(starts), count), "bool")
    y[np.arange(len(starts)), [ids[start + maxlen] for start in starts]] = 1
    return x, y


def main(path, epochs, maxlen=40, step=3):
    text = Path(path).read_text(encoding="utf-8").lower()
    characters = sorted(set(text))
    ids = np.array([characters.index(character) for character in text])
    cut = len(ids) * 9 // 10
    begin = cut - round(0.05 * len(ids))
    x, y = one_hot(ids, maxlen, range(0, begin - maxlen, step), len(characters))
    x_val, y_val = one_hot(ids, maxlen, range(begin, cut - maxlen, step), len(characters))
    x_test, y_test = one_hot(ids, maxlen, range(cut, len(ids) - maxlen, step), len(characters))
    model = keras.Sequential(
        [
            keras.Input((maxlen, len(characters))),
            keras.layers.LSTM(128),
            keras.layers.Dense(len(characters), activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(learning_rate=0.01))
    losses, tested, seconds, began = [], [], [], time.perf_counter()
    for _ in range(epochs):
        model.fit(x, y, batch_size=128, verbose=0)
        seconds.append(round(time.perf_counter() - began, 1))  # its evaluation is not counted
        losses.append(float(model.evaluate(x_val, y_val, batch_size=1024, verbose=0)))
        tested.append(float(model.evaluate(x_test, y_test, batch_size=1024, verbose=0)))
        began += time.perf_counter() - began - seconds[-1]
    began, window = time.perf_counter(), x_test[0].astype("float32")
    for _ in range(40):
        share = model.predict(window[None], verbose=0)[0]
        window = np.concatenate([window[1:], np.eye(len(characters), dtype="float32")[share.argmax()][None]])
    speed = 40 / (time.perf_counter() - began)
    print(
        json.dumps(
            {
                "val_loss": losses,
                "test_loss": tested,
                "seconds": seconds,
                "characters_per_second": speed,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
