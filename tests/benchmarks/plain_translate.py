"""The published translator as a plain Keras script, without anything of nnlab.

``python plain_translate.py PAIRS EPOCHS BATCH``: one LSTM of 256 each side over one-hot characters,
RMSprop, the first 10,000 pairs, as Keras's tutorial of 2018 has it (validation on the last fifth, padding
scored); then how many sentences per second its decoding loop manages. Prints JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path

import keras
import numpy as np

DECODED = 3


def main(path, epochs, batch, count=10_000, units=256):
    lines = Path(path).read_text(encoding="utf-8").split("\n")[:count]
    sources = [line.split("\t")[0] for line in lines]
    targets = ["\t" + line.split("\t")[1] + "\n" for line in lines]
    left, right = sorted(set("".join(sources))), sorted(set("".join(targets)))
    long_left, long_right = max(map(len, sources)), max(map(len, targets))
    encoder = np.zeros((len(lines), long_left, len(left)), "float32")
    decoder = np.zeros((len(lines), long_right, len(right)), "float32")
    goal = np.zeros((len(lines), long_right, len(right)), "float32")
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        for place, character in enumerate(source):
            encoder[row, place, left.index(character)] = 1
        for place, character in enumerate(target):
            decoder[row, place, right.index(character)] = 1
            if place:
                goal[row, place - 1, right.index(character)] = 1
    read = keras.Input((None, len(left)))
    _, h, c = keras.layers.LSTM(units, return_state=True)(read)
    write = keras.Input((None, len(right)))
    writer = keras.layers.LSTM(units, return_sequences=True, return_state=True)
    outputs, _, _ = writer(write, initial_state=[h, c])
    dense = keras.layers.Dense(len(right), activation="softmax")
    model = keras.Model([read, write], dense(outputs))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    seconds, losses = [], []
    for _ in range(epochs):
        began = time.perf_counter()
        fitted = model.fit([encoder, decoder], goal, batch_size=batch, validation_split=0.2, verbose=0)
        seconds.append(round(time.perf_counter() - began, 1))
        losses.append(fitted.history["val_loss"][0])
    reader = keras.Model(read, [h, c])
    state_h, state_c = keras.Input((units,)), keras.Input((units,))
    out, after_h, after_c = writer(write, initial_state=[state_h, state_c])
    step = keras.Model([write, state_h, state_c], [dense(out), after_h, after_c])
    began = time.perf_counter()
    for row in range(DECODED):
        states = reader.predict(encoder[-1 - row : len(lines) - row], verbose=0)
        last, written = right.index("\t"), ""
        while written[-1:] != "\n" and len(written) < long_right:
            token = np.eye(len(right), dtype="float32")[last][None, None]
            share, *states = step.predict([token, *states], verbose=0)
            last = int(share[0, -1].argmax())
            written += right[last]
    speed = DECODED / (time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "val_loss": losses, "sentences_per_second": speed, "peak_mb": peak}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
